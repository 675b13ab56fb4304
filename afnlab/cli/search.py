"""`afnlab search`."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from afnlab.cli.flags import add_confirm_flag, add_training_flags, examples, training
from afnlab.messages import complain, say
from afnlab.runs.conventions import DEFAULT_BASELINE


def add_search(sub: argparse.ArgumentParser) -> None:
    words = ("digits-mlp --ledger found.jsonl", "names-gpt --ledger found.jsonl --ideas 20")
    sub.epilog = examples("search", *words)
    sub.set_defaults(command=_search)
    sub.add_argument("task", help="the task: a name, or my.py:thing")
    sub.add_argument(
        "--against", default=DEFAULT_BASELINE, help="the baseline (default %(default)s)"
    )
    sub.add_argument("--ledger", required=True, metavar="FILE", help="the file of the campaign")
    text = "where each expression becomes a file with an activation (default ideas)"
    sub.add_argument("--out", default="ideas", metavar="FOLDER", help=text)
    for name, usual, text in (
        ("ideas", 5, "how many are judged"),
        ("population", 12, "expressions of a generation"),
        ("seed", 0, "of the draws of expressions"),
    ):
        sub.add_argument(
            f"--{name}", type=int, default=usual, metavar="N", help=f"{text} ({usual})"
        )
    add_confirm_flag(sub)
    sub.add_argument("--most", type=int, metavar="N", help="most seeds of an idea (40)")
    add_training_flags(sub)


def _search(a: argparse.Namespace) -> int:
    from afnlab.runs.execution import RunFailed
    from afnlab.search import search

    try:
        judgements = search(
            a.task,
            a.against,
            ledger=a.ledger,
            out=a.out,
            ideas=a.ideas,
            population=a.population,
            seed=a.seed,
            confirm=a.confirm,
            most=a.most,
            report=partial(say, file=sys.stderr),
            **training(a),
        )
    except RunFailed as error:
        complain(f"{error}; see {error.link}")
        return 1
    for judgement in judgements:
        for line in judgement.lines:
            say(line)
        say()
    return 0
