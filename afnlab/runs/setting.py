"""What trainings must share to be compared: their setting."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from afnlab.measures import Measure
from afnlab.messages import counted
from afnlab.training.space import TUNE


class TrainingSetting(NamedTuple):
    """What must be equal in a comparison.

    Attributes:
        task: its name.
        code: the SHA-256 of the code of a user's own task; empty: it is one of afnlab's.
        measure: what the task is judged by, without its chance level.
        epochs: how many are trained.
        limit_train, limit_test: how many examples; 0: all.
        dtype, device: as a record names them.
        tuned: what was tuned, as JSON; empty: nothing.
        within: settings by which the comparison is split, see `afnlab.runs.within`.
    """

    task: str
    code: str
    measure: Measure
    epochs: float
    limit_train: int
    limit_test: int
    dtype: str
    device: str
    tuned: str
    within: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, normal: Mapping[str, Any], code: str, measure: Measure) -> TrainingSetting:
        """The setting of a training.

        Args:
            normal: its parameters in their normal form.
            code: see `TrainingSetting`.
            measure: what its task is judged by.

        Raises:
            KeyError, TypeError, ValueError: if these are not the parameters of a training.
        """
        return cls(
            task=str(normal["task"]),
            code=code,
            measure=replace(measure, chance=None),
            epochs=float(normal["epochs"]),
            limit_train=int(normal["limit_train"] or 0),
            limit_test=int(normal["limit_test"] or 0),
            dtype=str(normal["dtype"]),
            device=str(normal["device"]),
            tuned=json.dumps(normal[TUNE], sort_keys=True) if TUNE in normal else "",
        )

    def apart(self, among: Iterable[TrainingSetting]) -> str:
        """In what it differs from the others of its task, as far as no label says it.

        Args:
            among: all settings that are listed together.

        Returns:
            Words such as "2 epochs, 100 to train"; empty where there is nothing to say.
        """
        same = [other for other in among if (other.task, other.code) == (self.task, self.code)]
        words = {
            "epochs": counted(self.epochs, "epoch"),
            "limit_train": f"{self.limit_train or 'all'} to train",
            "limit_test": f"{self.limit_test or 'all'} to test",
            "device": self.device,
        }
        differing = (n for n in words if any(getattr(o, n) != getattr(self, n) for o in same))
        return ", ".join(words[name] for name in differing)


# Those by which runs can be chosen, beside the settings in `within`.
_OTHERWISE = ("code", "measure", "tuned", "within")
APART = tuple(name for name in TrainingSetting._fields if name not in _OTHERWISE)
