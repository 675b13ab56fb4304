"""The report: report.ipynb, executed over a selection of runs, as one page with its evidence."""

from __future__ import annotations

import fnmatch
import hashlib
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from afnlab.compare.confirmation import confirmation_runs
from afnlab.compare.confirmed_row import with_confirmed
from afnlab.compare.other_tables import with_other_tables
from afnlab.compare.select_runs import select
from afnlab.compare.selection import Selection
from afnlab.errors import ParameterError
from afnlab.figures.fragment import PAGE as IN_PAGE
from afnlab.messages import counted, inform, masked
from afnlab.paths import find, shared
from afnlab.report import export, failures, glossary, staging
from afnlab.report.again import usual_folder
from afnlab.report.contents import Link
from afnlab.report.made_of import code, made_of
from afnlab.report.one_selection import handed_over
from afnlab.report.page import to_html
from afnlab.report.run_page import run_page
from afnlab.report.sections.tables import ENDINGS
from afnlab.report.state import STATE, ReportState, read_state
from afnlab.runs.kernel.execute_cells import Means, run_cells
from afnlab.runs.kernel.notebook_format import import_nbformat
from afnlab.runs.notebook_parameters.declarations import content
from afnlab.runs.storage import location, runs_folder, safe_files
from afnlab.runs.storage.record_schema import TrainingRecord
from afnlab.runs.sweeps import sweep_file
from afnlab.usercode.lookup import expanded

PAGE, NOTEBOOK, PDF = "report.html", "report.ipynb", "report.pdf"
FAILED = failures.NOTEBOOK  # where it ended that was to become a report
RUNS = "runs"
_PARTS = (RUNS, export.TABLES, export.FIGURES)
LINK = "runs/{id}.html"  # as the page's notebook writes it


def write(
    sweep: str | Path = "",
    *,
    runs: str | Path | None = None,
    out: str | Path | None = None,
    baseline: str = "",
    margin: float | None = None,
    speed: str | Path = "",
    only: Mapping[str, object] = {},
    metric: str = "",
    confirmation: bool = False,
    pdf: bool = True,
    means: Means | None = None,
    report: Callable[[str], None] = inform,
    **overrides: object,
) -> Path:
    """Write the report of a sweep's runs, or of all in the folder.

    The page lies in `out` beside one page for every run behind it, the tables as CSV, Markdown and
    LaTeX, the figures as SVG, and, where Chromium is installed, itself as PDF. If all of it exists
    already, made of the same runs by the same code, nothing is done, and a line says so; if only
    the PDF is missing, that is printed. What has the name of a file of the report and is not as
    the last one wrote it is moved into the folder `kept` beside the page, and a line says so.

    Args:
        sweep: a sweep file, or the name of one of afnlab's; empty: all runs of the folder.
        runs: the folder of runs, or a URL; None: $AFNLAB_RUNS, or `runs`.
        out: the folder to write to; None: `reports/<sweep>`, with a budget of 16
            `reports/<sweep>-budget-16` and so with other settings, of a confirmation
            `reports/<sweep>-confirmation`. The report of another sweep is not written over.
        baseline, margin, speed, only, metric, confirmation: as in `afnlab.compare.select`.
        pdf: print the page as PDF too.
        means: with what the report's notebook is executed.
        report: takes lines on what happens; by default the logger `afnlab`.
        **overrides: settings in place of the sweep's own, as in `afnlab.runs.sweep`.

    Returns:
        The path of the page.

    Raises:
        ValueError: if there are no runs, or the folder holds the report of another sweep, or of
            confirmations where this one is of none.
    """
    if not isinstance(sweep, str | Path):
        raise ParameterError("sweep", sweep, "a sweep file, or the name of one of afnlab's")
    plan = sweep_file.read(sweep) if sweep else sweep_file.Sweep("all")
    usual = usual_folder(plan.name, confirmation, overrides)
    target = expanded(out) if out else usual
    page = target / PAGE
    about = _about(plan, target, confirmation, None if sweep else location.place(runs))
    staging.require_room(target, (PAGE, NOTEBOOK, STATE), _PARTS)
    _require_same(about, target)
    selected = select(runs, sweep, baseline, margin, speed, only, metric, confirmation, **overrides)
    chosen = with_confirmed(with_other_tables(selected))
    count = sum(len(c.records) for c in chosen)
    first, missing = chosen[0], [line for one in chosen for line in one.missing]
    asked = {
        "sweep": str(sweep),
        "baseline": baseline,
        "margin": margin or 0.0,
        "speed": str(speed and expanded(speed).resolve()),
        "only": dict(only),
        "metric": metric,
        "confirmation": confirmation,
        "overrides": {k: v for k, v in overrides.items() if v is not None},
        "place": "" if location.as_typed(target) == str(usual) else location.as_typed(target),
    }
    inputs, printed = made_of(chosen, plan, asked), bool(pdf and export.browser())
    kept: list[Path] = []
    staging.settle(target, kept)
    last = read_state(target)
    whole = last.get("made of") == inputs and staging.is_whole(target, but=PDF)
    if whole and _has_pdf(target, last, printed):
        there = f"{page} is up to date ({counted(count, 'run')})"
        for line in (there, *missing, *staging.said(kept)):
            report(line)
        return page
    staging.require_writable(target, _PARTS)
    with staging.aside(target, kept) as new:
        if whole and read_state(target) == last:  # only the PDF is missing, and a link to it
            state, source = {**last}, target
            evidence = {n: known for n, known in last["files"].items() if n not in (PAGE, PDF)}
        else:
            state = {"schema": staging.SCHEMA, "about": about, "made of": inputs, "code": code()}
            parameters, source = {**asked, "runs": first.place}, new
            state["tables"] = _evidence_and_tables(chosen, parameters, target, new, means)
            place = confirmation_runs(first.place) if confirmation else first.place
            state["runs"], evidence = masked(place), files(new)
        text = partial(_page_text, plan.title or f"afnlab: {usual.name}", chosen, source, evidence)
        lines = _write_page(text, target, new, printed)
        state["files"] = evidence | {n: sha256(new / n) for n in (PAGE, PDF) if (new / n).is_file()}
        runs_folder.write_json(new / STATE, state)
    failures.clear(target)
    for line in (f"wrote {page} ({counted(count, 'run')})", *missing, *lines, *staging.said(kept)):
        report(line)
    return page


