"""Where runs are kept: a folder, or a URL of any file system that fsspec knows.

A URL is worked with through a folder of this machine: `pull` brings what is new there, `push` takes
a run there. Such file systems cannot rename: so a run's files go up first, under a name that no
other attempt shares, and its record, in one piece, last. A run is there when its record is.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from afnlab.runs import attempt, store
from afnlab.runs.attempt import Attempt
from afnlab.runs.sources import digest


def place(runs: str | Path | None = None) -> Place:
    """The place that `runs` means: a folder, a URL, or None: `$AFNLAB_RUNS` or `runs`."""
    where = str(runs or os.environ.get(store.ENVIRONMENT) or "runs")
    return Remote(where) if "://" in where else Place(Path(where))


def folder(runs: str | Path | None = None) -> Path:
    """The folder to read a place's runs from, as they are now."""
    found = place(runs)
    found.pull()
    return found.folder


def load(runs: str | Path = "runs") -> pd.DataFrame:
    """All complete training runs of a folder or URL, one row a seed and epoch.

    Columns: run, group, task, activation, label, then the history's (seed, epoch, train_loss,
    test_loss, test_accuracy, seconds, diverged). ValueError if there is no such folder.
    """
    here = folder(runs)
    if not here.is_dir():
        raise ValueError(f"{runs}: no such folder")
    chosen = [r for r in store.records(here) if "task" in r["parameters"]]
    table = store.histories(here, chosen)
    names = ("task", "activation", "label")
    facts = {r["id"]: [r["parameters"].get(n, "") for n in names] for r in chosen}
    for at, name in enumerate(names):
        table.insert(2 + at, name, [facts[run][at] for run in table.run])
    return table


class Place:
    """A folder of runs: the same to read, to write and to keep."""

    def __init__(self, folder: Path) -> None:
        self.folder = self.workshop = folder

    @property
    def name(self) -> str:
        """What another process calls it."""
        return str(self.folder.resolve())

    def pull(self) -> None:
        """Bring what is new into the folder."""

    def has(self, run_id: str) -> bool:
        """Whether a run is there now, whole."""
        return store.is_there(self.folder, run_id)

    def push(self, run: Path) -> Path:
        """Have a run of the workshop kept; its folder."""
        return run

    def push_failed(self, kept: Path) -> Path:
        """Have what a failed run left kept; its folder."""
        return kept

    def remove(self, run_id: str) -> None:
        """Delete a run, or what a failed one left."""
        for path in (self.folder / run_id, self.folder / store.FAILED / run_id):
            attempt.discard(path)


def _copies() -> Path:
    """Where the copies of runs at URLs are."""
    import pooch  # noqa: PLC0415

    return pooch.os_cache("afnlab") / "runs"


def guarded(folder: Path) -> tuple[Path, ...]:
    """The folders that others may write to, with this one of runs: no code of theirs is run."""
    return (folder, _copies())


