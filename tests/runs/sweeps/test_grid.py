"""Grids: ranges, lists side by side, seeds of any notebook, and a choice of them."""

from __future__ import annotations

import numpy as np
import pytest

from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.grid import GridError, entries, together
from afnlab.runs.sweeps.run_sweep import planned
from afnlab.runs.sweeps.sweep_file import Sweep, SweepError, read
from tests.runs.test_runs import notebook

RANGES = [
    ({"from": 1, "to": 4}, [1, 2, 3, 4]),
    ({"from": 0, "to": 7, "step": 3}, [0, 3, 6]),
    ({"from": 0.1, "to": 0.5, "step": 0.1}, [0.1, 0.2, 0.3, 0.4, 0.5]),
    ({"from": 0, "to": 1, "step": 0.25}, [0.0, 0.25, 0.5, 0.75, 1.0]),
    ({"from": 0, "to": 1, "count": 5}, [0.0, 0.25, 0.5, 0.75, 1.0]),
    ({"from": 1, "to": 9, "count": 5}, [1, 3, 5, 7, 9]),
    ({"from": 1e-4, "to": 1e-1, "count": 4, "log": True}, [1e-4, 1e-3, 1e-2, 1e-1]),
    ({"from": 1, "to": 1000, "count": 4, "log": True}, [1, 10, 100, 1000]),
    ({"from": 2, "to": 2}, [2]),
    ({"from": -1.0, "to": 1.0, "step": 1}, [-1.0, 0.0, 1.0]),
]


@pytest.mark.parametrize(("given", "expected"), RANGES, ids=[str(g) for g, _ in RANGES])
def test_ranges_hold_both_ends_and_round_numbers(given, expected):
    assert repr(entries("x", given)) == repr(expected)


