"""The comparison table of small histories written out by hand."""

from __future__ import annotations

import re
from math import nan

import numpy as np
import pandas as pd
import pytest

from afnlab.compare.baseline_differences import DIFFER
from afnlab.compare.headline import facts
from afnlab.compare.summary_table import (
    _collapsed,
    as_text,
    compare_histories,
    final_values,
    formatted,
    legend,
)
from afnlab.measures import ACCURACY, Measure
from afnlab.paths import shared
from afnlab.report.export import as_csv
from afnlab.stats import mean_interval

SIX = range(6)
COLUMNS = ["seeds", "diverged", "stuck", "collapsed", "failed"]
COLUMNS += ["accuracy", "accuracy_low", "accuracy_high"]
COLUMNS += ["median", "iqm", "deviation", "loss", "loss_low", "loss_high"]
COLUMNS += ["difference", "difference_low", "difference_high", "pairs", "spread", "effect"]
COLUMNS += ["improvement", "test", "p", "p_wilcoxon", "p_holm", "adjusted_low", "adjusted_high"]
COLUMNS += ["verdict", "verdict_worst"]


def explained(section: str) -> set[str]:
    """The columns that a table of docs/statistics.md explains: the names in its first cells."""
    text = (shared("docs") / "statistics.md").read_text(encoding="utf-8")
    table = text.partition(section)[2].partition("| column |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def rows(label, accuracy, loss=None, diverged=(), seeds=None, epochs=2) -> pd.DataFrame:
    """A history whose last epoch has these accuracies; the epoch before is 0.1 below."""
    seeds = range(len(accuracy)) if seeds is None else seeds
    loss = [1.0] * len(accuracy) if loss is None else loss
    return pd.DataFrame(
        {
            "label": label,
            "seed": seed,
            "epoch": epoch,
            "test_accuracy": a - 0.1 * (epochs - epoch),
            "test_loss": value,
            "diverged": seed in diverged,
        }
        for epoch in range(1, epochs + 1)
        for seed, a, value in zip(seeds, accuracy, loss, strict=True)
    )


def table(*parts, **options) -> pd.DataFrame:
    return compare_histories(pd.concat(parts, ignore_index=True), **options)


BASE = rows("relu", [0.50 + 0.01 * s for s in SIX])


def test_every_column_of_the_csv_is_explained():
    further = {"elu": 1, "mine.py:f": 1}
    compared = table(BASE, rows("elu", [0.6] * 6), margin=0.01, further=further)
    columns = as_csv(compared).partition("\n")[0].split(",")
    expected = {re.sub("^accuracy", "KEY", name) for name in columns}
    assert explained("## The columns of the CSV") == expected


def test_final_values():
    history = pd.concat([BASE, rows("elu", [0.7, 0.8], epochs=3)])
    values = final_values(history)
    assert values.columns.tolist() == ["elu", "relu"]
    assert values.relu.tolist() == pytest.approx([0.50, 0.51, 0.52, 0.53, 0.54, 0.55])
    assert values.elu[:2].tolist() == [0.7, 0.8]
    assert values.elu[2:].isna().all()


def test_two_rows_by_hand():
    better = rows("srelu", [0.60, 0.61, 0.62, 0.63, 0.64, 0.66], loss=[0.5] * 6)
    made = table(BASE, better)
    assert made.columns.tolist() == COLUMNS
    assert made.index.tolist() == ["srelu", "relu"]
    srelu, relu = made.loc["srelu"], made.loc["relu"]
    assert (srelu.seeds, srelu.diverged, srelu.stuck, srelu.pairs) == (6, 0, 0, 6)
    assert srelu.accuracy == pytest.approx(3.76 / 6)
    assert srelu.difference == pytest.approx((5 * 0.10 + 0.11) / 6)
    # Five differences of 0.10, one of 0.11: deviation 0.01 / sqrt 6
    assert srelu.spread == pytest.approx(0.01 / 6**0.5)
    assert srelu.effect == pytest.approx(srelu.difference / srelu.spread)
    assert srelu.improvement == 1
    # Of 32 pairs of sign patterns at least two are to be as extreme; one comparison adjusts nothing
    assert (srelu.difference_low, srelu.difference_high) == pytest.approx((0.1, 0.11))
    assert (srelu.adjusted_low, srelu.adjusted_high) == pytest.approx((0.1, 0.11))
    assert (srelu["median"], srelu.iqm) == pytest.approx((0.625, 0.625))
    assert (srelu.p, srelu.p_holm, srelu.verdict) == (2 / 64, 2 / 64, "better")
    assert (srelu.loss, srelu.loss_low, srelu.loss_high) == (0.5, 0.5, 0.5)
    assert relu.verdict == "baseline"
    assert relu[["difference", "difference_low", "difference_high", "p", "p_holm"]].isna().all()
    assert relu.accuracy == pytest.approx(0.525)
    assert relu.deviation == pytest.approx(0.01870829)
    interval = mean_interval([0.50, 0.51, 0.52, 0.53, 0.54, 0.55])
    assert (relu.accuracy_low, relu.accuracy_high) == pytest.approx(interval[1:])


@pytest.mark.parametrize(
    ("shifts", "verdict"),
    [
        ([0.1] * 6, "better"),
        ([-0.1] * 6, "worse"),
        ([0.1, -0.1] * 3, "not distinguishable"),
        ([0.0] * 6, "not distinguishable"),
        ([0.2] * 5 + [-0.01], "not distinguishable"),  # p = 4/64
        ([0.1] * 5, "too few seeds"),  # five pairs: 2/32 at best
    ],
)
def test_verdicts(shifts, verdict):
    other = rows("other", [0.50 + 0.01 * s + d for s, d in enumerate(shifts)])
    assert table(BASE, other).verdict["other"] == verdict


def test_holm_counts_the_comparisons():
    better = [rows(f"b{i}", [0.6 + 0.01 * s + i / 1000 for s in SIX]) for i in range(2)]
    made = table(BASE, *better)
    assert made.p.dropna().tolist() == [2 / 64] * 2
    assert made.p_holm.dropna().tolist() == [4 / 64] * 2
    assert made.verdict.tolist() == ["too few seeds", "too few seeds", "baseline"]


def test_pairs_are_the_seeds_that_both_have():
    other = rows("other", [0.9, 0.9, 0.1], seeds=[4, 5, 6])
    made = table(BASE, other).loc["other"]
    assert (made.pairs, made.seeds) == (2, 3)
    assert made.difference == pytest.approx(0.9 - 0.545)
    none = table(BASE, rows("other", [0.9, 0.9], seeds=[8, 9])).loc["other"]
    assert (none.pairs, none.verdict) == (0, "no pairs")
    assert pd.isna(none.p)


def test_one_seed_has_no_interval():
    made = table(rows("relu", [0.5]), rows("elu", [0.6]))
    assert made.accuracy.tolist() == [0.6, 0.5]
    assert made[["accuracy_low", "accuracy_high"]].isna().all().all()
    assert made.difference["elu"] == pytest.approx(0.1)
    assert made.verdict["elu"] == "too few seeds"


def test_without_a_baseline():
    made = table(rows("elu", [0.5, 0.6]), rows("gelu", [0.6, 0.7]))
    assert made.verdict.tolist() == ["no pairs", "no pairs"]
    assert table(rows("elu", [0.5, 0.6])).verdict.tolist() == ["no pairs"]
    other = table(rows("elu", [0.5, 0.6]), rows("gelu", [0.6, 0.7]), baseline="elu")
    assert other.verdict.to_dict() == {"gelu": "too few seeds", "elu": "baseline"}


def test_diverged_and_stuck_seeds_count():
    bad = rows("bad", [0.1, 0.6, 0.6, 0.14, 0.6, 0.16], [nan, 1, 1, 1, 1, 1], diverged=[0])
    made = table(BASE, bad, classes=10).loc["bad"]
    assert (made.seeds, made.diverged, made.stuck) == (6, 1, 2)
    assert made.accuracy == pytest.approx(2.2 / 6)
    assert pd.isna(made.loss)
    assert table(BASE, bad).stuck.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("accuracy", "collapsed"),
    [
        ([0.97, 0.96, 0.97, 0.98, 0.97, 0.97, 0.96, 0.85], 1),
        ([0.97, 0.80, 0.97, 0.98, 0.97, 0.97, 0.96, 0.85], 2),  # many do not hide each other
        ([0.97, 0.955, 0.97, 0.98, 0.97, 0.97, 0.96, 0.95], 0),
        ([0.60, 0.65, 0.70, 0.75, 0.80, 0.55, 0.62, 0.77], 0),  # which spread as wide
        ([0.97, 0.96, 0.97, 0.98, 0.97, 0.97, 0.96, 0.10], 0),  # stuck
        ([0.97, 0.97, 0.97, 0.97, 0.97, 0.97, 0.97, 0.969], 0),
        ([0.97, 0.96, 0.97, 0.98, 0.97, 0.96, 0.85], 0),  # too few seeds to say so
        ([0.85, 0.97], 0),
    ],
)
def test_collapsed_seeds_are_counted(accuracy, collapsed):
    made = table(BASE, rows("bad", accuracy), classes=10)
    assert made.collapsed.to_dict() == {"relu": 0, "bad": collapsed}
    assert made.failed["bad"] == collapsed + (min(accuracy) < 0.15)
    diverged = table(BASE, rows("bad", accuracy, diverged=range(8)), classes=10)
    assert diverged.collapsed["bad"] == 0
    assert diverged.failed["bad"] == len(accuracy)
    assert ("collapsed" in formatted(made)) == bool(collapsed)


