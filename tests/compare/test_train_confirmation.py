"""A row that was picked is trained anew with fresh seeds, and judged by these alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from afnlab import compare, stats
from afnlab.cli.entry import main
from afnlab.compare.attempts import noted
from afnlab.compare.confirmation import comparisons_with, confirmation_runs, confirmations
from afnlab.compare.formatting import interval
from afnlab.compare.selection import Selection
from afnlab.compare.summary_table import formatted
from afnlab.compare.training_facts import Trained
from afnlab.errors import ParameterError
from afnlab.report import write
from afnlab.report.verify import AGREES, verify
from afnlab.runs import records, sweep
from afnlab.runs.seed_pairs import FRESH
from afnlab.runs.storage import runs_folder
from afnlab.runs.sweeps.local_executor import Local
from afnlab.runs.sweeps.worker import Worker
from tests.compare.test_attempts import failure
from tests.compare.test_attempts import run as run_of
from tests.runs.test_runs import kernels, means

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
    """Its kernels are forked from the session's server."""
    with pytest.MonkeyPatch.context() as patched, Local(1, threads=1) as made:
        patched.setattr(Worker, "_get", lambda *_, **__: kernels())
        yield made


@pytest.fixture(scope="module")
def picked(tmp_path_factory, executor) -> tuple[Path, Path]:
    """A sweep file, and the folder of its runs, in which a row was confirmed."""
    folder = tmp_path_factory.mktemp("confirm")
    file = folder / "my sweep.yaml"
    file.write_text(SWEEP)
    sweep(file, runs=folder / "runs", executor=executor)
    compare.confirm(file, ROW, seeds=6, few=True, runs=folder / "runs", executor=executor)
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
    assert made.asked == {}  # by how many seeds the sweep asks for nothing is surprising here
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
        (ROW, {"seeds": 5}, "with 5 seeds no difference could pass a test at 5 %; that takes 6"),
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
    compare.confirm(picked[0], ROW, seeds=6, few=True, runs=runs)
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


def test_a_row_without_all_runs_is_not_tested_and_told(copied, capsys):
    """As after a kill between the row's run and the baseline's."""
    file, runs = copied
    kept = Path(confirmation_runs(runs))
    gone = next(r["id"] for r in records(kept) if r["label"].endswith(" relu"))
    shutil.rmtree(kept / gone)
    assert main(["compare", str(file), "--confirmation", "--runs", str(runs)]) == 2
    line = f"afnlab confirm '{file}' '{ROW}' --seeds 6 --runs {runs}"
    assert capsys.readouterr().err.endswith(
        "/confirm: holds no confirmation with all of its runs. SReLU(t=1.5) is not tested here: the"
        f" run of ReLU with its 6 fresh seeds is missing; `{line}` makes it.\n"
    )


def test_confirmations_are_compared_as_such_alone(copied, capsys):
    """They would lose the correction for what was confirmed."""
    file, runs = copied
    line = f"afnlab compare '{file}' --confirmation --runs {runs} --epochs 1"
    for command in ("compare", "report"):
        words = [command, str(file), "--runs", confirmation_runs(runs), "--epochs", "1"]
        assert main(words) == 2
        said = capsys.readouterr().err
        assert "holds confirmations; give the runs that picked, the folder above" in said
        assert f"`{line}` compares them" in said
        assert said.count("\n") == 1


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


