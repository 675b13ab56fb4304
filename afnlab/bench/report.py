"""How long a report takes to read, compare and draw, from histories of many runs."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from afnlab import list_activations
from afnlab.measures import ACCURACY

SEEDS, EPOCHS, CLASSES = 24, 40, 10


def history() -> pd.DataFrame:
    """About 30,000 made-up rows: every activation, 24 seeds, 40 epochs."""
    rng = np.random.default_rng(0)
    labels = list_activations()
    index = pd.MultiIndex.from_product(
        [labels, range(SEEDS), range(1, EPOCHS + 1)], names=["label", "seed", "epoch"]
    )
    table = index.to_frame(index=False)
    level = dict(zip(labels, rng.normal(0.9, 0.02, len(labels)), strict=True))
    learned = 1 - np.exp(-table.epoch / 8)
    noise = rng.normal(0, 0.01, len(table))
    values = (table.label.map(level) * learned + noise).clip(0, 1)
    columns = {ACCURACY.column: values, "test_loss": 1 - values}
    return table.assign(**columns, seconds=0.01, diverged=False)


def measure(device: str = "cpu", rounds: int = 15) -> pd.DataFrame:
    """Median seconds of each part of a report over `history`, and of all; it needs no device."""
    laps = pd.DataFrame([_laps() for _ in range(rounds)])
    laps["all"] = laps.sum(axis=1)
    return laps.median().rename_axis("part").rename("seconds").reset_index()


def _laps() -> dict[str, float]:
    from afnlab import stats  # noqa: PLC0415
    from afnlab.compare import epochs, summary_table  # noqa: PLC0415
    from afnlab.figures import comparison, learning_curves  # noqa: PLC0415
    from afnlab.figures.ranks import ranks  # noqa: PLC0415
    from afnlab.figures.style import styled, to_svg  # noqa: PLC0415

    rows = history()
    made, clock = {}, time.perf_counter()

    def lap(part: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        made[part], clock = now - clock, now

    table = summary_table.compare_histories(rows, "relu", CLASSES, margin=0.005)
    lap(f"compare {len(rows)} rows")
    epochs.milestones(rows, float(table[ACCURACY.key]["relu"]))
    lap("milestones")
    final = summary_table.final_values(rows)
    ranked = stats.ranking(final)
    lap("ranks")
    with styled(for_page=True):
        for figure in (
            comparison.comparison(final, table, "relu", 0.005),
            learning_curves.learning(rows, list(table.index), "relu"),
            ranks(ranked),
        ):
            to_svg(figure, "")
    lap("figures")
    return made
