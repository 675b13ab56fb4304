"""Curves of functions that are laid over each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import afnlab
from afnlab.functions import profile
from afnlab.live import function_overlay
from afnlab.live.decision_surface import Surfaces
from afnlab.live.function_overlay import Curves, Shown, View, fitting
from tests.live.test_live import lines_of, sent

ELEMENTWISE = [n for n in afnlab.list_activations() if afnlab.get_activation(n).elementwise]


def test_an_update_is_what_a_new_figure_shows():
    moved = Curves([Shown.of("srelu"), Shown.of("gelu")])
    for t in (0.4, 3.0, 1.25):
        moved.update([Shown.of("srelu", t=t), Shown.of("gelu")], View(deviation=t))
    moved.update([Shown.of("srelu", t=0.7), Shown.of("gelu")], View(x=(-2, 3), second=False, L=1.0))
    final = View(x=(-4, 4), y=(-1, 2), slopes=(-1, 2))
    last = [Shown.of("srelu", t=2.0), Shown.of("gelu")]
    moved.update(last, final)
    assert moved.numbers() == Curves(last, final).numbers()
    assert moved.panels() == Curves(last, final).panels()


def test_what_the_curves_are():
    scene = Curves([Shown.of("srelu", t=2.0)], View(x=(-3, 3)))
    found = lines_of(scene)
    x = torch.tensor(found["f"][0])
    np.testing.assert_allclose(found["f"][1], afnlab.functional.srelu(x, t=2.0).numpy())
    np.testing.assert_allclose(found["kinks"], [[-2, 2], [0, 2]])
    middle = np.abs(x.numpy()) < 1.9
    slope = np.gradient(found["f"][1], x.numpy())
    np.testing.assert_allclose(found["f'"][1][middle], slope[middle], atol=1e-3)
    assert np.isnan(found["f''"][1]).sum() == 2  # it jumps at the kinks
    ends = found["asymptotes"][:, np.isfinite(found["asymptotes"][0])]
    np.testing.assert_allclose(ends, [[-3, 3, -3, 3], [0, 0, -3, 3]], atol=1e-9)


def test_regions_and_the_second_derivative_come_and_go():
    shown = [Shown.of("tanh")]
    scene = Curves(shown, View(L=0.0, second=False))
    assert not scene.lines[0]["f''"].get_visible()
    assert not any(area.get_visible() for area in scene.regions)
    scene.update(shown, View(L=2.0))
    assert scene.lines[0]["f''"].get_visible()
    assert [area.get_xy()[:, 0].max() for area in scene.regions] == [2.0, 2.0]


def test_limits_stay_while_parameters_move():
    scene = Curves([Shown.of("pilu")])
    before = scene.left.get_ylim()
    scene.update([Shown.of("pilu", alpha=3.0)], View())
    assert scene.left.get_ylim() == before
    wide, _ = fitting([Shown.of("pilu", alpha=3.0)], View())
    assert wide[1] > before[1]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_activation_has_curves_in_view(name):
    scene = Curves([Shown.of(name)])
    y = lines_of(scene)["f"][1]
    low, high = scene.left.get_ylim()
    assert low < np.nanmin(y)
    assert np.nanmax(y) < high
    assert len(sent(scene)) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Shown.of("softmin"), "softmin: is not elementwise"),
        (lambda: Shown.of("srelu", t=-1.0), "srelu: t must be > 0"),
        (lambda: Shown.of("nope"), "unknown activation 'nope'"),
        (lambda: Curves([]), "shown must be 1 to 6 activations, got 0"),
        (lambda: function_overlay.overlay([]), "shown must be 1 to 6 activations, got 0"),
        (
            lambda: function_overlay.overlay(["relu"], span=0.0),
            "span must be a number above 0, got 0.0",
        ),
        (lambda: Curves([Shown.of("elu")]).update([Shown.of("relu")], View()), "make a new figure"),
        (lambda: Surfaces([]), "learners must be one or two, got 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        call()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", [(0, 0), (1, 0)]),
        ("tanh", [(0, -1), (0, 1)]),
        ("arctan", [(0, -np.pi / 2), (0, np.pi / 2)]),
        ("softplus", [(0, 0), (1, 0)]),
        ("leaky_relu", [(0.01, 0), (1, 0)]),
        ("pilu", [(3, -2), (1.5, -0.5)]),
    ],
)
def test_asymptotes(name, expected):
    found = profile.asymptotes(afnlab.get_activation(name))
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_no_asymptote_where_there_is_none():
    @afnlab.activation()
    def bending(x):
        return torch.sign(x) * torch.log1p(x.abs())

    @afnlab.activation()
    def waving(x):
        return x + torch.sin(x)

    assert profile.asymptotes(bending) == []
    assert profile.asymptotes(waving) == []
