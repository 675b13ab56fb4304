"""What the widgets are put together from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import floor, isfinite, log10
from pathlib import Path
from traceback import extract_tb
from typing import Any

import ipywidgets as widgets
import traitlets

from afnlab.figures.style import ORANGE
from afnlab.markup import filled
from afnlab.param import Param

FARTHEST = 50.0
NARROW = {"description_width": "110px"}
COLUMNS = {
    "grid_template_columns": "repeat(auto-fill, minmax(min(270px, 100%), 1fr))",
    "grid_gap": "4px 16px",
}


class Message(widgets.HTML):
    """A line for what went wrong; empty if nothing did."""

    def say(self, text: object = "") -> None:
        line = filled('<div role="alert" style="color:{}">{}</div>', ORANGE, text)
        self.value = str(line) if str(text) else ""

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Say what an error in the block says; else say nothing.

        A user's own function may raise anything, and what a slider's callback raises is shown
        nowhere: so of an error that is not about a value, its kind and its place are said too.
        """
        try:
            yield
        except (ValueError, TypeError, OSError) as error:
            self.say(error)
        except Exception as error:
            at = extract_tb(error.__traceback__)[-1]
            where = f"{Path(at.filename).name}, line {at.lineno}"
            self.say(f"{type(error).__name__}: {error} ({where})")
        else:
            self.say()


class Later:
    """Calls a function soon, once for any number of requests; at once where no event loop runs.

    For what may follow a picture: texts sent along with it would make the picture wait.
    """

    DELAY = 0.06  # seconds

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act
        self.handle: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        if self.handle is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.act()
        else:
            self.handle = loop.call_later(self.DELAY, self._run)

    def _run(self) -> None:
        self.handle = None
        self.act()


class AtRest(Later):
    """Calls a function once no request has come for a while; at once where no event loop runs.

    For what takes too long to be repeated while a slider moves.
    """

    DELAY = 0.4

    def __call__(self) -> None:
        if self.handle is not None:
            self.handle.cancel()
            self.handle = None
        super().__call__()


class Dial(widgets.HBox):
    """A number with a slider over the range worth exploring, and a box that takes any allowed one.

    value: the number; always one that `check` returns. A number typed in that `check` refuses with
    a ValueError goes back to the last one, and `problem` holds the reason.
    """

    value = traitlets.Float()
    problem = traitlets.Unicode()

    def __init__(
        self,
        name: str,
        value: float,
        low: float,
        high: float,
        check: Callable[[float], Any] = float,
        step: float | None = None,
        tip: str = "",
        width: str = "100%",
    ) -> None:
        self.check = check
        self.write = Later(self._write)
        self.step = step = step or handy_step(value, low, high)
        self.slider = widgets.FloatSlider(
            value,
            min=min(low, value),
            max=max(high, value),
            step=step,
            description=name,
            readout=False,
            tooltip=tip,
            style=NARROW,
            # Where there is little room the slider gives way first, while it can be moved.
            layout={"flex": "1 100 auto", "min_width": "170px"},
        )
        # The slider shows the name; here it only names the box to those who hear the page.
        self.box = widgets.FloatText(
            value,
            step=step,
            description=name,
            style={"description_width": "0px"},
            # Seven digits with sign and point, beside the arrows.
            layout={"width": "104px", "flex": "0 1 auto", "min_width": "60px"},
        )
        super().__init__([self.slider, self.box], value=float(value), layout={"width": width})
        self.slider.observe(self._slid, "value")
        self.box.observe(self._typed, "value")
        self.observe(self._set, "value")

    def _at(self, value: float) -> float:
        """Where the slider stands for a value: a box may hold one beyond its ends.

        The ends stay: a browser that is told of a new end and a new value may answer with the old
        value, held to the new end.
        """
        return min(max(value, self.slider.min), self.slider.max)

    def _slid(self, change: traitlets.Bunch) -> None:
        # The browser moves a slider to the step nearest to its value, and says so.
        if abs(change.new - self._at(self.value)) > self.step / 2 + 1e-9:
            self.value = round(change.new, 10)  # its steps are sums: 0.1 + 0.2 shall be 0.3

    def _typed(self, change: traitlets.Bunch) -> None:
        if change.new == self.value:
            return
        try:
            self.value = float(self.check(change.new))
            self.problem = ""
        except ValueError as error:
            self.box.value = self.value
            self.problem = ""
            self.problem = str(error)

    def _set(self, change: traitlets.Bunch) -> None:
        self.problem = ""
        at = self._at(change.new)
        if abs(self.slider.value - at) > 1e-9:
            self.slider.value = at
        self.write()

    def _write(self) -> None:
        self.box.value = self.value


def handy_step(value: float, low: float, high: float) -> float:
    """A round step, 50 or more to the range, that reaches the value if one nearly as large does."""
    largest = 10.0 ** floor(log10((high - low) / 50))
    for step in (largest, largest / 2, largest / 5, largest / 10):
        steps = (value - low) / step
        if abs(steps - round(steps)) < 1e-6:
            return step
    return largest


def within(
    name: str, low: float, high: float = FARTHEST, but: float | None = None
) -> Callable[[float], float]:
    """A check for a `Dial`: from low to high, but for one value."""

    def check(value: float) -> float:
        if not low <= value <= high or value == but:
            limits = f"from {low:g} to {high:g}" + ("" if but is None else f", but not {but:g}")
            raise ValueError(f"{name} must be a number {limits}; got {value:g}")
        return value

    return check


def dial(name: str, p: Param, of: str = "", width: str = "100%") -> Dial:
    """The dial of an activation's parameter."""
    room = 5 * abs(p.default) or 5.0
    low = p.low if isfinite(p.low) else p.default - room
    high = p.high if isfinite(p.high) else p.default + room
    step = 1.0 if p.domain == "integer" else None

    def check(value: float) -> Any:
        return p.check(f"{of}: {name}" if of else name, value)

    return Dial(name, p.default, low, high, check, step, width=width)


def button(
    text: str, act: Callable[[], object], tip: str = "", **options: object
) -> widgets.Button:
    """A button that calls `act`."""
    made = widgets.Button(description=text, tooltip=tip or text, **options)
    made.layout.width, made.layout.flex = "auto", "0 0 auto"
    made.on_click(lambda _: act())
    return made


def columns(*children: widgets.Widget, **layout: object) -> widgets.GridBox:
    """Side by side in columns of one width, as many as there is room for."""
    return widgets.GridBox(children, layout=COLUMNS | layout)


def row(*children: widgets.Widget, **layout: object) -> widgets.HBox:
    """Side by side, on further lines where there is no room."""
    return widgets.HBox(
        children, layout={"flex_flow": "row wrap", "grid_gap": "4px 16px", **layout}
    )
