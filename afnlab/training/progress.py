"""A progress bar for a training: epochs, the metric, time left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from torch import Tensor

from afnlab.measures import Measure
from afnlab.messages import plain


class Bar:
    """Wraps tqdm's bar, or nothing."""

    def __init__(self, bar: Any = None) -> None:
        self._bar = bar

    def expect(self, epochs: int) -> None:
        """Set how many epochs there will be in all."""
        if self._bar is not None:
            self._bar.total = epochs
            self._bar.refresh()

    def step(self, metric: Measure, values: Tensor) -> None:
        """One more epoch, after which the metric has these values."""
        if self._bar is not None:
            mean = values.nanmean().item()
            self._bar.set_postfix_str(plain(f"test {metric.name} {metric.text(mean)}"))
            self._bar.update()


def in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


@contextmanager
def bar(epochs: int, label: str, show: bool | None) -> Iterator[Bar]:
    """A bar of this many epochs; show=None: in a terminal or a notebook only."""
    can = find_spec("tqdm") is not None  # the library half does without
    visible = can and (sys.stderr.isatty() or in_notebook()) if show is None else show
    if not visible:
        yield Bar()
        return
    from tqdm.auto import tqdm  # noqa: PLC0415

    with tqdm(total=epochs, desc=plain(label), unit="epoch") as shown:
        yield Bar(shown)