def _evidence_and_tables(
    chosen: Sequence[Selection],
    parameters: Mapping[str, object],
    target: Path,
    new: Path,
    means: Means | None,
) -> list[dict[str, object]]:
    """Write the executed notebook, its figures, the tables, and the pages and records of the runs.

    Args:
        chosen: what the report is about.
        parameters: of its notebook.
        target: the report's folder, in which the last one may lie.
        new: the folder that this one is written into.
        means: with what the notebook is executed.

    Returns:
        How every table was made.
    """
    for part in _PARTS:
        (new / part).mkdir()
    executed, failed = new / NOTEBOOK, target / FAILED
    folder, records = chosen[0].folder, [r for c in chosen for r in c.records]
    try:
        # The notebook's kernel is a process of its own, beside which this one would wait.
        with ThreadPoolExecutor(1) as beside, handed_over(chosen) as environment:
            pages = [beside.submit(_page, folder, target, new, record) for record in records]
            try:
                execute("report", executed, parameters, means, failed, environment)
            except _NotebookError:
                hide_secrets(failed, chosen[0].place)
                failures.note(target)
                raise
            finally:
                hide_secrets(executed, chosen[0].place)
            for one in pages:
                one.result()
        tables = [export.tables(c, new / export.TABLES) for c in chosen]
    except ValueError:
        for record in records:  # of which one may be gone, and that is then what has to be said
            _evidence(folder, new, record)
        raise
    # The records come last: if one has changed since it was read, this is an error, so all that
    # was written is of these records.
    sums = {record["id"]: _evidence(folder, new, record) for record in records}
    export.figures(executed, new / export.FIGURES)
    return [_recipe(c, csv, sums) for c, csv in zip(chosen, tables, strict=True)]


def _page_text(
    title: str,
    chosen: Sequence[Selection],
    source: Path,
    evidence: Collection[str],
    printed: bool,
) -> str:
    """The page of an executed notebook.

    Args:
        title: of the page.
        chosen: what the report is about.
        source: the folder that the notebook is in.
        evidence: the names of the files beside the page.
        printed: whether the page is there as PDF too.
    """
    terms = glossary.section(tuned=any(c.tuning is not None for c in chosen))
    links = _links(chosen, evidence, printed)
    return to_html(source / NOTEBOOK, title, tail=terms, files=links)


