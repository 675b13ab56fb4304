"""The selection that a report's table is of, from the table's recipe and its runs.

A recipe may be of an older version, or a stranger's. What a table depends on is taken from it, as
the table was made by it: rows that seeds were added to, say, were not always known by their runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from afnlab.compare.selection import Selection
from afnlab.compare.training_facts import Trained
from afnlab.measures import ACCURACY, Measure, accuracy_of
from afnlab.report.state import TableRecipe
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord


@dataclass(frozen=True)
class _OfRecipe(Selection):
    """What a recipe says takes the place of what follows from the runs.

    by_group: the label of every group; described: the metric, with the decimals that were printed;
    decided: the rows that seeds were added to; picked: of a confirmation, among how many; else 0.
    """

    by_group: Mapping[str, str] = field(default_factory=dict)
    described: Measure = ACCURACY
    decided: Sequence[str] = ()
    picked: int = 0

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.by_group)

    @cached_property
    def metric(self) -> Measure:
        return self.described

    @cached_property
    def measure(self) -> Measure:
        return self.described

    @cached_property
    def decided_rows(self) -> list[str]:
        return list(self.decided)

    @property
    def is_confirmation(self) -> bool:
        return self.picked > 0

    @property
    def picked_among(self) -> int:
        return self.picked


def of_recipe(recipe: TableRecipe, folder: Path, records: Sequence[TrainingRecord]) -> Selection:
    """Return the selection of a table; one of which no report is written anew.

    Args:
        recipe: how the table was made.
        folder: where its runs are.
        records: theirs.

    Raises:
        ValueError: if its metric can be none.
    """
    labels = recipe["labels"]
    rows = {labels[r["group"]]: one for r, one in runs_folder.readable(records, Trained.of_record)}
    return _OfRecipe(
        folder,
        rows,
        list(records),
        recipe["baseline"],
        margin=recipe["margin"],
        most=recipe.get("most seeds"),
        further=recipe.get("further", {}),
        confirmed=recipe.get("confirmed", {}),
        others=recipe.get("others"),
        by_group=labels,
        described=_measure(recipe),
        decided=recipe.get("until decided", []),
        picked=recipe.get("picked among", 0),
    )


def _measure(recipe: TableRecipe) -> Measure:
    """The metric of a table; a recipe from before tasks named theirs is one of accuracy."""
    described = recipe.get("measure")
    return accuracy_of(recipe.get("classes")) if described is None else Measure.read(described)
