"""What the command line says about runs: `afnlab run`, `sweep`, `runs` and `rerun`."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from pandas import isna

from afnlab import locks
from afnlab.errors import ParameterError, about, shown
from afnlab.mainguard import refuse_while_importing
from afnlab.runs import linedyaml, store, sweepfile, upkeep
from afnlab.runs.attempt import Attempt
from afnlab.runs.execution import RunFailed
from afnlab.runs.executors import Executor, Local
from afnlab.runs.places import place
from afnlab.runs.rerun import rerun as execute_again
from afnlab.runs.spec import RunSpec
from afnlab.runs.sweep import planned, standings
from afnlab.runs.sweep import sweep as make_runs
from afnlab.training.options import seed_list
from afnlab.training.space import BUDGET
from afnlab.words import complain, counted, plain, say


def assigned(text: str, name: str = "value") -> Any:
    """A value as it is written at the command line: YAML, or else the text as it is.

    name: what it is for. ValueError for YAML that no parameter may be given, see `linedyaml`.
    """
    if not text.strip():
        return text
    try:
        return linedyaml.value(text, name)
    except linedyaml.NotYaml:
        return text


def given(pairs: Iterable[tuple[str, str]], flag: str) -> dict[str, Any]:
    """What a flag that may be repeated assigns; ValueError for a name that is given twice."""
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name in values:
            raise ParameterError(name, message=f"{flag}: {shown(name)} is given twice")
        values[name] = assigned(text, f"{flag} {name}")
    return values


def split(texts: Iterable[str], flag: str) -> dict[str, Any]:
    """`KEY=VALUE` texts as a mapping."""
    parts = [text.partition("=") for text in texts]
    for key, mark, value in parts:
        if not (key and mark):
            raise ValueError(f"{flag} takes KEY=VALUE, got {shown(key + mark + value)}")
    return given([(key, value) for key, _, value in parts], flag)


def seeds(text: str | None) -> Any:
    """What `--seeds` says, checked; None if it was not given."""
    if text is None:
        return None
    with about("seeds", text):
        value = assigned(text, "--seeds")
        seed_list(value)
    return value


def run(a: argparse.Namespace) -> int:
    refuse_while_importing("afnlab run")
    spec = RunSpec.make(a.notebook, given(a.parameter, "-p"))
    executor = Local(1, timeout=_timeout(a))
    where = place(a.runs)
    where.pull()
    folder = where.folder / spec.id
    if store.is_there(where.folder, spec.id):
        say(f"{folder} is there already: {spec.label}")
        return 0
    Attempt(where.workshop, "check").drop()
    say(f"running {spec.label} as {spec.id}")
    with closing(executor.results([spec], where)) as results:
        for _, error in results:
            if error is not None:
                complain(f"{error}; see {error.link}")
                return 1
    metrics = store.read_record(folder / store.RECORD).get("metrics")
    if metrics and spec.training is not None:
        loss = metrics["test_loss"]
        shown = "not finite" if loss is None else f"{loss:.4f}"
        accuracy = f"{100 * metrics['test_accuracy']:.2f}"
        means = f"means over {counted(len(spec.seeds), 'seed')}"
        say(f"test accuracy {accuracy} %, loss {shown}, {means}")
    elif metrics:
        say(_told(metrics))
    say((folder / store.NOTEBOOK).resolve())
    return 0


def sweep(a: argparse.Namespace, overrides: Mapping[str, Any]) -> int:
    only = split(a.only, "--only")
    executor = _executor(a)
    if a.dry_run:
        return _dry_run(a, only, executor.here, overrides)
    outcome = make_runs(
        a.file,
        runs=a.runs,
        only=only,
        retry_failed=a.retry_failed,
        executor=executor,
        **overrides,
    )
    for when, specs in (("failed", outcome.failed), ("failed before", outcome.earlier)):
        for spec, error in specs:
            say(f"{when}: {spec.label}: {error}", sys.stderr)
            say(f"  {error.link}", sys.stderr)
    if outcome.earlier:
        say("--retry-failed tries again what failed before", sys.stderr)
    return 1 if outcome.failed or outcome.earlier else 0


def tune(a: argparse.Namespace, overrides: Mapping[str, Any]) -> int:
    """`sweep`, each run tuned: within the budget given, else the file's own, else the usual."""
    plan = sweepfile.read(a.file)
    if overrides[BUDGET] is None and not plan.tune:
        overrides = {**overrides, BUDGET: plan.tuning[BUDGET]}
    status = sweep(a, overrides)
    if not a.dry_run:
        shared = {name: value for name, value in overrides.items() if name != "seeds"}
        say(f"afnlab report {shlex.quote(a.file)}{flags(shared)} writes the page about these runs")
    return status


def flags(overrides: Mapping[str, Any]) -> str:
    """What is given in place of a sweep's own settings, as the command line takes it."""
    given = {name.replace("_", "-"): v for name, v in overrides.items() if v is not None}
    return "".join(f" --{name} {value}" for name, value in given.items())


