"""Sliders for the rotation, beside what it does with pre-activations."""

from __future__ import annotations

import ipywidgets as widgets

from afnlab.autorot import input_limits, suggested_L
from afnlab.live.preactivations import REACH, Regions, Start
from afnlab.live.references import activation_of, task_of
from afnlab.widgets.elements import FARTHEST, NARROW, Dial, Message, dial, row, within
from afnlab.widgets.screen import Screen

DEEPEST, WIDE = 8, "330px"


class RotationExplorer(widgets.VBox):
    """A figure of `afnlab.live.preactivations.Regions` that follows its sliders.

    Its sliders: L, the probe x_Q, the number of hidden layers, the activation's parameters.

    Args:
        task: one with the settings auto_rot and L.
        activation: a saturating one, or give L.
        L: limit of the dynamic region; None: `suggested_L`.
    """

    def __init__(
        self, task: str = "digits-arp", activation: str = "sigmoid", L: float | None = None
    ) -> None:
        self.task, self.record = task_of(task), activation_of(activation)
        limit = suggested_L(self.record) if L is None else L
        low, high = input_limits(self.record, 0.0, 1.0)
        self.screen, self.message = Screen(), Message()
        probe, far = 2 * high - low, within("x_Q", -FARTHEST)
        self.dials = {
            "L": Dial("L", limit, 0.5, 12.0, within("L", 0, but=0), 0.1, width=WIDE),
            "x_q": Dial("probe x_Q", probe, -5.0, 5.0, far, 0.1, width=WIDE),
        }
        free = {name: p for name, p in self.record.params.items() if not p.fixed}
        self.parameter_dials = {name: dial(name, p, activation, WIDE) for name, p in free.items()}
        first = Start(self.task, self.record, limit)
        self.reach = REACH * limit
        self.scene = Regions(first, self.reach)
        self.depth = widgets.IntSlider(
            len(self.scene.plain),
            1,
            DEEPEST,
            description="hidden layers",
            style=NARROW,
            layout={"width": WIDE},
        )
        # Until the slider is moved, the layers are as wide as the task has them.
        self.own_depth = self.depth.value
        for one in (*self.dials.values(), *self.parameter_dials.values()):
            one.observe(self._moved, "value")
            one.observe(lambda change: self.message.say(change.new), "problem")
        self.depth.observe(self._deepened, "value")
        controls = row(*self.dials.values(), self.depth, *self.parameter_dials.values())
        super().__init__([controls, self.message, self.screen], layout={"max_width": "1000px"})
        self._draw()

    @property
    def start(self) -> Start:
        """The settings of the sliders."""
        return Start(
            self.task,
            self.record,
            self.dials["L"].value,
            self.dials["x_q"].value,
            None if self.depth.value == self.own_depth else self.depth.value,
            params={name: one.value for name, one in self.parameter_dials.items()},
        )

    def _moved(self, _: object) -> None:
        with self.message.catching():
            self.scene.update(self.start)
            self._draw()

    def _deepened(self, _: object) -> None:
        with self.message.catching():
            self.scene = Regions(self.start, self.reach)
            self._draw()

    def _draw(self) -> None:
        L = self.dials["L"].value
        label = f"{self.record.label} with its dynamic region, L {L:g}, and pre-activations"
        self.screen.show(self.scene, label)
