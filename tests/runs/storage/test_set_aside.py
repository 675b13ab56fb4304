"""What is known as afnlab's own, and need not be kept."""

from __future__ import annotations

import pytest

from afnlab.runs.storage.set_aside import as_noted, sums


def test_what_nobody_has_changed_is_known(tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(name)
    noted = sums(tmp_path, "abc")
    (tmp_path / "b").write_text("mine")
    (tmp_path / "c").rename(tmp_path / "d")
    (tmp_path / "c").symlink_to("d")
    assert as_noted(tmp_path, noted) == {"a"}


@pytest.mark.parametrize("noted", [None, "a", ["a"], {"a": None}, {"../x/a": 1, "": "", "/": 2}])
def test_what_is_no_note_makes_nothing_known(noted, tmp_path):
    (tmp_path / "a").write_text("a")
    assert as_noted(tmp_path, noted) == set()
