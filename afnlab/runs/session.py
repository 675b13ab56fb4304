"""A training of an interactive notebook, kept as a run like those of a sweep.

There is no executed notebook to keep: the run's own shows its parameters and its results, and says
how it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from afnlab.paths import PACKAGE
from afnlab.printing import printed
from afnlab.runs.execution import RESULT, facts_of, versions
from afnlab.runs.fingerprint.datafiles import OTHER_NAME
from afnlab.runs.git_state import git_state
from afnlab.runs.kernel.notebook_format import import_nbformat
from afnlab.runs.notebook_parameters import encoding
from afnlab.runs.run_spec import RunSpec
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.storage.location import place
from afnlab.training.result import Result
from afnlab.usercode.loaded import BEGAN

_NOTE = (
    "This training was made in an interactive session, and not by executing a notebook from its"
    " first cell to its last. Its parameters and its results:"
)


def keep(
    parameters: Mapping[str, object],
    write: Callable[[Result, Path], Mapping[str, object]],
    result: Result,
    begun: float,
    seconds: float,
) -> str:
    """Keep a result in the usual folder of runs.

    Args:
        parameters: the parameters of the training notebook.
        write: writes a result's tables into a folder, and returns metrics and environment.
        result: of the training.
        begun: when it began, in seconds since 1970.
        seconds: how long it took.

    Returns:
        A line that says where it is, or why it was not kept.
    """
    spec = RunSpec.make("train", parameters)
    if edited := _edited(spec, begun):
        return f"not saved: {edited}"
    where = place()
    where.pull()
    if where.has(spec.id):
        there = runs_folder.read_record(where.folder / spec.id / runs_folder.RECORD)
        if there.get("environment", {}).get("data") != result.info["data"]:
            return (
                f"not saved: run {spec.id[:8]} of {where.folder.resolve()} is the same training"
                f" with other data; `afnlab runs rm {spec.id[:8]}` removes it"
            )
        return f"kept already, as run {spec.id[:8]} of {where.folder.resolve()}"
    attempt = Attempt(where.workshop, spec.id)
    try:
        written = write(result, attempt.folder)
        (attempt.folder / RESULT).unlink()
        _write_notebook(attempt.folder / runs_folder.NOTEBOOK, parameters, result)
        facts = facts_of(spec) | {"seconds": round(seconds, 3), "session": True}
        measured = {name: written[name] for name in ("metrics", "environment")}
        run = attempt.finish(facts | measured | {"versions": versions(spec), "git": git_state()})
    except BaseException:
        attempt.drop()
        raise
    where.push(run)
    return f"kept as run {spec.id[:8]} of {where.folder.resolve()}; compare.ipynb compares it"


def _edited(spec: RunSpec, begun: float) -> str:
    """Why the code of a run may be another than what this process has executed; empty if not."""
    assert spec.reached is not None
    for path in map(Path, spec.reached.files):
        facts, data = path.stat(), str(path) in spec.reached.data
        edited = max(facts.st_mtime, facts.st_ctime) if data else facts.st_mtime
        # What is loaded once may hold what was read of data then; a user's code is loaded again.
        lasting = data or path.is_relative_to(PACKAGE)
        if edited > (BEGAN if lasting else begun):
            again = "restart the kernel" if lasting else "train again"
            again += f"; if this code writes it each time, {OTHER_NAME}" if data else ""
            return f"{path.name} has been edited since; {again}"
    return ""


def _write_notebook(path: Path, parameters: Mapping[str, object], result: Result) -> None:
    """The evidence: the parameters and the summary, as cells."""
    nbformat = import_nbformat()
    table = result.summary().map(partial(printed, "{:.4g}")).to_frame("over the seeds")
    shown = {"text/html": table.to_html(), "text/plain": table.to_string()}
    cell = nbformat.v4.new_code_cell("run.train().summary()")
    cell.outputs = [nbformat.v4.new_output("display_data", shown)]
    cells = [
        nbformat.v4.new_markdown_cell(_NOTE),
        nbformat.v4.new_code_cell(encoding.assignments(parameters)),
        cell,
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
