"""A report's files: put in place together, and none that the last one alone wrote is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from afnlab.locks import Claim
from afnlab.report import staging, write_report
from afnlab.report.state import read_state


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
    assert set(read_state(tmp_path)["files"]) == SECOND.keys()
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
    state = read_state(target)
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
    assert set(read_state(tmp_path)["files"]) == SECOND.keys()
    assert not list(tmp_path.glob(".*"))


def test_a_state_that_lists_whatever_lay_there_removes_nothing(tmp_path):
    written(tmp_path, FIRST)
    state = read_state(tmp_path)
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


def test_an_interruption_before_the_last_folder_is_removed_loses_nothing(tmp_path):
    written(tmp_path, FIRST)
    (tmp_path / ".report.ready").mkdir()
    staging.settle(tmp_path)
    assert there(tmp_path) == dict(sorted(FIRST.items()))
    assert staging.is_whole(tmp_path)
    assert not list(tmp_path.glob(".*"))


def ready(target: Path, files: Mapping[str, str]) -> None:
    """What an interruption leaves of a report that was written whole, before any move."""
    written(target / "aside", files)
    (target / "aside").rename(target / ".report.ready")


def test_a_report_is_left_to_the_process_that_puts_it_in_place(tmp_path):
    written(tmp_path, FIRST)
    ready(tmp_path, SECOND)
    with Claim(tmp_path, "report"):
        staging.settle(tmp_path)
        assert (tmp_path / "report.html").read_text() == FIRST["report.html"]
    written(tmp_path, {"report.html": "the third"})
    assert there(tmp_path) == {"report.html": "the third"}


def test_a_report_that_was_left_cannot_put_files_elsewhere(tmp_path):
    target = tmp_path / "report"
    written(target, FIRST)
    ready(target, SECOND)
    (target / "theirs").write_text("theirs")
    state = read_state(target / ".report.ready")
    state["files"]["../theirs"] = "0"
    (target / ".report.ready" / staging.STATE).write_text(json.dumps(state))
    staging.settle(target)
    assert [p.name for p in tmp_path.iterdir()] == ["report"]
    assert (target / "report.html").read_text() == SECOND["report.html"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report.html", "report.html: is a folder, where a report has a file"),
        ("runs", "runs: is no folder, where a report needs one"),
        ("", "out: is no folder, where a report needs one"),
        ("..", "out: is no folder, where a report needs one"),
    ],
)
def test_what_is_in_the_way_is_said_first(tmp_path, name, said):
    target = tmp_path / "out"
    if name == "report.html":
        (target / name).mkdir(parents=True)
    elif name == "runs":
        target.mkdir()
        (target / name).write_text("mine")
    else:
        target.write_text("mine")
    target = target / "below" if name == ".." else target
    with pytest.raises(ValueError, match=said):
        staging.require_room(target, ["report.html"], ["runs"])
    with pytest.raises(ValueError, match=said):
        write_report.write("default", runs=tmp_path / "none", out=target)
