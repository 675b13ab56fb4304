"""What a notebook that is no training has measured, compared by its parameter `seed`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from afnlab import compare
from afnlab.cli import main
from afnlab.compare import notebook_metric
from afnlab.runs import records, sweep
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
    return compare.compare_metric(folder / file, metric, runs=folder / "runs", **given)


def test_rows_are_what_varies_and_seeds_are_pairs(made):
    one = compared(made, better="lower", unit="m")
    assert one.baseline == "noise=0.1"
    assert one.table.pairs.to_dict() == {"noise=0.1": 0, "noise=0.25": 3}
    assert one.table.difference["noise=0.25"] == pytest.approx(1.01 * 0.15)
    assert (one.name, one.measure.name, one.measure.unit) == ("fit", "error", "m")
    assert one.final.index.tolist() == [0, 1, 2]
    assert one.notes[0].startswith("Rows are paired by seed")
    assert compared(made, baseline="noise=0.25").baseline == "noise=0.25"
    (alone,) = compared(made, only={"noise": 0.25}).table.index
    assert alone == "fit"


@pytest.mark.parametrize("name", ["noise", "seed"])
def test_a_metric_may_be_called_as_a_parameter_is(made, name):
    one = compared(made, name)
    pd.testing.assert_frame_equal(one.final, compared(made).final)
    assert one.measure.name == name


def test_what_is_missing_is_said_and_other_seeds_count(copied):
    gone = next(r for r in records(copied / "runs") if r["given"]["seed"] == 2)
    shutil.rmtree(copied / "runs" / gone["id"])
    one = compared(copied)
    (note,) = [n for n in one.notes if "not there" in n]
    assert note.startswith("1 of 6 runs are not there: `afnlab sweep ")
    (copied / "fit.yaml").write_text(SWEEP.replace("seeds: 3", "seeds: 1"))
    assert compared(copied).final.index.tolist() == [0, 1, 2]
    assert compared(copied, seeds=2).final.index.tolist() == [0, 1]


def test_runs_of_edited_code_are_not_compared(copied):
    notebook(copied / "fit.ipynb", *CELLS, "# edited\nnoise + 1")
    with pytest.raises(ValueError, match=r"holds no runs of .*fit\.yaml; `afnlab sweep"):
        compared(copied)


def test_numbers_that_agree_in_six_digits_are_two_rows(copied):
    (copied / "fit.yaml").write_text(SWEEP.replace("0.25", "0.1000001"))
    head, rows = notebook_metric._rows(sweep_file.read("fit.yaml").specs(), "seed")
    assert head == "noise"
    assert set(rows.values()) == {"noise=0.1", "noise=0.1000001"}


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
        (["--metric", "error", "--only", "noise=7"], "7"),
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
    (copied / "fit.yaml").write_text(SWEEP.replace("fit.ipynb", "train").split("grid")[0])
    assert main(["compare", "fit.yaml", "--metric", "accuracy", "--better", "lower"]) == 2
    assert "--better goes with --table FILE, or with a sweep of" in capsys.readouterr().err
    with pytest.raises(ValueError, match="is about trainings; `afnlab compare"):
        compared(copied)


def test_a_value_that_is_not_known_is_an_error_that_names_the_run(copied):
    run = records(copied / "runs")[0]
    rewrite(copied / "runs" / run["id"], metrics={"error": None})
    with pytest.raises(ValueError, match=f"run {run['id'][:8]}: its error is not finite"):
        compared(copied)
