"""What the program has imported itself, and whether that is still as its files say."""

from __future__ import annotations

import inspect
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FunctionType, ModuleType

# How the names of modules begin that the program has not imported itself.
PRIVATE = "afnlab.usercode.private."
_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = f"{Path(os.__file__).parent}{os.sep}"


def folders_of(file: Path) -> list[Path]:
    """A file's folder; in a package, the way up to the one that holds it."""
    folders = [file.parent]
    while (folders[-1] / "__init__.py").is_file() and folders[-1].name.isidentifier():
        folders.append(folders[-1].parent)
    return folders


def of_program(file: Path) -> ModuleType | None:
    """The module that the program has itself made of a file, if it is still as the file says.

    `__main__`, and what is just being imported, always is: it must not be executed twice. Others
    are, if nothing that was imported from the same folders was written since the program began.
    """
    main = sys.modules.get("__main__")
    named = [("__main__", main), *list(sys.modules.items())]
    for name, made in named:
        if _file_of(made, os.sep + file.name) == file and not name.startswith(PRIVATE):
            spec = getattr(made, "__spec__", None)
            if made is main or getattr(spec, "_initializing", False) or _untouched(file):
                return made
    return None


def _file_of(made: object, end: str = "") -> Path | None:
    """A module's file; None if it is a library's, or does not end so."""
    file = vars(made).get("__file__") if isinstance(made, ModuleType) else None
    if not isinstance(file, str) or not file.endswith(end):
        return None
    return None if is_installed(file) else Path(file).resolve()


def _untouched(file: Path) -> bool:
    """Whether all that was imported from a file's folders is older than this process."""
    root = folders_of(file)[-1]
    for name, made in list(sys.modules.items()):
        there = None if name == "__main__" else _file_of(made)
        if there is not None and there.is_relative_to(root):
            with suppress(OSError):
                facts = there.stat()
                if max(facts.st_mtime, facts.st_ctime) >= BEGAN:
                    return False
    return True


def is_installed(path: str | Path) -> bool:
    """Whether a file or folder is a library's, or Python's own."""
    text = f"{path}{os.sep}"
    return text.startswith((_STANDARD, "<frozen ")) or any(
        f"{os.sep}{n}{os.sep}" in text for n in _INSTALLED
    )


def is_own(value: FunctionType | type | ModuleType) -> bool:
    """Whether a user has written a function, a class or a module: it is no library's.

    A function is of the module whose names it sees; `functools.wraps` has it say another.
    """
    if isinstance(value, FunctionType):
        name = str(value.__globals__.get("__name__"))
        file = value.__code__.co_filename
    else:
        name = value.__name__ if isinstance(value, ModuleType) else str(value.__module__)
        file = getattr(inspect.getmodule(value), "__file__", None) or ""
        file = file if Path(file).is_absolute() else ""  # that of torch.ops is of nothing
    if name.partition(".")[0] == "afnlab" and not name.startswith(PRIVATE):
        return False
    return name == "__main__" or (bool(file) and not is_installed(file))


def _began() -> float:
    """When this process began, in seconds since 1970."""
    with suppress(OSError, ValueError, AttributeError):
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        up = time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.time() - up + ticks / os.sysconf("SC_CLK_TCK")
    return time.time()


BEGAN = _began()  # this process
