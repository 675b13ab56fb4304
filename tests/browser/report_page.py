"""A report's page for tests in a browser, made of numbers that are drawn here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from afnlab.compare.summary_table import compare_histories, final_values
from afnlab.figures import all_pairs, metric_axis
from afnlab.figures.comparison import comparison
from afnlab.figures.learning_curves import overlay
from afnlab.figures.metric_and_cost import frontier
from afnlab.figures.style import Picture, show, styled
from afnlab.measures import ACCURACY, Measure
from afnlab.report import contents, embedded, glossary
from afnlab.report.page import script, shell
from afnlab.report.sections.tables import comparison_table

LABELS = ("relu", "selu", "leaky_relu", "gelu", "tanh", "my.py:own")
NAME = "some"
SECONDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)  # of an epoch, by the place in the table


def history(seeds: int, measure: Measure = ACCURACY, start: int = 0) -> pd.DataFrame:
    """Values of six rows over three epochs; two of them are equal, and one is far off."""
    rng = np.random.default_rng(start)
    rows = []
    for at, label in enumerate(LABELS):
        for seed in range(seeds):
            value = 0.9 + 0.004 * at + 0.01 * rng.normal()
            if label == "tanh":
                value = rows[-3 * seeds][measure.column] if seed else 0.93
            if label == "my.py:own":
                value -= 0.3
            for epoch in (1, 2, 3):
                rows.append(
                    {
                        "label": label,
                        "seed": seed,
                        "epoch": epoch,
                        measure.column: round(450 * value * (0.7 + 0.1 * epoch)) / 450,
                        "test_loss": 0.1,
                        "diverged": False,
                    }
                )
    return pd.DataFrame(rows)


def _pairs(final: pd.DataFrame, order: list[str], measure: Measure) -> Figure:
    return all_pairs.heat_map(all_pairs.paired_effects(final, order, measure), order)


def _frontier(table: pd.DataFrame, baseline: str, measure: Measure) -> Figure:
    """The rows in the table's order, each slower than the one before."""
    figure = Picture(figsize=(9.5, 4.2), layout="constrained")
    cost = pd.Series(SECONDS[: len(table)], table.index)
    frontier(figure.subplots(), table, cost, baseline, "an epoch", measure)
    return figure


def written(
    folder: Path,
    made: pd.DataFrame,
    baseline: str = "relu",
    margin: float | None = None,
    measure: Measure = ACCURACY,
    batches: int = 1,
) -> Path:
    """The page of a comparison; every row has a run of its own, for each of its batches."""
    table = compare_histories(made, baseline, margin=margin, metric=measure)
    final = final_values(made, measure.column)
    ids = {label: f"{at:016x}" for at, label in enumerate(made.label.unique())}
    runs = {label: dict.fromkeys(final.index, run) for label, run in ids.items()}
    shown = comparison_table(
        table, baseline, {n: [i] * batches for n, i in ids.items()}, "runs/{id}.html", measure
    )
    numbers = embedded.numbers(table, final, baseline, margin, measure, runs)
    least = metric_axis.least(table[measure.key], measure)
    with styled(for_page=True):
        figures = [
            show(
                comparison(final, table, baseline, margin, measure), "a", "", f"{NAME}-comparison"
            ),
            show(overlay(made, list(table.index), baseline, measure), "b", "", f"{NAME}-overlay"),
            show(_pairs(final, list(table.index), measure), "c", "", f"{NAME}-pairs"),
            show(_frontier(table, baseline, measure), "d", "", f"{NAME}-frontier"),
        ]
    parts = [
        "<h1>A page</h1><h2>First</h2>",
        figures[0].data,
        '<details class="prose" open><summary>In full</summary><p id="prose">Prose.</p></details>',
        f'<h2>Second</h2><div class="compared" data-of="{NAME}" data-least="{least!r}">'
        f"{shown}{numbers}</div>",
        *(figure.data for figure in figures[1:]),
        glossary.section(),
    ]
    body, headings = contents.anchored("".join(map(str, parts)))
    bar = contents.bar(headings, [("The table", "tables/some.csv")])
    path = folder / "report.html"
    path.write_text(shell("A page", f"{bar}<main>{body}</main>", script=script()), encoding="utf-8")
    (folder / "runs").mkdir(exist_ok=True)
    for run in ids.values():
        (folder / "runs" / f"{run}.html").write_text("<title>a run</title>")
    return path
