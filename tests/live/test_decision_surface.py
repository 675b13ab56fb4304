"""Decision surfaces and losses of networks that learn points."""

from __future__ import annotations

import numpy as np
import pytest

from afnlab.figures.style import BLUE, ORANGE
from afnlab.live.decision_surface import GRID, LEAST_LOSS, Surfaces, shades, smoothed
from afnlab.training.learner import Learner, Setup
from afnlab.training.plane import points


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
