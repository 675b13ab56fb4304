"""Files in a folder that others may write to."""

from __future__ import annotations

import os

import pytest

from afnlab.runs.storage import safe_files


def test_what_may_not_even_be_looked_at_cannot_be_read(tmp_path, monkeypatch):
    """As in a folder of somebody else's, of which one line says so."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        for name in ("open", "stat", "lstat"):
            patched.setattr(os, name, refused)
        for look in (safe_files.read, safe_files.summed, safe_files.size):
            with pytest.raises(ValueError, match=r"cannot be read .Permission denied"):
                look(tmp_path / "record.json")
