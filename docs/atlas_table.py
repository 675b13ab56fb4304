"""The activations on the embedded tasks, each tuned: what runs of `afnlab sweep atlas` came to.

python docs/atlas_table.py RUNS adds its runs to docs/results/atlas.csv, by task, activation and
replicate, draws docs/images/atlas.png, and prints the tables of docs/results/atlas.md; without RUNS
it does so from the file. A task counts once all activations have been trained on it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from markdown_table import markdown_table

import afnlab
from afnlab.compare import ForeignComparison, compare_table
from afnlab.compare import over_tasks as overall
from afnlab.compare.proper_names import proper_name
from afnlab.figures.over_tasks import MARKS, over_tasks
from afnlab.figures.style import styled

DOCS = Path(__file__).parent
FILE, PICTURE = DOCS / "results" / "atlas.csv", DOCS / "images" / "atlas.png"
KEYS = ["task", "activation", "seed"]
MEASURED = ["tuned", "rate", "recipe"]  # the metric, the chosen learning rate, the metric untuned
BASELINE = "ReLU"


def collected(folder: str) -> pd.DataFrame:
    """What the file holds, and the replicates of a folder's runs."""
    history = afnlab.runs.load(folder)
    parts = [pd.read_csv(FILE)] if FILE.is_file() else []
    for (run, task, label), epochs in history.groupby(["run", "task", "label"]):
        column = f"test_{afnlab.get_task(task).metric.key}"
        chosen = pd.read_parquet(Path(folder, run, "chosen.parquet")).set_index("seed")
        recipe = pd.read_parquet(Path(folder, run, "fixed.parquet"))
        ends = [t.sort_values("epoch").groupby("seed")[column].last() for t in (epochs, recipe)]
        values = pd.DataFrame({"tuned": ends[0], "rate": chosen.lr, "recipe": ends[1]})
        parts.append(values.reset_index().assign(task=task, activation=proper_name(label)))
    both = pd.concat(parts)[KEYS + MEASURED]
    both[MEASURED] = both[MEASURED].map(lambda value: float(f"{value:.5g}"))
    return both.drop_duplicates(KEYS, keep="last").sort_values(KEYS)


def comparisons(replicates: pd.DataFrame, value: str) -> dict[str, ForeignComparison]:
    """By task, where all activations have been trained."""
    everything = replicates.activation.nunique()
    return {
        task: compare_table(
            of_task,
            label="activation",
            value=value,
            better=afnlab.get_task(task).metric.better,
            baseline=BASELINE,
        )
        for task, of_task in replicates.groupby("task", sort=False)
        if of_task.activation.nunique() == everything
    }


def compared(by_task: Mapping[str, ForeignComparison]) -> overall.OverTasks:
    """The comparison over tasks, as a report has it."""
    values = {task: one.measure.sign * one.final for task, one in by_task.items()}
    verdicts = {task: one.table.verdict for task, one in by_task.items()}
    return overall.compared(values, verdicts, BASELINE)


def means(results: overall.OverTasks, by_task: Mapping[str, ForeignComparison]) -> list[str]:
    """The mean over the replicates, with the mark of the verdict; by mean rank, the best first."""
    metrics = {task: afnlab.get_task(task).metric for task in by_task}
    heads = [
        f"{task}, {metric.name}{f' ({metric.unit})' if metric.unit else ''}"
        for task, metric in metrics.items()
    ]
    rows = []
    ranks = {} if results.ranking is None else results.ranking.ranks
    for label, verdicts in results.verdicts.iterrows():
        cells = [
            f"{metric.scale * by_task[task].final[label].mean():.{metric.decimals}f}"
            + MARKS.get(verdicts[task], "")
            for task, metric in metrics.items()
        ]
        rank = f"{ranks[label]:.1f}" if label in ranks else ""
        rows.append([label, rank, *cells])
    return markdown_table(["activation", "mean rank", *heads], rows, numbers=True)


def counts(by_value: Mapping[str, Mapping[str, ForeignComparison]]) -> list[str]:
    """How many activations each task calls better and worse than the baseline."""
    rows = []
    for task in by_value["tuned"]:
        verdicts = [by_value[value][task].table.verdict for value in ("tuned", "recipe")]
        cells = [(v == name).sum() for v in verdicts for name in ("better", "worse")]
        rows.append([task, *cells])
    head = ["task", "tuned: better", "worse", "at the recipe: better", "worse"]
    return markdown_table(head, rows, numbers=True)


def rates(replicates: pd.DataFrame, tasks: Mapping[str, ForeignComparison]) -> list[str]:
    """Of the medians of the learning rates that each activation chose the median and the range."""
    rows = []
    for task in tasks:
        medians = replicates[replicates.task == task].groupby("activation").rate.median()
        ends = [f"{medians[name]:.2g} ({name})" for name in (medians.idxmin(), medians.idxmax())]
        rows.append([task, f"{medians.median():.2g}", *ends])
    return markdown_table(
        ["task", "median of the medians", "lowest median", "highest median"], rows
    )


def main() -> None:
    if len(sys.argv) > 1:
        collected(sys.argv[1]).to_csv(FILE, index=False)
    replicates = pd.read_csv(FILE)
    by_value = {value: comparisons(replicates, value) for value in ("tuned", "recipe")}
    results = compared(by_value["tuned"])
    with styled():
        over_tasks(results.effects, results.verdicts).savefig(PICTURE, dpi=150)
    print(" ".join(results.sentences), end="\n\n")
    for table in (
        means(results, by_value["tuned"]),
        counts(by_value),
        rates(replicates, by_value["tuned"]),
    ):
        print("\n".join(table), end="\n\n")


if __name__ == "__main__":
    main()
