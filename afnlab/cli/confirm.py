"""`afnlab confirm`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from afnlab.cli.compare import say_comparison
from afnlab.cli.executor_flags import add_executor_flags, executor_of
from afnlab.cli.flags import (
    add_difference_flags,
    add_limit_flags,
    add_only_flag,
    add_runs_flag,
    examples,
    limits,
)
from afnlab.messages import say

_SHARED = ("runs", "baseline", "margin", "metric")  # of what trains and of what compares


def add_confirm(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("confirm", "default gelu", "mine.yaml 'srelu(t=1.5)' --seeds 20")
    sub.set_defaults(command=_confirm)
    sub.add_argument("sweep", help="the sweep in whose runs the row was picked")
    sub.add_argument("row", help="the row, as `afnlab compare` names it")
    text = "how many fresh seeds, 6 or more (default: as many as the report proposes)"
    sub.add_argument("--seeds", type=int, metavar="N", help=text)
    text = (
        "train so few seeds although the observed difference, or the correction of p, takes more,"
        " which cannot follow"
    )
    sub.add_argument("--few", action="store_true", help=text)
    add_difference_flags(sub)
    add_only_flag(sub, "the rows among which it was picked")
    add_executor_flags(sub)
    add_limit_flags(sub)
    add_runs_flag(sub)


def _confirm(a: argparse.Namespace) -> int:
    from afnlab.compare import select
    from afnlab.compare.train_confirmation import confirm
    from afnlab.runs.filtering import parsed
    from afnlab.runs.notebook_parameters.parsing import command

    only = parsed(a.only)
    shared: dict[str, Any] = {name: getattr(a, name) for name in _SHARED} | limits(a)
    how: dict[str, Any] = {"seeds": a.seeds, "few": a.few, "executor": executor_of(a)}
    outcome = confirm(a.sweep, a.row, only=only, **how, **shared)
    for spec, error in outcome.failed:
        say(f"failed: {spec.label}: {error}", sys.stderr)
        say(f"  {error.link}", sys.stderr)
    if outcome.failed:
        return 1
    for part in select(sweep=a.sweep, only=only, confirmation=True, **shared):
        say_comparison(part.setting, part)
        say()
    page = command("report", a.sweep, "--confirmation", **shared, only=tuple(a.only))
    say(f"{page} writes the page about it")
    return 0
