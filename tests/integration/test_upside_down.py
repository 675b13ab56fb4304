"""The same data negated, of a metric of which lower is better: everything that is said turns over.

Verdicts, p-values and orders stay; signs, intervals, words and the sides of the figures change.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from afnlab import stats
from afnlab.compare import costs, epochs, formatting, tuning_summary
from afnlab.compare.answers import answers
from afnlab.compare.caveats import reach
from afnlab.compare.summary_table import compare_histories, final_values, formatted, legend
from afnlab.figures import comparison, learning_curves, learning_rates, metric_axis, tuning
from afnlab.figures.metric_and_cost import frontier
from afnlab.measures import ACCURACY
from afnlab.studies import parameter_scan
from afnlab.training.tune import best_candidate
from tests.compare import test_answers, test_summary_table, test_tuning_summary
from tests.compare.test_summary_table import BASE, SIX, rows, table

UP = replace(ACCURACY, name="score", key="score")
DOWN = replace(UP, better="lower", low=-1.0, high=0.0)
BOTH = (UP, DOWN)


def of(measure, classes=None):
    return replace(measure, chance=measure.sign / classes) if classes else measure


def turned(history: pd.DataFrame, measure) -> pd.DataFrame:
    """A history of accuracies as one of a measure."""
    return history.assign(**{measure.column: measure.sign * history.test_accuracy})


def compared(history, measure, classes=None, **options):
    return compare_histories(turned(history, measure), metric=of(measure, classes), **options)


@pytest.fixture(scope="module")
def scenarios():
    """What the golden sentences are of: the tables of both metrics, and what `answers` is given."""
    made, found = {}, []

    def recorded(*parts, **options):
        history = pd.concat(parts, ignore_index=True)
        result = compare_histories(history, **options)
        made[id(result)] = history, options, result  # kept, so that ids stay its own
        return result

    def told(result, *arguments):
        if id(result) in made:
            history, options, _ = made[id(result)]
            found.append(([compared(history, m, **options) for m in BOTH], arguments))
        return answers(result, *arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(test_answers, "table", recorded)
        patched.setattr(test_answers, "answers", told)
        for name, test in vars(test_answers).items():
            if name.startswith("test_") and not inspect.signature(test).parameters:
                test()
    assert len(found) > 15
    return found


MINUS = formatting.MINUS
SIGNED = rf"[+{MINUS}]\d+\.\d+"


def flipped(number: str) -> str:
    return number if number == "0" else number.translate(str.maketrans(f"+{MINUS}", f"{MINUS}+"))


def flipped_sentence(text: str) -> str:
    """What is said of the negated data."""
    text = re.sub(r"\[(\S+), (\S+)\]", r"[\2, \1]", text)
    text = re.sub(SIGNED, lambda found: flipped(found[0]), text)
    text = re.sub(r"interval (\S+) % to (\S+) %", r"interval \2 % to \1 %", text)
    text = re.sub(r"(?<![\d.])(\d+\.\d\d) %", r"-\1 %", text)
    pairs = {"highest": "lowest", "more than -": "less than -"}
    words = pairs | {new: old for old, new in pairs.items()}
    return re.sub("|".join(words), lambda found: words[found[0]], text)


def test_every_sentence_turns_over(scenarios):
    said = set()
    for tables, arguments in scenarios:
        baseline, examples, margin, cost = (*arguments, None, None)[:4]
        up, down = (
            answers(made, baseline, examples, margin, cost, m)
            for made, m in zip(tables, BOTH, strict=True)
        )
        assert down == {question: flipped_sentence(text) for question, text in up.items()}
        said |= set(" ".join(down.values()).split())
    assert {"lowest", "better", "worse", "equivalent"} <= said
    assert "highest" not in said


def test_every_table_turns_over(scenarios):
    same = ["seeds", "diverged", "stuck", "collapsed", "failed", "pairs", "verdict"]
    same += ["verdict_worst", "p_wilcoxon", "p", "p_holm", "improvement", "spread", "deviation"]
    verdicts = set()
    for (up, down), _ in scenarios:
        assert up.index.tolist() == down.index.tolist()
        tests = [name for name in ("p_equivalent", "p_not_worse") if name in up]
        pd.testing.assert_frame_equal(up[same + tests], down[same + tests])
        for name in ("score", "difference", "median", "iqm", "effect"):
            np.testing.assert_allclose(up[name], -down[name], atol=1e-12)
        for name in ("score", "difference", "adjusted"):
            np.testing.assert_allclose(up[f"{name}_low"], -down[f"{name}_high"], atol=1e-9)
        verdicts |= set(down.verdict)
    assert {"better", "worse", "equivalent", "not worse", "too few seeds"} <= verdicts


def test_what_stands_beside_the_table():
    history = pd.concat([BASE, rows("srelu", [0.6 + 0.01 * s for s in SIX])], ignore_index=True)
    up, down = (compared(history, m) for m in BOTH)
    assert formatted(up, UP).columns[0] == "score %"
    assert formatted(down, DOWN).columns[0] == "score %, lower is better"
    assert formatted(up, UP)["difference"].tolist() == ["+10.00", ""]
    assert formatted(down, DOWN)["difference"].tolist() == ["-10.00", ""]
    assert "lower is better" in legend(down, "relu", DOWN)
    assert "better" not in legend(up, "relu", UP)
    told = reach(-0.5, 100, measure=DOWN)[0]
    assert "would give other values of score. The differences" in told
    cheap = pd.Series({"relu": 1.0, "srelu": 2.0})
    for made, m in ((up, UP), (down, DOWN)):
        assert costs.pareto_front(made.score, cheap, m) == ["relu", "srelu"]
        assert costs.pareto_front(made.score, 1 / cheap, m) == ["srelu"]
    one, other = (
        epochs.milestones(turned(history.assign(seconds=1.0), m), m.sign * 0.525, m) for m in BOTH
    )
    same = ["reached", "epochs", "seconds"]
    pd.testing.assert_frame_equal(one[same], other[same])
    np.testing.assert_allclose(one[["area", "worst"]], -other[["area", "worst"]])


def test_a_diverged_seed_is_counted_as_worst():
    lost = rows("bad", [0.55] * 6, diverged=(5,))
    for m in BOTH:
        history = turned(pd.concat([BASE, lost], ignore_index=True), m)
        gone = (history.label == "bad") & (history.seed == 5)
        history.loc[gone, m.column] = np.nan
        found = compare_histories(history, metric=of(m, 10)).loc["bad"]
        assert found.score == pytest.approx(m.sign * (0.55 * 5 + 0.1) / 6)  # chance
        found = compare_histories(history, metric=m).loc["bad"]
        assert found.score == pytest.approx(m.sign * 0.55 * 5 / 6)  # the worst bound
        free = replace(m, low=None, high=None)
        found = compare_histories(history, metric=free).loc["bad"]
        assert found.score == pytest.approx(m.sign * (0.55 * 5 + 0.4) / 6)  # the worst there is
        assert found.verdict_worst == found.verdict


@pytest.mark.parametrize("found", [0.4999, 0.5, 0.56])
def test_stuck_and_collapsed_seeds(found):
    history = pd.concat([rows("relu", [0.9, 0.91, 0.9, 0.92, 0.9, 0.91, 0.9, found, 0.14])])
    up, down = (compared(history, m, 10).loc["relu"] for m in BOTH)
    assert (up.stuck, up.collapsed) == (down.stuck, down.collapsed) == (1, 1)


def trials():
    hill = test_tuning_summary.hill
    return test_tuning_summary.made(a=hill(-2, 2), b=hill(-1, 0.2, top=0.6))


def test_tuning_turns_over():
    made = trials()
    table = made.assign(validation_score=made.validation_accuracy)
    up, down = table, table.assign(validation_score=-made.validation_accuracy)
    found = [
        tuning_summary.curves(t, ["a", "b"], 6, measure=m)
        for t, m in zip((up, down), BOTH, strict=True)
    ]
    np.testing.assert_allclose(found[0].expected, -found[1].expected)
    np.testing.assert_allclose(found[0].low, -found[1].high)
    ahead = [tuning_summary.crossing(f, "a", "b", m) for f, m in zip(found, BOTH, strict=True)]
    assert ahead[0] == ahead[1]
    assert "a" in {who for *_, who in ahead[0]}
    close = [
        tuning_summary.close_to_best(t, measure=m) for t, m in zip((up, down), BOTH, strict=True)
    ]
    assert close[0] == close[1]
    rows = [t[(t.label == "a") & (t.seed == 3)] for t in (up, down)]
    assert best_candidate(rows[0], UP) == best_candidate(rows[1], DOWN)
    mean = rows[0].groupby("candidate").validation_score.mean()
    assert best_candidate(rows[0], UP) == mean.idxmax()
    before, after = (compared(pd.concat([BASE, rows_of(top)]), UP) for top in (0.4, 0.6))
    then, now = (compared(pd.concat([BASE, rows_of(top)]), DOWN) for top in (0.4, 0.6))
    said = tuning_summary.recipe(before, after, "relu", UP)
    assert tuning_summary.recipe(then, now, "relu", DOWN) == flipped_sentence(said)


@pytest.mark.parametrize("free", [("low",), ("high",), ("low", "high")])
def test_tuning_by_a_metric_without_bounds(free):
    """What diverged counts, and the worst of all trials bounds a band where the metric does not."""
    for bounded in BOTH:
        m, table = replace(bounded, **dict.fromkeys(free)), trials()
        table["validation_score"] = m.sign * table.validation_accuracy
        gone = (table.label == "a") & (table.seed == 3) & (table.candidate == 2)
        table.loc[gone, ["validation_score", "diverged"]] = [np.nan, True]
        tried = tuning_summary.trials(table, m)
        assert tried.score.notna().all()
        found = tuning_summary.curves(table, ["a", "b"], 4, measure=m)
        assert np.isfinite(found[["expected", "low", "high"]]).all(axis=None)
        assert (found.low <= found.expected).all()
        assert (found.expected <= found.high).all()


def rows_of(top):
    return rows("srelu", [top + 0.01 * s for s in SIX])


def test_a_scan_turns_over():
    values = {
        1.0: [0.8, 0.81, 0.8, 0.82],
        2.0: [0.9, 0.92, 0.91, 0.93],
        3.0: [0.91, 0.92, 0.92, 0.93],
    }
    history = pd.DataFrame(
        {"value": v, "seed": s, "epoch": 1, "test_accuracy": a, "diverged": False}
        for v, column in values.items()
        for s, a in enumerate(column)
    )
    one, other = (turned(history, m) for m in BOTH)
    assert parameter_scan.best(one, UP) == parameter_scan.best(other, DOWN) == 3.0
    assert parameter_scan.flat(one, UP) == parameter_scan.flat(other, DOWN) == [1.0, 2.0, 3.0]
    said = parameter_scan.verdict(other, "t", 2.0, DOWN)
    assert said.startswith(
        "Lowest mean at t = 3: -92.00 % over 4 seeds, at the largest value tried:"
    )
    assert "the lowest point may lie beyond it" in said
    tables = [parameter_scan.table(h, m, 2.0) for h, m in ((one, UP), (other, DOWN))]
    pd.testing.assert_frame_equal(*(t[["p (Holm)", "verdict"]] for t in tables))
    gap = "difference to default"
    pd.testing.assert_series_equal(tables[0][gap], -tables[1][gap])
    labels = [
        parameter_scan.figure(h, "t", measure=m).axes[0].get_ylabel()
        for h, m in ((one, UP), (other, DOWN))
    ]
    assert labels == ["score (%)", "score (%), lower is better"]


FAR = pd.concat(
    [
        *(rows(f"a{i}", [0.9 + 0.001 * (i + s) for s in SIX]) for i in range(6)),
        rows("far", [0.2] * 6),
    ],
    ignore_index=True,
)
COST = pd.Series({f"a{i}": 1.0 + i for i in range(6)} | {"far": 9.0})


def drawn(name: str, m) -> Figure:
    """A figure of data in which one row is far behind the others."""
    made, history = compared(FAR, m, baseline="a0"), turned(FAR, m)
    final, figure = final_values(history, m.column), Figure()
    table = trials().assign(validation_score=lambda t: m.sign * t.validation_accuracy)
    rates = pd.DataFrame({"activation": "a", "lr": [0.1, 0.2]}, index=["a0", "a1"])
    fixed = (made.score - m.sign * 0.01).where(made.index != "far", m.sign * 0.01)
    tried, ab = tuning_summary.trials(table, m), ["a", "b"]
    draw = {
        "comparison": lambda: comparison.comparison(final, made, "a0", 0.01, m),
        "frontier": lambda: frontier(figure.subplots(), made, COST, "a0", measure=m),
        "learning": lambda: learning_curves.learning(
            history, [*made.index], "a0", measure=replace(m, low=None, high=None)
        ),
        "sensitivity": lambda: learning_rates.sensitivity(final, rates, measure=m),
        "shift": lambda: tuning.shift(fixed, made.score, "a0", m),
        "training": lambda: learning_curves.training(history[history.label == "a0"], m),
        "over": lambda: tuning.over(tried, "lr", ab, "a", True, measure=m),
        "curves": lambda: tuning.curves(
            figure.subplots(), tuning_summary.curves(table, ab, 6, measure=m), ab, m
        ),
    }
    found = draw[name]()
    return found if isinstance(found, Figure) else figure


HORIZONTAL = ("comparison", "shift")  # figures whose horizontal axes are of the metric


@pytest.mark.parametrize(
    "name",
    ["comparison", "frontier", "learning", "sensitivity", "shift", "training", "over", "curves"],
)
def test_every_figure_turns_over(name):
    up, down = (drawn(name, m) for m in BOTH)
    which = "x" if name in HORIZONTAL else "y"
    skipped = 1 if name == "training" else 0  # the loss, of which lower is better in both
    axes = list(zip(up.axes, down.axes, strict=True))
    for one, other in axes[: len(axes) - skipped]:
        limits = [getattr(ax, f"get_{which}lim")() for ax in (one, other)]
        np.testing.assert_allclose(limits[0], np.negative(limits[1])[::-1], rtol=1e-6, atol=1e-6)
        lines = [
            [np.asarray(getattr(line, f"get_{which}data")(), float) for line in ax.lines]
            for ax in (one, other)
        ]
        for line, first, second in zip(one.lines, *lines, strict=True):
            data = line.get_transform() == one.transData
            if data and np.isfinite(first).all():
                np.testing.assert_allclose(np.sort(first), np.sort(-second), atol=1e-6)
    words = [
        " ".join(t.get_text() for t in f.findobj() if hasattr(t, "get_text")) for f in (up, down)
    ]
    assert "lower is better" not in words[0]
    assert "lower is better" in words[1]


def test_the_arrow_of_better_and_the_edge_turn_over():
    for m, arrow, mark, at in (
        (UP, "better \N{RIGHTWARDS ARROW}", "<", "left"),
        (DOWN, "\N{LEFTWARDS ARROW} better", ">", "right"),
    ):
        figure = drawn("comparison", m)
        texts = [t for ax in figure.axes for t in ax.texts]
        found = [t.get_text() for t in texts if "better" in t.get_text()]
        assert found == [arrow] * 2  # over the values and over the differences
        far = [line for ax in figure.axes for line in ax.lines if line.get_marker() == mark]
        assert len(far) == 2
        assert {t.get_ha() for t in texts if "better" not in t.get_text()} == {at}
        marks = {"higher": "v", "lower": "^"}
        ends = {line.get_marker() for ax in drawn("learning", m).axes for line in ax.lines}
        assert marks[m.better] in ends
        assert len(ends & set(marks.values())) == 1


def test_ranks_are_by_what_is_better():
    history = pd.concat([BASE, rows_of(0.6), rows("elu", [0.4 + 0.01 * s for s in SIX])])
    for m in BOTH:
        found = stats.ranking(m.sign * final_values(turned(history, m), m.column))
        assert found.ranks.sort_values().index.tolist() == ["srelu", "relu", "elu"]


def test_values_behind_stay_within_the_bounds():
    assert metric_axis.behind(2.0, 0.05, UP) == 0.0
    assert metric_axis.behind(-2.0, 0.05, DOWN) == 0.0
    assert metric_axis.behind(99.5, -0.05, UP) == 100.0


@pytest.mark.parametrize("margin", [0, -1, 200, float("nan"), True, "x"])
def test_a_margin_in_the_wrong_range(margin):
    with pytest.raises(ValueError, match="margin must be above 0 and below 1, for score"):
        compared(BASE, UP, margin=margin)
    free = replace(DOWN, low=None)
    if margin != 200:
        with pytest.raises(ValueError, match="margin must be above 0, and finite, for score"):
            compare_histories(turned(BASE, DOWN), metric=free, margin=margin)


FOREIGN = [
    (lambda h: h.drop(columns="test_score"), "the history has no column test_score, for score"),
    (lambda h: h.assign(test_score="high"), "the history's test_score must be numbers"),
    (
        lambda h: h.assign(test_score=h.test_score.where(h.label != "b")),
        "b: has no score; compare runs of one metric",
    ),
    (
        lambda h: h.assign(test_score=h.test_score.where(h.seed != 2)),
        r"no test score after the last epoch for seeds \[2\]",
    ),
    (lambda h: h.assign(test_score=np.inf), "b: no test score after the last epoch"),
    (lambda h: h.assign(test_score=7.0), "score of 7 is out of the metric's bounds"),
]


@pytest.mark.parametrize(("change", "message"), FOREIGN)
def test_a_table_that_cannot_be_compared(change, message):
    history = pd.concat([BASE, BASE.assign(label="b")], ignore_index=True)
    history = turned(history, UP).drop(columns="test_accuracy")
    with pytest.raises(ValueError, match=message):
        compare_histories(change(history), metric=UP)


def test_a_foreign_table_needs_label_seed_and_a_column():
    bpb = replace(DOWN, name="bits per byte", key="val_bpb", unit="", low=0.0, high=None, scale=1.0)
    foreign = pd.DataFrame(
        {"label": label, "seed": s, "val_bpb": v + 0.001 * s}
        for label, v in (("gelu", 1.02), ("relu2", 1.0))
        for s in range(8)
    )
    made = compare_histories(foreign, "gelu", metric=bpb)
    assert made.index.tolist() == ["relu2", "gelu"]
    assert made.verdict.tolist() == ["better", "baseline"]
    said = answers(made, "gelu", 100, measure=bpb)["Which?"]
    assert said == "relu2 has the lowest mean bits per byte, 1.00, and is better than gelu."


def test_what_is_no_measure_is_refused():
    with pytest.raises(ValueError, match=r"metric must be an afnlab\.Measure, .* got 'accuracy'"):
        compare_histories(BASE, metric="accuracy")


def test_no_other_column_of_the_table_can_be_a_key():
    made = table(BASE, rows("a", [0.6] * 6), margin=0.01)
    own = {"accuracy", "accuracy_low", "accuracy_high"}
    others = {name.removesuffix("_low").removesuffix("_high") for name in set(made) - own}
    for key in others:
        with pytest.raises(ValueError, match="key must be"):
            replace(UP, key=key)
    assert test_summary_table.COLUMNS[:5] == made.columns[:5].tolist()
