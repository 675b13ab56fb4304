"""Feed-forward layers, each tuned on surnames, and on Shakespeare: what their sweeps came to.

python docs/feed_forward_table.py RUNS adds the runs of `afnlab sweep feed-forward-shakespeare` to
docs/results/feed-forward-shakespeare.csv, by layer, learning rate and seed, and prints the tables
of docs/results/feed-forward.md, with that of feed-forward-tuned.csv before them; without RUNS it
prints those of the files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from markdown_table import markdown_table, with_limits

import afnlab
from afnlab import stats
from afnlab.compare import ForeignComparison, compare_table
from afnlab.compare.proper_names import proper_name

RESULTS = Path(__file__).parent / "results"
TUNED = RESULTS / "feed-forward-tuned.csv"
FILE = RESULTS / "feed-forward-shakespeare.csv"
KEYS = ["layer", "lr", "seed"]
METRIC = "test_bits_per_character"
MEASURED = ["train_loss", "test_loss", METRIC]
RECIPE_RATE = 0.001  # which labels do not say
BASELINE = "GELU"
PAIRS = (
    ("ReLU squared", "GELU"),
    ("SwiGLU", "GELU"),
    ("SReGLU", "GELU"),
    ("SwiGLU", "ReLU squared"),
    ("SReGLU", "SwiGLU"),
)


def tuned(replicates: pd.DataFrame) -> list[str]:
    """Each layer at its own learning rate, the best first, and what it was at the recipe's."""
    replicates = replicates.assign(label=replicates.label.map(_layer))
    chosen = _compared(replicates, "bits_per_character").table
    recipe = _compared(replicates, "bits_at_fixed_recipe").table
    rates = replicates.groupby("label").lr.median()
    rows = []
    for layer, row in chosen.iterrows():
        mean, deviation = f"{row.value:.4f}", f"{row.deviation:.4f}"
        plain = with_limits(row[["difference", "difference_low", "difference_high"]], "+.4f")
        adjusted = f"[{row.adjusted_low:+.4f}, {row.adjusted_high:+.4f}]"
        before = f"{recipe.difference[layer]:+.4f}, {recipe.verdict[layer]}"
        if layer == BASELINE:
            plain = adjusted = before = ""
        rows.append(
            [layer, mean, deviation, f"{rates[layer]:.3f}", plain, adjusted, row.verdict, before]
        )
    head = ["layer", "bits per character", "standard deviation", "median rate chosen"]
    head += ["difference to GELU, 95 % confidence interval"]
    head += [f"the same, adjusted for {len(chosen) - 1} comparisons", "verdict"]
    return markdown_table([*head, "at the recipe's rate: difference, verdict"], rows)


def _layer(label: str) -> str:
    return proper_name(label).replace("(negative_slope=", " (slope ")


def _compared(replicates: pd.DataFrame, value: str) -> ForeignComparison:
    return compare_table(replicates, value=value, better="lower", baseline=BASELINE)


def collected(folder: str) -> pd.DataFrame:
    """What the file holds, and what the trainings of a folder ended with."""
    history = afnlab.runs.load(folder)
    history = history[history.task == "shakespeare-gpt-cpu"].sort_values("epoch")
    ends = history.groupby(["run", "seed"], as_index=False).last()
    ends["layer"] = ends.label.str.partition("(")[0].map(proper_name)
    ends["lr"] = ends.label.str.extract(r"lr=([\d.]+)")[0].astype(float).fillna(RECIPE_RATE)
    known = [pd.read_csv(FILE)] if FILE.is_file() else []
    both = pd.concat([*known, ends[[*KEYS, *MEASURED]]]).round(dict.fromkeys(MEASURED, 6))
    return both.drop_duplicates(KEYS, keep="last").sort_values(KEYS)


def means(ends: pd.DataFrame) -> list[str]:
    """Mean and standard deviation of each layer at each rate."""
    rates = sorted(ends.lr.unique())
    rows = []
    for layer, of_layer in ends.groupby("layer"):
        values = [of_layer[of_layer.lr == rate][METRIC] for rate in rates]
        cells = [
            f"{v.mean():.4f} ({v.std():.4f}, {len(v)} seeds)" if len(v) else "" for v in values
        ]
        rows.append([layer, *cells])
    return markdown_table(["layer", *(f"lr {rate:g}" for rate in rates)], rows)


def differences(ends: pd.DataFrame) -> list[str]:
    """Between layers at one rate, paired by seed: mean, 95 % interval, p of the sign-flip test."""
    rates = sorted(ends.lr.unique())
    rows = []
    table = ends.set_index(KEYS)[METRIC].unstack("layer")
    for one, other in PAIRS:
        gaps = (table[one] - table[other]).dropna()
        cells = []
        for rate in rates:
            values = gaps[gaps.index.get_level_values("lr") == rate].to_numpy()
            if len(values) < 2:
                cells.append("")
                continue
            interval = with_limits(stats.difference_interval(values), "+.4f")
            cells.append(f"{interval}, p = {stats.sign_flip_p(values):.2g}")
        rows.append([f"{one} - {other}", *cells])
    return markdown_table(["", *(f"lr {rate:g}" for rate in rates)], rows)


def main() -> None:
    if len(sys.argv) > 1:
        collected(sys.argv[1]).to_csv(FILE, index=False)
    ends = pd.read_csv(FILE)
    for table in (tuned(pd.read_csv(TUNED)), means(ends), differences(ends)):
        print("\n".join(table), end="\n\n")


if __name__ == "__main__":
    main()