BAD = [
    ({"from": 1}, "takes from, to, and step or count"),
    ({"from": 1, "to": 2, "step": 1, "count": 2}, "takes from, to, and step or count"),
    ({"from": 0.5, "to": 2}, "that are not whole takes step or count"),
    ({"from": 2, "to": 1}, "from must not be above to, got 2 and 1"),
    ({"from": "a", "to": 1}, "from must be a number, got 'a'"),
    ({"from": 0, "to": float("inf"), "step": 1}, "to must be a number, got inf"),
    ({"from": 0, "to": 1, "step": float("nan")}, "step must be a number, got nan"),
    ({"from": 0, "to": 10**400}, "to must be a number"),
    ({"from": 0, "to": 1, "step": 0}, "step must be above 0, got 0"),
    ({"from": 0, "to": 1, "step": 1e-9}, "may have 100000"),
    ({"from": 0, "to": 1, "count": 1}, "count must be a whole number, 2 to 100000, got 1"),
    ({"from": 0, "to": 1, "count": 2.5}, "count must be a whole number"),
    ({"from": 0, "to": 1, "count": 3, "log": True}, "takes from above 0"),
    ({"from": 1, "to": 2, "step": 1, "log": True}, "with log, a range takes"),
    ({"from": 1, "to": 2, "log": "yes"}, "log must be true or false, got 'yes'"),
    ({"form": 1, "to": 2}, "unknown key of a range 'form'; did you mean 'from'"),
    ([], "'x' must be a list with entries, or a range"),
    ("abc", "'x' must be a list with entries"),
    (3, "'x' must be a list with entries"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[str(g) for g, _ in BAD])
def test_ranges_that_are_not_allowed(given, message):
    with pytest.raises(GridError, match=message):
        entries("x", given)


def test_lists_side_by_side():
    def values(lists: dict) -> list[dict]:
        return [{name: entry.value for name, entry in p.items()} for p in together(lists)]

    assert values({"a": [1, 2], "b": {"from": 3, "to": 4}}) == [
        {"a": 1, "b": 3},
        {"a": 2, "b": 4},
    ]
    with pytest.raises(GridError, match="must be equally long; there are: a 2, b 3"):
        together({"a": [1, 2], "b": [1, 2, 3]})
    own = values({"activation": ["relu", {"elu": {"alpha": [1, 2]}}], "lr": [0.1, 0.2]})
    assert [p["lr"] for p in own] == [0.1, 0.2, 0.2]


def labels(plan: Sweep) -> list[str]:
    return [s.training.label for s in plan.specs()]


def test_a_file_with_ranges_and_zip(tmp_path):
    (tmp_path / "my.yaml").write_text(
        "parameters: {weight_decay: 1e-3}\n"
        "grid:\n"
        "  activation:\n"
        "    - relu\n"
        "    - srelu: {t: {from: 1, to: 2}}\n"
        "zip:\n"
        "  epochs: [2, 4]\n"
        "  lr: [1e-2, 1e-3]\n"
    )
    plan = read(tmp_path / "my.yaml")
    specs = plan.specs()
    assert [(s.training.epochs, s.training.options.lr) for s in specs[:2]] == [
        (2, 0.01),
        (4, 0.001),
    ]
    assert {s.training.options.weight_decay for s in specs} == {1e-3}
    assert [s.training.options.activation for s in specs[::2]] == [{}, {"t": 1.0}, {"t": 2.0}]


def test_the_same_from_python():
    plan = {"grid": {"activation": ["relu"], "lr": np.array([0.1, 0.01])}, "seeds": range(2)}
    name, specs, *_ = planned(plan)
    assert name == "sweep"
    assert [s.training.options.lr for s in specs] == [0.1, 0.01]
    assert {s.seeds for s in specs} == {(0, 1)}
    several = Sweep("mine", zip=[{"lr": [0.1, 0.2]}, {"epochs": (1, 2)}])
    assert len(several.specs()) == 4
    with pytest.raises(SweepError, match="sweep, line 1: unknown key 'gird'; did you mean 'grid'"):
        read({"gird": {}})


def test_seeds_of_a_notebook_with_one_seed(tmp_path):
    notebook(tmp_path / "one.ipynb", "x: int = 1\nseed: int = 0", "x")
    notebook(tmp_path / "none.ipynb", "x: int = 1", "x")
    text = "notebook: {}.ipynb\ngrid: {{x: [1, 2]}}\nseeds: {}\n"
    (tmp_path / "a.yaml").write_text(text.format("one", "[3, 5]"))
    plan = read(tmp_path / "a.yaml")
    assert [(s.normal["x"], s.normal["seed"]) for s in plan.specs()] == [
        (1, 3),
        (1, 5),
        (2, 3),
        (2, 5),
    ]
    assert len(plan.specs(seeds=3)) == 6
    (tmp_path / "b.yaml").write_text(text.format("none", 2))
    with pytest.raises(
        SweepError, match=r"b\.yaml, line 3: none\.ipynb: unknown parameter 'seeds'"
    ):
        read(tmp_path / "b.yaml").specs()
    (tmp_path / "c.yaml").write_text(text.format("one", -2))
    with pytest.raises(SweepError, match=r"c\.yaml, line 3: seeds must be"):
        read(tmp_path / "c.yaml").specs()


def test_only_some():
    specs = read("default").specs()
    some = sweep_file.chosen(specs, {"activation": "srelu"})
    assert [s.training.label for s in some] == ["srelu"]
    assert sweep_file.chosen(specs, {"epochs": 40, "lr": 0.001}) == specs
    assert sweep_file.chosen(specs, {"id": specs[3].id}) == [specs[3]]
    with pytest.raises(
        ValueError, match="only: unknown key 'activatoin'; did you mean 'activation'"
    ):
        sweep_file.chosen(specs, {"activatoin": "srelu"})
    with pytest.raises(ValueError, match="only: no run has epochs = 3; there are: 40"):
        sweep_file.chosen(specs, {"epochs": 3})


OWN = 'rate: float = 0.5  # 0..1\nmode: str = "a"  # one of: a, b\nlevels: list[int] = []'
WRONG = {
    "range": ("grid:\n  rate:\n    - 0.5\n    - 1.5\n", 4, "'rate' must be 0 to 1, got 1.5"),
    "range-of-range": (
        "grid:\n  mode: [a]\n  rate: {from: 1, to: 2}\n",
        3,
        "must be 0 to 1, got 2",
    ),
    "choice": ("grid:\n  rate: [0.1]\n  mode: [a, c]\n", 3, "must be one of a, b; got 'c'"),
    "name": ("parameters:\n  levels: [1]\n  mod: a\n", 3, "unknown parameter 'mod'; did you mean"),
    "type": ("parameters:\n  levels: 3\n", 2, r"'levels' must be list\[int\], got 3"),
    "inner": ("parameters:\n  levels: [a]\n", 2, r"'levels' must be list\[int\], got \['a'\]"),
    "no-range": ("grid:\n  mode: [a]\n  rate: {from: 1}\n", 3, "takes from, to, and step or count"),
    "range-key": ("grid:\n  rate: {from: 0, to: 1, by: 1}\n", 2, "unknown key of a range 'by'"),
    "zip-length": ("zip:\n  rate: [0.1]\n  mode: [a, b]\n", 1, "equally long"),
    "zip-list": ("zip:\n  - rate: [0.1]\n  - 3\n", 3, "zip must be a mapping of lists"),
    "zip-text": ("title: x\nzip: abc\n", 2, "zip must be a mapping of lists"),
    "zip-value": ("zip:\n  rate: [0.1, 7]\n  mode: [a, b]\n", 2, "'rate' must be 0 to 1, got 7"),
    "zip-entry": ("zip:\n  rate: 7\n", 2, "'rate' must be a list with entries"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_in_the_sweep_of_a_users_notebook_name_the_line(tmp_path, name):
    notebook(tmp_path / "own.ipynb", OWN, "rate")
    text, line, message = WRONG[name]
    (tmp_path / "my.yaml").write_text(text + "notebook: own.ipynb\n")
    with pytest.raises(SweepError, match=message) as error:
        read(tmp_path / "my.yaml").specs()
    assert str(error.value).startswith(f"{tmp_path / 'my.yaml'}, line {line}: ")
    assert "\n" not in str(error.value)
