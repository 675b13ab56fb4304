"""A figure and tables of the speed benchmark: how near to a copy's bandwidth each function is."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.patches import Patch

from afnlab.compare.formatting import percent
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, row_name, styled

COLOURS = {"kernel": BLUE, "trained": ORANGE, "torch": GREY}
NEAR = 0.10  # within 10 % counts as "~"


def figure(shares: pd.DataFrame) -> Picture:
    """Bars of the achieved share of a copy's bandwidth, forward and backward together.

    shares: a table of `afnlab.bench.activations.share_of_copy`; a panel for each dtype and size, in
    which the compiled kernels stand beside torch's own.
    """
    both = shares[(shares["pass"] == "both") & shares.way.isin(COLOURS)]
    both = both[both.input == "normal"]
    panels = list(both.groupby(["dtype", "elements"], sort=False))
    dtypes, sizes = both.dtype.unique(), both.elements.unique()
    rows = both.groupby(["dtype", "elements"]).size().max()
    with styled():
        picture = Picture(figsize=(3.1 * len(sizes) + 1, (0.19 * rows + 0.9) * len(dtypes)))
        axes = picture.subplots(len(dtypes), len(sizes), squeeze=False, sharex=True)
        for ax, ((dtype, size), part) in zip(axes.flat, panels, strict=True):
            ordered = part.sort_values("share")
            labels = list(_labels(ordered))
            ax.barh(labels, ordered.share, color=[COLOURS[w] for w in ordered.way], height=0.75)
            ax.axvline(1, color=GREY, linewidth=1, linestyle=":")
            ax.set_title(f"{dtype}, {size:,} elements")
            ax.tick_params(axis="y", labelsize=7)
            ax.grid(axis="y", visible=False)
        for ax in axes[-1]:
            ax.set_xlabel("share of a copy's bandwidth")
        handles = [Patch(color=c) for c in COLOURS.values()]
        names = ["compiled kernel", "with trained parameters", "torch's kernel"]
        picture.legend(handles=handles, labels=names, loc="outside upper right", ncols=3)
        picture.set_layout_engine("constrained")
    return picture


def _labels(part: pd.DataFrame) -> Iterator[str]:
    for name, way in zip(map(row_name, part.function), part.way, strict=True):
        yield {"kernel": name, "trained": f"{name}, trained", "torch": f"torch {name}"}[way]


def beside(summary: pd.DataFrame, column: str = "/ relu") -> pd.DataFrame:
    """One column of `afnlab.bench.activations.summary`, side by side for all dtypes and sizes.

    One row per function that has a value, ordered by the last dtype and size.
    """
    shown = summary[(summary.input == "normal") & summary[column].notna()]
    panels = [f"{d}, {n:,}" for d, n in zip(shown.dtype, shown.elements, strict=True)]
    wide = shown.assign(panel=panels).pivot(
        index=["function", "by"], columns="panel", values=column
    )
    wide = wide[list(dict.fromkeys(panels))].rename_axis(columns=None)  # in their own order
    return wide.sort_values(wide.columns[-1]).reset_index()


def noise(times: pd.DataFrame, rounds: int) -> str:
    """How far the rounds of a measurement scatter, and so how sure its ratios are.

    Args:
        times: of `afnlab.bench.activations.measure`.
        rounds: how many there were.

    Returns:
        A sentence or two.
    """
    if rounds == 1:
        return "One round does not say how far times scatter: a ratio may be noise."
    both = times[(times["pass"] == "both") & (times.input == "normal")]
    worst = both.sort_values("scatter").iloc[-1]
    return (
        f"Of the {rounds} rounds of a function the slowest took {percent(both.scatter.median(), 0)}"
        f" longer than the quickest (median over functions and sizes; {row_name(worst.function)}:"
        f" {percent(worst.scatter, 0)}). A ratio that differs from 1 by less than that median may"
        " be noise."
    )


def verdict(times: pd.DataFrame) -> pd.DataFrame:
    """What the measured times say about the document's claim, "GELU > SReLU ~ Swish".

    Two rows for each dtype and size: for the kernels, and for the formulas written in torch.
    """
    both = times[(times["pass"] == "both") & (times.input == "normal")]
    rows = []
    for (dtype, size), part in both.groupby(["dtype", "elements"], sort=False):
        t = part.set_index(["function", "way"]).seconds
        rivals = {
            "kernel": (t["srelu", "kernel"], t["gelu", "torch"], t["silu", "torch"]),
            "expression": tuple(t[f, "expression"] for f in ("srelu", "gelu", "swish")),
        }
        for by, (srelu, gelu, swish) in rivals.items():
            row = {"dtype": dtype, "elements": size, "by": by}
            row |= {"SReLU / GELU": srelu / gelu, "GELU > SReLU": _word(srelu < gelu)}
            near = abs(srelu / swish - 1) <= NEAR
            rows.append(row | {"SReLU / Swish": srelu / swish, "SReLU ~ Swish": _word(near)})
    return pd.DataFrame(rows)


def _word(holds: bool) -> str:
    return "holds" if holds else "does not hold"
