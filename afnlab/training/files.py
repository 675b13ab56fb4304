"""Data sets as files: where they are, fetching them, and checking them.

They have the layout of their own sites (which torchvision keeps for MNIST) under `$AFNLAB_DATA`,
or else in the user's cache folder. A file is complete or absent: it is downloaded and unpacked
under a temporary name, checked, and renamed.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import tarfile
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from afnlab import locks
from afnlab.messages import masked
from afnlab.paths import DATA, as_first_read, user_cache
from afnlab.spellings import unknown
from afnlab.training.catalogue import SOURCES, DataSource
from afnlab.usercode.lookup import expanded

ENVIRONMENT, MIRROR = DATA, "AFNLAB_MIRROR"
NOT_PUBLISHED = "NOT the published files of {}: checked were sizes and labels only"
RETRIES = 2


class DataError(ValueError):
    """A data file is missing or damaged."""


def source(name: str) -> DataSource:
    if name not in SOURCES:
        raise DataError(unknown("data set", name, SOURCES))
    return SOURCES[name]


def given_folder() -> Path | None:
    """The folder that the user set (`$AFNLAB_DATA`), if any."""
    folder = os.environ.get(ENVIRONMENT)
    return as_first_read(expanded(folder)) if folder else None


def folder_of(name: str) -> Path:
    """The folder of a data set's files, whether they exist or not."""
    folder = given_folder()
    return (folder or user_cache()) / source(name).folder


def read(name: str, file: str) -> bytes:
    """The content of one file of a data set, checked; with a warning if it is not a published one.

    Without `$AFNLAB_DATA` a missing data set is fetched first.

    Raises:
        DataError: with `$AFNLAB_DATA`, if the file is missing or damaged, with the command that
            fetches it.
    """
    path = _find(name, file)
    if path is None and given_folder() is None:
        fetch(name)
        path = _find(name, file)
    if path is None:
        missing = folder_of(name) / file
        raise DataError(f"{missing}: no such file ({_origin()}); {_mend(name)}")
    content = _checked(name, file, path)
    if not originals(name):
        warnings.warn(f"{folder_of(name)}: {NOT_PUBLISHED.format(name)}", stacklevel=3)
    return content


def _find(name: str, file: str) -> Path | None:
    plain = folder_of(name) / file
    either = (plain, plain.with_name(f"{file}.gz"))
    return next((path for path in either if path.is_file()), None)


def _origin() -> str:
    return f"{ENVIRONMENT} is {given_folder()}" if given_folder() else f"{ENVIRONMENT} is not set"


def _mend(name: str) -> str:
    return f"fetch it with `afnlab data fetch {name}`"


def _checked(name: str, file: str, path: Path) -> bytes:
    again = f"remove it and {_mend(name)}"
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); {again}") from None
    size, checksum = source(name).files[file]
    if len(content) != size:
        raise DataError(f"{path}: has {len(content):,} bytes, not {size:,}; {again}")
    kind = _kind(checksum)
    if hashlib.new(kind, content).hexdigest() != checksum:
        if not _is_of_others(name):
            said = f"its {_CHECKSUMS[kind]} is not {checksum}"
            raise DataError(f"{path}: is not {file} of {name} ({said}); {again}")
        for at, count in enumerate(source(name).classes):
            if max(content[at :: source(name).record]) >= count:
                raise DataError(f"{path}: holds labels above {count - 1}; {again}")
    return content


_CHECKSUMS = {"md5": "MD5", "sha256": "SHA-256"}


def _kind(checksum: str) -> str:
    """The name of the hash function that a checksum is of, which its length says."""
    return {32: "md5", 64: "sha256"}[len(checksum)]


def _is_of_others(name: str) -> bool:
    """Whether somebody has written CIFAR's pictures into files of his own, none an original.

    Only in a folder of the user's: what stands in the cache folder was fetched.
    """
    paths = [path for file in source(name).files if (path := _find(name, file)) is not None]
    if given_folder() is None or not source(name).classes:
        return False
    return not any(_is_original(path, name, path.stat().st_mtime_ns) for path in paths)


