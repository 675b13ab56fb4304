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
from afnlab.figures.style import BLUE, ORANGE
from afnlab.functions import profile
from afnlab.live import decision_surface, function_overlay, preactivations
from afnlab.live.decision_surface import GRID, LEAST_LOSS, SHADES, Surfaces, shades, smoothed
from afnlab.live.function_overlay import Curves, Shown, View, fitting
from afnlab.live.scene import Scene
from afnlab.live.signal_maps import Layer, SignalMaps
from afnlab.training.learner import Learner, Setup
from afnlab.training.plane import points

ELEMENTWISE = [n for n in afnlab.list_activations() if afnlab.get_activation(n).elementwise]


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


def lines_of(scene: Curves, i: int = 0) -> dict:
    return {name: np.array(line.get_data()) for name, line in scene.lines[i].items()}


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


def test_slopes_under_a_normal_input():
    assert profile.slope_under(afnlab.get_activation("relu")) == pytest.approx((0.5, 0.5), abs=0.01)
    narrow, wide = (profile.slope_under(afnlab.get_activation("tanh"), s)[0] for s in (0.1, 3.0))
    assert narrow == pytest.approx(1, abs=0.03)
    assert wide < 0.25


def test_surfaces_show_the_networks():
    x, y = points("xor", 40)
    learner = Learner(Setup("relu", hidden=(8,)))
    scene = Surfaces([learner])
    scene.update([learner], x, y)
    marks = [line.get_xydata() for line in scene.marks[0]]
    assert [len(m) for m in marks] == [20, 20]
    np.testing.assert_allclose(marks[1], x[y == 1].numpy())
    image = np.asarray(scene.images[0].get_array())
    assert image.shape == (GRID, GRID)
    assert 0 <= image.min() < image.max() <= 1
    heights = scene.bars[0][0].get_data().values
    assert heights.sum() == pytest.approx(1, abs=0.05)


def test_shades_are_colours_by_class_and_sureness():
    made = shades(np.array([[0.0, 0.5, 1.0, np.nan]]))[0]
    blue = [int(BLUE[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    np.testing.assert_allclose(made[0, :3], blue)
    assert made[0, 3] == made[2, 3] > 0.5
    assert made[1, 3] == made[3, 3] == 0


def test_losses_are_smoothed():
    steps, means = smoothed([1.0] * 10 + [3.0] * 10 + [9.0] * 5)
    np.testing.assert_allclose(steps, [5, 15])
    np.testing.assert_allclose(means, [1, 3])
    assert len(smoothed([0.0] * 100_000)[0]) <= 300
    assert smoothed([0.0] * 10)[1][0] == LEAST_LOSS


def test_the_test_loss_is_drawn_beside_the_training_loss():
    x, y = points("moons", 60)
    test = points("moons", 40, seed=1)
    learners = [Learner(Setup(name, hidden=(6,))) for name in ("tanh", "relu")]
    scene = Surfaces(learners)
    for step in range(60):
        for one in learners:
            one.step(x, y)
            if step % 20 == 19:
                one.test(*test)
    scene.update(learners, x, y, test)
    for one, (training, tested) in zip(learners, scene.curves, strict=True):
        steps, means = training.get_data()
        np.testing.assert_allclose(means, smoothed(one.losses)[1])
        expected = np.interp(steps, [20, 40, 60], one.tests[1], np.nan, np.nan)
        np.testing.assert_array_equal(tested.get_data(), [steps, expected])
        assert one.tests[1][-1] == one.scores(*test)[1]
    colours = {line.get_color() for pair in scene.curves for line in pair}
    assert len(colours) == 2
    assert not colours & {BLUE, ORANGE}  # which are classes
    assert [len(line.get_xdata()) for line in scene.test_marks[1]] == [20, 20]


def test_a_network_that_has_stopped_leaves_a_gap():
    x, y = points("moons", 20)
    learners = [Learner(Setup("relu", hidden=(2,), batch=20)) for _ in range(2)]
    for count, one in zip((40, 20), learners, strict=True):
        for _ in range(count):
            one.step(x, y)
    scene = Surfaces(learners)
    (first, _), (second, tested) = scene.curves
    assert len(first.get_xdata()) == len(second.get_xdata()) == 4
    assert np.isnan(second.get_ydata()).tolist() == [False, False, True, True]
    assert np.isnan(tested.get_ydata()).all()


def test_the_axis_of_losses_grows():
    x, y = points("moons", 20)
    learner = Learner(Setup("relu", hidden=(2,), batch=20))
    scene = Surfaces([learner])
    for _ in range(201):
        learner.step(x, y)
    scene.update([learner], x, y)
    assert scene.loss.get_xlim()[1] == 402


def test_static_figures():
    assert len(decision_surface.learned(["relu", "tanh"], "moons", steps=5).axes) == 6
    assert len(function_overlay.overlay(["srelu", "gelu"]).axes) == 2
