"""A report's files: put in place together, and none that the last one alone wrote is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from afnlab.locks import Claim
from afnlab.report import staging, write_report
from afnlab.report.state import STATE, read_state


def fill(new: Path, files: Mapping[str, str], others: Mapping[str, str] = {}) -> None:
    """Write a report of these files; others: sums of those that are not written anew."""
    for name, text in files.items():
        (new / name).parent.mkdir(exist_ok=True)
        (new / name).write_text(text)
    state = {"schema": staging.SCHEMA, "files": {**others, **write_report.files(new)}}
    (new / STATE).write_text(json.dumps(state))


def written(target: Path, files: Mapping[str, str]) -> None:
    """A report of these files, by their names in its folder."""
    with staging.aside(target) as new:
        fill(new, files)


def there(target: Path) -> dict[str, str]:
    """All files of a folder, but the report's state."""
    files = {p.relative_to(target).as_posix(): p for p in target.rglob("*") if p.is_file()}
    return {n: p.read_text() for n, p in sorted(files.items()) if n != STATE}


FIRST = {
    "report.html": "of 5 epochs",
    "report.pdf": "of 5 epochs",
    "figures/5-curves.svg": "drawn",
    "figures/5-overlay.svg": "drawn",
    "runs/0.html": "shown",
    "tables/5.csv": "1",
}
MINE = "figures/5-overlay.svg"
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
    assert there(tmp_path) == dict(sorted((own | FIRST | {f"kept/{MINE}": own[MINE]}).items()))


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
    (target / STATE).write_text(json.dumps(state))
    written(target, {"report.html": "of 40 epochs"})
    assert there(aside) == {"5-curves.svg": "drawn", "5.csv": "1"}
    assert not (target / "runs" / "0.html").exists()


LAST = {  # what lies there instead of the last report's state, if anything does
    "as it was": None,
    "none": "",
    "unreadable": "{",
    "somebody else's": '{"mine": 1}',
    "edited": '{"files": {}, "mine": 1}',
}


@pytest.mark.parametrize("state", LAST)
def test_what_the_last_report_did_not_write_so_is_kept(tmp_path, state):
    """Whatever has the name of a file of a report, where the last one's state does not know it."""
    if LAST[state] is None:
        written(tmp_path, FIRST)
    elif LAST[state]:
        (tmp_path / STATE).write_text(LAST[state])
    own = dict.fromkeys(FIRST, "mine")
    for name, text in own.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    kept: list[Path] = []
    with staging.aside(tmp_path, kept) as new:
        fill(new, FIRST)
    if LAST[state]:
        own[STATE] = LAST[state]
    before = {f"kept/{name}": text for name, text in own.items()}
    assert there(tmp_path) == dict(sorted((FIRST | before).items()))
    assert {p.relative_to(tmp_path).as_posix() for p in kept} == before.keys()


def test_what_is_kept_takes_the_place_of_nothing(tmp_path):
    (tmp_path / "kept-2").write_text("mine")
    for text in ("first", "second"):
        written(tmp_path, SECOND)
        (tmp_path / "report.html").write_text(text)
        (tmp_path / "tables" / "40.csv").write_text(text)
    written(tmp_path, SECOND)
    for folder, text in (("kept", "first"), ("kept-3", "second")):
        for name in ("report.html", "tables/40.csv"):
            assert (tmp_path / folder / name).read_text() == text
    assert (tmp_path / "kept-2").read_text() == "mine"


def test_a_report_whose_state_is_gone_moves_nothing_that_is_the_same(tmp_path):
    written(tmp_path, FIRST)
    (tmp_path / STATE).unlink()
    kept: list[Path] = []
    with staging.aside(tmp_path, kept) as new:
        fill(new, FIRST)
    assert kept == []
    assert there(tmp_path) == dict(sorted(FIRST.items()))


def test_links_and_folders_in_the_place_of_files_are_kept_as_they_are(tmp_path):
    target, elsewhere = tmp_path / "report", tmp_path / "elsewhere"
    (target / "report.html" / "mine").mkdir(parents=True)
    (target / "figures").mkdir()
    elsewhere.mkdir()
    (elsewhere / "5.csv").write_text("mine")
    (target / "tables").symlink_to(elsewhere)
    (target / "figures" / "5-curves.svg").symlink_to(elsewhere / "5.csv")
    (target / "figures" / "5-overlay.svg").symlink_to("../../elsewhere/5.csv")
    written(target, FIRST)
    assert there(elsewhere) == {"5.csv": "mine"}
    assert {name: (target / name).read_text() for name in FIRST} == FIRST
    assert (target / "kept" / "report.html" / "mine").is_dir()
    assert (target / "kept" / "tables").readlink() == elsewhere
    assert (target / "kept" / "figures" / "5-curves.svg").is_symlink()
    relative = target / "kept" / MINE
    assert not relative.readlink().is_absolute()
    assert relative.read_text() == "mine"


def test_a_pdf_that_is_no_longer_written_stays_where_it_was_edited(tmp_path):
    written(tmp_path, FIRST)
    (tmp_path / "report.pdf").write_text("mine")
    written(tmp_path, SECOND)
    assert there(tmp_path) == dict(sorted((SECOND | {"report.pdf": "mine"}).items()))


def test_files_that_are_not_written_anew_stay(tmp_path):
    """Of a report of which only the page is."""
    written(tmp_path, FIRST)
    page = {"report.html": "with a link"}
    with staging.aside(tmp_path) as new:
        fill(new, page, write_report.files(tmp_path))
    assert there(tmp_path) == dict(sorted((FIRST | page).items()))
    assert staging.is_whole(tmp_path)


def test_a_folder_that_may_not_be_written_to_is_said_first(tmp_path, monkeypatch):
    (tmp_path / "tables").mkdir()
    theirs = ""
    monkeypatch.setattr(staging.os, "access", lambda path, _: str(path) != theirs)
    staging.require_writable(tmp_path / "new" / "report", ["tables"])
    for theirs in (str(tmp_path), str(tmp_path / "tables")):
        said = f"^{theirs}: may not be written to, since it .*; give another one: out "
        with pytest.raises(ValueError, match=said):
            staging.require_writable(tmp_path, ["runs", "tables"])
    staging.require_writable(tmp_path, ["runs"])


def test_a_file_that_cannot_take_its_place_is_named(tmp_path, monkeypatch):
    def refused(path: Path, to: Path) -> Path:
        raise PermissionError(1, "Operation not permitted", str(path), None, str(to))

    written(tmp_path, FIRST)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refused)
        said = f"^{tmp_path / 'report.html'}: cannot be written .Operation not permitted.; give"
        with pytest.raises(ValueError, match=said):
            written(tmp_path, {"report.html": "the second"})
    staging.settle(tmp_path)
    assert there(tmp_path) == {"report.html": "the second"}


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
    (tmp_path / STATE).write_text(json.dumps(state))
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
    (target / ".report.ready" / STATE).write_text(json.dumps(state))
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
