"""The widgets as objects: values, ranges, callbacks, one frame an event. No browser here."""

from __future__ import annotations

import asyncio
import tracemalloc
from html import escape
from typing import Any

import pandas as pd
import pytest
import torch

import afnlab
from afnlab.figures.style import COLOURS
from afnlab.live.function_overlay import Curves
from afnlab.widgets import RotationExplorer, explore, learned_replay, playground
from afnlab.widgets.activation_card import code
from afnlab.widgets.elements import AtRest, Dial, handy_step, within
from afnlab.widgets.model_controls import widths
from tests.runs.test_runs import means

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
def test_a_thousand_moves():
    widget = explore("srelu", "gelu")
    slider, scene = widget.cards[0].dials["t"].slider, widget.scene
    figure, artists = scene.figure, len(scene.figure.findobj())

    def move(times: int) -> None:
        for i in range(times):
            slider.value = 0.5 + (i % 400) / 100

    move(100)
    tracemalloc.start()
    try:
        move(100)
        before = tracemalloc.get_traced_memory()[0]
        move(800)
        slider.value = 1.7
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


@pytest.mark.parametrize(
    ("value", "low", "high", "step"),
    [
        (2.21, 0.05, 10, 0.02),
        (1, 0, 2, 0.01),
        (-1.375, -2.5, -0.25, 0.005),
        (0.1234567, 0, 1, 0.01),
    ],
)
def test_handy_step(value, low, high, step):
    assert handy_step(value, low, high) == pytest.approx(step)


def test_within():
    check = within("z", 0, 2, but=0)
    assert check(1.5) == 1.5
    for bad in (0, -1, 2.1, float("nan")):
        with pytest.raises(ValueError, match="z must be a number from 0 to 2, but not 0; got"):
            check(bad)


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


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_line_of_code_makes_the_module(name):
    widget = explore(name)
    (card,) = widget.cards
    for one in card.dials.values():
        one.slider.value += 3 * one.slider.step
    text = code(card.record, card.params)
    assert text in card.code.value
    module = eval(text, {"afnlab": afnlab})
    x = torch.linspace(-3, 3, 13)
    expected = card.record(x, **card.params)
    torch.testing.assert_close(module.eval()(x).detach(), expected)


def test_the_first_line_of_code():
    card = explore("srelu").cards[0]
    assert ">afnlab.nn.SReLU()<" in card.code.value
    card.dials["t"].value = 1.7
    assert ">afnlab.nn.SReLU(t=1.7)<" in card.code.value


def test_formula_reference_and_facts():
    card = explore("relu").cards[0]
    assert r"\max(0, x)" in card.children[1].value
    assert "Nair and Hinton 2010" in card.head.value
    assert "&sup2;: 0.50" in card.facts.value
    widget = explore("tanh")
    before = widget.cards[0].facts.value
    widget.controls.deviation.value = 3.0
    assert widget.cards[0].facts.value != before


@pytest.mark.parametrize(
    ("name", "deviation", "said"),
    [
        ("relu", 2.0, ["variance, 4:", "= 1.000; the variance is neutral"]),
        ("gelu", 1.0, ["= 1.072; the variance is unstable (dq&prime;/dq = 1.144)"]),
        ("tanh", 1.0, ["= 1.178; the variance is stable (dq&prime;/dq = 0.461)"]),
        ("tanh", 3.0, ["variance, 9:", "= 2.104; the variance is stable"]),
        ("hardshrink", 1.0, ["= infinite, since it jumps"]),
    ],
)
def test_what_an_activation_does_to_a_signal(name, deviation, said):
    widget = explore(name)
    widget.controls.deviation.value = deviation
    for text in said:
        assert text in widget.cards[0].theory.value


def test_what_takes_long_waits_until_the_sliders_rest(monkeypatch):
    called: list[int] = []

    async def moving() -> None:
        loop, passed = asyncio.get_running_loop(), 0.0
        begun = loop.time()
        monkeypatch.setattr(loop, "time", lambda: begun + passed)

        async def rest(seconds: float) -> None:
            nonlocal passed
            passed += seconds
            for _ in range(3):  # turns of the loop: one is due, and then called
                await asyncio.sleep(0)

        act = AtRest(lambda: called.append(1))
        for _ in range(5):
            act()
            await rest(0.9 * AtRest.DELAY)
        assert not called
        await rest(0.2 * AtRest.DELAY)
        assert len(called) == 1
        act()
        await rest(1.1 * AtRest.DELAY)

    asyncio.run(moving())
    assert len(called) == 2


@pytest.mark.parametrize(
    ("name", "pieces"),
    [("srelu", 1), ("plu", 1), ("elu", 2), ("pilu", 2), ("xielu", 2), ("threshold", 2)],
)
def test_a_formula_may_go_on_in_another_line_after_each_case(name, pieces):
    shown = explore(name).cards[0].children[1].value
    assert shown.count("$") == 2 * pieces
    assert all(piece.count("{") == piece.count("}") for piece in shown.split("$"))
    for case in afnlab.get_activation(name).latex.split(",\\quad "):
        assert escape(case) in shown


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


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    spec = afnlab.runs.RunSpec.make(
        "train",
        {"task": "digits-mlp", "activation": "prelu", "seeds": 2, "epochs": 2}
        | {"limit_train": 100, "record": ["parameters"]},
    )
    made = afnlab.runs.execute(spec, folder, means())
    fixed = afnlab.runs.RunSpec.make("train", spec.parameters | {"activation": "srelu"})
    afnlab.runs.execute(fixed, folder, means())  # which learns nothing, and so is not to be played
    return folder, pd.read_parquet(made / learned_replay.TABLE)