def test_a_second_row_makes_two_comparisons(copied, executor, capsys):
    file, runs = copied
    with pytest.raises(ParameterError, match=r"6 seeds and 2 comparisons no .* that takes 7"):
        compare.confirm(file, "SReLU(t=1)", seeds=6, runs=runs)
    compare.confirm(file, "SReLU(t=1)", seeds=7, few=True, runs=runs, executor=executor)
    assert "corrected for 2 comparisons from now on" in capsys.readouterr().out
    made = confirmed((file, runs))
    assert len(made.rows) == 3
    assert {*made.table.pairs} == {0, 6, 7}  # the baseline has none
    assert (made.table.p_holm.dropna() >= made.table.p.dropna()).all()
    assert made.answers["What is this?"].startswith(
        "A confirmation. 2 rows were picked among 2 by other seeds, which do not count here: p is"
        " corrected for these 2 comparisons."
    )
    of_base = [r for r in records(confirmation_runs(runs)) if r["label"].endswith(" relu")]
    assert sorted(s for r in of_base for s in r["seeds"]) == [*range(FRESH, FRESH + 7)]
    (part,) = compare.select(runs, file, confirmation=True, only={"t": 1.5})
    assert len(part.rows) == 3  # one of two that were confirmed would be picked again
    assert part.answers["What is this?"] == made.answers["What is this?"]
    for row, baseline in ((ROW, "SReLU(t=1)"), ("SReLU(t=1)", ROW)):  # nor more seeds for either
        with pytest.raises(ParameterError, match=r"was confirmed with [67] seeds already"):
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
    compare.confirm(file, ROW, seeds=6, few=True, runs=runs, executor=executor)
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
    assert verify(page, rerun=0) == AGREES


MINE = """\
import torch
from afnlab import Param, activation

@activation(k=Param(1.0))
def f(x, k):
    return torch.relu(x) * k
"""
OWN = """\
parameters: {task: digits-mlp, epochs: 1, limit_train: 200}
grid: {activation: [relu, gelu, "mine.py:f"]}
seeds: 2
"""


@pytest.fixture
def edited(tmp_path, executor, monkeypatch) -> tuple[Path, Path]:
    """A sweep with a row that was confirmed, whose code was edited since, and its folder of runs"""
    monkeypatch.chdir(tmp_path)
    file, mine = tmp_path / "own.yaml", tmp_path / "mine.py"
    file.write_text(OWN)
    mine.write_text(MINE)
    sweep(file, runs="runs", executor=executor)
    compare.confirm(file, "mine.py:f", seeds=6, few=True, runs="runs", executor=executor)
    mine.write_text(MINE.replace("* k", "* k * 1.5"))
    sweep(file, runs="runs", executor=executor)
    return file, tmp_path / "runs"


def planned(monkeypatch) -> list:
    """What would be trained, from now on."""
    specs: list = []
    module = import_module("afnlab.compare.train_confirmation")
    monkeypatch.setattr(module, "execute_missing", lambda asked, *_, **__: specs.extend(asked))
    return specs


def test_an_edited_row_is_confirmed_with_other_seeds_and_p_is_corrected(edited, executor, capsys):
    file, runs = edited
    with pytest.raises(ParameterError, match=r"6 seeds and 2 comparisons no .* that takes 7"):
        compare.confirm(file, "mine.py:f", seeds=6, runs=runs)  # 6 decide nothing
    compare.confirm(file, "mine.py:f", seeds=7, few=True, runs=runs, executor=executor)
    made = confirmed((file, runs))
    assert sorted(made.final.index) == list(range(FRESH + 6, FRESH + 13))
    assert made.table.pairs["mine.py:f"] == 7
    row = made.table.loc["mine.py:f"]
    assert row.p_holm == min(1.0, 2 * row.p)
    level = 1 - stats.alpha(stats.LEVEL) / 2
    adjusted = stats.sign_flip_interval(made.final["mine.py:f"] - made.final.relu, level)
    assert [*adjusted[1:]] == pytest.approx([row.adjusted_low, row.adjusted_high])
    assert made.answers["What is this?"] == (
        "A confirmation. mine.py:f was picked among 2 by other seeds, which do not count here: p is"
        " corrected for 2 comparisons, this one and 1 further confirmation of mine.py:f, by other"
        " code or against another baseline; any whose runs were removed is not known of. Seeds that"
        " are added after a look at this result would make p too small."
    )
    assert "Holm's correction over 2 comparisons" in made.answers["How sure?"]
    assert "p (Holm)" in formatted(made.table, made.measure)
    assert main(["compare", str(file), "--confirmation", "--runs", str(runs)]) == 0
    assert "1 further confirmation of mine.py:f" in " ".join(capsys.readouterr().out.split())
    page = write(file, runs=runs, confirmation=True, pdf=False, means=means())
    assert "1 further confirmation of mine.py:f" in page.read_text()
    assert verify(page, rerun=0) == AGREES
    again = compare.confirm(file, "mine.py:f", runs=runs)  # shows what there is
    assert (len(again.there), again.added) == (2, [])
    Path("mine.py").write_text(MINE)  # as it was: its own seeds, and still two confirmations
    old = confirmed((file, runs))
    assert sorted(old.final.index) == FIRST
    assert old.further == {"mine.py:f": 1}


