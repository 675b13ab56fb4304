"""The command line's words about runs; what they do is in `afnlab.runs.commands`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

LIMITS = ("epochs", "limit_train", "limit_test", "budget")
_Adds = Callable[[argparse.ArgumentParser], None]


def limits(a: argparse.Namespace) -> dict[str, Any]:
    """What is given in place of a sweep's own settings."""
    return {name: getattr(a, name, None) for name in LIMITS}


def _run(a: argparse.Namespace) -> int:
    from afnlab.runs import commands  # noqa: PLC0415

    return commands.run(a)


def _sweep(a: argparse.Namespace) -> int:
    from afnlab.runs import commands  # noqa: PLC0415

    return commands.sweep(a, {"seeds": commands.seeds(a.seeds), **limits(a)})


def _tune(a: argparse.Namespace) -> int:
    from afnlab.runs import commands  # noqa: PLC0415

    return commands.tune(a, {"seeds": commands.seeds(a.seeds), **limits(a)})


def _runs(a: argparse.Namespace) -> int:
    from afnlab.runs import commands  # noqa: PLC0415

    return commands.runs(a)


def _rerun(a: argparse.Namespace) -> int:
    from afnlab.runs import commands  # noqa: PLC0415

    return commands.rerun(a)


def _sweep_flags(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("file", help="a YAML file, or the name of one of afnlab's (default, small)")
    sub.add_argument("--seeds", help="how many, or a list such as [3, 5], in place of the file's")
    sub.add_argument("--jobs", type=int, default=1, help="notebooks side by side (default 1)")
    sub.add_argument("--dry-run", action="store_true", help="print the runs, and which are there")
    sub.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="the runs with this value of a parameter; may be repeated",
    )
    sub.add_argument("--retry-failed", action="store_true", help="try again what failed before")
    sub.add_argument(
        "--threads", type=int, help="torch's in each run (default: shared by the jobs)"
    )
    sub.add_argument("--gpus-per-run", type=int, default=0, metavar="N", help="of its own")
    text = "a Dask scheduler, tcp://host:port; or local: workers of Dask on this machine"
    sub.add_argument("--scheduler", metavar="ADDRESS", help=text)
    text = "have Slurm start the jobs, with queue=..., account=..., memory=..., walltime=..."
    sub.add_argument("--slurm", nargs="*", metavar="KEY=VALUE", help=text)


def _runs_actions(sub: argparse.ArgumentParser, runs: _Adds) -> None:
    actions = sub.add_subparsers(required=True, metavar="ACTION", dest="action")
    for name, text in (
        ("list", "what is there"),
        ("show", "the record of a run"),
        ("diff", "what differs between the records of two"),
        ("rm", "delete runs"),
        ("gc", "delete what killed sweeps left, and failures that are made good or out of date"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        runs(action)
        if name == "list":
            action.add_argument("--state", choices=["done", "stale", "failed"], help="only these")
        elif name == "show":
            action.add_argument("id", help="its id, or how that begins")
        elif name == "diff":
            action.add_argument("one", help="its id, or how that begins")
            action.add_argument("other", help="the other's")
        elif name == "rm":
            action.add_argument("ids", nargs="+", metavar="ID", help="or how it begins")
        else:
            action.add_argument("--stale", action="store_true", help="whole runs of other code too")
            action.add_argument("--dry-run", action="store_true", help="only say what")


def register(add: Callable[..., argparse.ArgumentParser], runs: _Adds, limits: _Adds) -> None:
    """Add the commands; `runs` and `limits` add the flags that they share with others."""

    def timeout(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--timeout", type=float, metavar="S", help="seconds that a run may take")

    text = "execute a notebook with parameters and keep what it leaves"
    examples = "train -p activation srelu -p t 1.5 -p seeds 12", "own.ipynb -p rate 0.5"
    sub = add("run", _run, text, *examples)
    sub.add_argument("notebook", help="one of afnlab's (train), or a path")
    sub.add_argument(
        *("-p", "--parameter"),
        nargs=2,
        type=str,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="one of the notebook's, the activation's or the task's; may be repeated",
    )
    timeout(sub)
    runs(sub)

    text = "make the runs of a sweep file that are not there yet"
    examples = "default --seeds 24 --jobs 2", "mine.yaml --only activation=srelu --dry-run"
    tuned = "make the runs of a sweep file, each tuned first, all within the same budget"
    for name, command, words, shown in (
        ("sweep", _sweep, text, examples),
        ("tune", _tune, tuned, ("small --budget 16", "mine.yaml --budget 4 --dry-run")),
    ):
        sub = add(name, command, words, *shown)
        _sweep_flags(sub)
        timeout(sub)
        limits(sub)
        runs(sub)

    actions = ("list --state failed", "show 3f2a", "diff 3f2a 77b0", "gc --stale --dry-run")
    _runs_actions(add("runs", _runs, "look after the folder of runs", *actions), runs)

    sub = add("rerun", _rerun, "execute a run again: are its numbers the same bits?", "3f2a")
    sub.add_argument("id", help="its id, or how that begins")
    timeout(sub)
    runs(sub)
