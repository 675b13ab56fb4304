"""`afnlab doctor` and `afnlab lab`."""

from __future__ import annotations

import argparse

from afnlab.cli.flags import add_runs_flag, examples
from afnlab.cli.parser import Parser
from afnlab.usercode.lookup import expanded


def add_doctor(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(command=_doctor)


def _doctor(_: argparse.Namespace) -> int:
    from afnlab import doctor

    return doctor.main()


def add_lab(sub: Parser) -> None:
    sub.advice = "JupyterLab's own flags follow --, as in `afnlab lab -- {}`"
    sub.epilog = examples("lab", "--folder ideas -- --port 9000")
    sub.set_defaults(command=_lab)
    text = "where the copies go (default afnlab-notebooks)"
    sub.add_argument("--folder", default="afnlab-notebooks", help=text)
    add_runs_flag(sub)
    text = "leave the copies without outputs until somebody runs them"
    sub.add_argument("--no-pictures", action="store_true", help=text)
    sub.add_argument("rest", nargs="*", help="further arguments for jupyter lab, after --")


def _lab(a: argparse.Namespace) -> int:
    from afnlab import lab

    return lab.main(expanded(a.folder), a.rest, a.runs, pictures=not a.no_pictures)
