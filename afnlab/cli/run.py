"""`afnlab run` and `afnlab rerun`."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path

from afnlab.cli.flags import (
    add_code_flag,
    add_runs_flag,
    add_threads_flag,
    add_timeout_flag,
    examples,
    timeout,
)
from afnlab.messages import complain, say


def add_run(sub: argparse.ArgumentParser) -> None:
    words = ("train -p activation srelu -p t 1.5 -p seeds 12", "my_notebook.ipynb -p rate 0.5")
    sub.epilog = examples("run", *words)
    sub.set_defaults(command=_run)
    sub.add_argument("notebook", help="the name of one of afnlab's (train), or a path")
    sub.add_argument(
        *("-p", "--parameter"),
        nargs=2,
        type=str,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a parameter of the notebook, the activation or the task; may be repeated",
    )
    add_threads_flag(sub)
    add_timeout_flag(sub)
    add_runs_flag(sub)


def _run(a: argparse.Namespace) -> int:
    from afnlab.cli.runs import metrics_as_text
    from afnlab.paths import shared
    from afnlab.runs.notebook_metrics import KEEPS_ONE
    from afnlab.runs.notebook_parameters.parsing import assignments
    from afnlab.runs.one_data import require_todays_data
    from afnlab.runs.run_spec import RunSpec
    from afnlab.runs.storage import runs_folder
    from afnlab.runs.storage.location import place
    from afnlab.runs.storage.record_schema import is_training, result, seeds_in_words
    from afnlab.runs.sweeps.local_executor import Local
    from afnlab.runs.whereabouts import made_elsewhere
    from afnlab.usercode.mainguard import refuse_while_importing

    refuse_while_importing("afnlab run")
    spec = RunSpec.make(a.notebook, assignments(a.parameter, "-p"))
    executor = Local(1, threads=a.threads, timeout=timeout(a))
    where = place(a.runs)
    where.pull()
    folder = where.folder / spec.id
    if where.folder.is_dir():
        require_todays_data([spec], runs_folder.records(where.folder))
    if runs_folder.is_there(where.folder, spec.id):
        there = runs_folder.read_record(folder / runs_folder.RECORD)
        elsewhere = made_elsewhere(there, spec.folder, spec.parameters)
        made = f", made in {elsewhere}" if elsewhere else ""
        say(f"{where.shown}/{spec.id} exists already{made}: {spec.label}")
        return 0
    where.require_room()
    say(f"running {spec.label} as {spec.id}")
    with closing(executor.results([spec], where)) as results:
        for _, error in results:
            if error is not None:
                complain(f"{error}; see {error.link}")
                return 1
    record = runs_folder.read_record(folder / runs_folder.RECORD)
    if is_training(record):
        metrics = record["metrics"]
        loss = metrics.get("test_loss")
        shown = "not finite" if loss is None else f"{loss:.4f}"
        say(f"{result(record)}, loss {shown}, means over {seeds_in_words(record)}")
    elif record.get("metrics"):
        say(metrics_as_text(record["metrics"]))
    elif spec.notebook.parent != shared("notebooks"):
        say(f"no result is kept with this run: {KEEPS_ONE}")
    say((folder / runs_folder.NOTEBOOK).resolve())
    return 0


def add_rerun(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("rerun", "3f2a", "3f2a --code ../theirs")
    sub.set_defaults(command=_rerun)
    sub.add_argument("id", help="the id of the run, or its first characters")
    add_code_flag(sub)
    add_timeout_flag(sub)
    add_runs_flag(sub)


def _rerun(a: argparse.Namespace) -> int:
    """Exit status: 0 the same bits, 1 not the same or failed, 2 not compared."""
    from afnlab.runs.execution import RunFailed
    from afnlab.runs.rerun import rerun
    from afnlab.runs.storage import maintenance
    from afnlab.runs.storage.location import place
    from afnlab.runs.storage.record_schema import is_complete

    seconds = timeout(a)
    where = place(a.runs)
    where.pull()
    record = maintenance.find(where, a.id)
    if not is_complete(record):
        raise ValueError(f"{record['id']}: failed, so there is nothing to compare with")
    begun = partial(say, f"running {record['label']} again")
    with tempfile.TemporaryDirectory(prefix="afnlab-rerun-") as again:
        try:
            to = Path(again)
            how = {"code": a.code, "begun": begun, "report": say}
            bits = rerun(where.folder, record, to, seconds, **how)
        except RunFailed as error:
            complain(f"{error}")
            return 1
    if bits.refused:
        complain(f"not compared: {'; '.join(bits.refused)}")
        return 2
    if bits.differ:
        say(f"the numbers differ in {', '.join(bits.differ)}")
        return 1
    say(f"the numbers are the same bits: {', '.join(bits.same)}")
    return 0
