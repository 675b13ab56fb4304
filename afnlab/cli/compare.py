"""`afnlab compare`."""

from __future__ import annotations

import argparse

from afnlab.cli.flags import add_comparison_flags, comparison, examples
from afnlab.compare import select, summary_table
from afnlab.messages import say


def add_compare(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("compare", "", "default --baseline gelu")
    sub.set_defaults(command=_compare)
    add_comparison_flags(sub)


def _compare(a: argparse.Namespace) -> int:
    for part in select(**comparison(a)):
        say(part.setting)
        for line in summary_table.as_text(part.table, part.measure).splitlines():
            say(line)
        for question, answer in part.answers.items():
            say(f"{question:13} {answer}")
        for note in part.notes:
            say(note)
    return 0
