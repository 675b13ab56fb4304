"""Which files a report has, and whether they are as they were written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from afnlab.report import export, write_report
from afnlab.report.sections.tables import ENDINGS
from afnlab.report.state import ReportState
from afnlab.runs.storage import safe_files


def problems(target: Path, state: ReportState) -> list[str]:
    """What is wrong with the files of a report, one by one.

    Args:
        target: its folder.
        state: what it says of how it was made.
    """
    return list(_altered(target, state)) or list(_figure_problems(target))


def others(target: Path, state: ReportState) -> list[str]:
    """The files that lie among those of a report and are none of its own: they are the user's.

    Args:
        target: its folder.
        state: what it says of how it was made.
    """
    return [name for name in _unlisted(target, state) if name not in _made(state)]


def _altered(target: Path, state: ReportState) -> Iterator[str]:
    """The files of a report that are not as they were written."""
    for name, known in state["files"].items():
        if not (target / name).is_file():
            yield f"{name} is gone"
        elif not safe_files.is_as_written(target, name, known):
            yield f"{name} is not as it was written"
    for name in _unlisted(target, state):
        if name in _made(state):
            yield f"{name} was not written with it"


def _unlisted(target: Path, state: ReportState) -> list[str]:
    return [name for name in write_report.files(target) if name not in state["files"]]


def _made(state: ReportState) -> set[str]:
    """The files that a report has by what it says of its tables and runs, listed or not."""
    tables = {Path(recipe["csv"]).stem for recipe in state["tables"]}
    runs = {run for recipe in state["tables"] for run in recipe["runs"]}
    return {
        write_report.PAGE,
        write_report.NOTEBOOK,
        *(f"{export.TABLES}/{name}{ending}" for name in tables for ending in ENDINGS),
        *(f"{write_report.RUNS}/{run}{ending}" for run in runs for ending in (".html", ".json")),
    }


def _figure_problems(target: Path) -> Iterator[str]:
    """The files that are not as the report's executed notebook shows them."""
    try:
        for name, svg in export.figures_in(target / write_report.NOTEBOOK).items():
            path = target / export.FIGURES / f"{name}.svg"
            if path.read_text(encoding="utf-8") != export.as_file(svg):
                yield f"{export.FIGURES}/{path.name} is not what {write_report.NOTEBOOK} shows"
    except (OSError, ValueError) as error:
        yield str(error)
