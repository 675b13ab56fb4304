"""What is said of rows that were trained otherwise than the baseline; no run is needed for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from afnlab.compare import statements, trained_apart
from afnlab.compare.over_tasks import _called
from afnlab.compare.select_runs import _most_alike, _one_task
from afnlab.compare.selection import Selection
from afnlab.compare.summary_table import compare_histories
from afnlab.compare.trained_apart import QUESTION, settings_apart
from afnlab.compare.training_facts import Trained
from tests.compare.test_summary_table import rows

USUAL = {"lr": 0.001, "batch_size": 64, "sites": "each", "split": "test", "gated": False}
RATES = (0.001, 0.01, 0.03)
NOISE = [0.001 * n for n in (1, -2, 3, 0, -1, 2, -3, 1, 0, 2)]
GRID = {  # the mean of every row; the rate matters, and the activation hardly
    (activation, rate): 0.65 + gain + more
    for rate, gain in zip(RATES, (0, 0.25, 0.28), strict=True)
    for activation, more in (("relu", 0), ("gelu", 0.004), ("swish", -0.002))
}


def record(activation: str, parameters=(), named="", **settings) -> dict:
    """What a record says of a training of digits-mlp with these settings."""
    unusual = {n: value for n, value in settings.items() if value != USUAL[n]}
    words = dict(parameters) | unusual
    if named:
        del words["gated"]
    text = {
        n: f"{value:g}" if isinstance(value, float) else str(value) for n, value in words.items()
    }
    name = named or activation
    label = f"{name}({', '.join(f'{n}={words}' for n, words in text.items())})" if text else name
    return {
        "id": label,
        "group": label,
        "notebook": "train.ipynb",
        "label": f"digits-mlp {label}",
        "parameters": {
            "task": "digits-mlp",
            "activation": activation,
            "label": label,
            "parameters": dict(parameters),
            "trainable": [],
            "options": USUAL | settings,
            "epochs": 3,
            "device": "cpu",
            "dtype": "float32",
            "limit_train": None,
            "limit_test": None,
        },
        "given": {"activation": activation, **settings},
        "settings": text,
        "named": named,
        "seeds": [*range(len(NOISE))],
        "started": "2026-11-30T10:00:00+00:00",
        "environment": {
            "examples": {"train": 1347, "test": 450},
            "evaluated": "test",
            "device_name": "a machine",
            "torch": "2",
        },
        "versions": {},
    }


def selected(
    means: dict[tuple, float], baseline: str = "relu", seeds: int = 10, shared=(), **changes
) -> Selection:
    """The comparison of rows with these means, by activation and rate or record."""
    records = [
        {**record(key[0], lr=key[1], **dict(shared)), "seeds": [*range(seeds)]}
        if isinstance(key[1], float)
        else {**record(key[0], **dict(key[1])), "seeds": [*range(seeds)]}
        for key in means
    ]
    made = replace(
        _one_task(Path(), [*map(Trained.of_record, records)], records, baseline),
        sweep="g.yaml",
        **changes,
    )
    parts = [
        rows(label, [mean + (1 + at / 10) * noise for noise in NOISE[:seeds]])
        for at, (label, mean) in enumerate(zip(made.rows, means.values(), strict=True))
    ]
    history = pd.concat(parts, ignore_index=True)
    table = compare_histories(history, made.baseline, margin=made.margin)
    vars(made).update(
        history=history, table=table, cost=None, change=None, edges=[], fixed=history[:0]
    )
    return made


def words(selection: Selection) -> str:
    """All that is said first, and the answers."""
    return " ".join([*statements.statements(selection), *selection.answers.values()])


def test_a_difference_of_rates_is_told_as_one():
    one = selected(GRID)
    best, asked = statements.facts(one)
    assert best.value == "GELU(lr=0.03) 93.45 %"
    assert best.note.startswith("ReLU at lr=0.001 has 65.03 %.")
    assert asked.about == "is GELU(lr=0.03) better than ReLU at lr=0.001?"
    itself = (
        "ReLU(lr=0.03) itself is +28.02 points from ReLU at lr=0.001, so this difference is one of"
        " the learning rate too."
    )
    assert asked.note.endswith(itself)
    assert list(one.answers)[:3] == ["Which?", QUESTION, "On what?"]
    assert one.answers[QUESTION] == (
        f"{itself} --baseline relu compares every row under its own settings."
    )
    assert one.answers[QUESTION] == one.by_table()[QUESTION]  # by which a report is verified
    assert "GELU(lr=0.03) against ReLU at lr=0.001: +28.4" in one.answers["By how much?"]
    assert "ReLU?" not in words(one)


def test_rows_of_the_baselines_activation_are_not_counted_as_others():
    assert statements.sentence(selected(GRID)).startswith(
        "7 of 8 other settings (2 of the 8 are ReLU itself) are better than ReLU at lr=0.001"
    )


def test_the_baselines_activation_may_be_the_best_row():
    one = selected(GRID | {("relu", 0.03): 0.95})
    _, asked = statements.facts(one)
    assert asked.note.endswith(
        "ReLU(lr=0.03) differs from ReLU at lr=0.001 in the learning rate alone: nothing is said of"
        " activations."
    )


def test_a_row_beside_which_the_baseline_was_not_trained():
    one = selected({("relu", 0.001): 0.8, ("gelu", 0.03): 0.9})
    _, asked = statements.facts(one)
    assert asked.note.endswith(
        "GELU(lr=0.03) differs from ReLU at lr=0.001 in the learning rate too: this may be a"
        " difference of the learning rate."
    )
    assert one.answers[QUESTION] == trained_apart.caution(one)  # no baseline would do
    assert statements.sentence(one).startswith("GELU(lr=0.03) is better than ReLU at lr=0.001 by")


def test_a_difference_in_the_other_direction_explains_nothing():
    one = selected(
        {("relu", 0.001): 0.8, ("relu", 0.03): 0.7, ("gelu", 0.001): 0.79, ("gelu", 0.03): 0.9}
    )
    _, asked = statements.facts(one)
    assert asked.note.endswith("from ReLU at lr=0.001, which this difference contains.")


@pytest.mark.parametrize(
    ("means", "baseline"),
    [
        ({("relu", 0.03): 0.8, ("gelu", 0.03): 0.9, ("swish", 0.03): 0.7}, "relu"),
        (  # one activation: its settings are what is compared
            {("relu", 0.001): 0.8, ("relu", 0.03): 0.9, ("relu", 0.01): 0.95},
            "relu(lr=0.01)",
        ),
        (  # values of its own parameters, and whether places share them
            {
                ("relu", ()): 0.8,
                ("srelu", (("parameters", (("t", 1),)),)): 0.9,
                ("srelu", (("sites", "shared"),)): 0.7,
            },
            "relu",
        ),
        (  # a gated layer is called otherwise
            {("relu", ()): 0.8, ("swish", (("gated", True), ("named", "SwiGLU"))): 0.9},
            "relu",
        ),
    ],
)
def test_nothing_changes_where_the_activation_alone_varies(means, baseline):
    one = selected(means, baseline)
    assert QUESTION not in one.answers
    assert " at " not in statements.sentence(one)
    assert " itself" not in words(one)


def test_a_baseline_that_names_the_setting_is_named_with_it():
    one = selected(GRID, "relu(lr=0.01)")
    _, asked = statements.facts(one)
    assert asked.about == "is GELU(lr=0.03) better than ReLU(lr=0.01)?"
    assert " at lr=" not in asked.note


@pytest.mark.parametrize(
    ("baseline", "rate", "chosen"),
    [
        ("relu", 0.03, "relu(lr=0.03)"),
        ("relu(split=validation)", 0.03, "relu(lr=0.03)"),
        ("relu(lr=0.01, split=validation)", 0.03, "relu(lr=0.01)"),
        ("relu(lr=0.001)", 0.03, "relu"),  # the recipe's rate
    ],
)
def test_only_takes_the_baseline_beside_it(baseline, rate, chosen):
    """Unless it is named with another value of the same setting."""
    whole = selected(GRID, baseline, shared={"split": "validation"})
    assert whole.baseline == ("relu(lr=0.01)" if "lr=0.01" in baseline else "relu")
    assert _most_alike(whole, baseline, {"lr": rate}) is whole.rows[chosen]


def test_what_differs_is_in_the_order_of_the_settings():
    one, other = (
        Trained.of_record(record("relu", **its))
        for its in ({}, {"batch_size": 256, "lr": 0.1, "sites": "shared"})
    )
    assert settings_apart(one, other) == settings_apart(other, one) == ["lr", "batch_size"]
    assert settings_apart(one, one) == []


def test_the_baseline_of_several_tasks():
    one = selected(GRID)
    assert _called([one, one], "relu") == "ReLU at lr=0.001"
    slow = selected({("relu", 0.01): 0.5, ("relu", 0.03): 0.6, ("gelu", 0.03): 0.7})
    assert _called([one, slow], "relu") == "ReLU at each task's own recipe"
    alike = selected({("relu", 0.001): 0.5, ("gelu", 0.001): 0.7})
    assert _called([alike, alike], "relu") == "ReLU"
