"""What a notebook that is no training has measured, compared by its parameter `seed`."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from afnlab import compare
from afnlab.cli import main
from afnlab.compare import foreign_table, notebook_metric
from afnlab.compare.baseline_differences import comparisons
from afnlab.runs import records, sweep
from afnlab.runs.execution import facts_of
from afnlab.runs.notebook_parameters.declarations import Declared
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.local_executor import Local
from afnlab.runs.sweeps.worker import Worker
from tests.runs.test_runs import kernels, notebook, rewrite

CELLS = (
    "noise: float = 0.1\nseed: int = 0",
    "import afnlab\nerror = (1 + seed / 100) * noise\n"
    "afnlab.runs.measured({'error': error, 'noise': error, 'seed': error})",
)
SWEEP = "notebook: fit.ipynb\ngrid: {noise: [0.1, 0.25]}\nseeds: 3\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with a sweep file, and its runs; their kernels are of the session's server."""
    folder = tmp_path_factory.mktemp("fits")
    notebook(folder / "fit.ipynb", *CELLS)
    (folder / "fit.yaml").write_text(SWEEP)
    with pytest.MonkeyPatch.context() as patched, Local(1, threads=1) as executor:
        patched.setattr(Worker, "_get", lambda *_, **__: kernels())
        sweep(folder / "fit.yaml", runs=folder / "runs", executor=executor)
    return folder


