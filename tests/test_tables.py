"""The comparison table of small histories written out by hand."""

from __future__ import annotations

from math import nan

import pandas as pd
import pytest

from afnlab.analysis.tables import as_text, compare, final_values

SIX = range(6)
COLUMNS = ["seeds", "diverged", "stuck", "accuracy", "accuracy_low", "accuracy_high"]
COLUMNS += ["loss", "loss_low", "loss_high", "difference", "difference_low", "difference_high"]
COLUMNS += ["p", "pairs", "p_holm", "verdict"]


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
    return compare(pd.concat(parts, ignore_index=True), **options)


BASE = rows("relu", [0.50 + 0.01 * s for s in SIX])


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
    # Five differences of 0.10, one of 0.11: deviation 0.01 / sqrt 6, t(0.975, 5) = 2.570582
    half = 2.5705818366147395 * 0.01 / 6
    assert srelu.difference_high - srelu.difference == pytest.approx(half)
    assert srelu.difference - srelu.difference_low == pytest.approx(half)
    assert (srelu.p, srelu.p_holm, srelu.verdict) == (2 / 64, 2 / 64, "better")
    assert (srelu.loss, srelu.loss_low, srelu.loss_high) == (0.5, 0.5, 0.5)
    assert relu.verdict == "baseline"
    assert relu[["difference", "difference_low", "difference_high", "p", "p_holm"]].isna().all()
    assert relu.accuracy == pytest.approx(0.525)
    # Deviation of 0.50 ... 0.55 is 0.0187083
    assert relu.accuracy_high == pytest.approx(0.525 + 2.5705818 * 0.01870829 / 6**0.5)


@pytest.mark.parametrize(
    ("shifts", "verdict"),
    [
        ([0.1] * 6, "better"),
        ([-0.1] * 6, "worse"),
        ([0.1, -0.1] * 3, "not told apart"),
        ([0.0] * 6, "not told apart"),
        ([0.2] * 5 + [-0.01], "not told apart"),  # p = 4/64
        ([0.1] * 5, "not told apart"),  # five pairs: 2/32 at best
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
    assert made.verdict.tolist() == ["not told apart", "not told apart", "baseline"]


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
    assert made.verdict["elu"] == "not told apart"


def test_without_a_baseline():
    made = table(rows("elu", [0.5, 0.6]), rows("gelu", [0.6, 0.7]))
    assert made.verdict.tolist() == ["no pairs", "no pairs"]
    assert table(rows("elu", [0.5, 0.6])).verdict.tolist() == ["no pairs"]
    other = table(rows("elu", [0.5, 0.6]), rows("gelu", [0.6, 0.7]), baseline="elu")
    assert other.verdict.to_dict() == {"gelu": "not told apart", "elu": "baseline"}


def test_diverged_and_stuck_seeds_count():
    bad = rows("bad", [0.1, 0.6, 0.6, 0.14, 0.6, 0.16], [nan, 1, 1, 1, 1, 1], diverged=[0])
    made = table(BASE, bad, classes=10).loc["bad"]
    assert (made.seeds, made.diverged, made.stuck) == (6, 1, 2)
    assert made.accuracy == pytest.approx(2.2 / 6)
    assert pd.isna(made.loss)
    assert table(BASE, bad).stuck.tolist() == [0, 0]


def test_one_task_at_a_time():
    history = BASE.assign(task=["a", "b"] * 6)
    with pytest.raises(ValueError, match=r"one task at a time, got \['a', 'b'\]"):
        compare(history)


def test_as_text():
    same = rows("elu", [0.6 + 0.01 * s for s in SIX])
    bad = rows("bad", [0.1] * 6, diverged=[0, 1])
    lines = as_text(table(BASE, same, bad)).splitlines()
    assert lines[0].split() == [
        *("accuracy", "%", "95", "%", "of", "accuracy", "diff.", "95", "%", "of", "diff."),
        *("p", "(Holm)", "verdict", "seeds", "diverged"),
    ]
    assert lines[1].split() == [
        *("elu", "62.50", "[60.54,", "64.46]", "+10.00", "[+10.00,", "+10.00]"),
        *("0.062", "not", "told", "apart", "6", "0"),
    ]
    assert lines[2].split() == ["relu", "52.50", "[50.54,", "54.46]", "baseline", "6", "0"]
    assert lines[3].split()[:2] == ["bad", "10.00"]
    assert lines[3].split()[-2:] == ["6", "2"]
    assert "nan" not in as_text(table(BASE))
