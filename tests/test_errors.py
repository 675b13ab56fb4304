"""Errors about a value: one line, with the name, what was given and what is allowed."""

from __future__ import annotations

import itertools
import math
import pickle

import pytest
import torch

import afnlab
from afnlab.errors import ParameterError, shown, with_article
from afnlab.runs import RunSpec
from afnlab.runs.sweeps import sweep_file
from afnlab.training.options import MOST_SEEDS, resolve, seed_list
from tests.over import over


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no")


LOOP: list = []
LOOP.append(LOOP)
VALUES = [0.1, "x" * 10**6, 10**400, -(10**5000), LOOP, Odd(), torch.ones(9, 9), "a\nb\x1b[2J"]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_any_value_is_shown_on_a_line_that_one_can_read(value):
    text = shown(value)
    assert text.isprintable()
    assert len(text) < 300


@over("noun, said", [("Task", "a Task"), ("Activation", "an Activation"), ("int", "an int")])
def test_a_noun_has_its_article(noun, said):
    assert with_article(noun) == said


def test_an_error_survives_the_way_from_a_worker():
    error = ParameterError("lr", -1, "a number above 0", at=(2,), label="parameter 'lr'")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "parameter 'lr' must be a number above 0, got -1"
    assert (again.name, again.value, again.allowed) == ("lr", -1, "a number above 0")
    assert again.at == (2,)


TASK, SRELU = afnlab.get_task("digits-mlp"), afnlab.get_activation("srelu")
CARRIED = {
    "lr": {"lr": [1]},
    "batch_size": {"batch_size": 0},
    "task.lr": {"task.lr": math.inf},
    "t": {"t": -1},
    "activation.t": {"activation.t": "x"},
    "init": {"init": "gian"},
    "trainable": {"trainable": ["q"]},
    "lrr": {"lrr": 1},
    "task.weight_decay": {"weight_decay": 1, "task.weight_decay": 1},
    "weight_decay": {"weight_decay": 10**400},
}


@pytest.mark.parametrize("name", CARRIED)
def test_errors_about_a_parameter_carry_it(name):
    with pytest.raises(ParameterError) as error:
        resolve(TASK, SRELU, CARRIED[name])
    assert error.value.name == name
    assert error.value.value == CARRIED[name][name] or name == "trainable"


@pytest.mark.parametrize(
    ("seeds", "at"),
    [
        (10**8, ()),
        (range(10**8), ()),
        (itertools.count(), ()),
        ([1, 2**63], (1,)),
        ([4, 5, 4], (2,)),
        ([1, -1], (1,)),
        (2**64, ()),
    ],
)
def test_seeds_are_counted_before_they_are_taken(seeds, at):
    with pytest.raises(ParameterError, match="seeds") as error:
        seed_list(seeds)
    assert (error.value.name, error.value.at) == ("seeds", at)
    assert len(seed_list(MOST_SEEDS)) == MOST_SEEDS


REFUSED = {
    "a float too large": lambda: resolve(TASK, SRELU, {"lr": 10**400}),
    "no mapping": lambda: resolve(TASK, SRELU, [1]),
    "a number as a name": lambda: RunSpec.make("train", {"params": {1: 2}}),
    "no mapping of a run": lambda: RunSpec.make("train", 3),
    "a loop": lambda: RunSpec.make("train", {"params": {"a": LOOP}}),
    "5000 digits": lambda: RunSpec.make("train", {"epochs": 10**5000}),
    "a surrogate": lambda: RunSpec.make("train", {"activation": "\ud800"}),
    "a long range": lambda: RunSpec.make("train", {"seeds": range(10**30)}),
    "no such home": lambda: RunSpec.make("~nosuch/x.ipynb", {}),
    "no path": lambda: RunSpec.make(3, {}),
    "a long path": lambda: afnlab.get_activation("x" * 10**5 + "/a.py:f"),
    "a sweep of a number": lambda: sweep_file.read(3),
    "tables": lambda: afnlab.train("digits-mlp", "relu", record="steps"),
    "params": lambda: afnlab.train("digits-mlp", "relu", params=torch.ones(2)),
    "L": lambda: afnlab.autorot.AutoRotLinear(2, 2, L=10**400),
    "flag": lambda: afnlab.autorot.AutoRotLinear(2, 2, auto_rot="yes"),
    "model": lambda: afnlab.autorot.auto_rotate([1]),
    "bounds": lambda: afnlab.nn.SReLU(trainable=True, constraints_t=(1, 10**400)),
    "dimension": lambda: afnlab.nn.SReLU(trainable=True, num_features=2, feature_dim="x"),
    "noise": lambda: afnlab.functional.rrelu(torch.ones(2), noise=0.5),
    "make": lambda: afnlab.nn.make("srelu", torch.ones(2)),
    "name": lambda: afnlab.get_activation(Odd()),
    "gain": lambda: afnlab.gain(3),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_function_takes_is_refused_in_one_line(name):
    with pytest.raises((ValueError, TypeError)) as error:
        REFUSED[name]()
    text = str(error.value)
    assert text
    assert "\n" not in text
    assert len(text) < 2500