def _executor(a: argparse.Namespace) -> Executor:
    common: dict[str, Any] = {
        "threads": a.threads,
        "timeout": _timeout(a),
        "gpus_per_run": a.gpus_per_run,
    }
    if a.scheduler is None and a.slurm is None:
        return Local(a.jobs, **common)
    if a.scheduler is not None and a.slurm is not None:
        raise ValueError("--scheduler and --slurm exclude each other")
    from afnlab.runs.cluster import LOCAL, Dask  # noqa: PLC0415

    slurm = None if a.slurm is None else split(a.slurm, "--slurm")
    return Dask(a.scheduler or LOCAL, jobs=a.jobs, slurm=slurm, **common)


def _timeout(a: argparse.Namespace) -> float | None:
    if a.timeout is not None and not a.timeout > 0:
        raise ValueError(f"--timeout must be above 0 seconds, got {a.timeout:g}")
    return a.timeout


def _dry_run(
    a: argparse.Namespace, only: Mapping[str, Any], here: bool, overrides: Mapping[str, Any]
) -> int:
    where = place(a.runs)
    where.pull()
    _, specs = planned(a.file, only, here, partial(say, file=sys.stderr), **overrides)
    width = max(len(spec.label) for spec in specs)
    for standing in standings(specs, where.folder):
        state = "there"
        if standing.left is not None:
            state = f"failed: {standing.failure}" if standing.failure else "to do"
            if standing.left.seeds:
                state += f": seeds {', '.join(map(str, standing.left.seeds))}"
        say(f"{standing.spec.id}  {standing.spec.label:{width}}  {state}")
    return 0


def runs(a: argparse.Namespace) -> int:
    where = place(a.runs)
    where.pull()
    if not where.folder.is_dir():
        raise ValueError(f"{where.folder}: no such folder; make runs first, with `afnlab sweep`")
    return {"list": _list, "show": _show, "diff": _diff, "rm": _rm, "gc": _gc}[a.action](a, where)


def _list(a: argparse.Namespace, where: Any) -> int:
    found = upkeep.table(where.folder)
    if a.state:
        found = found[found.state == a.state]
    width = max((len(label) for label in found.label), default=0)
    for row in found.to_dict("records"):
        accuracy = "" if isna(row["accuracy"]) else f"{100 * row['accuracy']:.2f} %"
        seconds = "" if isna(row["seconds"]) else f"{row['seconds']:.1f} s"
        seeds = counted(row["seeds"], "seed") if row["seeds"] else ""
        when = row["started"][:16].replace("T", " ")
        line = f"{row['id']}  {when}  {row['state']:6}  {row['label']:{width}}"
        own = "" if accuracy else _told(row["metrics"])
        own += "" if row["here"] else "  its code is not here"
        say(f"{line}  {seeds:>9}{accuracy:>10}{seconds:>11}  {own}".rstrip())
    return 0


def _told(metrics: Mapping[str, Any]) -> str:
    """What a notebook of the user's own has measured."""
    shown = {n: f"{v:.6g}" if isinstance(v, float) else f"{v:.15g}" for n, v in metrics.items()}
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def _show(a: argparse.Namespace, where: Any) -> int:
    record = upkeep.find(where.folder, a.id)
    for line in yaml.safe_dump(record, sort_keys=False, allow_unicode=True).splitlines():
        say(line)
    say(f"folder: {upkeep.home(where.folder, record).resolve()}")
    return 0


def _diff(a: argparse.Namespace, where: Any) -> int:
    one, other = (upkeep.find(where.folder, ref) for ref in (a.one, a.other))
    found = upkeep.difference(one, other)
    shown_as = found.map(plain).to_string(index=False) if len(found) else "no difference"
    for line in shown_as.splitlines():
        say(line)
    return 0


def _rm(a: argparse.Namespace, where: Any) -> int:
    for run_id in upkeep.remove(where, a.ids):
        say(f"removed {run_id}")
    return 0


def _gc(a: argparse.Namespace, where: Any) -> int:
    found = upkeep.waste(where, a.stale)
    if not a.dry_run:
        locks.tidy(where.workshop)
    left = 0
    for path, reason in found:
        try:
            if not a.dry_run:
                upkeep.discard(where, path)
            say(f"{'would remove' if a.dry_run else 'removed'} {path.name}: {reason}")
        except (OSError, ValueError) as error:  # the others can go all the same
            left += 1
            complain(f"not removed: {path.name}: {error}")
    if not found:
        say("nothing to remove")
    return 1 if left else 0


def rerun(a: argparse.Namespace) -> int:
    """Exit status: 0 the same bits, 1 not the same or failed, 2 not compared."""
    timeout = _timeout(a)
    where = place(a.runs)
    where.pull()
    record = upkeep.find(where.folder, a.id)
    say(f"running {record['label']} again")
    with tempfile.TemporaryDirectory(prefix="afnlab-rerun-") as again:
        try:
            verdict = execute_again(where.folder, record, Path(again), timeout)
        except RunFailed as error:
            complain(f"{error}")
            return 1
    if verdict.refused:
        complain(f"not compared: {'; '.join(verdict.refused)}")
        return 2
    if verdict.differ:
        say(f"the numbers differ in {', '.join(verdict.differ)}")
        return 1
    say(f"the numbers are the same bits: {', '.join(verdict.same)}")
    return 0
