"""Figures that move: what a frame shows is what the figure shows."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

import afnlab
from afnlab.figures.style import BLUE
from afnlab.functions import profile
from afnlab.live import decision_surface, function_overlay, preactivations
from afnlab.live.decision_surface import GRID, LEAST_LOSS, Surfaces, shades, smoothed
from afnlab.live.function_overlay import Curves, Shown, View, fitting
from afnlab.live.scene import to_png
from afnlab.training.learner import Learner, Setup
from afnlab.training.plane import points

ELEMENTWISE = [n for n in afnlab.list_activations() if afnlab.get_activation(n).elementwise]
LIGHT, DARK = 255, 17


def decoded(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (64, 33)])
def test_a_png_holds_the_same_pixels(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 4), dtype=np.uint8)
    assert (decoded(to_png(pixels)) == pixels).all()


def as_saved(scene) -> np.ndarray:
    """The scene's figure as matplotlib saves it, without any blitting."""
    buffer = io.BytesIO()
    scene.figure.savefig(buffer, format="png", dpi=scene.figure.dpi)
    return decoded(buffer.getvalue())


def on(paper: int, pixels: np.ndarray) -> np.ndarray:
    alpha = pixels[..., 3:] / 255
    return pixels[..., :3] * alpha + paper * (1 - alpha)


def scenes() -> dict:
    x, y = points("moons", 60)
    learner = Learner(Setup("tanh", hidden=(6, 4)))
    for _ in range(40):
        learner.step(x, y)
    plane = Surfaces([learner])
    plane.update([learner], x, y)
    start = preactivations.Start(afnlab.get_task("digits-arp"), afnlab.get_activation("tanh"), 2.0)
    shown = [Shown.of("srelu", t=1.3), Shown.of("hardshrink")]
    return {
        "curves": Curves(shown, View(L=2.0, deviation=0.7)),
        "regions": preactivations.Regions(start),
        "surfaces": plane,
    }


@pytest.mark.parametrize("name", ["curves", "regions", "surfaces"])
def test_a_frame_shows_what_the_figure_shows(name):
    scene = scenes()[name]
    frame, saved = decoded(scene.png()), as_saved(scene)
    assert frame.shape == saved.shape == (*scene.size[::-1], 4)
    for paper in (LIGHT, DARK):
        # Moving artists lie above the ticks and the grid in a frame, and among them when saved.
        away = np.abs(on(paper, frame) - on(paper, saved)).max(axis=2)
        assert (away > 60).mean() < 0.004
        assert away.mean() < 0.6
    assert frame[..., 3].min() == 0  # transparent: the page's own colour shows through
    assert (decoded(scene.png()) == frame).all()
    double = decoded(scene.png(2.0))
    assert double.shape == (2 * frame.shape[0], 2 * frame.shape[1], 4)
    assert (decoded(scene.png(1.0)) == frame).all()


def test_an_update_is_what_a_new_figure_shows():
    moved = Curves([Shown.of("srelu"), Shown.of("gelu")])
    for t in (0.4, 3.0, 1.25):
        moved.update([Shown.of("srelu", t=t), Shown.of("gelu")], View(deviation=t))
    moved.update([Shown.of("srelu", t=0.7), Shown.of("gelu")], View(x=(-2, 3), second=False, L=1.0))
    final = View(x=(-4, 4), y=(-1, 2), slopes=(-1, 2))
    last = [Shown.of("srelu", t=2.0), Shown.of("gelu")]
    moved.update(last, final)
    assert moved.png() == Curves(last, final).png()


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
    assert scene.png().startswith(b"\x89PNG")


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
    assert image.shape == (GRID, GRID, 4)
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


def test_a_place_on_the_figure_is_a_point_of_the_plane():
    learner = Learner(Setup("relu", hidden=(4,), low=0.0, high=10.0))
    scene = Surfaces([learner, learner])
    for ax in scene.planes:
        for point in ((0.5, 9.0), (7.25, 2.5)):
            at = scene.figure.transFigure.inverted().transform(ax.transData.transform(point))
            assert scene.place(at[0], 1 - at[1]) == pytest.approx(point)
    assert scene.place(0.001, 0.001) is None


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
