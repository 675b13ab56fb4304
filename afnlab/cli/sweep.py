"""`afnlab sweep` and `afnlab tune`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from afnlab.cli.executor_flags import add_executor_flags, executor_of
from afnlab.cli.flags import (
    LIMITS,
    add_limit_flags,
    add_only_flag,
    add_runs_flag,
    examples,
    limits,
)
from afnlab.messages import say


def add_sweep(sub: argparse.ArgumentParser) -> None:
    words = ("default --seeds 24 --jobs 2", "mine.yaml --only activation=srelu,relu --dry-run")
    sub.epilog = examples("sweep", *words)
    sub.set_defaults(command=_sweep)
    _add_flags(sub)


def add_tune(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("tune", "small --budget 16", "mine.yaml --budget 4 --dry-run")
    sub.set_defaults(command=_tune)
    _add_flags(sub)


def _add_flags(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("file", help="a YAML file, or the name of one of afnlab's (default, small)")
    sub.add_argument(
        "--seeds", help="how many seeds, or a list such as [3, 5] (default: the file's)"
    )
    sub.add_argument(
        "--dry-run", action="store_true", help="print the runs and which of them exist"
    )
    add_only_flag(sub, "the runs with this value of a parameter, or with one of several")
    sub.add_argument("--retry-failed", action="store_true", help="retry runs that failed before")
    add_executor_flags(sub)
    add_limit_flags(sub)
    add_runs_flag(sub)


def _overrides(a: argparse.Namespace) -> dict[str, object]:
    from afnlab.runs.notebook_parameters.parsing import seeds

    return {"seeds": seeds(a.seeds), **limits(a)}


def _sweep(a: argparse.Namespace) -> int:
    return _make(a, _overrides(a))


def _tune(a: argparse.Namespace) -> int:
    """`sweep`, each run tuned: within the budget given, else the file's own, else the usual."""
    from afnlab.runs.notebook_parameters.parsing import command
    from afnlab.runs.sweeps import sweep_file
    from afnlab.training.space import BUDGET

    overrides = _overrides(a)
    plan = sweep_file.read(a.file)
    if overrides[BUDGET] is None and not plan.tune:
        overrides[BUDGET] = plan.tuning[BUDGET]
    status = _make(a, overrides)
    if plan.trains and not a.dry_run:
        shared = {name: value for name, value in overrides.items() if name != "seeds"}
        page = command("report", a.file, **shared, runs=a.runs)
        say(f"{page} writes the page about these runs")
    return status


def _make(a: argparse.Namespace, overrides: Mapping[str, Any]) -> int:
    from afnlab.cli.after_sweep import next_command, not_kept
    from afnlab.runs.filtering import parsed
    from afnlab.runs.sweeps import sweep_file
    from afnlab.runs.sweeps.run_sweep import sweep

    only = parsed(a.only)
    executor = executor_of(a)
    if a.dry_run:
        return _dry_run(a.file, a.runs, only, executor.here, overrides)
    plan = sweep_file.read(a.file)  # now: it may be edited meanwhile
    outcome = sweep(
        a.file,
        runs=a.runs,
        only=only,
        retry_failed=a.retry_failed,
        executor=executor,
        **overrides,
    )
    for when, specs in (("failed", outcome.failed), ("failed before", outcome.earlier)):
        for spec, error in specs:
            say(f"{when}: {outcome.label(spec)}: {error}", sys.stderr)
            say(f"  {error.link}", sys.stderr)
    if outcome.earlier:
        say("--retry-failed tries again what failed before", sys.stderr)
    lacking = not plan.trains and not_kept(plan, outcome, a.runs)
    if lacking:
        say(lacking, sys.stderr)
    if not plan.trains:
        limited = any(overrides[name] is not None for name in LIMITS)
        if line := next_command(plan, a.file, outcome, a.runs, limited=limited):
            say(line)
    return 1 if outcome.failed or outcome.earlier or lacking else 0


def _dry_run(
    file: str,
    runs: str | None,
    only: Mapping[str, object],
    here: bool,
    overrides: Mapping[str, object],
) -> int:
    from afnlab.runs.storage.location import place
    from afnlab.runs.sweeps.labels import labels
    from afnlab.runs.sweeps.pending import check_data, next_batch, planned, standings, unequal

    where = place(runs)
    where.pull()
    plan = planned(file, only, here, partial(say, file=sys.stderr), **overrides)
    shown = labels(plan.specs)
    width = max(map(len, shown.values()))
    for line in plan.notes:
        say(line, sys.stderr)
    if plan.comparisons is None:
        listed = list(standings(plan.specs, where.folder))
        for line in unequal(listed):
            say(line, sys.stderr)
    else:  # of which a run is what is made next, and not all seeds that there may come to be
        listed = next_batch(plan.comparisons, plan.most, where.folder)
        for line in [] if listed else plan.comparisons.lines({}):
            say(line)
    for standing in listed:
        state = f"present, made in {standing.elsewhere}" if standing.elsewhere else "present"
        if standing.missing is not None:
            state = f"failed: {standing.failure}" if standing.failure else "to do"
            if standing.missing.seeds:
                state += f": seeds {', '.join(map(str, standing.missing.seeds))}"
        if standing.other:
            state += "; made with other data than the task reads now"
        if standing.then:
            state += f"; {standing.then}"
        run = standing.spec.id if plan.comparisons is None else standing.run
        say(f"{run}  {shown[standing.spec.group]:{width}}  {state}")
    check_data(listed)
    return 0
