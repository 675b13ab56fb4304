"""Sweeps: run what is not there yet."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from afnlab import locks
from afnlab.messages import counted, duration, enumerated, inform
from afnlab.runs.execution import RunFailed
from afnlab.runs.run_spec import RunSpec
from afnlab.runs.storage import atomic_write, runs_folder
from afnlab.runs.storage.location import Place, place
from afnlab.runs.storage.record_schema import is_training, result, seeds_in_words
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.labels import labels
from afnlab.runs.sweeps.local_executor import Executor, Local
from afnlab.runs.sweeps.pending import (
    check_data,
    check_evidence,
    planned,
    standings,
    unequal,
)
from afnlab.runs.sweeps.progress import Progress
from afnlab.runs.sweeps.until_decided import Comparisons
from afnlab.usercode.mainguard import refuse_while_importing


@dataclass(repr=False)
class Outcome:
    """What a sweep did.

    there: the specs that were complete before; added: the folders of the runs that it made, or
    another sweep meanwhile; failed: those that failed, with their error; earlier: those that had
    failed before and were not tried again. labels: what its runs are called, by their groups.
    """

    there: list[RunSpec] = field(default_factory=list)
    added: list[Path] = field(default_factory=list)
    failed: list[tuple[RunSpec, RunFailed]] = field(default_factory=list)
    earlier: list[tuple[RunSpec, RunFailed]] = field(default_factory=list)
    labels: Mapping[str, str] = field(default_factory=dict)

    def label(self, spec: RunSpec) -> str:
        """What a run is called among the others of the sweep.

        Args:
            spec: the run.
        """
        return self.labels.get(spec.group, spec.label)

    def __repr__(self) -> str:
        failed = [f"\n{self.label(spec)}: {error}\n  {error.link}" for spec, error in self.failed]
        before = f", {len(self.earlier)} failed before" if self.earlier else ""
        counts = f"{len(self.there)} present, {len(self.added)} added, {len(self.failed)} failed"
        return f"{counts}{before}{''.join(failed)}"


def sweep(
    source: str | Path | Mapping[str, object] | sweep_file.Sweep,
    *,
    runs: str | Path | None = None,
    jobs: int = 1,
    only: Mapping[str, object] | None = None,
    retry_failed: bool = False,
    timeout: float | None = None,
    executor: Executor | None = None,
    report: Callable[[str], None] | None = None,
    **overrides: object,
) -> Outcome:
    """Execute the missing runs of a sweep; a failed run does not stop the others.

    Args:
        source: a sweep file, the name of one of afnlab's own, what such a file holds as a mapping,
            or a `Sweep`.
        runs: the folder, or a URL that fsspec knows.
        jobs: how many notebooks run at once, sharing the machine's threads.
        only: take the runs with these values (`{"activation": "relu"}`).
        retry_failed: retry what failed before.
        timeout: seconds that a run may take.
        executor: where runs are executed, in place of `jobs` and `timeout`.
        report: takes lines on what happens; None: a bar, and the lines go to the logger `afnlab`.
        **overrides: seeds, epochs, limit_train, ... in place of the file's.

    Returns:
        An `Outcome`: the runs that were present, added and failed.

    Raises:
        SweepError: for a bad file.
        ValueError: for what else is not allowed, before anything runs.
    """
    refuse_while_importing("afnlab.runs.sweep")
    executor = executor or Local(jobs, timeout=timeout)
    todo = planned(source, only, executor.here, report or inform, **overrides)
    how = _How.into(runs, todo.name, executor, retry_failed, report)
    if todo.comparisons is None:
        return how.made(todo.specs, todo.notes, alike=True)
    return how.made_until_decided(todo.comparisons, todo.most, todo.notes)


def execute_missing(
    specs: Sequence[RunSpec],
    name: str,
    *,
    runs: str | Path | None = None,
    executor: Executor,
    report: Callable[[str], None] | None = None,
    notes: Sequence[str] = (),
) -> Outcome:
    """Execute those of some runs that are missing, or have failed before.

    Args:
        specs: the runs.
        name: what they are called together.
        runs: as of `sweep`.
        executor: where runs are executed.
        report: as of `sweep`.
        notes: what is to be known before they start.

    Returns:
        As `sweep`.
    """
    return _How.into(runs, name, executor, retry_failed=True, report=report).made(specs, notes)


@dataclass(frozen=True)
class _How:
    """How the runs of a sweep are made; see `sweep`."""

    name: str
    where: Place
    executor: Executor
    retry_failed: bool
    report: Callable[[str], None] | None

    @classmethod
    def into(
        cls,
        runs: str | Path | None,
        name: str,
        executor: Executor,
        retry_failed: bool,
        report: Callable[[str], None] | None,
    ) -> _How:
        """Into a folder of runs, from which what ended processes left is taken away."""
        where = place(runs)
        where.pull()
        for leftover in atomic_write.abandoned(where.workshop):
            atomic_write.discard(leftover)
        locks.tidy(where.workshop)
        return cls(name, where, executor, retry_failed, report)

    def made(
        self,
        specs: Sequence[RunSpec],
        notes: Sequence[str] = (),
        among: Sequence[RunSpec] | None = None,
        alike: bool = False,
    ) -> Outcome:
        """Execute what is missing of these runs; notes: what is to be known before they start;
        among: those that they are listed with, if there are more; alike: whether all of them were
        asked to have the same seeds, so that those of which there are more are named."""
        where, todo = self.where, []
        outcome = Outcome(labels=labels(specs if among is None else among))
        elsewhere: list[str] = []
        listed = list(standings(specs, where.folder))
        check_data(listed)
        for standing in listed:
            if standing.missing is None:
                outcome.there.append(standing.spec)
                elsewhere += filter(None, [standing.elsewhere])
            elif standing.failure is not None and not self.retry_failed:
                outcome.earlier.append((standing.missing, standing.failure))
            else:
                todo.append(standing.missing)
        if todo:
            where.require_room()
        before = f", {len(outcome.earlier)} failed before" if outcome.earlier else ""
        progress = Progress(self.name, len(todo), lambda: self.executor.running, self.report)
        many = counted(len(specs), "run")
        made = (
            f" ({len(elsewhere)} made in {enumerated(sorted({*elsewhere}))})" if elsewhere else ""
        )
        there = f"{len(outcome.there)} present{made}{before}, {len(todo)} to do"
        progress.say(f"{self.name}: {many}, {there}")
        for note in [*(notes if todo else ()), *(unequal(listed) if alike else ())]:
            progress.say(note)
        results = closing(self.executor.results(todo, where))
        with progress, _interrupts() as check, results as ended:
            for spec, error in ended:
                check()
                if error is None:
                    outcome.added.append(where.folder / spec.id)
                    said = _said(outcome.added[-1])
                else:
                    outcome.failed.append((spec, error))
                    said = f"FAILED, {error}"
                progress.ended(outcome.label(spec), said, failed=error is not None)
        return outcome

    def made_until_decided(
        self, comparisons: Comparisons, most: int, notes: Sequence[str] = ()
    ) -> Outcome:
        """Execute batches of seeds until the evidence decides about every run, or it fails."""
        specs = comparisons.runs
        check_evidence(comparisons, runs_folder.records(self.where.folder))
        outcome = Outcome(labels=labels(specs))
        failed: set[str] = set()
        before: list[str] = []
        keeping: AbstractContextManager[object] = nullcontext()
        if isinstance(self.executor, AbstractContextManager):
            keeping = self.executor  # its processes serve all batches
        with keeping:
            while True:
                decided = comparisons.decided(self.where.folder, most)
                wanted = comparisons.wanted(decided, most, failed)
                ids = [spec.id for spec in wanted]
                if not wanted or ids == before:  # as nothing came of the last batch
                    break
                part = self.made(wanted, notes, among=specs)
                outcome.there = part.there
                outcome.added += part.added
                outcome.failed += part.failed
                outcome.earlier += part.earlier
                failed |= {spec.group for spec, _ in (*part.failed, *part.earlier)}
                before, notes = ids, ()
        for line in comparisons.lines(decided, failed):
            (self.report or inform)(line)
        return outcome


@contextmanager
def _interrupts() -> Iterator[Callable[[], None]]:
    """A check that raises KeyboardInterrupt where Ctrl-C was pressed and nothing came of it.

    What is raised inside a finalizer or a callback of the interpreter is printed and dropped.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: None
        return
    pressed: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        before(number, frame)

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def _said(folder: Path) -> str:
    try:
        record = runs_folder.read_record(folder / runs_folder.RECORD)
    except ValueError as error:
        return f"done, but {error}"
    seconds = duration(record["seconds"])
    if not is_training(record):
        return f"done in {seconds}"
    return f"{result(record)} over {seeds_in_words(record)}, {seconds}"