@pytest.mark.parametrize(("seeds", "most"), [(3, 0), (8, 0.035), (12, 0.02), (24, 0.005)])
def test_of_normal_values_few_rows_are_said_to_have_collapsed_seeds(seeds, most):
    values = pd.DataFrame(np.random.default_rng(0).normal(0, 1, (seeds, 4000)))
    assert _collapsed(values).any().mean() <= most


LOSS = Measure(name="log loss", key="loss_", unit="nats", better="lower", low=0.0, decimals=4)
DB = Measure(name="PSNR", key="psnr", unit="dB", better="higher")
GOOD = [0.1040, 0.1037, 0.1042, 0.1039, 0.1041, 0.1038, 0.1040]  # nats, of one row
GELU = [0.1144, 0.1139, 0.1150, 0.1141, 0.1147, 0.1142, 0.1151, 0.1138]
ON_ANY_SCALE = {  # a row's seeds, those of the other row, and how many of the first collapsed
    "a little behind, and better than the other row": (LOSS, [*GOOD, 0.1076], GELU, 0),
    "the same among more seeds": (LOSS, [*GOOD, *GOOD[:5], 0.1076], GELU, 0),
    "a loss many times as large": (LOSS, [*GOOD, 0.35], GELU, 1),
    "errors of orders of magnitude": (LOSS, [10.0**-k for k in range(1, 9)], GELU, 0),
    "one error far off": (LOSS, [1e-6, 2e-6, 1e-6, 3e-6, 2e-6, 1e-6, 2e-6, 0.9], [1e-6] * 8, 1),
    "one error far off, and still less than the other row's": (
        *(LOSS, [1e-6, 2e-6, 1e-6, 3e-6, 2e-6, 1e-6, 2e-6, 1e-2], GELU, 0),
    ),
    "an error of nothing": (LOSS, [0.0, 2e-6, 1e-6, 3e-6, 2e-6, 1e-6, 2e-6, 0.9], [1e-6] * 8, 1),
    "decibels": (DB, [30.1, 30.0, 30.2, 30.1, 29.9, 30.0, 30.1, 18.0], [30.0, 30.1] * 4, 1),
    "decibels a little behind": (
        DB,
        [30.1, 30.0, 30.2, 30.1, 29.9, 30.0, 30.1, 29.5],
        [30.0] * 8,
        0,
    ),
}


