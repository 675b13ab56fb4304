"""The two sides of a run: what a notebook calls inside its kernel, and how it is executed."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any

import afnlab
from afnlab.paths import PACKAGE, find
from afnlab.runs import cell, store
from afnlab.runs.kernels import KernelServer, manager_class
from afnlab.runs.spec import OUT, RunSpec, Training, training
from afnlab.training.engine import train
from afnlab.training.record import TABLES, Result

RESULT, LOG = "result.json", "kernel.log"
_IPYTHON = {"In", "Out", "exit", "quit", "get_ipython", "open"}
_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))
_DISTRIBUTIONS = ("papermill", "ipykernel", "pandas", "scikit-learn")


def parameters(namespace: Mapping[str, Any]) -> Run:
    """The run that a training notebook's parameters ask for; call it as `parameters(globals())`.

    Takes the plain values (numbers, texts, lists, dicts) among the globals: those of the parameters
    cell, and what papermill or the user added to them. ValueError, with the nearest spelling, for a
    name that neither the cell, nor the chosen activation, nor the chosen task declares.
    """
    given = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_") and name not in _IPYTHON and isinstance(value, _PLAIN)
    }
    known = cell.declared(find("notebooks", "train", ".ipynb"))
    return Run(training(given, known), str(given.get(OUT, "")))


@dataclass(frozen=True)
class Run:
    """A training about to happen, inside a notebook."""

    asked: Training
    out: str = ""

    def train(self) -> Result:
        asked = self.asked
        return train(
            asked.task,
            asked.activation,
            params=asked.params,
            seeds=asked.seeds,
            epochs=asked.epochs,
            device=asked.device,
            dtype=asked.dtype,
            limit_train=asked.limit_train,
            limit_test=asked.limit_test,
            record=asked.record,
            keep_weights=asked.keep_weights,
            progress=False if self.out else None,
        )

    def save(self, result: Result) -> str:
        """Write the result's tables into the folder `out`; an empty `out` writes nothing."""
        if not self.out:
            return "not saved: the parameter `out` is empty"
        folder = Path(self.out)
        folder.mkdir(parents=True, exist_ok=True)
        result.history.to_parquet(folder / store.HISTORY, index=False)
        for name in TABLES:
            table = getattr(result, name)
            if table is not None:
                table.to_parquet(folder / f"{name}.parquet", index=False)
        if result.weights is not None:
            result.save_weights(folder / "weights.safetensors")
        left = {
            "parameters": self.asked.normal(),
            "seeds": list(self.asked.seeds),
            "metrics": {n: v if isfinite(v) else None for n, v in result.summary().items()},
            "environment": result.info,
        }
        (folder / RESULT).write_text(json.dumps(left, indent=1), encoding="utf-8")
        return f"saved in {folder.name}"

    def _repr_html_(self) -> str:
        rows = self.asked.normal()
        own, options = rows.pop("parameters"), rows.pop("options")
        del rows["label"]
        rows = rows | own | options | {"seeds": ", ".join(map(str, self.asked.seeds))}
        shown = {k: v for k, v in rows.items() if v is not None and v is not False and v != []}
        cells = "".join(f"<tr><th>{k}</th><td>{escape(str(v))}</td></tr>" for k, v in shown.items())
        return f"<table>{cells}</table>"


class RunFailed(Exception):
    """A notebook stopped with an error; `folder` holds what it left."""

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message, folder)
        self.message, self.folder = message, folder

    def __str__(self) -> str:
        return self.message


def execute(
    spec: RunSpec, runs: Path, threads: int | None = None, server: KernelServer | None = None
) -> Path:
    """Run a notebook in a kernel of its own and store what it leaves; the run's folder.

    The work is done under a temporary name: the folder `runs/<id>` is there whole or not at all.
    threads: how many the kernel's torch may use; None means all. server: what to fork the kernel
    from; None: a new interpreter. RunFailed if a cell raises; the executed notebook is then in
    `runs/.failed/<id>`.
    """
    folder = store.begin(runs, spec.id)
    started = datetime.now(UTC)
    clock = time.perf_counter()
    try:
        _papermill(spec, folder, threads, server)
        (folder / RESULT).touch()
        left = json.loads((folder / RESULT).read_text(encoding="utf-8") or "{}")
        (folder / RESULT).unlink()
        (folder / LOG).unlink(missing_ok=True)
    except BaseException as error:
        message = _last_line(error)
        kept = store.keep_failed(folder, runs, spec.id, message)
        if isinstance(error, Exception):
            raise RunFailed(message, kept) from error
        raise
    record = {
        "schema": store.SCHEMA,
        "id": spec.id,
        "group": spec.group,
        "notebook": spec.notebook.name,
        "label": spec.label,
        "parameters": spec.normal,
        "given": spec.parameters,
        "seeds": list(spec.seeds),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 3),
        **left,
        "versions": versions(),
        "git": git_state(),
    }
    return store.finish(folder, runs, record)


def _papermill(
    spec: RunSpec, folder: Path, threads: int | None, server: KernelServer | None
) -> None:
    given = dict(spec.parameters)
    if OUT in spec.known:
        given[OUT] = str(folder)
    manager = manager_class(server, threads, folder / LOG)
    run_cells(spec.notebook, folder / store.NOTEBOOK, given, manager)


def run_cells(notebook: Path, target: Path, given: Mapping[str, Any], manager: type) -> None:
    """Execute a notebook into `target` by papermill, in a kernel of this manager class.

    PapermillExecutionError if a cell raises; `target` then holds what was done.
    """
    import papermill  # noqa: PLC0415

    # That activations' own parameters are unknown to the cell is how a training notebook works.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    papermill.execute_notebook(
        str(notebook),
        str(target),
        parameters=dict(given),
        kernel_name="python3",
        language="python",
        progress_bar=False,
        start_timeout=120,
        request_save_on_cell_execute=False,
        kernel_manager_class=manager,
    )


def _last_line(error: BaseException) -> str:
    name, value = getattr(error, "ename", None), getattr(error, "evalue", None)
    if name:
        return f"{name}: {value}"
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
