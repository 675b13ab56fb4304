"""Comparisons of rows to which seeds were added until the evidence decided."""

from __future__ import annotations

from functools import cache
from math import inf, nan

import numpy as np
import pandas as pd
import pytest

from afnlab import stats
from afnlab.compare.answers import answers
from afnlab.compare.baseline_differences import further_comparisons
from afnlab.compare.headline import facts, sentence
from afnlab.compare.next_step import next_step
from afnlab.compare.summary_table import as_text, compare_histories, formatted, legend
from afnlab.measures import ACCURACY, Measure
from afnlab.runs import seed_pairs
from afnlab.runs.sweeps import until_decided
from afnlab.runs.sweeps.sweep_file import read
from afnlab.runs.sweeps.until_decided import Comparisons

LOSS = Measure(name="energy", key="energy", better="lower")  # with neither chance nor a bound


def history(values, measure=ACCURACY) -> pd.DataFrame:
    """A history of the values of each label, seed by seed; what is not finite has diverged."""
    return pd.DataFrame(
        {
            "label": label,
            "seed": seed,
            measure.column: value,
            "diverged": not np.isfinite(value),
        }
        for label, its in values.items()
        for seed, value in enumerate(its)
    )


def drawn(seed: int, measure: Measure) -> dict[str, np.ndarray]:
    """Values of ReLU and three others, some with an effect, of 1 to 40 seeds; some diverged."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 41, 3)
    base = rng.normal(0.5, 0.03, 40)
    effects = rng.choice([-0.02, 0, 0, 0.01, 0.02], 3)
    made = {"relu": base[: counts.max()]}
    for label, count, effect in zip(("gelu", "srelu", "apec"), counts, effects, strict=True):
        made[label] = base[:count] + effect + rng.normal(0, 0.02, count)
    for values in made.values():
        values[rng.random(len(values)) < 0.03 * (seed % 2)] = rng.choice([nan, inf])
    return made


@cache
def comparisons() -> Comparisons:
    plan = {"grid": {"activation": ["relu", "gelu", "srelu", "apec"]}, "seeds": "until decided"}
    return Comparisons.of(read(plan).specs(), "relu")


def swept(values, measure, monkeypatch, tmp_path) -> dict[str, stats.Decision]:
    """What a sweep says of runs with these values."""

    def pairs(_, idea, against):
        one, other = (values[spec.training.label] for spec in (idea, against))
        level = measure.worst if measure.chance is None else measure.chance
        return {
            seed: {
                "idea": float(a) if np.isfinite(a) else None,
                "against": float(b) if np.isfinite(b) else None,
                "lost": level,
            }
            for seed, (a, b) in enumerate(zip(one, other, strict=False))
        }

    def paired(known, _):
        return seed_pairs.differences(known, measure)

    monkeypatch.setattr(until_decided, "seed_pairs", pairs)
    monkeypatch.setattr(until_decided, "differences", paired)
    decided = comparisons().decided(tmp_path, 40)
    return {comparisons().specs[group].training.label: one for group, one in decided.items()}


@pytest.mark.parametrize("measure", [ACCURACY, LOSS], ids=["accuracy", "a loss"])
def test_a_table_says_what_the_sweep_said(measure, monkeypatch, tmp_path):
    """Of 120 sequences of seeds, with rows of unequal numbers of them and some that diverged."""
    said = set()
    # The intervals of single means, which are not asked for, take most of the time.
    monkeypatch.setattr(stats, "mean_intervals", lambda rows: np.zeros((len(rows), 3)))
    for seed in range(20):
        values = drawn(seed, measure)
        decisions = swept(values, measure, monkeypatch, tmp_path)
        made = compare_histories(history(values, measure), metric=measure, until_decided=values)
        for label, decision in decisions.items():
            verdict, row = decision.verdict, made.loc[label]
            shown = row.verdict if row.verdict in ("better", "worse") else "open"
            assert shown == verdict, (seed, label)
            assert (row.p_holm < 0.05) == (verdict != "open")
            excludes = row.adjusted_low > 0 or row.adjusted_high < 0
            assert excludes == (verdict != "open")
            said.add(verdict)
    assert said == {"better", "worse", "open"}


BASE = [0.5 + 0.01 * (s % 5) for s in range(24)]
GAPS = [0.004 + 0.012 * (-1) ** s + 0.001 * (s % 7) for s in range(24)]  # p = 0.02, fixed
SURE = [0.05 + 0.001 * (s % 3) for s in range(24)]
VALUES = {
    "relu": BASE,
    "gelu": [b + g for b, g in zip(BASE, GAPS, strict=True)],
    "tanh": [b + g for b, g in zip(BASE, SURE, strict=True)],
}


def made(until=(), margin=None, **values) -> pd.DataFrame:
    return compare_histories(history(VALUES | values), until_decided=until, margin=margin)


def test_a_row_that_the_sweep_left_open_is_called_open_everywhere():
    """The table, the first sentence, the tiles, the answers, what next: none says p < 0.05."""
    fixed, open_row = made(), made(("gelu",))
    assert (fixed.verdict["gelu"], open_row.verdict["gelu"]) == ("better", "not distinguishable")
    assert fixed.p["gelu"] < 0.05 < open_row.p["gelu"]
    assert open_row.adjusted_low["gelu"] < 0 < fixed.adjusted_low["gelu"]
    assert open_row.loc["tanh"].equals(fixed.loc["tanh"]) is True
    assert sentence(fixed, "relu").startswith("Both other activations are better than ReLU")
    assert sentence(open_row, "relu") == (
        "Tanh is better than ReLU; 1 other cannot be distinguished from ReLU."
    )
    alone = compare_histories(
        history({"relu": BASE, "gelu": VALUES["gelu"]}), until_decided=("gelu",)
    )
    _, sure = facts(alone, "relu")
    assert sure.value == "Not shown"
    step = next_step(open_row, "relu")
    assert step is not None
    assert (step.most, step.seeds, step.fact.value) == (48, None, "Up to 48 seeds")
    assert "power" not in step.fact.note
    assert '"seeds: until decided, at most 48"' in step.fact.note
    assert next_step(open_row, "relu", most=24) == step
    early = next_step(open_row, "relu", most=32)  # it has not had what the file allows
    assert early is not None
    assert (early.most, early.fact.value) == (32, "Up to 32 seeds")
    assert "the same sweep file, whose 32 seeds it has not had yet" in early.fact.note


def test_the_test_is_named_where_its_numbers_stand():
    mixed, fixed = made(("gelu",)), made()
    assert mixed.test[["gelu", "tanh"]].tolist() == ["any time", "sign-flip"]
    assert "test" not in formatted(fixed)
    assert formatted(mixed).test.tolist().count("any time") == 1
    assert "any time" in as_text(mixed)
    assert "any time" not in legend(fixed, "relu")
    assert "the sign-flip test and the test that holds at any time" in legend(mixed, "relu")
    assert np.isnan(mixed.p_wilcoxon["gelu"])
    said = answers(mixed, "relu", 360)["How sure?"]
    assert "Sign-flip test on 24 paired seeds" in said
    assert "Test that may be looked at after every seed, on 24 paired seeds" in said
    whole = answers(made(("relu",)), "relu", 360)["How sure?"]
    assert "power of 80 %" in said
    assert "power of 80 %" not in whole  # of a number of seeds that nobody fixed


def test_every_comparison_with_a_baseline_that_is_such_a_row_is_one():
    assert made(("relu",)).test[["gelu", "tanh"]].tolist() == ["any time", "any time"]


def test_the_smallest_attainable_p_value_is_that_of_each_number_of_seeds():
    fewer = {label: VALUES[label][:8] for label in ("gelu",)}
    twelve = {label: VALUES[label][:12] for label in ("relu", "tanh")}
    said = answers(made(**fewer, **twelve), "relu", 360)["How sure?"]
    least, most = 2 * stats.smallest_p(12), stats.smallest_p(8)  # Holm's last is not doubled
    assert "on 8 to 12 paired seeds, Holm's correction over 2 comparisons: the smallest" in said
    assert f"p-value is {2 * 2 / 2**12:.2g} with 12 seeds and 0.008 with 8." in said
    assert (round(least, 5), round(most, 3)) == (0.00098, 0.008)


def test_too_few_of_such_seeds_can_decide_nothing():
    six = {label: values[:6] for label, values in VALUES.items() if label != "gelu"}
    (_, row), *_ = compare_histories(history(six), until_decided=("tanh",)).iterrows()
    assert row.verdict == "too few seeds"
    assert not np.isfinite([row.adjusted_low, row.difference_low]).any()
    enough = stats.ANY_TIME.seeds_needed(1)
    assert enough == stats.seeds_needed(1) + 1 == 7
    seven = {label: values[:enough] for label, values in VALUES.items() if label != "gelu"}
    alike = compare_histories(history(seven), until_decided=("tanh",))
    assert alike.verdict["tanh"] == "not distinguishable"  # it was possible, with other numbers


def test_within_a_margin_it_is_the_verdict_of_a_judge():
    near = [b + 0.0005 * (-1) ** s for s, b in enumerate(BASE)]
    only = {"relu": BASE, "gelu": near}
    found = compare_histories(history(only), until_decided=("gelu",), margin=0.01)
    gains = np.subtract(near, BASE)
    assert found.verdict["gelu"] == "equivalent" == stats.decide(gains, margin=0.01).verdict
    _, *limits = stats.any_time_interval(gains)
    assert found.loc["gelu", ["adjusted_low", "adjusted_high"]].tolist() == pytest.approx(limits)


@pytest.mark.parametrize("added", [(), ("tanh",)])
def test_further_comparisons_of_a_row_count_whatever_its_test_is(added):
    only = history({label: VALUES[label] for label in ("relu", "tanh")})
    how = {"until_decided": added, "margin": 0.01}
    one = compare_histories(only, **how).loc["tanh"]
    whole = compare_histories(only, **how, further={"tanh": 3})
    four = whole.loc["tanh"]
    for column, p in (("p_holm", one.p), *((n, one[n]) for n in ("p_equivalent", "p_not_worse"))):
        assert four[column] == min(1.0, 4 * p)
    test, gains = stats.TESTS[one.test], np.subtract(VALUES["tanh"], BASE)
    level = 1 - stats.alpha(stats.LEVEL) / 4
    _, *limits = test.interval(gains, level)
    assert [four.adjusted_low, four.adjusted_high] == pytest.approx(limits)
    assert "Holm's correction over 4 comparisons" in answers(whole, "relu", 360)["How sure?"]
    beside = compare_histories(only, **how, further={"tanh": 1, "mine.py:f": 2})  # of no row here
    same = four.index.drop("further_comparisons")
    assert beside.loc["tanh", same].equals(four[same])
    assert further_comparisons(beside.loc[["tanh"]]) == further_comparisons(beside) == 3
    few = {label: VALUES[label][: test.seeds_needed(4) - 1] for label in ("relu", "tanh")}
    short = compare_histories(history(few), until_decided=added, further={"tanh": 3})
    assert short.verdict["tanh"] == "too few seeds"
    assert f"that takes {test.seeds_needed(4)} seeds" in answers(short, "relu", 360)["Which?"]
