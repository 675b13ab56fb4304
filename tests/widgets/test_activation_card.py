"""The card of an activation: its code, its formula, its facts."""

from __future__ import annotations

import asyncio
from html import escape

import pytest
import torch

import afnlab
from afnlab.widgets import explore
from afnlab.widgets.activation_card import code
from afnlab.widgets.elements import AtRest
from tests.widgets.test_explorer import ELEMENTWISE


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
    assert r"\max(0, x)" in card.formula.value
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


@pytest.mark.parametrize(
    ("name", "size", "variance"),
    [
        ("relu", "derivatives keep their size", "stays as far away"),
        ("gelu", "derivatives grow", "moves away"),
        ("tanh", "derivatives grow", "comes back to it"),
    ],
)
def test_what_the_numbers_mean_is_said_in_words(name, size, variance):
    shown = explore(name).cards[0].theory.value
    assert f"{size} from layer to layer, since each multiplies their square by &chi;" in shown
    assert f"what differs from it {variance}" in shown


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
    shown = explore(name).cards[0].formula.value
    assert shown.count("$") == 2 * pieces
    assert all(piece.count("{") == piece.count("}") for piece in shown.split("$"))
    for case in afnlab.get_activation(name).latex.split(",\\quad "):
        assert escape(case) in shown
