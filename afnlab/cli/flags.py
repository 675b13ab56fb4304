"""Flags that several commands share."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any, NoReturn

from afnlab.runs.conventions import DEFAULT_BASELINE

CONDITIONS = {
    "epochs": "epochs of each training",
    "limit_train": "how many of the training examples are used",
    "limit_test": "how many of the test examples are used",
}
LIMITS = {**CONDITIONS, "budget": "candidates of each tuning"}
TABLES = (".csv", ".tsv")


def examples(command: str, *words: str) -> str:
    """The end of a command's help."""
    shown = "".join(f"\n  afnlab {command} {text}".rstrip() for text in words)
    return f"examples:{shown}"


def add_runs_flag(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--runs", help="folder of runs, or a URL (default: $AFNLAB_RUNS, or runs)")


def add_code_flag(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--code",
        metavar="FOLDER",
        help="where files of your own are looked for that are not where they were when a run was"
        " made (default: the current folder)",
    )


def add_limit_flags(sub: argparse.ArgumentParser) -> None:
    for name, what in LIMITS.items():
        flag = "--" + name.replace("_", "-")
        sub.add_argument(flag, type=int, metavar="N", help=f"{what} (default: the sweep's)")


def add_only_flag(sub: argparse.ArgumentParser, text: str) -> None:
    sub.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="KEY=VALUE[,VALUE...]",
        help=f"{text}; may be repeated with other keys",
    )


def limits(a: argparse.Namespace) -> dict[str, int | None]:
    """What is given in place of a sweep's own settings."""
    return {name: getattr(a, name) for name in LIMITS}


CANDIDATES = 8  # of a tuning; `afnlab.training.tune.FAIR` has as many, and needs torch


def add_training_flags(sub: argparse.ArgumentParser) -> None:
    """How a command trains by itself, and where it keeps the runs."""
    for name, what in CONDITIONS.items():
        flag = "--" + name.replace("_", "-")
        sub.add_argument(flag, type=int, metavar="N", help=f"{what} (default: the task's)")
    text = f"tune both at every seed, with N candidates ({CANDIDATES} if no N is given); 0: do not"
    text += "; or what is tuned in place of the learning rate from 3e-4 to 0.1 and the scale of the"
    text += " initial weights, as in '{lr: {from: 1e-5, to: 0.1, log: true}, budget: 8}'"
    sub.add_argument("--tune", nargs="?", const=str(CANDIDATES), metavar="N", help=text)
    add_jobs_flag(sub)
    add_runs_flag(sub)


def training(a: argparse.Namespace) -> dict[str, Any]:
    """What the flags of `add_training_flags` say."""
    from afnlab.runs.notebook_parameters.parsing import assigned

    tune = None if a.tune is None else assigned(a.tune, "--tune")
    return {**{name: getattr(a, name) for name in (*CONDITIONS, "jobs", "runs")}, "tune": tune}


def add_confirm_flag(sub: argparse.ArgumentParser) -> None:
    text = "another task, on which an improvement must be one too, with fresh seeds on both"
    sub.add_argument("--confirm", metavar="TASK", help=text)


def add_jobs_flag(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--jobs", type=int, default=1, help="how many runs to execute at once (default 1)"
    )


def add_threads_flag(sub: argparse.ArgumentParser) -> None:
    text = "threads of each run (default: the cores, shared by the jobs)"
    sub.add_argument("--threads", type=int, help=text)


def add_timeout_flag(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--timeout", type=float, metavar="S", help="seconds that a run may take")


def timeout(a: argparse.Namespace) -> float | None:
    """The seconds that a run may take; ValueError unless they are above 0."""
    if a.timeout is not None and not a.timeout > 0:
        raise ValueError(f"--timeout must be above 0 seconds, got {a.timeout:g}")
    return a.timeout


def of_table(file: str) -> str:
    """The command that compares the results in a file."""
    return f"afnlab compare --table {shlex.quote(file)} --label COLUMN --value COLUMN"


class OfTable(argparse.Action):
    """--table of a command that takes no table: says which one does."""

    def __call__(
        self, parser: argparse.ArgumentParser, _: object, file: object, *__: object
    ) -> NoReturn:
        parser.error(f"what takes --table is another command: {of_table(str(file))}")


class AllSeeds(argparse.Action):
    """--seeds of a command that trains nothing: says which seeds it takes."""

    def __call__(
        self, parser: argparse.ArgumentParser, _: object, seeds: object, *__: object
    ) -> NoReturn:
        parser.error(
            "--seeds is of what trains, and this takes all seeds that are in the folder of runs; to"
            " look at some alone, train them in a folder of their own and name that: `afnlab sweep"
            f" SWEEP --seeds {shlex.quote(str(seeds or 'N'))} --runs FOLDER`, and here --runs"
            " FOLDER"
        )


def add_comparison_flags(sub: argparse.ArgumentParser) -> None:
    """What a comparison is of, and with what."""
    sub.add_argument("sweep", nargs="?", help="the runs of this sweep (default: all there are)")
    add_difference_flags(sub)
    sub.add_argument(
        "--speed",
        default="",
        metavar="FILE",
        help="costs, of `afnlab bench activations --json FILE` (default: speed.json in RUNS)",
    )
    add_only_flag(sub, "rows with this value of a parameter, or with one of several")
    sub.add_argument(
        "--confirmation",
        action="store_true",
        help="the fresh seeds of `afnlab confirm` alone, in place of those that picked a row",
    )
    add_limit_flags(sub)
    add_runs_flag(sub)
    hidden = argparse.SUPPRESS
    sub.add_argument("--seeds", action=AllSeeds, nargs="?", default=hidden, help=hidden)


def add_difference_flags(sub: argparse.ArgumentParser) -> None:
    """From what differences are taken, in which metric, and how large one has to be."""
    sub.add_argument(
        "--baseline",
        default="",
        help=f"the row that others are compared with (default: the sweep's, or {DEFAULT_BASELINE})",
    )
    sub.add_argument(
        "--margin",
        type=float,
        metavar="SIZE",
        help="largest difference that does not matter, in the unit of the table (points, dB)",
    )
    sub.add_argument(
        "--metric",
        default="",
        metavar="NAME",
        help="compare another metric that the task records (default: what it is judged by)",
    )


def comparison(a: argparse.Namespace) -> dict[str, Any]:
    """What `select` is given; ValueError for a margin that is not above 0."""
    from afnlab.runs.filtering import parsed

    if a.margin is not None and not 0 < a.margin < float("inf"):
        raise ValueError(f"--margin must be above 0, got {a.margin:g}")
    if a.sweep and Path(a.sweep).suffix.lower() in TABLES:
        raise ValueError(f"{a.sweep} is no sweep; for a table of results: {of_table(a.sweep)}")
    arguments = {
        name: getattr(a, name) for name in ("runs", "baseline", "margin", "metric", "speed")
    }
    arguments |= {"only": parsed(a.only), "confirmation": a.confirmation}
    return {"sweep": a.sweep or "", **arguments, **limits(a)}