def _write_page(text: Callable[[bool], str], target: Path, new: Path, printed: bool) -> list[str]:
    """Write the page, as PDF too; lines that say what came of the latter.

    Args:
        text: the page, by whether it is there as PDF.
        target: where its files will lie, to which the links of the PDF lead.
        new: where they are written.
        printed: print the page.
    """
    page = new / PAGE
    page.write_text(text(printed), encoding="utf-8")
    if not printed:
        return []
    try:
        return [f"wrote {target / export.pdf(page, beside=target).name}"]
    except ValueError as error:
        page.with_suffix(".pdf").unlink(missing_ok=True)
        page.write_text(text(False), encoding="utf-8")
        return [str(error)]


def _has_pdf(target: Path, last: ReportState, asked: bool) -> bool:
    """Whether a report has its PDF as it was written, or has none and is asked for none."""
    known = last["files"].get(PDF)
    return not asked if known is None else safe_files.is_as_written(target, PDF, known)


def _about(
    plan: sweep_file.Sweep, target: Path, confirmation: bool, runs: location.Place | None
) -> dict[str, object]:
    """What a report is about, so that another of the same name is not taken for it.

    A sweep of the user's is known by where its file lies, seen from the report's folder: the two
    can be moved together, and the file can be edited.

    runs: the folder of which all runs are reported; None: those of the sweep are.
    """
    sweep = plan.name
    if plan.path is not None and plan.path.parent != shared("sweeps"):
        sweep = staging.seen_from(target, plan.path)
    about: dict[str, object] = {"sweep": sweep, "confirmation": confirmation}
    if runs is not None:
        about["runs"] = staging.of_runs(target, runs)
    return about


def _require_same(about: dict[str, object], target: Path) -> None:
    """ValueError if the folder of a report holds one about something else, or of which cannot be
    told what its files are."""
    try:
        read_state(target)
    except ValueError as error:
        raise ValueError(
            f"{error}; remove it, or give another folder: out (--out FOLDER)"
        ) from None
    staging.require_same(target, about, partial(_other, target=target, sweep=about["sweep"]))


def _other(there: dict[str, object], target: Path, sweep: object) -> str:
    """Which report a folder holds; sweep: the one that a report is to be about."""
    its = str(there.get("sweep"))
    file = staging.at(target, its) if its.endswith(".yaml") else its
    if its != sweep:
        gone = its.endswith(".yaml") and not Path(file).exists()
        return f"the report of another sweep, {file}{' (which is not there now)' if gone else ''}"
    if (runs := there.get("runs")) is not None:
        return f"the report of the runs in {staging.at(target, str(runs))}"
    what = "confirmations" if there.get("confirmation") else "the runs that picked"
    return f"the report of {what}, of {file}"


def hide_secrets(executed: Path, address: str) -> None:
    """Hide the secrets of the runs' address in a notebook that was given it: others read that."""
    if masked(address) != address and executed.is_file():
        text = executed.read_text(encoding="utf-8")
        executed.write_text(text.replace(address, masked(address)), encoding="utf-8")


def _links(chosen: Sequence[Selection], evidence: Collection[str], printed: bool) -> list[Link]:
    """Links to the files of a report: the page as PDF, its notebook, its tables, its figures."""
    links = [("This page as PDF", PDF)] if printed else []
    links.append(("Its notebook, executed", NOTEBOOK))
    for one in chosen:
        of = f": {one.brief or one.setting}" if one.among else ""
        links += [
            (f"Table as {kind}{of}", f"{export.TABLES}/{one.name}{ending}")
            for ending, kind in ENDINGS.items()
        ]
    figures = sorted(map(Path, fnmatch.filter(evidence, f"{export.FIGURES}/*.svg")))
    return links + [(f"Figure: {path.stem}", path.as_posix()) for path in figures]


