import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from afnlab.compare import compare_histories
from afnlab.compare.formatting import interval, value
from afnlab.compare.selection import Selection
from afnlab.digits import fitting, printed_alone, stated, to_spread
from afnlab.measures import ACCURACY, Measure
from afnlab.runs.storage import record_schema
from afnlab.training.metrics import (
    BITS_PER_CHARACTER,
    LOG_LOSS,
    PSNR,
    RELATIVE_ERROR,
    SQUARED_ERROR,
)

ERROR = Measure(name="mean absolute error", key="mae", unit="m", better="lower", low=0.0)


def history(size: float, gap: float, vary: float) -> pd.DataFrame:
    """Two rows of eight seeds that are `gap` apart and vary by `vary`, times `size`."""
    rng = np.random.default_rng(0)
    rows = {"relu": 0.46 + rng.normal(0, vary, 8), "tanh": 0.46 - gap + rng.normal(0, vary, 8)}
    table = pd.DataFrame(rows).melt(var_name="label", value_name="mae")
    return table.assign(mae=table.mae * size, seed=[*range(8), *range(8)])


SIZES = {  # of the values, and the decimals of values near 0.46 that vary by 0.02
    "thousandths": (2e-3, 6),
    "as they are": (1.0, 3),
    "hundreds": (1e3, 0),
}


@pytest.mark.parametrize("case", SIZES)
def test_decimals_follow_from_what_seeds_differ_by(case):
    size, decimals = SIZES[case]
    table = compare_histories(history(size, 0.01, 0.02), metric=ERROR)
    fitted = fitting(ERROR, table)
    assert fitted == replace(ERROR, decimals=decimals)
    row = table.loc["tanh"]
    ends = interval(fitted, row.difference_low, row.difference_high).strip("[]").split(", ")
    digits = [re.sub(r"\D", "", end).lstrip("0") for end in ends]
    assert max(map(len, digits)) >= 2
    assert value(fitted, row.mae) not in ("0.00", "")


def test_a_difference_that_hardly_varies_has_digits_of_its_own():
    """Seeds that make most of what values differ by are gone from the differences."""
    table = history(1.0, 0.0, 0.05)
    shifted = table[table.label == "relu"].assign(label="gelu")
    shifted.mae += 0.01 + 1e-4 * np.arange(8)
    both = pd.concat([table[table.label == "relu"], shifted])
    compared = compare_histories(both, metric=ERROR)
    assert fitting(ERROR, compared).decimals == 4
    assert interval(
        fitting(ERROR, compared), *compared.loc["gelu", ["difference_low", "difference_high"]]
    ).startswith("[+0.010")


def test_one_seed_leaves_four_digits_or_more():
    one = history(1e-3, 0.01, 0.02).query("seed == 0")
    assert fitting(ERROR, compare_histories(one, metric=ERROR)).decimals == 8


@pytest.mark.parametrize(
    "metric",
    [ACCURACY, LOG_LOSS, BITS_PER_CHARACTER, SQUARED_ERROR, RELATIVE_ERROR, PSNR],
    ids=lambda metric: metric.key,
)
def test_metrics_of_the_package_keep_their_decimals(metric):
    assert stated(metric)
    assert to_spread(metric, [1e-9], 1e-6) is metric


def test_stated_decimals_are_kept():
    assert not stated(ERROR)
    assert to_spread(replace(ERROR, decimals=4), [1.0], 1.0).decimals == 4


@pytest.mark.parametrize(
    ("stored", "shown"),
    [(0.000921, "0.0009210 m"), (0.46123, "0.4612 m"), (1234.5678, "1235 m"), (0.0, "0.00 m")],
)
def test_a_value_alone_has_four_digits(stored, shown):
    assert printed_alone(ERROR, stored) == shown
    assert printed_alone(ACCURACY, 0.123456) == "12.35 %"


def test_a_selection_has_the_digits_of_its_table():
    table = compare_histories(history(2e-3, 0.01, 0.02), metric=ERROR)
    one = object.__new__(Selection)
    one.__dict__.update(metric=ERROR, table=table)
    assert one.measure == fitting(ERROR, table)
    one = object.__new__(Selection)
    one.__dict__.update(metric=ACCURACY)  # whose table is not even looked at
    assert one.measure is ACCURACY


def test_a_run_s_line_has_four_digits():
    described = ERROR.described() | {"name": "error"}
    record = {"environment": {"measures": [described]}, "metrics": {"test_mae": 0.000921}}
    assert record_schema.result(record) == "test error 0.0009210 m"
