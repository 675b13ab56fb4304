"""What kernels get from their surroundings: an environment, a private folder, enough open files."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from afnlab.paths import CACHE, DATA, PACKAGE, as_first_read
from afnlab.runs.code_folder import CODE_FOLDER

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_PATHS = "PYTHONPATH"
_FOLDERS = (CACHE, DATA, _PATHS)
SOCKET = "x" * 16  # stands for the name of a kernel's socket, which is no longer
_LIKELY = ("/tmp", "/var/tmp", "/dev/shm")
_PROBE = bytes(1 << 16)
_OF_PROCESS, _OF_JOB = 48, 32  # open files: what a sweep needs, and for each of its jobs

# A number must not depend on how the shell was set up. Of Python's own variables only those that
# say where modules are stay as they are.
_SET = {
    "PYTHONHASHSEED": "0",  # the order of sets
    "PYTHONUTF8": "1",  # how files are read, whatever the locale
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or a debugger says that it misses breakpoints
    # torch's large tensors lie in pages of 2 MiB where Linux allows it: an eighth less time for a
    # step of 144 stacked networks, and the same numbers.
    "THP_MEM_ALLOC_ENABLE": "1",
}
_UNSET = (
    *("PYTHONSTARTUP", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONSAFEPATH", "PYTHONINSPECT"),
    *("PYTHONIOENCODING", "PYTHONDEVMODE", "PYTHONUNBUFFERED", "PYTHONVERBOSE", "PYTHONDEBUG"),
    *("PYTHONPROFILEIMPORTTIME", "PYTHONASYNCIODEBUG", "PYTHONFAULTHANDLER", "PYTHONDUMPREFS"),
    *("PYTHONLEGACYWINDOWSSTDIO", "PYTHONTRACEMALLOC", "MPLBACKEND"),
    CODE_FOLDER,  # what a run is given has whole paths; what it names begins in its folder alone
)


def environment(
    threads: int | None, private: Path, current: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment of kernels, and of the process that they are forked from.

    threads: torch's; None: as many as it takes itself. private: a folder for what Jupyter and
    IPython write in the user's otherwise. current: what it is made from.
    """
    kept = {name: value for name, value in current.items() if name not in _UNSET}
    limits = {} if threads is None else dict.fromkeys(_THREADS, str(threads))
    folders = dict.fromkeys(("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"), str(private))
    named = absolute_folders(current) | search_path(current)
    return kept | _SET | named | limits | folders


_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def search_path(current: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment with which a new interpreter imports this afnlab, installed or not."""
    paths = [str(PACKAGE.parent), absolute_folders(current).get(_PATHS)]
    parts = os.pathsep.join(filter(None, paths)).split(os.pathsep)
    return {_PATHS: os.pathsep.join(dict.fromkeys(parts))}


def absolute_folders(current: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that name folders, absolutely, for a process that works in another one.

    A relative one means what it meant when it was first read. What begins with `~` means the same
    everywhere.
    """
    made = {}
    for name in _FOLDERS:
        text = current.get(name, "")
        parts = filter(None, text.split(os.pathsep) if name == _PATHS else [text])
        meant = (p if p[0] == "~" else str(as_first_read(Path(p))) for p in parts)
        made[name] = os.pathsep.join(meant)
    return {name: text for name, text in made.items() if text}


def private_folder() -> Path:
    """A new folder for kernels' sockets and other small files, which no other user can look into.

    A socket's path has 107 bytes at most, which `$TMPDIR` may exceed by itself, and some file
    systems hold no sockets, or are full: it is the first of the usual folders where one works.
    ValueError, with the reasons, if there is none.
    """
    reasons = []
    for parent in _temporary_folders():
        folder = None
        try:
            folder = Path(tempfile.mkdtemp(prefix="afnlab-", dir=parent))
            _try_out(folder)
        except OSError as error:
            reasons.append(f"{parent}: {error.strerror or error}")
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
        else:
            return folder
    raise ValueError(f"no folder for the kernels' sockets ({'; '.join(reasons)}); set TMPDIR")


def _temporary_folders() -> list[str]:
    """Where small files may go, the best first; not all need to be there."""
    folders = [os.environ.get("XDG_RUNTIME_DIR"), *(_LIKELY if os.name == "posix" else ())]
    with suppress(OSError):
        folders.insert(0, tempfile.gettempdir())
    return [folder for folder in dict.fromkeys(folders) if folder and Path(folder).is_absolute()]


def _try_out(folder: Path) -> None:
    """OSError if the folder takes no file, or no socket."""
    (folder / "probe").write_bytes(_PROBE)
    (folder / "probe").unlink()
    if hasattr(socket, "AF_UNIX"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(folder / SOCKET))
        (folder / SOCKET).unlink()


def allowed_jobs(jobs: int) -> int:
    """How many of the jobs have enough open files; fewer than asked for are told in a warning.

    The limit is raised as far as the system lets us. ValueError if it is not enough for one.
    """
    if resource is None:
        return jobs
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(_open_files()) + _OF_PROCESS + jobs * _OF_JOB
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return jobs
    limit = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        soft = limit
    fitting = jobs - -(-(needed - soft) // _OF_JOB)
    if fitting < 1:
        raise ValueError(f"a process may open {soft} files (ulimit -n), a run needs {needed}")
    if fitting < jobs:
        message = f"a process may open {soft} files (ulimit -n): {fitting} jobs, not {jobs}"
        warnings.warn(message, stacklevel=3)
    return fitting


def _open_files() -> list[str]:
    try:
        return os.listdir("/dev/fd")  # noqa: PTH208
    except OSError:
        return []
