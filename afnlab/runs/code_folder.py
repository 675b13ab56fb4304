"""Where a user's own files are looked for: in the current folder, and where a lab was started.

The notebooks of `afnlab lab` work in a folder of copies, their user in the one above it.
"""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from pathlib import Path

from afnlab.usercode.lookup import expanded

CODE_FOLDER = "AFNLAB_CODE"  # names the folder in which a lab was started, for its kernels


def located(path: str | Path, folder: Path = Path()) -> Path:
    """The whole path of a user's file, which need not be there.

    A warning says which one is taken where both folders hold one and they differ.

    Args:
        path: a relative one begins in a folder; where that holds no such file, in `$AFNLAB_CODE`.
        folder: by default the current one.
    """
    path = expanded(path)
    here = (folder / path).resolve()
    if path.is_absolute() or not os.environ.get(CODE_FOLDER):
        return here
    there = (Path(os.environ[CODE_FOLDER]) / path).resolve()
    if there == here or not os.path.isfile(there):  # noqa: PTH113  (false where nobody may look)
        return here
    if not os.path.lexists(here):
        return there
    with suppress(OSError):  # what cannot be read is said where it is used
        if here.read_bytes() != there.read_bytes():
            warnings.warn(f"{path} is {here}, and not {there}, which differs from it", stacklevel=2)
    return here
