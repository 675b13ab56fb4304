"""The table of a rotation, before and after it: what follows each layer, what was done and why."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import afnlab
from afnlab.autorot import AutoRotSeparableConv2d, auto_rotate, rotation_plan, undo_rotation

X = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


class OwnTanh(nn.Module):
    """Recognized by what it computes."""

    def forward(self, x):
        return (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())


class Model(nn.Module):
    """Layers that different things follow, and two that nothing calls."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        for name in ("by_module", "by_function", "by_own", "by_relu", "by_two", "by_none", "last"):
            self.add_module(name, nn.Linear(4, 4))
        self.unused, self.tanh, self.own, self.ours = nn.Linear(4, 4), nn.Tanh(), OwnTanh(), None
        self.gru = nn.GRU(4, 4)

    def forward(self, x):
        x = self.own(self.by_own(self.tanh(self.by_module(x).view(-1, 4))))
        x = torch.sigmoid(self.by_function(x).unsqueeze(1).squeeze(1))
        y = self.by_two(F.relu(self.by_relu(x)))
        x = self.gru(afnlab.functional.srelu(y) + y.tanh())[0]
        return self.last(self.by_none(x).square())


FOLLOWS = {
    "by_module": "tanh",
    "by_own": "tanh",
    "by_function": "sigmoid",
    "by_relu": "relu",
    "by_none": "",
    "last": "",
    "unused": "",
}


def table(model: nn.Module, example=None, **options) -> dict[str, dict]:
    return rotation_plan(model, example, **options).set_index("layer").to_dict("index")


def test_it_says_what_follows():
    rows = table(Model(), X)
    assert {name: rows[name]["follows"] for name in FOLLOWS} == FOLLOWS
    assert "tanh" in rows["by_two"]["follows"]
    assert rows["unused"]["why"] == "the model never calls it and does not use it"
    assert rows["last"]["why"] == "its output is the model's"
    assert not any(row["follows"] for row in table(Model()).values())


def test_layers_without_a_saturating_activation_can_be_left():
    rows = table(Model(), X, saturating=True)
    rotated = {name for name, row in rows.items() if row["rotate"]}
    assert rotated == {"by_module", "by_own", "by_function", "by_two", "gru"}
    told = "no activation that saturates on both sides follows"
    assert rows["by_relu"]["why"] == rows["by_none"]["why"] == told
    model = Model()
    with pytest.warns(UserWarning, match="left plain: unused"):
        auto_rotate(model, 2.0, example=X, saturating=True)
    assert {n for n, m in model.named_modules() if hasattr(m, "rho")} == rotated
    with pytest.raises(ValueError, match="saturating needs an example"):
        auto_rotate(Model(), 2.0, saturating=True)


def test_afterwards_it_says_what_was_done():
    model = Model()
    before, plan = model(X), table(model, X)
    with pytest.warns(UserWarning, match="left plain: unused"):
        auto_rotate(model, 2.5, example=X)
    after = table(model, X)
    assert {n: row["rotate"] for n, row in after.items()} == {
        n: r["rotate"] for n, r in plan.items()
    }
    for rows in (after, table(model)):  # the second without an example
        assert {n for n in rows if rows[n]["why"] == "rotated, L=2.5"} == {
            n for n in plan if plan[n]["rotate"]
        }
    assert {name: after[name]["follows"] for name in FOLLOWS} == FOLLOWS
    assert after["by_module"]["type"] == "AutoRotLinear"
    with pytest.raises(ValueError, match="no layer to rotate among"):
        auto_rotate(model, 2.5, example=X)
    assert table(undo_rotation(model), X) == plan
    assert_close(model(X), before)


def test_the_parts_of_a_rotated_layer_are_no_layers():
    model = nn.Sequential(
        AutoRotSeparableConv2d(3, 4, 3, L=2.0, auto_rot=False), nn.Conv2d(4, 2, 1)
    )
    rows = table(model)
    assert list(rows) == ["0", "1"]
    assert (rows["0"]["rotate"], rows["0"]["why"]) == (False, "its auto_rot is off")
