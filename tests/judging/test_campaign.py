"""Ideas of one campaign: functions are recognized by their values and by how they are trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import afnlab
from afnlab import Param, activation
from afnlab.judging.campaign import same_values, values_of
from afnlab.judging.ledger import Ledger
from tests.judging.test_judging import CAMPAIGN, LOSS, filled

SAME = {
    "(x + abs(x)) / 2": lambda x: (x + x.abs()) / 2,
    "max(x, 0)": lambda x: torch.maximum(x, torch.zeros(())),
    "x * (x > 0)": lambda x: x * (x > 0),
    "sqrt(x^2) in halves": lambda x: x / 2 + x.square().sqrt() / 2,
}
OTHERS = {
    "leaky": lambda x: torch.where(x > 0, x, 1e-4 * x),
    "steeper": lambda x: 1.001 * x.relu(),
    "moved": lambda x: (x - 1e-3).relu(),
    "of the other sign": lambda x: (-x).relu(),
    "far out": lambda x: x.relu().clamp(max=5000),
}


def test_a_function_is_recognized_by_its_values():
    relu = values_of(torch.relu, {})
    for name, function in SAME.items():
        assert same_values(values_of(function, {}), relu), name
    for name, function in OTHERS.items():
        assert not same_values(values_of(function, {}), relu), name
    noisy = afnlab.get_activation("rrelu")
    assert values_of(noisy, {}) == values_of(noisy, {})
    ledger = Ledger(CAMPAIGN)
    first = ledger.enter("relu", relu)
    for function in SAME.values():
        assert ledger.enter("new", values_of(function, {})).entry["id"] == first.entry["id"]
    assert ledger.enter("new", relu, ["alpha"]).position == 2  # trained, it is another


class Straight(torch.autograd.Function):
    """ReLU with the slope of the identity."""

    @staticmethod
    def forward(ctx, x):
        return x.relu()

    @staticmethod
    def backward(ctx, grad):
        return grad


@activation(a=Param(1.0))
def factor(x, a):
    return a * x.relu()


@activation(b=Param(1.0))
def renamed(x, b):
    return b * x.relu()


@activation(a=Param(1.0))
def squared_factor(x, a):
    return a * a * x.relu()


DIFFER = {  # two functions, the names of what is trained, and whether they are one
    "another slope": (torch.relu, Straight.apply, (), False),
    "no slope on one side": (torch.abs, lambda x: torch.where(x < 0, -x.detach(), x), (), False),
    "nan and 0": (torch.relu, lambda x: x.relu() + 0 / (x > 0), (), False),
    "nan and infinity": (torch.log, lambda x: torch.where(x > 0, x.log(), -torch.inf), (), False),
    "nan in both": (torch.sqrt, lambda x: x**0.5, (), True),
    "a constant": (torch.ones_like, lambda x: x * 0 + 1, (), True),
    "a parameter with another name": (factor, renamed, ("a", "b"), True),
    "a parameter with another effect": (factor, squared_factor, ("a", "a"), False),
    "the same, untrained": (factor, squared_factor, (), True),
}


@pytest.mark.parametrize("case", DIFFER)
def test_a_function_is_also_how_it_is_trained(case):
    one, other, trained, same = DIFFER[case]
    pairs = zip((one, other), trained or ((), ()), strict=True)
    first, second = (values_of(function, {}, tuple(name)) for function, name in pairs)
    assert np.isfinite([*first, *second]).all()
    assert same_values(first, second) == same


FAILING = {
    "an error": (lambda x: x.no_such_thing(), "object has no attribute 'no_such_thing'"),
    "a number": (lambda x: 1.0, "cannot be evaluated"),
    "another shape": (lambda x: x[:3], "does not return a tensor of the shape of its input"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_function_that_fails_is_named(case):
    function, said = FAILING[case]
    with pytest.raises(ValueError, match="cannot be evaluated") as found:
        values_of(function, {})
    assert said in str(found.value)
    assert "\n" not in str(found.value)


OTHER_CAMPAIGNS = {
    "its task differs": {"task": "digits-cnn"},
    "its baseline differs": {"against": "gelu"},
    "its function of the baseline differs": {"values": (1.0,)},
    "its setting epochs differs": {"settings": {"epochs": 3}},
    "its metric differs": {"measure": LOSS.described()},
    "its metric of the other task differs": {"confirm_measure": LOSS.described()},
    "its margin differs": {"margin": 0.01},
    "its level differs": {"level": 0.9},
    "its number of seeds at most differs": {"most": 20},
    "its choice of own seeds differs": {"own_seeds": True},
    "its other task, for confirmation, differs": {"confirm": "breast-cancer"},
}


@pytest.mark.parametrize("said", OTHER_CAMPAIGNS)
def test_a_ledger_takes_ideas_of_one_campaign(said, tmp_path):
    filled(tmp_path / "a.jsonl", effects=())
    other = replace(CAMPAIGN, **OTHER_CAMPAIGNS[said])
    with pytest.raises(ValueError, match=f"ledger of another campaign; {said}"):
        Ledger.begin(tmp_path / "a.jsonl", other)


def test_where_ideas_are_to_be_confirmed_is_no_result(tmp_path):
    campaign = replace(CAMPAIGN, confirm="breast-cancer", confirm_measure=LOSS.described())
    head, *_ = Ledger.begin(tmp_path / "a.jsonl", campaign).lines
    assert f"against {CAMPAIGN.against}, to be confirmed on breast-cancer: 0 ideas" in head
