"""`afnlab report` and `afnlab verify`."""

from __future__ import annotations

import argparse

from afnlab.cli.flags import OfTable, add_code_flag, add_comparison_flags, comparison, examples


def add_report(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("report", "", "default --margin 0.5")
    sub.set_defaults(command=_report)
    add_comparison_flags(sub)
    sub.add_argument(
        "--out",
        help="folder to write to (default reports/SWEEP; with --budget 16 reports/SWEEP-budget-16)",
    )
    sub.add_argument("--table", action=OfTable, help=argparse.SUPPRESS)
    sub.add_argument(
        "--no-pdf", action="store_true", help="write no PDF, even where Chromium is installed"
    )


def _report(a: argparse.Namespace) -> int:
    from afnlab import report

    report.write(out=a.out, pdf=not a.no_pdf, **comparison(a))
    return 0


def add_verify(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("verify", "reports/default --rerun 3")
    sub.set_defaults(command=_verify)
    sub.add_argument("report", help="a report's folder, or its page")
    sub.add_argument(
        "--rerun", type=int, default=1, metavar="K", help="number of runs to rerun (default 1)"
    )
    sub.add_argument("--seed", type=int, default=0, help="seed of the random choice of these runs")
    sub.add_argument("--runs", help="folder of runs (default: the one the report was made from)")
    add_code_flag(sub)


def _verify(a: argparse.Namespace) -> int:
    """Exit status: 0 all agrees, 1 something differs or failed, 2 a run could not be compared."""
    from afnlab.messages import say
    from afnlab.report.verify import AGREES, NOT_COMPARED, verify

    outcome = verify(a.report, rerun=a.rerun, seed=a.seed, runs=a.runs, code=a.code)
    if outcome is AGREES:
        also = "the runs made again gave the same bits" if a.rerun else "no run was made again"
        say(f"verified: the report is what its runs give, and {also}")
    elif outcome is NOT_COMPARED:
        say("not verified: nothing differs, but not everything could be compared, see above")
    else:
        say("not verified: something is not as it was, see above")
    return outcome.value
