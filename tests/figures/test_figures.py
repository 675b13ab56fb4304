"""Figures of a comparison: what is on them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from afnlab import stats
from afnlab.compare import epochs
from afnlab.compare.summary_table import final_values
from afnlab.figures import comparison, learned_parameters, learning_curves, learning_rates
from afnlab.figures.comparison import forest, seed_dots
from afnlab.figures.metric_and_cost import frontier
from afnlab.figures.ranks import ranks
from afnlab.figures.style import log_ticks, styled, to_svg
from afnlab.measures import ACCURACY
from tests.compare.test_summary_table import BASE, SIX, rows, table
from tests.figures.test_function_curves import HISTORY, texts


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def titles(figure: Figure) -> list[str]:
    return [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes if ax.axison]


def marks(ax: Axes, shapes: str = "oDs.") -> dict[int, object]:
    """Single marks on an axes by the row they stand in."""
    found = [line for line in ax.lines if line.get_marker() in list(shapes)]
    return {round(line.get_ydata()[0]): line for line in found}


def test_points(ax):
    made = table(HISTORY)
    assert seed_dots(ax, final_values(HISTORY), made, "relu") is ax
    ax.figure.draw_without_rendering()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["SReLU", "ReLU"]
    dots = np.concatenate([c.get_offsets() for c in ax.collections])
    assert sorted(np.round(dots[:, 0], 6)) == [*range(50, 56), *range(60, 66)]
    found = marks(ax)
    assert {row: line.get_xdata()[0] for row, line in found.items()} == pytest.approx(
        {0: 62.5, 1: 52.5}
    )
    r = made.loc["srelu"]
    ends = f"[{100 * r.accuracy_low:.2f}, {100 * r.accuracy_high:.2f}]"
    assert found[0].get_gid() == f'tip:["SReLU: 62.50 % {ends}"]'
    # The baseline has a mark of its own shape, so that it is known without colours.
    assert [found[row].get_marker() for row in (0, 1)] == ["o", "D"]


@pytest.mark.parametrize("count", [2, 12, 31])
def test_no_dot_touches_a_mean(count):
    """A dot that looks out from behind a round mark makes it look like one of another shape."""
    history = pd.concat(
        [rows(f"a{i}", [0.9 + s // 3 / 450 for s in range(12)]) for i in range(count)]
    )
    history = history.reset_index(drop=True)
    made, final = table(history, baseline="a0"), final_values(history)
    with styled():
        figure = comparison.comparison(final, made, "a0")
    figure.draw_without_rendering()
    left = figure.axes[0]
    row = left.bbox.height / count * 72 / figure.dpi  # in points, as sizes of marks are
    for at, dots in enumerate(left.collections):
        lowest = dots.get_offsets()[:, 1].max() * row + dots.get_sizes()[0] ** 0.5 / 2
        mark = marks(left)[at]
        assert lowest <= mark.get_ydata()[0] * row - mark.get_markersize() / 2


def test_nothing_invites_to_compare_where_intervals_overlap():
    """The values of a row are not set against the baseline's interval: differences are paired."""
    figure = comparison.comparison(final_values(HISTORY), table(HISTORY), "relu")
    left, right = figure.axes
    assert not left.patches
    assert [line.get_xdata()[0] for line in right.lines if len(set(line.get_xdata())) == 1][-1] == 0
    for ax in figure.axes:  # both say which way is better
        assert [t.get_text() for t in ax.texts] == ["better \N{RIGHTWARDS ARROW}"]


def test_the_figure_is_the_same_each_time():
    made = table(BASE, rows("srelu", [0.6 + 0.01 * s for s in SIX]))
    final = final_values(HISTORY)
    pages = [to_svg(comparison.comparison(final, made, "relu"), "seeds") for _ in range(2)]
    assert pages[0] == pages[1]


def test_points_far_off_stand_at_the_edge(ax):
    parts = [rows(f"a{i}", [0.9 + i / 1000 + s / 1000 for s in SIX]) for i in range(5)]
    history = pd.concat([*parts, rows("bad", [0.1] * 6)])
    seed_dots(ax, final_values(history), table(history, baseline="a0"), "a0")
    assert ax.get_xlim()[0] > 80
    assert "10.0" in [t.get_text() for t in ax.texts]


