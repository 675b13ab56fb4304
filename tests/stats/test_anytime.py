"""Evidence after every seed: the e-process, its confidence sequence, decisions."""

from __future__ import annotations

from statistics import median

import mpmath
import numpy as np
import pytest

from afnlab.stats import (
    confidence_sequence,
    decide,
    decide_together,
    log_evidence,
    sign_flip_p,
)
from afnlab.stats.anytime import (
    BETS,
    any_time_equivalence_p,
    any_time_interval,
    any_time_not_worse_p,
    any_time_p,
    any_time_smallest_p,
)


def product(differences, center=0):
    """The e-process as its formula is written, with 60 digits, one seed after the other."""
    with mpmath.workdps(60):
        products, found = [mpmath.mpf(1)] * len(BETS), []
        for at, d in enumerate(differences):
            sizes = [abs(mpmath.mpf(float(e))) for e in differences[:at] if e]
            for i, bet in enumerate(BETS):
                y = (
                    mpmath.mpf(bet) / median(sizes) * (mpmath.mpf(float(d)) - center)
                    if sizes
                    else 0
                )
                products[i] *= mpmath.exp(y) / mpmath.cosh(y)
            found.append(sum(products) / len(BETS))
        return [float(mpmath.log(value)) for value in found]


NULLS = {  # distributions that are symmetric about 0
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.uniform(-1, 1, size=shape),
    "Cauchy": lambda rng, shape: rng.standard_cauchy(size=shape),
    "ties": lambda rng, shape: rng.integers(-1, 2, size=shape) / 360,
    "two scales": lambda rng, shape: rng.normal(size=shape) * rng.choice([0.01, 1], size=shape),
}


@pytest.mark.parametrize("name", NULLS)
@pytest.mark.parametrize("center", [0.0, 0.3])
def test_it_is_the_product_of_the_formula(name, center):
    for seed in range(4):
        d = NULLS[name](np.random.default_rng(seed), 40) + seed / 4
        assert log_evidence(d, center) == pytest.approx(product(d, center), abs=1e-12, rel=1e-12)


def test_extreme_sizes_neither_overflow_nor_vanish():
    for d in ([1e-300, 1e300, 1e300], [1e300, 1e-300, 1e-300], [1e-290, 1.0, -1e-290]):
        assert log_evidence(d) == pytest.approx(product(d), abs=1e-12)
    assert np.isfinite(log_evidence([5e-324, 1e300, -1e300, 1e300])).all()


def test_a_factor_is_fair_whatever_the_size():
    """Given its size, a difference of either sign: the mean e-value is the one before."""
    earlier = [0.4, -0.1, 0.0, 0.7]
    before = np.exp(log_evidence(earlier)[-1])
    for size in (0, 1e-9, 0.3, 5, 1e6):
        ends = [np.exp(log_evidence([*earlier, sign * size])[-1]) for sign in (1, -1)]
        assert np.mean(ends) == pytest.approx(before, rel=1e-12)


def test_the_scale_is_that_of_earlier_seeds():
    """A difference changes no bet on itself, and no seed before it."""
    d = np.random.default_rng(0).normal(size=20)
    changed = d.copy()
    changed[10] *= 100
    assert (log_evidence(d)[:10] == log_evidence(changed)[:10]).all()
    assert log_evidence([3.0]) == pytest.approx(0, abs=1e-15)
    assert log_evidence([0, 0, 0, 2.0]) == pytest.approx(np.zeros(4), abs=1e-15)
    assert log_evidence(1000 * d) == pytest.approx(log_evidence(d))


def test_rows_of_differences_are_computed_as_single_ones():
    d = np.random.default_rng(0).integers(-2, 3, size=(6, 30)) / 7
    assert log_evidence(d) == pytest.approx(np.array([log_evidence(row) for row in d]))


@pytest.mark.parametrize("name", NULLS)
def test_nulls_are_seldom_rejected_at_any_of_40_looks(name):
    d = NULLS[name](np.random.default_rng(7), (1000, 40))
    found = (np.maximum(log_evidence(d), log_evidence(-d)) >= np.log(40)).any(axis=1)
    assert [decide(row).verdict != "open" for row in d[:50]] == found[:50].tolist()
    assert 0.005 < np.mean(found) <= 0.05


def test_a_fixed_test_does_not_survive_as_many_looks():
    d = np.random.default_rng(7).normal(size=(200, 40))
    assert np.mean([any(sign_flip_p(row[:n]) <= 0.05 for n in range(6, 12)) for row in d]) > 0.07


@pytest.mark.parametrize(("effect", "most"), [(1, 16), (1.5, 11.5), (3, 9.5)])
def test_planted_differences_are_found_soon(effect, most):
    d = np.random.default_rng(3).normal(effect, 1, size=(200, 40))
    found = [decide(row) for row in d]
    assert np.mean([one.verdict == "better" for one in found]) > 0.95
    assert np.mean([one.seeds for one in found]) < most
    mirrored = [decide(-row) for row in d[:50]]
    assert [one.seeds for one in mirrored] == [one.seeds for one in found[:50]]
    assert {one.verdict for one in mirrored} <= {"worse", "open"}


def test_the_intervals_hold_at_all_seeds_and_say_what_the_evidence_says():
    held = []
    for seed in range(60):
        d = np.random.default_rng(seed).standard_t(3, size=40) + 2
        limits = confidence_sequence(d)
        held.append(((limits[:, 0] <= 2) & (limits[:, 1] >= 2)).all())
        assert (np.diff(limits[6:, 0]) >= 0).all()
        above = np.maximum.accumulate(log_evidence(d)) >= np.log(40)
        assert ((limits[:, 0] > 0) == above).all()
    assert np.mean(held) >= 0.9


