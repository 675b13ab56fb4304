"""Figures of metrics of all sizes: no number lies on another, no label is longer than its axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from afnlab.compare.summary_table import compare_histories, final_values
from afnlab.figures import comparison, learning_curves, learning_rates, metric_and_cost, tuning
from afnlab.figures.style import Picture, panels, styled
from afnlab.measures import ACCURACY, Measure
from tests.compare.test_summary_table import rows
from tests.figures.measured import numbers, overprinted, share, too_long

LOSS = Measure(name="log loss", key="log_loss", unit="nats", better="lower", low=0.0, decimals=4)
ERROR = Measure(name="mean absolute error", key="mae", better="lower", low=0.0)
PSNR = Measure(name="PSNR", key="psnr", unit="dB", better="higher")
LONG = "my_idea.py:a_long_name(lr=0.05, optimizer=rmsprop)"


@dataclass(frozen=True)
class Case:
    """A metric, the means of rows, and the deviation of seeds from them."""

    measure: Measure
    means: dict[str, float]
    deviation: float

    @property
    def history(self) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        parts = [
            rows(label, mean + self.deviation * rng.normal(size=8))
            for label, mean in self.means.items()
        ]
        history = pd.concat(parts, ignore_index=True)
        first = 1 + 0.3 * (-1 if self.measure.better == "higher" else 1) * (history.epoch == 1)
        last = history.test_accuracy + 0.1 * (history.epoch == 1)
        return history.assign(**{self.measure.column: last * first})


def several(low: float, step: float, count: int) -> dict[str, float]:
    return {"gelu": low} | {f"a{at}": low + step * at for at in range(1, count)}


CASES = {
    "accuracies": Case(ACCURACY, several(0.97, 0.002, 5), 0.003),
    "losses": Case(LOSS, several(0.09, 0.006, 3), 0.004),
    "the fourth digit": Case(LOSS, several(0.09123, 0.00004, 6), 0.00003),
    "below the baseline": Case(LOSS, several(0.12, -0.0043, 3), 0.003),
    "small errors": Case(ERROR, several(1e-5, 2e-7, 4), 2e-7),
    "large errors": Case(ERROR, several(1e6, 20, 4), 20),
    "decibels": Case(PSNR, several(31.2, 0.05, 8), 0.04),
    "two rows": Case(ACCURACY, several(0.97, 0.001, 2), 0.002),
    "one of three far off": Case(ERROR, {"gelu": 45.1, "relu": 45.0, "linear": 144.0}, 0.2),
    "one of four far off": Case(ERROR, several(45.0, 0.2, 3) | {"linear": 144.0}, 0.2),
    "the baseline far off": Case(ERROR, {"gelu": 144.0, "a": 45.0, "b": 45.2, "c": 45.3}, 0.2),
    "many": Case(ACCURACY, several(0.96, 0.0005, 37) | {"bad": 0.2}, 0.003),
    "long names": Case(ACCURACY, {"gelu": 0.97, LONG: 0.975, f"{LONG}2": 0.972}, 0.002),
}
FAR = {
    **{"one of three far off": "linear", "one of four far off": "linear"},
    **{"the baseline far off": "gelu", "many": "bad"},
}


def compared(case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    history = case.history
    table = compare_histories(history, "gelu", metric=case.measure)
    return final_values(history, case.measure.column), table


def drawn(case: Case) -> dict[str, Figure]:
    """The figures of a report, by what they show."""
    history, measure, (final, table) = case.history, case.measure, compared(case)
    order = list(table.index)
    figures = {
        "comparison": comparison.comparison(final, table, "gelu", None, measure),
        "curves": learning_curves.learning(history, order, "gelu", measure=measure),
    }
    if len(order) > 8:  # whose panels take long, and are small in every other case too
        return figures
    figures["overlay"] = learning_curves.overlay(history, order, "gelu", measure)
    cost = pd.Series(1 + 0.03 * np.arange(len(order)), order)
    figures["frontier"] = Picture(figsize=(9.5, 4.2), layout="constrained")
    ax = figures["frontier"].subplots()
    metric_and_cost.frontier(ax, table, cost, "gelu", measure=measure)
    means = pd.Series(case.means)[order]
    figures["over"] = tuning.over(trials(case), "lr", order, "gelu", True, measure=measure)
    figures["shift"] = tuning.shift(
        means * (1.1 if measure.sign < 0 else 0.98), means, "gelu", measure
    )
    figures["curves of trials"] = Picture(figsize=(6.5, 3.2), layout="constrained")
    tuning.curves(figures["curves of trials"].subplots(), bands(case), order[:2], measure)
    rates = [(f"{n}{lr}", n, lr) for n in order[:3] for lr in (0.00025, 0.0005, 0.001, 0.03)]
    worse = {0.00025: 1.02, 0.0005: 1.0, 0.001: 1.01, 0.03: 4.0}
    at_rates = {label: final[name] * worse[lr] ** -measure.sign for label, name, lr in rates}
    by_label = pd.DataFrame(rates, columns=["label", "activation", "lr"]).set_index("label")
    figures["rates"] = learning_rates.sensitivity(pd.DataFrame(at_rates), by_label, measure=measure)
    return figures


def trials(case: Case) -> pd.DataFrame:
    """Trials at random learning rates, of which some fail."""
    rng, parts = np.random.default_rng(1), []
    for label, mean in case.means.items():
        lr = np.exp(rng.uniform(np.log(1e-3), np.log(3e-2), 24))
        worse = 1 + 3 * np.log10(lr / 5e-3) ** 2 * np.abs(rng.normal(size=24))
        value = mean * worse if case.measure.better == "lower" else mean / (1 + 0.2 * (worse - 1))
        parts.append(pd.DataFrame({"label": label, "lr": lr, case.measure.key: value}))
    return pd.concat(parts, ignore_index=True)


def bands(case: Case) -> pd.DataFrame:
    """Expected bests of one to eight trials."""
    k = np.arange(1, 9)
    parts = []
    for label, mean in case.means.items():
        expected = mean * (1 + (-0.05 if case.measure.better == "higher" else 0.2) / k)
        parts.append(
            pd.DataFrame({"label": label, "trials": k, "expected": expected}).assign(
                low=expected - 0.01 * mean, high=expected + 0.01 * mean
            )
        )
    return pd.concat(parts, ignore_index=True)


SOME = ("losses", "below the baseline", "small errors", "one of four far off", "long names", "many")


@pytest.mark.parametrize("name", SOME)
def test_no_number_lies_on_another_and_no_label_is_longer_than_its_axis(name):
    with styled():
        figures = drawn(CASES[name])
    for what, figure in figures.items():
        assert overprinted(figure) == [], what
        assert too_long(figure) == [], what


@pytest.mark.parametrize("name", CASES)
def test_the_rows_take_most_of_the_axes_whatever_one_of_them_does(name):
    """Of the values, and of the differences: but for a row far off, and for the 0 beside them."""
    case = CASES[name]
    final, table = compared(case)
    with styled():
        figure = comparison.comparison(final, table, "gelu", None, case.measure)
    left, right = figure.axes
    assert share(left, case.measure.scale * final) > 0.8
    ends = table[["difference_low", "difference_high"]].assign(baseline=0.0)
    assert share(right, case.measure.scale * ends) > 0.8
    edges = list(comparison.edges_in_words(table, final, case.measure))
    assert len(edges) == (name in FAR)
    if name in FAR:
        number = f"{case.measure.scale * table[case.measure.key][FAR[name]]:.1f}"
        assert number in [text.get_text() for text in left.texts]
        assert len([text for text in right.texts if text.get_text()]) == 2  # its own, and "better"
        assert "means far" in edges[0]


def test_what_fits_is_left_as_it_is():
    with styled():
        figure = Picture(figsize=(6, 4), layout="constrained")
        ax = figure.subplots()
        ax.set(xlim=(0, 5), ylim=(0, 1), xlabel="a short label", ylabel="another")
        figure.draw_without_rendering()
    assert [text.get_text() for text in numbers(ax.xaxis)] == list("012345")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a short label", "another")


def test_long_numbers_are_thinned_and_long_labels_broken():
    with styled():
        figure = Picture(figsize=(2, 1.6), layout="constrained")
        ax = figure.subplots()
        ax.set(xlim=(-0.0203, 0.0012), ylim=(0, 1), ylabel="a label longer than a low axis")
    assert overprinted(figure) == []
    assert too_long(figure) == []
    assert len(numbers(ax.xaxis)) >= 2
    assert " ".join(ax.get_ylabel().split()) == "a label longer than a low axis"


def test_panels_of_long_names_are_as_high_as_others():
    heights = []
    for name in ("relu", LONG):
        with styled():
            figure, axes = panels([name, name], 6, 1.5, sharey=True, of="accuracy (%)")
        figure.draw_without_rendering()
        heights.append(axes[0].bbox.height)
    assert heights[1] > 0.8 * heights[0]


def test_numbers_are_whole():
    """None is to be added to, as matplotlib's +1e6 at the end of an axis."""
    with styled():
        figure = comparison.comparison(
            *compared(CASES["large errors"]), "gelu", measure=CASES["large errors"].measure
        )
        ax = figure.axes[0]
        ax.figure.draw_without_rendering()
    assert "+" not in ax.xaxis.get_offset_text().get_text()
