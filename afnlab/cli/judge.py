"""`afnlab judge` and `afnlab ledger`."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from afnlab.cli.flags import add_confirm_flag, add_training_flags, examples, training
from afnlab.messages import complain, counted, say
from afnlab.runs.conventions import DEFAULT_BASELINE
from afnlab.usercode.lookup import expanded

# The exit status by verdict; 1 and 2 are failures and bad input, as everywhere.
STATUS = {
    "better": 0,
    "improvement": 0,
    "worse": 10,
    "equivalent": 11,
    "open": 12,
    "not confirmed": 13,
}
_EPILOG = f"""

exit status: {", ".join(f"{status} {verdict}" for verdict, status in STATUS.items())}"""


def add_judge(sub: argparse.ArgumentParser) -> None:
    words = (
        "my_idea.py:softer --against relu_squared --task names-gpt",
        "my_idea.py:softer --ledger ideas.jsonl --task digits-mlp --confirm breast-cancer",
        "my_idea.py:another --ledger ideas.jsonl --json",
    )
    sub.epilog = examples("judge", *words) + _EPILOG
    sub.set_defaults(command=_judge)
    sub.add_argument("idea", help="a name, or my.py:thing")
    sub.add_argument(
        "--against", help=f"the baseline (default: the ledger's, or {DEFAULT_BASELINE})"
    )
    sub.add_argument("--task", help="a name, or my.py:thing (default: the ledger's)")
    text = "a difference too small to matter, as it is printed: in points, dB, ..."
    sub.add_argument("--margin", type=float, metavar="SIZE", help=text)
    text = "the file of a campaign; without it the verdict is about this idea alone"
    sub.add_argument("--ledger", metavar="FILE", help=text)
    add_confirm_flag(sub)
    text = "seeds after which the verdict is open (default 40)"
    sub.add_argument("--most", type=int, metavar="N", help=text)
    text = "1 minus the probability of a wrong verdict, or the share of false discoveries"
    sub.add_argument("--level", type=float, metavar="SHARE", help=f"{text} (default 0.95)")
    text = "train the baseline anew for every idea of the ledger, with seeds of its own"
    sub.add_argument("--own-seeds", action="store_true", default=None, help=text)
    text = "judge by seeds alone with which neither has been trained, so that they picked nothing"
    sub.add_argument("--fresh", action="store_true", help=text)
    sub.add_argument(
        *("-p", "--parameter"),
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="one of the idea's, or of the task for both; may be repeated",
    )
    add_training_flags(sub)
    sub.add_argument("--json", action="store_true", help="print the verdict as JSON")
    sub.add_argument("--figure", metavar="FILE", help="draw the evidence: .svg, .png or .pdf")


def _judge(a: argparse.Namespace) -> int:
    if a.figure is not None:
        _check_figure(expanded(a.figure), a.ledger)
    from afnlab.judging import judge
    from afnlab.runs.execution import RunFailed
    from afnlab.runs.notebook_parameters.parsing import assignments

    try:
        judgement = judge(
            a.idea,
            a.against,
            a.task,
            margin=a.margin,
            confirm=a.confirm,
            ledger=a.ledger,
            most=a.most,
            level=a.level,
            own_seeds=a.own_seeds,
            fresh=a.fresh,
            params=assignments(a.parameter, "-p"),
            report=partial(say, file=sys.stderr),
            **training(a),
        )
    except RunFailed as error:
        complain(f"{error}; see {error.link}")
        return 1
    if a.json:
        print(json.dumps(judgement.described(), allow_nan=False))  # a program's, however long
    else:
        for line in judgement.lines:
            say(line)
    if a.figure is not None:
        judgement.figure().savefig(expanded(a.figure), facecolor="white")
        say(f"wrote {a.figure}", sys.stderr if a.json else None)
    return STATUS[judgement.verdict]


def _check_figure(path: Path, ledger: str | None) -> None:
    """ValueError for a file that could not be written after all seeds, or is the ledger."""
    from afnlab.runs.storage.safe_files import are_same

    if path.suffix not in (".svg", ".png", ".pdf"):
        raise ValueError(f"--figure must end in .svg, .png or .pdf, got {path}")
    if not path.parent.is_dir() or path.is_dir():
        raise ValueError(f"--figure must be a file in a folder that is there, got {path}")
    if ledger is not None and are_same(path, expanded(ledger)):
        raise ValueError(f"--figure must be another file than --ledger, got {path}")


def add_ledger(sub: argparse.ArgumentParser) -> None:
    words = (
        "show ideas.jsonl",
        "verify ideas.jsonl",
        "merge mine.jsonl yours.jsonl --out both.jsonl",
    )
    sub.epilog = examples("ledger", *words)
    sub.set_defaults(command=_ledger)
    actions = sub.add_subparsers(required=True, metavar="ACTION", dest="action")
    for name, text in (
        ("show", "how the ideas of a campaign stand"),
        ("verify", "check that no line was edited, removed or added"),
        ("merge", "write several ledgers of one campaign as one"),
        ("page", "write a ledger as an HTML page"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        if name == "merge":
            action.add_argument("files", nargs="+", metavar="FILE", help="ledgers")
        else:
            action.add_argument("file", help="the ledger")
        if name == "verify":
            meaning = "what a verdict printed as its end: it must be in the ledger"
            action.add_argument("--holds", metavar="DIGEST", help=meaning)
        if name in ("merge", "page"):
            action.add_argument("--out", required=True, metavar="FILE", help="what to write")


def _ledger(a: argparse.Namespace) -> int:
    from afnlab.judging.ledger import Ledger, merge

    if a.action == "merge":
        made = merge(map(Ledger.read, a.files), a.out)
        say(f"wrote {made.path}: {counted(len(made.standings), 'idea')}, ends in {made.head[:12]}")
        return 0
    ledger = Ledger.read(a.file)
    if a.action == "page":
        from afnlab.judging.ledger_page import write_page

        say(f"wrote {write_page(ledger, a.out)}")
        return 0
    if a.action == "show":
        for line in ledger.lines:
            say(line)
        return 0
    if a.holds is not None and not ledger.holds(a.holds):
        complain(f"{ledger.path}: holds no event {a.holds}; it was another ledger, or was cut off")
        return 1
    events = counted(len(ledger.events), "event")
    say(f"{ledger.path}: {events}, nothing was changed; it ends in {ledger.head[:12]}")
    return 0
