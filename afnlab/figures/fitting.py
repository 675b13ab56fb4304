"""A layout in which the numbers of an axis do not touch and its label is no longer than it is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import pairwise

from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, Locator, LogLocator, MaxNLocator

APART = {"x": 0.6, "y": 0.0}  # of the size of the letters: the least gap between two numbers
NARROWEST = 8  # letters of a line of a label


class Fitted(ConstrainedLayoutEngine):
    """matplotlib's constrained layout, for numbers and labels as long as they turn out to be.

    How long they are is measured where the axes have their place; then the layout is made again.
    """

    def execute(self, fig: Figure) -> None:
        """Lay out a figure.

        Args:
            fig: the figure.
        """
        super().execute(fig)
        changed = [*map(_thinned, _axes_with_numbers(fig)), *map(_broken, _labels(fig))]
        if any(changed):
            super().execute(fig)


def shown_numbers(axis: Axis) -> list[Text]:
    """The texts at the ticks of an axis that are seen.

    Args:
        axis: of a figure that was laid out.

    Returns:
        They are in the order of their places.
    """
    low, high = sorted(axis.get_view_interval())
    room = 1e-9 * (high - low)
    side = 0 if isinstance(axis, XAxis) else 1
    texts = [
        text
        for text in axis.get_majorticklabels()
        if text.get_visible() and text.get_text()
        # The place of a tick along its axis is the number that it stands for.
        if low - room <= text.get_position()[side] <= high + room
    ]
    return sorted(texts, key=lambda text: text.get_position()[side])


def touching(axis: Axis) -> bool:
    """Whether two numbers of an axis lie closer to each other than can be read.

    Args:
        axis: of a figure that was laid out.
    """
    texts, name = shown_numbers(axis), "x" if isinstance(axis, XAxis) else "y"
    if len(texts) < 2:
        return False
    letter = float(texts[0].get_fontsize()) * axis.axes.figure.dpi / 72  # in pixels
    boxes = sorted(tuple(getattr(text.get_window_extent(), f"interval{name}")) for text in texts)
    return any(after[0] - before[1] < APART[name] * letter for before, after in pairwise(boxes))


def _axes_with_numbers(figure: Figure) -> Iterator[Axis]:
    """One axis for each locator: panels that share an axis share what chooses its ticks."""
    axes = [axis for ax in figure.axes if ax.axison for axis in (ax.xaxis, ax.yaxis)]
    labelled = [axis for axis in axes if shown_numbers(axis)]
    narrowest = sorted(labelled, key=_length, reverse=True)
    yield from {id(axis.get_major_locator()): axis for axis in narrowest}.values()


def _length(axis: Axis) -> float:
    box = axis.axes.get_window_extent()
    return float(box.width if isinstance(axis, XAxis) else box.height)


def _thinned(axis: Axis) -> bool:
    """Have an axis show fewer numbers until none touches the next; whether that was needed."""
    count = len(shown_numbers(axis))
    changed = False
    while count > 1 and touching(axis) and _show(axis.get_major_locator(), count - 1):
        count, changed = count - 1, True
    return changed


def _show(locator: Locator, count: int) -> bool:
    """Have a locator find so many ticks; False if it knows no number."""
    if isinstance(locator, (MaxNLocator, FixedLocator)):
        locator.set_params(nbins=count)
    elif isinstance(locator, LogLocator):
        locator.set_params(numticks=count)
    else:
        return False
    return True


def _labels(figure: Figure) -> Iterator[tuple[Text, float]]:
    """The labels along axes and along the whole figure, with the pixels that each may be long."""
    for ax in figure.axes:
        if ax.axison:
            yield ax.xaxis.label, _length(ax.xaxis)
            yield ax.yaxis.label, _length(ax.yaxis)
    width, height = figure.bbox.size
    for name, most in (("_suptitle", width), ("_supxlabel", width), ("_supylabel", height)):
        if (text := getattr(figure, name)) is not None:
            yield text, most


def _broken(label: tuple[Text, float]) -> bool:
    """Break a label into lines that are short enough; whether that was needed."""
    text, most = label
    whole = text.get_text()
    width = len(whole)
    while width > NARROWEST and _extent(text) > most:
        width = max(NARROWEST, min(width - 1, int(width * most / _extent(text))))
        text.set_text("\n".join(_lines(whole, width)))
    return text.get_text() != whole


def _lines(text: str, width: int) -> list[str]:
    """A text in as few lines of so many letters as will do, all about as long."""
    lines = textwrap.wrap(text, width, break_long_words=False)
    for narrower in range(width - 1, 0, -1):
        tried = textwrap.wrap(text, narrower, break_long_words=False)
        if len(tried) > len(lines):
            break
        lines = tried
    return lines


def _extent(text: Text) -> float:
    """How long a text is along its lines, in pixels."""
    box = text.get_window_extent()
    return float(box.height if text.get_rotation() % 180 == 90 else box.width)
