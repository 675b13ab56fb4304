"""What kernels are given of the environment: folders are those of where afnlab was started."""

from __future__ import annotations

import os

from afnlab.paths import CACHE, PACKAGE
from afnlab.runs.code_folder import CODE_FOLDER
from afnlab.runs.kernel.process_environment import absolute_folders, environment


def test_folders_are_absolute_for_whoever_works_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    current = {CACHE: "cache", "AFNLAB_DATA": "~/data", "PYTHONPATH": "mine::/theirs", "A": "b"}
    current[CODE_FOLDER] = "/code"
    paths = [f"{tmp_path}/mine", "/theirs"]
    named = {CACHE: f"{tmp_path}/cache", "AFNLAB_DATA": "~/data"}
    assert absolute_folders(current) == named | {"PYTHONPATH": os.pathsep.join(paths)}
    assert absolute_folders({CACHE: "", "PYTHONPATH": ":"}) == {}
    made = environment(1, tmp_path, current)
    assert made["PYTHONPATH"].split(os.pathsep) == [str(PACKAGE.parent), *paths]
    assert (made[CACHE], made["A"]) == (f"{tmp_path}/cache", "b")
    assert CODE_FOLDER not in made  # what a run names itself begins in its own folder
