"""Progress bars of trainings and measurements: which network, what it has reached, time left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from torch import Tensor

from afnlab.measures import Measure
from afnlab.messages import counted, plain

if TYPE_CHECKING:
    from tqdm import tqdm


class Bar:
    """Wraps tqdm's bar, or nothing."""

    def __init__(self, bar: tqdm | None = None) -> None:
        self._bar = bar

    def expect(self, total: int) -> None:
        """Set how many steps there will be in all."""
        if self._bar is not None:
            self._bar.total = total
            self._bar.refresh()

    def name(self, label: str) -> None:
        """Say what comes next."""
        if self._bar is not None:
            self._bar.set_description(plain(label))

    def step(self, reached: str = "") -> None:
        """One more step; what was reached by it, if that is known."""
        if self._bar is not None:
            if reached:
                self._bar.set_postfix_str(plain(reached), refresh=False)
            self._bar.update()


def mean_text(metric: Measure, values: Tensor, split: str) -> str:
    """What networks have reached, as a bar says it: "validation accuracy 95.10 %".

    Args:
        metric: what is measured.
        values: its values, one per network.
        split: of which examples, "test" or "validation".
    """
    said = f"{split} {metric.name} {metric.text(values.nanmean().item())}"
    return said if len(values) == 1 else f"{said}, mean of {counted(len(values), 'network')}"


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


@contextmanager
def bar(total: int, label: str, show: bool | None, unit: str = "epoch") -> Iterator[Bar]:
    """A bar of this many steps; show=None: in a terminal or a notebook only."""
    can = find_spec("tqdm") is not None  # the library half does without
    visible = can and (sys.stderr.isatty() or in_notebook()) if show is None else show
    if not visible:
        yield Bar()
        return
    # Not tqdm.auto, which takes whoever has imported ipykernel for a notebook.
    if in_notebook():
        from tqdm.notebook import tqdm  # noqa: PLC0415
    else:
        from tqdm import tqdm  # noqa: PLC0415

    with tqdm(total=total, desc=plain(label), unit=unit) as shown:
        if parts := getattr(getattr(shown, "container", None), "children", ()):
            parts[0].layout.flex = "none"  # the label, which would break in the middle of a name
        yield Bar(shown)