def files(target: Path) -> dict[str, str]:
    """SHA-256 of a report's files, by their names in its folder; not of the state itself."""
    paths = [*target.glob("report.*"), *(p for part in _PARTS for p in (target / part).glob("*"))]
    kept = sorted(p for p in paths if p.is_file() and p.name != STATE)
    return {p.relative_to(target).as_posix(): sha256(p) for p in kept}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _recipe(selection: Selection, csv: Path, sums: Mapping[str, str]) -> dict[str, object]:
    """How a table was made, so that it can be reproduced from the runs alone.

    A record holds the sums of its run's files, and here stands that of the record.
    """
    records = selection.records
    return {
        "csv": csv.name,
        "baseline": selection.baseline,
        "margin": selection.margin,
        "measure": selection.measure.described(),
        "labels": selection.labels,
        "runs": {r["id"]: sums[r["id"]] for r in records},
        "picked among": selection.picked_among,
        "until decided": selection.decided_rows,
        **({"most seeds": selection.most} if selection.most else {}),
        **({"further": {**selection.further}} if selection.further else {}),
        **({"confirmed": {**selection.confirmed}} if selection.confirmed else {}),
        **({"others": {**selection.others}} if selection.others else {}),
    }


class _NotebookError(ValueError):
    """A notebook ended with an error; it is kept."""


def execute(
    notebook: str,
    target: Path,
    parameters: Mapping[str, object],
    means: Means | None = None,
    failed: Path | None = None,
    environment: Mapping[str, str] = {},
) -> None:
    """Execute one of afnlab's reading notebooks into `target`; ValueError if it fails.

    failed: where the notebook and what its kernel printed are kept then; None: there too.
    environment: of its kernel, besides that of the means.
    """
    import_nbformat()
    from papermill import PapermillExecutionError  # noqa: PLC0415

    target.parent.mkdir(parents=True, exist_ok=True)
    means = means or Means()
    means = replace(means, environment={**means.environment, **environment, IN_PAGE: "1"})
    try:
        run_cells(content(find("notebooks", notebook, ".ipynb")), target, parameters, means)
    except PapermillExecutionError as error:
        kept = failures.make_room(failed.parent) if failed else []
        failed = failed or target
        for suffix in (".ipynb", ".log"):
            if (path := target.with_suffix(suffix)).is_file():
                path.replace(failed.with_suffix(suffix))
        message = f"{error.ename}: {error.evalue}; see {failed}"
        raise _NotebookError("; ".join([message, *staging.said(kept)])) from None
    target.with_suffix(".log").unlink(missing_ok=True)  # what its kernel printed, if it failed


def _page(folder: Path, target: Path, new: Path, record: TrainingRecord) -> None:
    """Write the page of an executed run.

    One that is there as it was written stays, if this code wrote it of this record: a run that was
    made anew has the same id, and perhaps other results.
    """
    name, state = f"{RUNS}/{record['id']}.html", read_state(target)
    known, its = state.get("files", {}), (name, f"{RUNS}/{record['id']}.json")
    kept = all(one in known and safe_files.is_as_written(target, one, known[one]) for one in its)
    if kept and state.get("code") == code() and _same_record(target, folder, record["id"]):
        shutil.copyfile(target / name, new / name)
    elif runs_folder.NOTEBOOK in record["files"]:
        text = run_page(folder / record["id"], record, back=f"../{PAGE}")
        (new / name).write_text(text, encoding="utf-8")


def _same_record(target: Path, folder: Path, run: str) -> bool:
    """Whether a run's record is the one that the last report has kept."""
    both = (target / RUNS / f"{run}.json", folder / run / runs_folder.RECORD)
    try:
        last, now = (safe_files.read(path, safe_files.LARGEST_JSON) for path in both)
    except ValueError:
        return False
    return last == now


def _evidence(folder: Path, target: Path, record: TrainingRecord) -> str:
    """Write the record of an executed run; its SHA-256.

    ValueError if the record is no longer the one that the report is made of.
    """
    path = folder / record["id"] / runs_folder.RECORD
    try:
        data = safe_files.read(path, safe_files.LARGEST_JSON)
        unchanged = runs_folder.parse_record(data, path) == record
    except ValueError:
        unchanged = False
    if not unchanged:
        raise ValueError(
            f"{path.parent}: was changed or removed while the report was written; write it again"
        )
    (target / RUNS / f"{record['id']}.json").write_bytes(data)
    return hashlib.sha256(data).hexdigest()
