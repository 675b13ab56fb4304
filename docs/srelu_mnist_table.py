"""SReLU's MNIST table with each activation tuned: what runs of its sweep came to.

python docs/srelu_mnist_table.py prints those tables of docs/results/srelu-mnist.md whose values by
seed are kept, in docs/results/srelu-mnist-tuned.csv: after the last epoch, at the recipe's learning
rate and at each activation's own.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pandas as pd
from markdown_table import markdown_table, with_limits

from afnlab import stats
from afnlab.compare import compare_table
from afnlab.compare.proper_names import proper_name

FILE = Path(__file__).parent / "results" / "srelu-mnist-tuned.csv"
TUNED, RECIPE = "test_accuracy", "accuracy_at_fixed_recipe"
NAMES = {"relu": "ReLU", "gelu": "GELU", "swish": "Swish (SiLU)", "srelu": "SReLU"}
BASELINE = "relu"


def means(replicates: pd.DataFrame) -> list[str]:
    """At the recipe's rate, with 95 % intervals."""
    rows = []
    for name, shown in NAMES.items():
        values = replicates[replicates.label == name][RECIPE].to_numpy()
        rows.append([shown, with_limits(stats.mean_interval(values), ".3f")])
    return markdown_table(["activation", "after the last epoch"], rows)


def pairs(replicates: pd.DataFrame) -> list[str]:
    """Every difference between two, paired by seed, with the p-value of the sign-flip test."""
    values = replicates.pivot(index="seed", columns="label", values=[RECIPE, TUNED])
    rows = []
    for other, one in combinations(NAMES, 2):
        cells = []
        for column in (RECIPE, TUNED):
            gaps = (values[column, one] - values[column, other]).to_numpy()
            interval = with_limits(stats.difference_interval(gaps), "+.3f")
            cells.append(f"{interval}, p = {stats.sign_flip_p(gaps):.2g}")
        rows.append([f"{proper_name(one)} - {proper_name(other)}", *cells])
    return markdown_table(["", "at the recipe's rate", "each tuned"], rows)


def tuned(replicates: pd.DataFrame) -> list[str]:
    """Each activation at its own learning rate, the best first, and at the recipe's."""
    table, recipe = (
        compare_table(replicates, value=name, unit="%", baseline=BASELINE).table
        for name in (TUNED, RECIPE)
    )
    rates = replicates.groupby("label").lr.median()
    rows = []
    for name, row in table.iterrows():
        mean = with_limits(row[["value", "value_low", "value_high"]], ".3f")
        limits = ["difference", "difference_low", "difference_high"]
        plain, before = (with_limits(t.loc[name, limits], "+.3f") for t in (table, recipe))
        cells = [plain, f"[{row.adjusted_low:+.3f}, {row.adjusted_high:+.3f}]"]
        at_recipe = f"{recipe.value[name]:.3f}"
        if name == BASELINE:
            cells = ["", ""]
        else:
            at_recipe += f", {before}"
        rows.append([NAMES[name], mean, f"{rates[name]:.4f}", *cells, at_recipe])
    head = ["activation", "after the last epoch, tuned", "median rate chosen"]
    head += ["difference to ReLU, paired by seed", f"adjusted for {len(table) - 1} comparisons"]
    return markdown_table([*head, "at the recipe's rate: accuracy, difference to ReLU"], rows)


def main() -> None:
    replicates = pd.read_csv(FILE)
    percent = {name: 100 * replicates[name] for name in (TUNED, RECIPE)}
    replicates = replicates.assign(**percent)
    for table in (means(replicates), pairs(replicates), tuned(replicates)):
        print("\n".join(table), end="\n\n")


if __name__ == "__main__":
    main()