def test_forest(ax):
    made = table(BASE, rows("srelu", [0.6 + 0.01 * s for s in SIX]), rows("elu", [0.52] * 6))
    assert forest(ax, made) is ax
    assert [t.get_text() for t in ax.get_yticklabels()] == ["SReLU", "ReLU", "ELU"]
    faces = {row: line.get_markerfacecolor() for row, line in marks(ax).items()}
    told = {made.index.get_loc(n): made.verdict[n] in ("better", "worse") for n in made.index}
    assert {row: face != "none" for row, face in faces.items()} == told


def test_forest_shows_both_intervals_and_equivalence(ax):
    tie = rows("tie", [0.50 + 0.01 * s + (-1) ** s / 1000 for s in SIX])
    made = table(BASE, tie, margin=0.01)
    forest(ax, made, 0.01)
    row = made.index.get_loc("tie")
    assert marks(ax)[row].get_marker() == "s"
    drawn = [tuple(line.get_xdata()) for line in ax.lines if list(line.get_ydata()) == [row, row]]
    r = made.loc["tie"]
    for name in ("difference", "adjusted"):
        expected = (100 * r[f"{name}_low"], 100 * r[f"{name}_high"])
        assert any(pair == pytest.approx(expected) for pair in drawn), name


def test_comparison_and_learning():
    figure = comparison.comparison(final_values(HISTORY), table(HISTORY), "relu")
    assert len(figure.axes) == 2
    assert "difference to ReLU (points)" in texts(figure)
    figure = learning_curves.learning(HISTORY, ["srelu", "relu"], "relu")
    assert titles(figure) == ["SReLU", "ReLU"]
    assert all(tick == int(tick) for tick in figure.axes[0].get_xticks())  # epochs are whole
    (band,) = figure.axes[0].collections
    expected = epochs.bands(HISTORY).query("label == 'srelu' and epoch == 2").iloc[0]
    y = band.get_paths()[0].vertices
    assert y[y[:, 0] == 2][:, 1].min() == pytest.approx(100 - 100 * expected.high)  # an error


FREE = replace(ACCURACY, high=None)  # nothing bounds it at its better end


def test_curves_that_end_far_below_say_where_they_are_not_drawn():
    good = [rows(f"a{i}", [0.94, 0.95, 0.96]) for i in range(6)]
    history = pd.concat([*good, rows("poor", [0.1] * 3)], ignore_index=True)
    figure = learning_curves.learning(history, ["a0", "poor"], "a0", measure=FREE)
    low, high = figure.axes[0].get_ylim()
    assert (low > 50, high <= 100) == (True, True)
    assert [t.get_text() for t in figure.axes[1].texts] == ["10.0"]
    assert not figure.axes[0].texts


BOUNDED = {  # a metric with a bound at its better end, and what its axis is of
    "accuracy": (ACCURACY, "error (%)"),
    "bits": (
        replace(ACCURACY, name="bits", key="bits", unit="", better="lower", high=None, scale=1.0),
        "bits, lower is better",
    ),
    "overlap": (
        replace(ACCURACY, name="overlap", key="overlap", unit="", scale=1.0),
        "distance of overlap from 1",
    ),
}


@pytest.mark.parametrize("case", BOUNDED)
def test_every_panel_shows_its_curve(case):
    measure, label = BOUNDED[case]
    ends = [0.99, 1.0, 0.5, 0.1, 0.0]
    history = pd.concat([rows(f"a{i}", [end] * 3) for i, end in enumerate(ends)])
    history = history.rename(columns={"test_accuracy": measure.column})
    order = [f"a{i}" for i in range(len(ends))]
    figure = learning_curves.learning(history, order, "a0", measure=measure)
    assert texts(figure).count(label) == 1
    for ax in figure.axes[: len(order)]:
        assert ax.get_yscale() == "log"
        low, high = ax.get_ylim()
        assert all((low <= line.get_ydata()).all() for line in ax.lines)
        assert all((line.get_ydata() <= high).all() for line in ax.lines)
    together = learning_curves.overlay(history, order, "a0", measure)
    assert len([line for line in together.axes[0].lines if len(line.get_xdata())]) == len(order)


