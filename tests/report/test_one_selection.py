"""A report is of one selection of runs, whatever becomes of their folder while it is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import afnlab
from afnlab.paths import find
from afnlab.report import export, one_selection, write_report
from afnlab.runs import records
from afnlab.runs.notebook_parameters.declarations import sources
from tests.report.test_made_of import made_anew
from tests.runs.test_runs import rewrite, small_runs

RUNS, HELD = Path("runs"), Path("held")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small_runs(), RUNS)
    HELD.mkdir()
    return tmp_path


def run_of(activation: str) -> str:
    its = (r["id"] for r in records(small_runs()) if r["given"]["activation"] == activation)
    return next(its)


def shown_by(notebook: str, parameters: Mapping[str, object]) -> list[object]:
    """What the first cells of a notebook show, executed here: no kernel is started."""
    (_, declared, _), (_, first, _), *_ = sources(find("notebooks", notebook, ".ipynb"))
    shown: list[object] = []
    names: dict[str, object] = {"display": lambda *parts: shown.extend(parts)}
    exec(declared, names)
    names |= parameters
    exec(first, names)
    return [names["chosen"], *shown]


@pytest.fixture
def meanwhile(monkeypatch) -> Callable[[Callable[[], object]], list[pd.DataFrame]]:
    """Has something happen after the selection and before the page's kernel has begun; the tables
    that the kernel then has."""

    def happens(what: Callable[[], object]) -> list[pd.DataFrame]:
        tables: list[pd.DataFrame] = []

        def execute(notebook, target, parameters, means, failed, environment) -> None:
            what()
            with monkeypatch.context() as patched:
                for name, value in environment.items():
                    patched.setenv(name, value)
                chosen, *_ = shown_by(notebook, parameters)
            tables.extend(one.table for one in chosen)
            nbformat.write(nbformat.v4.new_notebook(), target)

        monkeypatch.setattr(write_report, "execute", execute)
        return tables

    return happens


def test_runs_that_are_added_are_in_the_next_report(folder, meanwhile):
    late = run_of("srelu")
    (RUNS / late).rename(HELD / late)
    in_page = meanwhile(lambda: (HELD / late).exists() and (HELD / late).rename(RUNS / late))
    for rows in (["relu"], ["relu", "srelu"]):
        write_report.write(runs=RUNS, out="out", pdf=False)
        (path,) = Path("out", "tables").glob("*.csv")
        assert path.read_text() == export.as_csv(in_page[-1])
        assert sorted(in_page[-1].index) == rows
        (recipe,) = json.loads(Path("out", "report.json").read_text())["tables"]
        assert sorted(recipe["labels"].values()) == rows
        assert {p.stem for p in Path("out", "runs").iterdir()} == recipe["runs"].keys()


CHANGES: dict[str, Callable[[], object]] = {
    "removed": lambda: shutil.rmtree(RUNS / run_of("srelu")),
    "made again": lambda: rewrite(RUNS / run_of("srelu"), started="2026-11-30T00:00:00.000"),
    "made again with other results": lambda: made_anew(Path()),
    "damaged": lambda: (RUNS / run_of("srelu") / "record.json").write_text("{"),
}


@pytest.mark.filterwarnings("ignore:left out")  # from the run's own page
@pytest.mark.parametrize("change", CHANGES)
def test_runs_that_are_changed_end_it_with_what_to_do(folder, meanwhile, change):
    meanwhile(CHANGES[change])
    with pytest.raises(ValueError, match=r"was changed or removed while the report was .*again$"):
        write_report.write(runs=RUNS, out="out", pdf=False)
    assert not Path("out", "report.html").exists()
    assert not list(Path("out").glob(".report-*"))


def test_a_failure_for_another_reason_is_said_as_it_is(folder, meanwhile):
    def fails() -> None:
        raise ValueError("another reason")

    meanwhile(fails)
    with pytest.raises(ValueError, match=r"^another reason$"):
        write_report.write(runs=RUNS, out="out", pdf=False)


def test_the_table_is_handed_over_too(folder, monkeypatch):
    """Runs of which no file can be read any more make no other one."""
    chosen = afnlab.compare.select(RUNS)
    with one_selection.handed_over(chosen) as environment, monkeypatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        shutil.rmtree(RUNS)
        (handed,) = one_selection.selected(RUNS)
    pd.testing.assert_frame_equal(handed.table, chosen[0].table)
    assert not Path(environment[one_selection.VARIABLE]).exists()


def test_a_notebook_that_is_run_by_itself_selects(folder):
    (one,), *shown = shown_by("report", {"sweep": "", "runs": str(RUNS)})
    assert sorted(one.table.index) == ["relu", "srelu"]
    assert shown
