"""The explorer as an object: values, ranges, callbacks, one frame an event. No browser here."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest
import torch

import afnlab
from afnlab.figures.style import COLOURS
from afnlab.live.function_overlay import Curves
from afnlab.widgets import explore, playground
from afnlab.widgets.activation_card import code
from afnlab.widgets.elements import Dial

ELEMENTWISE = [n for n in afnlab.list_activations() if afnlab.get_activation(n).elementwise]
free = {
    name: {n: p for n, p in afnlab.get_activation(name).params.items() if not p.fixed}
    for name in ELEMENTWISE
}


def frames_of(widget: Any) -> list[int]:
    """Collects the number of every frame that is shown from now on."""
    found: list[int] = []
    widget.screen.observe(lambda change: found.append(change.new), "number")
    return found


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_slider_for_each_parameter(name):
    widget = explore(name)
    (card,) = widget.cards
    assert list(card.dials) == list(free[name])
    for parameter, p in free[name].items():
        slider = card.dials[parameter].slider
        assert (slider.description, slider.value) == (parameter, p.default)
        assert (slider.min, slider.max) == (p.low, p.high)
        assert (p.high - p.low) / slider.step >= 50


def test_all_sliders_stand_next_to_the_curves():
    """Above them what is seen, below what is read: texts of one between would push others away."""
    widget = explore("srelu", "gelu", "apec", "pilu")
    at = widget.children.index
    assert at(widget.shelf) == at(widget.screen) + 1
    assert at(widget.about) == at(widget.shelf) + 1
    ours = [one.layout.grid_template_columns for one in (widget.shelf, widget.about)]
    assert ours[0] == ours[1]  # what is read of one stands below its sliders
    assert ours[0]
    for card in widget.cards:
        assert card.children[1:] == tuple(card.dials.values())
        assert card.code in card.about.children
    widget.cards[0].close_button.click()
    assert widget.about.children == tuple(card.about for card in widget.cards)


def test_one_frame_an_event():
    widget = explore("srelu", "pilu")
    frames, dials = frames_of(widget), widget.cards[0].dials | widget.cards[1].dials
    for count, (name, one) in enumerate(dials.items(), 1):
        before = widget.screen.numbers
        one.slider.value += 5 * one.slider.step
        assert frames[-1:] == [count + 1], name
        assert len(frames) == count
        assert widget.screen.numbers != before
    assert not widget.message.value
    for control, value in (
        (widget.controls.zoom, 2.0),
        (widget.controls.range, (-3, 4)),
        (widget.controls.second, False),
    ):
        control.value = value
        assert len(frames) == (count := count + 1)
    widget.reset()
    assert len(frames) == count + 1


@pytest.mark.slow
def test_many_moves():
    widget = explore("srelu", "gelu")
    slider, scene = widget.cards[0].dials["t"].slider, widget.scene
    figure, artists = scene.figure, len(scene.figure.findobj())

    def move(times: int) -> None:
        for i in range(times):
            slider.value = 0.5 + (i % 400) / 100

    move(20)
    tracemalloc.start()
    try:
        move(20)
        gc.collect()  # of cycles it is not known when they go
        before = tracemalloc.get_traced_memory()[0]
        move(100)
        slider.value = 1.7
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 300_000  # bytes; a frame is 40,000
    assert widget.scene is scene
    assert scene.figure is figure
    assert len(figure.findobj()) == artists
    shown = [card.shown for card in widget.cards]
    assert shown[0].params == {"t": 1.7}
    assert widget.screen.numbers == Curves(shown, widget.view).numbers()


def test_a_box_takes_what_is_allowed_and_answers_what_is_not():
    widget = explore("srelu")
    one = widget.cards[0].dials["t"]
    one.box.value = 25.0  # beyond the slider's range, within the domain
    assert (one.value, one.slider.value, one.slider.max) == (25.0, 10.0, 10.0)
    frames = frames_of(widget)
    one.box.value = -3.0
    assert "srelu: t must be &gt; 0, got -3" in widget.message.value
    assert 'role="alert"' in widget.message.value
    assert (one.value, one.box.value, frames) == (25.0, 25.0, [])
    one.box.value = 1.5
    assert not widget.message.value
    assert len(frames) == 1


def test_a_slider_that_the_browser_moves_to_its_nearest_step_changes_nothing():
    one = Dial("x", 0.333, 0.0, 1.0, step=0.1)
    one.slider.value = 0.3
    assert one.value == 0.333
    one.slider.value = 0.30000000000000004 + 0.1
    assert one.value == 0.4


def test_activations_come_and_go():
    widget = explore("relu")
    frames = frames_of(widget)
    widget.add_box.value = "gelu"
    assert [card.record.name for card in widget.cards] == ["relu", "gelu"]
    assert widget.add_box.value == ""
    widget.cards[0].close_button.click()
    assert [card.record.name for card in widget.cards] == ["gelu"]
    assert widget.cards[0].colour == COLOURS[1]
    widget.add_box.value = "tanh"
    assert widget.cards[1].colour == COLOURS[0]
    assert len(frames) == 3
    colours = [lines["f"].get_color() for lines in widget.scene.lines]
    assert colours == [card.colour for card in widget.cards]
    for card in list(widget.cards):
        card.close_button.click()
    assert widget.screen.layout.display == "none"
    widget.reset()
    widget.fit()
    widget.add_box.value = "elu"
    assert widget.screen.layout.display is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nope", "unknown activation"),
        ("reluu", "did you mean &#x27;relu&#x27;"),
        ("softmin", "is not elementwise"),
        ("srelu", "srelu is shown already"),
        ("nowhere.py:f", "nowhere.py"),
    ],
)
def test_an_activation_that_cannot_be_added_is_answered(given, message):
    widget = explore("srelu")
    widget.add_box.value = given
    assert message in widget.message.value
    assert len(widget.cards) == 1
    widget.add_box.value = "elu"
    assert not widget.message.value


def test_at_most_six():
    widget = explore(*ELEMENTWISE[:6])
    widget.add_box.value = ELEMENTWISE[7]
    assert "at most 6 at once" in widget.message.value
    with pytest.raises(ValueError, match="at most 6, got 7"):
        explore(*ELEMENTWISE[:7])


def test_my_own(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from afnlab import Param, activation\n\n\n"
        "@activation(w=Param(1.0))\ndef wave(x, w):\n    return (w * x).sin()\n"
    )
    widget = explore(f"{file}:wave")
    (card,) = widget.cards
    slider = card.dials["w"].slider
    assert (slider.min, slider.max) == (-4, 6)  # a Param without a range
    made = eval(code(card.record, {"w": 2.5}), {"afnlab": afnlab})
    assert float(made(torch.ones(()))) == pytest.approx(0.598472, abs=1e-6)


OWN = """
import torch
from afnlab import Param, activation

