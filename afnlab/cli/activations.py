"""`afnlab list`, `afnlab check` and `afnlab signal`."""

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


def add_signal(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("signal", "gelu", "srelu -p t 0.5 --sigma-w 1.4 --sigma-b 0.4")
    sub.set_defaults(command=_signal)
    sub.add_argument("refs", nargs="+", metavar="REF", help="a name, or my.py:thing")
    sub.add_argument(
        "-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter"
    )
    help_w = "standard deviation of the weights times sqrt(inputs) (default: the gain)"
    sub.add_argument("--sigma-w", type=float, metavar="S", help=help_w)
    sub.add_argument("--sigma-b", type=float, default=0.0, metavar="S", help="of the biases")


def _signal(a: argparse.Namespace) -> int:
    from afnlab.signal import summary  # noqa: PLC0415

    params = {name: _float(name, value) for name, value in a.p}
    for i, ref in enumerate(a.refs):
        try:
            facts = summary(ref, a.sigma_w, a.sigma_b, **params)
        except TypeError as error:  # a parameter that it has not
            raise ValueError(str(error)) from error
        if i:
            say()
        say(facts.name)
        wide = max(map(len, facts.index))
        for name, text in facts.items():
            say(f"  {name:{wide}}  {text}")
    return 0


def _float(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"-p {name} must be a number, got {text!r}") from None
