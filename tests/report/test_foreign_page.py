"""The files of a comparison of anybody's results, and what lay in their places."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from afnlab.cli import main
from afnlab.compare import compare_table
from afnlab.report import foreign_page, staging
from tests.report.test_staging import SECOND, there, written

ROWS = "label,seed,value\n" + "".join(
    f"{label},{seed},{0.5 + seed / 100 + (label == 'a') / 10}\n"
    for label in ("a", "relu")
    for seed in range(3)
)


def compared(table: Path, out: Path | str) -> int:
    return main(["compare", "--table", str(table), "--out", str(out)])


def in_place(folder: Path) -> Path:
    return folder / "comparison.csv"


def by_link(folder: Path) -> Path:
    (folder / "mine.csv").symlink_to("comparison.csv")
    return folder / "mine.csv"


def by_hard_link(folder: Path) -> Path:
    (folder / "mine.csv").hardlink_to(folder / "comparison.csv")
    return folder / "mine.csv"


def in_a_linked_folder(folder: Path) -> Path:
    (folder / "linked").symlink_to(folder)
    return folder / "linked" / "comparison.csv"


def relative(folder: Path) -> Path:
    return Path("..", folder.name, "comparison.csv")


@pytest.mark.parametrize("spelled", [in_place, by_link, by_hard_link, in_a_linked_folder, relative])
def test_the_table_that_is_compared_is_never_written_over(
    tmp_path, monkeypatch, capsys, spelled: Callable[[Path], Path]
):
    (tmp_path / "comparison.csv").write_text(ROWS)
    monkeypatch.chdir(tmp_path)
    table = spelled(tmp_path)
    before = set(tmp_path.iterdir())
    assert compared(table, ".") == 2
    error = capsys.readouterr().err
    assert f"comparison.csv: is the file that is read ({table.absolute()}), and" in error
    assert (tmp_path / "comparison.csv").read_text() == ROWS
    assert set(tmp_path.iterdir()) == before


def test_it_may_lie_in_the_folder_under_another_name(tmp_path):
    (tmp_path / "results.csv").write_text(ROWS)
    assert compared(tmp_path / "results.csv", tmp_path) == 0
    assert (tmp_path / "results.csv").read_text() == ROWS
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {*foreign_page.FILES, "comparison.json", "results.csv"}


def test_what_no_comparison_has_written_is_moved_aside(tmp_path, capsys):
    (tmp_path / "results.csv").write_text(ROWS)
    out = tmp_path / "out"
    out.mkdir()
    for name in (*foreign_page.FILES, "comparison.json"):
        (out / name).write_text("mine")
    assert compared(tmp_path / "results.csv", out) == 0
    said = capsys.readouterr().out
    assert "moved aside what was not as the last comparison wrote it" in said
    for name in (*foreign_page.FILES, "comparison.json"):
        assert (out / "kept" / name).read_text() == "mine"
        assert str(out / "kept" / name) in said
        assert (out / name).read_text() != "mine"


def test_the_last_comparison_makes_room_for_the_next(tmp_path, capsys):
    """But for what was edited since."""
    (tmp_path / "results.csv").write_text(ROWS)
    assert compared(tmp_path / "results.csv", tmp_path / "out") == 0
    (tmp_path / "out" / "comparison.md").write_text("mine")
    (tmp_path / "results.csv").write_text(ROWS.replace("a,", "b,"))
    capsys.readouterr()
    assert compared(tmp_path / "results.csv", tmp_path / "out") == 0
    assert there(tmp_path / "out" / "kept") == {"comparison.md": "mine"}
    assert "b " in (tmp_path / "out" / "comparison.md").read_text()
    assert staging.KEPT in capsys.readouterr().out


def test_a_report_in_the_same_folder_stays(tmp_path):
    written(tmp_path, SECOND)
    (tmp_path / "results.csv").write_text(ROWS)
    assert compared(tmp_path / "results.csv", tmp_path) == 0
    assert SECOND.items() <= there(tmp_path).items()
    assert staging.is_whole(tmp_path)
    written(tmp_path, SECOND)
    assert set(foreign_page.FILES) <= there(tmp_path).keys()
    assert set(json.loads((tmp_path / "comparison.json").read_text())["files"]) == {
        *foreign_page.FILES
    }


def test_a_file_where_the_folder_is_meant(tmp_path, capsys):
    (tmp_path / "results.csv").write_text(ROWS)
    (tmp_path / "page.html").write_text("mine")
    assert compared(tmp_path / "results.csv", tmp_path / "page.html") == 2
    assert f"{tmp_path / 'page.html'}: is no folder" in capsys.readouterr().err
    assert (tmp_path / "page.html").read_text() == "mine"


def test_a_data_frame_is_no_file(tmp_path):
    (tmp_path / "results.csv").write_text(ROWS)
    one = compare_table(tmp_path / "results.csv")
    assert one.source == tmp_path / "results.csv"
    assert compare_table(one.history.rename(columns={"test_value": "value"})).source is None


def test_dollars_are_no_formula(tmp_path):
    """Neither in labels nor in what is only written when a figure is drawn."""
    (tmp_path / "odd.csv").write_text(
        ROWS.replace("a,", r"\d+$|\w+$,").replace("value", "$5 or $6")
    )
    words = ["--value", "$5 or $6", "--unit", r"$\frac$", "--out", str(tmp_path / "page")]
    assert main(["compare", "--table", str(tmp_path / "odd.csv"), *words]) == 0