@pytest.mark.parametrize("case", ON_ANY_SCALE)
def test_what_collapsed_does_not_depend_on_the_scale(case):
    measure, one, other, collapsed = ON_ANY_SCALE[case]
    history = pd.concat([rows("one", one), rows("other", other)], ignore_index=True)
    history = history.rename(columns={"test_accuracy": measure.column})
    made = compare_histories(history, "other", metric=measure)
    assert made.collapsed.to_dict() == {"one": collapsed, "other": 0}


def test_a_row_whose_seeds_lie_close_by_chance_has_not_collapsed():
    """Of few seeds the spread is uncertain: those of the other rows say what is usual."""
    close = [90.0, 90.1, 90.0, 90.1, 90.0, 90.1, 90.1, 86.0]
    wide = [90.0 + 1.5 * (s % 5 - 2) for s in range(8)]
    for others, collapsed in ((1, False), (3, False), (0, True)):
        table = pd.DataFrame({"close": close} | {f"a{i}": wide for i in range(others)}) / 100
        assert _collapsed(table).close.any() == collapsed


def test_rows_that_learned_nothing_excuse_no_collapse():
    good, stuck = [0.97, 0.96, 0.97, 0.98, 0.97, 0.97, 0.96, 0.6], [0.1] * 8
    made = table(rows("relu", stuck), rows("good", good), rows("bad", stuck), classes=10)
    assert made.collapsed.to_dict() == {"relu": 0, "good": 1, "bad": 0}


