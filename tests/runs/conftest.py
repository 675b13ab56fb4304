"""A folder with runs in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.runs.test_runs import small_runs


@pytest.fixture
def runs(tmp_path) -> Path:
    """A copy of the small runs, to do anything with."""
    return shutil.copytree(small_runs(), tmp_path / "runs")