def test_what_was_confirmed_counts_when_another_row_is_looked_at(edited, executor, capsys):
    """Neither an edit of one row nor the removal of its runs changes how another is corrected."""
    file, runs = edited
    kept = confirmation_runs(runs)
    ids = {r["parameters"]["label"]: r["id"] for r in records(kept)}
    compare.confirm(file, "gelu", seeds=6, few=True, runs=runs, executor=executor)
    assert main(["runs", "rm", ids["mine.py:f"], "--runs", kept]) == 0  # relu tells of it
    made = confirmed((file, runs))
    assert sorted(made.rows) == ["gelu", "relu"]
    assert made.further == {"mine.py:f": 1}
    assert made.table.p_holm["gelu"] == min(1.0, 2 * made.table.p["gelu"])
    assert made.answers["What is this?"] == (
        "A confirmation. GELU was picked among 2 by other seeds, which do not count here: p is"
        " corrected for 2 comparisons, this one and 1 confirmation of mine.py:f, of code or rows"
        " that are not here; any whose runs were removed is not known of. Seeds that are added"
        " after a look at this result would make p too small."
    )
    page = write(file, runs=runs, confirmation=True, pdf=False, means=means())
    assert "1 confirmation of mine.py:f" in page.read_text()
    assert verify(page, rerun=0) == AGREES
    capsys.readouterr()
    others = {r["parameters"]["label"]: r["id"] for r in records(kept)}
    for label in ("gelu", "relu"):  # each is the last to tell of one of the two
        assert main(["runs", "rm", others[label], "--runs", kept]) == 2
        assert "is the last run that tells of a confirmation" in capsys.readouterr().err
    assert main(["runs", "gc", "--stale", "--runs", kept]) == 0
    assert confirmed((file, runs)).further == made.further


def test_the_row_is_trained_before_its_baseline(copied, monkeypatch):
    """What is interrupted before any run of the row has ended is then no attempt."""
    file, runs = copied
    shutil.rmtree(confirmation_runs(runs))
    specs = planned(monkeypatch)
    compare.confirm(file, ROW, seeds=6, few=True, runs=runs)
    assert [spec.label.split()[-1] for spec in specs] == [ROW, "relu"]


def test_a_confirmation_whose_row_was_removed_is_known_by_its_baseline(edited, monkeypatch):
    file, runs = edited
    kept = Path(confirmation_runs(runs))
    gone = next(r for r in records(kept) if r["parameters"]["label"] == "mine.py:f")
    shutil.rmtree(kept / gone["id"])
    specs = planned(monkeypatch)
    compare.confirm(file, "mine.py:f", seeds=7, few=True, runs=runs)
    assert {seed for spec in specs for seed in spec.seeds} == set(range(FRESH + 6, FRESH + 13))


def test_a_row_is_confirmed_once_also_where_its_run_was_removed(copied, monkeypatch, capsys):
    """The same seeds and more of them would be a second look, and p would not say so."""
    file, runs = copied
    kept = confirmation_runs(runs)
    gone = next(r["id"] for r in records(kept) if r["parameters"]["label"] == ROW)
    assert main(["runs", "rm", gone, "--runs", kept]) == 0
    specs = planned(monkeypatch)
    for seeds in (7, 10):
        with pytest.raises(
            ParameterError, match="was confirmed with 6 seeds already; others"
        ) as it:
            compare.confirm(file, ROW, seeds=seeds, few=True, runs=runs)
        assert f"{ROW}, as the run of relu tells, was" in str(it.value)
        assert "--seeds 6" in str(it.value)
    assert not specs
    for seeds in (None, 6):  # those it had
        compare.confirm(file, ROW, seeds=seeds, runs=runs)
        assert {spec.seeds for spec in specs} == {tuple(FIRST)}


