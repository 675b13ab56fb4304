"""Where runs are kept: a folder, or a URL of any file system that fsspec knows.

A URL is worked with through a folder of this machine: `pull` brings what is new there, `push` takes
a run there. Such file systems cannot rename: so a run's files go up first, under a name that no
other attempt shares, and its record, in one piece, last. A run is there when its record is. What
another tool has copied there from a folder of runs, with the files beside the record, is read too.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from afnlab.messages import masked
from afnlab.paths import user_cache
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.storage import atomic_write, runs_folder, safe_files, urls
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.storage.record_schema import Record, is_training
from afnlab.usercode.lookup import expanded

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 32  # requests that are made together, where the file system can do that


def place(runs: str | Path | None = None) -> Place:
    """The place that `runs` means: a folder, a URL, or None: `$AFNLAB_RUNS` or `runs`.

    It stays the same when the current folder is changed.
    """
    where = str(runs or os.environ.get(runs_folder.ENVIRONMENT) or "runs")
    return Remote(where) if urls.is_url(where) else Place(Path(where))


def folder(runs: str | Path | None = None) -> Path:
    """The folder to read a place's runs from, as they are now."""
    location = place(runs)
    location.pull()
    return location.folder


def load(runs: str | Path = "runs") -> pd.DataFrame:
    """All complete training runs of a folder or URL as one table.

    Args:
        runs: the folder, or a URL.

    Returns:
        One row per seed and epoch: run, group, task, activation, label, then the history's columns
        (seed, epoch, train_loss, test_loss, the task's metrics, seconds, diverged).

    Raises:
        ValueError: if there is no such folder.
    """
    here = folder(runs)
    if not here.is_dir():
        raise ValueError(f"{masked(str(runs))}: no such folder")
    chosen = list(filter(is_training, runs_folder.records(here)))
    table = runs_folder.histories(here, chosen)
    names = ("task", "activation", "label")
    facts = {r["id"]: [r["parameters"].get(n, "") for n in names] for r in chosen}
    for at, name in enumerate(names):
        table.insert(2 + at, name, [facts[run][at] for run in table.run])
    return table


def as_typed(folder: str | Path) -> str:
    """A folder as one types it here: by its path from the current folder, if it is below that."""
    whole, here = Path(os.path.abspath(folder)), Path.cwd()  # noqa: PTH100  (keeps links)
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def as_flag(name: str) -> str:
    """What --runs is given for a place, by its name; empty if it is the usual one."""
    if name in ("", place().name):
        return ""
    return masked(name) if "://" in name else as_typed(name)


class Place:
    """A folder of runs: the same to read, to write and to keep.

    shown: what its user calls it.
    """

    def __init__(self, folder: Path) -> None:
        self.shown = str(folder)
        self.folder = self.workshop = expanded(folder).absolute()

    @property
    def name(self) -> str:
        """What another process calls it."""
        return str(self.folder.resolve())

    def pull(self) -> None:
        """Bring what is new into the folder."""

    def require_room(self) -> None:
        """ValueError if no run can be made here."""
        Attempt(self.workshop, "check", self.shown).drop()

    def has(self, run_id: str) -> bool:
        """Whether a run is there now, whole."""
        return runs_folder.is_there(self.folder, run_id)

    def push(self, run: Path) -> Path:
        """Have a run of the workshop kept; its folder."""
        return run

    def push_failed(self, kept: Path) -> Path:
        """Have what a failed run left kept; its folder."""
        return kept

    def remove(self, run_id: str) -> None:
        """Delete a run, and what a failed attempt at it left."""
        atomic_write.discard(self.folder / _checked(run_id))
        self.remove_failed(run_id)

    def remove_failed(self, run_id: str) -> None:
        """Delete what a failed run left."""
        atomic_write.discard_failed(self.folder, _checked(run_id))


def _checked(run_id: str) -> str:
    if not safe_files.is_id(run_id):
        raise ValueError(f"{run_id!r} is no id of a run, and nothing is deleted")
    return run_id


def _copies() -> Path:
    """Where the copies of runs at URLs are."""
    return user_cache() / "runs"


def guarded(folder: Path) -> tuple[Path, ...]:
    """The folders that others may write to, with this one of runs: no code of theirs is run."""
    return (folder, _copies())


