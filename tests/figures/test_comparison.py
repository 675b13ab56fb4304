"""Figures of a comparison: what is on them."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from afnlab.compare import epochs
from afnlab.compare.summary_table import final_values
from afnlab.figures import comparison, learning_curves
from afnlab.figures.comparison import forest, seed_dots
from afnlab.figures.metric_and_cost import frontier
from afnlab.figures.style import show, styled, to_svg
from tests.compare.test_summary_table import BASE, SIX, rows, table
from tests.figures.test_function_curves import texts
from tests.figures.test_style import HISTORY


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
    assert y[y[:, 0] == 2][:, 1].max() == pytest.approx(100 * expected.high)


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


def test_a_narrow_comparison_has_its_panels_below_each_other():
    """Each with the rows' names, which may be shorter; a page has both, and a file the wide one."""
    long = rows("my.py:an_activation_of_mine", [0.6] * 6)
    parts = pd.concat([HISTORY, long], ignore_index=True)
    of = (final_values(parts), table(parts), "relu")
    with styled(for_page=True):
        wide, narrow = (comparison.comparison(*of, narrow=narrow) for narrow in (False, True))
        page = show(wide, "alt", "", "a", narrow)
    first, second = narrow.axes
    assert first.get_position().y0 > second.get_position().y1
    assert first.get_position().x0 == pytest.approx(second.get_position().x0, abs=0.01)
    names = [[t.get_text() for t in ax.get_yticklabels()] for ax in narrow.axes]
    assert names[0] == names[1]
    assert max(map(len, names[0])) == comparison.NARROW
    assert page.data.count("<svg") == 2
    assert page.data.count("<figcaption") == 0
    assert list(page.figures) == ["a"]
    alone = comparison.comparison(of[0][["relu"]], table(BASE), "relu", narrow=True)
    assert len(alone.axes) == 1


def test_labels_are_called_what_is_asked_for():
    parts = pd.concat([BASE, BASE.assign(label="ReLU", test_accuracy=BASE.test_accuracy + 0.1)])
    with styled(for_page=True):
        figure = comparison.comparison(final_values(parts), table(parts), "relu", naming=str)
        svg = show(figure, "alt").data
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["ReLU", "relu"]
    assert figure.axes[1].get_xlabel().startswith("difference to relu")
    tips = re.findall('tip=\'?"?\\[(?:&quot;|")(.*?)[:,&"]', svg)
    assert set(tips) == {"relu", "ReLU"}
