"""Controls of widgets: sliders, boxes, the steps and limits of numbers."""

from __future__ import annotations

import pytest

from afnlab.widgets.elements import Dial, handy_step, within


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


def test_the_box_of_a_dial_has_room_for_seven_digits():
    """Of 7.2 pixels each, with a sign, a point and the arrows of a box of numbers."""
    box = Dial("sigma_w", -1.592537, -3, 3).box
    assert int(box.layout.width.removesuffix("px")) >= 9 * 7.2 + 32
