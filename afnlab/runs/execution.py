"""How a notebook is executed, and what is kept of it."""

from __future__ import annotations

import json
import os
import reprlib
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import afnlab
from afnlab.messages import masked
from afnlab.runs.conventions import OUT
from afnlab.runs.fingerprint import check
from afnlab.runs.git_state import git_state
from afnlab.runs.kernel.execute_cells import Means, run_cells
from afnlab.runs.notebook_metrics import shown_in
from afnlab.runs.notebook_parameters import encoding
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.storage import runs_folder, safe_files
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.storage.record_schema import is_number
from afnlab.runs.whereabouts import name_of
from afnlab.usercode.lookup import expanded
from afnlab.usercode.mainguard import refuse_while_importing

RESULT = "result.json"
LONGEST = 200  # characters of the name of a metric
_DISTRIBUTIONS = ("papermill", "ipykernel", "pandas", "scikit-learn")
_COMPUTING = ("torch", "numpy")


class RunFailed(Exception):
    """A notebook stopped with an error.

    Attributes:
        folder: what it left.
    """

    def __init__(self, message: str, folder: Path) -> None:
        self.message, self.folder = masked(message), folder
        super().__init__(self.message, folder)

    @property
    def link(self) -> str:
        """The place to look at: the executed notebook, or what else there is."""
        notebook = self.folder / runs_folder.NOTEBOOK
        return (notebook if notebook.is_file() else self.folder).resolve().as_uri()

    def __str__(self) -> str:
        return self.message


def execute(spec: RunSpec, runs: Path, means: Means | None = None, **settings: Any) -> Path:
    """Run a notebook in a kernel of its own and store what it leaves.

    The work is done under a temporary name: the folder `runs/<id>` is complete or absent.

    Args:
        spec: the notebook and its parameters.
        runs: the folder of runs.
        means: threads, server, timeout, ...
        **settings: the same by name (`threads=1`), in place of `means`.

    Returns:
        The run's folder.

    Raises:
        RunFailed: if a cell raises, the kernel dies, the time is up or the disk is full; what was
            done is then in `runs/.failed/<id>`.
        ValueError: if the folder cannot hold runs.
    """
    refuse_while_importing("afnlab.runs.execute")
    means = means or Means(**settings)
    attempt = Attempt(expanded(runs), spec.id)
    clock = time.perf_counter()
    facts = facts_of(spec)
    try:
        attempt.require_room()
        result = _executed(spec, attempt.folder, means)
        facts |= {"seconds": round(time.perf_counter() - clock, 3), **result}
        return attempt.finish(facts | {"versions": versions(spec), "git": git_state()})
    except Exception as error:
        if means.stop.is_set():
            attempt.drop()
            raise
        message = _last_line(error)
        facts |= {"seconds": round(time.perf_counter() - clock, 3), "message": message}
        try:
            kept = attempt.fail(facts)
        except (OSError, ValueError):  # a full disk, most likely, which is then the first error too
            kept = attempt.leave()
        raise RunFailed(message, kept) from error
    except BaseException:
        attempt.drop()
        raise


def note_failure(spec: RunSpec, runs: Path, message: str) -> RunFailed:
    """A failure of which nothing else is left: the process that made the run was killed."""
    return RunFailed(message, Attempt(runs, spec.id).fail(facts_of(spec) | {"message": message}))