def test_one_task_at_a_time():
    history = BASE.assign(task=["a", "b"] * 6)
    with pytest.raises(ValueError, match=r"one task at a time, got \['a', 'b'\]"):
        compare_histories(history)


def test_as_text():
    same = rows("elu", [0.6 + 0.01 * s for s in SIX])
    bad = rows("bad", [0.1] * 6, diverged=[0, 1])
    lines = as_text(table(BASE, same, bad)).splitlines()
    assert lines[0].split() == [
        *("accuracy", "%", "95", "%", "CI", "difference"),
        *("95", "%", "CI", "of", "the", "difference"),
        *("p", "(Holm)", "verdict", "seeds", "diverged"),
    ]
    assert lines[1].split() == [
        *("elu", "62.50", "[60.39,", "64.61]", "+10.00", "all", "equal"),
        *("0.062", "too", "few", "seeds", "6"),
    ]
    assert lines[2].split() == ["relu", "52.50", "[50.39,", "54.61]", "baseline", "6"]
    assert lines[3].split()[:2] == ["bad", "10.00"]
    assert lines[3].split()[-2:] == ["6", "2"]
    assert "nan" not in as_text(table(BASE))


def test_a_zero_has_no_sign():
    """Nor has an end of an interval at 0, as on the page."""
    assert formatted(table(BASE, shifted("elu", 0, 0, 0, 0, 0.01, 0.01))).difference.elu == "+0.33"
    assert formatted(table(BASE, shifted("elu", *[0] * 6))).difference.elu == "0.00"


def test_the_legend_says_what_is_shown():
    elu = shifted("elu", 0.01, 0.02, 0.01, 0, 0.01, 0.01)
    told = legend(table(BASE, elu), "relu")
    assert "over 6 seeds" in told
    assert "Difference to relu in points, of unrounded values, paired by seed" in told
    assert "with its 95 % CI, which misses 0 where p is below 0.05" in told
    assert "exact sign-flip test. All" in told
    few = legend(table(BASE, elu, rows("mish", [0.5] * 6)), "relu")
    assert "with its 95 % CI and with the CI adjusted for 2" not in few  # which has no bounds
    eight = [rows(n, [0.5 + 0.01 * s * k for s in range(8)]) for k, n in enumerate("abc")]
    told = legend(table(*eight, baseline="a"), "a")
    assert "95 % CI and with the CI adjusted for 2 comparisons, the one to cite, which mis" in told
    assert "exact sign-flip test, after Holm." in told
    assert legend(table(BASE), "relu").endswith(
        "over 6 seeds, with its 95 % confidence interval (CI)."
    )


def shifted(label, *shifts) -> pd.DataFrame:
    return rows(label, [0.50 + 0.01 * s + d for s, d in enumerate(shifts)])


@pytest.mark.parametrize(
    ("shifts", "verdict"),
    [
        ([0.001, -0.001, 0.002, -0.002, 0.001, 0.0], "equivalent"),
        ([0.03, -0.001, 0.04, -0.002, 0.05, 0.0], "not worse"),
        ([0.03, -0.03, 0.04, -0.02, 0.05, 0.0], "not distinguishable"),
        ([0.03] * 6, "better"),
        ([0.001] * 6, "better"),
        ([-0.001] * 6, "worse"),
    ],
)
def test_verdicts_with_a_margin(shifts, verdict):
    made = table(BASE, shifted("other", *shifts), margin=0.01)
    assert made.verdict["other"] == verdict
    within = made.p_equivalent["other"] < 0.05
    assert within == (max(map(abs, shifts)) < 0.01)
    assert "p_equivalent" not in table(BASE, shifted("other", *shifts))


