"""The first steps of a process that is a command of afnlab, before it imports anything else.

It is done when this is imported, first of all by `afnlab/__init__.py`. Where afnlab is a library,
nothing is done.
"""

from __future__ import annotations

import os
import sys


def _module() -> str:
    """The module of afnlab's that this process was started with: `python -m` it, or the script."""
    if sys.argv[:1] == ["-m"]:
        named = [word.removeprefix("-m") for word in sys.orig_argv if word != "-m"]
        return next((n for n in named if n.partition(".")[0] == "afnlab"), "")
    name = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119
    return "afnlab" if name in ("afnlab", "afnlab.exe") else ""


def _leave_current_folder() -> None:
    """Take the current folder out of the search path: a json.py there is not the one we import."""
    searched = sys.argv[:1] == ["-m"] and not sys.flags.safe_path
    if searched and _module() and sys.path[0] != os.path.dirname(os.path.dirname(__file__)):  # noqa: PTH120
        del sys.path[0]


_leave_current_folder()  # before more is imported than Python itself had

import signal  # noqa: E402

_DESCRIPTORS = {"stdin": 0, "stdout": 1, "stderr": 2}
_waiting = False  # whether Ctrl-C ends the process without a word until `ready` is called


def _prepare() -> None:
    """See to signals, streams and the current folder of a process that is a command."""
    if AS_COMMAND:
        _open_streams()
        _refuse_lost_folder()
        if hasattr(os, "umask"):
            os.umask(os.umask(0o077) & 0o077)  # what its owner may not read is of no use
        _end_silently()


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


def _refuse_lost_folder() -> None:
    """End with a line where the current folder was deleted: else a library ends us, as torch's."""
    try:
        os.getcwd()  # noqa: PTH109
    except OSError as error:
        why = error.strerror
        print(f"afnlab: the current folder is not there any more ({why})", file=sys.stderr)
        raise SystemExit(2) from None


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


AS_COMMAND = _module() in ("afnlab", "afnlab.cli")  # whether this process is one
_prepare()
