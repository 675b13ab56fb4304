"""A cell magic that writes a file as `%%writefile` does, but never over another one.

`%load_ext afnlab.usercode.writenew` brings it; then a cell that begins with `%%writenew my_idea.py`
holds what is written into that file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from afnlab.messages import say

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Bring `%%writenew`.

    Args:
        shell: of the kernel.
    """
    shell.magics_manager.register_function(writenew, "cell")


def writenew(line: str, cell: str) -> None:
    """Write a cell's text into a file, unless another text is there, which is somebody's own.

    Args:
        line: the name of the file.
        cell: the text.

    Raises:
        ValueError: if the line is not one name.
    """
    path = Path(named(line))
    if not path.name:
        raise ValueError(f"%%writenew takes the name of a file; got {line!r}")
    if not is_free(path, cell):
        say(f"{path} is there already, and stays as it is: edit that file, not this cell")
    elif not path.exists():
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(cell)
        say(f"wrote {path}")


def named(line: str) -> str:
    """The name of the file, which may hold blanks, with or without quotes around it.

    Args:
        line: what stands behind `%%writenew`.
    """
    return line.strip().strip("\"'")


def is_free(path: Path, text: str) -> bool:
    """Whether a text may be written into a file: there is none, or one that holds just this.

    Args:
        path: the file.
        text: what would be written.
    """
    try:
        return path.read_bytes() == text.encode()
    except FileNotFoundError:
        return not path.is_symlink()
    except OSError:
        return False
