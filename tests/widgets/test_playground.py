"""The playground: two networks that learn points step by step."""

from __future__ import annotations

import asyncio

import pytest
import torch

from afnlab.widgets import playground
from afnlab.widgets.model_controls import widths
from tests.widgets.test_explorer import frames_of


async def watched(widget, seconds: float = 60.0, frames: int = 6) -> None:
    """Wait for so many frames, as a browser that shows each."""
    loop, end = asyncio.get_running_loop(), widget.screen.number + frames
    until = loop.time() + seconds
    while widget.screen.number < end and loop.time() < until:
        widget.screen.seen = widget.screen.number
        await asyncio.sleep(0.002)


def test_a_step_trains_both_networks():
    widget = playground("srelu", "tanh", shape="moons")
    frames = frames_of(widget)
    widget.one_step()
    assert [learner.steps for learner in widget.learners] == [1, 1]
    assert len(frames) == 1
    assert "step 1" in widget.status.value
    assert "tanh:" in widget.status.value


def test_two_networks_meet_the_same_start_and_batches():
    widget = playground("tanh", "tanh")
    for _ in range(5):
        widget.one_step()
    one, other = widget.learners
    assert one.losses == other.losses


def test_playing_does_not_block():
    widget = playground("srelu")

    async def scene() -> None:
        widget.toggle()
        assert widget.play_button.description == "Pause"
        await watched(widget)
        steps = widget.learners[0].steps
        assert steps >= 5
        widget.training.lr.value = 0.02  # answered while it plays, and it plays on
        await watched(widget)
        assert widget.learners[0].setup.lr == 0.02
        assert widget.learners[0].steps > steps
        widget.reset()
        assert widget.learners[0].steps == 0
        await watched(widget)
        assert widget.learners[0].steps > 0
        widget.toggle()
        assert widget.turns.task is None
        number = widget.screen.number
        await asyncio.sleep(0.2)
        assert widget.screen.number == number

    asyncio.run(scene())


def test_it_waits_for_the_browser_and_pauses_without_one(monkeypatch):
    monkeypatch.setattr("afnlab.widgets.animation.PATIENCE", 0.2)
    widget = playground("srelu")

    async def scene() -> None:
        widget.screen.seen = number = widget.screen.number
        widget.play()
        task = widget.turns.task
        await asyncio.wait_for(task, 60)
        assert widget.screen.number <= number + 2  # no more than one on its way

    asyncio.run(scene())
    assert "paused: no browser shows this" in widget.message.value
    assert widget.play_button.description == "Play"


def test_playing_needs_a_kernel():
    widget = playground("srelu")
    widget.play()
    assert "needs a running kernel" in widget.message.value


def click(widget, point: tuple[float, float], other: bool = False) -> None:
    content = {"kind": "click", "x": point[0], "y": point[1], "other": other}
    widget.screen._handle_custom_msg(content, [])


def test_clicked_points_are_learned():
    widget = playground("tanh", shape="my own points")
    widget.one_step()
    assert "there are no points" in widget.message.value
    for i in range(6):
        click(widget, (-0.8 + 0.1 * i, 0.5))
        click(widget, (-0.8 + 0.1 * i, -0.5), other=True)
    widget.points.mark.value = 1
    click(widget, (0.5, 0.25))
    torch.testing.assert_close(widget.points.x[-1], torch.tensor([0.5, 0.25]))
    assert widget.points.y.tolist() == [0, 1] * 6 + [1]
    for _ in range(200):
        widget.learners[0].step(widget.points.x, widget.points.y)
    assert widget.learners[0].scores(widget.points.x, widget.points.y)[0] == 1
    widget.points.clear()
    assert len(widget.points.x) == 0


def test_the_points_follow_their_controls():
    widget = playground("tanh", shape="circles")
    before, frames = widget.points.x, frames_of(widget)
    widget.points.noise.value = 0.2
    assert not torch.equal(widget.points.x, before)
    widget.points.shape.value = "xor"
    assert len(frames) == 2
    assert len(widget.points.x) == 400


def test_the_preset_is_the_demo():
    widget = playground("srelu", "tanh")
    widget.preset.value = "convnetjs-extras demo"
    (setup,) = widget.setups()
    assert setup.hidden == (16, 7, 7, 7)
    rates = (setup.activation.name, setup.lr, setup.momentum, setup.batch, setup.l2)
    assert rates == ("leaky_relu", 0.01, 0.1, 10, 0.001)
    assert widget.learners[0].setup == setup
    assert (widget.points.x.min() > -2, widget.points.x.max() < 12, widget.points.x.max() > 8) == (
        True,
    ) * 3
    assert playground("leaky_relu", preset="convnetjs-extras demo").setups() == [setup]


def test_what_is_changed_makes_new_networks_or_new_rates():
    widget = playground("tanh")
    widget.one_step()
    widget.training.momentum.value = 0.5
    assert (widget.learners[0].steps, widget.learners[0].setup.momentum) == (1, 0.5)
    widget.training.width.value = 7
    assert widget.training.hidden.value == "7, 7, 7"
    assert widget.learners[0].setup.hidden == (7, 7, 7)
    widget.training.depth.value = 2
    widget.training.hidden.value = "5 4"
    assert widget.learners[0].setup.hidden == (5, 4)
    widget.models[0].auto_rot.value = True
    assert widget.learners[0].setup.auto_rot
    widget.models[0].L.value = 3.0
    assert widget.learners[0].setup.L == 3.0
    widget.both.value = True
    assert len(widget.learners) == len(widget.scene.planes) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: setattr(w.models[0].activation, "value", "nope"), "unknown activation"),
        (lambda w: setattr(w.training.hidden, "value", "3, x"), "hidden layers must be 1 to 8"),
        (lambda w: setattr(w.training.momentum.box, "value", 1.5), "momentum must be a number"),
        (
            lambda w: setattr(w.points.noise.box, "value", -1.0),
            "noise must be a number from 0 to 2",
        ),
        (
            lambda w: setattr(w.models[0].activation, "value", "softmin"),
            "softmin: a gain is defined for elementwise",
        ),
    ],
)
def test_what_cannot_be_is_answered_in_the_widget(change, message):
    widget = playground("tanh")
    learners = widget.learners
    change(widget)
    assert message in widget.message.value
    assert widget.learners is learners
    widget.one_step()
    assert learners[0].steps == 1


def test_auto_rotation_of_what_does_not_saturate_is_answered():
    widget = playground("relu")
    widget.models[0].auto_rot.value = True
    assert "does not saturate" in widget.message.value
    widget.models[0].L.value = 2.0
    assert not widget.message.value
    assert widget.learners[0].setup.auto_rot


def test_divergence_is_told():
    widget = playground("relu")
    for learner in widget.learners:
        learner.losses.append(float("nan"))
    widget.one_step()
    assert "diverged" in widget.message.value


@pytest.mark.parametrize("text", ["", "0", "200", "a", "1.5", "3,-1", "1 2 3 4 5 6 7 8 9"])
def test_bad_widths(text):
    with pytest.raises(ValueError, match="hidden layers must be 1 to 8 widths from 1 to 128"):
        widths(text)


def test_widths():
    assert widths("32, 32") == widths(" 32 32 ") == (32, 32)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shape": "moon"}, "unknown shape 'moon'"),
        ({"preset": "x"}, "unknown preset 'x'"),
    ],
)
def test_bad_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        playground("tanh", **given)
    with pytest.raises(ValueError, match="activations must be one or two, got 3"):
        playground("tanh", "relu", "elu")