@pytest.fixture
def copied(made, tmp_path, monkeypatch) -> Path:
    """The same, to be edited, and the current folder."""
    for name in ("fit.ipynb", "fit.yaml"):
        shutil.copy(made / name, tmp_path)
    shutil.copytree(made / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compared(folder: Path, metric: str = "error", file: str = "fit.yaml", **given):
    """The comparison; higher values are better unless told otherwise."""
    given = {"better": "higher", **given}
    return compare.compare_metric(folder / file, metric, runs=folder / "runs", **given)


def test_rows_are_what_varies_and_seeds_are_pairs(made):
    one = compared(made, better="lower", unit="m")
    assert one.baseline == "noise=0.1"
    assert one.table.pairs.to_dict() == {"noise=0.1": 0, "noise=0.25": 3}
    assert one.table.difference["noise=0.25"] == pytest.approx(1.01 * 0.15)
    assert (one.name, one.measure.name, one.measure.unit) == ("fit", "error", "m")
    assert one.rows_are == "noise"
    assert one.final.index.tolist() == [0, 1, 2]
    assert one.notes[0] == notebook_metric.FIXED
    assert one.notes[1].startswith("Rows are paired by seed")
    assert compared(made, baseline="noise=0.25").baseline == "noise=0.25"
    assert compared(made, baseline="Noise = 0.25").baseline == "noise=0.25"


@pytest.mark.parametrize("value", [0.25, "0.25"])
def test_the_baseline_stands_beside_what_is_chosen(made, value):
    one = compared(made, only={"noise": value})
    assert list(one.table.index) == ["noise=0.25", "noise=0.1"]
    assert one.baseline == "noise=0.1"
    assert one.notes[0].startswith("These are not all runs: only noise = 0.25, beside the baseline")
    two = compared(made, only={"seed": [0, 2]})
    assert two.final.index.tolist() == [0, 2]


@pytest.mark.parametrize("name", ["noise", "seed"])
def test_a_metric_may_be_called_as_a_parameter_is(made, name):
    one = compared(made, name)
    pd.testing.assert_frame_equal(one.final, compared(made).final)
    assert one.measure.name == name


def test_what_all_rows_share_is_said():
    declared = {n: Declared(v) for n, v in (("n", 20), ("noise", 0.1), ("out", ""), ("s", 0))}
    spec = SimpleNamespace(known=declared, parameters={"n": 40})
    assert notebook_metric._shared(spec, {"noise", "s"}) == ["In every run n=40."]
    assert notebook_metric._shared(spec, {"noise", "s", "n"}) == []


def test_what_is_missing_is_said_and_other_seeds_count(copied):
    gone = next(r for r in records(copied / "runs") if r["label"] == "fit(noise=0.25, seed=2)")
    shutil.rmtree(copied / "runs" / gone["id"])
    one = compared(copied)
    assert one.notes[0] == "Listed in the sweep and missing here: noise=0.25 (seed 2: not run)."
    (copied / "fit.yaml").write_text(SWEEP.replace("seeds: 3", "seeds: 1"))
    one = compared(copied)
    assert one.final.index.tolist() == [0, 1, 2]
    said = "The sweep asks for 1 seed; noise=0.1 has 3 and noise=0.25 has 2."
    assert any(note.startswith(said) for note in one.notes)
    assert compared(copied, seeds=2).final.index.tolist() == [0, 1]
    (copied / "fit.yaml").write_text(SWEEP.replace("0.1,", "7.0, 0.1,"))
    one = compared(copied)  # the first row is the baseline, whether it has runs or not
    assert one.baseline == "noise=7"
    assert one.table.verdict.tolist() == ["no pairs"] * 2
    assert "noise=7 (not run); noise=0.25 (seed 2: not run)" in one.notes[0]


def test_runs_that_other_sweeps_and_notebooks_have_made_change_nothing(copied):
    """Neither those of other settings nor of another notebook of this name, or of other code."""
    before, run = compared(copied), records(copied / "runs")[0]
    others = [
        {"parameters": run["parameters"] | {"noise": 9, "seed": 77}},
        {"parameters": {"x": 1}, "notebook": "/elsewhere/fit.ipynb"},
        {"parameters": run["parameters"] | {"seed": 77}},
        {"parameters": run["parameters"] | {"seed": [7]}},
    ]
    for at, changes in enumerate(others):
        made = copied / "runs" / f"{at:016x}"
        shutil.copytree(copied / "runs" / run["id"], made)
        rewrite(made, id=made.name, **changes)
    pd.testing.assert_frame_equal(compared(copied).final, before.final)


def test_runs_of_edited_code_are_not_compared(copied):
    notebook(copied / "fit.ipynb", *CELLS, "# edited\nnoise + 1")
    said = r"holds no runs of .*fit\.yaml; `afnlab sweep .*noise=0.1 \(to be run again since"
    with pytest.raises(ValueError, match=said):
        compared(copied)


def test_runs_that_were_made_in_another_folder_are_named(copied, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("other"))
    (note, *_) = compared(copied).notes
    assert note.startswith("Of the runs 6 in ")
    assert note.endswith("is not in their ids, and may be other data.")


@pytest.mark.parametrize(
    ("grid", "labels"),
    [
        ("noise: [0.1, 0.1000001]", ["noise=0.1", "noise=0.1000001"]),
        ("noise: [1, -1, 10]", ["noise=1", "noise=-1", "noise=10"]),
        ("method: [a, 'a ']", ["method='a'", "method='a '"]),
        ("method: [a, 'a , noise=1'], noise: [1, 2]", 4),
        ("method: [x/my.py:f, y/my.py:f, b]", 3),
    ],
)
def test_no_two_rows_are_called_alike(copied, grid, labels):
    notebook(copied / "fit.ipynb", 'noise: float = 0.1\nmethod: str = "a"\nseed: int = 0')
    (copied / "fit.yaml").write_text(f"notebook: fit.ipynb\ngrid: {{{grid}}}\nseeds: 2\n")
    rows = notebook_metric._rows(sweep_file.read("fit.yaml").specs(), "seed")
    assert all(list(row.specs) == [0, 1] for row in rows)
    called = [row.label for row in rows]
    assert len(set(called)) == len(called)
    assert called == labels if isinstance(labels, list) else len(called) == labels


def test_seeds_may_be_floats_and_no_lists(copied):
    cells = ("noise: float = 0.1\nseed: float = 0.0\nmany: list = []", "noise + seed")
    notebook(copied / "fit.ipynb", *cells)
    rows = notebook_metric._rows(sweep_file.read("fit.yaml").specs(), "seed")
    assert [list(row.specs) for row in rows] == [[0.0, 1.0, 2.0]] * 2
    specs = sweep_file.read("fit.yaml").specs(many=[1])
    with pytest.raises(ValueError, match=r"values of many pair runs if they are numbers or texts"):
        notebook_metric._rows(specs, "many")


def test_why_runs_are_missing_is_said_seed_by_seed(copied):
    (row, _) = notebook_metric._rows(sweep_file.read("fit.yaml").specs(), "seed")
    failures = [{"id": row.specs[1].id, "message": "ValueError: no\nmore"}]
    assert row.missing(failures) == [
        ("noise=0.1", "seeds 0, 2: not run"),
        ("noise=0.1", "seed 1: failed: ValueError: no"),
    ]


def test_another_parameter_pairs_what_it_is_told_to(copied):
    one = compared(copied, seed="noise")
    assert one.table.index.tolist() == ["seed=2", "seed=1", "seed=0"]
    assert one.baseline == "seed=0"
    assert one.final.index.tolist() == [0.1, 0.25]


def test_a_file_may_be_given_by_any_path(copied):
    """As a training's may."""
    notebook(copied / "fit.ipynb", 'noise: float = 0.1\nactivation: str = "relu"\nseed: int = 0')
    for folder, factor in (("x", 1), ("y", 2)):
        (copied / folder).mkdir()
        (copied / folder / "my.py").write_text(f"def f(x):\n    return {factor} * x\n")

    def against(baseline: str, *files: str, more: str = "") -> str:
        grid = f"activation: [relu, {', '.join(files)}]{more}"
        (copied / "fit.yaml").write_text(f"notebook: fit.ipynb\ngrid: {{{grid}}}\nseeds: 2\n")
        rows = notebook_metric._rows(sweep_file.read("fit.yaml").specs(), "seed")
        return notebook_metric._against("fit.yaml", baseline, rows)

    for typed in ("my.py:f", "x/my.py:f", "./x/my.py:f", f"{copied}/x/my.py:f"):
        assert against(typed, "x/my.py:f") == "my.py:f"
        assert against(f"noise=2, {typed}", "x/my.py:f", more=", noise: [1, 2]") == (
            "noise=2, my.py:f"
        )
    assert against("y/../x/my.py:f", "x/my.py:f", "y/my.py:f") == "x/my.py:f"
    for typed in ("ReLU", "activation=relu", "activation = ReLU"):
        assert against(typed, "x/my.py:f") == "relu"
    assert against("activation=./x/my.py:f", "x/my.py:f") == "my.py:f"
    assert against("noise=2, activation=my.py:f", "x/my.py:f", more=", noise: [1, 2]") == (
        "noise=2, my.py:f"
    )
    with pytest.raises(ValueError, match=r"several files are called so; it may be x/my\.py:f or y"):
        against("my.py:f", "x/my.py:f", "y/my.py:f")
    with pytest.raises(ValueError, match=r"unknown baseline 'z/my\.py:f'"):
        against("z/my.py:f", "x/my.py:f")


def test_a_sign_is_no_matter_of_spelling(copied):
    (copied / "fit.yaml").write_text(SWEEP.replace("0.25", "-0.1, 10"))
    labels = ["noise=0.1", "noise=-0.1", "noise=10"]
    for wanted, meant in (("noise=-0.1", 1), ("NOISE = -0.1", 1), ("Noise=10", 2)):
        assert foreign_table.meant_baseline("x", wanted, labels) == labels[meant]
    for wanted in ("noise=-10", "noise = -10", "noise=.1"):
        with pytest.raises(ValueError, match="unknown baseline"):
            foreign_table.meant_baseline("x", wanted, labels)
    with pytest.raises(ValueError, match="may be relu or ReLU; give it as written"):
        foreign_table.meant_baseline("x", "Relu", ["relu", "ReLU"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "`afnlab compare fit.yaml --metric NAME` compares a metric; `afnlab runs list"),
        (
            ["--metric", "eror"],
            "unknown metric 'eror'; did you mean 'error'? (known: error, noise, seed)",
        ),
        (["--metric", "error", "--baseline", "noise=3"], "unknown baseline 'noise=3'"),
        (["--metric", "error", "--seed", "sed"], "unknown parameter 'sed'; did you mean 'seed'"),
        (["--metric", "error", "--epoch", "seed"], "--epoch goes with --table FILE"),
        (["--metric", "error", "--confirmation"], "--confirmation does not go with a sweep of a"),
        (["--metric", "error", "--epochs", "3"], "--epochs does not go with a sweep of a notebook"),
        (["--metric", "error", "--only", "noise=7"], "no run has noise = 7"),
        (["--metric", "error", "--runs", "other"], "other: holds no runs of fit.yaml; `afnlab"),
    ],
)
def test_what_is_wrong_is_one_line(copied, words, said, capsys):
    assert main(["compare", "fit.yaml", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_at_the_command_line_and_as_a_page(copied, capsys):
    assert (
        main(["compare", "fit.yaml", "--metric", "error", "--better", "lower", "--out", "p"]) == 0
    )
    said = capsys.readouterr().out
    assert said.startswith("fit: error, lower is better, against noise=0.1\n")
    assert (copied / "p" / "comparison.html").is_file()
    (copied / "fit.yaml").write_text(f"title: How much noise?\n{SWEEP}")
    assert compared(copied).name == "How much noise?"
    (copied / "fit.yaml").write_text(SWEEP.replace("fit.ipynb", "train").split("grid")[0])
    assert main(["compare", "fit.yaml", "--metric", "accuracy", "--better", "lower"]) == 2
    assert "--better goes with --table FILE, or with a sweep of" in capsys.readouterr().err
    with pytest.raises(ValueError, match="is about trainings; `afnlab compare"):
        compared(copied)


def test_a_sweep_ends_with_the_command_that_compares_it(copied, capsys):
    assert main(["sweep", "fit.yaml"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "afnlab compare fit.yaml --metric error --better lower (or --better higher) compares these"
        " runs; --metric takes any of error, noise, seed"
    ]
    assert main(["sweep", "fit.yaml", "--dry-run"]) == 0
    assert "afnlab" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "file", "added"),
    [
        ({}, SWEEP, "--seeds 9 "),
        ({}, SWEEP.replace("3", "1"), "--seeds 9 "),
        ({"only": {"seed": [1, 2]}}, SWEEP, ""),  # by all seeds a test may be possible
        ({"only": {"noise": 0.25}}, SWEEP, ""),
        ({"seeds": 2}, SWEEP, ""),
        ({}, SWEEP.replace("3", "[1, 2]"), "--seeds 9 "),
        ({"seed": "noise"}, SWEEP, ""),  # `--seeds` are no values of it
    ],
)
def test_too_few_seeds_are_added_to_by_a_command(copied, given, file, added):
    (copied / "fit.yaml").write_text(file)
    said = compared(copied, **given).answers.get("What next?", "")
    assert ("`afnlab sweep " in said) == ("may be kept" in said) == bool(added)
    assert added in said
    assert "train" not in said


def test_a_value_that_is_not_known_is_an_error_that_names_the_run(copied):
    run = records(copied / "runs")[0]
    rewrite(copied / "runs" / run["id"], metrics={"error": None})
    with pytest.raises(ValueError, match=f"run {run['id'][:8]}: its error is not finite"):
        compared(copied)


def measured(folder: Path, metrics) -> None:
    """Have runs say other metrics: those that a function of noise and seed returns."""
    for run in records(folder / "runs"):
        at = {"noise": 0.1, "seed": 0} | run["parameters"]
        rewrite(folder / "runs" / run["id"], metrics=metrics(at["noise"], at["seed"]))


@pytest.mark.parametrize(
    ("low", "high"), [(-5 * 10**18, 5 * 10**18), (2**63, 2**64), (10**18, 10**30)]
)
def test_whole_numbers_of_any_size_are_compared(copied, low, high):
    step = 10**15
    measured(copied, lambda noise, s: {"error": (high if noise > 0.2 else low) + s * step})
    one = compared(copied)
    assert one.table.difference["noise=0.25"] == pytest.approx(float(high - low))
    assert one.table["value"]["noise=0.25"] == pytest.approx(float(high + step))
    assert any(note.startswith("Whole numbers above 2**53") for note in one.notes) == (
        high not in (5 * 10**18, 2**64)
    )


def test_numbers_too_small_for_their_inverse_are_compared(copied):
    measured(copied, lambda noise, s: {"error": noise * 1e-320})
    assert compared(copied).table.difference["noise=0.25"] == pytest.approx(0.15e-320, rel=0.1)


def test_a_row_that_is_missing_counts(copied):
    sweep_file = copied / "fit.yaml"
    sweep_file.write_text(SWEEP.replace("0.25", "0.25, 0.5"))
    one = compared(copied)
    assert (one.missing, comparisons(one.table)) == (["noise=0.5"], 2)
    assert "1 of them of a row that is missing here (noise=0.5)" in one.notes[0]
    assert comparisons(compared(copied, only={"noise": 0.25}).table) == 1


def test_a_declared_metric_that_no_run_keeps_is_an_error(copied, capsys):
    (copied / "fit.yaml").write_text(f"{SWEEP}metric: {{name: nope, better: lower}}\n")
    assert main(["sweep", "fit.yaml"]) == 1
    said = "fit.yaml: no run keeps the metric 'nope' (kept: error, noise, seed)"
    assert said in capsys.readouterr().err


def test_a_run_without_the_metric_is_missing(copied):
    measured(copied, lambda noise, s: {"other": 1.0, **({"error": noise} if s < 2 else {})})
    one = compared(copied)
    assert one.table.pairs["noise=0.25"] == 2
    assert one.notes[0] == (
        "Listed in the sweep and missing here: noise=0.1 (seed 2: no metric 'error'); noise=0.25"
        " (seed 2: no metric 'error')."
    )
    with pytest.raises(ValueError, match=r"runs of .*fit.yaml: unknown metric 'err.*known: .*oth"):
        compared(copied, "err")


@pytest.mark.parametrize("key", ["id", "label"])
def test_single_runs_stay_single(copied, key):
    run = next(r for r in records(copied / "runs") if r["label"] == "fit(noise=0.25, seed=2)")
    one = compared(copied, only={key: run[key]})
    assert one.final.index.tolist() == [2]
    assert not any("seeds" in note for note in one.notes if note.startswith("The sweep asks"))


def test_sweeps_of_different_notebooks_are_called_differently(copied):
    plan = {"notebook": copied / "fit.ipynb", "grid": {"noise": [0.1, 0.25]}, "seeds": 3}
    assert compare.compare_metric(plan, "noise", runs=copied / "runs").name == "fit.ipynb"


def test_fresh_seeds_alone_are_called_so(copied):
    (copied / "fit.yaml").write_text(SWEEP.replace("seeds: 3", "seeds: [7, 8]"))
    one = compared(copied)
    assert one.final.index.tolist() == [0, 1, 2]
    assert notebook_metric.OTHERS in one.notes
    assert not any("missing here" in note or "The sweep asks" in note for note in one.notes)


def test_files_of_one_name_are_rows_with_runs_of_their_own(copied):
    """Whose runs are no stale ones of one another."""
    notebook(copied / "fit.ipynb", 'activation: str = "relu"\nseed: int = 0')
    for folder, factor in (("x", 1), ("y", 2)):
        (copied / folder).mkdir()
        (copied / folder / "my.py").write_text(f"def f(x):\n    return {factor} * x\n")
    (copied / "fit.yaml").write_text(
        "notebook: fit.ipynb\ngrid: {activation: [x/my.py:f, y/my.py:f]}\nseeds: [0]\n"
    )
    of_x, _ = sweep_file.read("fit.yaml").specs()
    run = copied / "runs" / records(copied / "runs")[0]["id"]
    shutil.copytree(run, copied / "runs" / of_x.id)
    rewrite(copied / "runs" / of_x.id, **facts_of(of_x))
    one = compared(copied)
    assert one.baseline == "x/my.py:f"
    assert "missing here: y/my.py:f (not run)." in one.notes[0]


def test_the_direction_is_declared_once_or_said_first(copied, capsys):
    """And it is asked for where the name of the metric is a loss's."""

    def first(*words: str) -> str:
        assert main(["compare", "fit.yaml", *words]) == 0
        return capsys.readouterr().out.splitlines()[0]

    higher = "; higher values count as better (`--better lower` turns it)"
    asked = "afnlab: error: is lower or higher better? Say --better lower or --better higher (in "
    for declared in ("", "metric: error\n"):
        (copied / "fit.yaml").write_text(SWEEP + declared)
        assert main(["compare", "fit.yaml", *([] if declared else ["--metric", "error"])]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(asked)
        assert line.endswith("or in the sweep file metric: {name: error, better: lower})")
    assert first("--metric", "noise", "--out", "p") == f"fit: noise, against noise=0.1{higher}"
    for page in ("comparison.html", "comparison.md"):
        assert "higher values count as better" in (copied / "p" / page).read_text()
    (copied / "fit.yaml").write_text(f"{SWEEP}metric: {{name: error, better: lower, unit: m}}\n")
    lower = "fit: error (m), lower is better, against noise=0.1"
    assert first() == first("--metric", "error") == lower
    assert first("--better", "higher") == "fit: error (m), against noise=0.1"
    assert first("--metric", "noise") == f"fit: noise, against noise=0.1{higher}"
    assert main(["sweep", "fit.yaml"]) == 0
    assert "afnlab compare fit.yaml compares these runs" in capsys.readouterr().out
    assert compare.compare_metric("fit.yaml").measure.better == "lower"


def test_a_comparison_holds_the_runs_that_it_is_from(made):
    one = compared(made)
    assert {run.record["id"] for run in one.made_by} == {r["id"] for r in records(made / "runs")}
    assert [(run.label, run.seed) for run in one.made_by] == [
        (label, seed) for label in ("noise=0.1", "noise=0.25") for seed in range(3)
    ]
    assert {"afnlab", "torch"} <= one.made_by[0].record["versions"].keys()


def test_what_is_chosen_is_compared_with_the_baseline_s_activation_at_the_same_values(copied):
    """As trainings are; else the other learning rate turns the verdict over."""
    notebook(copied / "fit.ipynb", 'activation: str = "relu"\nlr: float = 0.1\nseed: int = 0')
    (copied / "fit.yaml").write_text(
        "notebook: fit.ipynb\ngrid: {activation: [relu, gelu], lr: [0.1, 0.2]}\nseeds: 8\n"
    )
    run = copied / "runs" / records(copied / "runs")[0]["id"]
    for spec in sweep_file.read("fit.yaml").specs():
        its = {"activation": "relu", "lr": 0.1, "seed": 0} | spec.parameters
        value = 10 * its["lr"] - (its["activation"] == "gelu") / 2 + its["seed"] / 100
        shutil.copytree(run, copied / "runs" / spec.id)
        rewrite(copied / "runs" / spec.id, **facts_of(spec), metrics={"error": value})
    at_once = "Rows that differ from relu, lr=0.1 in activation and lr at once: 'gelu, lr=0.2'."
    for only, base, verdict in (
        ({"lr": 0.2}, "relu, lr=0.2", "better"),
        ({"lr": 0.2, "activation": "gelu"}, "relu, lr=0.2", "better"),
        ({"lr": [0.1, 0.2]}, "relu, lr=0.1", "worse"),
        ({"seed": [*range(1, 8)]}, "relu, lr=0.1", "worse"),
    ):
        one = compared(copied, better="lower", only=only)
        assert (one.baseline, one.table.verdict["gelu, lr=0.2"]) == (base, verdict)
        assert any(at_once in note for note in one.notes) == (base == "relu, lr=0.1")
    one = compared(copied, better="lower", only={"lr": 0.2}, baseline="relu, lr=0.1")
    assert one.table.verdict["gelu, lr=0.2"] == "worse"  # as it was asked for
    assert any(at_once in note for note in one.notes)
