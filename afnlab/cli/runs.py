"""`afnlab runs`: list, show, diff, rm, gc."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from afnlab.cli.flags import add_runs_flag, examples
from afnlab.cli.terminal import GAP, columns, middle_cut, tell, tell_table, width
from afnlab.messages import complain, counted, duration, in_stretches, say

if TYPE_CHECKING:
    from afnlab.runs.storage.location import Place
    from afnlab.runs.storage.maintenance import ListedRun
    from afnlab.runs.storage.record_schema import Record


def add_runs(sub: argparse.ArgumentParser) -> None:
    words = ("list --state failed", "show 3f2a", "diff 3f2a 77b0", "gc --stale --dry-run")
    sub.epilog = examples("runs", *words)
    sub.set_defaults(command=_runs, light=lambda a: a.action in ("list", "show"))
    actions = sub.add_subparsers(required=True, metavar="ACTION", dest="action")
    for name, text in (
        ("list", "list the runs"),
        ("show", "the record of a run"),
        ("diff", "what differs between the records of two"),
        ("rm", "delete runs"),
        (
            "gc",
            "delete what killed sweeps left, and failures that are stale or have succeeded since",
        ),
    ):
        action = actions.add_parser(name, help=text, description=text)
        add_runs_flag(action)
        if name == "list":
            action.add_argument(
                "--state", choices=["done", "stale", "failed"], help="only runs in this state"
            )
        elif name == "show":
            action.add_argument("id", help="the id of the run, or its first characters")
        elif name == "diff":
            action.add_argument("one", help="the id of one run, or its first characters")
            action.add_argument("other", help="that of the other")
        elif name == "rm":
            action.add_argument(
                "ids", nargs="+", metavar="ID", help="ids of runs, or their first characters"
            )
        else:
            action.add_argument(
                "--stale", action="store_true", help="delete complete runs that are stale, too"
            )
            action.add_argument(
                "--dry-run",
                action="store_true",
                help="say what would be deleted, and delete nothing",
            )


def _runs(a: argparse.Namespace) -> int:
    from afnlab.runs.storage.location import place

    where = place(a.runs)
    where.pull()
    if not where.folder.is_dir():
        from afnlab.runs.notebook_parameters.parsing import command

        made = command("sweep", "default", runs=a.runs)
        raise ValueError(f"{where.shown}: no such folder; execute runs first, with `{made}`")
    if a.action == "list":
        return _list(where, a.state)
    if a.action == "show":
        return _show(where, a.id)
    if a.action == "diff":
        return _diff(where, a.one, a.other)
    if a.action == "rm":
        return _remove(where, a.ids)
    return _collect_garbage(where, a.stale, a.dry_run)


def _list(where: Place, state: str | None) -> int:
    from afnlab.runs.storage import maintenance

    listed = maintenance.listing(where.folder)
    if state:
        listed = [row for row in listed if row.state == state]
    if not listed:
        say(f"{where.shown}: holds no runs" + (f" that are {state}" if state else ""))
        _tell_of_fresh(where)
        return 0
    rows = [("id", "started (UTC)", "state", "run", "seeds", "result", "time", "")]
    for row in listed:
        seconds = "" if row.seconds is None else duration(row.seconds)
        seeds = in_stretches(row.seeds)
        when = row.started[:16].replace("T", " ")
        remark = "" if row.result else metrics_as_text(row.metrics)
        remark += "" if row.here else f"  {_elsewhere(row)}"
        rows.append((row.id, when, row.state, row.label, seeds, row.result, seconds, remark))
    tell_table(rows, "run", ("started (UTC)", "time", "seeds"), right=("seeds", "result", "time"))
    _tell_of_fresh(where)
    return 0


def _elsewhere(row: ListedRun) -> str:
    """What is said of a run whose code is not where it was made."""
    return "its code is in the current folder" if row.moved else "its code is not here"


def _tell_of_fresh(where: Place) -> None:
    """That a folder of runs holds others of fresh seeds, which are listed by themselves."""
    from afnlab.runs.notebook_parameters.parsing import command
    from afnlab.runs.storage import runs_folder

    for name, of in runs_folder.FRESH.items():
        if number := len(runs_folder.records(where.folder / name)):
            line = command("runs", "list", runs=f"{where.shown.rstrip('/')}/{name}")
            say(f"and {counted(number, 'run')} of {of}: `{line}`")


def metrics_as_text(metrics: Mapping[str, object]) -> str:
    """What a notebook of the user's own has measured."""
    shown = {n: f"{v:.6g}" if isinstance(v, float) else f"{v:.15g}" for n, v in metrics.items()}
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def _show(where: Place, ref: str) -> int:
    import yaml

    from afnlab.runs.storage import maintenance

    record = maintenance.find(where, ref)
    for line in yaml.safe_dump(record, sort_keys=False, allow_unicode=True).splitlines():
        say(line)
    say(f"folder: {maintenance.home(where.folder, record).resolve()}")
    return 0


