"""The runs that a comparison of a notebook's metric is from, as its page lists them."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from afnlab.compare.foreign_table import ForeignComparison, RunOfRow
from afnlab.markup import filled
from afnlab.messages import counted, enumerated
from afnlab.report.sections.html import table_of

_SAID = ("afnlab", "torch")  # versions that a page names
_UNKNOWN = "an unrecorded version"  # of runs from before records named it


def as_html(one: ForeignComparison) -> Markup:
    """A list that opens at a click, and the versions that the runs were made with.

    Args:
        one: the comparison; of values that are from no runs it is empty.
    """
    if not one.made_by:
        return Markup("")
    rows = [(run.label, run.record["id"], str(run.seed), _when(run)) for run in one.made_by]
    table = table_of((one.rows_are, "run", "seed", "started (UTC)"), rows)
    summary = _versions(one.made_by)
    return filled("<details><summary>Every run</summary>{}</details><p>{}</p>", table, summary)


def as_text(one: ForeignComparison) -> list[str]:
    """Paragraphs: the ids of every row, and the versions.

    Args:
        one: the comparison; of values that are from no runs there are none.
    """
    if not one.made_by:
        return []
    rows: dict[str, list[str]] = {}
    for run in one.made_by:
        rows.setdefault(run.label, []).append(f"{run.record['id']} (seed {run.seed})")
    listed = [f"Runs of {label}: {', '.join(ids)}." for label, ids in rows.items()]
    return [*listed, _versions(one.made_by)]


def _when(run: RunOfRow) -> str:
    return run.record["started"][:19].replace("T", " ")


def _versions(made_by: Sequence[RunOfRow]) -> str:
    """What the runs were made with."""
    said = []
    for package in _SAID:
        versions = (run.record.get("versions", {}).get(package, _UNKNOWN) for run in made_by)
        said.append(f"{package} {enumerated(sorted(set(versions)))}")
    return f"{counted(len(made_by), 'run')}, made with {enumerated(said)}."
