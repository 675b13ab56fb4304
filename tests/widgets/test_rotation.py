"""The widget of Auto-Rotating layers."""

from __future__ import annotations

import pytest

from afnlab.widgets import RotationExplorer
from tests.widgets.test_explorer import frames_of


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
    widget.parameter_dials["c"].value = 2.0
    assert widget.screen.numbers != before
    with pytest.raises(ValueError, match="does not saturate"):
        RotationExplorer("digits-arp", "relu")
