"""Figures that move: matplotlib holds what they show, a browser draws it anew from the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex, to_rgba
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon, StepPatch
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator
from matplotlib.typing import ColorType
from numpy.typing import ArrayLike

from afnlab.figures.style import Picture, area, styled

A = TypeVar("A", bound=Artist)

POINT = 96 / 72  # pixels of a page to a typographic point
DASHES = {"-": [], "--": [6, 3], ":": [2, 3], "None": []}


class Moving(NamedTuple):
    """An artist that changes from frame to frame.

    reads: of a curve, what it is called where the crosshair reads it. Curves of one axes have the
    same ascending x. Empty: it is drawn and not read.
    """

    artist: Artist
    reads: str


class Scene:
    """A figure, of which some artists move.

    figure: shows everything, moving or not, as any figure does; it is the static picture. A
    subclass makes its artists inside `styled()` and passes those that move through `moves`.
    A browser draws the same from `panels`, which says what there is and changes seldom, and from
    `numbers` and `texts`, which are what the moving artists hold. Margins are fixed: a layout that
    follows the tick labels would make what is seen depend on what was seen before.
    """

    def __init__(self, width: float, height: float) -> None:
        with styled():
            self.figure = Picture(figsize=(width, height))
        self.moving: list[Moving] = []
        self.colours: dict[Axes, str] = {}  # of titles that tell by it what their axes are of

    def moves(self, artist: A, reads: str = "") -> A:
        """Send what this artist holds with every frame; see `Moving`."""
        self.moving.append(Moving(artist, reads))
        return artist

    def panels(self) -> list[dict[str, object]]:
        """The axes and their moving artists for the browser, as JSON; sizes are in its pixels."""
        return [self._panel(ax) for ax in self.figure.axes]

    def numbers(self) -> bytes:
        """What the moving artists hold, in the order of `panels`.

        Little-endian: the number of blocks, the length of each (uint32), and the blocks (float32).
        A panel with curves begins with their x; a curve is its y, a path or an area its x and y.
        """
        blocks = [block for ax in self.figure.axes for block in self._blocks(ax)]
        with np.errstate(over="ignore"):  # what float32 cannot hold is as far out as infinity
            parts = [np.asarray(block, dtype="<f4").tobytes() for block in blocks]
        sizes = np.array([len(blocks), *(len(part) // 4 for part in parts)], dtype="<u4")
        return b"".join([sizes.tobytes(), *parts])

    def texts(self) -> list[str]:
        """The moving texts, in the order of the panels; empty for a panel without one."""
        return [
            ", ".join(one.artist.get_text() for one in self._on(ax) if isinstance(one.artist, Text))
            for ax in self.figure.axes
        ]

    def _on(self, ax: Axes) -> list[Moving]:
        return [one for one in self.moving if one.artist.axes is ax and one.artist.get_visible()]

    def _panel(self, ax: Axes) -> dict[str, object]:
        place, height = ax.get_position(), self.figure.get_figheight() * 96
        axes = self.figure.axes
        return {
            "title": ax.get_title(loc="left"),
            "colour": self.colours.get(ax, ""),
            "row": round((1 - place.y1) * 100),
            "height": round(place.height * height),
            "group": min(map(axes.index, ax.get_shared_x_axes().get_siblings(ax))),
            "x": _axis(ax.xaxis, ax.get_xlim()),
            "y": _axis(ax.yaxis, ax.get_ylim()),
            "parts": [_part(one) for one in self._on(ax) if not isinstance(one.artist, Text)],
        }

    def _blocks(self, ax: Axes) -> Iterator[ArrayLike]:
        parts = [one for one in self._on(ax) if not isinstance(one.artist, Text)]
        curves = [one.artist for one in parts if one.reads]
        if curves:
            yield _x(curves[0])
        for artist, reads in parts:
            if isinstance(artist, StepPatch):
                yield _stairs(artist)[0]
            elif isinstance(artist, Polygon):
                yield from artist.get_xy().T
            elif isinstance(artist, AxesImage):
                yield np.asarray(artist.get_array()).reshape(-1)
            elif isinstance(artist, Line2D):
                if not reads:
                    yield artist.get_xdata()
                yield artist.get_ydata()


def shade(ax: Axes, colour: str, alpha: float) -> Polygon:
    """An empty area over part of x; its heights are shares of the axes'."""
    made = Polygon([(0, 0)], zorder=1, **area(colour, alpha))
    made.set_transform(ax.get_xaxis_transform())
    ax.add_patch(made)
    return made


def _x(artist: Artist) -> ArrayLike:
    """The x of a curve; of bars, their middles."""
    if isinstance(artist, StepPatch):
        edges = _stairs(artist)[1]
        return (edges[1:] + edges[:-1]) / 2
    assert isinstance(artist, Line2D)
    return artist.get_xdata()


def _stairs(artist: StepPatch) -> tuple[np.ndarray, np.ndarray]:
    """The heights of bars, and the ends between which they stand."""
    heights, edges, _ = artist.get_data()
    return heights, edges


def _axis(axis: Axis, limits: tuple[float, float]) -> dict[str, object]:
    low, high = map(float, limits)
    ticks = axis.get_major_locator()
    bare = isinstance(ticks, FixedLocator) and not len(ticks())
    label, log = axis.get_label_text(), axis.get_scale() == "log"
    return {"low": low, "high": high, "label": label, "log": log, "seen": not bare}


def _part(one: Moving) -> dict[str, object]:
    """How an artist looks."""
    artist, label = one.artist, str(one.artist.get_label())
    look: dict[str, object] = {"z": artist.get_zorder(), "reads": one.reads}
    look["label"] = "" if label.startswith("_") else label
    if isinstance(artist, AxesImage):
        shades = artist.get_cmap()(np.linspace(0, 1, 256), bytes=True).reshape(-1)
        rows, columns = artist.get_array().shape  # type: ignore[union-attr]
        sides = {"rows": rows, "columns": columns, "extent": list(map(float, artist.get_extent()))}
        return look | {"kind": "surface", "palette": shades.tolist()} | sides
    if isinstance(artist, Patch):
        kind = "bars" if isinstance(artist, StepPatch) else "area"
        face, edge = artist.get_facecolor(), artist.get_edgecolor()
        look |= {"fill": _css(face) if artist.get_fill() else "", "colour": _css(edge)}
        width, dashes = artist.get_linewidth(), DASHES[_short(artist.get_linestyle())]
        return look | {"kind": kind, "width": width, "dash": dashes}
    assert isinstance(artist, Line2D)
    marker = {"o": "circle", "s": "square"}.get(str(artist.get_marker()), "")
    return look | {
        "kind": "curve" if one.reads else "path",
        "colour": to_hex(artist.get_color()),
        "width": 0 if artist.get_linestyle() == "None" else artist.get_linewidth() * 1.1,
        "dash": DASHES[_short(artist.get_linestyle())],
        "marker": marker,
        "size": artist.get_markersize() * POINT if marker else 0,
        "face": _css(artist.get_markerfacecolor()) if marker else "",
        "rim": _css(artist.get_markeredgecolor()) if marker else "",
        "rimWidth": artist.get_markeredgewidth(),
    }


def _short(style: object) -> str:
    """A style of lines by its sign; patches name theirs."""
    return {"solid": "-", "dashed": "--", "dotted": ":"}.get(str(style), str(style))


def _css(colour: ColorType) -> str:
    red, green, blue, alpha = to_rgba(colour)
    return f"rgba({red * 255:.0f}, {green * 255:.0f}, {blue * 255:.0f}, {alpha:.3g})"
