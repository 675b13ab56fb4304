"""Comparisons that are split by settings of the training; no run is needed for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from afnlab.compare.attempts import _setting
from afnlab.compare.caveats import split_by
from afnlab.compare.chosen_runs import Chosen, LackingRow
from afnlab.compare.select_runs import _apart, _lacking, _one_task, _split
from afnlab.compare.training_facts import Trained
from tests.compare.test_trained_apart import record

RECORDS = [
    record(activation, lr=lr, batch_size=size)
    for activation in ("relu", "gelu")
    for lr in (0.001, 0.03)
    for size in (64, 256)
]


def parts(baseline: str) -> dict:
    """The trainings by what they share, as a comparison with this baseline has them."""
    trained = {r["id"]: Trained.of_record(r) for r in RECORDS}
    made: dict = {}
    for r in RECORDS:
        one = _split(Chosen(RECORDS), trained, baseline)[r["id"]]
        made.setdefault(one.setting, []).append((one, r))
    return made


def test_each_row_is_compared_with_the_baseline_of_its_setting():
    split = parts("relu")
    every = [[r for _, r in part] for part in split.values()]
    said = {}
    for part in split.values():
        rows, records = zip(*part, strict=True)
        one = _one_task(Path(), list(rows), list(records), "relu")
        assert (list(one.rows), one.baseline) == (["relu", "gelu"], "relu")
        said[one.setting] = _apart(one.first, one.records, every)
    assert said == {
        f"digits-mlp, 3 epochs, batch_size={size}, lr={lr:g}": {"lr": lr, "batch_size": size}
        for lr in (0.001, 0.03)
        for size in (64, 256)
    }


def test_a_row_that_is_missing_counts_in_the_table_of_its_own_setting():
    """Also where it is the baseline's, without whose row nothing else would tell the settings."""
    for missing in ("gelu(lr=0.03)", "relu(lr=0.03)"):
        rows = {one.label: one for one in map(Trained.of_record, RECORDS)}
        there = [
            r
            for r in RECORDS
            if r["group"] != missing and r["parameters"]["options"]["batch_size"] == 64
        ]
        lacking = [LackingRow(missing, f"digits-mlp {missing}", rows[missing].configured)]
        chosen = Chosen(there, lacking={r["group"]: lacking for r in there})
        trained = _split(chosen, {r["id"]: Trained.of_record(r) for r in there}, "relu")
        counted = {id: _lacking(one, chosen) for id, one in trained.items()}
        its = {id for id, labels in counted.items() if labels == [f"digits-mlp {missing}"]}
        assert its == {"gelu(lr=0.03)", "relu(lr=0.03)"} - {missing}
        assert {id for id, labels in counted.items() if not labels} == {"relu", "gelu"}
        others = replace(chosen, wanted=frozenset({"relu", "gelu"}))  # by `only`
        assert not any(_lacking(one, others) for one in trained.values())


def test_a_baseline_that_is_named_with_a_setting_is_one_for_all():
    (part,) = parts("relu(batch_size=256)").values()
    rows, records = zip(*part, strict=True)
    one = _one_task(Path(), list(rows), list(records), "relu(batch_size=256)")
    assert one.baseline == "relu(batch_size=256)"
    assert len(one.rows) == len(RECORDS)
    assert one.setting == "digits-mlp, 3 epochs"


def test_confirmations_of_other_settings_are_no_attempts_at_a_row():
    here, *others = (part[0][0] for part in parts("relu").values())
    again = Trained.of_record(RECORDS[0])  # a confirmation's run, of which nothing says the split
    assert _setting(again, here) == _setting(here, here)
    assert all(_setting(again, one) != _setting(one, one) for one in others)


def test_a_page_says_by_what_it_is_split():
    assert split_by([], "ReLU") == []
    (one,), (two,) = split_by(["lr"], "ReLU"), split_by(["lr", "init"], "ReLU")
    assert one.startswith("These runs vary lr beside the activation: each row is compared with")
    assert "with ReLU of the same lr," in one
    assert "p is corrected within that table alone" in one
    assert "named with lr is" in one
    assert "vary lr and init beside" in two
    assert "named with one of these is" in two
