"""The command line's words about comparing runs; what they do is in `afnlab.analysis`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from afnlab.cli_runs import limits
from afnlab.words import say

_Adds = Callable[[argparse.ArgumentParser], None]


def _compare(a: argparse.Namespace) -> int:
    from afnlab import analysis  # noqa: PLC0415

    given = (a.runs, a.sweep or "", a.baseline, _margin(a), a.speed)
    chosen = analysis.select(*given, **limits(a))
    for part in chosen:
        say(part.setting)
        for line in analysis.tables.as_text(part.table).splitlines():
            say(line)
        for question, answer in part.answers.items():
            say(f"{question:13} {answer}")
        for note in part.notes:
            say(note)
    return 0


def _report(a: argparse.Namespace) -> int:
    from afnlab import analysis  # noqa: PLC0415

    analysis.report.write(
        a.sweep or "",
        runs=a.runs,
        out=a.out,
        baseline=a.baseline,
        margin=_margin(a),
        speed=a.speed,
        pdf=not a.no_pdf,
        **limits(a),
    )
    return 0


def _margin(a: argparse.Namespace) -> float | None:
    if a.margin is None:
        return None
    if not 0 < a.margin < 100:
        raise ValueError(f"--margin must be above 0 and below 100 points, got {a.margin:g}")
    return a.margin / 100


def _verify(a: argparse.Namespace) -> int:
    from afnlab.analysis import verify  # noqa: PLC0415

    return 0 if verify.verify(a.report, rerun=a.rerun, seed=a.seed, runs=a.runs) else 1


def register(add: Callable[..., argparse.ArgumentParser], runs: _Adds, limited: _Adds) -> None:
    """Add the commands; `runs` and `limited` add the flags that they share with others."""
    for name, command, text, example in (
        ("compare", _compare, "print the comparison table of runs", "--baseline gelu"),
        ("report", _report, "write the report of runs as one HTML page", "--margin 0.5"),
    ):
        sub = add(name, command, text, "", f"default {example}")
        sub.add_argument("sweep", nargs="?", help="the runs of this sweep (default: all there are)")
        sub.add_argument(
            "--baseline", default="", help="what to compare with (default: the sweep's, or relu)"
        )
        sub.add_argument(
            "--margin",
            type=float,
            metavar="POINTS",
            help="a difference too small to matter, in points of accuracy",
        )
        sub.add_argument(
            "--speed",
            default="",
            metavar="FILE",
            help="costs, of `afnlab bench activations --json FILE` (default: speed.json in RUNS)",
        )
        limited(sub)
        runs(sub)
        if name == "report":
            sub.add_argument("--out", help="folder to write to (default reports/SWEEP)")
            sub.add_argument("--no-pdf", action="store_true", help="even where a Chromium is there")

    text = "recompute a report's tables, rerun some of its runs, compare"
    sub = add("verify", _verify, text, "reports/default --rerun 3")
    sub.add_argument("report", help="a report's folder, or its page")
    sub.add_argument("--rerun", type=int, default=1, metavar="K", help="runs to redo (default 1)")
    sub.add_argument("--seed", type=int, default=0, help="which they are is drawn with this seed")
    sub.add_argument("--runs", help="folder of runs (default: the one the report was made from)")
