"""What a notebook that trains nothing to keep has found, as the metrics of its run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from afnlab.runs.storage import safe_files

KEEPS_ONE = "a cell that ends with afnlab.runs.measured({name: number}) keeps one"
MIME = "application/vnd.afnlab.metrics+json"  # of an output that holds metrics by name


@dataclass(frozen=True, repr=False)
class Measured:
    """Metrics by name, to be the value of a cell: `afnlab run` prints them and keeps them in the
    run's record, and `afnlab runs list` shows them."""

    metrics: Mapping[str, float]

    def __repr__(self) -> str:
        return ", ".join(f"{name} {value:.6g}" for name, value in self.metrics.items())

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        return {MIME: dict(self.metrics), "text/plain": repr(self)}


def measured(metrics: Mapping[str, float]) -> Measured:
    """Return the metrics that a notebook has found, for its run's record.

    Args:
        metrics: finite numbers by name.

    Returns:
        What a cell is to end with.
    """
    return Measured(metrics)


def shown_in(notebook: Path) -> dict[str, object]:
    """The metrics that the outputs of an executed notebook hold; of one name the last.

    Args:
        notebook: the file.
    """
    metrics: dict[str, object] = {}
    content = safe_files.read(notebook)
    if MIME.encode() not in content:  # as of nearly all, which need not be parsed
        return metrics
    for cell in safe_files.parse_json(content)["cells"]:
        for output in cell.get("outputs", ()):
            metrics |= output.get("data", {}).get(MIME, {})
    return metrics