def test_a_baseline_of_the_file_is_no_other_than_one_that_is_asked_for(
    copied, tmp_path, monkeypatch
):
    """A row that was confirmed gets no further seeds as the baseline of another."""
    file, runs = copied
    other = tmp_path / "other.yaml"
    other.write_text(SWEEP.replace("parameters", f"baseline: {ROW}\nparameters"))
    specs = planned(monkeypatch)
    for given in ({"sweep": other}, {"sweep": file, "baseline": ROW}):
        with pytest.raises(ParameterError, match="was confirmed with 6 seeds already") as refused:
            compare.confirm(row="SReLU(t=1)", seeds=9, few=True, runs=runs, **given)
        assert "\n" not in str(refused.value)
    assert not specs
    compare.confirm(other, "SReLU(t=1)", seeds=6, few=True, runs=runs)  # those it has
    assert {spec.seeds for spec in specs} == {tuple(FIRST)}
    compare.confirm(file, "SReLU(t=1)", seeds=9, few=True, runs=runs)  # relu was no row
    assert len(specs) == 4


def test_seeds_that_another_baseline_saw_are_not_fresh(copied, monkeypatch):
    file, runs = copied
    specs = planned(monkeypatch)
    compare.confirm(file, ROW, seeds=7, few=True, runs=runs, baseline="SReLU(t=1)")
    assert {spec.seeds for spec in specs} == {tuple(range(FRESH + 6, FRESH + 13))}
    with pytest.raises(ValueError, match="holds no confirmation"):  # of that pair
        compare.select(runs, file, baseline="SReLU(t=1)", confirmation=True)


def test_seeds_of_a_fresh_judging_are_not_fresh(copied, monkeypatch):
    file, runs = copied
    shutil.move(confirmation_runs(runs), runs / runs_folder.FRESH_JUDGINGS)
    specs = planned(monkeypatch)
    compare.confirm(file, ROW, seeds=6, few=True, runs=runs)
    assert {spec.seeds for spec in specs} == {tuple(range(FRESH + 6, FRESH + 12))}


def test_too_few_seeds_for_the_correction_are_trained_where_that_is_wanted(copied, monkeypatch):
    """So a report of two rows with six seeds each can be made again, whatever their order is."""
    file, runs = copied
    notes = []
    module = import_module("afnlab.compare.train_confirmation")
    monkeypatch.setattr(module, "execute_missing", lambda *_, **given: notes.extend(given["notes"]))
    with pytest.raises(ParameterError, match=r"6 seeds and 2 .* takes 7\. .*; --few .* trains 6"):
        compare.confirm(file, "SReLU(t=1)", seeds=6, runs=runs)
    compare.confirm(file, "SReLU(t=1)", seeds=6, few=True, runs=runs)
    assert notes[0] == (
        "srelu(t=1): with 6 seeds and 2 comparisons no difference could pass a test at 5 %; that"
        " takes 7. The number cannot be raised afterwards"
    )
    with pytest.raises(ParameterError, match="with 5 seeds and 2 comparisons no difference"):
        compare.confirm(file, "SReLU(t=1)", seeds=5, few=True, runs=runs)


