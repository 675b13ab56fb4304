"""What `params` and `seeds` may hold: every error names its key."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from afnlab import Param, activation, get_activation, get_task
from afnlab.training.options import resolve, seed_list

TASK = get_task("digits-mlp")


@activation(lr=Param(1.0), b=Param(2.0, aliases=("beta",)))
def clashing(x, lr, b):
    return lr * torch.relu(b * x)


def test_defaults_are_the_recipe():
    options = resolve(TASK, get_activation("srelu"), {})
    assert (options.activation, options.trainable) == ({}, ())
    assert (options.lr, options.weight_decay, options.batch_size) == (1e-3, 1e-4, 64)
    assert (options.init, options.sites, options.split) == ("source", "each", "test")
    assert resolve(get_task("mnist-mlp"), get_activation("srelu"), {}).sites == "shared"


def test_both_kinds_and_trainable():
    given = {"alpha": 0.2, "task.lr": 0.1, "sites": "shared", "trainable": ["alpha"]}
    options = resolve(TASK, get_activation("elu"), given)
    assert options.activation == {"alpha": 0.2}
    assert (options.trainable, options.lr, options.sites) == (("alpha",), 0.1, "shared")


@pytest.mark.parametrize(("given", "names"), [(True, ("alpha", "c")), (False, ()), ("c", ("c",))])
def test_trainable(given, names):
    assert resolve(TASK, get_activation("plu"), {"trainable": given}).trainable == names


def test_an_alias_is_its_parameter():
    aliased = {n: p.aliases[0] for n, p in get_activation("softshrink").params.items() if p.aliases}
    assert aliased == {"lambd": "lambda"}
    options = resolve(TASK, get_activation("softshrink"), {"lambda": 0.3})
    assert options.activation == {"lambd": 0.3}


def test_a_name_that_both_have_is_written_out():
    message = "'lr': both clashing and the task have one; write 'activation.lr' or 'task.lr'"
    with pytest.raises(ValueError, match=message):
        resolve(TASK, clashing, {"lr": 0.5})
    of_task = resolve(TASK, clashing, {"task.lr": 0.5})
    assert (of_task.activation, of_task.lr) == ({}, 0.5)
    of_activation = resolve(TASK, clashing, {"activation.lr": 0.5})
    assert (of_activation.activation, of_activation.lr) == ({"lr": 0.5}, 1e-3)
    both = resolve(TASK, clashing, {"activation.lr": 2, "task.lr": 0.5})
    assert (both.activation, both.lr) == ({"lr": 2}, 0.5)


@pytest.mark.parametrize(
    ("record", "params", "message"),
    [
        ("srelu", {"tt": 1}, r"unknown parameter 'tt'; did you mean 't'\? \(known: t, lr"),
        ("srelu", {"batchsize": 1}, "unknown parameter 'batchsize'; did you mean 'batch_size'"),
        ("srelu", {"trainabel": True}, "'trainabel'; did you mean 'trainable'"),
        ("elu", {"task.alpha": 1}, "unknown parameter 'task.alpha'"),
        ("elu", {"activation.lr": 1}, "unknown parameter 'activation.lr'"),
        ("elu", {"optimizer.lr": 1}, "'optimizer.lr': must begin with 'activation.' or 'task.'"),
        ("srelu", {"t": -1}, "srelu: t must be > 0, got -1"),
        ("srelu", {"t": "2"}, "srelu: t must be a number"),
        ("srelu", {"t": True}, "srelu: t must be a number"),
        ("srelu", {"t": float("nan")}, "srelu: t must be > 0"),
        ("srelu", {"t": 10**400}, "srelu: t must be > 0"),
        ("frelu", {"b": -float("inf")}, "frelu: b must be a finite number, got -inf"),
        ("softmin", {"dim": 1.5}, "softmin: dim must be a whole number, got 1.5"),
        ("softmin", {"dim": float("nan")}, "softmin: dim must be a whole number, got nan"),
        ("srelu", {"trainable": ["s"]}, "trainable: srelu: unknown parameter 's'"),
        ("srelu", {"trainable": 1}, "trainable must be true, false or a list of names, got 1"),
        ("srelu", {"trainable": {"t": 1}}, "trainable must be true, false or a list"),
        ("softplus", {"trainable": ["threshold"]}, "trainable.*'threshold'"),
        ("hardshrink", {"trainable": True}, "trainable: hardshrink: lambd cannot be trained"),
        ("hardshrink", {"trainable": ["alpha"]}, "trainable: hardshrink: lambd cannot be trained"),
        (clashing, {"b": 1, "beta": 2}, "'beta': 'b' is given twice"),
        (clashing, {"b": 1, "activation.b": 2}, "'activation.b': 'b' is given twice"),
        ("relu", {"lr": 0.1, "task.lr": 0.2}, "lr' is given twice"),
        ("relu", {"lr": 0}, "lr must be a number above 0, got 0"),
        ("relu", {"lr": float("inf")}, "lr must be a number above 0, got inf"),
        ("relu", {"lr": "fast"}, "lr must be a number above 0, got 'fast'"),
        ("relu", {"lr": True}, "lr must be a number above 0, got True"),
        ("relu", {"weight_decay": -1}, "weight_decay must be a number 0 or more, got -1"),
        ("relu", {"batch_size": 0}, "batch_size must be a whole number, 1 or more; got 0"),
        ("relu", {"batch_size": 6.4}, "batch_size must be a whole number, 1 or more; got 6.4"),
        ("relu", {"init": "gian"}, r"init must be one of source \(as .*, gain \(.*\); got 'gian'"),
        ("relu", {"sites": True}, r"sites must be one of each \(.*\), shared \(.*\); got True"),
        (
            "relu",
            {"split": "valid"},
            r"split must be one of test, validation \(held .*; got 'valid'",
        ),
        ("relu", {"init": ["gain"]}, r"init must be one of source \(as .*; got \['gain'\]"),
    ],
)
def test_errors_name_the_key(record, params, message):
    with pytest.raises(ValueError, match=message):
        resolve(TASK, get_activation(record), params)


def test_seed_list():
    assert seed_list(3) == (0, 1, 2)
    assert seed_list([5, 2]) == (2, 5)
    assert seed_list(range(4, 6)) == (4, 5)
    assert repr(seed_list(np.arange(2))) == "(0, 1)"


@pytest.mark.parametrize("seeds", [0, -1, 2.0, True, "3", b"3", [], [1, 1], [-1], [1.0], {1: 2}])
def test_seeds_that_are_not_allowed(seeds):
    with pytest.raises(ValueError, match="seeds must be"):
        seed_list(seeds)
