"""How deep networks of several activations can be trained, beside the theory's depth scales.

python docs/trainable_depth.py trains what docs/results/trainable-depth.csv lacks (some minutes of
one core for each activation; it goes on where it was), and prints the tables of
docs/results/trainable-depth.md; with --tables it trains nothing. It draws its figure,
docs/images/trainable-depth.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from afnlab.figures.style import Picture, row_name, styled
from afnlab.printing import title_of
from afnlab.registry import get_activation
from afnlab.studies import trainable_depth

FILE = Path(__file__).parent / "results" / "trainable-depth.csv"
FIGURE = Path(__file__).parent / "images" / "trainable-depth.png"
ACTIVATIONS = (
    *("tanh", "relu", "gelu", "selu", "srelu", "sigmoid"),
    *("swish", "elu", "mish", "softsign", "leaky_relu"),
)
SEEDS, COLUMNS = 2, 3
RESOLUTION = 150  # dots an inch


def train() -> None:
    for name in ACTIVATIONS:
        trainable_depth.study(name, seeds=SEEDS, file=FILE, device="cpu")
        print(name, file=sys.stderr, flush=True)


def finished() -> dict[str, pd.DataFrame]:
    """The rows of each activation of which no further depth is left to be tried."""
    rows, deepest = pd.read_csv(FILE), max(trainable_depth.DEPTHS)
    found = {name: rows[rows.activation == get_activation(name).label] for name in ACTIVATIONS}
    return {
        name: own
        for name, own in found.items()
        if len(own)
        and (
            deepest in set(own.depth)
            or not (trainable_depth.values(own) >= trainable_depth.TRAINED).all(axis=1).any()
        )
    }


def correlations(tables: list[pd.DataFrame]) -> str:
    lines = []
    for scale in ("depth scale", "gradient scale"):
        rho, low, high = trainable_depth.rank_correlation(tables, scale)
        rows = sum(int(t[scale].notna().sum()) for t in tables)
        lines.append(f"{scale}: {rho:.2f} [{low:.2f}, {high:.2f}], {rows} rows")
        alone = [trainable_depth.rank_correlation([t], scale)[0] for t in tables]
        lines.append("  within one activation: " + ", ".join(f"{r:.2f}" for r in alone))
    return "\n".join(lines)


def main() -> None:
    if "--tables" not in sys.argv:
        train()
    found = finished()
    tables = {name: trainable_depth.table(own, name) for name, own in found.items()}
    print("| | sigma_w | phase | trained up to | six depth scales | six gradient scales |")
    print("|---|---:|---|---:|---:|---:|")
    for name, table in tables.items():
        for at, (sigma_w, row) in enumerate(table.iterrows()):
            label = "" if at else row_name(get_activation(name).label)
            six = "" if pd.isna(row["six scales"]) else f"{row['six scales']:.1f}"
            back = trainable_depth.SCALES * row["gradient scale"]
            cells = [label, f"{sigma_w:.3f}", row.phase, str(row.deepest), six, f"{back:.1f}"]
            print(f"| {' | '.join(cells)} |")
    print()
    print(correlations(list(tables.values())))
    draw(found)


def draw(found: dict[str, pd.DataFrame]) -> None:
    """A panel for each activation."""
    rows = -(-len(found) // COLUMNS)
    with styled():
        figure = Picture(figsize=(3.0 * COLUMNS, 2.5 * rows), layout="constrained")
        axes = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
        for ax in axes[len(found) :]:
            ax.set_axis_off()
        for ax, (name, own) in zip(axes, found.items(), strict=False):
            image = trainable_depth.draw(ax, own, name)
        title = f"test {title_of(trainable_depth.METRIC)}"
        figure.colorbar(image, ax=list(axes), label=title, shrink=0.6)
        figure.savefig(FIGURE, dpi=RESOLUTION)


if __name__ == "__main__":
    main()