def test_too_few_seeds_are_refused_while_there_are_none(picked, tmp_path, capsys):
    runs = shutil.copytree(picked[1], tmp_path / "runs", ignore=shutil.ignore_patterns("confirm"))
    assert main(["confirm", str(picked[0]), ROW, "--seeds", "6", "--runs", str(runs)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "The number cannot be raised afterwards; --few (in Python few=True) trains 6" in said
    assert not Path(confirmation_runs(runs)).exists()


BEFORE = {  # what was confirmed before: row and baseline, with the versions of their code
    "nothing": [],
    "another row": ["gelu relu"],
    "other code against two baselines": ["gelu relu", "mine-old relu", "mine-old tanh"],
    "other code and no row that is there": ["mine-old relu", "mine-old tanh"],
    "another row whose code was edited": ["gelu-old relu", "gelu relu"],
    "a row whose code was edited alone": ["gelu-old relu", "gelu-older relu"],
    "this row, which failed beside another baseline": ["mine tanh"],
}


def trained(group, seeds, shared="", **more):
    """The record of a run of the function f in a file of that name, whatever its version is."""
    made = run_of(group, seeds, f"/a/{group.partition('-')[0]}.py", **more)
    made["parameters"]["label"] += shared
    return {"id": f"{group} {seeds}", **made}


def attempt(pair, seeds, shared):
    """The records of a confirmation, of the row and of its baseline."""
    row, base = pair.split()
    said = noted(Trained.of_record(trained(row, seeds, shared)), base, seeds)
    return [trained(group, seeds, shared, confirmation=said) for group in (row, base)]


def picking_of(*groups, shared=""):
    """A comparison in which these rows were picked, of which the first is the baseline."""
    picking = [trained(group, [77], shared) for group in groups]
    rows = {r["parameters"]["activation"]: Trained.of_record(r) for r in picking}
    return Selection(Path("runs"), rows, picking, f"{groups[0]}.py:f")


def test_no_row_is_tested_by_the_seeds_of_another(monkeypatch):
    """Which of its seeds the baseline has depends on what else was confirmed."""
    row, base = attempt("mine relu", [*range(60)], "")
    there = [row]
    monkeypatch.setattr(runs_folder, "records", lambda *_: [*there])
    monkeypatch.setattr(runs_folder, "failures", lambda *_: [])
    selection = picking_of("relu", "gelu", "mine")
    missing = (
        "mine.py:f is not tested here: the run of {} with its 60 fresh seeds is missing; `afnlab"
        " confirm SWEEP mine.py:f --seeds 60` makes it."
    )
    (alone,) = confirmations([selection], "runs")
    assert (alone.rows, alone.records) == ({}, [])
    assert alone.missing == [missing.format("relu.py:f")]
    (among,) = confirmations([replace(selection, apart={"epochs": 1})], "runs")
    assert "mine.py:f --seeds 60 --only epochs=1`" in among.missing[0]  # not that of another one
    there += attempt("gelu relu", [*range(6)], "")
    (beside,) = confirmations([selection], "runs")
    assert sorted(beside.rows) == ["gelu.py:f", "relu.py:f"]
    assert beside.further == {"mine.py:f": 1}  # it counts all the same
    assert beside.missing == alone.missing
    there.append(base)
    (whole,) = confirmations([selection], "runs")
    assert len(whole.rows) == 3
    assert (whole.further, whole.missing) == ({}, [])
    there.remove(row)
    (removed,) = confirmations([selection], "runs")
    assert sorted(removed.rows) == ["gelu.py:f", "relu.py:f"]
    assert removed.missing == [missing.format("mine.py:f")]


@pytest.mark.parametrize("shared", ["", "(batch_size=50)"])
@pytest.mark.parametrize("case", BEFORE)
def test_p_is_corrected_for_as_many_comparisons_as_was_announced(case, shared, monkeypatch):
    """The number against which seeds are checked is the one that is true when they are trained."""
    there = [r for at, pair in enumerate(BEFORE[case]) for r in attempt(pair, [at], shared)]
    there = [r for r in there if r["group"] != "mine"]
    failed = [failure("mine")]  # so it showed nothing
    monkeypatch.setattr(runs_folder, "records", lambda *_: [*there])
    monkeypatch.setattr(runs_folder, "failures", lambda *_: failed)
    selection = picking_of("relu", "gelu", "mine", shared=shared)
    before = confirmations([selection], "runs")
    announced = comparisons_with(selection, "mine.py:f", before, there, failed)
    there += attempt("mine relu", [99], shared)
    (made,) = confirmations([selection], "runs")
    assert announced == len(made.rows) - 1 + sum(made.further.values())
    assert announced == (0 if "failed" in case else len(BEFORE[case])) + 1