def test_the_intervals_end_where_the_evidence_passes_its_threshold():
    d = np.random.default_rng(1).normal(size=30)
    low, high = confidence_sequence(d[:30], 0.9)[-1]
    all_low = [log_evidence(d[:n], low)[-1] for n in range(1, 31)]
    all_high = [log_evidence(-d[:n], -high)[-1] for n in range(1, 31)]
    assert max(all_low) == pytest.approx(np.log(20), abs=1e-6)
    assert max(all_high) == pytest.approx(np.log(20), abs=1e-6)
    assert (np.abs(confidence_sequence(d[:5])) == np.inf).all()


def test_equivalence_is_an_interval_within_the_margin():
    d = 0.1 * np.random.default_rng(2).normal(size=40)
    found = decide(d, margin=0.2)
    limits = np.abs(confidence_sequence(d)).max(axis=1)
    assert found == ("equivalent", int(np.argmax(limits < 0.2)) + 1)
    assert decide(d).verdict == "open"
    assert decide(d + 1, margin=0.2).verdict == "better"
    outside = 0.1 * np.random.default_rng(5).normal(size=(300, 40)) + 0.2
    assert np.mean([decide(row, margin=0.2).verdict == "equivalent" for row in outside]) <= 0.05


def test_a_decision_needs_nothing_that_comes_after_it():
    d = np.random.default_rng(4).normal(1, 1, size=40)
    found = decide(d, margin=0.5)
    assert decide(d[: found.seeds], margin=0.5) == found
    assert decide(d[: found.seeds - 1], margin=0.5) == ("open", found.seeds - 1)
    assert decide([]) == ("open", 0)
    assert decide(d, better_at=1e-5).seeds > found.seeds
    assert decide(np.zeros(40)) == ("open", 40)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"differences": [1.0, np.nan]}, "differences must be finite numbers, got"),
        ({"differences": [np.inf]}, "differences must be finite numbers, got"),
        ({"differences": 3.0}, "differences must be one for each seed, got 3.0"),
        ({"differences": [1.0], "margin": 0}, "margin must be a finite number above 0, got 0"),
        ({"differences": [1.0], "better_at": -1}, "better_at must be a finite number above 0"),
    ],
)
def test_bad_input_is_named(given, said):
    with pytest.raises(ValueError, match=said):
        decide(**given)


@pytest.mark.parametrize("name", NULLS)
def test_what_is_said_of_a_difference_follows_from_one_process(name):
    """p, interval and decision, at any level, and what of it a further seed can change."""
    for seed in range(8):
        d = NULLS[name](np.random.default_rng(seed), 30) + seed / 8
        p = any_time_p(d)
        for level in (0.9, 0.95, 0.975):
            assert (p <= 1 - level) == (decide(d, level=level).verdict != "open")
            mean, low, high = any_time_interval(d, level)
            assert (low > 0 or high < 0) == (p < 1 - level)
            assert mean == pytest.approx(d.mean())
            last = confidence_sequence(d, level)[-1] if level == 0.95 else [low, high]
            assert [low, high] == pytest.approx(last, rel=1e-6)
            for margin in (0.5, 2.0):
                assert (any_time_not_worse_p(d, margin) < 1 - level) == (low > -margin)
                within = low > -margin and high < margin
                assert (any_time_equivalence_p(d, margin) < 1 - level) == within
        looks = [any_time_p(d[:n]) for n in range(31)]
        assert looks[0] == 1
        assert looks == sorted(looks, reverse=True)


@pytest.mark.parametrize("seeds", [1, 2, 7, 24])
def test_how_small_a_p_value_so_many_seeds_can_have(seeds):
    sure = 100.0 ** np.arange(seeds)  # each beyond what all earlier ones let expect
    assert any_time_p(sure) == pytest.approx(any_time_smallest_p(seeds))


def test_differences_that_change_sides_keep_the_last_interval_that_had_a_center():
    turned = [1.0] * 12 + [-3.0] * 20
    limits = confidence_sequence(turned)
    assert limits[-1, 0] > limits[-1, 1]
    _, low, high = any_time_interval(turned)
    assert 0 < low <= high
    assert decide(turned).verdict == "better"


def test_what_is_decided_leaves_the_others_its_part_of_the_error():
    rng = np.random.default_rng(1)
    sure, other = rng.normal(3, 1, 24), rng.normal(0.73, 1, 24)
    alone = any_time_p(other)
    assert 0.025 < alone < 0.05
    assert [d.verdict for d in decide_together([sure, other])] == ["better", "better"]
    nothing = np.array([1.0, -1.0] * 12)
    assert [d.verdict for d in decide_together([nothing, other])] == ["open", "open"]
    assert decide_together([]) == []


@pytest.mark.parametrize("name", NULLS)
def test_all_decisions_of_a_table_at_all_looks_share_the_error(name):
    """Two thousand tables of three rows that equal their baseline, looked at after every seed.

    p-values only fall, so what is said at any look is said at the last one.
    """
    d = NULLS[name](np.random.default_rng(5), (2000, 3, 24))
    greatest = np.maximum(log_evidence(d).max(axis=-1), log_evidence(-d).max(axis=-1))
    p = np.minimum(1, 2 * np.exp(-greatest))
    for at in range(3):
        assert any_time_p(d[0, at]) == pytest.approx(p[0, at])
    decided = (3 * p <= 0.05).any(axis=1)  # the first step of Holm's procedure
    for table in (*d[decided][:5], *d[~decided][:5]):
        verdicts = {one.verdict for one in decide_together(list(table))}
        assert (verdicts != {"open"}) == (3 * min(map(any_time_p, table)) <= 0.05)
    assert decided.mean() < 0.05
