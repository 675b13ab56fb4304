"""`afnlab compare`."""

from __future__ import annotations

import argparse

from afnlab.cli.flags import add_comparison_flags, comparison, examples
from afnlab.compare import ForeignComparison, Selection, compare_table, select, summary_table
from afnlab.messages import say

_OF_BOTH = ("baseline", "margin")
COLUMNS = ("label", "seed", "value", "epoch", "better", "unit")  # flags of --table


def add_compare(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples(
        "compare",
        "",
        "default --baseline gelu",
        "--table results.csv --label method --seed seed --value acc",
    )
    sub.set_defaults(command=_compare)
    add_comparison_flags(sub)
    own = sub.add_argument_group("results of your own, a row a method and seed")
    own.add_argument(
        "--table", metavar="FILE", help="a CSV, or an export of W&B's or MLflow's runs"
    )
    own.add_argument("--label", metavar="COLUMN", help="what is compared (default: label)")
    own.add_argument("--seed", metavar="COLUMN", help="what pairs the rows (default: seed)")
    own.add_argument("--value", metavar="COLUMN", help="the result (default: value)")
    own.add_argument("--epoch", metavar="COLUMN", help="epochs or steps, of which the last counts")
    own.add_argument("--better", choices=("higher", "lower"), help="values (default: higher)")
    own.add_argument("--unit", help="of the values, as it is printed")
    own.add_argument("--out", metavar="FOLDER", help="write page, tables and figure there")


def _compare(a: argparse.Namespace) -> int:
    given = comparison(a)
    columns = {n: value for n in COLUMNS if (value := getattr(a, n)) is not None}
    if a.table is None:
        for name in (*columns, *(["out"] if a.out else [])):
            raise ValueError(f"--{name} goes with --table FILE")
        for part in select(**given):
            _say(part.setting, part)
        return 0
    for name in [n for n, v in given.items() if v not in (None, "") and n not in _OF_BOTH]:
        raise ValueError(f"--table compares a file; leave out {name.replace('_', '-')}")
    one = compare_table(a.table, baseline=a.baseline, margin=a.margin, **columns)
    _say(f"{one.name}: {one.measure.label}, against {one.baseline}", one)
    if a.out:
        from afnlab.report.foreign_page import write_foreign  # noqa: PLC0415  (brings plotting)

        say(f"wrote {write_foreign(one, a.out)}")
    return 0


def _say(head: str, part: Selection | ForeignComparison) -> None:
    say(head)
    for line in summary_table.as_text(part.table, part.measure).splitlines():
        say(line)
    for question, answer in part.answers.items():
        say(f"{question:13} {answer}")
    for note in part.notes:
        say(note)
