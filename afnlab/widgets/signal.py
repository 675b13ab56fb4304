"""Sliders for an activation and its initialization, beside what deep networks do to a signal."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from afnlab.live.references import activation_of
from afnlab.live.signal_maps import SIGMA_B, SIGMA_W, Layer, SignalMaps
from afnlab.registry import get_activation, list_activations
from afnlab.signal import MeanField, critical
from afnlab.widgets.elements import NARROW, Dial, Message, button, dial, row, within
from afnlab.widgets.screen import Screen

WIDE = "330px"


class SignalExplorer(widgets.VBox):
    """A figure of `afnlab.live.signal_maps.SignalMaps` that follows its sliders.

    Args:
        activation: an elementwise activation, by name or reference, which can be exchanged.
        sigma_w: standard deviation of the weights times the square root of the number of inputs;
            None: the activation's gain.
        sigma_b: standard deviation of the biases.
    """

    def __init__(
        self, activation: str = "tanh", sigma_w: float | None = None, sigma_b: float = 0.0
    ) -> None:
        record = activation_of(activation)
        activation = record.key
        weights = MeanField(record, sigma_w, sigma_b).sigma_w
        self.screen, self.message = Screen(), Message()
        names = [n for n in list_activations() if get_activation(n).elementwise]
        names += [] if activation in names else [activation]
        self.choice = widgets.Dropdown(
            options=names, value=activation, description="activation", style=NARROW
        )
        self.sigma_w = Dial(
            "sigma_w", weights, *SIGMA_W, within("sigma_w", 0, but=0), 0.01, width=WIDE
        )
        self.sigma_b = Dial("sigma_b", sigma_b, *SIGMA_B, within("sigma_b", 0), 0.01, width=WIDE)
        self.parameter_dials: dict[str, Dial] = {}
        self.parameters = row()
        at_gain = button("gain", self._gain, "sigma_w as of init: gain, no biases")
        at_best = button("critical", self._critical, "as of init: critical")
        self.held = False  # while several sliders are being set
        self._parameters()
        self.scene = SignalMaps(self.layer)
        self.choice.observe(self._chosen, "value")
        self._watched(self.sigma_w, self.sigma_b)
        controls = row(self.choice, self.sigma_w, self.sigma_b, at_gain, at_best)
        children = [controls, self.parameters, self.message, self.screen]
        super().__init__(children, layout={"max_width": "1060px"})
        self._draw()

    @property
    def layer(self) -> Layer:
        """The settings of the sliders."""
        params = {name: one.value for name, one in self.parameter_dials.items()}
        record = get_activation(self.choice.value)
        return Layer(record, self.sigma_w.value, self.sigma_b.value, params)

    def _watched(self, *dials: Dial) -> None:
        for one in dials:
            one.observe(lambda _: self._draw(), "value")
            one.observe(lambda change: self.message.say(change.new), "problem")

    def _parameters(self) -> None:
        """The sliders of the activation's own parameters."""
        record = get_activation(self.choice.value)
        free = {name: p for name, p in record.params.items() if not p.fixed}
        self.parameter_dials = {name: dial(name, p, record.name, WIDE) for name, p in free.items()}
        self._watched(*self.parameter_dials.values())
        self.parameters.children = tuple(self.parameter_dials.values())

    def _chosen(self, _: Any) -> None:
        self._parameters()
        self._gain()

    def _gain(self) -> None:
        with self.message.catching():
            layer = self.layer
            self._set(MeanField(layer.record, **layer.params).sigma_w, 0.0)

    def _critical(self) -> None:
        with self.message.catching():
            layer = self.layer
            point = critical(layer.record, **layer.params)
            self._set(point.sigma_w, point.sigma_b)

    def _set(self, sigma_w: float, sigma_b: float) -> None:
        self.held = True
        try:
            self.sigma_w.value, self.sigma_b.value = sigma_w, sigma_b
        finally:
            self.held = False
        self._draw()

    def _draw(self) -> None:
        if self.held:
            return
        with self.message.catching():
            self.scene.update(self.layer)
            label = f"{self.layer.record.label}: maps of variance and correlation, phases, layers"
            self.screen.show(self.scene, label)