def facts_of(spec: RunSpec) -> dict[str, object]:
    """What a record says of a run before it has begun."""
    return {
        "id": spec.id,
        "group": spec.group,
        "notebook": name_of(spec.notebook),
        "label": spec.label,
        "parameters": spec.normal,
        "given": {name: encoding.encode(value) for name, value in spec.parameters.items()},
        **spec.facts,
        "seeds": list(spec.seeds),
        **({"until_decided": True} if spec.until_decided else {}),
        **({"confirmation": {**spec.confirmation}} if spec.confirmation else {}),
        **({"judged": {**spec.judged}} if spec.judged else {}),
        "native": spec.uses_native,
        "folder": str(spec.folder),
        "code": dict(spec.code.units),
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def _executed(spec: RunSpec, folder: Path, means: Means) -> dict[str, object]:
    """Execute into a folder; metrics and environment as the notebook left them, if it did."""
    parameters = dict(spec.parameters)
    if OUT in spec.known:
        parameters[OUT] = str(folder)
    log = folder / "kernel.log"
    target = folder / runs_folder.NOTEBOOK
    read = run_cells(spec.content, target, parameters, means, log, spec.folder)
    check(spec.code, read, spec.data_now)
    log.unlink(missing_ok=True)
    path = folder / RESULT
    if not os.path.lexists(path):
        metrics = {} if isinstance(spec, TrainingSpec) else shown_in(target)
        _check_metrics(metrics, runs_folder.NOTEBOOK, training=False)
        return {"metrics": metrics} if metrics else {}
    result = _result_of(path, isinstance(spec, TrainingSpec))
    path.unlink()
    done, asked = result.get("parameters"), json.loads(json.dumps(spec.normal))
    if isinstance(spec, TrainingSpec) and done is not None and done != asked:
        other = [name for name in asked if done.get(name) != asked[name]]
        raise RuntimeError(f"the kernel ran with another {', '.join(other)} than was asked for")
    return {name: result[name] for name in ("metrics", "environment") if name in result}


def _result_of(path: Path, training: bool) -> dict[str, Any]:
    """What a notebook wrote into its result.json; ValueError if that is not what it may hold.

    Metrics are finite real numbers. None stands for one that is not finite where a training has
    diverged, which its history tells; a notebook of the user's own may not leave it.
    """
    try:
        result = safe_files.parse_json(safe_files.read(path, safe_files.LARGEST_JSON), finite=False)
    except ValueError as error:
        said = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path.name} is not JSON: {said}") from None
    if not isinstance(result, dict) or not isinstance(result.get("metrics", {}), dict):
        raise ValueError(f'{path.name} must be {{"metrics": {{name: number}}}}')
    _check_metrics(result.get("metrics", {}), path.name, training)
    for name in ("environment", "parameters") if training else ("environment",):
        if not isinstance(result.get(name, {}), dict):
            raise ValueError(f"{path.name}: {name} must be a mapping, got {result[name]!r:.60}")
    try:
        json.dumps(result.get("environment"), allow_nan=False)
    except ValueError:
        raise ValueError(f"{path.name}: a number in its environment is not finite") from None
    return result


def _check_metrics(metrics: Mapping[str, object], file: str, training: bool) -> None:
    """ValueError for a name or a number that a record cannot hold."""
    for name, value in metrics.items():
        shown = reprlib.repr(name)
        if not (name.isprintable() and 0 < len(name) <= LONGEST):
            raise ValueError(
                f"{file}: the name of a metric must be printable, of 1 to {LONGEST}"
                f" characters; got {shown}"
            )
        if not (is_number(value) or (training and value is None)):
            raise ValueError(
                f"{file}: the metric {shown} must be a number, got {reprlib.repr(value)};"
                " metrics are finite real numbers"
            )


def _last_line(error: BaseException) -> str:
    name, value = getattr(error, "ename", None), getattr(error, "evalue", None)
    if name:
        lines = str(value).strip().splitlines() or [""]
        return masked(f"{name}: {lines[0]}" if lines[0] else name)
    return masked(traceback.format_exception_only(error)[-1].strip())


def versions(spec: RunSpec) -> dict[str, str]:
    """Of what afnlab uses, and of the installed packages that a run refers to."""
    named = {**spec.code.versions, **_versions(_DISTRIBUTIONS)}
    # A training says these among what it was made with, as the kernel has them.
    return named if isinstance(spec, TrainingSpec) else named | _versions(_COMPUTING)


@cache
def _versions(names: tuple[str, ...]) -> dict[str, str]:
    return {"afnlab": afnlab.__version__, **{name: version(name) for name in names}}
