"""What a run is asked for, and what names it."""

from __future__ import annotations

import pytest

import afnlab
from afnlab.runs import (
    RunSpec,
)


def spec(**given) -> RunSpec:
    return RunSpec.make("train", given)


SAME = [
    ({"activation": "srelu"}, {}),
    ({"t": 2.21}, {}),
    ({"params": {"t": 2.21}}, {}),
    ({"activation.t": 2.21}, {}),
    ({"t": 2}, {"t": 2.0}),
    ({"activation": "silu"}, {"activation": "swish"}),
    ({"activation": "silu", "beta": 1}, {"activation": "swish"}),
    (
        {"activation": "softshrink", "lambda": 0.3},
        {"activation": "softshrink", "lambd": 0.3},
    ),
    ({"task": "digits-mlp"}, {}),
    ({"lr": 0.001}, {}),
    ({"task.lr": 0.01}, {"lr": 0.01}),
    ({"weight_decay": 0}, {"weight_decay": 0.0}),
    ({"batch_size": 64}, {}),
    ({"epochs": 40}, {}),
    ({"epochs": 0}, {}),
    ({"limit_train": 0}, {}),
    ({"init": "source"}, {}),
    ({"trainable": False}, {}),
    ({"trainable": True}, {"trainable": ["t"]}),
    ({"activation": "prelu"}, {"activation": "prelu", "trainable": True}),
    ({"dtype": "float32"}, {}),
    ({"device": "auto"}, {"device": afnlab.training.plan.pick_device(None).type}),
    ({"record": ["steps", "gradients"]}, {"record": ["gradients", "steps"]}),
    ({"seeds": 3}, {"seeds": [2, 0, 1]}),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=[str(a) for a, _ in SAME])
def test_two_ways_to_say_the_same_are_one_run(one, other):
    assert spec(**one).id == spec(**other).id
    assert spec(**one).group == spec(**other).group


DIFFERENT = [
    {"activation": "relu"},
    {"activation": "softshrink", "lambd": 0.3},
    {"t": 2.2},
    {"trainable": True},
    {"trainable": True, "t": 2.21},
    {"task": "mnist-mlp"},
    {"epochs": 39},
    {"lr": 0.002},
    {"weight_decay": 0.0},
    {"batch_size": 63},
    {"init": "gain"},
    {"sites": "shared"},
    {"split": "validation"},
    {"dtype": "float64"},
    {"limit_train": 100},
    {"limit_test": 100},
    {"record": ["steps"]},
    {"keep_weights": True},
]


def test_what_differs_is_another_run():
    made = [spec(), *(spec(**given) for given in DIFFERENT)]
    assert len({s.group for s in made}) == len(made)
    assert len({s.id for s in made}) == len(made)
    assert all(len(s.id) == 16 and int(s.id, 16) >= 0 for s in made)


def test_a_random_start_is_not_its_middle_given():
    given = {"alpha": 0.0, "beta": 0.0, "gamma": -1.375}
    assert spec(activation="apec").group != spec(activation="apec", **given).group


def test_a_group_is_all_seeds():
    one, more = spec(seeds=2), spec(seeds=[5, 7])
    assert one.group == more.group
    assert one.id != more.id
    assert one.with_seeds((5, 7)).id == more.id
    assert one.with_seeds((5, 7)).seeds == (5, 7)


def test_the_callers_parameters_stay_as_they_were():
    params = {"t": 1.5}
    RunSpec.make("train", {"params": params, "task.lr": 0.1})
    assert params == {"t": 1.5}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": "5"}, r"parameter 'epochs' must be a whole number, got '5' \(str\)"),
        ({"epochs": 5.0}, "parameter 'epochs' must be a whole number, got 5.0"),
        ({"epochs": True}, "parameter 'epochs' must be a whole number, got True"),
        ({"epochs": -1}, "parameter 'epochs' must be 0 or more, got -1"),
        ({"task": 3}, "parameter 'task' must be a text, got 3"),
        ({"record": "steps"}, "parameter 'record' must be a list, got 'steps'"),
        ({"record": ["step"]}, "unknown record 'step'; did you mean 'steps'"),
        ({"keep_weights": 1}, "parameter 'keep_weights' must be true or false, got 1"),
        ({"params": [1]}, "parameter 'params' must be a mapping"),
        ({"t": "1.5"}, "t must be a number"),
        ({"t": -1}, "t must be > 0, got -1"),
        ({"activatoin": "srelu"}, "unknown parameter 'activatoin'; did you mean 'activation'"),
        ({"seed": 3}, "unknown parameter 'seed'; did you mean 'seeds'"),
        ({"epoch": 3}, "unknown parameter 'epoch'; did you mean 'epochs'"),
        ({"alpha": 1}, "unknown parameter 'alpha'"),
        ({"activation": "srelu", "q": 1}, r"unknown parameter 'q' \(known: t, "),
        ({"activation": "elu", "t": 1}, "unknown parameter 't'"),
        ({"params": {"tt": 1}}, "unknown parameter 'tt'; did you mean 't'"),
        ({"t": 1, "params": {"t": 2}}, "parameter 't' is given twice"),
        ({"t": 1, "activation.t": 2}, "'t' is given twice"),
        ({"activation": "sreluu"}, "unknown activation 'sreluu'; did you mean 'srelu'"),
        ({"task": "digit-mlp"}, "unknown task 'digit-mlp'; did you mean 'digits-mlp'"),
        ({"dtype": "float46"}, "dtype must be one of float32, float64, bfloat16"),
        ({"device": "gpu"}, "device 'gpu' is not available"),
        ({"device": "meta"}, "device 'meta' is not available: it must be auto or one of cpu, cuda"),
        ({"seeds": "3"}, "seeds must be"),
        ({"seeds": 0}, "seeds must be"),
        ({"out": "x"}, "parameter 'out' is set by afnlab"),
    ],
)
def test_parameters_that_are_not_allowed(given, message):
    with pytest.raises(ValueError, match=message):
        spec(**given)


def test_notebooks_that_are_not_allowed(tmp_path):
    with pytest.raises(ValueError, match="unknown notebook 'trian'; did you mean 'train'"):
        RunSpec.make("trian", {})
    with pytest.raises(ValueError, match=r"absent\.ipynb: no such file"):
        RunSpec.make(tmp_path / "absent.ipynb", {})
    with pytest.raises(ValueError, match=r"unknown parameter 'spam'; did you mean 'span'"):
        RunSpec.make("plot", {"spam": 1.0})
    with pytest.raises(ValueError, match=r"tune is for trainings, and plot\.ipynb is none; choose"):
        RunSpec.make("plot", {"tune": {"lr": [0.1]}})
    with pytest.raises(ValueError, match="parameter 'span' must be a number, got 'wide'"):
        RunSpec.make("plot", {"span": "wide"})


@pytest.mark.parametrize("folder", ["co:lon", "x.py:y", "new\nline", "C:", "a b"])
def test_a_file_is_found_in_a_folder_of_any_name(tmp_path, monkeypatch, folder):
    """Else a run's id would not hold its code, and the run would fail when it had trained."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / folder / "my.py"
    file.parent.mkdir()
    file.write_text("from afnlab import activation\n\n\n@activation\ndef f(x):\n    return x * x\n")
    spec = RunSpec.make("train", {"activation": f"{folder}/my.py:f"})
    assert str(file) in spec.code.units
    before = spec.id
    file.write_text(file.read_text().replace("x * x", "x + x"))
    assert RunSpec.make("train", {"activation": f"{folder}/my.py:f"}).id != before
