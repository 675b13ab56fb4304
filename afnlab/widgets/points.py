"""Points of the plane in two classes, as controls."""

from __future__ import annotations

import ipywidgets as widgets
import torch
import traitlets
from torch import Tensor

from afnlab.live.decision_surface import TESTS, empty
from afnlab.training.plane import SHAPES, points
from afnlab.widgets.elements import Dial, button, within

OWN = "my own points"
COUNT = 400
MARKS = {"\N{BLACK CIRCLE} blue": 0, "\N{BLACK SQUARE} orange": 1}


class Points(widgets.HBox):
    """A shape with noise, or points of one's own. value counts the changes.

    x (count, 2), y (count,): the points that are learned and their classes, 0 or 1.
    test: fresh points of the same shape, which are not learned; none beside points of one's own.
    low, high: ends of the plane on both axes.
    """

    value = traitlets.Int(0)

    def __init__(self, shape: str, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.shape = widgets.Dropdown(
            options=[*SHAPES, OWN], value=shape, description="points", layout={"width": "230px"}
        )
        self.noise = Dial("noise", 0.05, 0.0, 0.5, within("noise", 0, 2), 0.01, width="300px")
        self.mark = widgets.ToggleButtons(
            options=list(MARKS.items()),
            tooltips=["Shift: the other class"] * 2,
            style={"button_width": "90px"},
        )
        marks = widgets.HBox([widgets.Label("a click adds"), self.mark])
        clear = button("Clear", self.clear, "take all points away")
        super().__init__(
            [self.shape, self.noise, marks, clear],
            layout={"flex_flow": "row wrap", "grid_gap": "4px 16px"},
        )
        self.x, self.y = self.test = empty()
        self._scatter()
        for one in (self.shape, self.noise):
            one.observe(self._scatter, "value")

    def add(self, x: float, y: float, label: int) -> None:
        """One more, of class 0 or 1."""
        self.x = torch.cat([self.x, torch.tensor([[x, y]])])
        self.y = torch.cat([self.y, torch.tensor([label])])
        self.value += 1

    def label(self, other: bool) -> int:
        """The class that a click adds; other: with Shift."""
        return 1 - self.mark.value if other else self.mark.value

    def clear(self) -> None:
        """Take all away, to make room for those that are clicked."""
        self.x, self.y = self.test = empty()
        if self.shape.value == OWN:
            self.value += 1
        else:
            self.shape.value = OWN

    def move(self, low: float, high: float) -> None:
        """Onto a plane with these ends; not counted as a change."""
        x, test = self._unit(self.x), self._unit(self.test[0])
        self.low, self.high = low, high
        self.x, self.test = self._placed(x), (self._placed(test), self.test[1])

    def _scatter(self, _: object = None) -> None:
        if self.shape.value != OWN:
            x, self.y = points(self.shape.value, COUNT, self.noise.value)
            test, labels = points(self.shape.value, TESTS, self.noise.value, seed=1)
            self.x, self.test = self._placed(x), (self._placed(test), labels)
        self.value += 1

    def _placed(self, x: Tensor) -> Tensor:
        """Points of [-1, 1] on the plane."""
        return self.low + (x + 1) / 2 * (self.high - self.low)

    def _unit(self, x: Tensor) -> Tensor:
        return 2 * (x - self.low) / (self.high - self.low) - 1
