"""`afnlab list` and `afnlab check`."""

from __future__ import annotations

import argparse

import afnlab
from afnlab.cli.flags import examples
from afnlab.functions import check
from afnlab.messages import say


def add_list(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command=_list)
    sub.add_argument("-l", "--long", action="store_true", help="with parameters, and the tasks")


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


def add_check(sub: argparse.ArgumentParser) -> None:
    words = ("srelu gelu", "my_idea.py:softer torch.nn:SiLU torch_activation")
    sub.epilog = examples("check", *words)
    sub.set_defaults(command=_check)
    sub.add_argument(
        "refs",
        nargs="*",
        metavar="REF",
        help="a name, my.py:thing, package.module:thing, or a package (default: all of ours)",
    )


def _check(a: argparse.Namespace) -> int:
    table = check.check(a.refs)
    for line in (*check.lines(table), check.summary(table)):
        say(line)
    wrong = (table[list(check.COLUMNS[:-1])] != "").any(axis=None)
    return int(wrong or check.unchecked(table, a.refs))
