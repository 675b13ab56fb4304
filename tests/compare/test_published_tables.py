"""Published beside measured: every rule, on values written out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from afnlab.compare import select
from afnlab.compare.published_tables import COLUMNS, NONE, beside, judge, metric, published, summary
from afnlab.measures import Measure
from afnlab.paths import shared
from afnlab.report import sections
from tests.compare.test_summary_table import explained, rows
from tests.runs.test_runs import execute_small
from tests.training.test_data import needs_mnist

FIVE = np.array([0.90, 0.91, 0.92, 0.93, 0.94])  # mean 0.92, deviation 0.0158


def test_every_column_of_the_csv_is_explained():
    assert explained("`tables/NAME-published.csv`") == set(COLUMNS)


@pytest.mark.parametrize(
    ("printed", "verdict"),
    [
        # 95 % of single runs: 0.92 +- 2.776 * 0.01581 * sqrt(1.2), that is 0.8719 to 0.9681
        ("0.92", "agrees"),
        ("0.872", "agrees"),
        ("0.871", "differs"),
        ("0.87", "agrees"),  # rounded: it may have been 0.875
        ("0.86", "differs"),
        ("0.97", "agrees"),
        ("0.9700", "differs"),
        ("1", "agrees"),  # printed in whole numbers, it says almost nothing
    ],
)
def test_one_printed_run(printed, verdict):
    assert judge(printed, FIVE) == (verdict, "95 % prediction interval of one run")


@pytest.mark.parametrize(
    ("printed", "verdict"),
    [
        # Welch: error sqrt(0.01581^2 / 5 + 0.01^2 / 25) = 0.00735, about 4.7 degrees: +- 0.0192
        ("0.9200", "agrees"),
        ("0.9020", "agrees"),
        ("0.9000", "differs"),
        ("0.9380", "agrees"),
        ("0.9400", "differs"),
        ("0.90", "agrees"),
    ],
)
def test_a_printed_mean(printed, verdict):
    assert judge(printed, FIVE, 25, 0.01) == (verdict, "95 % Welch interval of the difference")


def test_what_cannot_be_compared():
    assert judge("0.9", FIVE[:1])[0] == NONE
    assert "one measured seed" in judge("0.9", FIVE[:1])[1]
    assert judge("0.9", FIVE, 10) == (
        NONE,
        "the source does not state the standard deviation of its 10 runs",
    )
    assert judge("0.9", np.append(FIVE, np.nan)) == (NONE, "a measured value is not finite")
    assert judge("0.92", np.full(4, 0.92)) == ("agrees", "95 % prediction interval of one run")


def test_a_true_print_agrees_as_often_as_it_should():
    rng = np.random.default_rng(0)
    for runs in (1, 25):
        agreed = 0
        for _ in range(2000):
            theirs = rng.normal(0.9, 0.01, runs)
            deviation = float(theirs.std(ddof=1)) if runs > 1 else None
            verdict, _ = judge(f"{theirs.mean():.6f}", rng.normal(0.9, 0.01, 10), runs, deviation)
            agreed += verdict == "agrees"
        assert agreed / 2000 == pytest.approx(0.95, abs=0.02)


def test_metrics():
    history = rows("relu", [0.5, 0.7], loss=[1.0, 2.0], epochs=3)  # 0.2 and 0.1 below before
    history["test_loss"] += history.epoch / 10
    for name, expected in (
        ("accuracy", [0.5, 0.7]),
        ("accuracy (%)", [50, 70]),
        ("average loss", [1.3, 2.3]),
        ("test loss", [1.3, 2.3]),
        ("mean accuracy (%) over all epochs", [40, 60]),
        ("mean accuracy (%) over epochs after 1", [45, 65]),
    ):
        assert metric(name)(history).tolist() == pytest.approx(expected), name
    assert metric("speed") is None


def test_a_metric_whose_name_holds_the_letter_of_its_unit():
    error = Measure(name="mean error", key="accuracy", unit="m", better="lower", scale=1e3)
    history = rows("relu", [0.5, 0.7])
    for name, expected in (("mean error (m)", [500, 700]), ("mean error", [0.5, 0.7])):
        assert metric(name, [error])(history).tolist() == pytest.approx(expected), name


@pytest.mark.parametrize("path", sorted(shared("published").glob("*.csv")), ids=lambda p: p.stem)
def test_every_printed_metric_is_known(path):
    assert published(path.stem).metric.map(metric).notna().all()


PRINTED = pd.DataFrame(
    [
        ("T1", "relu", "accuracy", "0.53", 1, 2, None, ""),
        ("T1", "relu", "accuracy", "0.9000", 25, 2, "0.0010", ""),
        ("T1", "relu", "accuracy", "0.5300", 10, 2, "0.0100", "unclear"),
        ("T1", "relu", "accuracy", "0.5300", 1, 20, None, ""),
        ("T1", "relu", "accuracy", "0.5300", 1, None, None, ""),
        ("T1", "sigmoid", "accuracy", "0.5300", 1, 2, None, ""),
        ("T1", "relu", "speed", "0.5300", 1, 2, None, ""),
    ],
    columns=[
        "where",
        "activation",
        "metric",
        "value",
        "runs",
        "epochs",
        "deviation",
        "deviation_of",
    ],
)
HISTORY = rows("relu", [0.50 + 0.01 * s for s in range(6)])


def test_every_printed_row_gets_an_answer():
    made = beside(PRINTED, HISTORY, epochs=2, own_epochs=2)
    assert made.columns.tolist() == COLUMNS
    assert made.verdict.tolist() == ["agrees", "differs", NONE, NONE, "agrees", NONE, NONE]
    assert made.why[2:].tolist() == [
        "the source does not say of what its printed standard deviation is",
        "printed for 20 epochs, measured after 2",
        "95 % prediction interval of one run",
        "not among these runs",
        "this metric is not recorded",
    ]
    assert made.seeds.tolist() == [6, 6, 6, 6, 6, 0, 0]
    assert made.measured[0] == pytest.approx(0.525)
    assert summary(made) == (
        "Of 7 printed numbers, these runs agree with 2 and differ from 1; 4 cannot be compared."
    )


def test_what_sets_the_runs_apart_is_said():
    made = beside(PRINTED[:1], HISTORY, 2, 2, "only some of the examples were used")
    assert made.why.tolist() == ["only some of the examples were used"]


def test_an_own_label():
    printed = PRINTED[5:6].assign(label="relu")
    assert beside(printed, HISTORY, 2, 2).verdict.tolist() == ["agrees"]


def test_values_are_read_as_they_are_printed():
    table = published("srelu-airbench", exact=True)
    assert "0.9400" in table.value.tolist()
    assert published("srelu-airbench").value.dtype == float


@needs_mnist
@pytest.mark.slow
def test_the_printed_table_beside_a_real_training(tmp_path):
    """An epoch of the MNIST network is not the twenty that were printed, and the page says so; told
    that it were, it is judged by its own numbers."""
    execute_small(tmp_path, task="mnist-mlp", activation="srelu", epochs=1)
    (chosen,) = select(tmp_path)
    made = chosen.claims
    printed = published("srelu-mnist", exact=True)
    assert made.printed.tolist() == printed.value.tolist()
    assert set(made.verdict) == {NONE}
    ran = made[made.activation == "srelu"]
    reasons = [f"printed for {n} epochs, measured after 1" for n in (20, 20, 50, 50)]
    assert ran.why.tolist() == reasons
    assert set(made.why.drop(ran.index)) == {"not among these runs"}
    own = 100 * chosen.history.set_index("seed").test_accuracy
    first = ran.iloc[0]
    assert (len(own), own.min() > 85) == (2, True)
    assert first.measured == pytest.approx(own.mean())
    page = sections.claims(chosen).data
    assert "Of 16 printed numbers, these runs agree with 0 and differ from 0; 16 cannot" in page
    assert reasons[0] in page
    assert f"<td>97.0001</td><td>10</td><td>{first.measured:.4f}" in page
    close, far = f"{own.mean():.2f}", "20.00"
    as_if = printed[:2].assign(epochs=1, runs=1, value=[close, far], metric=first.metric)
    assert beside(as_if, chosen.history, 1, 1).verdict.tolist() == ["agrees", "differs"]