@lru_cache
def _is_original(path: Path, name: str, changed: int) -> bool:
    """Whether a file is one of the published ones; changed: when it was, for the cache."""
    _, checksum = source(name).files[path.name.removesuffix(".gz")]
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error):
        return False
    return hashlib.new(_kind(checksum), content).hexdigest() == checksum


def problems(name: str) -> list[str]:
    """The errors of a data set on disk, one sentence per file; nothing is fetched."""
    messages = []
    for file in source(name).files:
        path = _find(name, file)
        try:
            if path is None:
                raise DataError(f"{folder_of(name) / file}: no such file; {_mend(name)}")
            _checked(name, file, path)
        except DataError as error:
            messages.append(str(error))
    return messages


def originals(name: str) -> bool:
    """Whether a data set on disk, in which `problems` finds nothing, is the published one.

    Otherwise somebody has written it anew, and only its sizes and labels can be checked.
    """
    return not _is_of_others(name)


def state(name: str) -> str:
    """How much of a data set is on disk: "here", "absent" or "3 of 6 files". Nothing is read."""
    here = sum(_find(name, file) is not None for file in source(name).files)
    total = len(source(name).files)
    return {0: "absent", total: "here"}.get(here, f"{here} of {total} files")


def fetch(name: str) -> Path:
    """Download what is missing or damaged and check it.

    An interrupted or altered download is discarded and tried again, twice. Of several processes one
    fetches, and the others wait for it, if the file system has locks. `$AFNLAB_MIRROR` is an
    address from which the files are taken in place of their own site.

    Returns:
        The data set's folder.

    Raises:
        DataError: if that fails, with what to do.
    """
    folder, wanted = folder_of(name), source(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            for file in wanted.files:
                path = _find(name, file)
                try:
                    if path is None:
                        raise DataError
                    _checked(name, file, path)
                except DataError:
                    if wanted.archive is not None:
                        with TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as temporary:
                            archive = _download(wanted, *wanted.archive, Path(temporary))
                            _unpack(wanted, archive, folder)
                        break
                    if wanted.plain is not None:
                        _, checksum = wanted.files[file]
                        _download(wanted, file, checksum, folder, wanted.plain[file])
                        continue
                    assert wanted.packed is not None
                    _download(wanted, f"{file}.gz", wanted.packed[file], folder)
                    if path is not None and path.suffix != ".gz":  # which is read before the new
                        path.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: {name} cannot be put there ({error})") from error
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other process of this kind is in the folder, if locks are to be had."""
    if os.name != "posix":  # Windows opens no folders
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        locks.acquire(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


def _download(wanted: DataSource, file: str, checksum: str, folder: Path, remote: str = "") -> Path:
    """Fetch a file, which at its address has the name `remote`, if another."""
    import pooch  # noqa: PLC0415

    base, remote = (os.environ.get(MIRROR) or wanted.url).rstrip("/") + "/", remote or file
    pooch.get_logger().setLevel("ERROR")
    keeper = pooch.create(
        folder,
        base,
        registry={file: f"{_kind(checksum)}:{checksum}"},
        urls={file: base + remote},
        retry_if_failed=RETRIES,
    )
    try:
        return Path(keeper.fetch(file, progressbar=sys.stderr.isatty()))
    except Exception as error:
        raise DataError(
            masked(f"{keeper.get_url(file)}: could not be fetched ({error})")
            + f"; set {MIRROR} to another"
            f" address that has {remote}, or {ENVIRONMENT} to a folder that has {wanted.folder}"
        ) from error


def _unpack(wanted: DataSource, archive: Path, folder: Path) -> None:
    """Bring the archive's files into the folder, by way of its own."""
    with tarfile.open(archive) as packed:
        for file in wanted.files:
            member = packed.extractfile(f"{wanted.folder}/{file}")
            part = archive.with_name(file)
            part.write_bytes(member.read() if member else b"")
            part.replace(folder / file)
