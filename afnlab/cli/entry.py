"""`afnlab COMMAND`: finds the command, and ends with a clear line whatever goes wrong."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module

import afnlab
from afnlab import _startup
from afnlab.cli.parser import Parser, UsageError
from afnlab.errors import one_line
from afnlab.messages import complain
from afnlab.paths import INDEX, shared
from afnlab.usercode.mainguard import MainGuardError

DEBUG = "AFNLAB_DEBUG"
COMMANDS = {  # the module of this package that has it, and what it does
    "list": ("activations", "the activations, tasks, sweeps and notebooks that there are"),
    "check": (
        "activations",
        "check that values and slopes are finite and slopes correct, of any functions",
    ),
    "signal": ("activations", "what deep networks of an activation do to a signal, by theory"),
    "run": ("run", "execute a notebook with parameters and keep its results"),
    "sweep": ("sweep", "execute the missing runs of a sweep file"),
    "tune": (
        "sweep",
        "execute a sweep with each activation tuned first, all within the same budget",
    ),
    "judge": ("judge", "train pairs of seeds until the evidence decides about an idea"),
    "ledger": ("judge", "show, verify and merge the ledgers of campaigns of ideas"),
    "search": ("search", "evolve expressions, and judge the best within a campaign"),
    "runs": ("runs", "list, show, compare and delete runs"),
    "rerun": ("run", "execute a run again and compare its numbers bit by bit"),
    "compare": ("compare", "print the comparison table of runs"),
    "confirm": ("confirm", "train a row that was picked and its baseline with fresh seeds alone"),
    "report": ("report", "write the report of runs as one HTML page"),
    "verify": ("report", "recompute a report's tables, rerun some of its runs, compare"),
    "bench": ("bench", "measure speed against a named peer, in one run"),
    "data": ("data", "list, fetch or verify the data sets of the tasks"),
    "doctor": ("installation", "report what is installed, what works and what does not"),
    "lab": ("installation", "open copies of the notebooks in JupyterLab"),
}
_EPILOG = f"""\
`afnlab COMMAND --help` describes a command.

exit status: 0 done, 1 something failed or differs, 2 bad input, or a rerun that cannot be
  compared, 130 interrupted
environment: AFNLAB_RUNS the folder of runs; AFNLAB_DATA the folder of data sets;
  AFNLAB_NATIVE=0 no compiled kernels; AFNLAB_THREADS the threads of every training;
  NO_COLOR no colours; {DEBUG}=1 the traceback of an error; the others: the page
  "Surroundings" of the documentation"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status: 0, 1 if a run failed, 2 for bad input, 130 if interrupted.

    Every error is one line. The traceback of an unexpected one is in a file that the line names.
    """
    try:
        _startup.ready()
        words = sys.argv[1:] if argv is None else list(argv)
        if words and words[0] not in COMMANDS:
            _no_notebook(words[0])
        arguments = parser(words[0] if words else None).parse_args(words)
        return _run(arguments)
    except UsageError as error:
        complain(error)
        return 2
    except KeyboardInterrupt:
        complain("interrupted; what was complete is kept")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        if os.environ.get(DEBUG):
            raise
        complain(error)
        return 2
    except MainGuardError:  # for the file that should not have called this
        raise
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        if isinstance(error, Warning):  # the caller has made errors of warnings, see `_run`
            why = "this warning ended the command, as this process's filters ask"
            complain(f"{one_line(error)}; {why}")
        else:
            complain(f"{type(error).__name__}: {one_line(error)}; {_kept()}")
        return 1


def _no_notebook(word: str) -> None:
    """UsageError if what stands for a command is one of afnlab's notebooks: what opens it."""
    for path in shared("notebooks").glob("*.ipynb"):
        if path.stem != word:
            continue
        sliders = path.name == INDEX or "afnlab.widgets" in path.read_text(encoding="utf-8")
        opened = "afnlab lab" if sliders else f"afnlab run {word}"
        raise UsageError(f"{word} is a notebook: {opened}; see `afnlab --help`")


def _run(arguments: argparse.Namespace) -> int:
    try:
        if not (arguments.light(arguments) if "light" in arguments else False):
            import_module("afnlab._library")
        with warnings.catch_warnings():
            warnings.showwarning = _warn  # type: ignore[assignment]
            if any(map(_makes_errors, sys.warnoptions)):
                warnings.filters[:] = [f for f in warnings.filters if f[0] != "error"]  # type: ignore[index]
            return arguments.command(arguments)
    except SystemExit as error:  # of somebody's code; argparse's own came before
        raise RuntimeError(f"the program was told to exit, with {error.code!r}") from error


def _makes_errors(option: str) -> bool:
    """Whether an option of `python -W`, or a part of $PYTHONWARNINGS, makes errors of warnings."""
    action = option.partition(":")[0].strip()
    return action != "" and "error".startswith(action)


def _kept() -> str:
    """Write the traceback of the error at hand into a file, and say where that is."""
    try:
        number, name = tempfile.mkstemp(prefix="afnlab-error-", suffix=".txt")
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(traceback.format_exc())
    except OSError:
        return f"{DEBUG}=1 shows the traceback"
    return f"this was not foreseen, and the traceback is in {name}"


def command() -> int:
    """`main` as a process of its own: nothing that comes after it is left to show a traceback."""
    status = main()
    _startup.over()
    try:
        sys.stdout.flush()
    except OSError as error:  # a full disk, or whoever read it has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"afnlab: what was printed is not whole ({error.strerror})", file=sys.stderr)
        return status or 1
    return status


def _warn(message: Warning | str, *_: object) -> None:
    complain(message)


def parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The parser of the command line.

    Args:
        chosen: the command whose flags are wanted; the modules of the others are not imported.
            None, or what is no command: all.
    """
    made = Parser(
        prog="afnlab",
        description="Is an activation function any good? Train, compare, report.",
        epilog=_EPILOG,
    )
    made.add_argument("--version", action="version", version=f"afnlab {afnlab.__version__}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, text) in COMMANDS.items():
        one = commands.add_parser(name, help=text, description=text)
        if chosen == name or chosen not in COMMANDS:
            getattr(import_module(f"afnlab.cli.{module}"), f"add_{name}")(one)
    return made
