"""The files of a comparison of anybody's results, and what lay in their places."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

import afnlab
from afnlab.cli import main
from afnlab.compare import compare_table
from afnlab.report import foreign_page, staging
from afnlab.runs.storage.location import Place
from afnlab.runs.storage.set_aside import KEPT
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
    assert KEPT in capsys.readouterr().out


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


def test_another_comparison_is_not_written_over(tmp_path, capsys):
    """Another table, or another column of values: a folder is about one of them."""
    for name in ("results.csv", "others.csv"):
        (tmp_path / name).write_text(ROWS.replace("value", "acc,value").replace("0.", "0.1,0."))
    out = tmp_path / "out"
    assert compared(tmp_path / "results.csv", out) == 0
    before = there(out)
    capsys.readouterr()
    assert compared(tmp_path / "others.csv", out) == 2
    error = capsys.readouterr().err
    assert f"{out}: holds another comparison, of value in {tmp_path / 'results.csv'}; " in error
    assert "out (--out FOLDER)" in error
    by = ["compare", "--table", str(tmp_path / "results.csv"), "--value", "acc", "--out", str(out)]
    assert main(by) == 2
    table = compare_table(pd.read_csv(tmp_path / "results.csv"))
    with pytest.raises(ValueError, match="holds another comparison, of value in "):
        foreign_page.write_foreign(table, out)
    assert there(out) == before
    assert {path.name for path in tmp_path.iterdir()} == {"results.csv", "others.csv", "out"}


def test_the_same_comparison_takes_the_place_of_the_last(tmp_path, monkeypatch):
    """With added rows and another baseline, by another path, after both were moved."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "results.csv").write_text(ROWS)
    assert compared(place / "results.csv", place / "out") == 0
    place = place.rename(tmp_path / "elsewhere")
    (place / "results.csv").write_text(ROWS + "relu,3,0.5\na,3,0.7\n")
    monkeypatch.chdir(place)
    again = ["compare", "--table", "results.csv", "--baseline", "a", "--margin", "0.2"]
    assert main([*again, "--out", "out"]) == 0
    assert "difference to a" in re.sub("</?wbr>", "", Path("out/comparison.html").read_text())
    assert not Path("out", KEPT).exists()


def test_one_that_does_not_say_what_it_is_about_makes_room(tmp_path):
    """As those of older versions."""
    for name in ("results.csv", "others.csv"):
        (tmp_path / name).write_text(ROWS)
    assert compared(tmp_path / "results.csv", tmp_path / "out") == 0
    state = tmp_path / "out" / "comparison.json"
    said = json.loads(state.read_text())
    state.write_text(json.dumps({name: said[name] for name in ("schema", "files")}))
    assert compared(tmp_path / "others.csv", tmp_path / "out") == 0
    assert json.loads(state.read_text())["about"]["file"] == "../others.csv"
    assert not (tmp_path / "out" / KEPT).exists()


def test_a_page_says_where_it_is_from(tmp_path):
    """Of the file as it was read, whatever it holds when the page is written."""
    (tmp_path / "<results>.csv").write_text(ROWS)
    one = compare_table(tmp_path / "<results>.csv")
    (tmp_path / "<results>.csv").write_text("")
    days = {datetime.now(UTC).date().isoformat()}
    page = foreign_page.write_foreign(one, tmp_path / "out")
    days.add(datetime.now(UTC).date().isoformat())
    known = sha256(ROWS.encode()).hexdigest()
    said = f"by afnlab {afnlab.__version__} from {{}}.csv (SHA-256 {known[:8]})."
    for path, name, end in (
        (page, "&lt;results&gt;", "</p></body></html>"),
        (page.with_suffix(".md"), r"\<results\>", ""),
    ):
        text = path.read_text()
        assert any(f"Made on {day} {said.format(name)}{end}\n" in text[-200:] for day in days)
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["made of"] == known


def test_of_a_data_frame_it_says_that_it_is_from_a_table(tmp_path):
    (tmp_path / "results.csv").write_text(ROWS)
    one = compare_table(pd.read_csv(tmp_path / "results.csv"))
    page = foreign_page.write_foreign(one, tmp_path / "out")
    for path in (page, page.with_suffix(".md")):
        assert f" by afnlab {afnlab.__version__} from a table." in path.read_text()[-100:]


def test_of_a_sweep_it_says_that_it_is_from_its_runs(tmp_path):
    """The sweep's file holds none of the values, so its sum says nothing of them."""
    (tmp_path / "results.csv").write_text(ROWS)
    table = compare_table(pd.read_csv(tmp_path / "results.csv"))
    one = replace(table, name="slopes", source=tmp_path / "slopes.yaml", runs=Place(Path("runs")))
    page = foreign_page.write_foreign(one, tmp_path / "out")
    assert " from the runs of slopes.yaml in runs." in page.read_text()[-100:]
    other = replace(one, runs=Place(Path("fresh")))
    with pytest.raises(ValueError, match=r"holds another comparison.* by the runs in runs;"):
        foreign_page.write_foreign(other, tmp_path / "out")
    path = tmp_path / "out" / "comparison.json"
    state = json.loads(path.read_text())
    del state["about"]["runs"]  # as pages were that did not say it
    path.write_text(json.dumps(state))
    assert foreign_page.write_foreign(other, tmp_path / "out") == page
    of_none = replace(one, source=None)
    assert " from the runs of slopes in runs." in foreign_page._made(of_none)


def test_made_twice_it_is_the_same(tmp_path):
    (tmp_path / "results.csv").write_text(ROWS)
    one = compare_table(tmp_path / "results.csv")
    for name in ("first", "second"):
        foreign_page.write_foreign(one, tmp_path / name)
    assert there(tmp_path / "first") == there(tmp_path / "second")
