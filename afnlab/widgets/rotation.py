"""Sliders for L and for an activation's parameters, beside what the rotation does with them."""

from __future__ import annotations

from math import floor, log10
from typing import Any

import ipywidgets as widgets

from afnlab.analysis.rotation import overview
from afnlab.autorot import suggested_L
from afnlab.spec import get_activation


class RotationExplorer(widgets.VBox):
    """A figure of `afnlab.analysis.rotation.overview` that follows its sliders.

    task: one with the settings auto_rot and L. activation: a saturating one, or give L.
    """

    def __init__(
        self, task: str = "digits-arp", activation: str = "sigmoid", L: float | None = None
    ) -> None:
        self.task, self.activation = task, activation
        record = get_activation(activation)
        start = suggested_L(activation) if L is None else L
        self.picture = widgets.Image(format="png")
        self.message = widgets.HTML()
        self.sliders = {"L": _slider("L", start, 0.5, 12.0)}
        self.sliders |= {
            name: _slider(name, p.default, p.low, p.high)
            for name, p in record.params.items()
            if not p.fixed
        }
        for slider in self.sliders.values():
            slider.observe(self._redraw, names="value")
        super().__init__([*self.sliders.values(), self.picture, self.message])
        self._redraw()

    def _redraw(self, _: Any = None) -> None:
        values = {name: slider.value for name, slider in self.sliders.items()}
        try:
            figure = overview(self.task, self.activation, **values)
        except ValueError as error:
            self.message.value = str(error)
            return
        data, size = figure._repr_png_()  # type: ignore[attr-defined]
        self.picture.value, self.picture.width = data, str(size["width"])
        self.message.value = ""


def _slider(name: str, value: float, low: float, high: float) -> widgets.FloatSlider:
    step = 10.0 ** floor(log10((high - low) / 50))
    return widgets.FloatSlider(
        value, min=low, max=high, step=step, description=name, continuous_update=False
    )
