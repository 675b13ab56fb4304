"""Whether a report is what its runs say, and whether its runs can be repeated to the bit."""

from __future__ import annotations

import csv
import hashlib
import random
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from enum import Enum
from html import unescape
from pathlib import Path

from afnlab.compare.selection import Selection
from afnlab.compare.statements import statements
from afnlab.messages import counted, say
from afnlab.report import export, report_files, write_report
from afnlab.report.recipe import of_recipe
from afnlab.report.sections import tables
from afnlab.report.sections.html import sentence
from afnlab.report.state import STATE, ReportState, TableRecipe, read_state
from afnlab.runs import RunFailed
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.one_function import TrainedRun, require_alike
from afnlab.runs.rerun import rerun as execute_again
from afnlab.runs.rerun import threads_of, worker_for
from afnlab.runs.storage import location, runs_folder, safe_files
from afnlab.runs.storage.maintenance import difference
from afnlab.runs.storage.record_schema import TrainingRecord, is_training
from afnlab.runs.sweeps.worker import Worker
from afnlab.spellings import unknown
from afnlab.training.options import whole
from afnlab.usercode.lookup import expanded

NAMED = 3  # numbers of a row that are named where many differ


class Verification(Enum):
    """What came of verifying a report, by exit status; true only where all agrees."""

    AGREES = 0
    DIFFERS = 1
    NOT_COMPARED = 2

    def __bool__(self) -> bool:
        return self is Verification.AGREES


AGREES, DIFFERS, NOT_COMPARED = Verification


def verify(
    page: str | Path,
    *,
    rerun: int = 1,
    seed: int = 0,
    runs: str | Path | None = None,
    code: str | Path | None = None,
    log: Callable[[str], None] = say,
) -> Verification:
    """Recompute a report's tables from its runs, and make some of the runs again.

    It says line by line what agrees, and of what does not which number. Where the runs are not at
    hand, the files alone are checked, which a line says.

    Args:
        page: the report's folder or a file in it.
        rerun: how many of the runs are made again.
        seed: which these are is drawn with it.
        runs: where the runs are, if not where they were.
        code: see `afnlab.runs.rerun.rerun`.
        log: takes each line.

    Returns:
        `Verification.AGREES`, which alone is true; DIFFERS where anything is not as it was, or a
        rerun has failed; else NOT_COMPARED where the runs are not here, a run could not be made
        again, or its bits could not be compared.

    Raises:
        ValueError: if there is no report, or if `runs` is given and lacks some of its runs.
    """
    whole(rerun, "rerun", least=0)
    target = _folder_of(expanded(page))
    state = _stated(target, page, runs)
    came_of: set[Verification] = set()

    def check(what: str, problems: Iterable[str], otherwise: str) -> None:
        faults = list(problems)
        log(f"{what}: {'; '.join(faults) or otherwise}")
        came_of.add(DIFFERS if faults else AGREES)

    def look_at_files() -> None:
        count = f"all {len(state['files'])} as they were written"
        check("files", report_files.problems(target, state), count)
        if others := report_files.others(target, state):
            log(f"not part of the report: {', '.join(others)}")

    ids = [run for recipe in state["tables"] for run in recipe["runs"]]
    try:
        folder = _folder_of_runs(runs or _place(state), ids)
    except ValueError as error:
        if runs:
            raise
        look_at_files()
        log(f"numbers: not recomputed, since the runs are not here: {error}")
        return DIFFERS if DIFFERS in came_of else NOT_COMPARED
    if not runs and folder.parent not in target.resolve().parents:  # it was handed over, maybe
        log(
            f"runs: read from {location.place(_place(state)).shown}, where the report says they"
            " are, and made again with the code that they name there; --runs FOLDER, and --code"
            " FOLDER for the code, have others read"
        )
    drawn = random.Random(seed).sample(ids, min(rerun, len(ids)))
    with ExitStack() as stack:
        workers: dict[int | None, Worker] = {}
        records = {r: record for r in drawn if (record := _read(folder, r)) is not None}
        for record in records.values():
            if threads_of(record) not in workers:
                worker = workers[threads_of(record)] = worker_for(record)
                stack.callback(worker.stop)
                worker.begin()  # it imports while the tables are recomputed
        look_at_files()
        for recipe in state["tables"]:
            for run, known in recipe["runs"].items():
                if problems := list(_run_problems(folder, run, known, target, recipe)):
                    check(f"run {run[:8]}", problems, "")
            same = f"recomputed from {counted(len(recipe['runs']), 'run')}, every digit the same"
            selection, why = _again(recipe, folder)
            check(recipe["csv"], _table_problems(recipe, target, selection, why), same)
            if selection is None or not (target / write_report.PAGE).is_file():
                continue
            among = f", {Path(recipe['csv']).stem}" if len(state["tables"]) > 1 else ""
            part = f"{write_report.PAGE}{among}"
            if state.get("code") == write_report.code():
                page_problems = _page_problems(target, selection)
                check(part, page_problems, "its table and its answers are what these runs give")
            else:
                log(f"{part}: not recomputed, since afnlab's code was another")
        for run, record in records.items():
            outcome, said = _rerun(folder, record, workers[threads_of(record)], code)
            log(f"run {run[:8]}: {said}")
            came_of.add(outcome)
    return DIFFERS if DIFFERS in came_of else max(came_of, key=lambda one: one.value)


