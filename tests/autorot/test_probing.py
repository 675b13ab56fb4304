"""Which layers' scale is divided out again, whatever stands between."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from afnlab.autorot import auto_rotate, rotation_plan


class Of(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Excite(nn.Module):
    """Squeeze and excite."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)

    def forward(self, x):
        size = F.relu(self.down(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.up(size))


def written_out(x):
    mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True)
    return (x - mean) / (var + 1e-5).sqrt()


NORM = nn.BatchNorm2d(8)
LEFT = {
    "clamp": (Of(lambda x: x.clamp(min=0)), NORM),
    "where": (Of(lambda x: torch.where(x > 0, x, 0.1 * x)), NORM),
    "a mean": (Of(lambda x: x.mean((2, 3), keepdim=True)), NORM),
    "abs": (Of(torch.abs), NORM),
    "random": (nn.Sequential(nn.Dropout(0.5), Of(lambda x: x.clamp(min=0))), NORM),
    "its inverse": (Of(lambda x: 1 / (x.abs() + 1e-9).sqrt()), NORM),
    "written out": (nn.Identity(), Of(written_out)),
    "ReLU, and written out": (nn.ReLU(), Of(written_out)),
}
ROTATED = {
    "no normalization": (nn.SiLU(), nn.Identity()),
    "SiLU": (nn.SiLU(), NORM),  # a factor changes its shape
    "squeeze and excite": (Excite(), NORM),
    "tanh": (nn.Tanh(), NORM),
    "sigmoid": (nn.Sigmoid(), NORM),
    "ReLU6": (nn.ReLU6(), NORM),
    "weights": (nn.Sequential(nn.SiLU(), nn.Conv2d(8, 8, 1)), NORM),
    "weights without bias": (nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 1, bias=False)), NORM),
    "a softmax": (nn.Softmax(1), NORM),
    "nothing comes of it": (Of(lambda x: (x > 1e9).float()), NORM),
    "beside others": (Of(lambda x: x.clamp(min=0) + 1), nn.Identity()),
}


def model(between: nn.Module, norm: nn.Module) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(1)
    x = torch.randn(8, 3, 12, 12)
    end = [nn.ReLU(), nn.Conv2d(8, 8, 1), nn.Tanh(), nn.Flatten(), nn.LazyLinear(10)]
    found = nn.Sequential(nn.Conv2d(3, 8, 3), between, norm, *end)
    for module in found[:-1].modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    with torch.no_grad():
        found(x)
    return found, x


def rotated(found: nn.Module, x: torch.Tensor) -> bool:
    plan = rotation_plan(found, x).set_index("layer")
    return bool(plan.rotate["0"])


@pytest.mark.parametrize("case", LEFT)
def test_what_is_divided_out_is_left_plain(case):
    found, x = model(*LEFT[case])
    state = {name: value.clone() for name, value in found.state_dict().items()}
    draws = torch.random.get_rng_state()
    assert not rotated(found, x)
    assert torch.equal(draws, torch.random.get_rng_state())
    assert all(torch.equal(value, state[name]) for name, value in found.state_dict().items())
    assert all("forward" not in vars(module) for module in found.modules())
    with pytest.warns(UserWarning, match="left plain: 0 .*divides (its scale|rho) out"):
        auto_rotate(found, 4.0, example=x)


@pytest.mark.parametrize("case", ROTATED)
def test_what_has_an_effect_is_rotated(case):
    found, x = model(*ROTATED[case])
    assert rotated(found, x)


def test_evaluation_that_is_far_from_training_is_told():
    """The first factor passes weights, and a normalization with statistics of before."""
    torch.manual_seed(0)
    x = torch.randn(16, 4)
    found = nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)
    )
    with torch.no_grad():
        found[0].weight *= 1e-4
        found[0].bias *= 1e-4
        for _ in range(100):
            found(x)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        auto_rotate(found, 4.0, example=x)
    said = [str(w.message) for w in told if w.category is RuntimeWarning]
    assert len(said) == 1
    assert "times as large in evaluation as in training" in said[0]
    plain = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        auto_rotate(plain, 4.0, example=x)
