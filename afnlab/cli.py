"""The command line: `afnlab COMMAND`, with a clear line and a non-zero status for any failure."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import afnlab
from afnlab import _startup, bench, cli_analysis, cli_runs
from afnlab.cli_parser import Parser, UsageError
from afnlab.errors import told
from afnlab.mainguard import MainGuardError
from afnlab.words import complain, say

DEBUG = "AFNLAB_DEBUG"
_EPILOG = f"""\
`afnlab COMMAND --help` tells more.

exit status: 0 done, 1 something failed or differs, 2 bad input, 130 interrupted
environment: AFNLAB_RUNS the folder of runs; AFNLAB_DATA the folder of data sets;
  AFNLAB_NATIVE=0 no compiled kernels; {DEBUG}=1 the traceback of an error"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status: 0, 1 if a run failed, 2 for bad input, 130 if interrupted.

    Whatever goes wrong is one line. Of what nobody foresaw the traceback is in a file that the line
    names.
    """
    try:
        _startup.ready()
        arguments = _parser().parse_args(argv)
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
        complain(f"{type(error).__name__}: {told(error)}; {_kept()}")
        return 1


def _run(arguments: argparse.Namespace) -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn  # type: ignore[assignment]
            if any(word.startswith("error") for word in sys.warnoptions):  # $PYTHONWARNINGS
                warnings.filters[:] = [f for f in warnings.filters if f[0] != "error"]  # type: ignore[index]
            return arguments.command(arguments)
    except SystemExit as error:  # of somebody's code; argparse's own came before
        raise RuntimeError(f"the program was told to exit, with {error.code!r}") from error


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


def _warn(message: Warning | str, *_: Any) -> None:
    complain(message)


def _list(a: argparse.Namespace) -> int:
    for name in afnlab.list_activations():
        record = afnlab.get_activation(name)
        if a.long:
            params = ", ".join(f"{n}={p.default:g}" for n, p in record.params.items())
            say(f"{name:13}{'nn.' + record.module.split()[0]:16}{params}")
        else:
            say(name)
    if a.long:
        say()
        say("tasks:")
        for name in afnlab.list_tasks():
            say(f"{name:20}{afnlab.get_task(name).summary}")
    return 0


def _check(a: argparse.Namespace) -> int:
    from afnlab.analysis import check  # noqa: PLC0415

    table = check.check(a.refs)
    for line in (*check.lines(table), check.summary(table)):
        say(line)
    wrong = (table[list(check.COLUMNS[:-1])] != "").any(axis=None)
    return int(wrong or check.unchecked(table, a.refs))


def _bench(a: argparse.Namespace) -> int:
    chosen = {"compiled": True} if a.compile else {}
    chosen |= {"beside": a.beside} if a.beside else {}
    if chosen and a.name != "activations":
        raise ValueError("bench: --compile and --beside are for activations")
    if a.task:
        if a.name != "train":
            raise ValueError("bench: --task is for train")
        chosen["task"] = a.task
    bench.main(a.name, a.device, a.rounds, a.json, **chosen)
    return 0


def _data(a: argparse.Namespace) -> int:
    from afnlab.training import files  # noqa: PLC0415

    for name in a.names:
        files.source(name)
    chosen = a.names or list(files.SOURCES)
    if a.action == "list":
        for name in chosen:
            source = files.source(name)
            say(f"{name:10}{files.state(name):16}{files.folder_of(name)}")
            say(f"{'':10}{source.title}")
        return 0
    if a.action == "fetch":
        if not a.names:
            raise ValueError(f"data fetch: name what to fetch, of {', '.join(files.SOURCES)}")
        for name in chosen:
            say(f"{name} is in {files.fetch(name)}")
        return 0
    if not a.names:
        chosen = [name for name in chosen if files.state(name) != "absent"]
    wrong = {name: files.problems(name) for name in chosen}
    for name, found in wrong.items():
        for problem in found:
            complain(problem)
        if not found and files.originals(name):
            say(f"{name} is whole, in {files.folder_of(name)}: its published checksums")
        elif not found:
            found.append(f"{files.folder_of(name)}: {files.NOT_PUBLISHED.format(name)}")
            complain(found[-1])
    if not chosen:
        say("no data set is here; `afnlab data list` names them")
    return 1 if any(wrong.values()) else 0


def _doctor(a: argparse.Namespace) -> int:
    from afnlab import doctor  # noqa: PLC0415

    return doctor.main()


def _lab(a: argparse.Namespace) -> int:
    from afnlab import lab  # noqa: PLC0415

    return lab.main(Path(a.folder), a.rest)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="afnlab",
        description="Is an activation function any good? Train, compare, report.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"afnlab {afnlab.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Any, text: str, *examples: str) -> argparse.ArgumentParser:
        shown = "".join(f"\n  afnlab {name} {words}".rstrip() for words in examples)
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"examples:{shown}" if shown else None,
        )
        sub.set_defaults(command=command)
        return sub

    def runs(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--runs", help="folder of runs, or a URL (default: $AFNLAB_RUNS, or runs)")

    def limits(sub: argparse.ArgumentParser) -> None:
        for name in cli_runs.LIMITS:
            flag = "--" + name.replace("_", "-")
            sub.add_argument(flag, type=int, metavar="N", help="in place of the sweep's own")

    sub = add("list", _list, "names of the activations")
    sub.add_argument("-l", "--long", action="store_true", help="with parameters, and the tasks")

    text = "are values and slopes finite, and slopes right? of anybody's too"
    sub = add(
        "check", _check, text, "srelu gelu", "my_idea.py:softer torch.nn:SiLU torch_activation"
    )
    sub.add_argument(
        "refs",
        nargs="*",
        metavar="REF",
        help="a name, my.py:thing, package.module:thing, or a package (default: all of ours)",
    )

    cli_runs.register(add, runs, limits)

    cli_analysis.register(add, runs, limits)

    text = "measure speed against a named peer, in one run"
    sub = add("bench", _bench, text, "train", "activations --json runs/speed.json")
    sub.add_argument("name", choices=bench.NAMES, help="what to measure")
    sub.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    sub.add_argument("--rounds", type=int, default=15, help="turns of each rival (default 15)")
    sub.add_argument("--json", metavar="FILE", help="write the figures and the machine there too")
    sub.add_argument("--compile", action="store_true", help="activations: torch.compile as well")
    sub.add_argument(
        "--beside",
        action="append",
        metavar="REF",
        help="activations: somebody else's as well, my.py:thing or package.module:thing",
    )
    sub.add_argument(
        "--task", metavar="TASK", help="train: cifar100-convnet or cifar10-airbench94 (else MNIST)"
    )

    text = "list, fetch or verify the data sets of the tasks"
    sub = add("data", _data, text, "list", "fetch mnist cifar10")
    sub.add_argument("action", choices=["list", "fetch", "verify"], help="what to do")
    text = "mnist, cifar10, cifar100 (default: all; fetch wants names)"
    sub.add_argument("names", nargs="*", metavar="NAME", help=text)

    add("doctor", _doctor, "say what is installed, what works, and what does not")
    text = "open copies of the notebooks in JupyterLab"
    sub = add("lab", _lab, text, "--folder ideas -- --port 9000")
    text = "where the copies go (default afnlab-notebooks)"
    sub.add_argument("--folder", default="afnlab-notebooks", help=text)
    sub.add_argument("rest", nargs="*", help="further arguments for jupyter lab, after --")
    return parser


if __name__ == "__main__":
    sys.exit(command())
