"""What a training notebook calls inside its kernel."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory

from afnlab.markup import filled, joined
from afnlab.messages import enumerated
from afnlab.paths import find
from afnlab.runs import session
from afnlab.runs.conventions import OUT
from afnlab.runs.execution import RESULT
from afnlab.runs.identity import absolute
from afnlab.runs.notebook_parameters import declarations
from afnlab.runs.notebook_parameters.training import Training, training
from afnlab.runs.storage import function_values, runs_folder, safe_files, set_aside
from afnlab.training.engine import train_configured
from afnlab.training.recorder import TABLES, TUNED
from afnlab.training.result import Result
from afnlab.training.tune import tune_configured
from afnlab.usercode.lookup import expanded

_IPYTHON = {"In", "Out", "exit", "quit", "get_ipython", "open"}
_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))


def parameters(namespace: Mapping[str, object]) -> Run:
    """The run that a training notebook's parameters ask for; call it as `parameters(globals())`.

    Args:
        namespace: the notebook's globals. The plain values among them (numbers, texts, lists,
            dicts) are taken: those of the parameters cell, and what papermill or the user added to
            them.

    Returns:
        The run.

    Raises:
        ValueError: with the nearest spelling, for a name that neither the cell, nor the chosen
            activation, nor the chosen task declares.
    """
    values = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_") and name not in _IPYTHON and isinstance(value, _PLAIN)
    }
    known = declarations.declared(find("notebooks", "train", ".ipynb"))
    # With whole paths: what a relative one means may be another file when the result is kept.
    return Run(training(values, known), str(values.get(OUT, "")), absolute(values))


@dataclass(frozen=True)
class Run:
    """A training inside a notebook, before it is executed.

    Attributes:
        training: what is trained, checked.
        out: the folder to save in; empty: a run of the folder $AFNLAB_RUNS, which `afnlab lab`
            sets.
        given: the parameters by name, references to files with whole paths.
    """

    training: Training
    out: str = ""
    given: Mapping[str, object] = field(default_factory=dict)
    _made: list[tuple[Result, float, float]] = field(
        default_factory=list, repr=False, compare=False
    )

    def train(self) -> Result:
        """Train what the parameters ask for, after its tuning if there is one."""
        begin = train_configured if self.training.tuning is None else tune_configured
        begun, start = time.time(), time.perf_counter()
        result = begin(self.training, progress=False if self.out else None)
        self._made[:] = [(result, begun, time.perf_counter() - start)]
        return result

    def save(self, result: Result) -> str:
        """Write the result's tables into the folder `out`.

        They take the place of those that the same training has left there before. What else has
        the name of one of them, and what was changed since, is moved into the folder `kept`
        beside them.
        Where that is empty, the result is kept as a run of the folder of runs that `afnlab lab`
        was started beside ($AFNLAB_RUNS); elsewhere nothing is written.

        Args:
            result: of `train`.

        Returns:
            A line that says where they are, or why they are not.
        """
        if self.out:
            aside = self._save(result, expanded(self.out))
            there = f"; moved aside what was there: {enumerated(aside)}" if aside else ""
            return f"saved in {Path(self.out).name}{there}"
        if not os.environ.get(runs_folder.ENVIRONMENT):
            variable = runs_folder.ENVIRONMENT
            return (
                f"not saved: neither the parameter `out` nor ${variable} is set; with"
                f" {variable}=runs in its environment this training is kept as a run of the folder"
                " runs, which compare.ipynb reads"
            )
        if not self._made or result is not self._made[0][0]:
            return "not saved: this is not what run.train() has returned"
        kept = {name: value for name, value in self.given.items() if name != OUT}
        return session.keep(kept, self._write, *self._made[0])

    def _save(self, result: Result, folder: Path) -> list[str]:
        """Write all of a result into a folder; where that is now which was there and is neither
        the same nor what the same training wrote, whose times are never the same."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = []
        with TemporaryDirectory(prefix=".result-", dir=folder) as new:
            self._write(result, Path(new))
            before = _as_left(folder, safe_files.mapping(Path(new) / RESULT))
            for path in sorted(Path(new).iterdir()):
                if path.name not in before and os.path.lexists(folder / path.name):
                    its = safe_files.summed(path)["sha256"]
                    if not safe_files.is_as_written(folder, path.name, its):
                        kept.append(str(set_aside.keep(folder, path.name)))
                path.replace(folder / path.name)
        return kept

    def _write(self, result: Result, folder: Path) -> dict[str, object]:
        """Write all that a run leaves; what its record takes over."""
        folder.mkdir(parents=True, exist_ok=True)
        result.history.to_parquet(folder / runs_folder.HISTORY, index=False)
        for name in (*TABLES, *TUNED):
            table = getattr(result, name)
            if table is not None:
                table.to_parquet(folder / f"{name}.parquet", index=False)
        record, options = self.training.activation, self.training.options
        if record.elementwise and not record.built_in:
            table = function_values.sampled(record, options.activation, bool(options.trainable))
            table.to_parquet(folder / function_values.FILE, index=False)
        if result.weights is not None:
            result.save_weights(folder / "weights.safetensors")
        content: dict[str, object] = {
            "parameters": self.training.normal(),
            "seeds": list(self.training.seeds),
            "metrics": {n: v if isfinite(v) else None for n, v in result.summary().items()},
            "environment": result.info,
            "files": set_aside.sums(folder, sorted(path.name for path in folder.iterdir())),
        }
        content["sum"] = runs_folder.sum_of(content)
        (folder / RESULT).write_text(json.dumps(content, indent=1), encoding="utf-8")
        return content

    def _repr_html_(self) -> str:
        rows = self.training.normal()
        of_activation, options = rows.pop("parameters"), rows.pop("options")
        del rows["label"]
        rows = rows | of_activation | options | {"seeds": ", ".join(map(str, self.training.seeds))}
        shown = {k: v for k, v in rows.items() if v is not None and v is not False and v != []}
        row = "<tr><th>{}</th><td>{}</td></tr>"
        return str(
            filled("<table>{}</table>", joined(filled(row, *pair) for pair in shown.items()))
        )


def _as_left(folder: Path, result: Mapping[str, object]) -> set[str]:
    """The files of a folder that are as the training of a result has left them when it was last
    executed; result: as its `result.json` has it, which tells what was trained."""
    last = safe_files.mapping(folder / RESULT)
    if any(last.get(name) != result[name] for name in ("parameters", "seeds")):
        return set()
    whole = last.get("sum") == runs_folder.sum_of(last)
    return set_aside.as_noted(folder, last.get("files")) | ({RESULT} if whole else set())
