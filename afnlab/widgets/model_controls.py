"""What a playground's networks are and how they learn, as controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import traitlets

from afnlab.live.references import activation_of
from afnlab.registry import Activation, get_activation, list_activations
from afnlab.training.learner import Setup
from afnlab.widgets.elements import NARROW, Dial, row, within

DEEPEST, WIDEST = 8, 128
HALF = {"width": "330px"}


class ModelControls(widgets.HBox):
    """One network's activation, and whether its layers are rotated. value counts the changes."""

    value = traitlets.Int(0)

    def __init__(self, activation: str | Activation, name: str) -> None:
        self.activation = widgets.Combobox(
            value=activation if isinstance(activation, str) else activation.key,
            options=[n for n in list_activations() if get_activation(n).elementwise],
            description=name,
            continuous_update=False,
            style=NARROW,
            layout={"width": "290px"},
        )
        self.auto_rot = widgets.Checkbox(value=False, description="Auto-Rotating", indent=False)
        self.auto_rot.layout.width = "auto"
        self.L = Dial("L (0: suggested)", 0.0, 0.0, 12.0, within("L", 0), 0.1, width="310px")
        self.L.layout.display = "none"
        parts = [self.activation, self.auto_rot, self.L]
        super().__init__(parts, layout={"flex_flow": "row wrap", "grid_gap": "4px 16px"})
        for part in parts:
            part.observe(self._changed, "value")

    def settings(self) -> dict[str, Any]:
        """Its part of a `Setup`; ValueError for what is no activation."""
        limit = self.L.value or None
        return {
            "activation": activation_of(self.activation.value.strip()),
            "auto_rot": self.auto_rot.value,
            "L": limit if self.auto_rot.value else None,
        }

    def _changed(self, _: object) -> None:
        self.L.layout.display = None if self.auto_rot.value else "none"
        self.value += 1


class TrainingControls(widgets.VBox):
    """Layers, rates and seed, which both networks share. `lr` has its place where one looks first.

    rebuilt(), retuned(): called after a change that needs new networks, or that does not.
    """

    def __init__(
        self, setup: Setup, rebuilt: Callable[[], object], retuned: Callable[[], object]
    ) -> None:
        self.quiet = False
        self.base = setup
        self.depth = _whole("depth", len(setup.hidden), 1, DEEPEST)
        self.width = _whole("width", setup.hidden[0], 1, WIDEST)
        self.hidden = widgets.Text(
            description="hidden layers", continuous_update=False, style=NARROW, layout=HALF
        )
        self.seed = _whole("seed", setup.seed, 0, 99)
        self.lr = _log("learning rate", setup.lr, -4, 0)
        check = within("momentum", 0, 0.999)
        self.momentum = Dial("momentum", setup.momentum, 0.0, 0.99, check, 0.01, **HALF)
        check = within("L2 penalty", 0)
        self.l2 = Dial("L2 penalty", setup.l2, 0.0, 0.1, check, 0.001, **HALF)
        self.batch = _whole("batch", setup.batch, 1, 100)
        super().__init__(
            [
                row(self.depth, self.width, self.hidden, self.seed),
                row(self.momentum, self.batch, self.l2),
            ]
        )
        self.show(setup)
        for one in (self.depth, self.width):
            one.observe(self._shaped, "value")
        for part, call in (
            *((self.hidden, rebuilt), (self.seed, rebuilt)),
            *((p, retuned) for p in (self.lr, self.momentum, self.l2, self.batch)),
        ):
            part.observe(lambda _, call=call: None if self.quiet else call(), "value")

    def show(self, setup: Setup) -> None:
        """Set the controls to a setup, without calling anybody."""
        self.quiet, self.base = True, setup
        try:
            self.depth.value, self.width.value = len(setup.hidden), setup.hidden[0]
            self.hidden.value = ", ".join(map(str, setup.hidden))
            for name in ("seed", "lr", "momentum", "l2", "batch"):
                getattr(self, name).value = getattr(setup, name)
        finally:
            self.quiet = False

    def settings(self) -> dict[str, Any]:
        """Their part of a `Setup`; ValueError for hidden layers that are not a list of widths."""
        names = ("seed", "lr", "momentum", "l2", "batch")
        return {name: getattr(self, name).value for name in names} | {
            "hidden": widths(self.hidden.value),
            **{name: getattr(self.base, name) for name in ("start", "low", "high")},
        }

    def _shaped(self, _: object) -> None:
        if not self.quiet:
            self.hidden.value = ", ".join([str(self.width.value)] * self.depth.value)


def widths(text: str) -> tuple[int, ...]:
    """(32, 32) of "32, 32"; ValueError for anything else, and for what is too large to watch."""
    words = text.replace(",", " ").split()
    good = 1 <= len(words) <= DEEPEST and all(w.isdecimal() for w in words)
    if not good or not all(1 <= int(w) <= WIDEST for w in words):
        raise ValueError(
            f"hidden layers must be 1 to {DEEPEST} widths from 1 to {WIDEST}, such as 32, 32;"
            f" got {text!r}"
        )
    return tuple(map(int, words))


def _whole(name: str, value: int, low: int, high: int) -> widgets.IntSlider:
    return widgets.IntSlider(
        value, low, high, description=name, continuous_update=False, style=NARROW, layout=HALF
    )


def _log(name: str, value: float, low: int, high: int) -> widgets.FloatLogSlider:
    return widgets.FloatLogSlider(
        value,
        min=low,
        max=high,
        step=0.1,
        description=name,
        readout_format=".3g",
        style=NARROW,
        layout=HALF,
    )
