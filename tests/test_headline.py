"""The first screen's sentence, facts and next step, and the proper names in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_summary_table import BASE, rows, table

from afnlab import stats
from afnlab.compare.costs import Cost, pareto_front
from afnlab.compare.headline import cost_fact, facts, next_step, sentence
from afnlab.compare.proper_names import proper_name
from afnlab.compare.summary_table import compare_histories
from afnlab.measures import ACCURACY
from afnlab.registry import list_activations

LOSS = replace(ACCURACY, name="loss", key="x", unit="", better="lower", scale=1.0, high=None)
NAMES = {
    "selu": "SELU",
    "leaky_relu": "Leaky ReLU",
    "double_relu": "Double ReLU",
    "relu_squared": "ReLU Squared",
    "gelu_tanh": "GELU Tanh",
    "swish": "Swish",
    "pilu": "PiLU",
    "log_softmax": "Log Softmax",
    "relu(lr=0.01)": "ReLU(lr=0.01)",
    "srelu(t=1.5)": "SReLU(t=1.5)",
    "my.py:relu": "my.py:relu",
    "relu.py:relu": "relu.py:relu",
    "SwiGLU(lr=0.01)": "SwiGLU(lr=0.01)",
    "mine": "mine",
    "relu gated": "relu gated",
    "": "",
}


@pytest.mark.parametrize("label", NAMES)
def test_proper_names(label):
    assert proper_name(label) == NAMES[label]


def test_no_two_activations_share_a_proper_name():
    names = list_activations()
    assert len({proper_name(name) for name in names}) == len(names)


def made(**values):
    """A table of rows by what each adds to the baseline at every seed."""
    seeds = len(next(iter(values.values())))
    base = [0.5 + 0.01 * (s % 3) for s in range(seeds)]
    parts = [rows("relu", base)]
    for label, gaps in values.items():
        parts.append(rows(label, [b + g for b, g in zip(base, gaps, strict=True)]))
    return table(*parts)


UP, DOWN = [0.05 + 0.001 * s for s in range(8)], [-0.05 - 0.001 * s for s in range(8)]
EVEN = [0.01, -0.012, 0.013, -0.011, 0.012, -0.01, 0.014, -0.009]
SENTENCES = {
    "none is better": (
        made(selu=EVEN, tanh=DOWN),
        "No activation is better than ReLU: 1 of 2 cannot be distinguished from it, 1 is worse.",
    ),
    "all open": (
        made(selu=EVEN, tanh=EVEN[::-1]),
        "No activation is better than ReLU: none of 2 can be distinguished from it.",
    ),
    "all worse": (
        made(selu=DOWN, tanh=DOWN),
        "No activation is better than ReLU: all 2 are worse.",
    ),
    "one is better": (
        made(selu=UP, tanh=EVEN),
        "SELU is better than ReLU; 1 of 2 cannot be distinguished from it.",
    ),
    "two are better": (
        made(selu=UP, leaky_relu=[g + 0.01 for g in UP], tanh=DOWN),
        "2 of 3 activations are better than ReLU, led by Leaky ReLU; 1 is worse.",
    ),
    "one other, better": (made(selu=UP), "SELU is better than ReLU by 5.35 points."),
    "one other, worse": (made(selu=DOWN), "SELU is worse than ReLU by 5.35 points."),
    "one other, open": (made(selu=EVEN), "SELU cannot be distinguished from ReLU."),
    "too few": (
        made(selu=UP[:3], tanh=DOWN[:3]),
        "Undecided: 3 seeds cannot distinguish any activation from ReLU.",
    ),
    "alone": (table(BASE), "ReLU reaches 52.50 % mean accuracy."),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_the_sentence(case):
    found, said = SENTENCES[case]
    assert sentence(found, "relu") == said


def test_the_sentence_without_a_baseline_or_pairs():
    apart = rows("elu", [0.9] * 6).assign(seed=lambda t: t.seed + 50)
    assert sentence(table(BASE, apart), "relu") == (
        "ELU has the highest mean accuracy; no other row shares a seed with ReLU, so nothing is"
        " compared."
    )
    without = table(BASE, rows("elu", [0.9] * 6), baseline="gelu")
    told = "ELU has the highest mean accuracy; GELU is not among these runs."
    assert sentence(without, "gelu") == told


TIES = {  # what rows add to the baseline; the first tile, what is detected, and what is next
    "all": (
        {"selu": [0.0] * 8, "elu": [0.0] * 8},
        ("mean accuracy", "50.88 % in every row", "ELU: 0 points against ReLU in every seed; p"),
        "Differences do not vary between the seeds",
        "ELU equals ReLU in every seed; more seeds would show the same.",
    ),
    "two of three": (
        {"selu": [0.1] * 8, "elu": [0.1] * 8},
        ("highest mean accuracy", "60.87 % in 2 of 3 rows", "ELU: +10.00 points against ReLU in"),
        "Differences do not vary between the seeds",
        "Nothing is left open against ReLU on this task; try another one.",
    ),
    "two seeds that are equal": (
        {"selu": [0.0] * 2},
        ("mean accuracy", "50.50 % in every row", "SELU: 0 points against ReLU in every seed; p"),
        "No test can decide with so few; it takes 6 seeds",
        "6 seeds are the fewest that can decide anything.",
    ),
}


@pytest.mark.parametrize("case", TIES)
def test_rows_that_are_equal(case):
    values, tile, detected, then = TIES[case]
    found = made(**values)
    best, sure = facts(found, "relu")
    assert (best.about, best.value) == tile[:2]
    assert best.note.startswith(tile[2])
    assert sure.note == detected
    assert next_step(found, "relu")[0] == then


def test_settings_of_one_activation_are_called_settings():
    found = made(**{"relu(lr=0.1)": EVEN, "selu": EVEN[::-1]})
    assert sentence(found, "relu").startswith("No setting is better than ReLU")


def test_where_lower_is_better():
    up = [0.5 + 0.01 * (s % 3) for s in range(8)]
    history = pd.concat([rows("relu", up), rows("selu", [v - 0.05 - 0.001 * v for v in up])])
    history = history.rename(columns={"test_accuracy": LOSS.column})
    found = compare_histories(history, metric=LOSS)
    assert sentence(found, "relu", LOSS) == "SELU is better than ReLU by 0.05."
    assert facts(found, "relu", None, LOSS)[0].about == "lowest mean loss"


def test_the_facts():
    found = made(selu=EVEN, tanh=DOWN)
    best, sure = facts(found, "relu", 0.02)
    r = found.loc["selu"]
    assert best.value == f"SELU {100 * r.accuracy:.2f} %"
    assert f"{100 * r.difference:+.2f} points against ReLU, 95 % interval [" in best.note
    assert best.note.endswith(f"p = {r.p_holm:.3f} adjusted for 2 comparisons")
    size = stats.detectable_difference(float(found.loc[["selu", "tanh"]].spread.median()), 8, 2)
    assert sure.value == "8 seeds"
    assert f"a true difference of {100 * size:.2f} points four times in five" in sure.note
    assert sure.note.endswith("; the margin is 2.00 points")
    few = facts(made(selu=UP[:3]), "relu")[1]
    assert few.note == "No test can decide with so few; it takes 6 seeds"
    lead = facts(made(selu=DOWN, tanh=DOWN), "relu")[0]
    assert (lead.value[:4], lead.note[:15]) == ("ReLU", "The next, SELU:")


def test_what_the_named_row_costs():
    found = made(selu=UP, tanh=DOWN)
    seconds = pd.Series({"relu": 1.0, "selu": 1.25, "tanh": 3.0})
    told = cost_fact(found, "relu", Cost(seconds))
    assert told is not None
    assert told.value == "1.25 \N{MULTIPLICATION SIGN} ReLU"
    assert told.note == "SELU, an epoch of one model, timed during these runs"
    unsure = cost_fact(found, "relu", Cost(seconds, slower=1.5 * seconds))
    assert unsure is not None
    assert unsure.note.endswith(": within the noise of timing")
    assert cost_fact(found, "relu", Cost(seconds.drop("relu"))) is None
    assert cost_fact(table(BASE), "relu", Cost(seconds)) is None


def test_no_order_of_cost_within_the_noise_of_timing():
    means = pd.Series({"a": 0.90, "b": 0.91, "c": 0.95})
    cost = pd.Series({"a": 1.0, "b": 1.1, "c": 2.0})
    assert pareto_front(means, cost) == ["a", "b", "c"]
    assert pareto_front(means, cost, slower=cost * 1.2) == ["b", "c"]  # a is no quicker than b
    assert pareto_front(means, cost, slower=cost * 3) == ["c"]
    assert pareto_front(-means, cost, slower=cost * 1.01) == ["a"]


def test_how_many_seeds_would_settle_what_is_open():
    gaps = [0.01 + g for g in EVEN]
    found = made(selu=gaps, tanh=DOWN)
    assert found.verdict["selu"] == "not distinguishable"
    said, seeds = next_step(found, "relu")
    r = found.loc["selu"]
    assert seeds is not None
    least = stats.detectable_difference(r.spread, seeds, 2)
    assert least <= r.difference < stats.detectable_difference(r.spread, seeds - 1, 2)
    assert said == (
        f"{seeds} seeds would settle SELU, four times in five, if its difference to ReLU is the"
        f" {100 * r.difference:+.2f} points seen here."
    )


def test_what_more_seeds_would_not_settle():
    said, seeds = next_step(made(selu=[g - 0.0008 for g in EVEN]), "relu")
    assert seeds is None
    assert said.startswith("SELU would take more than 200 seeds to settle")
    assert next_step(made(selu=UP), "relu")[0].startswith("Nothing is left open against ReLU")
    assert next_step(table(BASE), "relu") == ("", None)


@pytest.mark.parametrize(
    ("effect", "comparisons"), [(3.0, 1), (1.2, 1), (0.9, 5), (0.5, 30), (0.25, 1)]
)
def test_so_many_seeds_have_the_power(effect, comparisons):
    seeds = stats.seeds_to_detect(effect, 1.0, comparisons)
    assert seeds is not None
    rng = np.random.default_rng(1)
    p = [stats.sign_flip_p(rng.normal(effect, 1.0, seeds)) for _ in range(60)]
    assert np.mean(np.array(p) < 0.05 / comparisons) > 0.6


@pytest.mark.parametrize(("difference", "deviation"), [(0.0, 1.0), (1.0, 0.0), (1e-6, 1.0)])
def test_no_number_of_seeds(difference, deviation):
    assert stats.seeds_to_detect(difference, deviation) is None
