"""What trainings must share to be compared."""

from __future__ import annotations

import pytest

from afnlab.compare.training_facts import Trained
from afnlab.runs import RunSpec
from afnlab.runs.execution import facts_of
from afnlab.runs.setting import APART
from tests.runs.sweeps.test_until_decided_sweeps import ENVIRONMENT

OTHER = {
    "task": {"task": "digits-convnet"},
    "epochs": {"epochs": 3},
    "limit_train": {"limit_train": 40},
    "limit_test": {"limit_test": 40},
    "dtype": {"dtype": "float64"},
    "tuned": {"tune": {"lr": [0.1, 0.2]}},
}
APART_IN = {"epochs": ("2 epochs", "3 epochs"), "limit_train": ("all to train", "40 to train")}
APART_IN |= {"limit_test": ("all to test", "40 to test")}


def spec(**given):
    return RunSpec.make("train", {"activation": "relu", "epochs": 2, "seeds": 1} | given)


@pytest.mark.parametrize("name", OTHER)
def test_a_setting_is_told_from_another(name):
    usual, other = spec().setting, spec(**OTHER[name]).setting
    assert [n for n in usual._fields if getattr(usual, n) != getattr(other, n)] == [name]
    words = tuple(one.apart([usual, other]) for one in (usual, other))
    assert words == APART_IN.get(name, ("", ""))
    assert (name in APART) is (name != "tuned")


@pytest.mark.parametrize(
    "given", [{}, {"limit_train": 40}, {"tune": {"lr": [0.1, 0.2]}}, {"lr": 0.3, "seeds": 2}]
)
def test_a_run_is_to_be_compared_as_its_record_will_be(given):
    wanted = spec(**given)
    record = facts_of(wanted) | {"environment": ENVIRONMENT}
    assert Trained.of_record(record).setting == wanted.setting
    assert wanted.setting == spec(**given, activation="gelu").setting