@pytest.mark.parametrize("margin", [0, -0.1, 1.5, nan])
def test_a_margin_is_a_fraction(margin):
    with pytest.raises(ValueError, match="margin must be above 0 and below 1"):
        table(BASE, margin=margin)


def test_a_verdict_that_hangs_on_how_a_diverged_seed_counts():
    other = rows("other", [0.60 + 0.01 * s for s in SIX], diverged=[0])
    made = table(BASE, other).loc["other"]
    assert (made.verdict, made.verdict_worst) == ("better", "not distinguishable")
    worse = rows("other", [0.30 + 0.01 * s for s in SIX], diverged=[0])
    assert table(BASE, worse).loc["other"].verdict_worst == "worse"


@pytest.mark.parametrize("seed", range(5))
def test_verdict_p_and_adjusted_interval_say_the_same(seed):
    rng = np.random.default_rng(seed)
    shifts = rng.choice([0.0, 0.004, 0.02, -0.02], 8)
    parts = [rows(f"a{i}", 0.9 + s + rng.normal(0, 0.01, 12)) for i, s in enumerate(shifts)]
    made = table(rows("relu", 0.9 + rng.normal(0, 0.01, 12)), *parts).drop("relu")
    assert ((made.verdict == "better") == (made.adjusted_low > 0)).all()
    assert ((made.verdict == "worse") == (made.adjusted_high < 0)).all()
    assert (made.verdict.isin(DIFFER) == (made.p_holm < 0.05)).all()
    assert made.verdict.isin(DIFFER).any()


def test_the_order_of_the_rows_does_not_matter():
    rng = np.random.default_rng(0)
    parts = [rows(n, 0.9 + rng.normal(0, 0.01, 7)) for n in ("relu", "a", "b", "c")]
    history = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(
        compare_histories(history), compare_histories(history.sample(frac=1, random_state=1))
    )


def test_an_accuracy_that_is_not_a_number():
    history = pd.concat([BASE, rows("elu", [0.5, nan, 0.5, nan])])
    said = r"elu: no test accuracy after the last epoch for seeds \[1, 3\]; .* rerun it"
    with pytest.raises(ValueError, match=said):
        compare_histories(history)


def test_no_history():
    with pytest.raises(ValueError, match="there is no history to compare"):
        compare_histories(BASE[:0])


def test_tiny_p_values_are_not_shown_as_zero():
    shift = {"relu": 0.0, "elu": 0.2, "gelu": -0.2}
    parts = [rows(n, [0.5 + s + i / 1e3 for i in range(14)]) for n, s in shift.items()]
    shown = formatted(table(*parts))
    assert shown["p (Holm)"].to_dict() == {"elu": "< 0.001", "relu": "", "gelu": "< 0.001"}


def test_a_difference_s_interval_stays_within_what_there_can_be():
    history = pd.concat([rows("relu", [0.2, 0.2]), rows("gelu", [0.3, 0.9])])
    gap = compare_histories(history).loc[
        "gelu", ["difference", "difference_low", "difference_high"]
    ]
    assert gap.tolist() == pytest.approx([0.4, -1.0, 1.0])


@pytest.mark.parametrize("sign", [1, -1])
def test_of_equal_means_the_clearest_difference_is_first(sign):
    """What is said of the best row, in headline and tile, is said of one that is better."""
    base = [0.50 + 0.01 * s for s in range(8)]
    noisy = [b + 0.02 + 0.03 * (-1) ** s for s, b in enumerate(base)]
    parts = [rows("relu", base), rows("a", noisy), rows("b", [b + 0.02 for b in base])]
    metric = None if sign > 0 else Measure(name="loss", key="accuracy", better="lower")
    parts = [part.assign(test_accuracy=sign * part.test_accuracy) for part in parts]
    compared = table(*parts, metric=metric)
    assert list(compared.index) == ["b", "a", "relu"]
    assert list(compared.verdict) == ["better", "not distinguishable", "baseline"]
    assert facts(compared, "relu", None, metric or ACCURACY)[1].about == "is b better than ReLU?"
