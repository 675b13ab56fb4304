"""Tuning: the same candidates for all, chosen on validation examples, judged once on the test's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import afnlab
from afnlab import Task, get_task, paths, tune
from afnlab.training.data import digits
from afnlab.training.space import MOST, space
from afnlab.training.streams import stream
from afnlab.training.tune import FAIR

SHORT = {"epochs": 3, "seeds": 3, "progress": False}
RATES = {"lr": [3e-4, 1e-2, 3.0], "selection_seeds": 1}
DRAWN = {"lr": {"from": 1e-4, "to": 1.0, "log": True}, "init_scale": {"from": 0.5, "to": 2}}
COLUMNS = ["train_loss", "test_loss", "test_accuracy"]


def test_the_usual_ranges_are_those_of_the_default_sweep():
    listed = yaml.safe_load((paths.shared("sweeps") / "default.yaml").read_text())["tune"]
    assert listed == {**FAIR, "budget": 6}


def test_each_replicate_chooses_by_itself_and_is_trained_anew():
    result = tune("digits-mlp", "srelu", RATES | {"selection_seeds": 2}, **SHORT)
    table, picked = result.candidates, result.chosen.set_index("seed")
    assert table.columns.tolist() == [
        *("seed", "candidate", "drawn", "selection", "lr"),
        *("validation_loss", "validation_accuracy", "diverged"),
    ]
    assert len(table) == 3 * 3 * 2
    for seed, rows in table.groupby("seed"):
        means = rows.groupby("lr").validation_accuracy.mean()
        assert means[picked.lr[seed]] == means.max()
        own = {"lr": picked.lr[seed]}
        alone = afnlab.train("digits-mlp", "srelu", params=own, seeds=[seed], epochs=3).history
        mine = result.history[result.history.seed == seed]
        np.testing.assert_allclose(mine[COLUMNS], alone[COLUMNS], rtol=1e-4)
    assert result.seeds == (0, 1, 2)
    assert result.info["evaluated"] == "test"


def test_a_candidate_is_judged_on_what_training_with_its_selection_seed_gives():
    result = tune("digits-mlp", "relu", RATES, seeds=[4], epochs=2)
    first = result.candidates.iloc[0]
    params = {"lr": first.lr, "split": "validation"}
    seed = stream(4, "selection")
    alone = afnlab.train("digits-mlp", "relu", params=params, seeds=[seed], epochs=2).final
    assert alone.test_accuracy.item() == pytest.approx(first.validation_accuracy)
    assert alone.test_loss.item() == pytest.approx(first.validation_loss, rel=1e-4)


def test_replicates_do_not_depend_on_how_many_there_are():
    few, more = (tune("digits-mlp", "relu", RATES, seeds=n, epochs=2) for n in ([1], [0, 1, 2]))
    mine = more.candidates[more.candidates.seed == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(few.candidates, mine, rtol=1e-4)


def poisoned() -> afnlab.Data:
    """The digits, but what they are tested on is NaN with wrong labels."""
    data = digits()
    return replace(data, test_x=torch.full_like(data.test_x, torch.nan), test_y=9 - data.test_y)


def test_no_test_example_is_touched_before_the_end():
    honest = get_task("digits-mlp")
    task = Task("poisoned", poisoned, honest.model, honest.recipe)
    one, other = (tune(t, "relu", RATES, **SHORT) for t in (honest, task))
    pd.testing.assert_frame_equal(one.candidates, other.candidates)
    pd.testing.assert_frame_equal(one.chosen, other.chosen)
    assert other.final.test_loss.isna().all()


def test_all_activations_meet_the_same_candidates():
    among = DRAWN | {"budget": 4, "selection_seeds": 1}
    tables = [tune("digits-mlp", name, among, seeds=2, epochs=1) for name in ("relu", "apec")]
    first, second = (t.candidates[["seed", "candidate", "lr", "init_scale"]] for t in tables)
    pd.testing.assert_frame_equal(first, second)
    assert first.lr[0] == get_task("digits-mlp").recipe.lr  # the recipe is the first of them


def test_budget_one_is_the_fixed_recipe():
    tuned = tune("digits-mlp", "gelu", DRAWN | {"budget": 1}, **SHORT)
    fixed = afnlab.train("digits-mlp", "gelu", **SHORT)
    drop = {"columns": "seconds"}
    for table in (tuned.history, tuned.fixed):
        pd.testing.assert_frame_equal(table.drop(**drop), fixed.history.drop(**drop))


def test_the_fixed_recipe_is_trained_with_the_same_seeds():
    tuned = tune("digits-mlp", "srelu", RATES, params={"t": 1.5}, **SHORT)
    fixed = afnlab.train("digits-mlp", "srelu", params={"t": 1.5}, **SHORT)
    drop = {"columns": "seconds"}
    pd.testing.assert_frame_equal(tuned.fixed.drop(**drop), fixed.history.drop(**drop))


@pytest.mark.parametrize(
    ("among", "contained"),
    [
        (DRAWN | {"budget": 5, "selection_seeds": 2}, [(2, 2), (5, 1)]),
        (DRAWN | {"budget": 5, "selection_seeds": 1}, [(2, 1)]),
        (DRAWN | {"budget": 2, "selection_seeds": 3}, [(2, 1)]),
        (RATES | {"selection_seeds": 2}, [(3, 1)]),  # a grid has no first two
        (DRAWN | {"budget": 1}, []),
        (RATES, []),
    ],
)
def test_cheaper_tunings_come_to_what_they_would_by_themselves(among, contained):
    assert space(among).cheaper == contained
    given = {"epochs": 1, "seeds": 4, "progress": False}
    whole = tune("digits-mlp", "srelu", among, **given)
    if not contained:
        assert whole.cheaper is None
        return
    assert len(whole.cheaper) == 4 * len(contained)
    for (count, turns), rows in whole.cheaper.groupby(["candidates", "selection_seeds"]):
        own = among | ({"budget": count} if "budget" in among else {})
        alone = tune("digits-mlp", "srelu", own | {"selection_seeds": turns}, **given)
        if turns < whole.candidates.selection.nunique():  # whose seeds are then others
            judged = whole.candidates[whole.candidates.selection < turns]
            best = judged.sort_values("validation_loss").groupby("seed").validation_accuracy.max()
            picked = judged.merge(rows[["seed", "candidate"]]).set_index("seed")
            assert (picked.validation_accuracy == best).all()
        else:
            assert rows.candidate.tolist() == alone.chosen.candidate.tolist()
            mine = rows.set_index("seed")[COLUMNS]
            np.testing.assert_allclose(mine, alone.final[COLUMNS], rtol=1e-4)


def test_what_a_cheaper_tuning_chose_is_trained_as_it_is_alone():
    among = {"lr": {"from": 1e-4, "to": 0.01, "log": True}, "budget": 5, "selection_seeds": 2}
    whole = tune("digits-mlp", "relu", among, seeds=4, epochs=2, progress=False)
    for row in whole.cheaper.to_dict("records"):
        own = space(among).candidates(row["seed"])[row["candidate"]]
        alone = afnlab.train("digits-mlp", "relu", params=own, seeds=[row["seed"]], epochs=2)
        assert alone.final.test_loss.item() == pytest.approx(row["test_loss"], rel=1e-4)
        assert row["epoch"] == 2


def test_a_larger_budget_keeps_the_candidates_of_a_smaller_one():
    for given in (DRAWN, {"lr": [1e-3, 1e-2, 1e-1], "init_scale": [0.5, 1, 2]}):
        small, large = (space(given | {"budget": n}).candidates(seed=0) for n in (4, 9))
        assert large[:4] == small
        assert small[0] == {}
        assert len({repr(c) for c in large}) == 9


def test_draws_are_uniform_over_each_axis_and_independent():
    among = space(DRAWN | {"budget": 401, "kind": [1, 2, 3, 4]})
    table = pd.DataFrame([c for seed in range(10) for c in among.candidates(seed)[1:]])
    assert len(table.lr.unique()) == len(table) == 4000
    shares = pd.DataFrame(
        {
            "lr": np.log10(table.lr) / 4 + 1,
            "init_scale": (table.init_scale - 0.5) / 1.5,
            "kind": (table.kind - 0.5) / 4,
        }
    )
    assert shares.min().min() >= 0
    assert shares.max().max() <= 1
    for name in shares:
        counts, _ = np.histogram(shares[name], bins=4, range=(0, 1))
        assert abs(counts - 1000).max() < 5 * np.sqrt(750)
    correlations = shares.corr().to_numpy()[np.triu_indices(3, 1)]
    assert abs(correlations).max() < 5 / np.sqrt(4000)


def test_a_grid_is_tried_whole():
    among = space({"lr": [1, 2], "momentum": {"from": 0, "to": 0.9, "count": 3}})
    assert len(among.candidates(0)) == 6
    assert {c["momentum"] for c in among.candidates(0)} == {0, 0.45, 0.9}


@pytest.mark.parametrize(
    ("axis", "value", "end"),
    [
        ([1e-3, 1e-2, 1e-1], 1e-3, "low"),
        ([1e-1, 1e-2, 1e-3], 1e-1, "high"),
        ([1e-3, 1e-2, 1e-1], 1e-2, ""),
        ([1e-3], 1e-3, ""),
        (["source", "gain"], "gain", ""),
        ({"from": 1e-4, "to": 1.0, "log": True}, 2e-4, "low"),
        ({"from": 1e-4, "to": 1.0, "log": True}, 0.5, "high"),
        ({"from": 1e-4, "to": 1.0, "log": True}, 1e-2, ""),
        ({"from": 1e-4, "to": 1.0, "log": True}, 0.0, "low"),  # as a recipe may have it
        ({"from": 0, "to": 10}, 9.5, "high"),
    ],
)
def test_the_ends_of_an_axis(axis, value, end):
    assert space({"x": axis, "budget": 2}).edge("x", value) == end


def test_a_candidate_that_diverges_is_not_chosen():
    among = {"lr": [1e30, 1e-3], "selection_seeds": 1}
    result = tune("digits-mlp", "swish", among, **SHORT)
    assert result.candidates.groupby("lr").diverged.all()[1e30]
    assert (result.chosen.lr == 1e-3).all()


def test_the_network_of_a_seed_has_the_setting_that_it_chose():
    among = {"lr": [1e-3, 1e-2, 0.1], "t": [0.5, 4.0], "selection_seeds": 1}
    result = tune("digits-mlp", "srelu", among, seeds=4, epochs=5, keep_weights=True)
    assert len(result.chosen[["lr", "t"]].drop_duplicates()) > 1
    data = get_task("digits-mlp").data()
    for seed in result.seeds:
        network = result.model(seed)
        right = (network(data.test_x).argmax(-1) == data.test_y).float().mean().item()
        assert right == pytest.approx(result.final.test_accuracy[seed], abs=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, "tune must be a mapping of parameters to values or ranges, got 5"),
        ({}, r"tune must be a mapping that names a parameter, .* got \{\}"),
        ({"budget": 4}, "tune must be a mapping that names a parameter"),
        ({"lr": []}, r"tune: lr must be a list of values or a range .* got \[\]"),
        ({"lr": 0.1}, "tune: lr must be a list of values or a range"),
        ({"lr": "0.1"}, "tune: lr must be a list of values or a range"),
        ({"lr": [0.1, 0.1]}, "tune: lr must be a list with each value once"),
        ({"lr": {"from": 1, "to": 2}}, "tune: budget must be a whole number, since lr is drawn"),
        ({"lr": {"from": 2, "to": 1}, "budget": 2}, "tune: lr: from must be below to, which is 1"),
        ({"lr": {"from": 1, "to": 1}, "budget": 2}, "tune: lr: from must be below to"),
        ({"lr": {"from": 0, "to": 1, "log": True}, "budget": 2}, "from must be above 0 with log"),
        ({"lr": {"from": 0, "to": 1, "log": 1}, "budget": 2}, "log must be true or false, got 1"),
        ({"lr": {"from": 0}, "budget": 2}, "tune: lr: to must be a number, got None"),
        ({"lr": {"from": 0, "to": True}, "budget": 2}, "to must be a number, got True"),
        ({"lr": {"from": 0, "too": 1}, "budget": 2}, "unknown key of a range 'too'.*'to'"),
        ({"lr": {"from": 0, "to": float("inf")}, "budget": 2}, "to must be a number, got inf"),
        ({"lr": {"from": 0, "to": 10**400}, "budget": 2}, "to must be a number, got a whole"),
        ({"lr": [1], "budget": 0}, "tune: budget must be a whole number, 1 to 10000; got 0"),
        ({"lr": [1], "budget": 2.0}, "tune: budget must be a whole number, 1 to 10000; got 2.0"),
        ({"lr": [1, 2], "budget": 4}, "budget must be 3 or less: the recipe and 2 points, got 4"),
        ({"lr": [1, 2], "selection_seeds": 0}, "selection_seeds must be a whole number, 1 to"),
        ({"lr": {"from": 1, "to": 2}, "budget": MOST + 1}, "budget must be a whole number, 1 to"),
        ({"lr": [*range(200)], "t": [*range(200)]}, "there may be 10,000 candidates, not 40,000"),
        ({"lr": {"from": 1, "to": 2, "count": 10**9}}, "count must be a whole number, 2 to 10000"),
        ({3: [1]}, "tune: a name in it must be a text, got 3"),
    ],
)
def test_bad_spaces_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        space(given)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("relu", {"lt": [1.0]}), {}, "tune: unknown parameter 'lt'"),
        (("relu", {"t": [1.0]}), {}, "tune: unknown parameter 't'"),
        (("relu", {"lr": [0.0, 1.0]}), {}, "tune: lr must be a number above 0"),
        (
            ("relu", {"lr": {"from": 0, "to": 1}, "budget": 3}),
            {},
            "tune: lr must be a number above",
        ),
        (("relu", {"split": ["test"]}), {}, "split is set by the tuning"),
        (("relu", RATES), {"params": {"lr": 0.1}}, "'lr' is given twice, fixed and to be tuned"),
        (("relu", RATES), {"params": {"split": "validation"}}, "split is set by the tuning"),
        (("relu", RATES), {"seeds": 0}, "seeds must be a whole number, 1 or more"),
        (("relu", RATES), {"epochs": 0}, "epochs must be"),
    ],
)
def test_bad_tunings_are_named(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        tune("digits-mlp", *arguments, **({"epochs": 1, "seeds": 1} | options))


def test_a_task_without_examples_to_spare():
    data = digits()
    few = replace(data, train_x=data.train_x[:4], train_y=data.train_y[:4])
    task = Task("few", lambda: few, get_task("digits-mlp").model, get_task("digits-mlp").recipe)
    with pytest.raises(ValueError, match=r"validation needs two training examples .*; got 4 of"):
        tune(task, "relu", RATES, seeds=1, epochs=1)
