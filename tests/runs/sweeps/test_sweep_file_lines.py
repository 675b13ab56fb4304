"""The line that an error of a sweep file names is the one where the fault is."""

from __future__ import annotations

import re

import pytest

from afnlab.runs.sweeps.sweep_file import SweepError, read
from tests.runs.test_runs import notebook

HEAD = "title: x  # lr batch_size t seeds must be\nparameters:\n  epochs: 2\n"
# The file, the line of the fault, what is said of it.
FAULTS = {
    "a list for a number": (HEAD + "  lr: [1]\n", 4, "lr must be .* got [1]"),
    "nothing": (HEAD + "  lr:\n", 4, "lr must be .* got None"),
    "in a grid": (HEAD + "grid:\n  lr: [0.1]\n  batch_size: [0]\n", 6, "batch_size must be"),
    "the same value before": (
        HEAD + "  weight_decay: 0\ngrid:\n  lr: [0.1]\n  batch_size: [0]\n",
        7,
        "batch_size must be a whole number, 1 or more; got 0",
    ),
    "the second of a flow list": (
        HEAD + "grid:\n  lr: [0.1, -1, 0.2]\n",
        5,
        "lr must be a number above 0, got -1 (item 2)",
    ),
    "the second of a list": (HEAD + "grid:\n  lr:\n    - 1\n    - -1\n", 7, "got -1"),
    "in a list on several lines": (HEAD + "grid:\n  lr: [1,\n    2,\n    -1]\n", 7, "got -1"),
    "in a zip": (
        HEAD + "zip:\n  init: [source, gain]\n  lr:\n    - 1\n    - -1\n",
        8,
        "lr must be a number above 0, got -1",
    ),
    "in the second zip": (
        HEAD + "zip:\n  - lr: [1]\n  - init: [gain]\n    batch_size: [1.5]\n",
        7,
        "batch_size must be a whole number",
    ),
    "in a range": (HEAD + "grid:\n  t: [1]\n  lr: {from: 0, to: 1}\n", 6, "lr must be"),
    "of a range": (HEAD + "grid:\n  t: [1]\n  lr: {from: 2, to: 1}\n", 6, "from must not be"),
    "of a range in a zip": (HEAD + "zip:\n  t: [1]\n  lr: {from: 2, to: 1}\n", 6, "from must"),
    "of an activation": (
        HEAD + "grid:\n  activation:\n    - relu\n    - srelu:\n        t: -1\n",
        8,
        "t must be > 0, got -1",
    ),
    "one of those": (
        HEAD + "grid:\n  activation:\n    - srelu:\n        t:\n          - 1\n          - -1\n",
        9,
        "t must be > 0, got -1",
    ),
    "tune": (HEAD + "tune:\n  lr: {from: 2, to: 1}\n", 5, "tune: lr: from must be below to"),
    "a value to tune": (HEAD + "tune:\n  t: [1]\n  lr:\n    - 0\n", 6, "lr must be a number above"),
    "what is tuned and fixed": (HEAD + "  lr: 1\ntune:\n  lr: [1, 2]\n", 4, "given twice"),
    "the budget of tune": (HEAD + "tune:\n  lr: [1]\n  budget: 0\n", 6, "budget must be"),
    "no parameter to tune": (HEAD + "tune:\n  lr: [1]\n  lrr: [1]\n", 6, "'lrr'"),
    "trainable": (
        HEAD + "grid:\n  activation:\n    - elu:\n        alpha: 1\n        trainable: beta\n",
        8,
        "trainable: elu: unknown parameter 'beta'",
    ),
    "its own name": (HEAD + "grid:\n  activation: [srelu]\n  t: [1]\n  tt: [1]\n", 7, "'tt'"),
    "a name with its kind": (HEAD + "  task.lr: -1\n", 4, "lr must be"),
    "in a mapping": (HEAD + "  params:\n    weight_decay: 1\n    lr: -1\n", 6, "lr must be"),
    "in two places": (HEAD + "  lr: 1\ngrid:\n  lr: [2]\n", 6, "'lr' is given twice"),
    "in grid and zip": (HEAD + "grid: {lr: [2]}\nzip:\n  lr: [2]\n", 6, "'lr' is given twice"),
    "an activation's and the grid's": (
        HEAD + "grid:\n  activation:\n    - srelu: {t: 2}\n  t: [1]\n",
        7,
        "'t' is given twice",
    ),
    "under two names": (HEAD + "  lr: 1\n  task.lr: 1\n", 5, "'lr' is given twice, as 'lr' too"),
    "in params too": (HEAD + "  params:\n    lr: 1\n  lr: 1\n", 6, "'lr' is given twice"),
    "seeds": (HEAD + "grid: {lr: [1, 2]}\nseeds: [1, 2.5]\n", 5, "got 2.5 (item 2)"),
    "seeds twice": (HEAD + "seeds:\n  - 1\n  - 2\n  - 1\n", 7, "seeds must be one or more, each"),
    "too many seeds": (HEAD + "seeds: 100000000\n", 4, "seeds must be a whole number, 1 to"),
    "a table": (HEAD + "  record:\n    - steps\n    - stps\n", 6, "unknown record 'stps'"),
    "an activation": (HEAD + "grid:\n  lr: [1]\n  activation: [relu, rleu]\n", 6, "(item 2)"),
    "a device": (HEAD + "grid:\n  lr: [1]\n  device: [cpu, gpu]\n", 6, "device 'gpu' is not"),
    "a number as a name": (HEAD + "  params: {lr: 1, lrr: 2}\n", 4, "unknown parameter 'lrr'"),
    "too many runs": (
        HEAD + "grid:\n  t: [1, 2]\n  lr: {from: 1, to: 9000}\n",
        6,
        "asks for 18,000 runs, a sweep may have 10,000: make several sweeps (t 2 x lr 9,000)",
    ),
    "a million runs": (
        HEAD + "grid:\n  t: {from: 1, to: 1000}\n  lr: {from: 1, to: 1000}\n",
        5,
        "asks for 1,000,000 runs",
    ),
    "of an activation's grid": (
        HEAD
        + "grid:\n  activation:\n    - plu: {alpha: {from: 1, to: 999}, c: {from: 1, to: 99}}\n",
        5,
        "asks for 98,901 runs",
    ),
    "a long range": (HEAD + "grid:\n  lr: {from: 1, to: 1000000}\n", 5, "has 1000000 values"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_line_is_where_the_fault_is(tmp_path, name):
    text, line, message = FAULTS[name]
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(SweepError) as error:
        read(tmp_path / "my.yaml").specs()
    said = str(error.value)
    assert said.startswith(f"{tmp_path / 'my.yaml'}, line {line}: "), said
    assert re.search(re.escape(message).replace(r"\.\*", ".*"), said), said
    assert "\n" not in said


OWN = "rate: float = 0.5  # 0..1\nlevels: list[int] = [1]\npair: dict[str, int] = {}\nseed: int = 0"
OF_ONES_OWN = {
    "in a list": ("parameters:\n  levels:\n    - 1\n    - a\n", 4, "'levels' must be list[int]"),
    "out of a list": ("grid:\n  rate: [0.1]\n  levels: [[1], [2, x]]\n", 3, "'levels' must be"),
    "in a mapping": ("parameters:\n  pair:\n    a: 1\n    b: x\n", 4, "'pair' must be dict"),
    "a seed": ("grid: {rate: [0.1]}\nseeds:\n  - 1\n  - -2\n", 4, "seeds must be a whole"),
    "a number of 400 digits": ("parameters:\n  rate: " + "9" * 400 + "\n", 2, "'rate' must be"),
    "runs by seeds": ("grid: {rate: [0.1, 0.2]}\nseeds: 6000\n", 2, "asks for 12,000 runs"),
}


@pytest.mark.parametrize("name", OF_ONES_OWN)
def test_so_it_is_for_a_notebook_of_ones_own(tmp_path, name):
    notebook(tmp_path / "own.ipynb", OWN, "rate")
    text, line, message = OF_ONES_OWN[name]
    (tmp_path / "my.yaml").write_text(text + "notebook: own.ipynb\n")
    with pytest.raises(SweepError) as error:
        read(tmp_path / "my.yaml").specs()
    assert str(error.value).startswith(f"{tmp_path / 'my.yaml'}, line {line}: "), error.value
    assert message in str(error.value)


def test_what_is_wrong_with_an_override_is_in_no_line(tmp_path):
    (tmp_path / "my.yaml").write_text(HEAD)
    for given in ({"epochs": -1}, {"seeds": 0}, {"limit_train": 1.5}):
        with pytest.raises(ValueError, match=f"^{next(iter(given))} must be|^parameter"):
            read(tmp_path / "my.yaml").specs(**given)
