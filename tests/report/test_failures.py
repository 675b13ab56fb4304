"""What a report that failed has left goes with the next one, unless somebody has changed it."""

from __future__ import annotations

from pathlib import Path

from afnlab.report import failures, staging
from tests.report.test_staging import there

LEFT = {"report-failed.ipynb": "ended", "report-failed.log": "killed"}


def leave(target: Path) -> list[Path]:
    """What a failure does."""
    kept = failures.make_room(target)
    for name, text in LEFT.items():
        (target / name).write_text(text)
    failures.note(target)
    return kept


def test_what_a_failure_left_goes(tmp_path):
    failures.clear(tmp_path)
    assert leave(tmp_path) == leave(tmp_path) == []
    failures.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_changed_since_is_not_lost(tmp_path):
    leave(tmp_path)
    (tmp_path / failures.NOTEBOOK).write_text("mine")
    kept = leave(tmp_path)
    assert [(path, path.read_text()) for path in kept] == [
        (tmp_path / "kept" / failures.NOTEBOOK, "mine")
    ]
    (tmp_path / failures.NOTEBOOK).write_text("mine too")
    failures.clear(tmp_path)
    assert there(tmp_path) == {f"kept/{failures.NOTEBOOK}": "mine", failures.NOTEBOOK: "mine too"}


def test_a_report_that_is_made_meanwhile_does_not_forget_it(tmp_path):
    leave(tmp_path)
    with staging.aside(tmp_path) as new:
        (new / "report.html").write_text("page")
    failures.clear(tmp_path)
    assert not (tmp_path / failures.NOTEBOOK).exists()


def test_of_what_nobody_knows_nothing_is_lost(tmp_path):
    """Of a version that did not note it, say."""
    (tmp_path / failures.NOTEBOOK).write_text("mine")
    failures.clear(tmp_path)
    assert len(leave(tmp_path)) == 1
