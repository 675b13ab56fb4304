"""Which notebooks are trainings: by the names of their parameters, and by what they call."""

from __future__ import annotations

from pathlib import Path

import pytest

from afnlab.cli import main
from afnlab.runs import RunSpec, execute
from afnlab.runs.execution import facts_of
from afnlab.runs.run_spec import NotebookSpec, TrainingSpec
from afnlab.runs.staleness import what_changed
from afnlab.runs.storage import runs_folder
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.training_notebook import trains
from tests.runs.test_runs import TRAINS, means, notebook

NAMES = ("task", "activation", "out")
CELL = 'task: str = "digits-mlp"\nactivation: str = "relu"\nout: str = ""'
MEASURES = "import json, pathlib\n(pathlib.Path(out) / 'result.json').write_text('{}')"


@pytest.mark.parametrize(
    ("more", "training"),
    [((), True), (("seeds",), True), (("seed",), False), (("seed", "seeds"), True)],
)
def test_a_notebook_with_one_seed_is_no_training(more, training):
    assert trains((*NAMES, *more)) == training
    assert not trains(more)


def test_a_notebook_of_natural_names_measures_at_each_seed(tmp_path):
    own = notebook(tmp_path / "calib.ipynb", f"{CELL}\nseed: int = 0", MEASURES)
    plan = sweep_file.read({"notebook": own, "grid": {"activation": ["relu", "gelu"]}, "seeds": 3})
    specs = plan.specs()
    assert not plan.trains
    assert [type(spec) for spec in specs] == [NotebookSpec] * 6
    assert [spec.parameters["seed"] for spec in specs] == [0, 1, 2] * 2


@pytest.mark.parametrize(
    "code",
    [
        TRAINS,
        "from afnlab import runs\nruns.parameters(globals())",
        "import helper\nhelper.made(task, activation)",
        "import json\njson.dumps(dict(metrics={}, environment=result.info))",
        "import json\njson.dumps({'metrics': {}, 'environment': result.info})",
        "exec(open('more.py').read())",
    ],
)
def test_what_trains_is_a_training(tmp_path, monkeypatch, code):
    monkeypatch.chdir(tmp_path)
    Path("helper.py").write_text("import afnlab\nmade = afnlab.runs.parameters\n")
    own = notebook(tmp_path / "own.ipynb", CELL, code)
    assert isinstance(RunSpec.make(own, {}), TrainingSpec)


@pytest.mark.parametrize(
    "code", [MEASURES, "import afnlab\nfit = lambda model: afnlab.nn.ReLU().parameters()"]
)
@pytest.mark.parametrize("more", ["", "\nseeds: int = 3", "\nseed: int = 0\nseeds: int = 3"])
def test_what_is_not_clear_is_refused_before_anything_runs(tmp_path, capsys, code, more):
    own = notebook(tmp_path / "own.ipynb", CELL + more, code)
    assert main(["run", str(own), "--runs", str(tmp_path / "runs")]) == 2
    said = capsys.readouterr().err
    assert "own.ipynb: its parameters task, activation and out are those of a notebook that" in said
    assert "rename one of them (`activation` to `function`), or `seeds` to `seed`" in said
    assert said.count("\n") == 1
    (tmp_path / "own.yaml").write_text("title: Mine\nnotebook: own.ipynb\n")
    with pytest.raises(sweep_file.SweepError, match=r"own\.yaml, line 2: own\.ipynb: its param"):
        sweep_file.read(tmp_path / "own.yaml").specs()


def test_what_its_records_would_be_taken_for_is_refused(tmp_path):
    names = ("task", "activation", "label", "epochs", "options", "seed")
    own = notebook(tmp_path / "own.ipynb", "\n".join(f"{name} = 1" for name in names))
    with pytest.raises(ValueError, match="task, activation, label, epochs and options are togeth"):
        RunSpec.make(own, {})


def test_a_parameter_called_as_a_training_s_is_a_plain_one(tmp_path):
    own = notebook(tmp_path / "own.ipynb", 'options: str = ""\nseed: int = 0', "1")
    spec = RunSpec.make(own, {"seed": 2}, native=True)
    record = facts_of(spec)
    assert what_changed(record) == ""
    assert RunSpec.of_record(record).id == spec.id


def test_its_runs_are_kept(tmp_path):
    own = notebook(tmp_path / "calib.ipynb", f"{CELL}\nseed: int = 0", MEASURES)
    run = execute(RunSpec.make(own, {"seed": 1}), tmp_path / "runs", means())
    assert runs_folder.read_record(run / "record.json")["parameters"]["seed"] == 1
