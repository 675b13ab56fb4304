"""What a report says of how it was made: its file report.json, which may be a stranger's."""

from __future__ import annotations

from pathlib import Path
from typing import NotRequired

from typing_extensions import TypedDict

from afnlab.compare.next_step import Confirmed, OtherTables
from afnlab.runs.storage import safe_files
from afnlab.runs.storage.record_schema import (
    Count,
    Described,
    FileName,
    FiniteNumber,
    RunId,
    Sha256,
    checked,
    extendable,
)

NAME = "report"  # what a report is called, unless it is a comparison of anybody's results
STATE = "report.json"
SCHEMA = 2  # the first listed as the report's whatever lay in its folders

# By these names, of which some are no identifiers. Reports of older versions lack some.
TableRecipe = TypedDict(
    "TableRecipe",
    {
        "csv": FileName,
        "baseline": str,
        "margin": FiniteNumber | None,
        "measure": NotRequired[Described],
        "classes": NotRequired[Count | None],
        "labels": dict[str, str],
        "runs": dict[RunId, Sha256],
        "picked among": NotRequired[Count],
        "further": NotRequired[dict[str, Count]],
        "confirmed": NotRequired[dict[str, Confirmed]],
        "others": NotRequired[OtherTables],
        "until decided": NotRequired[list[str]],
        "most seeds": NotRequired[Count],
    },
)
ReportState = TypedDict(
    "ReportState",
    {
        "schema": NotRequired[Count],
        "about": NotRequired[object],
        "made of": NotRequired[str],
        "code": NotRequired[str],
        "tables": NotRequired[list[TableRecipe]],
        "runs": NotRequired[str],
        "folder": NotRequired[str],
        "files": NotRequired[dict[FileName, Sha256]],
    },
)
for kind in (TableRecipe, ReportState):
    extendable(kind)


def read_state(target: Path) -> ReportState:
    """What a report says of how it was made; empty if it is no report.

    Args:
        target: the report's folder.

    Returns:
        The content of its state, of the kinds of `ReportState`.

    Raises:
        ValueError: if something in it is of another kind, or names a file outside of the folder.
    """
    content = stored(target)
    try:
        return checked(content, ReportState)
    except ValueError as error:
        raise ValueError(f"{target / STATE}: {error}") from None


def state_of(name: str) -> str:
    """The file that holds the state of a report of this name."""
    return f"{name}.json"


def stored(target: Path, name: str = NAME) -> dict[str, object]:
    """The content of a report's state, of whatever kinds; empty if it cannot be read."""
    return safe_files.mapping(target / state_of(name))
