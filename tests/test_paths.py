"""Folders that the environment names, and those of who names none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from afnlab.paths import CACHE, DATA, PACKAGE, cache_folder
from afnlab.training.files import given_folder

FOLDERS = f"""
import os
os.chdir({{first!r}})
import afnlab
os.chdir({{then!r}})
from afnlab.native.library import cache_folder
from afnlab.runs.kernel.process_environment import absolute_folders
from afnlab.training.files import given_folder
print(cache_folder().parent, given_folder(), *map(absolute_folders().get, ({CACHE!r}, {DATA!r})))
"""


def test_a_relative_folder_means_what_it_meant_when_the_process_began(tmp_path):
    (tmp_path / "first").mkdir()
    code = FOLDERS.format(first=str(tmp_path / "first"), then=str(tmp_path))
    env = os.environ | {"PYTHONPATH": str(PACKAGE.parent), CACHE: "kept", DATA: "sets"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    kept, sets = f"{tmp_path}/first/kept", f"{tmp_path}/first/sets"
    assert (done.stdout.split(), done.stderr) == ([kept, sets, kept, sets], "")


def test_a_relative_folder_that_is_named_later_means_what_it_then_means(tmp_path, monkeypatch):
    for name in (CACHE, DATA):
        monkeypatch.setenv(name, "named-later")
    monkeypatch.chdir(tmp_path)
    assert cache_folder() == given_folder() == tmp_path / "named-later"
    monkeypatch.chdir(tmp_path.parent)
    assert cache_folder() == given_folder() == tmp_path / "named-later"


@pytest.mark.parametrize("named", ["", "theirs", "./theirs"])
def test_a_relative_cache_folder_of_the_user_is_ignored(named, monkeypatch):
    """As the XDG base directory specification asks for."""
    monkeypatch.delenv(CACHE, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    assert cache_folder() == Path("/home/me/.cache/afnlab")
    monkeypatch.setenv("XDG_CACHE_HOME", "/theirs")
    assert cache_folder() == Path("/theirs/afnlab")