@activation()
def typo(x):
    return x * alpha

@activation(a=Param(1.0, low=0.1, high=3.0))
def late(x, a):
    if a > 2:
        raise RuntimeError("singular")
    return x / a

@activation()
def nowhere(x):
    return (-1 - x * x).log()
"""


@pytest.fixture
def own(tmp_path):
    """A file of activations with mistakes."""
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    return file


def test_what_my_own_raises_is_said(own):
    widget = explore("relu")
    widget.add_box.value = f"{own}:typo"
    assert "NameError: name &#x27;alpha&#x27; is not defined (mine.py, line 7)" in (
        widget.message.value
    )
    assert [card.record.name for card in widget.cards] == ["relu"]
    widget.add_box.value = f"{own}:late"
    dial, frames = widget.cards[1].dials["a"], frames_of(widget)
    dial.value = 2.5
    assert "RuntimeError: singular (mine.py, line 12)" in widget.message.value
    dial.value = 1.5
    assert not widget.message.value
    assert len(frames) == 1
    widget.add_box.value = f"{own}:nowhere"  # no value is a number
    assert len(widget.cards) == 3
    field = playground("tanh")
    field.models[0].activation.value = f"{own}:typo"
    assert "NameError" in field.message.value
    field.models[0].activation.value = f"{own}:late"
    assert field.scene.planes[0].get_title(loc="left") == "mine.py:late"
    assert "mine.py:late:" in (field.one_step() or field.status.value)
    assert str(own.parent) not in field.status.value


def test_an_edited_file_takes_the_place_of_what_it_was(own):
    widget = explore("relu", f"{own}:late", "tanh")
    colour = widget.cards[1].colour
    own.write_text(OWN.replace("x / a", "x * a"))
    widget.add_box.value = f"{own}:late"
    assert [card.record.name for card in widget.cards] == ["relu", "late", "tanh"]
    assert widget.cards[1].colour == colour
    widget.cards[1].dials["a"].value = 2.0
    assert widget.scene.lines[1]["f"].get_ydata()[-1] == 10
    widget.add_box.value = f"{own}:late"
    assert "is shown already" in widget.message.value


def test_the_view():
    widget = explore("tanh")
    assert widget.controls.region.value == 2.0  # as suggested
    assert explore("relu").controls.region.value == 0.0
    low, high = widget.scene.left.get_ylim()
    widget.controls.zoom.value = 2.0
    near = widget.scene.left.get_ylim()
    assert near[1] - near[0] == pytest.approx((high - low) / 2)
    widget.controls.range.value = (-1.0, 2.0)
    assert widget.scene.left.get_xlim() == (-1.0, 2.0)
    widget.controls.range.value = (1.0, 1.0)
    assert "inputs x must span" in widget.message.value
    assert widget.scene.left.get_xlim() == (-1.0, 2.0)
    widget.controls.deviation.box.value = 0.0
    assert "deviation of z must be a number from 0 to 50, but not 0" in widget.message.value
    widget.reset()
    assert widget.scene.left.get_xlim() == (-5.0, 5.0)
    assert widget.scene.left.get_ylim() == (low, high)


def test_what_the_browser_zooms_into_is_drawn_with_more_points():
    widget = explore("srelu")
    before = widget.screen.numbers
    widget.screen._handle_custom_msg({"kind": "zoom", "x": [0.5, 0.75]}, [])
    x = widget.scene.lines[0]["f"].get_xdata()
    assert ((x >= 0.5) & (x <= 0.75)).sum() > 800
    widget.cards[0].dials["t"].value = 1.0  # and so while a slider moves
    assert len(widget.scene.lines[0]["f"].get_xdata()) == len(x)
    widget.reset()
    widget.screen._handle_custom_msg({"kind": "zoom", "x": None}, [])
    assert widget.screen.numbers == before


def test_fit_and_reset():
    widget = explore("pilu")
    widget.cards[0].dials["alpha"].value = 3.0
    before = widget.scene.left.get_ylim()
    widget.fit()
    assert widget.scene.left.get_ylim()[1] > before[1]
    widget.reset()
    assert widget.scene.left.get_ylim() == before
    assert widget.cards[0].params == {n: p.default for n, p in free["pilu"].items()}


def test_saving():
    widget = explore("srelu", "gelu")
    sent: list = []
    widget.screen.send = lambda content, buffers: sent.append((content, buffers))
    for kind, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        before = widget.screen.numbers
        widget.save(kind)
        content, (data,) = sent.pop()
        assert content["name"] == f"srelu-gelu.{kind}"
        assert data.startswith(start)
        assert widget.screen.numbers == before
