"""A row that was picked is trained anew with fresh seeds, and judged by these alone."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path

import pytest

from afnlab import compare, stats
from afnlab.cli.entry import main
from afnlab.compare.confirmation import confirmation_runs
from afnlab.compare.formatting import interval
from afnlab.compare.summary_table import formatted
from afnlab.errors import ParameterError
from afnlab.report import write
from afnlab.report.verify import verify
from afnlab.runs import records, sweep
from afnlab.runs.seed_pairs import FRESH
from afnlab.runs.sweeps.local_executor import Local
from tests.runs.test_runs import means

SWEEP = """\
title: Three of my own
parameters: {task: digits-mlp, epochs: 1, limit_train: 200}
grid:
  activation: [relu, {srelu: {t: [1.0, 1.5]}}]
seeds: 2
"""
ROW = "srelu(t=1.5)"
FIRST = list(range(FRESH, FRESH + 6))


@pytest.fixture(scope="module")
def executor():
    """Its kernels' server is started once."""
    with Local(1, threads=1) as made:
        yield made


@pytest.fixture(scope="module")
def picked(tmp_path_factory, executor) -> tuple[Path, Path]:
    """A sweep file, and the folder of its runs, in which a row was confirmed."""
    folder = tmp_path_factory.mktemp("confirm")
    file = folder / "my sweep.yaml"
    file.write_text(SWEEP)
    sweep(file, runs=folder / "runs", executor=executor)
    compare.confirm(file, ROW, seeds=6, runs=folder / "runs", executor=executor)
    return file, folder / "runs"


@pytest.fixture
def copied(picked, tmp_path) -> tuple[Path, Path]:
    """The same, to be written to."""
    return picked[0], Path(shutil.copytree(picked[1], tmp_path / "runs"))


def confirmed(picked, **given):
    (one,) = compare.select(picked[1], picked[0], confirmation=True, **given)
    return one


def test_a_confirmation_is_of_fresh_seeds_alone(picked):
    (before,) = compare.select(picked[1], picked[0])
    made = confirmed(picked)
    assert sorted(made.rows) == ["relu", ROW]
    assert sorted(made.final.index) == FIRST
    assert made.table.pairs[ROW] == 6
    assert made.table.p_holm[ROW] == made.table.p[ROW]  # nothing is corrected
    assert sorted(before.final.index) == [0, 1]  # and nothing is pooled
    assert {r["group"] for r in made.records} < {r["group"] for r in before.records}
    assert made.picked_among == 2
    assert made.answers["What is this?"] == (
        "A confirmation. SReLU(t=1.5) was picked among 2 by other seeds, which do not count here:"
        " this is one comparison, without correction. Seeds that are added after a look at this"
        " result would make p too small."
    )


def test_it_is_made_once(picked):
    again = compare.confirm(picked[0], ROW, runs=picked[1])
    assert (len(again.there), again.added, again.failed) == (2, [], [])
    for seeds in (7, 12, 100):
        with pytest.raises(ParameterError, match="confirmed with 6 seeds already; others, after"):
            compare.confirm(picked[0], ROW, seeds=seeds, runs=picked[1])


@pytest.mark.parametrize(
    ("row", "given", "said"),
    [
        ("relu", {}, r"row must be one that is compared with relu \(there are: srelu"),
        ("srelu(t=1.4)", {}, r"unknown row 'srelu\(t=1.4\)'; did you mean 'srelu\(t=1"),
        (ROW, {"seeds": 5}, "seeds must be a whole number, 6 or more; got 5"),
        (ROW, {"seeds": 2.5}, "seeds must be a whole number"),
        (ROW, {"epochs": 3}, "holds no runs of .* to compare"),
        (ROW, {"baseline": "gelu"}, "unknown baseline 'gelu'"),
        (ROW, {"only": {"t": 1.0}}, "unknown row"),
    ],
)
def test_what_cannot_be_confirmed(row, given, said, picked):
    with pytest.raises(ValueError, match=said):
        compare.confirm(picked[0], row, runs=picked[1], **given)


def test_seeds_that_would_miss_the_difference_are_told_before_they_are_trained(
    picked, tmp_path, monkeypatch
):
    """More of them cannot follow, so it is said beforehand."""
    runs = shutil.copytree(picked[1], tmp_path / "runs", ignore=shutil.ignore_patterns("confirm"))
    (picking,) = compare.select(runs, picked[0])
    row = picking.table.loc[ROW]
    needed = stats.seeds_to_detect(row.difference, row.spread)
    assert 6 < needed < 200
    notes = []
    module = import_module("afnlab.compare.train_confirmation")
    monkeypatch.setattr(module, "execute_missing", lambda *_, **given: notes.extend(given["notes"]))
    compare.confirm(picked[0], ROW, seeds=6, runs=runs)
    (note,) = notes
    assert note.startswith(f"{ROW}: 6 seeds would show a true difference of ")
    told = f"takes {needed} seeds: --seeds {needed}. The number cannot be raised afterwards"
    assert note.endswith(told)
    compare.confirm(picked[0], ROW, seeds=needed, runs=runs)
    assert len(notes) == 1


def test_a_row_whose_run_is_missing_is_not_called_unknown(copied):
    file, runs = copied
    gone = next(r for r in records(runs) if r["parameters"]["label"] == ROW)
    shutil.rmtree(runs / gone["id"])
    said = r"srelu\(t=1\.5\): not run; `afnlab sweep .*my sweep.*` executes what is missing"
    with pytest.raises(ValueError, match=said):
        compare.confirm(file, ROW, runs=runs)


