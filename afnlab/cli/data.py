"""`afnlab data`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from afnlab.cli.flags import examples
from afnlab.cli.terminal import GAP, columns
from afnlab.messages import complain, say
from afnlab.training import files


def add_data(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("data", "list", "fetch mnist cifar10")
    sub.set_defaults(command=_data, light=lambda _: True)
    sub.add_argument("action", choices=["list", "fetch", "verify"], help="what to do")
    text = f"{', '.join(files.SOURCES)} (default: all; fetch wants names)"
    sub.add_argument("names", nargs="*", metavar="NAME", help=text)


def _data(a: argparse.Namespace) -> int:
    for name in a.names:
        files.source(name)
    return {"list": _list, "fetch": _fetch, "verify": _verify}[a.action](a.names)


def _list(names: Sequence[str]) -> int:
    chosen = list(names or files.SOURCES)
    rows = [(name, files.state(name), str(files.folder_of(name))) for name in chosen]
    wide = max(map(len, chosen))
    for name, line in zip(chosen, columns(rows), strict=True):
        say(line)
        say(f"{'':{wide}}{GAP}{files.source(name).title}")
    return 0


def _fetch(names: Sequence[str]) -> int:
    if not names:
        raise ValueError(f"data fetch: name what to fetch, of {', '.join(files.SOURCES)}")
    for name in names:
        say(f"{name} is in {files.fetch(name)}")
    return 0


def _verify(names: Sequence[str]) -> int:
    chosen = names or [name for name in files.SOURCES if files.state(name) != "absent"]
    wrong = {name: files.problems(name) for name in chosen}
    for name, problems in wrong.items():
        for problem in problems:
            complain(problem)
        if not problems and files.originals(name):
            say(f"{name} is whole, in {files.folder_of(name)}: its published checksums")
        elif not problems:
            problems.append(f"{files.folder_of(name)}: {files.NOT_PUBLISHED.format(name)}")
            complain(problems[-1])
    if not chosen:
        say("no data set is here; `afnlab data list` names them")
    return 1 if any(wrong.values()) else 0
