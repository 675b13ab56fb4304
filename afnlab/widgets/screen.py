"""A figure that the browser draws from its numbers, many times a second."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import anywidget
import traitlets

from afnlab.live.scene import Scene

UPLOT = files("uplot") / "static"  # as the package uplot-python brings it
OWN = Path(__file__).parent


class Screen(anywidget.AnyWidget):
    """Draws a scene in the browser, with a crosshair, zoom and a legend.

    label: what it shows, for those who cannot see it. clickable: surfaces report clicks to what is
    given to `clicked`. acknowledged: the browser sets `seen` to the number of a frame once it has
    drawn it. panels, numbers, texts: of the scene.
    """

    _esm = "\n".join(
        source.read_text(encoding="utf-8")
        for source in (UPLOT / "uPlot.iife.js", OWN / "chart.js", OWN / "screen.js")
    )
    _css = "\n".join(
        source.read_text(encoding="utf-8")
        for source in (UPLOT / "uPlot.min.css", OWN / "screen.css")
    )
    panels = traitlets.List(traitlets.Dict()).tag(sync=True)
    numbers = traitlets.Bytes(b"").tag(sync=True)
    texts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    number = traitlets.Int(0).tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    clickable = traitlets.Bool(False).tag(sync=True)
    acknowledged = traitlets.Bool(False).tag(sync=True)
    seen = traitlets.Int(0).tag(sync=True)

    def show(self, scene: Scene, label: str) -> None:
        """Send the scene as it is now: one message, which holds only what has changed."""
        with self.hold_sync():
            self.label = label
            self.panels, self.texts = scene.panels(), scene.texts()
            self.numbers = scene.numbers()
            self.number += 1

    def save(self, name: str, data: bytes, kind: str) -> None:
        """Have the browser save a file; kind: its media type."""
        self.send({"kind": "save", "name": name, "type": kind}, [data])

    def clicked(self, callback: Callable[[float, float, bool], object]) -> None:
        """Call back with x and y of a clicked surface, and whether Shift was held."""
        self._on(
            "click",
            lambda event: callback(float(event["x"]), float(event["y"]), bool(event["other"])),
        )

    def zoomed(self, callback: Callable[[tuple[float, float] | None], object]) -> None:
        """Call back with the interval of x that is zoomed into; None: all of it is shown."""

        def receive(event: dict) -> None:
            callback(event["x"] and (float(event["x"][0]), float(event["x"][1])))

        self._on("zoom", receive)

    def _on(self, kind: str, act: Callable[[dict], object]) -> None:
        self.on_msg(lambda _, event, __: act(event) if event.get("kind") == kind else None)
