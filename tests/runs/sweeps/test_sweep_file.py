"""Sweep files: what they ask for, and errors that name the line."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

import afnlab
from afnlab.cli import main
from afnlab.runs.sweeps.sweep_file import SweepError, chosen, read
from tests.runs.sweeps.test_run_sweep import OWN, labels
from tests.runs.test_runs import TRAINS, notebook

pytestmark = pytest.mark.usefixtures("one_server")

TRAINING = """
task: str = "digits-mlp"
activation: str = "relu"
noise: float = 0.1
out: str = ""
"""


def write(path: Path, text: str) -> Path:
    path.write_text(dedent(text))
    return path


def test_the_default_sweep():
    specs = read("default").specs()
    elementwise = {n for n in afnlab.list_activations() if afnlab.get_activation(n).elementwise}
    newer = {"celu", "gelu_tanh", "logsigmoid", "relu_squared", "sine", "threshold", "xielu"}
    assert len(specs) == 31
    assert set(labels(specs)) == elementwise - newer
    assert {spec.seeds for spec in specs} == {tuple(range(12))}
    assert {spec.training.task.name for spec in specs} == {"digits-mlp"}


@pytest.mark.parametrize("name", [p.stem for p in afnlab.paths.shared("sweeps").glob("*.yaml")])
def test_every_committed_sweep(name):
    plan = read(name)
    assert plan.title
    assert (plan.baseline or "relu") in labels(plan.specs())


def test_a_grid(tmp_path):
    file = write(
        tmp_path / "my.yaml",
        """\
        title: Mine
        parameters: {task: digits-mlp, epochs: 3, lr: 0.01}
        grid:
          activation:
            - relu
            - srelu: {t: [1.0, 2.21]}
            - elu: {alpha: 2.0, trainable: true}
            - silu
            - swish
          init: [source, gain]
        seeds: [4, 2]
        """,
    )
    plan = read(file)
    assert (plan.name, plan.title) == ("my", "Mine")
    specs = plan.specs()
    assert labels(specs) == [
        "relu(lr=0.01)",
        "relu(init=gain, lr=0.01)",
        "srelu(lr=0.01, t=1)",
        "srelu(init=gain, lr=0.01, t=1)",
        "srelu(lr=0.01)",
        "srelu(init=gain, lr=0.01)",
        "elu(alpha=2, lr=0.01, trainable=alpha)",
        "elu(alpha=2, init=gain, lr=0.01, trainable=alpha)",
        "swish(lr=0.01)",
        "swish(init=gain, lr=0.01)",
    ]
    assert {(s.training.epochs, s.seeds) for s in specs} == {(3, (2, 4))}


def test_overrides(tmp_path):
    file = write(tmp_path / "my.yaml", "parameters: {epochs: 3}\ngrid: {activation: [relu]}\n")
    (spec,) = read(file).specs(epochs=2, seeds=[5], limit_train=100, limit_test=None)
    assert (spec.training.epochs, spec.seeds) == (2, (5,))
    assert (spec.training.limit_train, spec.training.limit_test) == (100, None)


def test_an_override_of_none_leaves_the_grid(tmp_path):
    file = write(tmp_path / "my.yaml", "grid: {activation: [relu], epochs: [1, 2]}\n")
    assert [s.training.epochs for s in read(file).specs(epochs=None)] == [1, 2]
    assert [s.training.epochs for s in read(file).specs(epochs=7)] == [7]


def test_seeds_in_a_grid_are_not_dropped(tmp_path):
    file = write(tmp_path / "my.yaml", "grid: {activation: [relu], seeds: [[0, 1], [2]]}\n")
    try:
        specs = read(file).specs()
    except SweepError as error:
        assert "line 1" in str(error)
    else:
        assert sorted(seed for s in specs for seed in s.seeds) == [0, 1, 2]


def test_an_own_activation_beside_the_sweep_file(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "my.py").write_text(OWN)
    grid = "grid:\n  activation:\n    - my.py:bent\n    - my.py:bent: {b: 2.0}\n    - relu\n"
    file = write(tmp_path / "there" / "my.yaml", grid)
    monkeypatch.chdir(tmp_path)
    for ref in (file, Path("there/my.yaml")):
        specs = read(ref).specs()
        assert labels(specs) == ["my.py:bent", "my.py:bent(b=2)", "relu"]
        assert specs[0].parameters["activation"] == f"{tmp_path / 'there' / 'my.py'}:bent"


def test_every_reference_is_looked_for_beside_the_sweep_file(tmp_path, monkeypatch):
    for folder in (tmp_path, tmp_path / "there"):
        folder.mkdir(exist_ok=True)
        (folder / "my.py").write_text(OWN)
    named = {"activation": "my.py:bent", "activations": ["my.py:bent", "relu"]}
    cell = 'activation: str = "relu"\nactivations: list[str] = []'
    notebook(tmp_path / "own.ipynb", cell, "x")
    asked = {"notebook": str(tmp_path / "own.ipynb"), "parameters": named}
    file = write(tmp_path / "there" / "my.yaml", json.dumps(asked))
    monkeypatch.chdir(tmp_path)
    (spec,) = read(file).specs()
    beside = f"{tmp_path / 'there' / 'my.py'}:bent"
    assert spec.parameters == {"activation": beside, "activations": [beside, "relu"]}


def test_references_begin_where_a_mapping_was_read(tmp_path, monkeypatch):
    there = tmp_path / "there"
    there.mkdir()
    (there / "my.py").write_text(OWN)
    monkeypatch.chdir(there)
    plan = read({"grid": {"activation": ["my.py:bent"]}})
    monkeypatch.chdir(tmp_path)
    (spec,) = plan.specs()
    assert spec.parameters["activation"] == f"{there / 'my.py'}:bent"
    (tmp_path / "other.py").write_text(OWN)  # what is given now is meant from here
    (spec,) = plan.specs(activation="other.py:bent")
    assert spec.parameters["activation"] == f"{tmp_path / 'other.py'}:bent"
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(SweepError, match="'activation' may hold lists at most 50 deep"):
        read({"parameters": {"activation": loop}}).specs()


def test_a_notebook_beside_the_sweep_file(tmp_path):
    notebook(tmp_path / "mine.ipynb", "x: int = 1", "x")
    file = write(tmp_path / "my.yaml", "notebook: mine.ipynb\ngrid: {x: [1, 2]}\n")
    specs = read(file).specs()
    assert [s.normal for s in specs] == [{"x": 1}, {"x": 2}]
    assert specs[0].notebook == tmp_path / "mine.ipynb"


def test_a_training_notebook_s_own_parameters_make_runs_of_their_own(tmp_path):
    """Two values are two runs, told apart by their labels and chosen by them."""
    notebook(tmp_path / "mine.ipynb", TRAINING, TRAINS)
    grid = {"activation": ["relu"], "noise": [0.1, 0.2]}
    specs = read({"notebook": str(tmp_path / "mine.ipynb"), "grid": grid}).specs()
    assert [s.label for s in specs] == ["digits-mlp relu", "digits-mlp relu(noise=0.2)"]
    assert specs[0].group != specs[1].group
    assert chosen(specs, {"noise": "0.2"}) == specs[1:]


# What is wrong: (the file, the line of the mistake, what the message says).
WRONG = {
    "key": ("grid: {activation: [relu]}\nseed: 3\n", 2, "'seed'; did you mean 'seeds'"),
    "key-known": (
        "title: x\ncolour: 3\n",
        2,
        "known: title, baseline, notebook, parameters, tune, grid, zip, seeds",
    ),
    "twice": ("grid:\n  lr: [1]\ngrid:\n  lr: [2]\n", 3, "the key 'grid' stands twice"),
    "twice-inside": ("grid:\n  lr: [1]\n  lr: [2]\n", 3, "the key 'lr' stands twice"),
    "number-key": ("title: x\n3: 3\n", 2, "the key 3 must be a text"),
    "no-mapping": ("hello\n", 1, "must be a mapping with the keys title, baseline, notebook"),
    "baseline": (
        "title: x\nbaseline: rleu\ngrid:\n  activation: [relu, elu]\n",
        2,
        "unknown baseline 'rleu'; did you mean 'relu'",
    ),
    "baseline-number": ("title: x\nbaseline: 3\n", 2, "baseline must be a text"),
    "baseline-row": (
        "grid: {activation: [relu]}\nbaseline: relu(lr=2)\n",
        2,
        "unknown baseline 'relu\\(lr=2\\)'",
    ),
    "baseline-of-no-training": (
        "notebook: plot\nbaseline: relu\n",
        2,
        "baseline is only for notebooks that train .*; plot.ipynb does not: leave it out",
    ),
    "tab": ("grid:\n\tactivation: [relu]\n", 2, "cannot start any token"),
    "bracket": ("title: x\ngrid:\n  activation: [relu\n", 4, "expected ',' or ']'"),
    "two-documents": ("grid: {}\n---\ngrid: {}\n", 2, "another document"),
    "tag": ("grid:\n  activation: [!foo x]\n", 2, "!foo"),
    "notebook": ("title: x\nnotebook: trian\n", 2, "'trian'; did you mean 'train'"),
    "notebook-number": ("title: x\nnotebook: 3\n", 2, "notebook must be a text"),
    "grid-list": ("title: x\ngrid: [relu]\n", 2, "grid must be a mapping"),
    "parameters-list": ("title: x\nparameters: [1]\n", 2, "parameters must be a mapping"),
    "no-list": ("grid:\n  lr: [1]\n  activation: relu\n", 3, "'activation' must be a list .*elem"),
    "empty-list": ("grid:\n  activation: [relu]\n  lr: []\n", 3, "'lr' must be a list with"),
    "activation": (
        "grid:\n  activation:\n    - relu\n    - sreluu\n",
        4,
        "unknown activation 'sreluu'; did you mean 'srelu'",
    ),
    "activation-with": (
        "grid:\n  lr: [0.1]\n  activation:\n    - relu\n    - sreluu: {t: 1}\n",
        5,
        "unknown activation 'sreluu'; did you mean 'srelu'",
    ),
    "its-parameter": (
        "grid:\n  activation:\n    - relu\n    - srelu:\n        t: 1\n        q: 2\n",
        6,
        "unknown parameter 'q'",
    ),
    "its-value": (
        "grid:\n  lr: [0.1]\n  activation:\n    - relu\n    - srelu: {t: -1}\n",
        5,
        "t must be > 0, got -1",
    ),
    "its-trainable": (
        "grid:\n  lr: [0.1]\n  activation:\n    - srelu: {trainable: [q]}\n",
        4,
        "trainable: srelu: unknown parameter 'q'",
    ),
    "its-no-mapping": ("grid:\n  lr: [1]\n  activation:\n    - srelu: 3\n", 4, "srelu"),
    "its-list": ("grid:\n  lr: [1]\n  activation:\n    - srelu: [1, 2]\n", 4, "srelu"),
    "its-empty-list": ("grid:\n  lr: [1]\n  activation:\n    - srelu: {t: []}\n", 4, "t"),
    "null": ("grid:\n  activation:\n    - relu\n    - null\n", 4, "'activation' must be a text"),
    "nested": ("grid:\n  activation:\n    - relu\n    - [elu]\n", 4, "'activation' must be a text"),
    "grid-value": ("grid:\n  activation: [relu]\n  lr:\n    - 0.1\n    - -0.1\n", 5, "got -0.1"),
    "grid-word": (
        "grid:\n  activation: [relu]\n  split: [test, validaton]\n",
        3,
        r"split must be one of test, validation \(held .*\); got 'validaton'",
    ),
    "task": ("parameters:\n  task: digit-mlp\n", 2, "'digit-mlp'; did you mean 'digits-mlp'"),
    "parameter": ("grid: {}\nparameters:\n  epoch: 3\n", 3, "'epoch'; did you mean 'epochs'"),
    "type": ("parameters:\n  epochs: ten\n", 2, "'epochs' must be a whole number, got 'ten'"),
    "negative": ("parameters:\n  task: digits-mlp\n  epochs: -2\n", 3, "'epochs' must be 0 or m"),
    "dtype": (
        "parameters:\n  seeds: 2\n  dtype: half\n",
        3,
        "one of float32, float64, bfloat16; got 'half'",
    ),
    "device": ("parameters:\n  seeds: 2\n  device: gpu\n", 3, "device 'gpu' is not available"),
    "lr": (
        "grid:\n  activation: [relu]\nparameters:\n  lr: -1\n",
        4,
        "lr must be a number above 0",
    ),
    "init": (
        "grid:\n  activation: [relu]\nparameters:\n  init: gian\n",
        4,
        r"init must be one of source \(as .*\), gain \(normal.*\), critical \(.*\); got 'gian'",
    ),
    "record": (
        "grid:\n  activation: [relu]\nparameters:\n  record: [stps]\n",
        4,
        "unknown record 'stps'; did you mean 'steps'",
    ),
    "out": ("grid:\n  activation: [relu]\nparameters:\n  out: x\n", 4, "'out' is set by afnlab"),
    "seeds": ("grid:\n  activation: [relu]\nseeds: -1\n", 3, "seeds must be .* 1 or more; got -1"),
    "seeds-grid": (
        "grid:\n  activation: [relu]\n  seeds: [2, 8]\n",
        3,
        "seeds stand at the top level, not in the grid",
    ),
    "seeds-zip": (
        "zip:\n  activation: [relu, gelu, gelu]\n  seeds: [2, 2, 8]\n",
        3,
        "seeds stand at the top level, not in zip",
    ),
    "seeds-zips": (
        "zip:\n  - activation: [relu, gelu]\n  - lr: [1, 1]\n    seeds: [2, 8]\n",
        4,
        "seeds stand at the top level, not in zip",
    ),
    "seeds-its": (
        "grid:\n  activation:\n    - relu\n    - relu: {seeds: [2, 8]}\n",
        4,
        "seeds stand at the top level, not in the grid",
    ),
    "seeds-its-zip": (
        "zip:\n  activation:\n    - relu\n    - relu: {seeds: 8}\n  lr: [1, 1]\n",
        4,
        "seeds stand at the top level, not in zip",
    ),
    "seeds-text": ("grid:\n  activation: [relu]\nseeds: many\n", 3, "seeds must be .* 'many'"),
    "own": ("grid:\n  activation:\n    - relu\n    - absent.py:f\n", 4, "absent.py: no such file"),
    "alias": ("title: x\ngrid: &a\n  activation: [*a]\n", 3, "a"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_name_the_file_and_the_line(tmp_path, name):
    text, line, message = WRONG[name]
    file = tmp_path / "my.yaml"
    file.write_text(text)
    with pytest.raises(SweepError, match=message) as error:
        read(file).specs()
    assert str(error.value).startswith(f"{file}, line {line}: ")


@pytest.mark.parametrize("name", WRONG)
def test_at_the_command_line_they_are_one_line_and_nothing_runs(tmp_path, name, capsys):
    text, line, _ = WRONG[name]
    (tmp_path / "my.yaml").write_text(text)
    assert main(["sweep", str(tmp_path / "my.yaml"), "--runs", str(tmp_path / "runs")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"afnlab: {tmp_path / 'my.yaml'}, line {line}: ")
    assert [p.name for p in tmp_path.iterdir()] == ["my.yaml"]


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "my.yaml").write_bytes(b"title: \xe9\n")
    with pytest.raises(SweepError, match=rf"^{tmp_path / 'my.yaml'}"):
        read(tmp_path / "my.yaml")


def test_sweeps_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match="unknown sweep 'defualt'; did you mean 'default'"):
        read("defualt")
    with pytest.raises(ValueError, match=r"absent\.yaml: no such file"):
        read(tmp_path / "absent.yaml")
