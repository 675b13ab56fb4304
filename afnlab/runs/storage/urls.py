"""What a URL of runs means: the same in every folder, and of this machine's files as in RFC 8089.

So `file:/x`, `file:///x` and `file://localhost/x` are one folder, and `%20` is a space. Any other
host is the first part of a path that begins in the current folder, as fsspec takes it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_ON_THIS_HOST = re.compile(r"file:(?://localhost)?(?=/(?!/))", re.IGNORECASE)


def is_url(where: str) -> bool:
    """Whether it is a URL, and no folder; pathlib leaves one slash of two."""
    return "://" in where or bool(_ON_THIS_HOST.match(where))


def opened(url: str) -> tuple[str, AbstractFileSystem, str]:
    """What a URL leads to; raises whatever its file system does.

    Args:
        url: as its user wrote it.

    Returns:
        The URL that means the same in every folder, the file system, and the path in that.
    """
    import fsspec  # noqa: PLC0415
    from fsspec.core import split_protocol  # noqa: PLC0415
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415

    before, link, last = url.rpartition("::")  # what is read through others comes first
    protocol, path = split_protocol(_ON_THIS_HOST.sub("file://", last, count=1))
    if not issubclass(fsspec.get_filesystem_class(protocol or "file"), LocalFileSystem):
        return url, *fsspec.url_to_fs(url)
    if protocol:
        path = unquote(path, errors="surrogateescape")
    if not Path(path).is_absolute():
        path = fsspec.url_to_fs(f"file://{path}")[1]
    start = f"{before}{link}{protocol or 'file'}://"
    return start + path.replace("%", "%25"), *fsspec.url_to_fs(start + path)
