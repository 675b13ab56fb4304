"""What a sweep says while it runs: lines, a bar, a logger."""

from __future__ import annotations

import logging
import threading

import pytest

import afnlab
from afnlab.runs.sweeps import progress, sweep_file
from tests.runs.sweeps.test_run_sweep import GRID

pytestmark = pytest.mark.usefixtures("one_server")


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time, as its only element."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_lines_say_how_far_it_is(capsys, clock):
    with progress.Progress("mine", 3, lambda: 2) as shown:
        clock[0] = 30.0
        shown.ended("a", "well", failed=False)
        clock[0] = 60.0
        shown.ended("b", "FAILED, x", failed=True)
        clock[0] = 400.0
        shown.ended("c", "well", failed=False)
    lines = ["[1/3] a: well; 60 s left", "[2/3] b: FAILED, x; 30 s left", "[3/3] c: well"]
    assert capsys.readouterr().out.splitlines() == lines
    assert [progress.spoken(s) for s in (7.4, 600, 36000)] == ["7 s", "10 min", "10.0 h"]


def test_a_first_run_that_takes_long_is_no_silence(clock, monkeypatch):
    monkeypatch.setattr(progress, "_SILENT", 0.01)
    lines, second = [], threading.Event()

    def report(line: str) -> None:
        lines.append(line)
        if len(lines) > 1:
            second.set()

    with progress.Progress("mine", 3, lambda: 1, report) as shown:
        clock[0] = 40.0
        assert second.wait(10)
        shown.ended("a", "well", failed=False)
    assert {"0 of 3 done, 1 running, for 40 s", "[1/3] a: well; 80 s left"} <= set(lines)


@pytest.fixture
def log(monkeypatch) -> logging.Logger:
    """The logger of the library, put back as it was."""
    found = logging.getLogger("afnlab")
    level = found.level
    monkeypatch.setattr(found, "handlers", list(found.handlers))
    monkeypatch.setattr(found, "propagate", found.propagate)
    yield found
    found.setLevel(level)


ROUTES = {  # what a program says of the logger, and whether lines are printed and logged
    "as it is": (lambda log, mine: None, True, False),
    "silenced": (lambda log, mine: log.setLevel(logging.WARNING), False, False),
    "off": (lambda log, mine: log.setLevel(logging.CRITICAL + 1), False, False),
    "routed": (lambda log, mine: setattr(log, "handlers", [mine]), False, True),
    "both": (lambda log, mine: log.addHandler(mine), True, True),
}


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("case", ROUTES)
def test_lines_can_be_routed_and_silenced(case, watched, log, runs, capsys, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: watched, raising=False)
    route, printed, logged = ROUTES[case]
    lines: list[str] = []
    mine = logging.Handler()
    mine.emit = lambda record: lines.append(record.getMessage())
    route(log, mine)
    line = "a\\x1b: well" if watched else "[1/1] a\\x1b: well"
    expected = ["mine: 2 runs, 2 present, 0 to do", line]
    plan = sweep_file.Sweep("mine", parameters={"epochs": 2}, grid=GRID, seeds=2)
    afnlab.runs.sweep(plan, runs=runs)
    with progress.Progress("mine", 1, lambda: 1) as shown:
        shown.ended("a\x1b", "well", failed=False)
    out, err = capsys.readouterr()
    assert ("1 of 1 done" in err) == (watched and case not in ("silenced", "off"))
    assert out.splitlines() == (expected if printed else [])
    assert lines == (expected if logged else [])


def test_lines_of_a_call_go_where_it_says(log, runs, capsys):
    said: list[str] = []
    log.setLevel(logging.WARNING)
    plan = sweep_file.Sweep("mine", parameters={"epochs": 2}, grid=GRID, seeds=2)
    afnlab.runs.sweep(plan, runs=runs, report=said.append)
    assert said == ["mine: 2 runs, 2 present, 0 to do"]
    assert capsys.readouterr() == ("", "")


def test_a_bar_where_someone_looks(capsys, clock, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    with progress.Progress("mine", 3, lambda: 2) as shown:
        assert shown.words() == "0 of 3 done, 2 running"
        clock[0] = 10.0
        shown.ended("a", "well", failed=False)
        assert shown.words() == "1 of 3 done, 2 running, 20 s left"
        clock[0] = 15.0
        assert shown.words() == "1 of 3 done, 2 running, 15 s left"
        clock[0] = 20.0
        shown.ended("b", "FAILED, x", failed=True)
        assert shown.words() == "1 of 3 done, 1 running, 1 failed, 10 s left"
        shown.ended("c", "well", failed=False)
    out, err = capsys.readouterr()
    assert "a: well\nb: FAILED, x\nc: well\n" in out
    assert "| 1 of 3 done, 1 running, 1 failed, 10 s left" in err
    assert err.rstrip().endswith("| 2 of 3 done, 1 failed, in 20 s")


def test_a_bar_moves_while_nothing_ends(capsys, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress, "_TICK", 0.01)
    running, seen = [0], threading.Event()

    def count() -> int:
        if running[0]:
            seen.set()
        return running[0]

    with progress.Progress("mine", 3, count):
        running[0] = 2
        assert seen.wait(60)
    assert "0 of 3 done, 2 running" in capsys.readouterr().err


def test_a_bar_in_a_notebook_is_a_page(clock):
    with progress.Progress("a < b", 4, lambda: 1, print) as shown:
        shown.ended("a", "well", failed=False)
        shown.ended("b", "FAILED, x", failed=True)
        page = "".join(progress.page_of(shown))
    assert "<b>a &lt; b</b>" in page
    assert 'aria-valuenow="2"' in page
    assert page.count("width: 25.00%") == 3
    assert "1 of 4 done, 1 running, 1 failed" in page
