"""Installed packages that a user names a task or an activation of: their files count like his own.

A package with many files counts by the version of its distribution instead. What such a package
imports of other distributions counts as anywhere: not at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from afnlab.paths import PACKAGE
from afnlab.runs.fingerprint.modules import modules_in

MOST = 200  # files of Python, beyond which a package counts by its version
_FOLDERS = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Distribution:
    """A distribution: name, version, and the names of what it installs at the top level."""

    name: str
    version: str
    tops: frozenset[str]


@lru_cache(maxsize=4096)
def is_third_party(path: Path) -> bool:
    """Whether a file or a folder is installed, and neither Python's own nor a part of afnlab.

    `usercode.loaded.is_installed` asks something else: whether it is nothing of the user's.
    """
    return any(part in _FOLDERS for part in path.parts) and not path.is_relative_to(PACKAGE)


def top_of(path: Path) -> str:
    """The name of the package or module, at the top level, that an installed file belongs to.

    A package need not have an `__init__`, and its parts may lie in several folders.
    """
    way = path.relative_to(_home(path)).parts
    return _stem(way[0]) if way else ""


def package_of(path: Path) -> Path:
    """The outermost package with an `__init__` that an installed file is in; else the file."""
    home = _home(path)
    inside = [folder for folder in path.parents if folder != home and folder.is_relative_to(home)]
    return next((f for f in reversed(inside) if modules_in(f, "__init__")), path)


def distribution_of(path: Path) -> Distribution | None:
    """The distribution that has installed a file; None if none says so.

    A package's name alone proves nothing: another distribution may be called so.
    """
    home, package = _home(path), package_of(path)
    added = [Path(p) for p in sys.path if Path(p).is_relative_to(home)]  # an egg is one
    for folder in dict.fromkeys([*(p for p in added if package.is_relative_to(p)), home]):
        try:
            changed = folder.stat().st_mtime_ns
        except OSError:
            continue
        way = path.relative_to(folder).as_posix()
        owner = _owner(folder, way, package.relative_to(folder).as_posix(), changed)
        if owner is not None:
            return owner
    return None


def is_large(package: Path) -> bool:
    """Whether a package has more files than are read one by one."""
    count = 0
    for _, _, names in os.walk(package):
        count += sum(name.endswith(".py") for name in names)
        if count > MOST:
            return True
    return False


def _home(path: Path) -> Path:
    """The folder for installed packages that a path lies in."""
    last = max(i for i, part in enumerate(path.parts) if part in _FOLDERS)
    return Path(*path.parts[: last + 1])


def _stem(name: str) -> str:
    return name.partition(".")[0]


@lru_cache(maxsize=4096)
def _owner(folder: Path, file: str, package: str, changed: int) -> Distribution | None:
    """The distribution in a folder that lists a file, or else its package.

    changed: when the folder was, which is whenever a distribution is installed or removed.
    """
    top = _stem(file.partition("/")[0])
    lists: Iterable[Callable[[frozenset[str]], bool]] = (
        lambda listed: file in listed,
        lambda listed: any(one.startswith(f"{package}/") for one in listed),
        lambda listed: top in listed,
    )
    for is_its in lists:
        for one, listed in _candidates(folder, top, changed):
            if is_its(listed) and "Name" in one.metadata:
                tops = frozenset(_stem(name.partition("/")[0]) for name in listed)
                return Distribution(one.metadata["Name"], one.version, tops)
    return None


_Listed = tuple[metadata.Distribution, frozenset[str]]


def _candidates(folder: Path, name: str, changed: int) -> Iterator[_Listed]:
    """The distributions in a folder: those first that are called as the package, as most are."""
    yield from _distributions(folder, changed, name)
    yield from _distributions(folder, changed, None)


@lru_cache(maxsize=8)
def _distributions(folder: Path, changed: int, name: str | None) -> list[_Listed]:
    """Those in a folder, of one name or all, with what they list."""
    there = metadata.distributions(name=name, path=[str(folder)])
    return [(one, _listed(one)) for one in there]


def _listed(one: metadata.Distribution) -> frozenset[str]:
    """The files that a distribution has installed, from its folder on.

    One that another installer than pip left may list its top level alone, or nothing, and then is
    called as it.
    """
    if files := one.read_text("RECORD"):
        return frozenset(line.partition(",")[0].strip('"') for line in files.splitlines())
    if files := one.read_text("installed-files.txt"):  # from the folder of the egg-info on
        return frozenset(line.removeprefix("../") for line in files.splitlines())
    if tops := one.read_text("top_level.txt"):
        return frozenset(tops.split())
    return frozenset([one.metadata["Name"].replace("-", "_")] if "Name" in one.metadata else ())
