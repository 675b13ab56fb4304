"""What runs are called where they are listed together."""

from __future__ import annotations

from collections.abc import Iterable

from afnlab.runs.file_labels import told_apart
from afnlab.runs.run_spec import RunSpec, TrainingSpec


def labels(specs: Iterable[RunSpec]) -> dict[str, str]:
    """What runs are called, by their groups; trainings also by their setting where several are.

    Args:
        specs: all that are listed together.
    """
    listed = list(specs)
    shown = told_apart([one.label for one in listed], [one.parameters for one in listed])
    settings = {one.setting for one in listed if isinstance(one, TrainingSpec)}
    apart = [one.setting.apart(settings) if isinstance(one, TrainingSpec) else "" for one in listed]
    return {
        spec.group: f"{label}, {text}" if text else label
        for spec, label, text in zip(listed, shown, apart, strict=True)
    }
