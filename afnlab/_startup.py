"""What a process that is a command of afnlab's sees to before it imports anything that takes long.

It is done when this is imported, first of all by `afnlab/__init__.py`. Where afnlab is a library,
nothing is done.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

_DESCRIPTORS = {"stdin": 0, "stdout": 1, "stderr": 2}
_waiting = False  # whether Ctrl-C ends the process without a word until `ready` is called


def _module() -> str:
    """The module of afnlab's that this process was started with: `python -m` it, or the script."""
    if sys.argv[:1] == ["-m"]:
        named = [word.removeprefix("-m") for word in sys.orig_argv if word != "-m"]
        return next((n for n in named if n.partition(".")[0] == "afnlab"), "")
    return "afnlab" if Path(sys.argv[0] if sys.argv else "").stem == "afnlab" else ""


def _prepare() -> None:
    """See to signals, streams and the search path of a process that is a command."""
    module = _module()
    if not module:
        return
    if sys.argv[0] == "-m" and not sys.flags.safe_path:
        _leave_current_folder()
    if module in ("afnlab", "afnlab.cli"):
        _open_streams()
        if hasattr(os, "umask"):
            os.umask(os.umask(0o077) & 0o077)  # what its owner may not read is of no use
        _end_silently()


def _leave_current_folder() -> None:
    """Take the current folder out of the search path: a json.py there is not the one we import."""
    if Path(sys.path[0]) != Path(__file__).parents[1]:
        del sys.path[0]


def _open_streams() -> None:
    """Open what the shell closed (`>&-`), or the next file would be taken for it."""
    for name, descriptor in _DESCRIPTORS.items():
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY if name == "stdin" else os.O_WRONLY)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _end_silently() -> None:
    """Have Ctrl-C end the process at once: imports would show a traceback, or even go on."""
    global _waiting  # noqa: PLW0603
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _waiting = True


def ready() -> None:
    """Have Ctrl-C raise KeyboardInterrupt from here on."""
    global _waiting  # noqa: PLW0603
    if _waiting:
        _waiting = False
        signal.signal(signal.SIGINT, signal.default_int_handler)


def over() -> None:
    """There is nothing left to be interrupted: have Ctrl-C end the process at once again."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


_prepare()
