"""Figures that move: drawn once, then only the artists that change are drawn anew."""

from __future__ import annotations

import struct
import zlib
from typing import TypeVar

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Polygon

from afnlab.figures.style import Picture, area, styled

A = TypeVar("A", bound=Artist)


class Scene:
    """A figure, of which some artists move.

    figure: shows everything, moving or not, as any figure does.
    `pixels` draws the still part once and keeps it, so that a change of the moving artists costs
    no more than drawing them. A subclass makes its artists inside `styled()`, passes those that
    move through `moves`, and calls `changed` when something else has changed. Margins are fixed:
    a layout that follows the tick labels would make what is seen depend on what was seen before.
    """

    def __init__(self, width: float, height: float) -> None:
        with styled():
            self.figure = Picture(figsize=(width, height))
        self.canvas = FigureCanvasAgg(self.figure)
        self.moving: list[Artist] = []
        self._sharpness = self.figure.dpi
        self._still: object = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the page."""
        width, height = self.figure.get_size_inches() * self._sharpness
        return round(width), round(height)

    def moves(self, artist: A) -> A:
        """Draw this artist with every frame."""
        artist.set_animated(True)
        self.moving.append(artist)
        return artist

    def changed(self) -> None:
        """Draw everything with the next frame."""
        self._still = None

    def pixels(self, ratio: float = 1.0) -> np.ndarray:
        """The figure as it is now, (height, width, 4), RGBA bytes; a view that the next call fills.

        ratio: pixels of the screen to a pixel of the page.
        """
        dpi = self._sharpness * ratio
        if self.figure.dpi != dpi:
            self.figure.set_dpi(dpi)
            self.changed()
        if self._still is None:
            self._draw_still()
        self.canvas.restore_region(self._still)
        for artist in sorted(self.moving, key=Artist.get_zorder):
            self.figure.draw_artist(artist)
        return np.asarray(self.canvas.buffer_rgba())

    def png(self, ratio: float = 1.0) -> bytes:
        """`pixels` as a PNG."""
        return to_png(self.pixels(ratio))

    def _draw_still(self) -> None:
        # Not by their being animated: matplotlib draws an animated image all the same.
        seen = [artist for artist in self.moving if artist.get_visible()]
        for artist in seen:
            artist.set_visible(False)
        self.canvas.draw()
        self._still = self.canvas.copy_from_bbox(self.figure.bbox)
        for artist in seen:
            artist.set_visible(True)


def shade(ax: Axes, colour: str, alpha: float) -> Polygon:
    """An empty area over part of x; its heights are shares of the axes'."""
    made = Polygon([(0, 0)], zorder=1, **area(colour, alpha))
    made.set_transform(ax.get_xaxis_transform())
    ax.add_patch(made)
    return made


def to_png(pixels: np.ndarray) -> bytes:
    """RGBA bytes (height, width, 4) as a PNG.

    Every row is stored as its difference to the one above and deflated at level 1. Libraries try
    all filters on each row, which takes longer than all the rest of a frame.
    """
    height, width = pixels.shape[:2]
    rows = np.empty((height, 1 + 4 * width), dtype=np.uint8)
    flat = pixels.reshape(height, 4 * width)
    rows[:, 0] = 2  # the filter "up"
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
