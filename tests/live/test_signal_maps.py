"""The figure of signal propagation and its sliders."""

from __future__ import annotations

import numpy as np
import pytest

import afnlab
from afnlab import signal
from afnlab.live.signal_maps import DEPTH, Layer, SignalMaps, signal_maps
from afnlab.widgets import SignalExplorer


def layer(name="tanh", sigma_w=1.5, sigma_b=0.2, **params):
    return Layer(afnlab.get_activation(name), sigma_w, sigma_b, params)


def test_what_is_drawn_are_the_numbers_of_the_theory():
    scene = SignalMaps(layer())
    field = layer().field
    q, after = scene.lines["q"].get_data()
    np.testing.assert_allclose(after, field.variance(q))
    layers, drawn = scene.lines["q predicted"].get_data()
    assert list(layers) == list(range(1, DEPTH + 1))
    np.testing.assert_allclose(drawn, signal.predicted(field, DEPTH, c=0.6).q)
    assert scene.lines["here"].get_data() == ([1.5], [0.2])
    found = signal.critical("tanh")
    assert scene.best.get_data() == ([found.sigma_w], [found.sigma_b])
    corners_x, corners_y = scene.lines["cobweb"].get_data()
    assert corners_y[1] == pytest.approx(float(field.variance(1.0)))
    assert corners_x[2] == corners_y[2] == corners_y[1]


def test_other_sigmas_move_it_and_another_function_gives_it_another_edge():
    scene = SignalMaps(layer())
    first = scene.numbers()
    scene.update(layer(sigma_w=2.0))
    assert scene.numbers() != first
    edge = scene.boundary.get_xdata().copy()
    scene.update(layer("gelu", 1.5, 0.2))
    assert not np.array_equal(scene.boundary.get_xdata(), edge, equal_nan=True)
    assert "gelu" in scene.title.get_text()
    scene.update(layer())
    assert scene.numbers() == first


@pytest.mark.parametrize("name", ["hardshrink", "tanhshrink", "relu", "sigmoid", "softplus"])
def test_functions_without_an_edge_or_a_critical_point_are_drawn(name):
    scene = SignalMaps(layer(name, 1.0, 0.0))
    scene.numbers()
    with pytest.raises(ValueError) if not list(scene.best.get_xdata()) else _nothing():
        signal.critical(name)


class _nothing:
    def __enter__(self):
        return None

    def __exit__(self, *_):
        return False


def test_the_picture_takes_the_gain_where_no_sigma_is_given():
    figure = signal_maps(afnlab.get_activation("srelu"), t=0.5)
    here = next(
        line
        for ax in figure.axes
        for line in ax.lines
        if line.get_marker() == "o" and ax.get_title(loc="left") == "phases"
    )
    assert here.get_xdata()[0] == pytest.approx(afnlab.gain("srelu", t=0.5))


def test_sliders_and_buttons():
    widget = SignalExplorer("tanh", 1.2, 0.1)
    first = widget.screen.numbers
    widget.sigma_w.value = 1.8
    assert widget.screen.numbers != first
    widget.choice.value = "srelu"
    assert list(widget.parameter_dials) == ["t"]
    assert widget.sigma_w.value == pytest.approx(afnlab.gain("srelu"), abs=1e-6)
    widget.parameter_dials["t"].value = 0.5
    (critical_button,) = [
        b for b in widget.children[0].children if getattr(b, "description", "") == "critical"
    ]
    critical_button.click()
    found = signal.critical("srelu", t=0.5)
    assert widget.sigma_w.value == pytest.approx(found.sigma_w)
    assert widget.sigma_b.value == pytest.approx(found.sigma_b)
    widget.choice.value = "hardshrink"
    critical_button.click()
    assert "jumps at" in widget.message.value
    widget.sigma_b.box.value = -1.0
    assert "sigma_b must be a number from 0" in widget.message.value