def test_one_wide_row_does_not_squeeze_the_others(ax):
    """Its bar is cut, and a mark says so."""
    near = [rows(f"a{i}", [0.95 + s / 1000 + i / 1000 for s in SIX]) for i in range(8)]
    history = pd.concat([*near, rows("wide", [0.95, 0.95, 0.95, 0.95, 0.95, 0.9])])
    history = history.reset_index(drop=True)
    made, final = table(history, baseline="a0"), final_values(history)
    seed_dots(ax, final, made, "a0")
    assert ax.get_xlim()[0] > 91
    assert comparison.cut(made, final)
    assert [line.get_marker() for line in ax.lines].count("<") == 1
    even = pd.concat(near, ignore_index=True)
    assert not comparison.cut(table(even, baseline="a0"), final_values(even))


def test_names_that_would_lie_on_another_are_left_out(ax):
    ends = {"relu": 0.5} | {f"a{i}": 0.5 + 1e-5 * i for i in range(9)} | {"c": 0.51}
    history = pd.concat([rows(n, [end] * 6) for n, end in ends.items()])
    cost = pd.Series({"relu": 1.0} | {f"a{i}": 1 + 1e-5 * i for i in range(9)} | {"c": 9.0})
    frontier(ax, table(history), cost, "relu")
    named = [t.get_text() for t in ax.texts]
    assert named[:2] == ["ReLU", "c"]  # the baseline and the best first
    assert len(named) < len(ends)
    boxes = [t.get_window_extent() for t in ax.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_names_do_not_lie_on_the_bars_of_others(ax):
    wide = rows("wide", [0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    history = pd.concat([HISTORY, rows("near", [0.55] * 6), wide])
    cost = pd.Series({"relu": 1.0, "srelu": 0.3, "near": 1.8, "wide": 2.0})
    frontier(ax, table(history), cost, "relu")
    (near,) = [t for t in ax.texts if t.get_text() == "near"]
    box, bar = near.get_window_extent(), ax.transData.transform((2.0, 55))[0]
    assert not box.x0 < bar < box.x1


def test_frontier(ax):
    history = pd.concat([HISTORY, rows("elu", [0.2] * 6)], ignore_index=True)
    made = table(history)
    cost = pd.Series({"relu": 0.002, "srelu": 0.003, "elu": 0.004})
    assert frontier(ax, made, cost, "relu") is ax
    assert {t.get_text() for t in ax.texts} == {"ReLU", "SReLU", "ELU"}
    at = {line.get_marker(): line.get_xdata()[0] for line in marks(ax).values()}
    assert at["D"] == pytest.approx(1.0)
    assert at["o"] == pytest.approx(1.5)
    assert ax.get_xlabel() == "time of an epoch (ReLU = 1)"
    frontier(ax, made, cost, "gelu", "a step")
    assert ax.get_xlabel() == "time of a step (s)"


@pytest.mark.parametrize("about", [4, 5, 7])
@pytest.mark.parametrize("ratio", [1.02, 1.1, 1.9, 2.6, 4.5, 12, 60, 333, 1e4, 1e9])
def test_a_logarithmic_axis_has_a_few_numbers(ratio, about, ax):
    for low in (3e-4, 0.17, 1.0, 2.05, 640.0):
        ax.set(yscale="log", ylim=(low, low * ratio))
        log_ticks(ax.yaxis, low, low * ratio, about)
        ticks = ax.yaxis.get_majorticklocs()
        ticks = ticks[(low <= ticks) & (ticks <= low * ratio)]
        assert 3 <= len(ticks) <= 1.5 * about + 1, low
        texts = ax.yaxis.get_major_formatter().format_ticks(ticks)
        assert [float(text) for text in texts] == pytest.approx(ticks), low


@pytest.mark.parametrize(
    "times",
    [
        (1, 1.02, 0.97),
        (1, 1, 1),
        (1, 1.3),
        (1, 1.49),
        (1, 1.6, 2.4),
        (1, 9),
        (1, 25),
        (1, 100, 3),
        (0.0032, 0.0035),
        (3.1e-7, 4e-7),
    ],
)
@pytest.mark.parametrize("baseline", ["relu", "none"])
def test_the_axis_of_times_has_several_numbers(times, baseline, ax):
    names = ["relu", "srelu", "elu"][: len(times)]
    history = pd.concat([HISTORY, rows("elu", [0.4] * 6)], ignore_index=True)
    cost = pd.Series(times, names, dtype=float)
    frontier(ax, table(history[history.label.isin(names)]), cost, baseline)
    low, high = ax.get_xlim()
    shown = [t for t in ax.get_xticklabels() if low <= t.get_position()[0] <= high]
    assert 3 <= len({t.get_text() for t in shown}) == len(shown) <= 9
    boxes = [t.get_window_extent() for t in shown]
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))
    points = np.array(times) / (cost.get(baseline, 1.0))
    assert low < points.min() <= points.max() < high
    assert high / low < 1.8 * max(1.5, points.max() / points.min()) ** 1.3


def test_ranks():
    values = pd.DataFrame(np.random.default_rng(0).normal([0, 0.1, 5], 1, (9, 3)), columns=[*"abc"])
    shown = texts(ranks(stats.ranking(values)))
    assert all(name in shown for name in "abc")
    assert "(1.0)" in shown


def test_trajectories():
    learned = pd.DataFrame(
        {"label": "apec", "seed": s, "epoch": e, "site": site, "index": 0, "value": e + s}
        | {"parameter": name}
        for name in ("alpha", "beta")
        for s in (0, 1)
        for e in (0, 1, 2)
        for site in ("one", "two")
    )
    figure = learned_parameters.trajectories(learned)
    assert titles(figure) == ["APEC: alpha", "APEC: beta"]
    thick = [line for line in figure.axes[0].lines if line.get_linewidth() > 1]
    np.testing.assert_allclose([line.get_ydata() for line in thick], [[0.5, 1.5, 2.5]] * 2)
    assert len({line.get_linestyle() for line in thick}) == 2  # sites differ without colours


def test_sensitivity():
    final = pd.DataFrame({"relu": [0.5, 0.6], "relu(lr=0.01)": [0.8, 0.9], "elu": [0.1, 0.1]})
    rates = pd.DataFrame(
        {"activation": ["relu", "relu"], "lr": [0.001, 0.01]}, index=["relu", "relu(lr=0.01)"]
    )
    figure = learning_rates.sensitivity(final, rates)
    assert titles(figure) == ["ReLU"]
    (line,) = figure.axes[0].lines
    np.testing.assert_allclose(line.get_xydata(), [[0.001, 55], [0.01, 85]])


def test_rates_are_named_and_do_not_overlap():
    tried = [0.00025, 0.0005, 0.001, 0.002, 0.004]
    rates = pd.DataFrame({"activation": "relu", "lr": tried}, index=[f"relu{v}" for v in tried])
    final = pd.DataFrame({label: [0.8, 0.9] for label in rates.index})
    with styled():
        figure = learning_rates.sensitivity(final, rates)
    figure.draw_without_rendering()
    shown = [t for t in figure.axes[0].get_xticklabels(which="both") if t.get_text()]
    assert [t.get_text() for t in shown] == ["0.00025", "0.001", "0.004"]
    boxes = [t.get_window_extent() for t in shown]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


@pytest.mark.parametrize("classes", [None, 10])
def test_figures_of_one_seed_and_of_seeds_that_failed(classes):
    one = pd.concat([rows("relu", [0.5]), rows("elu", [0.6])], ignore_index=True)
    lost = rows("bad", [0.1] * 6, loss=[np.nan] * 6, diverged=SIX)
    for history in (one, pd.concat([HISTORY, lost], ignore_index=True), BASE):
        made = table(history, classes=classes)
        for figure in (
            comparison.comparison(final_values(history), made, "relu", 0.01),
            learning_curves.learning(history, list(made.index), "relu"),
            learning_curves.training(history[history.label == history.label[0]]),
        ):
            assert to_svg(figure, "x")