def _stated(target: Path, page: str | Path, runs: str | Path | None) -> ReportState:
    """What a report says of how it was made; ValueError, with what to do, if it is none."""
    state = read_state(target)
    if not state.get("tables") or not state.get("files"):
        made = command("report", out=target, runs=runs)
        raise ValueError(f"{page}: is no report with a {STATE}; write one: `{made}`")
    return state


def _place(state: ReportState) -> str:
    """Where a report says that its runs are; ValueError if it hides a secret of that address."""
    where = state.get("runs") or state.get("folder")  # a folder: as reports once said it
    if not where:
        raise ValueError(f"{STATE} does not say where they are; give --runs FOLDER")
    if "://" in where and "***" in where:
        raise ValueError(
            f"{where}: a report does not keep this address's secrets; give it with --runs"
        )
    return where


def _folder_of_runs(runs: str | Path, ids: Sequence[str]) -> Path:
    """The folder to read these runs from; ValueError, with what to do, if they are not there."""
    where = location.place(runs)
    where.pull()
    if not where.folder.is_dir():
        raise ValueError(f"{where.shown} does not exist; give --runs FOLDER")
    gone = [run[:8] for run in ids if not (where.folder / run / runs_folder.RECORD).is_file()]
    if gone:
        raise ValueError(
            f"{where.shown}: lacks runs of this report ({_some(gone)}); give --runs FOLDER"
        )
    return where.folder


def _folder_of(page: Path) -> Path:
    """The report's folder; ValueError, with the reports beside it, if nothing is there."""
    if not page.exists():
        reports = sorted(p.parent.name for p in page.parent.glob(f"*/{STATE}"))
        raise ValueError(unknown("report", page.name, reports, of=str(page.parent)))
    return page if page.is_dir() else page.parent


def _read(folder: Path, run: str) -> TrainingRecord | None:
    try:
        record = runs_folder.read_record(folder / run / runs_folder.RECORD)
    except ValueError:  # which is told where the runs are looked at
        return None
    return record if is_training(record) else None


def _run_problems(
    folder: Path, run: str, known: str, target: Path, recipe: TableRecipe
) -> Iterator[str]:
    """What of a run is not as it was when the report was made of it."""
    path = folder / run / runs_folder.RECORD
    try:
        data = safe_files.read(path, safe_files.LARGEST_JSON)
        if hashlib.sha256(data).hexdigest() != known:
            copy = target / write_report.RUNS / f"{run}.json"
            yield f"its record is not what it was{_changes(copy, path)}"
            return
        record = runs_folder.parse_record(data, path)
        if record["group"] not in recipe["labels"]:
            yield f"{STATE} has no label for it"
        for name, written in record["files"].items():
            if written and safe_files.summed(safe_files.within(path.parent, name)) != written:
                yield f"{name} is not what it was"
    except ValueError as error:
        yield str(error)