class Remote(Place):
    """A URL, and the folder of this machine that it is read and written through.

    Names there are taken literally: of the file system only calls are used that expand no patterns.
    """

    def __init__(self, url: str) -> None:
        shown = masked(url.rstrip("/"))
        try:
            url, self.fs, self.root = urls.opened(url)
        except Exception as error:  # every file system has its own
            raise ValueError(f"{shown}: cannot be opened ({self._said(error)})") from None
        self.url = url.rstrip("/")
        super().__init__(_copies() / digest(self.url)[:16])
        self.shown = shown
        self.workshop = self.folder / ".outbox"
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def name(self) -> str:
        return self.url

    def _said(self, error: Exception) -> str:
        """The first line of an error, without the URL's secrets."""
        lines = str(error).strip().splitlines()
        return masked(lines[0]) if lines else type(error).__name__

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Errors become ValueErrors: every file system has its own."""
        try:
            yield
        except ValueError as error:
            raise ValueError(masked(str(error))) from None
        except Exception as error:
            raise ValueError(f"{self.shown}: cannot be reached ({self._said(error)})") from None

    def _at(self, *parts: str) -> str:
        return posixpath.join(self.root, *parts)

    def _listed(self, *parts: str) -> dict[str, str]:
        """What is in one of the place's folders: names, and "file", "directory" or "link"."""
        self.fs.invalidate_cache()
        try:
            entries = self.fs.ls(self._at(*parts), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        names = {posixpath.basename(str(e["name"]).rstrip("/")): e for e in entries}
        return {
            name: "link" if e.get("islink") else str(e.get("type"))
            for name, e in names.items()
            if name not in ("", ".", "..")
        }

    def _ids(self, *parts: str) -> set[str]:
        return {
            n for n, kind in self._listed(*parts).items() if safe_files.is_id(n) and kind != "file"
        }

    def _files(self, *parts: str) -> Iterator[tuple[str, ...]]:
        """The files below one of the place's folders, links left out."""
        for name, kind in sorted(self._listed(*parts).items()):
            if kind == "directory":
                yield from self._files(*parts, name)
            elif kind == "file":
                yield (*parts, name)

    def _read(self, *parts: str, most: int) -> bytes:
        data = self.fs.cat_file(self._at(*parts), end=most + 1)
        if len(data) > most:
            raise ValueError(f"{parts[-1]} has more than {most} bytes")
        return data

    def _texts(self, ids: Sequence[str], *parts: str, file: str) -> Iterator[bytes | Exception]:
        """What a file of every run holds, or why that is not known: a request each, many at once.

        parts: the folder of the place that the runs are in.
        """
        most = safe_files.LARGEST_JSON
        paths = [self._at(*parts, run_id, file) for run_id in ids]
        for first in range(0, len(paths), _AT_ONCE):
            for answer in self.fs.cat_ranges(paths[first : first + _AT_ONCE], 0, most + 1):
                long = isinstance(answer, bytes) and len(answer) > most
                yield ValueError(f"{file} has more than {most} bytes") if long else answer

    def pull(self) -> None:
        """Have the copies be what is there now, after taking there what could not be taken before.

        A run is there as its record says, so every record is read. One that is not whole there is
        named in a warning, and has no copy.
        """
        for record in runs_folder.records(self.workshop, entire=True):
            self.push(self.workshop / record["id"])
        with self._reached():
            there = sorted(self._ids())
            self._forget(there)
            texts = self._texts(there, file=runs_folder.RECORD)
            for run_id, text in zip(there, texts, strict=True):
                self._bring(run_id, text, self._renew)
            failed = sorted(self._ids(runs_folder.FAILED))
            self._forget(failed, runs_folder.FAILED)
            texts = self._texts(failed, runs_folder.FAILED, file=runs_folder.ERROR)
            for run_id, text in zip(failed, texts, strict=True):
                self._bring(run_id, text, self._renew_failed)

    def _forget(self, there: Iterable[str], *parts: str) -> None:
        """Delete the copies of what is there no more."""
        here = self.folder.joinpath(*parts)
        ids = {path.name for path in here.iterdir()} if here.is_dir() else set()
        for name in filter(safe_files.is_id, ids.difference(there)):
            atomic_write.discard(here / name)

    def _bring(
        self, run_id: str, text: bytes | Exception, renew: Callable[[str, bytes | Exception], None]
    ) -> None:
        try:
            renew(run_id, text)
        except Exception as error:  # whatever stands there, the others are read
            warnings.warn(f"left out {self.shown}/{run_id}: {self._said(error)}", stacklevel=5)

    def has(self, run_id: str) -> bool:
        with suppress(Exception):  # what cannot be fetched is made, and then told
            (text,) = self._texts([run_id], file=runs_folder.RECORD)
            if isinstance(text, (bytes, FileNotFoundError)):  # else nobody knows what is there
                self._renew(run_id, text)
        return super().has(run_id)

    def _renew(self, run_id: str, text: bytes | Exception) -> None:
        """Have the copy of a run be what its record there says; if it cannot, an error and none."""
        if isinstance(text, bytes) and self._is_copied(run_id, text):
            return
        atomic_write.discard(self.folder / run_id)
        if isinstance(text, Exception):
            raise text
        self._fetch(run_id, text)

    def _is_copied(self, run_id: str, text: bytes) -> bool:
        """Whether there is a copy of the run with this record, and every byte of it as it says."""
        copy = self.folder / run_id
        try:
            record = runs_folder.parse_record(text, copy / runs_folder.RECORD)
            runs_folder.check_sums(copy, record)
            return safe_files.read(copy / runs_folder.RECORD) == text and not copy.is_symlink()
        except ValueError:
            return False

    def _fetch(self, run_id: str, text: bytes) -> None:
        new = Attempt(self.folder, run_id)
        try:
            record = runs_folder.parse_record(text, Path(run_id, runs_folder.RECORD))
            for name, known in record["files"].items():
                target = safe_files.within(new.folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self._file_of(run_id, record, name, most=known["bytes"]))
            (new.folder / runs_folder.RECORD).write_bytes(text)
            runs_folder.check_files(new.folder, record, entire=True)
        except BaseException:
            new.drop()
            raise
        new.settle()

    def _file_of(self, run_id: str, record: Record, name: str, most: int) -> bytes:
        """A run's file: on its record's shelf, or beside the record where a folder was copied."""
        try:
            return self._read(run_id, _shelf(record), name, most=most)
        except FileNotFoundError:
            return self._read(run_id, name, most=most)

    def push(self, run: Path) -> Path:
        final = self.folder / run.name
        try:
            record = runs_folder.read_record(run / runs_folder.RECORD, entire=True)
            with self._reached():
                for name in record["files"]:
                    self._put(safe_files.within(run, name), run.name, _shelf(record), name)
                self._put(run / runs_folder.RECORD, run.name, runs_folder.RECORD)
                if not self._is_copied(run.name, safe_files.read(run / runs_folder.RECORD)):
                    atomic_write.discard(final)  # what was there before this one
                run.rename(final)
        except ValueError:
            if not runs_folder.is_there(self.folder, run.name):
                raise
            atomic_write.discard(run)  # another process was first
        return final

    def push_failed(self, kept: Path) -> Path:
        atomic_write.discard_failed(self.folder, kept.name)
        final = self.folder / runs_folder.FAILED / kept.name
        final.parent.mkdir(exist_ok=True)
        shutil.copytree(kept, final, symlinks=True, ignore=_neither_file_nor_folder)
        with self._reached():
            for path in safe_files.plain(kept):
                name = path.relative_to(kept).as_posix()
                self._put(path, runs_folder.FAILED, kept.name, name)
        return final

    def _put(self, path: Path, *parts: str) -> None:
        target = self._at(*parts)
        self.fs.makedirs(posixpath.dirname(target), exist_ok=True)
        self.fs.pipe_file(target, safe_files.read(path))

    def _renew_failed(self, run_id: str, text: bytes | Exception) -> None:
        """Renew the copy of what a failed run left."""
        copy = self.folder / runs_folder.FAILED / run_id
        if isinstance(text, Exception):
            atomic_write.discard(copy)
            raise text
        facts = runs_folder.parse_failure(text, Path(run_id, runs_folder.ERROR))
        with suppress(ValueError):
            if runs_folder.failure(copy) == facts:
                return
        new = Attempt(self.folder, run_id)
        try:
            for _, _, *parts in self._files(runs_folder.FAILED, run_id):
                target = safe_files.within(new.folder, posixpath.join(*parts))
                target.parent.mkdir(parents=True, exist_ok=True)
                self.fs.get_file(self._at(runs_folder.FAILED, run_id, *parts), str(target))
        except BaseException:
            new.drop()
            raise
        new.fail(facts)

    def remove(self, run_id: str) -> None:
        with self._reached():
            if runs_folder.RECORD in self._listed(
                _checked(run_id)
            ):  # first: without it, no run is there
                self.fs.rm_file(self._at(run_id, runs_folder.RECORD))
            self._remove_all(run_id)
        super().remove(run_id)

    def remove_failed(self, run_id: str) -> None:
        with self._reached():
            self._remove_all(runs_folder.FAILED, _checked(run_id))
        super().remove_failed(run_id)

    def _remove_all(self, *parts: str) -> None:
        """Delete a folder of the place: links in it, and not what they lead to."""
        *above, name = parts
        kind = self._listed(*above).get(name)
        if kind == "directory":
            for inner in self._listed(*parts):
                self._remove_all(*parts, inner)
            with suppress(Exception):  # where folders are only names
                self.fs.rmdir(self._at(*parts))
        elif kind is not None:
            self.fs.rm_file(self._at(*parts))


def _shelf(record: Record) -> str:
    """The folder of a record's files: its sum, so that two attempts never share one."""
    return str(record["sum"])[:16]


def _neither_file_nor_folder(folder: str, names: list[str]) -> list[str]:
    """Pipes, sockets and devices, which may have no end."""
    modes = {name: Path(folder, name).lstat().st_mode for name in names}
    kept = (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK)
    return [name for name, mode in modes.items() if not any(is_kind(mode) for is_kind in kept)]
