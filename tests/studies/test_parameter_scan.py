"""One parameter's values in one training: each what it would be alone; what is said of them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import afnlab
from afnlab.measures import Measure
from afnlab.studies import parameter_scan
from afnlab.training.scan import grid, scan

COLUMNS = ["train_loss", "test_loss", "test_accuracy"]


@pytest.mark.parametrize(
    ("task", "activation", "parameter", "values", "params"),
    [
        ("digits-mlp", "srelu", "t", [0.5, 4.0], {}),
        ("digits-mlp", "swish", "beta", [0.1, 2.0], {"sites": "shared"}),
        ("digits-mlp", "pilu", "gamma", [-1.0, 1.0], {"alpha": 1.2}),
        ("digits-arp", "sigmoid", "L", [1.0, 8.0], {}),
    ],
)
def test_a_value_in_a_scan_is_what_it_is_alone(task, activation, parameter, values, params):
    options = {"epochs": 1, "dtype": "float64", "limit_train": 300, "progress": False}
    together = scan(task, activation, parameter, values, params=params, seeds=[0, 3], **options)
    assert together.value.unique().tolist() == values
    assert together.columns.tolist()[:3] == ["value", "seed", "epoch"]
    for value in values:
        own = {**params, parameter: value, "split": "validation"}
        alone = afnlab.train(task, activation, params=own, seeds=[3], **options).history
        mine = together.query("value == @value and seed == 3")
        # RMSprop divides by the size of the gradients, and rounding grows with it.
        np.testing.assert_allclose(
            mine[COLUMNS], alone[COLUMNS], rtol=2e-3 if "arp" in task else 1e-10
        )
    assert not np.allclose(*(together.query("value == @v")[COLUMNS] for v in values))


def test_a_trained_parameter_starts_at_the_value():
    options = {"seeds": 2, "epochs": 2, "limit_train": 300, "progress": False}
    fixed = scan("digits-mlp", "srelu", "t", [1.0, 2.0], **options)
    trained = scan("digits-mlp", "srelu", "t", [1.0, 2.0], trainable=True, **options)
    first, later = (
        np.abs(fixed[fixed.epoch == e].train_loss - trained[trained.epoch == e].train_loss)
        for e in (1, 2)
    )
    assert (later > 0).all()
    assert first.max() < 0.02


def test_no_test_example_is_seen(monkeypatch):
    task = afnlab.get_task("digits-mlp")
    seen = scan(task, "srelu", "t", [1.0], seeds=1, epochs=1)
    full = scan(task, "srelu", "t", [1.0], seeds=1, epochs=1, split="test")
    assert not np.allclose(seen[COLUMNS], full[COLUMNS])
    share = seen.test_accuracy.iloc[0] * 269  # a fifth of 1,347
    assert share == pytest.approx(round(share))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("srelu", "q", [1.0]), "srelu: unknown parameter 'q'"),
        (("srelu", "t", []), "values must be one or more"),
        (("srelu", "t", [2.0, 1, 2]), r"values must be each once, got \[2.0, 1.0, 2.0\]"),
        (("srelu", "t", [1.0, 0.0]), "srelu: t must be > 0, got 0.0"),
        (("relu", "t", [1.0]), "unknown parameter 't'"),
        (("apec", "eps", [1e-3]), "unknown parameter 'eps'"),
    ],
)
def test_bad_scans_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        scan("digits-mlp", *arguments, seeds=1, epochs=1)


def test_bad_scans_of_l_are_named():
    with pytest.raises(ValueError, match="L must be a number above 0"):
        scan("digits-arp", "sigmoid", "L", [0.0], seeds=1, epochs=1)
    with pytest.raises(ValueError, match="L of the task is not trained here"):
        scan("digits-arp", "sigmoid", "L", [1.0], trainable=True, seeds=1, epochs=1)


def test_grids():
    assert grid("digits-mlp", "srelu", "t", 3) == [0.05, 0.707, 10.0]
    assert grid("digits-arp", "sigmoid", "L", 6) == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    values = grid("digits-mlp", "apec", "alpha", 5)
    assert values == [-2.0, -1.0, 0.0, 1.0, 2.0]


def test_what_is_not_asked_for_is_the_parameter_s():
    values, default = parameter_scan.asked("digits-mlp", "apec", "gamma")
    assert default == afnlab.get_activation("apec").params["gamma"].default
    assert default in values
    assert set(values) - {default} <= set(grid("digits-mlp", "apec", "gamma", 9))
    assert parameter_scan.asked("digits-arp", "sigmoid", "L")[1] == 4.0
    assert parameter_scan.asked("digits-mlp", "srelu", "t", [1.0, 2.0]) == ([1.0, 2.0, 2.21], 2.21)
    assert parameter_scan.asked("digits-mlp", "swish", "beta", [2.0], 1.5) == ([2.0, 1.5], 1.5)
    assert parameter_scan.asked("digits-mlp", "swish", "beta", [1.5, 2], 1.5) == ([1.5, 2], 1.5)
    with pytest.raises(ValueError, match="unknown parameter 't'"):
        parameter_scan.asked("digits-mlp", "relu", "t")


def history(accuracies: dict[float, list[float]]) -> pd.DataFrame:
    rows = [
        {"value": value, "seed": seed, "epoch": 1, "test_accuracy": a, "diverged": False}
        for value, column in accuracies.items()
        for seed, a in enumerate(column)
    ]
    return pd.DataFrame(rows)


FLAT = {
    1.0: [0.80, 0.81, 0.80, 0.82, 0.81, 0.80],
    2.0: [0.90, 0.92, 0.91, 0.93, 0.90, 0.91],
    3.0: [0.91, 0.91, 0.92, 0.92, 0.91, 0.91],
}


def test_what_is_said_of_a_flat_top():
    made = history(FLAT)
    assert parameter_scan.best(made) == 3.0
    assert parameter_scan.flat(made) == [2.0, 3.0]
    said = parameter_scan.verdict(made, "t", 2.0)
    assert "Highest mean at t = 3: 91.33 % over 6 seeds, at the largest" in said
    assert "value tried: the top may lie beyond it. Being picked as the best of 3, this" in said
    assert said.endswith("the best of the values tried is among 2 and 3.")
    assert parameter_scan.verdict(made, "t", 2.21).endswith("2.21 was not tried.")
    one = made[made.seed == 0]
    assert "One seed says nothing" in parameter_scan.verdict(one, "t", 2.0)
    ax = parameter_scan.figure(made, "t", 2.0, made).axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("t", "accuracy (%)")


def test_values_are_compared_with_the_default_and_corrected():
    rows = parameter_scan.table(made := history(FLAT), default=3.0)
    lead = [-11.0, -10.0, -12.0, -10.0, -10.0, -11.0]
    assert rows.loc[1.0, "difference to default"] == pytest.approx(np.mean(lead))
    assert rows.loc[1.0, "p (Holm)"] == "0.062"  # 2/64, twice
    assert rows.verdict.tolist() == ["too few seeds", "too few seeds", "baseline"]
    said = parameter_scan.verdict(made, "t", 3.0)
    assert "With 6 seeds no value can be shown to be better than the default 3" in said
    assert "2 comparisons with it take 7 seeds" in said
    assert "verdict" not in parameter_scan.table(made)
    more = history({v: [*column, column[0], column[1]] for v, column in FLAT.items()})
    assert parameter_scan.table(more, default=1.0).verdict.tolist()[1:] == ["better"] * 2
    said = parameter_scan.verdict(more, "t", 1.0)
    assert "Better than the default 1: t = 2 and 3 (sign-flip" in said
    assert "corrected by Holm for 2 comparisons" in said
    assert parameter_scan.outcome(more, "t", 1.0) == {
        "best t": 3.0,
        "validation accuracy there": pytest.approx(91.25),
        "values better than 1": 2,
    }
    said = parameter_scan.verdict(more, "t", 2.0)
    assert "No value is shown to be better than the default 2; worse: 1; not dist" in said


def test_the_table_that_is_read_has_words_where_there_is_no_number():
    rows = parameter_scan.printed_table(history(FLAT), default=3.0)
    assert rows["accuracy (%)"].tolist() == ["80.67", "91.17", "91.33"]
    assert rows["95 % interval"][1.0] == "[80.00, 81.67]"
    assert rows["its interval"].tolist() == ["no bounds", "no bounds", ""]
    assert rows["p (Holm)"][1.0] == "0.062"
    equal = parameter_scan.printed_table(history({1.0: [0.9] * 2, 2.0: [0.8, 0.9]}))
    assert equal["95 % interval"][1.0] == "all equal"
    for shown in (rows, equal, parameter_scan.printed_table(history({1.0: [0.9]}), default=1.0)):
        assert not re.search(r"\b(?:inf|nan)\b", shown.to_string(), re.IGNORECASE)


def test_the_head_of_a_column_names_the_unit():
    error = Measure(name="mean error", key="accuracy", unit="m", better="lower")
    for rows in (parameter_scan.table, parameter_scan.printed_table):
        assert "mean error (m)" in rows(history({1.0: [0.5, 0.7]}), error)


def test_the_best_of_ten_alike_is_seldom_called_better():
    # Values that differ in nothing: the best of nine is picked, and the default is one of them.
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(100):
        alike = {float(v): list(0.9 + 0.01 * rng.standard_normal(10)) for v in range(1, 11)}
        wrong += "Better than" in parameter_scan.verdict(history(alike), "t", 5.0)
    assert wrong <= 8


def test_seeds_that_are_equal_have_no_bar_and_are_marked():
    made = history({1.0: [0.9, 0.9], 2.0: [0.8, 0.9]})
    shown = [text.get_text() for text in parameter_scan.figure(made, "t").legends[0].texts]
    assert "both seeds equal: no interval" in shown
    hollow = parameter_scan.figure(made, "t").axes[0].lines[-2]
    assert (hollow.get_xdata().tolist(), hollow.get_markerfacecolor()) == ([1.0], "white")
    three = history({1.0: [0.9] * 3})
    shown = [text.get_text() for text in parameter_scan.figure(three, "t").legends[0].texts]
    assert "all 3 seeds equal: no interval" in shown
    without = parameter_scan.figure(history(FLAT), "t").legends[0].texts
    assert [text.get_text() for text in without] == ["fixed"]


def test_the_value_chosen_is_judged_on_test_examples():
    said = parameter_scan.judged("digits-mlp", "srelu", "t", 2.0, seeds=3, epochs=1)
    assert said.startswith("test accuracy at t = 2: ")
    assert said.endswith("3 seeds")


def test_the_default_is_judged_beside_it():
    options = {"seeds": 2, "epochs": 1, "limit_train": 300, "progress": False}
    lines = parameter_scan.judged("digits-mlp", "srelu", "t", 1.0, 2.21, **options).splitlines()
    assert lines[0] == parameter_scan.judged("digits-mlp", "srelu", "t", 1.0, **options)
    assert lines[1].startswith("test accuracy at t = 2.21, the default: ")
    assert lines[2].startswith("difference, paired by seed: ")
    assert " points, 95 % interval [" in lines[2] or "all equal" in lines[2]
    same = parameter_scan.judged("digits-mlp", "srelu", "t", 2.21, 2.21, **options)
    assert same.endswith("it is the default, so there is nothing to compare it with")
