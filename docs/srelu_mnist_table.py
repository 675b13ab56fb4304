"""SReLU's MNIST table: what runs of its sweeps came to, beside the print.

python docs/srelu_mnist_table.py RUNS adds the runs of `afnlab sweep srelu-mnist --epochs 20` to
docs/results/srelu-mnist.csv, by activation and seed, and prints those tables of
docs/results/srelu-mnist.md whose values by seed are kept: with 20 epochs, and each activation
tuned (srelu-mnist-tuned.csv). Without RUNS it prints those of the files.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import pandas as pd
from markdown_table import markdown_table, with_limits

import afnlab
from afnlab import stats
from afnlab.compare import compare_table, published
from afnlab.compare.proper_names import proper_name

RESULTS = Path(__file__).parent / "results"
FILE, TUNED = RESULTS / "srelu-mnist.csv", RESULTS / "srelu-mnist-tuned.csv"
EPOCHS, HALF = 20, 10
KEYS = ["activation", "seed"]
MEASURED = ["all_epochs", "later_half", "last"]
NAMES = {"relu": "ReLU", "gelu": "GELU", "swish": "Swish (SiLU)", "srelu": "SReLU"}
BASELINE = "relu"


def ends(history: pd.DataFrame) -> pd.DataFrame:
    """Of every training: its accuracy over all epochs, over the later half, after the last."""
    later = history[history.epoch > HALF]
    parts = [t.groupby(KEYS).test_accuracy.mean() for t in (history, later)]
    parts.append(history[history.epoch == EPOCHS].set_index(KEYS).test_accuracy)
    return pd.concat(parts, axis=1, keys=MEASURED).round(7).reset_index()


def collected(folder: str) -> pd.DataFrame:
    """What the file holds, and what the trainings of a folder came to."""
    history = afnlab.runs.load(folder)
    history = history[history.task == "mnist-mlp"]
    known = [pd.read_csv(FILE)] if FILE.is_file() else []
    both = pd.concat([*known, ends(history)])
    return both.drop_duplicates(KEYS, keep="last").sort_values(KEYS)


def beside_the_print(values: pd.DataFrame) -> list[str]:
    """Means over the seeds, in %, with the printed ones."""
    print_of = published("srelu-mnist", exact=True)
    print_of = print_of[print_of.epochs.astype(int) == EPOCHS].set_index(["activation", "metric"])
    metrics = ("mean accuracy (%) over all epochs", f"mean accuracy (%) over epochs after {HALF}")
    rows = []
    for name, shown in NAMES.items():
        cells = [
            with_limits(stats.mean_interval(values[column, name].to_numpy()), ".3f")
            for column in MEASURED
        ]
        printed = [print_of.value[name, metric] for metric in metrics]
        rows.append([shown, cells[0], printed[0], cells[1], printed[1], cells[2]])
    head = ["activation", "mean over all epochs", "printed"]
    head += [f"mean over epochs after {HALF}", "printed", "after the last epoch"]
    return markdown_table(head, rows)


def pairs(values: pd.DataFrame) -> list[str]:
    """Every difference between two, paired by seed, with the p-value of the sign-flip test."""
    rows = []
    for other, one in combinations(NAMES, 2):
        cells = []
        for column in MEASURED[1:]:
            gaps = (values[column, one] - values[column, other]).to_numpy()
            interval = with_limits(stats.difference_interval(gaps), "+.3f")
            cells.append(f"{interval}, p = {stats.sign_flip_p(gaps):.2g}")
        rows.append([f"{proper_name(one)} - {proper_name(other)}", *cells])
    return markdown_table(["", f"over epochs after {HALF}", "after the last epoch"], rows)


def tuned(replicates: pd.DataFrame) -> list[str]:
    """Each activation at its own learning rate, the best first, and at the recipe's."""
    percent = {
        name: 100 * replicates[name] for name in ("test_accuracy", "accuracy_at_fixed_recipe")
    }
    replicates = replicates.assign(**percent)
    table, recipe = (
        compare_table(replicates, value=name, unit="%", baseline=BASELINE).table for name in percent
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
    if len(sys.argv) > 1:
        collected(sys.argv[1]).to_csv(FILE, index=False)
    values = 100 * pd.read_csv(FILE).pivot(index="seed", columns="activation", values=MEASURED)
    for table in (beside_the_print(values), pairs(values), tuned(pd.read_csv(TUNED))):
        print("\n".join(table), end="\n\n")


if __name__ == "__main__":
    main()
