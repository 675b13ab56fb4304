"""Evidence after every seed: the e-process, its confidence sequence, decisions."""

from __future__ import annotations

from statistics import median

import mpmath
import numpy as np
import pytest

from afnlab.stats import confidence_sequence, decide, log_evidence, seeds_to_decide, sign_flip_p
from afnlab.stats.anytime import BETS


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


@pytest.mark.parametrize("comparisons", [1, 3, 9, 200])
def test_so_many_equal_differences_decide(comparisons):
    level = 1 - 0.05 / comparisons
    least = seeds_to_decide(level)
    for scale in (1e-9, 1, -1e9):
        verdicts = [decide(np.full(n, scale), level=level).verdict for n in (least - 1, least)]
        assert verdicts == ["open", "better" if scale > 0 else "worse"]
    assert 2.0 ** (least - 1) > 2 / (1 - level)  # what no differences can exceed
    assert least == {1: 8, 3: 10, 9: 11, 200: 16}[comparisons]
