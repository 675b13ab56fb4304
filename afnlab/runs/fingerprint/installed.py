"""Installed packages that a user names a task or an activation of: their files count like his own.

A package with many files counts by the version of its distribution instead. What such a package
imports of others counts as anywhere: not at all.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

from afnlab.paths import PACKAGE

MOST = 200  # files of Python, beyond which a package counts by its version
_FOLDERS = ("site-packages", "dist-packages")


@lru_cache(maxsize=4096)
def is_installed(path: Path) -> bool:
    """Whether a file or a folder is installed, and not a part of afnlab."""
    return any(part in _FOLDERS for part in path.parts) and not path.is_relative_to(PACKAGE)


def package_of(path: Path) -> Path:
    """The outermost package that a module's file is in; the file, if it is in none."""
    package, folder = path, path.parent
    while (folder / "__init__.py").is_file():
        package, folder = folder, folder.parent
    return package


def version_of(package: Path) -> tuple[str, str] | None:
    """The distribution of an installed package, and its version; None if it is of none."""
    name = package.name.partition(".")[0]
    with suppress(metadata.PackageNotFoundError):  # mostly both have one name
        return name, metadata.version(name)
    for distribution in _distributions().get(name, ()):
        return distribution, metadata.version(distribution)
    return None


def is_large(package: Path) -> bool:
    """Whether a package has more files than are read one by one."""
    count = 0
    for _, _, names in os.walk(package):
        count += sum(name.endswith(".py") for name in names)
        if count > MOST:
            return True
    return False


@cache
def _distributions() -> dict[str, list[str]]:
    """The distributions of all packages, which takes most of a second to learn."""
    return dict(metadata.packages_distributions())
