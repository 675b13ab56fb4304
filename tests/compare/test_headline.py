"""The first screen's sentence and facts, word for word."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from afnlab.compare.costs import Cost, pareto_front
from afnlab.compare.formatting import equation, share_of
from afnlab.compare.headline import cost_fact, facts, outcome, sentence
from afnlab.compare.next_step import next_step
from afnlab.compare.summary_table import compare_histories
from afnlab.measures import ACCURACY
from tests.compare.test_summary_table import BASE, rows, table

LOSS = replace(ACCURACY, name="loss", key="x", unit="", better="lower", scale=1.0, high=None)


def made(margin=None, **values):
    """A table of rows by what each adds to the baseline at every seed, or by the values of fewer
    seeds, or a history."""
    seeds = len(next(iter(values.values())))
    base = [0.5 + 0.01 * (s % 3) for s in range(seeds)]
    parts = [rows("relu", base)]
    for label, gaps in values.items():
        if isinstance(gaps, pd.DataFrame):
            parts.append(gaps)
        elif len(gaps) < seeds:
            parts.append(rows(label, gaps))
        else:
            parts.append(rows(label, [b + g for b, g in zip(base, gaps, strict=True)]))
    return table(*parts, margin=margin)


UP, DOWN = [0.05 + 0.001 * s for s in range(8)], [-0.05 - 0.001 * s for s in range(8)]
EVEN = [0.01, -0.012, 0.013, -0.011, 0.012, -0.01, 0.014, -0.009]
SAME = [0.001 * g for g in EVEN]  # within a margin of 2 points
MAYBE = [0.01 + g for g in EVEN]


def within(margin, **values):
    """The same with a margin, in points."""
    return made(margin=margin / 100, **values)


SENTENCES = {  # what makes a table, and what is said
    "some are worse": (
        lambda: made(selu=EVEN, gelu=EVEN[::-1], tanh=DOWN),
        "None of 3 other activations is shown to be better than ReLU: 1 is worse and 2 cannot be"
        " distinguished from it.",
    ),
    "one of two is worse": (
        lambda: made(selu=EVEN, tanh=DOWN),
        "Neither of 2 other activations is shown to be better than ReLU: 1 is worse and 1 cannot be"
        " distinguished from it.",
    ),
    "two open": (
        lambda: made(selu=EVEN, tanh=EVEN[::-1]),
        "Neither of 2 other activations is shown to be better or worse than ReLU.",
    ),
    "all open": (
        lambda: made(selu=EVEN, tanh=EVEN[::-1], gelu=EVEN),
        "None of 3 other activations is shown to be better or worse than ReLU.",
    ),
    "two worse": (
        lambda: made(selu=DOWN, tanh=DOWN),
        "Both other activations are worse than ReLU.",
    ),
    "all worse": (
        lambda: made(selu=DOWN, tanh=DOWN, gelu=DOWN),
        "All 3 other activations are worse than ReLU.",
    ),
    "all better": (
        lambda: made(selu=UP, tanh=[g + 0.01 for g in UP], gelu=UP),
        "All 3 other activations are better than ReLU; they are not compared with one another.",
    ),
    "one is better": (
        lambda: made(selu=UP, tanh=EVEN),
        "SELU is better than ReLU; 1 other cannot be distinguished from ReLU.",
    ),
    "one is better, others are not": (
        lambda: made(selu=UP, tanh=EVEN, gelu=EVEN, elu=DOWN),
        "SELU is better than ReLU; of 3 others, 1 is worse than ReLU and 2 cannot be distinguished"
        " from it.",
    ),
    "two are better": (
        lambda: made(selu=UP, leaky_relu=[g + 0.01 for g in UP], tanh=DOWN),
        "2 of 3 other activations are better than ReLU (Leaky ReLU and SELU); 1 is worse than"
        " ReLU.",
    ),
    "all equivalent": (
        lambda: within(2, selu=SAME, tanh=SAME[::-1], gelu=SAME),
        "All 3 other activations are equivalent to ReLU within the margin.",
    ),
    "none worse by more than the margin": (
        lambda: within(2, selu=MAYBE, tanh=MAYBE[::-1], gelu=MAYBE),
        "None of 3 other activations is worse than ReLU by more than the margin.",
    ),
    "equivalent, worse and open": (
        lambda: within(0.6, selu=SAME, tanh=EVEN, gelu=DOWN),
        "None of 3 other activations is shown to be better than ReLU: 1 is equivalent to it, 1 is"
        " worse and 1 cannot be distinguished from it.",
    ),
    "one other, better": (lambda: made(selu=UP), "SELU is better than ReLU by 5.35 points."),
    "one other, worse": (lambda: made(selu=DOWN), "SELU is worse than ReLU by 5.35 points."),
    "one other, open": (
        lambda: made(selu=EVEN),
        "SELU is not shown to be better or worse than ReLU.",
    ),
    "one other, equivalent": (
        lambda: within(2, selu=SAME),
        "SELU is equivalent to ReLU within the margin.",
    ),
    "too few": (
        lambda: made(selu=UP[:3], tanh=DOWN[:3]),
        "Undecided: with 3 seeds no test can show a difference to ReLU.",
    ),
    "one seed": (
        lambda: made(selu=UP[:1], tanh=DOWN[:1]),
        "Undecided: with 1 seed no test can show a difference to ReLU.",
    ),
    "alone": (lambda: table(BASE), "ReLU reaches 52.50 % mean accuracy."),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_the_sentence(case):
    found, said = SENTENCES[case]
    assert sentence(found(), "relu") == said


def test_the_name_of_a_metric_is_no_unit():
    score = replace(ACCURACY, name="share within 50", unit="", scale=1.0)
    said = sentence(table(BASE), "relu", score)
    assert said == "ReLU reaches a mean share within 50 of 0.53."


def test_the_sentence_without_a_baseline_or_pairs():
    apart = rows("elu", [0.9] * 6).assign(seed=lambda t: t.seed + 50)
    assert sentence(table(BASE, apart), "relu") == (
        "ELU has the highest mean accuracy; no other row shares a seed with ReLU, so nothing is"
        " compared."
    )
    without = table(BASE, rows("elu", [0.9] * 6), baseline="gelu")
    told = "ELU has the highest mean accuracy; GELU is not among these runs."
    assert sentence(without, "gelu") == told


TIES = {  # what rows add to the baseline; the two tiles, and what is next
    "all": (
        {"selu": [0.0] * 8, "elu": [0.0] * 8},
        ("mean accuracy", "50.88 % in every row"),
        ("Not shown", "The difference is the same in all 8 seeds, p = 1."),
        ("Another task", "ELU equals ReLU in every seed."),
    ),
    "two of three": (
        {"selu": [0.1] * 8, "elu": [0.1] * 8},
        ("highest mean accuracy", "60.87 % in 2 of 3 rows"),
        ("Yes, p = 0.016", "The difference is the same in all 8 seeds."),
        ("Another task", "On this one nothing is left open against ReLU."),
    ),
    "two seeds that are equal": (
        {"selu": [0.0] * 2},
        ("mean accuracy", "50.50 % in every row"),
        ("2 seeds: too few", "A test against ReLU takes 6 seeds or more."),
        (
            "9 seeds in all",
            "A test against ReLU takes 6 seeds or more, and with 6 all of them have to agree; 9"
            " leave room for some that do not.",
        ),
    ),
}


@pytest.mark.parametrize("case", TIES)
def test_rows_that_are_equal(case):
    values, tile, detected, then = TIES[case]
    found = made(**values)
    best, sure = facts(found, "relu")
    assert (best.about, best.value) == tile
    assert best.note.startswith(("ELU has", "SELU has"))
    assert (sure.value, sure.note[: len(detected[1])]) == detected
    said = next_step(found, "relu").fact
    assert (said.value, said.note) == then


def test_settings_of_one_activation_are_called_settings():
    found = made(**{"relu(lr=0.1)": EVEN, "selu": EVEN[::-1]})
    assert sentence(found, "relu").startswith("Neither of 2 other settings is")


def test_where_lower_is_better():
    up = [0.5 + 0.01 * (s % 3) for s in range(8)]
    history = pd.concat([rows("relu", up), rows("selu", [v - 0.05 - 0.001 * v for v in up])])
    history = history.rename(columns={"test_accuracy": LOSS.column})
    found = compare_histories(history, metric=LOSS)
    assert sentence(found, "relu", LOSS) == "SELU is better than ReLU by 0.05."
    assert facts(found, "relu", None, LOSS)[0].about == "lowest mean loss"


SHORT = [0.56 + 0.01 * (s % 3) for s in range(4)]
OTHERS = rows("elu", [0.9] * 8, seeds=range(50, 58))  # seeds that no other row has
FACTS = {  # what makes a table, its margin, what is said of the best row and of how sure it is
    "open": (
        lambda: made(selu=MAYBE, tanh=EVEN, gelu=EVEN[::-1]),
        None,
        "Highest mean accuracy: SELU 51.96 %. ReLU has 50.88 %. The difference, of unrounded"
        " values, is +1.09 points, 4.9 of 450 test examples, which all seeds share.",
        "Is SELU better than ReLU? Not shown. 95 % interval [-0.15, +2.35] points, 8 seeds, p ="
        " 0.328. Both are adjusted for 3 comparisons (else p = 0.109). Equality is not"
        " shown either.",
    ),
    "one other": (
        lambda: made(selu=MAYBE),
        None,
        "Highest mean accuracy: SELU 51.96 %. ReLU has 50.88 %. The difference, of unrounded"
        " values, is +1.09 points, 4.9 of 450 test examples, which all seeds share.",
        "Is SELU better than ReLU? Not shown. 95 % interval [-0.07, +2.25] points, 8 seeds, p ="
        " 0.109. Equality is not shown either.",
    ),
    "better": (
        lambda: made(selu=UP, tanh=EVEN),
        0.02,
        "Highest mean accuracy: SELU 56.23 %. ReLU has 50.88 %. The difference is +5.35 points, 24"
        " of 450 test examples, which all seeds share.",
        "Is SELU better than ReLU? Yes, p = 0.016. 95 % interval [+5.10, +5.60] points, 8 seeds."
        " Both are adjusted for 2 comparisons. The margin is 2 points.",
    ),
    "the baseline is the best": (
        lambda: made(selu=DOWN, tanh=[2 * g for g in DOWN]),
        None,
        "Highest mean accuracy: ReLU 50.88 %. SELU is next with 45.53 %. The difference is -5.35"
        " points, 24 of 450 test examples, which all seeds share.",
        "Is SELU worse than ReLU? Yes, p = 0.016. 95 % interval [-5.60, -5.10] points, 8 seeds."
        " Both are adjusted for 2 comparisons.",
    ),
    "equivalent": (
        lambda: within(2, selu=SAME, tanh=SAME[::-1]),
        0.02,
        "Highest mean accuracy: 50.88 % in 2 of 3 rows. SELU has 50.88 %, ReLU 50.88 %. The"
        " difference is less than 0.01 points, less than 1 of 450 test examples, which all seeds"
        " share.",
        "Does SELU differ from ReLU? By less than 2 points. Tested with this margin: p = 0.008"
        " over 8 seeds, adjusted for 2 comparisons.",
    ),
    "not worse": (
        lambda: within(2, selu=MAYBE),
        0.02,
        "Highest mean accuracy: SELU 51.96 %. ReLU has 50.88 %. The difference, of unrounded"
        " values, is +1.09 points, 4.9 of 450 test examples, which all seeds share.",
        "Is SELU worse than ReLU? Not by more than 2 points. Tested with this margin: p = 0.004"
        " over 8 seeds.",
    ),
    "the same in every seed": (
        lambda: made(selu=[0.05] * 8, gelu=[0.04] * 8),
        None,
        "Highest mean accuracy: SELU 55.88 %. ReLU has 50.88 %. The difference is +5.00 points, 23"
        " of 450 test examples, which all seeds share.",
        "Is SELU better than ReLU? Yes, p = 0.016. The difference is the same in all 8 seeds. p is"
        " adjusted for 2 comparisons.",
    ),
    "no difference at all": (
        lambda: made(selu=[0.0] * 8),
        None,
        "Mean accuracy: 50.88 % in every row. SELU has 50.88 %, ReLU 50.88 %. The difference is"
        " 0.00 points.",
        "Is SELU better than ReLU? Not shown. The difference is the same in all 8 seeds, p = 1.",
    ),
    "too few": (
        lambda: made(selu=UP[:3], tanh=DOWN[:3]),
        None,
        "Highest mean accuracy: SELU 56.10 %. ReLU has 51.00 %. The difference is +5.10 points, 23"
        " of 450 test examples, which all seeds share.",
        "How sure: 3 seeds: too few. A test against ReLU takes 7 seeds or more with 2 comparisons.",
    ),
    "unequal seeds": (
        lambda: made(selu=UP, elu=EVEN, short=SHORT),
        None,
        "Highest mean accuracy: short 56.75 %. ReLU has 50.88 %. The difference over 4 common seeds"
        " is +6.00 points, 27 of 450 test examples, which all seeds share.",
        "How sure: 4 seeds: too few. A test against ReLU takes 7 seeds or more with 3 comparisons.",
    ),
    "the best shares no seed": (
        lambda: made(selu=UP, others=OTHERS),
        None,
        "Highest mean accuracy: ELU 90.00 %. It shares no seed with ReLU; of those that do, SELU"
        " leads with 56.23 % against 50.88 %. The difference is +5.35 points, 24 of 450 test"
        " examples, which all seeds share.",
        "Is SELU better than ReLU? Yes, p = 0.008. 95 % interval [+5.13, +5.57] points, 8 seeds.",
    ),
    "alone": (
        lambda: table(BASE),
        None,
        "Mean accuracy: ReLU 52.50 %.",
        "How sure: 50.39 % to 54.61 %. 95 % interval of the mean over 6 seeds.",
    ),
    "one seed alone": (
        lambda: table(rows("relu", [0.5])),
        None,
        "Mean accuracy: ReLU 50.00 %.",
        "How sure: 1 seed. An interval takes two seeds or more.",
    ),
}


def told(fact):
    """A tile as it is read."""
    about = fact.about[:1].upper() + fact.about[1:]
    text = f"{about}{'' if about.endswith('?') else ':'} {fact.value}. {fact.note}".strip()
    return text.replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize("case", FACTS)
def test_the_facts(case):
    found, margin, *said = FACTS[case]
    assert [told(fact) for fact in facts(found(), "relu", margin, ACCURACY, 450)] == said


def test_intervals_and_p_are_of_one_adjustment():
    """The p-value is below 0.05 exactly where the interval beside it excludes 0."""
    for gap in (0.0, 0.005, 0.01, 0.013, 0.016, 0.02, 0.03):
        found = made(selu=[gap + g for g in EVEN], tanh=EVEN, gelu=EVEN[::-1], elu=EVEN)
        sure = facts(found, "relu")[1]
        r = found.iloc[0]
        assert equation(r.p_holm) in f"{sure.value} {sure.note}"
        low, high = (f"{100 * v:+.2f}" for v in (r.adjusted_low, r.adjusted_high))
        assert f"[{low}, {high}]" in told(sure)
        assert (r.p_holm < 0.05) == (r.adjusted_low > 0) == sure.value.startswith("Yes")


DECIBELS = replace(LOSS, name="PSNR", key="psnr", unit="dB", better="higher")
UNITS = {
    "dB": (
        DECIBELS,
        1,
        "The difference is +0.11 dB.",
        "Is SELU better than ReLU?",
        "13 show a true difference of",
    ),
    "loss": (
        LOSS,
        -1,
        "The difference is -0.11.",
        "Is SELU better than ReLU?",
        "13 show a true difference of",
    ),
    "loss, worse": (
        LOSS,
        1,
        "The difference is +0.11.",
        "Is SELU worse than ReLU?",
        "13 show a true difference of",
    ),
}


@pytest.mark.parametrize("case", UNITS)
def test_other_units_count_no_examples(case):
    measure, sign, gap, question, power = UNITS[case]
    base = [20 + 0.1 * (s % 3) for s in range(8)]
    parts = [
        rows("relu", base),
        rows("selu", [b + 10 * sign * g for b, g in zip(base, MAYBE, strict=True)]),
    ]
    history = pd.concat(parts).rename(columns={"test_accuracy": measure.column})
    found = compare_histories(history, metric=measure)
    best, sure = facts(found, "relu", None, measure, 450)
    assert told(best).endswith(gap)
    assert told(sure).startswith(question)
    assert power in next_step(found, "relu", measure).fact.note
    assert "points" not in told(best) + told(sure)


@pytest.mark.parametrize(
    ("fraction", "count", "said"),
    [
        (2 / 450, 450, "2 of 450"),
        (0.0037, 450, "1.7 of 450"),
        (1e-4, 450, "less than 1 of 450"),
        (0.0026, 10_000, "26 of 10,000"),
        (0.5, 1, "less than 1 of 1"),
    ],
)
def test_a_share_of_examples(fraction, count, said):
    assert share_of(fraction, count) == said


def test_what_the_named_row_costs():
    found = made(selu=UP, tanh=DOWN)
    seconds = pd.Series({"relu": 1.0, "selu": 1.25, "tanh": 3.0})
    told = cost_fact(found, "relu", Cost(seconds))
    assert told is not None
    assert told.value == "1.25 \N{MULTIPLICATION SIGN} ReLU's time"
    assert told.note == "An epoch of one model with SELU takes that long, timed during these runs."
    unsure = cost_fact(found, "relu", Cost(seconds, slower=1.5 * seconds))
    assert unsure is not None
    assert unsure.value == "No difference shown"
    assert unsure.note == (
        "An epoch of one model with SELU takes 1.25 times as long, 0.833 to 1.88 given the noise of"
        " timing."
    )
    by_benchmark = cost_fact(
        found, "relu", Cost(seconds, "a pass", "by the speed benchmark of May")
    )
    assert by_benchmark is not None
    assert by_benchmark.note == "A pass with SELU takes that long, by the speed benchmark."
    assert cost_fact(found, "relu", Cost(seconds.drop("relu"))) is None
    assert cost_fact(table(BASE), "relu", Cost(seconds)) is None


def test_no_order_of_cost_within_the_noise_of_timing():
    means = pd.Series({"a": 0.90, "b": 0.91, "c": 0.95})
    cost = pd.Series({"a": 1.0, "b": 1.1, "c": 2.0})
    assert pareto_front(means, cost) == ["a", "b", "c"]
    assert pareto_front(means, cost, slower=cost * 1.2) == ["b", "c"]  # a is no quicker than b
    assert pareto_front(means, cost, slower=cost * 3) == ["c"]
    assert pareto_front(-means, cost, slower=cost * 1.01) == ["a"]


def test_comparisons_in_numbers():
    several = [made(selu=UP, tanh=DOWN), made(selu=UP)]
    assert outcome(several) == {"compared": 3, "better": 2, "worse": 1}
