"""What is left to do of a sweep, and what so few seeds can decide."""

from __future__ import annotations

import shutil

import pytest

from afnlab.cli import main
from afnlab.runs import RunSpec, records, sweep
from afnlab.runs.execution import facts_of
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.pending import standings, standings_among, too_few, unequal
from afnlab.runs.sweeps.sweep_file import read
from tests.over import over
from tests.runs.test_runs import notebook


@pytest.mark.parametrize(
    ("seeds", "left"), [(2, None), (1, None), (4, (2, 3)), ([1, 7], (7,)), ([8, 9], (8, 9))]
)
def test_only_missing_seeds_are_left(runs, seeds, left):
    spec = RunSpec.make("train", {"activation": "relu", "epochs": 2, "seeds": seeds})
    (standing,) = standings([spec], runs)
    if left is None:
        assert standing.missing is None
    else:
        assert (standing.missing.seeds, standing.missing.group) == (left, spec.group)
    (nowhere,) = standings([spec], runs.parent / "nowhere")
    assert nowhere.missing.seeds == spec.seeds


def test_a_run_that_was_made_in_another_folder_is_said_to_be(tmp_path, monkeypatch, capsys):
    """What a notebook reads there by relative paths is not in its id."""
    one, other, runs = (tmp_path / name for name in ("one", "other", "runs"))
    for folder in (one, other):
        folder.mkdir()
        shutil.copy(notebook(tmp_path / "own.ipynb", "rate = 1"), folder)
    monkeypatch.chdir(one)
    spec = RunSpec.make("own.ipynb", {})
    Attempt(runs, spec.id).finish(facts_of(spec) | {"seconds": 1.0})
    said: list[str] = []
    for folder, where in ((one, ""), (other, f" made in {one}")):
        monkeypatch.chdir(folder)
        assert main(["run", "own.ipynb", "--runs", str(runs)]) == 0
        comma = where and f",{where}"
        assert capsys.readouterr().out == f"{runs}/{spec.id} exists already{comma}: own\n"
        (folder / "mine.yaml").write_text("notebook: own.ipynb\n")
        assert main(["sweep", "mine.yaml", "--dry-run", "--runs", str(runs)]) == 0
        assert capsys.readouterr().out == f"{spec.id}  own  present{comma}\n"
        sweep("mine.yaml", runs=runs, report=said.append)
        many = where and f" (1{where})"
        assert said.pop() == f"mine: 1 run, 1 present{many}, 0 to do"


def test_many_runs_are_announced_before_they_are_looked_up(monkeypatch):
    said: list[str] = []
    plan = sweep_file.read({"grid": {"lr": [0.1, 0.2], "batch_size": [8, 16]}})
    assert len(plan.specs(report=said.append)) == 4
    assert said == []
    monkeypatch.setattr(sweep_file, "_MANY", 4)
    plan.specs(report=said.append)
    assert said == ["sweep: 4 runs; looking up what each of them is"]


FEW = {  # activations, tasks, seeds; what is said of the tasks
    "enough": (["relu", "gelu"], ["digits-mlp"], 6, []),
    "too few for one": (
        ["relu", "gelu"],
        ["digits-mlp"],
        5,
        [
            "digits-mlp: with 5 seeds and 1 comparison no difference can pass a test at 5 %;"
            " that takes 6 seeds: --seeds 6 (in Python seeds=6)"
        ],
    ),
    "too few that are not the first": (
        ["relu", "gelu"],
        ["digits-mlp"],
        [100, 200],
        [
            "digits-mlp: with 2 seeds and 1 comparison no difference can pass a test at 5 %; that"
            " takes 6 seeds: --seeds '[0, 1, 2, 3, 100, 200]' (in Python"
            " seeds=[0, 1, 2, 3, 100, 200])"
        ],
    ),
    "too few for eleven": (
        ["relu", "gelu", "elu", "selu", "tanh", "mish", "swish", "srelu", "apec", "mapec"],
        ["digits-mlp", "breast-cancer"],
        7,
        [
            "digits-mlp and breast-cancer: with 7 seeds and 9 comparisons no difference can pass a"
            " test at 5 %; that takes 9 seeds: --seeds 9 (in Python seeds=9)"
        ],
    ),
    "nothing to compare": (["relu"], ["digits-mlp"], 1, []),
}