def _changes(before: Path, now: Path) -> str:
    """What was changed in a record, as far as the report's copy of it tells."""
    try:
        both = (
            safe_files.parse_json(safe_files.read(p, safe_files.LARGEST_JSON))
            for p in (before, now)
        )
        differences = difference(*both)
    except (ValueError, KeyError, AttributeError):  # one of them is no record
        return ""
    named = [f"{name} was {old}, is {new}" for name, old, new in differences]
    return f": {_some(named)}" if named else ""


def _again(recipe: TableRecipe, folder: Path) -> tuple[Selection | None, str]:
    """The selection of a recipe's table, which is computed from its runs; None where these, or the
    recipe, allow none, and why."""
    readable = [record for run in recipe["runs"] if (record := _read(folder, run)) is not None]
    records = [record for record in readable if record["group"] in recipe["labels"]]
    if len(records) < len(recipe["runs"]):
        return None, ", since not all of its runs are whole"
    try:
        require_alike(TrainedRun(recipe["labels"][r["group"]], folder, r) for r in records)
        selection = of_recipe(recipe, folder, records)
        selection.table  # noqa: B018  (which these runs may not allow: it is kept)
    except ValueError as error:  # a margin or a metric, say, that these runs do not have
        return None, f": {error}"
    return selection, ""


def _page_problems(target: Path, selection: Selection) -> Iterator[str]:
    """Where the page does not say what a table says: its rows, and the answers that follow."""
    source = (target / write_report.PAGE).read_text(encoding="utf-8")
    page = _text(source)
    if _text(tables.of_selection(selection, write_report.LINK)) not in page:
        yield "the table of its numbers is not what its runs give"
    if re.sub(r"<[^>]*>", "", tables.numbers(selection)) not in source:
        yield "the numbers that its script computes with are not what its runs give"
    for statement in statements(selection):
        if _text(sentence(statement)) not in page:
            yield f'its first screen does not say "{statement}"'
    for question, answer in selection.by_table().items():
        if f"{question} {_text(sentence(answer))}" not in page:
            yield f'its answer to "{question}" is not what its runs give'


def _text(page: str) -> str:
    """What a page says, without how."""
    whole = re.sub(r"<wbr/?>", "", page)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", whole)).split())


def _table_problems(
    recipe: TableRecipe, target: Path, selection: Selection | None, why: str
) -> Iterator[str]:
    """Where a table's file is not the table; why: it could not be recomputed."""
    path = target / export.TABLES / recipe["csv"]
    if not path.is_file():
        yield "is gone"
        return
    if selection is None:
        yield f"cannot be recomputed{why}"
        return
    kept, again = path.read_text(encoding="utf-8"), export.as_csv(selection.table)
    if kept != again:
        numbers = list(_other_numbers(kept, again))
        yield _some(numbers) if numbers else "other rows, columns or marks than its runs give"


def _other_numbers(kept: str, again: str) -> Iterator[str]:
    """Cells of a CSV table that are not what they should be."""
    (head, *old), (_, *new) = (list(csv.reader(text.splitlines())) for text in (kept, again))
    should = {row[0]: row for row in new}
    for row in old:
        for column, was, right in zip(head, row, should.get(row[0], row), strict=False):
            if was != right:
                yield f"{column} of {row[0]} is {was or 'empty'}, its runs give {right or 'none'}"


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more


def _rerun(
    folder: Path, record: TrainingRecord, worker: Worker, code: str | Path | None
) -> tuple[Verification, str]:
    """Make a run again, in a folder that is thrown away; what came of it, and in words."""
    with tempfile.TemporaryDirectory(prefix="afnlab-verify-") as scratch:
        try:
            bits = execute_again(folder, record, Path(scratch), worker=worker, code=code)
        except ValueError as error:
            return NOT_COMPARED, f"could not be rerun: {error}"
        except RunFailed as error:
            return DIFFERS, f"failed when it was rerun: {error}"
    if bits.refused:
        said = f"rerun, but its bits cannot be compared: {', '.join(bits.refused)}"
        return NOT_COMPARED, said
    if bits.differ:
        return DIFFERS, f"the bits differ: {', '.join(bits.differ)}"
    return AGREES, "rerun, the same bits"