def test_learned_parameters_are_played(runs):
    folder, table = runs
    widget = explore("prelu", "relu", "srelu", runs=str(folder))
    player = widget.replay
    player.load()
    assert not player.message.value
    assert [label.split(",")[0] for label, _ in player.run.options] == ["prelu"]
    assert player.epoch.max == 2
    frames = frames_of(widget)
    player.site.value, player.seed.value = "3", 1
    player.epoch.value = 2
    expected = table[(table.site == "3") & (table.seed == 1) & (table.epoch == 2)].value.item()
    assert widget.cards[0].params == {"weight": pytest.approx(expected)}
    assert len(frames) >= 1
    player.seed.value = "mean"
    mean = table[(table.site == "3") & (table.epoch == 2)].value.mean()
    assert widget.cards[0].params == {"weight": pytest.approx(mean)}
    widget.remove(widget.cards[0])
    player.epoch.value = 1
    assert "prelu is no longer on the figure" in player.message.value


def test_runs_that_cannot_be_played(runs, tmp_path):
    player = explore("relu", runs=str(runs[0])).replay
    player.load()
    assert "add one of these activations first: prelu" in player.message.value
    player.folder.value = str(tmp_path / "nowhere")
    player.load()
    assert "no such folder of runs" in player.message.value
    player.folder.value = str(tmp_path)
    player.load()
    assert "holds no run with learned parameters" in player.message.value


def test_another_run_is_played_whose_seeds_are_fewer(tmp_path, monkeypatch):
    records = []
    for name, sites, seeds in (("many", "02", 5), ("few", "13", 2)):
        columns = {"parameter": "t", "index": 0, "value": 1.5}
        index = pd.MultiIndex.from_product(
            [list(sites), range(seeds), range(3)], names=["site", "seed", "epoch"]
        )
        (tmp_path / name).mkdir()
        index.to_frame(index=False).assign(**columns).to_parquet(
            tmp_path / name / learned_replay.TABLE
        )
        told = {"activation": "srelu", "label": "srelu", "task": "mine", "epochs": 2, "options": {}}
        records.append({"id": name, "parameters": told, "files": {learned_replay.TABLE: {}}})
    monkeypatch.setattr(learned_replay.runs_folder, "records", lambda folder: records)
    player = explore("srelu", runs=str(tmp_path)).replay
    player.load()
    player.site.value, player.seed.value = "2", 4
    player.run.index = 1
    assert not player.message.value
    assert (player.site.value, player.seed.value) == ("1", "mean")
    assert player.seed.options == ("mean", 0, 1)


def test_learned():
    table = pd.DataFrame(
        {
            "seed": [0, 0, 1, 1],
            "epoch": [0, 1, 0, 1],
            "site": "1",
            "parameter": "a",
            "index": 0,
            "value": [1.0, 2.0, 3.0, 6.0],
        }
    )
    assert learned_replay.learned(table, "1", 1).a.tolist() == [3.0, 6.0]
    assert learned_replay.learned(table, "1", "mean").a.tolist() == [2.0, 4.0]


# The Auto-Rotating layers.


def test_rotation():
    widget = RotationExplorer("digits-arp", "sigmoid")
    assert widget.dials["L"].value == 4.0
    assert widget.dials["x_q"].value == 2.0  # twice the upper limit of its inputs, minus the lower
    frames, first = frames_of(widget), widget.screen.numbers
    for step, (name, value) in enumerate((("L", 2.0), ("x_q", 1.0), ("L", 4.0), ("x_q", 2.0)), 1):
        widget.dials[name].value = value
        assert len(frames) == step
    assert widget.screen.numbers == first
    widget.depth.value = 3
    assert len(widget.scene.bars) == 3
    widget.dials["L"].box.value = 0.0
    assert "L must be a number from 0 to 50, but not 0" in widget.message.value
    assert widget.dials["L"].value == 4.0


def test_rotation_of_one_with_parameters():
    widget = RotationExplorer("digits-arp", "plu", 3.0)
    before = widget.screen.numbers
    widget.own["c"].value = 2.0
    assert widget.screen.numbers != before
    with pytest.raises(ValueError, match="does not saturate"):
        RotationExplorer("digits-arp", "relu")


# The playground.


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


async def watched(widget, seconds: float = 60.0, frames: int = 6) -> None:
    """Wait for so many frames, as a browser that shows each."""
    loop, end = asyncio.get_running_loop(), widget.screen.number + frames
    until = loop.time() + seconds
    while widget.screen.number < end and loop.time() < until:
        widget.screen.seen = widget.screen.number
        await asyncio.sleep(0.002)


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
