"""A report's files: put in place together, and none that the last one alone wrote is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from afnlab.locks import Claim
from afnlab.report import staging, write_report


def written(target: Path, files: Mapping[str, str]) -> None:
    """A report of these files, by their names in its folder."""
    with staging.aside(target) as new:
        for name, text in files.items():
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_text(text)
        state = {"schema": staging.SCHEMA, "files": write_report.files(new)}
        (new / staging.STATE).write_text(json.dumps(state))


def there(target: Path) -> dict[str, str]:
    """All files of a folder, but the report's state."""
    files = {p.relative_to(target).as_posix(): p for p in target.rglob("*") if p.is_file()}
    return {n: p.read_text() for n, p in sorted(files.items()) if n != staging.STATE}


FIRST = {
    "report.html": "of 5 epochs",
    "report.pdf": "of 5 epochs",
    "figures/5-curves.svg": "drawn",
    "figures/5-overlay.svg": "drawn",
    "runs/0.html": "shown",
    "tables/5.csv": "1",
}
SECOND = {"report.html": "of 40 epochs", "figures/40-curves.svg": "drawn", "tables/40.csv": "2"}


def test_what_the_last_report_alone_wrote_is_removed(tmp_path):
    written(tmp_path, FIRST)
    own = {"figures/5-overlay.svg": "mine now", "figures/mine.svg": "mine", "notes.txt": "mine"}
    for name, text in own.items():
        (tmp_path / name).write_text(text)
    written(tmp_path, SECOND)
    assert there(tmp_path) == dict(sorted((SECOND | own).items()))
    assert set(staging.read_state(tmp_path)["files"]) == SECOND.keys()
    written(tmp_path, FIRST)
    assert there(tmp_path) == dict(sorted((own | FIRST).items()))


def test_nothing_is_removed_through_a_link_or_elsewhere(tmp_path):
    target, aside = tmp_path / "report", tmp_path / "aside"
    written(target, FIRST)
    (target / "tables").rename(aside)
    (target / "tables").symlink_to(aside)
    linked = target / "figures" / "5-curves.svg"
    linked.rename(aside / linked.name)
    linked.symlink_to(aside / linked.name)
    state = staging.read_state(target)
    outside = {"../aside/5.csv": "tables/5.csv", str(aside / "5.csv"): "tables/5.csv"}
    state["files"] |= {name: state["files"][known] for name, known in outside.items()}
    (target / staging.STATE).write_text(json.dumps(state))
    written(target, {"report.html": "of 40 epochs"})
    assert there(aside) == {"5-curves.svg": "drawn", "5.csv": "1"}
    assert not (target / "runs" / "0.html").exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_ends_a_report_leaves_the_last_one(tmp_path, error):
    written(tmp_path, FIRST)
    before = there(tmp_path)
    with pytest.raises(error), staging.aside(tmp_path) as new:
        (new / "report.html").write_text("half")
        raise error
    assert there(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


@pytest.mark.parametrize("moves", range(4))
def test_an_interruption_between_two_moves_is_made_good_by_the_next(tmp_path, monkeypatch, moves):
    written(tmp_path, FIRST)
    replace, left = Path.replace, [moves]

    def interrupted(path: Path, to: Path) -> Path:
        if ".report.ready" in str(path):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        return replace(path, to)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            written(tmp_path, SECOND)
    staging.settle(tmp_path)
    assert there(tmp_path) == dict(sorted(SECOND.items()))
    assert set(staging.read_state(tmp_path)["files"]) == SECOND.keys()
    assert not list(tmp_path.glob(".*"))


def test_a_state_that_lists_whatever_lay_there_removes_nothing(tmp_path):
    written(tmp_path, FIRST)
    state = staging.read_state(tmp_path)
    del state["schema"]
    (tmp_path / staging.STATE).write_text(json.dumps(state))
    written(tmp_path, SECOND)
    assert there(tmp_path) == dict(sorted((FIRST | SECOND).items()))


def test_a_folder_in_which_a_report_is_being_written(tmp_path):
    (tmp_path / ".report-left").mkdir()
    with Claim(tmp_path, "report"), pytest.raises(ValueError, match="another process is writing"):
        written(tmp_path, FIRST)
    assert (tmp_path / ".report-left").exists()
    written(tmp_path, FIRST)
    assert there(tmp_path) == dict(sorted(FIRST.items()))
