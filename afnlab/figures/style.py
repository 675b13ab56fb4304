"""How figures look, and how they get onto a page."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import LayoutEngine
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

from afnlab.compare.proper_names import Naming, proper_name
from afnlab.figures.fitting import Fitted
from afnlab.figures.fragment import Fragment
from afnlab.markup import filled
from afnlab.messages import plain

# Each is at least 3:1 against white and against near-black, and they differ in lightness.
BLUE, ORANGE, GREY = "#2f7ebc", "#d55e00", "#858585"
COLOURS = (BLUE, ORANGE, "#1f9a5f", "#a866c4", "#d1508a", "#9a7d1a")  # of curves laid over another
INK = "#7a7f85"  # axes and text in bitmaps, readable on light and dark alike
PAPER, PRINT = "#ffffff", "#1d2125"  # of a bitmap's coloured cells: what is behind, what is in them
_LETTER = 0.6  # of their size: how wide letters are on average
_LINE = 0.16  # inches: how high a line of a panel's name is
_WIDE, _LARGER = 1.75, 1.5  # inches: of a panel in a full row; times that, where there are few
_FEWEST = 3  # numbers on an axis
_FEW_AXES = 8  # of a figure, beyond which it is a grid of panels
_OF_A_DECADE = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
_TIP = "tip:"  # begins the id of an artist that has something to say
_CURRENT = "#010203"  # stands for the text colour of the page in an SVG

RC: Any = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.formatter.useoffset": False,  # every number is whole, none is to be added to another
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "figure.dpi": 110,
    "svg.fonttype": "path",
    "text.parse_math": False,  # a label may hold a dollar sign
}


BESIDE: Any = {"textcoords": "offset points", "fontsize": 8}  # a text next to its point


def _inked(colour: str) -> Any:
    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return dict.fromkeys(names, colour) | {"grid.color": colour}


@contextmanager
def styled(for_page: bool = False) -> Iterator[None]:
    """afnlab's figure style; for_page: ink takes the colour of the page's text, see `to_svg`.

    A figure that is drawn for a page keeps the page's ink, whatever style its function has.
    """
    on_page = for_page or _on_page()
    ink = _inked(_CURRENT) | {"grid.alpha": 0.15} if on_page else _inked(INK)
    with mpl.rc_context(RC | ink):
        yield


def _on_page() -> bool:
    return mpl.rcParams["text.color"] == _CURRENT


def of_cells() -> tuple[str, str]:
    """What is behind coloured cells that one can look through, and the colour of what is in them.

    On a page both are the page's own. No ink is readable on every colour over a paper that may be
    light or dark, so a bitmap brings its own.
    """
    return ("none", _CURRENT) if _on_page() else (PAPER, PRINT)


def area(colour: str, alpha: float) -> Any:
    """A fill to look through, whose edge has the colour's own contrast to the page."""
    return {"facecolor": (colour, alpha), "edgecolor": colour, "linewidth": 0.8}


def whole_ticks(axis: Axis, about: int | Literal["auto"] = "auto") -> None:
    """Numbers at whole ones alone, such as epochs, also where there is but one of them."""
    axis.set_major_locator(MaxNLocator(about, integer=True, min_n_ticks=1))


def plain_ticks(axis: Axis) -> None:
    """Numbers at the ticks of a logarithmic axis as they are written, not as mathematics."""
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def log_ticks(axis: Axis, low: float, high: float, about: int = 7) -> None:
    """Numbers on a logarithmic axis from low to high: about so many, and at least three.

    They are the same in each decade, or equally spaced where these would lie too far apart.
    """
    tens = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    even = MaxNLocator(about + 1, steps=[1, 2, 5, 10]).tick_values(low, high)
    listed = [np.outer(tens, steps).ravel() for steps in _OF_A_DECADE]
    inside = [ticks[(low <= ticks) & (ticks <= high)] for ticks in listed]
    several = [ticks for ticks in inside if len(ticks) >= _FEWEST]
    ticks = min(several, key=lambda ticks: abs(len(ticks) - about), default=even)
    axis.set_major_locator(FixedLocator(list(ticks[:: max(1, round(len(ticks) / about))])))
    axis.set_minor_locator(NullLocator())
    plain_ticks(axis)


def in_legend(label: str) -> str:
    """A label for a legend, which would leave out one that begins with an underscore."""
    text = plain(label)
    return f" {text}" if text.startswith("_") else text