def test_the_interval_is_that_of_the_test(picked):
    """With one comparison nothing is adjusted: p and the interval that is quoted agree."""
    made = confirmed(picked)
    row = made.table.loc[ROW]
    quoted = interval(made.measure, row.adjusted_low, row.adjusted_high)
    assert quoted == interval(made.measure, row.difference_low, row.difference_high)
    assert not [name for name in formatted(made.table, made.measure) if "adjusted" in name]
    assert f"95 % interval {quoted}" in made.answers["By how much?"]


def test_where_nothing_is_confirmed(picked, tmp_path):
    runs = shutil.copytree(picked[1], tmp_path / "runs", ignore=shutil.ignore_patterns("confirm"))
    with pytest.raises(ValueError, match=r"holds no confirmation; `afnlab confirm .* ROW` makes"):
        compare.select(runs, picked[0], confirmation=True)


def test_seeds_that_picked_are_not_fresh(copied):
    file, runs = copied
    for run in Path(confirmation_runs(runs)).iterdir():
        if run.is_dir() and not run.name.startswith("."):
            shutil.copytree(run, runs / run.name)
    said = f"6 seeds of these confirmations, {FRESH} first"
    with pytest.raises(ValueError, match=said):
        compare.select(runs, file, confirmation=True)
    with pytest.raises(ValueError, match=said):
        compare.confirm(file, ROW, seeds=6, runs=runs)


def test_a_second_row_makes_two_comparisons(copied, executor):
    file, runs = copied
    compare.confirm(file, "SReLU(t=1)", seeds=6, runs=runs, executor=executor)
    made = confirmed((file, runs))
    assert len(made.rows) == 3
    assert (made.table.p_holm.dropna() >= made.table.p.dropna()).all()
    assert made.answers["What is this?"].startswith(
        "A confirmation. 2 rows were picked among 2 by other seeds, which do not count here: p is"
        " corrected for these 2 comparisons."
    )
    assert len(records(confirmation_runs(runs))) == 3  # the baseline is not trained again
    (part,) = compare.select(runs, file, confirmation=True, only={"t": 1.5})
    assert len(part.rows) == 3  # one of two that were confirmed would be picked again
    assert part.answers["What is this?"] == made.answers["What is this?"]
    for row, baseline in ((ROW, "SReLU(t=1)"), ("SReLU(t=1)", ROW)):  # nor more seeds for either
        with pytest.raises(ParameterError, match="was confirmed with 6 seeds already"):
            compare.confirm(file, row, seeds=9, runs=runs, baseline=baseline)


def test_a_row_gets_no_more_seeds_as_a_baseline(copied):
    file, runs = copied
    with pytest.raises(ParameterError, match=r"or srelu\(t=1.5\) was confirmed with 6 seeds"):
        compare.confirm(file, "SReLU(t=1)", seeds=9, runs=runs, baseline=ROW)


def test_confirmations_are_not_confirmed(copied):
    file, runs = copied
    with pytest.raises(ValueError, match="holds confirmations; give the runs that picked"):
        compare.confirm(file, ROW, seeds=6, runs=confirmation_runs(runs))


@pytest.mark.parametrize("flag", [["--metric", "nosuch"], ["--margin", "-1"]])
def test_what_is_wrong_is_said_before_anything_is_trained(copied, capsys, flag):
    file, runs = copied
    before = len(records(confirmation_runs(runs)))
    words = ["confirm", str(file), "SReLU(t=1)", "--seeds", "6", "--runs", str(runs), *flag]
    assert main(words) == 2
    assert f"{flag[0].removeprefix('--')} must be" in capsys.readouterr().err
    assert len(records(confirmation_runs(runs))) == before


def test_seeds_that_picked_are_passed_over(copied, executor, monkeypatch):
    file, runs = copied
    monkeypatch.setattr("afnlab.compare.train_confirmation.FRESH", 1)  # as if 1 had been drawn
    shutil.rmtree(confirmation_runs(runs))
    compare.confirm(file, ROW, seeds=6, runs=runs, executor=executor)
    assert sorted(confirmed((file, runs)).final.index) == [2, 3, 4, 5, 6, 7]


def test_at_the_command_line(picked, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("AFNLAB_RUNS", str(picked[1]))
    assert main(["confirm", str(picked[0]), ROW, "--seeds", "6"]) == 0
    said = capsys.readouterr().out
    assert "What is this?" in said
    assert said.rstrip().endswith(
        f"afnlab report '{picked[0]}' --confirmation writes the page about it"
    )
    assert main(["compare", str(picked[0]), "--confirmation"]) == 0
    assert "6 paired seeds, one comparison: the smallest attainable" in " ".join(
        capsys.readouterr().out.split()
    )
    assert main(["confirm", str(picked[0]), ROW, "--seeds", "8"]) == 2
    assert f"`afnlab confirm '{picked[0]}' '{ROW}' --seeds 6` shows it" in capsys.readouterr().err


def test_the_page_says_what_it_is(picked, tmp_path):
    page = write(
        picked[0], runs=picked[1], out=tmp_path, confirmation=True, pdf=False, means=means()
    )
    text = page.read_text()
    assert "A confirmation: SReLU(t=1.5) against ReLU</h1>" in text.replace("&#x27;", "'")
    assert '<p class="value">6 fresh seeds</p>' in text
    assert "seeds in all" not in text
    typed = text.replace("&#x27;", "'").replace("<span>", "").replace("</span>", "")
    assert f"confirm '{picked[0]}' 'srelu(t=1.5)' --seeds 6" in typed
    assert verify(page, rerun=0)
