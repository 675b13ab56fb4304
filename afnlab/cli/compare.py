"""`afnlab compare`."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from afnlab.cli.flags import add_comparison_flags, comparison, examples, limits
from afnlab.cli.terminal import BOLD, GAP, VERDICTS, middle_cut, tell, tell_left_out, width
from afnlab.messages import say

if TYPE_CHECKING:
    from afnlab.compare import ForeignComparison, Selection

_OF_BOTH = ("baseline", "margin")
_NOTHING: tuple[object, ...] = (None, "", {}, False)
LEAST = ("95 % CI of the difference", "95 % CI", "adjusted CI", "seeds", "difference")
OF_NOTEBOOKS = "a sweep of a notebook that is no training"
COLUMNS = ("label", "seed", "value", "epoch", "better", "unit", "encoding")  # flags of --table


def add_compare(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples(
        "compare",
        "",
        "default --baseline gelu",
        "default --only activation=gelu,selu",
        "my_sweep.yaml --metric slope --baseline noise=0.1",
        "--table results.csv --label method --seed seed --value acc",
    )
    sub.set_defaults(command=_compare)
    add_comparison_flags(sub)
    columns = sub.add_argument_group(
        "results of your own",
        "a table with one row per method and seed; --seed, --better, --unit, --unpaired\n"
        "and --out also go with a sweep of a notebook of yours, and --metric NAME with it",
    )
    columns.add_argument(
        "--table", metavar="FILE", help="a CSV, or an export of W&B's or MLflow's runs"
    )
    columns.add_argument("--label", metavar="COLUMN", help="what is compared (default: label)")
    columns.add_argument("--seed", metavar="COLUMN", help="what pairs the rows (default: seed)")
    columns.add_argument("--value", metavar="COLUMN", help="the result (default: value)")
    columns.add_argument(
        "--epoch", metavar="COLUMN", help="epochs or steps, of which the last counts"
    )
    columns.add_argument(
        "--better",
        choices=("higher", "lower"),
        help="which values are better (default: higher; losses, errors and times have none)",
    )
    columns.add_argument("--unit", help="the unit of the values, printed after them")
    columns.add_argument(
        "--unpaired",
        action="store_true",
        help="compare means without pairs: for methods that share no seed",
    )
    columns.add_argument("--encoding", help="the encoding of the file (default: utf-8)")
    columns.add_argument("--out", metavar="FOLDER", help="write page, tables and figure there")


def _compare(a: argparse.Namespace) -> int:
    from afnlab.compare import compare_table, select
    from afnlab.runs.sweeps import sweep_file

    arguments = comparison(a)
    columns = {n: value for n in COLUMNS if (value := getattr(a, n)) is not None}
    if a.table is None and a.sweep and not sweep_file.read(a.sweep).trains:
        return _compare_metric(a)
    if a.table is None:
        for name in (*columns, *(n for n in ("unpaired", "out") if getattr(a, n))):
            raise ValueError(f"--{name} goes with --table FILE, or with {OF_NOTEBOOKS}")
        for number, part in enumerate(select(**arguments)):
            if number:
                say()
            say_comparison(part.setting, part)
        return 0
    for name in [n for n, v in arguments.items() if v not in _NOTHING and n not in _OF_BOTH]:
        raise ValueError(f"--table compares a file; leave out {name.replace('_', '-')}")
    return _say_whole(
        a,
        compare_table(
            a.table, baseline=a.baseline, margin=a.margin, unpaired=a.unpaired, **columns
        ),
    )


def _compare_metric(a: argparse.Namespace) -> int:
    """What a sweep of a notebook that is no training has measured."""
    from afnlab.compare import compare_metric

    for name in COLUMNS:
        if getattr(a, name) is not None and name not in ("seed", "better", "unit"):
            raise ValueError(f"--{name} goes with --table FILE")
    arguments = comparison(a)
    for name in ("speed", "confirmation", *limits(a)):
        if arguments.pop(name):
            flag = name.replace("_", "-")
            raise ValueError(f"--{flag} does not go with {OF_NOTEBOOKS}")
    arguments |= {"unit": a.unit or "", "unpaired": a.unpaired}
    arguments |= {name: value for name in ("seed", "better") if (value := getattr(a, name))}
    return _say_whole(a, compare_metric(**arguments))


def _say_whole(a: argparse.Namespace, one: ForeignComparison) -> int:
    lines: list[str] = []
    if a.out:  # written before anything is printed: `| head` may end the command
        from afnlab.report.foreign_page import write_foreign

        write_foreign(one, a.out, lines.append)
    asks = one.name.endswith(("?", "!", "."))  # a title that is a sentence
    say_comparison(f"{one.name} ({one.subject})" if asks else f"{one.name}: {one.subject}", one)
    for line in lines:
        say(line)
    return 0


def say_comparison(head: str, part: Selection | ForeignComparison) -> None:
    """The answers, then the numbers behind them, then what has to be known to read these."""
    say(head, styles={head: BOLD})
    indent = max(map(len, part.answers), default=0) + len(GAP)
    for question, answer in part.answers.items():
        tell(answer, question, indent)
    say()
    _say_table(part)
    for note in part.notes:
        say()
        tell(note)


def _say_table(part: Selection | ForeignComparison) -> None:
    from afnlab.compare import summary_table

    limit, left_out = width(), 0
    table = (
        part.table if limit is None else part.table.rename(index=partial(middle_cut, limit // 3))
    )

    def lines(left_out: int) -> list[str]:
        without = LEAST[:left_out]
        return summary_table.as_text(table, part.measure, without).splitlines()

    while limit and len(lines(left_out)[0]) > limit and left_out < len(LEAST):
        left_out += 1
    head, *rows = lines(left_out)
    say(head)
    for line, verdict in zip(rows, part.table.verdict, strict=True):
        say(line, styles={verdict: VERDICTS[verdict]} if verdict in VERDICTS else {})
    tell_left_out(LEAST[:left_out])