class Picture(Figure):
    """A figure that a notebook shows as it is: sharp, and readable on light and dark themes.

    Its constrained layout is one in which nothing overprints, see `Fitted`.
    """

    def set_layout_engine(
        self,
        layout: LayoutEngine | Literal["constrained", "compressed", "tight", "none"] | None = None,
        **kwargs: object,
    ) -> None:
        usual = layout == "constrained" and not kwargs
        super().set_layout_engine(Fitted() if usual else layout, **kwargs)

    def _repr_png_(self) -> tuple[bytes, dict[str, object]]:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=2 * self.dpi, bbox_inches="tight")
        data = buffer.getvalue()
        width, height = (int.from_bytes(data[at : at + 4], "big") // 2 for at in (16, 20))
        titles = [ax.get_title(loc="left") or ax.get_ylabel() for ax in self.axes]
        alt = f"Figure: {'; '.join(filter(None, dict.fromkeys(titles)))}".replace("\n", "")
        return data, {"width": width, "height": height, "alt": alt}


def row_name(label: object, width: int = 48, naming: Naming = proper_name) -> str:
    """A label of a row as it stands in a figure: with its proper name, without its middle."""
    return shortened(naming(label), width)


def inches_of(names: Iterable[str], size: float = 8) -> float:
    """How wide names are at most, in letters of so many points: room beside what they name."""
    return _LETTER * size / 72 * max(map(len, names), default=0)


def wrapped(text: str, width: int = 20) -> str:
    """A long label in lines of at most so many letters, by default what fits over a small panel;
    what does not fit loses its middle. A bracket stays with what it opens, as that of a unit."""
    lines = [""]
    words = re.findall(r"\(?[^:_,/( ]*[:_,/( ]?", shortened(text, 8 * width))
    for word in (shortened(word, width) for word in words):
        if len(lines[-1]) + len(word.rstrip()) > width and lines[-1]:
            lines.append("")
        lines[-1] += word
    return "\n".join(line.rstrip() for line in lines)


def shortened(text: str, width: int = 44) -> str:
    """A long label without its middle."""
    text, half = plain(text), width // 2
    return text if len(text) <= width else f"{text[:half]}\N{HORIZONTAL ELLIPSIS}{text[1 - half :]}"


def panels(
    names: Sequence[str], columns: int, height: float, sharey: bool, of: str = ""
) -> tuple[Figure, Sequence[Axes]]:
    """A figure of small panels with these names over them that share their x axis; the lowest of
    every column names its ticks, also where a row is not full.

    columns: at most; where there are fewer panels, they are larger. height: of a panel with a name
    of one line in a full row, in inches; of: what their y axes are of, which
    stands over all panels: beside them, most are too low for it.
    """
    count, most = len(names), columns
    columns = max(1, min(columns, count))
    larger = min(_LARGER, most / columns)  # a row that is not full leaves room to its panels
    wide, height = larger * _WIDE, larger * height
    rows, titles = -(-count // columns), list(map(wrapped, names))
    lines = [
        max(title.count("\n") for title in titles[columns * row :][:columns]) for row in range(rows)
    ]
    high = height * rows + _LINE * (sum(lines) + bool(of)) + 0.2
    figure = Picture(figsize=(wide * columns, high), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=sharey, squeeze=False).flatten()
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title)
        ax.yaxis.set_major_formatter("{x:g}")  # whole numbers: no factor of them over one panel
    for ax in axes[count:]:
        ax.set_axis_off()
    for ax in axes[max(0, count - columns) : count]:
        ax.tick_params(labelbottom=True)
    if of:
        figure.suptitle(of, fontsize=9, x=0.0, ha="left")
    return figure, list(axes[:count])


def to_svg(figure: Figure, alt: str) -> str:
    """A figure as an SVG element that scales with the page and takes its text colour.

    alt: what it shows, for those who cannot see it.
    """
    buffer = io.StringIO()
    page: Any = {"svg.hashsalt": plain(alt), "svg.fonttype": "path"}
    layout = figure.get_layout_engine()
    box: str | None = "tight"
    if layout is not None and len(figure.axes) > _FEW_AXES:
        # To find the tight box takes as long as to draw, and such a layout leaves no margin anyway.
        layout.execute(figure)
        figure.set_layout_engine("none")
        box = None
    with mpl.rc_context(page):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches=box)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(_CURRENT, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    head = filled('<svg role="img" aria-label="{}"', alt)
    width = re.search(r'width="([\d.]+)pt"', svg)
    pixels = float(width[1]) * 4 / 3 if width else 800
    style = f' style="width:{pixels:.0f}px;max-width:100%;height:auto"'
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    return svg.replace("<svg", str(head) + style, 1)


def tip(artist: Artist, title: str, lines: Sequence[str] = ()) -> None:
    """Say what a page's script shows where the pointer is near an artist, in an SVG.

    Args:
        artist: a collection, a line or a text.
        title: what it is.
        lines: one for each of its points, in their order.
    """
    artist.set_gid(_TIP + json.dumps([plain(title), *map(plain, lines)], ensure_ascii=False))


def tidied(svg: str, name: str) -> str:
    """An SVG of `to_svg` as part of a page, and what `tip` said is there.

    Its ids hold a digest of it: another figure, of any name, on the page or in another notebook
    that is open beside it, shares none. An id to which nothing refers is left out.
    """
    digest = sha256(svg.encode("utf-8")).hexdigest()[:8]
    svg = re.sub(f" id=([\"'])({_TIP})(.*?)\\1", r" data-tip=\1\3\1", svg)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    renamed = {i: f"{name}-{digest}-{at}" for at, i in enumerate(sorted(used))}
    svg = re.sub(
        r' id="([^"]*)"', lambda m: f' id="{renamed[m[1]]}"' if m[1] in renamed else "", svg
    )
    return re.sub(r'(href="#|url\(#)([^")]+)', lambda m: f"{m[1]}{renamed[m[2]]}", svg)


def show(
    figure: Figure, alt: str, caption: str = "", name: str = "", narrow: Figure | None = None
) -> Fragment:
    """A figure for a notebook's output that becomes part of a page; `name`: its id there, and
    what the fragment, and a file, know its SVG by.

    alt: what it shows, as a text; caption: a text, or `Markup`; narrow: the same for windows in
    which it would have to be scrolled.
    """
    note = filled("<figcaption>{}</figcaption>", caption) if caption else ""
    named = filled(' id="{}"', name) if name else ""
    with mpl.rc_context({"path.simplify": False}):  # a curve has a point for every value
        svg = tidied(to_svg(figure, alt), name or "figure")
        low = tidied(to_svg(narrow, alt), f"{name or 'figure'}-narrow") if narrow else ""
    picture = filled("<div class=scroll tabindex=0>{}</div>", Markup(svg))
    if low:
        picture = filled("<div class=wide>{}</div><div class=narrow>{}</div>", picture, Markup(low))
    page = filled("<figure{}>{}{}</figure>", named, picture, note)
    return Fragment(page, figures={name: svg.rstrip()} if name else {})
