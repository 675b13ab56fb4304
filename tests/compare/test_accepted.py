"""What may be tuned in every training of a comparison."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from afnlab import get_activation, get_task, list_activations, list_tasks
from afnlab.compare.accepted import accept, may_be_tuned
from afnlab.compare.axis_ends import widened
from afnlab.compare.training_facts import TaskFacts, Trained
from afnlab.runs.sweeps.sweep_file import read
from afnlab.training.options import CHOICES, TASK_PARAMS
from afnlab.training.space import space
from afnlab.training.task_settings import default

NUMBERS = [name for name in TASK_PARAMS if name not in CHOICES]
SGD = {"optimizer": "sgd"}


def trained(activation: str = "relu", task: str = "digits-mlp", code: str = "") -> Trained:
    facts = TaskFacts(task, code=code)
    empty: dict = {"settings": {}, "parameters": {}, "trainable": (), "options": {}}
    sizes: dict = {"epochs": 1.0, "native": False, "limit_train": 0, "limit_test": 0}
    names = {"activation": activation, "label": activation, "device": "cpu", "dtype": "float32"}
    return Trained(group=activation, task=facts, **names, **empty, **sizes)


def test_what_is_fixed_is_not_to_be_tuned():
    def made(notebook="train.ipynb", **given):
        return {"notebook": notebook, "given": {"task": "iris", "activation": "relu", **given}}

    assert may_be_tuned([made(), made(epochs=3, t=1.5)])
    for name, value in {"lr": 0.1, "init_scale": 2.0, "tune": {"lr": [1]}, "split": "val"}.items():
        assert not may_be_tuned([made(), made(**{name: value})])
    assert not may_be_tuned([made("/mine/own.ipynb")])


def spaces(usual: float | int) -> list[dict]:
    """Lists and ranges about a value, to both ends of what it may be."""
    if isinstance(usual, int):
        return [{"x": [usual, 2 * usual]}, {"x": [max(1, usual // 2), usual]}]
    near = sorted({usual, (usual + 1) / 2, usual / 2, 0.9 * usual + 0.05})
    low, high = near[0], near[-1]
    ranges = [{"x": {"from": low, "to": high}, "budget": 3}] if low < high else []
    logarithmic = [{"x": {"from": low, "to": high, "log": True}, "budget": 3}] if low > 0 else []
    return [{"x": near}, *ranges, *(logarithmic if low < high else [])]


def named(among: dict, name: str) -> dict:
    return {name if key == "x" else key: value for key, value in among.items()}


def advised(rows: list[Trained], name: str, usual: float | int) -> list[dict]:
    """What one is told to tune, wherever that is more than what was."""
    made = []
    for one in spaces(usual):
        if not accept(rows, name, one["x"]):
            continue
        among = space(named(one, name))
        for end in ("low", "high"):
            wider = widened(among, [(name, end)], partial(accept, rows))
            made += [wider] if wider != among.normal() else []
    return made


def test_whatever_is_advised_a_sweep_file_takes():
    usual = {"lr": 0.01, "weight_decay": 0.0, "batch_size": 64, "momentum": 0.9, "init_scale": 1.0}
    assert usual.keys() == set(NUMBERS)
    rows = [trained("relu"), trained("srelu")]
    for name, value in usual.items():
        tunings = advised(rows, name, value)
        assert tunings
        for tuning in tunings:
            grid = {"activation": ["relu", "srelu"]}
            assert read({"grid": grid, "tune": tuning, "seeds": 8}).specs()


@pytest.mark.parametrize("activation", list_activations())
def test_whatever_is_advised_of_an_activation_it_takes(activation):
    record, rows = get_activation(activation), [trained(activation)]
    for name, param in record.params.items():
        for tuning in advised(rows, name, param.default):
            axis = tuning[name]
            values = axis if isinstance(axis, list) else (axis["from"], axis["to"])
            for value in values:
                record.complete({name: value})


def test_whatever_is_advised_of_a_task_it_takes():
    for task in list_tasks():
        for name, setting in get_task(task).settings.items():
            usual = default(setting)
            if isinstance(usual, (int, float)) and not isinstance(usual, bool):
                for tuning in advised([trained(task=task)], name, usual):
                    assert accept([trained(task=task)], name, tuning[name])


def test_an_axis_is_accepted_if_all_rows_accept_it():
    rows = [trained("relu"), trained("my.py:f")]
    assert accept(rows, "lr", [0.01, 0.1])
    assert not accept(rows, "momentum", [0.9, 1.0])
    assert not accept(rows, "momentum", {"from": 0.5, "to": 1.0})
    assert not accept(rows, "k", [1.0, 2.0])  # of the user's, whose limits nobody knows
    assert not accept([trained("srelu"), trained("relu")], "t", [1.0, 2.0])
    assert accept([trained("srelu")], "t", [1.0, 2.0])
    assert accept([replace(trained(code="abc"), activation="x")], "lr", [0.01, 0.1])
    assert not accept([replace(trained(), options=SGD)], "lr", [0.0, 0.1])
