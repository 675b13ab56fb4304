"""How a notebook is executed, and what is kept of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import traceback
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import afnlab
from afnlab.errors import shown
from afnlab.paths import PACKAGE, shared
from afnlab.runs import store, values
from afnlab.runs.attempt import Attempt
from afnlab.runs.cells import Means, run_cells
from afnlab.runs.spec import OUT, RunSpec

RESULT = "result.json"
_DISTRIBUTIONS = ("papermill", "ipykernel", "pandas", "scikit-learn")


class RunFailed(Exception):
    """A notebook stopped with an error; `folder` holds what it left."""

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message, folder)
        self.message, self.folder = message, folder

    @property
    def link(self) -> str:
        """Where to look: the executed notebook, or what else there is."""
        notebook = self.folder / store.NOTEBOOK
        return (notebook if notebook.is_file() else self.folder).resolve().as_uri()

    def __str__(self) -> str:
        return self.message


def execute(spec: RunSpec, runs: Path, means: Means | None = None, **settings: Any) -> Path:
    """Run a notebook in a kernel of its own and store what it leaves; the run's folder.

    means: threads, server, timeout, ...; they may be given by name instead (`threads=1`).
    The work is done under a temporary name: the folder `runs/<id>` is there whole or not at all.
    RunFailed if a cell raises, the kernel dies, the time is up or the disk is full; what was done
    is then in `runs/.failed/<id>`. ValueError if the folder cannot hold runs.
    """
    means = means or Means(**settings)
    attempt = Attempt(runs, spec.id)
    clock = time.perf_counter()
    facts = _facts(spec)
    try:
        left = _executed(spec, attempt.folder, means)
        facts |= {"seconds": round(time.perf_counter() - clock, 3), **left}
        return attempt.finish(facts | {"versions": versions(), "git": git_state()})
    except Exception as error:
        if means.stop.is_set():
            attempt.drop()
            raise
        facts |= {"seconds": round(time.perf_counter() - clock, 3), "message": _last_line(error)}
        try:
            kept = attempt.fail(facts)
        except OSError:  # a full disk, most likely, which is then also the first error
            kept = attempt.leave()
        raise RunFailed(facts["message"], kept) from error
    except BaseException:
        attempt.drop()
        raise


def note_failure(spec: RunSpec, runs: Path, message: str) -> RunFailed:
    """A failure of which nothing else is left: the process that made the run was killed."""
    return RunFailed(message, Attempt(runs, spec.id).fail(_facts(spec) | {"message": message}))


def _facts(spec: RunSpec) -> dict[str, Any]:
    return {
        "id": spec.id,
        "group": spec.group,
        "notebook": name_of(spec.notebook),
        "label": spec.label,
        "parameters": spec.normal,
        "given": {name: values.encode(value) for name, value in spec.parameters.items()},
        "seeds": list(spec.seeds),
        "native": spec.uses_native,
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def name_of(notebook: Path) -> str:
    """One of afnlab's by its name, since it may be elsewhere tomorrow; another by its path."""
    return notebook.name if notebook.parent == shared("notebooks") else str(notebook)


def _executed(spec: RunSpec, folder: Path, means: Means) -> dict[str, Any]:
    """Execute into a folder; metrics and environment as the notebook left them, if it did."""
    given = dict(spec.parameters)
    if OUT in spec.known:
        given[OUT] = str(folder)
    log = folder / "kernel.log"
    run_cells(spec.notebook, folder / store.NOTEBOOK, given, means, log)
    log.unlink(missing_ok=True)
    path = folder / RESULT
    if not path.is_file():
        return {}
    left = _left(path)
    path.unlink()
    done, asked = left.get("parameters"), json.loads(json.dumps(spec.normal))
    if done is not None and done != asked:
        other = [name for name in asked if done.get(name) != asked[name]]
        raise RuntimeError(f"the kernel ran with another {', '.join(other)} than was asked for")
    return {name: left[name] for name in ("metrics", "environment") if name in left}


def _left(path: Path) -> dict[str, Any]:
    """What a notebook wrote into its result.json; ValueError for metrics that are no numbers."""
    try:
        left = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from None
    metrics = left.get("metrics", {}) if isinstance(left, dict) else None
    if not isinstance(metrics, dict):
        raise ValueError(f'{path.name} must be {{"metrics": {{name: number}}}}')
    for name, value in metrics.items():
        if isinstance(value, (str, list, dict)):
            raise ValueError(
                f"{path.name}: the metric {name!r} must be a number, got {shown(value)}"
            )
    return left


def _last_line(error: BaseException) -> str:
    name, value = getattr(error, "ename", None), getattr(error, "evalue", None)
    if name:
        lines = str(value).strip().splitlines() or [""]
        return f"{name}: {lines[0]}" if lines[0] else name
    return traceback.format_exception_only(error)[-1].strip()


@cache
def versions() -> dict[str, str]:
    return {"afnlab": afnlab.__version__, **{name: version(name) for name in _DISTRIBUTIONS}}


@cache
def git_state() -> dict[str, Any] | None:
    """Commit of afnlab's working tree and whether it had changes; None where there is no git."""
    git = shutil.which("git")
    if git is None or not (PACKAGE.parent / ".git").exists():
        return None

    def ask(*words: str) -> str:
        out = subprocess.run(
            [git, "-C", str(PACKAGE.parent), *words], capture_output=True, text=True, check=False
        )
        return out.stdout.strip()

    return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}
