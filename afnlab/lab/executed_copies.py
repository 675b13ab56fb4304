"""The outputs of copied notebooks, made before anybody asks for them: `python -m` this FOLDER.

The notebooks of the package hold none. A copy is executed elsewhere, and takes the place of the one
in the folder if that is still as it was copied. What needs a kernel, such as sliders, is replaced
by a line that says how to start it. The code that a notebook writes into files beside itself is put
beside the copy.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from contextlib import chdir, closing, nullcontext, suppress
from pathlib import Path

import nbformat

from afnlab.lab.kernel_metadata import completed, metadata
from afnlab.paths import shared
from afnlab.runs.kernel.execute_cells import Means, run_cells
from afnlab.runs.kernel.fork_client import KernelServer, available
from afnlab.runs.storage.runs_folder import ENVIRONMENT

WIDGET = "application/vnd.jupyter.widget-view+json"
START = "*Sliders appear here: choose **Run > Run All Cells**.*"
# The quick ones first. Those that are not named take many minutes, or have nothing to show.
ORDER = (
    *("plot", "explore", "train", "signal", "playground", "compare", "own", "tune", "report"),
    *("autorot", "feed-forward", "speed"),
)
READERS = ("compare", "report")  # which read the folder of runs; no other is given it
_SECONDS = 600.0  # for one notebook


def untouched(folder: Path) -> list[str]:
    """The notebooks of a folder that are as afnlab has them, without outputs, in `ORDER`."""
    return [name for name in ORDER if _is_untouched(folder, name)]


def _is_untouched(folder: Path, name: str) -> bool:
    copied, source = folder / f"{name}.ipynb", shared("notebooks") / f"{name}.ipynb"
    if not (copied.is_file() and source.is_file()):
        return False
    return copied.read_bytes() == completed(source.read_bytes())


def execute_copies(folder: Path, runs: str = "", server: KernelServer | None = None) -> list[str]:
    """Execute the untouched notebooks of a folder; one that fails stays as it is.

    Args:
        folder: where the copies are.
        runs: the folder of runs of those that read some. No other is given it, so that no training
            is kept.
        server: the process that kernels are forked from; None: each is a new interpreter.

    Returns:
        The names of those that have their outputs now.
    """
    done = []
    with tempfile.TemporaryDirectory(prefix="afnlab-lab-") as elsewhere, chdir(elsewhere):
        for name in untouched(folder):
            environment = {ENVIRONMENT: runs if name in READERS else ""}
            means = Means(threads=1, server=server, timeout=_SECONDS, environment=environment)
            with suppress(Exception):  # whatever it is, its cells show it when they are run
                made = _executed(name, Path(elsewhere), means)
                if _is_untouched(folder, name):
                    _put_files(Path(elsewhere), folder)
                    _put(made, folder / f"{name}.ipynb")
                    done.append(name)
    return done


def _executed(name: str, elsewhere: Path, means: Means) -> nbformat.NotebookNode:
    """A notebook with its outputs, as somebody without a kernel sees them."""
    target = elsewhere / f"{name}.ipynb"
    run_cells((shared("notebooks") / target.name).read_bytes(), target, {}, means)
    notebook = nbformat.read(target, 4)
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata |= metadata()
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        for state in ("execution", "tags"):
            if not cell.metadata.get(state) or state == "execution":
                cell.metadata.pop(state, None)
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = [kept for o in cell.outputs for kept in _still(o, cell.source)]
    return notebook


def _still(output: nbformat.NotebookNode, source: str) -> list[nbformat.NotebookNode]:
    """An output without what needs a kernel; a bar of progress leaves nothing."""
    if output.output_type == "execute_result":
        output.execution_count = None
    if WIDGET not in output.get("data", {}):
        return [output]
    if "afnlab.widgets." not in source:
        return []
    texts = {"text/markdown": START, "text/plain": START}
    return [nbformat.v4.new_output("display_data", texts)]


def _put(notebook: nbformat.NotebookNode, target: Path) -> None:
    """Write a notebook in one step, trusted, so that JupyterLab shows all of its outputs."""
    from nbformat.sign import NotebookNotary  # noqa: PLC0415

    part = target.with_name(f".{target.name}.part")
    nbformat.write(notebook, part)
    NotebookNotary().sign(nbformat.read(part, 4))
    part.replace(target)


def _put_files(elsewhere: Path, folder: Path) -> None:
    """Code that a notebook has written, as its output says; what is there already stays."""
    for written in elsewhere.glob("*.py"):
        target = folder / written.name
        if not target.exists():
            shutil.copyfile(written, target)


def _end_with_parent() -> None:
    """End this process when the one that has started it, JupyterLab, is over."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)  # its kernels end with it

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    _end_with_parent()
    if hasattr(os, "nice"):
        os.nice(10)
    with closing(KernelServer(1)) if available() else nullcontext() as warm:
        execute_copies(Path(sys.argv[1]), os.environ.get(ENVIRONMENT, ""), warm)