@pytest.mark.parametrize("case", FEW)
def test_what_no_test_can_decide_is_said_before_training(case):
    activations, tasks, seeds, said = FEW[case]
    content = {"grid": {"activation": activations, "task": tasks}, "seeds": seeds}
    assert too_few(read(content).specs(), "relu") == said


MEASURING = {  # the grid, seeds, what is said
    "two rows": ("noise: [0.1, 0.2]", "seeds: 5", "5 seeds and 1 comparison", 6),
    "three rows": ("noise: [0.1, 0.2, 0.3]", "seeds: 6", "6 seeds and 2 comparisons", 7),
    "tasks are rows too": ("noise: [0.1], task: [a, b]", "seeds: 5", "5 seeds and 1 comp", 6),
    "enough": ("noise: [0.1, 0.2, 0.3]", "seeds: 7", "", 0),
    "one row": ("noise: [0.1]", "seeds: 2", "", 0),
    "no seeds, so nothing to compare": ("noise: [0.1, 0.2]", "title: fit", "", 0),
}


@over("grid, seeds, said, needed", MEASURING.values())
def test_it_is_said_of_a_notebook_that_measures_too(grid, seeds, said, needed, tmp_path):
    path = notebook(tmp_path / "fit.ipynb", 'noise: float = 0.1\ntask: str = "a"\nseed: int = 0')
    (tmp_path / "fit.yaml").write_text(f"notebook: {path}\ngrid: {{{grid}}}\n{seeds}\n")
    lines = too_few(read(tmp_path / "fit.yaml").specs(), "relu")
    assert [line.startswith(f"fit.ipynb: with {said}") for line in lines] == [True] * bool(said)
    assert all(f"that takes {needed} seeds: --seeds {needed} (" in line for line in lines)


def test_each_setting_is_a_table_of_its_own():
    content = {
        "grid": {"activation": ["relu", "gelu"], "epochs": [1, 2], "lr": [0.1, 0.01]},
        "seeds": 5,
    }
    (line,) = too_few(read(content).specs(), "relu")
    assert line.startswith("digits-mlp: with 5 seeds and 1 comparison no")
    assert too_few(read(content | {"seeds": 6}).specs(), "relu") == []


def test_rows_with_more_seeds_than_are_asked_for_are_named():
    """As after an edit of one activation, of which the others have got more seeds before."""
    grid = {"activation": ["relu", "gelu", "tanh"], "epochs": [1]}
    specs = sweep_file.read({"grid": grid, "seeds": 8}).specs()

    def said(*seeds):
        there = [
            {**facts_of(spec), "seeds": list(its)} for spec, its in zip(specs, seeds, strict=True)
        ]
        return unequal(list(standings_among(specs, there, [])))

    twelve, eight = range(12), range(8)
    assert said(twelve, twelve, eight) == [
        "digits-mlp relu and digits-mlp gelu have 12 seeds, of which this sweep asks for 8:"
        " --seeds 12 (in Python seeds=12) gives every row as many"
    ]
    assert said(twelve, twelve, ()) == said(twelve, twelve, eight)
    assert said(twelve, twelve, twelve) == said(eight, eight, ()) == said((), (), ()) == []
    (other,) = said(eight, eight, [3, 20])
    assert "--seeds '[0, 1, 2, 3, 4, 5, 6, 7, 20]' (in" in other


def test_a_sweep_and_its_plan_say_which_rows_have_more_seeds(runs, tmp_path, capsys):
    (tmp_path / "two.yaml").write_text(
        "parameters: {epochs: 2}\ngrid: {activation: [relu, srelu]}\nseeds: 1\n"
    )
    flags = ["--runs", str(runs)]
    gone, *_ = [r["id"] for r in records(flags[1]) if "srelu" in r["label"]]
    assert main(["runs", "rm", gone, *flags]) == 0
    assert main(["sweep", str(tmp_path / "two.yaml"), "--dry-run", *flags]) == 0
    line = "relu has 2 seeds, of which this sweep asks for 1: --seeds 2 (in Python seeds=2) gives"
    assert line in capsys.readouterr().err
    told: list[str] = []
    only = {"activation": ["relu"]}
    sweep(tmp_path / "two.yaml", runs=flags[1], report=told.append, only=only)
    assert not any("of which this sweep" in one for one in told)
