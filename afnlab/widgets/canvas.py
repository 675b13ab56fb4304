"""A picture that is replaced many times a second, and that can be clicked on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from afnlab.live.scene import Scene


class Screen(anywidget.AnyWidget):
    """Shows the frames of a scene in the browser.

    label: what it shows, for those who cannot see it. clickable: calls what is given to `clicked`.
    acknowledged: the browser sets `seen` to the number of a frame once it is on the screen.
    ratio: pixels of the browser's screen to one of the page, told by the browser.
    """

    _esm = Path(__file__).with_name("canvas.js")
    frame = traitlets.Bytes(b"").tag(sync=True)
    number = traitlets.Int(0).tag(sync=True)
    width = traitlets.Int(0).tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    clickable = traitlets.Bool(False).tag(sync=True)
    acknowledged = traitlets.Bool(False).tag(sync=True)
    seen = traitlets.Int(0).tag(sync=True)
    ratio = traitlets.Float(1.0).tag(sync=True)

    def show(self, scene: Scene, label: str) -> None:
        """Send the scene as it is now: one message."""
        with self.hold_sync():
            self.label = label
            self.frame = scene.png(self.ratio)
            self.width = scene.size[0]
            self.number += 1

    def save(self, name: str, data: bytes, kind: str) -> None:
        """Have the browser save a file; kind: its media type."""
        self.send({"kind": "save", "name": name, "type": kind}, [data])

    def clicked(self, callback: Any) -> None:
        """Call back with x, y (shares of the width from the left, of the height from the top) and
        whether Shift was held."""

        def receive(_: object, content: dict, __: object) -> None:
            if content.get("kind") == "click":
                callback(float(content["x"]), float(content["y"]), bool(content["other"]))

        self.on_msg(receive)
