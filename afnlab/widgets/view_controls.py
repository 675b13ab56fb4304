"""What of the curves is shown, as controls."""

from __future__ import annotations

import ipywidgets as widgets
import traitlets

from afnlab.live.function_overlay import Extent, View
from afnlab.widgets.elements import COLUMNS, Dial, within

LABELS = {"description_width": "95px"}


class ViewControls(widgets.GridBox):
    """Inputs, zoom, the normal input and the dynamic region.

    start: what they say at first, and after `reset`. value: counts the changes.
    problem: why something was refused, see `Dial`.
    """

    value = traitlets.Int(0)
    problem = traitlets.Unicode()

    def __init__(self, start: View) -> None:
        self.start, self.x = start, start.x
        reach = max(20.0, 2 * start.x[1])
        self.range = widgets.FloatRangeSlider(
            value=start.x,
            min=-reach,
            max=reach,
            step=min(0.5, start.x[1] / 5),
            description="inputs x",
            readout_format=".1f",
            style=LABELS,
            layout={"width": "auto"},
        )
        self.zoom = widgets.FloatLogSlider(
            value=1.0,
            min=-3,
            max=3,
            base=2,
            step=0.25,
            description="vertical zoom",
            readout_format=".2f",
            style=LABELS,
            layout={"width": "auto"},
        )
        self.deviation = Dial(
            "deviation of z",
            start.deviation,
            0.1,
            5.0,
            within("deviation of z", 0, but=0),
            0.1,
            "z is the normal input whose density is shaded",
        )
        self.region = Dial(
            "region \N{PLUS-MINUS SIGN}L",
            start.L,
            0.0,
            12.0,
            within("L", 0),
            0.1,
            "the dynamic region of an Auto-Rotating layer; 0: none",
        )
        self.second = widgets.Checkbox(
            value=start.second, description="second derivative", indent=False
        )
        self.second.layout.width = "auto"
        parts = (self.range, self.deviation, self.zoom, self.region, self.second)
        super().__init__(parts, layout=COLUMNS)
        for part in parts:
            part.observe(self._changed, "value")
        for one in (self.deviation, self.region):
            one.slider.style = LABELS
            one.observe(self._refused, "problem")

    @property
    def view(self) -> View:
        """What they say, but for the zoom."""
        return View(
            self.x, second=self.second.value, deviation=self.deviation.value, L=self.region.value
        )

    def zoomed(self, limits: Extent) -> Extent:
        """Limits of an axis, as near as the zoom says."""
        low, high = limits
        middle, half = (low + high) / 2, (high - low) / 2 / self.zoom.value
        return middle - half, middle + half

    def reset(self) -> None:
        """Back to the start."""
        start = self.start
        self.range.value, self.zoom.value, self.second.value = start.x, 1.0, start.second
        self.deviation.value, self.region.value = start.deviation, start.L

    def _changed(self, _: object) -> None:
        low, high = self.range.value
        if not low < high:  # the two handles have met
            self.problem = "inputs x must span more than nothing"
            return
        self.x, self.problem = (low, high), ""
        self.value += 1

    def _refused(self, change: traitlets.Bunch) -> None:
        self.problem = change.new
