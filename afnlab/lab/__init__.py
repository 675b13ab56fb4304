"""`afnlab lab`: the notebooks, as copies to work with, in JupyterLab."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from afnlab.lab.kernel_metadata import completed
from afnlab.messages import say
from afnlab.paths import INDEX, shared
from afnlab.runs.code_folder import CODE_FOLDER
from afnlab.runs.kernel.process_environment import absolute_folders
from afnlab.runs.storage.location import place
from afnlab.runs.storage.runs_folder import ENVIRONMENT

PICTURES = "pictures"
ADDRESS = "--LabApp.default_url=/lab/tree/"


def copy_notebooks(folder: Path) -> list[Path]:
    """Copy afnlab's notebooks into a folder; one that is there already is the user's and stays.

    So are the pictures of the index, and what lies in their place.
    """
    copied = _copy_absent(shared("notebooks"), folder, "*.ipynb", completed)
    _copy_absent(shared("notebooks") / PICTURES, folder / PICTURES, "*", bytes)
    return copied


def _copy_absent(
    source: Path, folder: Path, pattern: str, made: Callable[[bytes], bytes]
) -> list[Path]:
    """Copy files, or what is made of them, into a folder in which nothing has their names; where
    they are."""
    folder.mkdir(parents=True, exist_ok=True)
    absent = {path: folder / path.name for path in sorted(source.glob(pattern))}
    copied = {path: target for path, target in absent.items() if not os.path.lexists(target)}
    for path, target in copied.items():
        target.write_bytes(made(path.read_bytes()))
    return [*copied.values()]


def main(
    folder: Path, arguments: Sequence[str], runs: str | None = None, pictures: bool = True
) -> int:
    """Open the notebooks in JupyterLab, at their index.

    Their kernels, which work in the folder of the copies, are given the folders of where this was
    started: that of runs, those that the environment names, and the current one, where a user's
    own code is. Copies that nobody has changed get their outputs meanwhile, so that they open with
    their pictures.

    Args:
        folder: where the copies are, or will be.
        arguments: further ones for `jupyter lab`.
        runs: the folder of runs, or a URL; None: `$AFNLAB_RUNS` or `runs`.
        pictures: whether the copies get their outputs.

    Returns:
        The exit status of JupyterLab.
    """
    copied = copy_notebooks(folder)
    say(f"{folder}: {len(copied)} notebooks copied" if copied else f"{folder}: as it was")
    here = {ENVIRONMENT: place(runs).name, CODE_FOLDER: str(Path.cwd())}
    os.environ.update(absolute_folders() | here)
    say(f"runs: {os.environ[ENVIRONMENT]}")
    if pictures:
        _begin_pictures(folder)
    # The file sets what the browser opens and the root; the URL that is printed, as one takes it
    # where there is no browser, is another setting.
    address = [] if any("default_url" in text for text in arguments) else [f"{ADDRESS}{INDEX}"]
    command = [sys.executable, "-Pm", "jupyterlab", str(folder / INDEX), *address, *arguments]
    return _become(command)


def _become(command: list[str]) -> int:
    if sys.platform != "win32":  # become it, so that signals reach it
        sys.stdout.flush()
        os.execv(sys.executable, command)
    return subprocess.run(command, check=False).returncode


def _begin_pictures(folder: Path) -> None:
    """Have another process execute the copies that are as afnlab has them."""
    from afnlab.lab.executed_copies import untouched  # noqa: PLC0415

    if not (waiting := untouched(folder)):
        return
    say(f"{len(waiting)} of them are executed in the background, so that they open with pictures")
    command = [sys.executable, "-m", "afnlab.lab.executed_copies", str(folder.resolve())]
    quiet = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    subprocess.Popen(command, **quiet)  # type: ignore[call-overload]