def _diff(where: Place, *refs: str) -> int:
    from afnlab.runs.storage import maintenance
    from afnlab.runs.storage.record_schema import is_complete, is_training

    one, other = (maintenance.find(where, ref) for ref in refs)
    differences = maintenance.difference(one, other)
    if one["id"] != other["id"] and all(is_complete(r) and is_training(r) for r in (one, other)):
        tell(_paired(where, one, other))  # type: ignore[arg-type]
        say()
    if not differences:
        say("no difference")
        return 0
    shown = maintenance.with_code_in_a_line(differences)
    rows = [("name", one["id"], other["id"]), *(tuple(map(str, row)) for row in shown)]
    limit = width()
    if limit is not None:
        part = limit // len(rows[0]) - len(GAP)
        rows = [tuple(middle_cut(part, cell) for cell in row) for row in rows]
    for line in columns(rows):
        say(line)
    return 0


def _paired(where: Place, one: Record, other: Record) -> str:
    """The difference of what two trainings are judged by, seed by seed."""
    from afnlab import digits
    from afnlab.compare import compare_histories
    from afnlab.compare.formatting import difference, equation, interval
    from afnlab.runs.storage import maintenance, record_schema, runs_folder

    measures = [record_schema.measure(record) for record in (one, other)]
    if len({measure.name for measure in measures}) > 1:
        return "judged by different metrics, so there is no difference to take"
    history = runs_folder.histories(where.folder, [one, other])  # type: ignore[list-item]
    history.insert(0, "label", history.run)
    measure = measures[0]
    decided = [record["id"] for record in (one, other) if record.get("until_decided")]
    table = compare_histories(history, one["id"], metric=measure, until_decided=decided)
    measure, row = digits.fitting(measure, table), cast(Any, table.loc[other["id"]])
    names = " - ".join(maintenance.labels([other, one]))
    if not row.pairs:
        return f"{names}: they share no seed, so there is no difference to take"
    between = interval(measure, row.difference_low, row.difference_high)
    between = f", 95 % interval {between}" if between else ""
    between = f"{between}, {equation(row.p)}" if row.pairs > 1 else ""
    said = f"{difference(measure, row.difference)} {measure.points}".rstrip()
    paired = counted(int(row.pairs), "paired seed")
    if decided:
        paired += "; seeds were added until the evidence decided, and this test holds at any time"
    return f"{names}: {measure.name} {said}{between}, {paired}"


def _remove(where: Place, ids: Sequence[str]) -> int:
    from afnlab.runs.storage import maintenance

    for run_id in maintenance.remove(where, ids):
        say(f"removed {run_id}")
    return 0


def _collect_garbage(where: Place, stale: bool, dry_run: bool) -> int:
    from afnlab import locks
    from afnlab.runs.storage import maintenance

    removable = maintenance.waste(where, stale)
    if not dry_run:
        locks.tidy(where.workshop)
    failed = 0
    for path, reason in removable:
        try:
            if not dry_run:
                maintenance.discard(where, path)
            say(f"{'would remove' if dry_run else 'removed'} {path.name}: {reason}")
        except (OSError, ValueError) as error:  # the others can go all the same
            failed += 1
            complain(f"not removed: {path.name}: {error}")
    if not removable:
        say("nothing to remove")
    return 1 if failed else 0
