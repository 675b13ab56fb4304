"""Figures that move: what a browser draws is what the figure shows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import StepPatch

import afnlab
from afnlab.derivatives import derivatives
from afnlab.live import decision_surface, function_overlay, preactivations
from afnlab.live.decision_surface import GRID, SHADES, Surfaces
from afnlab.live.function_overlay import Curves, Shown, View
from afnlab.live.scene import Scene
from afnlab.live.signal_maps import Layer, SignalMaps
from afnlab.training.learner import Learner, Setup
from afnlab.training.plane import points


def start() -> preactivations.Start:
    return preactivations.Start(afnlab.get_task("digits-arp"), afnlab.get_activation("tanh"), 2.0)


def surfaces() -> Surfaces:
    x, y = points("moons", 60)
    learners = [Learner(Setup(name, hidden=(6, 4))) for name in ("tanh", "relu")]
    for one in learners:
        for _ in range(40):
            one.step(x, y)
        one.test(*points("moons", 20, seed=1))
    scene = Surfaces(learners)
    scene.update(learners, x, y, points("moons", 20, seed=1))
    return scene


SCENES = {
    "curves": lambda: Curves(
        [Shown.of("srelu", t=1.3), Shown.of("hardshrink")], View(L=2.0, deviation=0.7)
    ),
    "without a second derivative": lambda: Curves([Shown.of("apec")], View(second=False)),
    "regions": lambda: preactivations.Regions(start()),
    "surfaces": surfaces,
    "signal": lambda: SignalMaps(Layer(afnlab.get_activation("tanh"), 1.5, 0.1)),
}


def blocks(scene: Scene) -> Iterator[np.ndarray]:
    """What a browser reads from the numbers."""
    data = scene.numbers()
    count, *_ = np.frombuffer(data, "<u4", 1)
    sizes = np.frombuffer(data, "<u4", count, offset=4)
    at = 4 + 4 * len(sizes)
    for size in sizes:
        yield np.frombuffer(data, "<f4", size, offset=at)
        at += 4 * size
    assert at == len(data)


def sent(scene: Scene) -> list[list[tuple[dict, list[np.ndarray]]]]:
    """Each panel's parts with the numbers that a browser draws of them."""
    found, left = [], blocks(scene)
    for panel in scene.panels():
        x = next(left) if any(part["reads"] for part in panel["parts"]) else None
        found.append([])
        for part in panel["parts"]:
            both = part["kind"] in ("path", "area")
            numbers = [next(left), next(left)] if both else [next(left)]
            found[-1].append((part, [x, *numbers] if part["reads"] else numbers))
    assert not list(left)
    return found


@pytest.mark.parametrize("name", SCENES)
def test_the_browser_draws_the_numbers_of_the_figure(name):
    scene = SCENES[name]()
    json.dumps(scene.panels())
    drawn = 0
    for ax, parts in zip(scene.figure.axes, sent(scene), strict=True):
        lines = {to_hex(line.get_color()): [] for line in ax.lines}
        for line in ax.lines:
            lines[to_hex(line.get_color())].append(np.float32(line.get_data()))
        for part, numbers in parts:
            if part["kind"] in ("curve", "path"):
                same = (
                    np.array_equal(numbers, own, equal_nan=True) for own in lines[part["colour"]]
                )
                assert any(same), part
                drawn += 1
            elif part["kind"] == "bars":
                x, heights = numbers
                bars = [p.get_data() for p in ax.patches if isinstance(p, StepPatch)]
                assert any(np.array_equal(heights, np.float32(one.values)) for one in bars)
                np.testing.assert_allclose(x, (bars[0].edges[1:] + bars[0].edges[:-1]) / 2, 1e-6)
            elif part["kind"] == "surface":
                np.testing.assert_array_equal(
                    numbers[0].reshape(GRID, GRID), ax.images[0].get_array()
                )
                np.testing.assert_allclose(
                    np.reshape(part["palette"], (256, 4)) / 255, SHADES.colors, atol=0.005
                )
    assert drawn >= 2


@pytest.mark.parametrize("name", ["srelu", "gelu", "hardshrink", "apec"])
def test_curves_are_sent_to_float32_as_the_function_has_them(name):
    f = afnlab.get_activation(name)
    (left, right) = sent(Curves([Shown.of(name)], View(x=(-3, 4))))
    found = {part["reads"]: numbers for part, numbers in (*left, *right) if part["reads"]}
    assert list(found) == ["f", "f'", "f''"]
    x = torch.linspace(-3, 4, 801, dtype=torch.float64)
    for (own, y), exact in zip(found.values(), derivatives(f, x, 2), strict=True):
        np.testing.assert_allclose(own, x.numpy(), rtol=1e-6, atol=1e-6)
        shown = np.isfinite(y)  # a jump is a gap
        assert shown.sum() >= 799
        np.testing.assert_allclose(y[shown], exact.numpy()[shown], rtol=1e-6, atol=1e-7)


def test_what_is_looked_at_closely_has_as_many_points_as_all():
    shown = [Shown.of("srelu")]
    scene = Curves(shown, View(near=(1.0, 1.01)))
    x, y = lines_of(scene)["f"]
    assert ((x >= 1) & (x <= 1.01)).sum() >= 801
    assert (np.diff(x) > 0).all()
    np.testing.assert_array_equal(y, afnlab.functional.srelu(torch.tensor(x)).numpy())
    scene.update(shown, View())
    assert scene.numbers() == Curves(shown).numbers()
    outside = Curves(shown, View(near=(-9.0, 9.0)))
    assert lines_of(outside)["f"][0][[0, -1]].tolist() == [-5, 5]


def test_what_the_legend_and_the_crosshair_name():
    scene = Curves([Shown.of("srelu"), Shown.of("gelu")], View(second=False))
    named = [[(p["label"], p["reads"]) for p, _ in parts if p["reads"]] for parts in sent(scene)]
    assert named == [[("srelu", "f"), ("gelu", "f")], [("srelu", "f'"), ("gelu", "f'")]]
    left, right = scene.panels()
    assert left["group"] == right["group"]  # one x, and one crosshair
    groups = [panel["group"] for panel in SCENES["signal"]().panels()]
    assert groups == [0, 1, 2, 3, 3, 3]


def test_what_is_too_large_for_float32_is_infinite():
    scene = Curves([Shown.of("relu_squared")], View(x=(-1e30, 1e30)))
    part, (_, y) = sent(scene)[0][0]
    assert part["reads"] == "f"
    assert np.isinf(y).any()


def lines_of(scene: Curves, i: int = 0) -> dict:
    return {name: np.array(line.get_data()) for name, line in scene.lines[i].items()}


def test_static_figures():
    assert len(decision_surface.learned(["relu", "tanh"], "moons", steps=5).axes) == 6
    assert len(function_overlay.overlay(["srelu", "gelu"]).axes) == 2
