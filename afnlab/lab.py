"""`afnlab lab`: the notebooks, as copies to work with, in JupyterLab."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from afnlab.messages import say
from afnlab.paths import shared


def copy_notebooks(folder: Path) -> list[Path]:
    """Copy afnlab's notebooks into a folder; one that is there already is the user's and stays."""
    folder.mkdir(parents=True, exist_ok=True)
    copied = []
    for source in sorted(shared("notebooks").glob("*.ipynb")):
        target = folder / source.name
        if not target.exists():
            shutil.copyfile(source, target)
            copied.append(target)
    return copied


def main(folder: Path, arguments: Sequence[str]) -> int:
    copied = copy_notebooks(folder)
    say(f"{folder}: {len(copied)} notebooks copied" if copied else f"{folder}: as it was")
    command = [sys.executable, "-m", "jupyterlab", str(folder), *arguments]
    if sys.platform != "win32":  # become it, so that signals reach it
        sys.stdout.flush()
        os.execv(sys.executable, command)
    return subprocess.run(command, check=False).returncode