class Remote(Place):
    """A URL, and the folder of this machine that it is read and written through."""

    def __init__(self, url: str) -> None:
        import fsspec  # noqa: PLC0415

        try:
            self.fs, self.root = fsspec.url_to_fs(url)
        except (ImportError, ValueError, OSError) as error:
            raise ValueError(f"{url}: cannot be opened ({error})") from None
        self.url = url.rstrip("/")
        super().__init__(_copies() / digest(self.url)[:16])
        self.workshop = self.folder / ".outbox"
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def name(self) -> str:
        return self.url

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Errors become ValueErrors: every file system has its own."""
        try:
            yield
        except ValueError:
            raise
        except Exception as error:
            said = str(error).strip() or type(error).__name__
            raise ValueError(f"{self.url}: cannot be reached ({said.splitlines()[0]})") from None

    def _at(self, *parts: str) -> str:
        return posixpath.join(self.root, *parts)

    def _names(self, *parts: str) -> set[str]:
        """Names of the folders in one of the place's folders."""
        self.fs.invalidate_cache()
        try:
            listed = self.fs.ls(self._at(*parts), detail=True)
        except FileNotFoundError:
            return set()
        names = (posixpath.basename(str(e["name"]).rstrip("/")) for e in listed)
        return {name for name in names if name and not name.startswith(".")}

    def pull(self) -> None:
        """Bring new runs, after taking there what could not be taken before; forget deleted ones.

        A run that is not whole there is named in a warning.
        """
        here = {path.parent.name for path in self.folder.glob(f"*/{store.RECORD}")}
        for record in store.records(self.workshop):
            self.push(self.workshop / record["id"])
        with self._reached():
            there = self._names()
            for run_id in here - there:
                super().remove(run_id)
            for run_id in sorted(there - here):
                try:
                    self._fetch(run_id)
                except Exception as error:  # whatever stands there, the others are read
                    warnings.warn(f"left out {self.url}/{run_id}: {error}", stacklevel=4)
            self._pull_failed()

    def has(self, run_id: str) -> bool:
        if not super().has(run_id):
            with suppress(Exception):  # what cannot be fetched is made, and then told
                self._fetch(run_id)
        return super().has(run_id)

    def _fetch(self, run_id: str) -> None:
        text = self.fs.cat_file(self._at(run_id, store.RECORD))
        record = json.loads(text)
        new = Attempt(self.folder, run_id)
        try:
            for name, known in record["files"].items():
                data = self.fs.cat_file(self._at(run_id, _shelf(record), name))
                if hashlib.sha256(data).hexdigest() != known["sha256"]:
                    raise ValueError(f"{name} is not what was written")
                target = new.folder / name
                if not target.resolve().is_relative_to(new.folder):
                    raise ValueError(f"{name} is outside of its run")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            (new.folder / store.RECORD).write_bytes(text)
            store.check_record(record, new.folder / store.RECORD, run_id)
        except BaseException:
            new.drop()
            raise
        new.settle()

    def push(self, run: Path) -> Path:
        final = self.folder / run.name
        try:
            record = store.read_record(run / store.RECORD)
            with self._reached():
                for name in record["files"]:
                    self._put(run / name, run.name, _shelf(record), name)
                self._put(run / store.RECORD, run.name, store.RECORD)
                run.rename(final)
        except ValueError:
            if not store.is_there(self.folder, run.name):
                raise
            attempt.discard(run)  # another process was first
        return final

    def push_failed(self, kept: Path) -> Path:
        attempt.discard(final := self.folder / store.FAILED / kept.name)
        final.parent.mkdir(exist_ok=True)
        shutil.copytree(kept, final)
        with self._reached():
            for path in _files(kept):
                name = path.relative_to(kept).as_posix()
                self._put(path, store.FAILED, kept.name, name)
        return final

    def _put(self, path: Path, *parts: str) -> None:
        target = self._at(*parts)
        self.fs.makedirs(posixpath.dirname(target), exist_ok=True)
        self.fs.pipe_file(target, path.read_bytes())

    def _pull_failed(self) -> None:
        here, there = self.folder / store.FAILED, self._names(store.FAILED)
        for path in here.glob("*"):
            if path.name not in there:
                attempt.discard(path)
        for run_id in there:
            if not (here / run_id).is_dir():
                here.mkdir(exist_ok=True)
                self.fs.get(self._at(store.FAILED, run_id), str(here / run_id), recursive=True)

    def remove(self, run_id: str) -> None:
        with_record = self._at(run_id, store.RECORD)
        with self._reached():
            if self.fs.exists(with_record):  # first: without it the run is not there
                self.fs.rm_file(with_record)
            for gone in (self._at(run_id), self._at(store.FAILED, run_id)):
                if self.fs.exists(gone):
                    self.fs.rm(gone, recursive=True)
        super().remove(run_id)


def _shelf(record: dict[str, Any]) -> str:
    """The folder of a record's files: its sum, so that two attempts never share one."""
    return str(record["sum"])[:16]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
