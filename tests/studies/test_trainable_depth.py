"""How deep a network can be trained: the study beside the theory of signal propagation."""

from __future__ import annotations

from math import inf, isnan, log, nan, sqrt

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from afnlab import signal
from afnlab.studies import trainable_depth
from afnlab.training.data import digits
from afnlab.training.initial import build
from afnlab.training.members import Member
from afnlab.training.plan import configure, plan
from afnlab.training.stack import Stack
from afnlab.training.update_rules import SGD

FLAT = {"min_val": 0.0, "max_val": 1e-9}
LIMITS = {"seeds": 2, "epochs": 1, "limit_train": 64, "limit_test": 64, "progress": False}


@pytest.mark.parametrize("sigma_w", [0.9, 1.6])
def test_the_networks_begin_as_the_theory_says(sigma_w):
    config = configure(trainable_depth.task(12, width=300), "tanh", params={"sigma_w": sigma_w})
    x = digits().inputs
    network = build(config.task, config.activation, config.options, 0, x)
    field = signal.MeanField("tanh", sigma_w, trainable_depth.SIGMA_B)
    q, squares = 1.0, []
    with torch.no_grad():
        for module in network[:-1]:
            x = module(x)
            if isinstance(module, nn.Linear):
                squares.append(float(x.square().mean()))
                assert squares[-1] == pytest.approx(q, rel=0.25)
                q = float(field.variance(q))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "params", "end"),
    [
        ("relu", {}, sqrt(2)),
        ("leaky_relu", {"negative_slope": 0.5}, sqrt(2 / 1.25)),
        ("leaky_relu", {"negative_slope": 1.0}, 1.0),  # the identity
    ],
)
def test_where_order_ends(name, params, end):
    assert trainable_depth.end_of_order(name, **params) == pytest.approx(end, rel=1e-3)


@pytest.mark.slow
def test_order_ends_at_the_edge_of_chaos():
    end = trainable_depth.end_of_order("tanh")
    edge = signal.edge_of_chaos("tanh").sort_values("sigma_b")
    assert end == pytest.approx(
        np.interp(trainable_depth.SIGMA_B, edge.sigma_b, edge.sigma_w), rel=1e-3
    )


@pytest.mark.parametrize(
    ("name", "params"),
    [("hardshrink", {}), ("threshold", {"threshold": 1.0, "value": 0.0}), ("hardtanh", FLAT)],
)
def test_where_order_never_begins_or_never_ends_it_is_said(name, params):
    with pytest.raises(ValueError, match=r"no sigma_w from 0\.05 to 50 ends its"):
        trainable_depth.end_of_order(name, **params)


@pytest.fixture
def everything_counts_as_trained(monkeypatch):
    monkeypatch.setattr(trainable_depth, "TRAINED", 0.0)


@pytest.mark.usefixtures("everything_counts_as_trained")
def test_a_row_for_every_network_and_members_that_are_themselves():
    found = trainable_depth.study("tanh", (0.8, 2.0), (2, 5), (0.01, 0.3), **LIMITS)
    assert list(found.groupby(["depth", "sigma_w", "lr"]).size()) == [2] * 8
    alone = trainable_depth.study("tanh", (2.0,), (5,), (0.3,), **LIMITS)
    same = found[(found.depth == 5) & (found.sigma_w == 2.0) & (found.lr == 0.3)]
    pd.testing.assert_frame_equal(same.reset_index(drop=True), alone, rtol=1e-4)


def test_what_is_not_trained_is_not_tried_deeper(monkeypatch):
    monkeypatch.setattr(trainable_depth, "TRAINED", 1.1)
    found = trainable_depth.study("tanh", (0.8, 2.0), (2, 5), (0.01,), **LIMITS)
    assert found.depth.unique().tolist() == [2]
    assert trainable_depth.values(found).shape == (2, 1)


@pytest.mark.usefixtures("everything_counts_as_trained")
def test_a_file_goes_on_where_it_was(tmp_path, monkeypatch):
    file, given = tmp_path / "found.csv", LIMITS | {"seeds": 1}
    first = trainable_depth.study("tanh", (1.0,), (2,), (0.01,), file=file, **given)
    trainable_depth.study("relu", (1.0,), (2, 3), (0.01,), file=file, **given)
    trained = []
    of_depth = trainable_depth.task
    monkeypatch.setattr(trainable_depth, "task", lambda d: trained.append(d) or of_depth(d))
    both = trainable_depth.study("tanh", (1.0,), (2, 3), (0.01,), file=file, **given)
    assert trained == [3] and both.depth.tolist() == [2, 3]
    pd.testing.assert_frame_equal(both[:1], first, check_dtype=False)
    assert pd.read_csv(file).groupby("activation").size().to_dict() == {"relu": 2, "tanh": 2}


def test_a_file_of_other_columns_is_not_added_to(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("activation,depth\ntanh,2\n")
    with pytest.raises(ValueError, match="file must be a new one, or have the columns activation"):
        trainable_depth.study("tanh", (1.0,), (2,), (0.01,), file=file, **LIMITS)
    assert file.read_text() == "activation,depth\ntanh,2\n"


def accuracies(rows: dict[float, list[float]]) -> pd.DataFrame:
    """Of two seeds and two rates, of which the second is the better one."""
    parts = [
        {"sigma_w": s, "depth": d, "lr": lr, "seed": seed, "test_accuracy": a * share}
        for s, values in rows.items()
        for d, a in zip((2, 8, 32), values, strict=True)
        for lr, shares in ((0.1, (0.1, 0.2)), (0.01, (0.9, 1.1)))
        for seed, share in enumerate(shares)
    ]
    return pd.DataFrame(parts)


def test_the_best_rate_counts():
    found = trainable_depth.values(accuracies({1.0: [0.9, 0.6, 0.3]}))
    assert found.loc[1.0].tolist() == pytest.approx([0.9, 0.6, 0.3])


def test_the_table_names_the_deepest_and_the_depth_scales():
    found = accuracies({1.1: [0.9, 0.3, 0.8], 1.33: [0.9, 0.8, 0.7], 2.5: [0.2, 0.1, 0.1]})
    table = trainable_depth.table(found, "tanh")
    assert table.deepest.tolist() == [2, 32, 0]  # a depth counts if all smaller ones are trained
    assert table.phase.tolist() == ["ordered", "chaotic", "chaotic"]
    field = signal.MeanField("tanh", 2.5, sqrt(0.05))
    assert table["depth scale"][2.5] == pytest.approx(field.depth)
    assert table["six scales"][2.5] == pytest.approx(6 * field.depth)
    assert table["gradient scale"][2.5] == pytest.approx(1 / log(field.settled.chi))
    relu = trainable_depth.table(accuracies({1.6: [0.9, 0.8, 0.1]}), "relu")
    assert relu.phase.tolist() == ["no limit"] and relu["depth scale"].isna().all()
    assert relu["gradient scale"].tolist() == pytest.approx([1 / log(1.6**2 / 2)])


def two_columns(deepest: list[int], scale: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"deepest": deepest, "depth scale": scale})


@pytest.mark.parametrize(
    ("parts", "rho"),
    [
        ([([2, 4, 8], [1.0, 2, inf]), ([2, 4, 12], [1.0, 2, inf])], 0.985),
        ([([2, 4, 8], [9.0, 2, 1]), ([2, 4, 8], [9.0, 2, 1])], -1.0),
        ([([2, 4, 8, 0], [1.0, 2, 3, nan]), ([2, 4, 8], [1.0, 2, 3])], 1.0),
    ],
)
def test_rank_correlations(parts, rho):
    found = trainable_depth.rank_correlation([two_columns(*p) for p in parts], draws=100)
    assert found[0] == pytest.approx(rho, abs=0.001)
    assert found[1] <= found[0] + 1e-9 and found[2] >= found[0] - 0.02


def test_the_interval_is_over_activations_not_over_rows():
    """Rows of one activation are no further evidence: repeating them narrows nothing."""
    good, bad = two_columns([2, 4, 8, 16], [1, 2, 3, 4]), two_columns([2, 4, 8, 16], [4, 3, 2, 1])
    once = trainable_depth.rank_correlation([good, bad, good], draws=200)
    often = trainable_depth.rank_correlation(
        [pd.concat([t] * 9) for t in (good, bad, good)], draws=200
    )
    assert once == pytest.approx(often) and once[1] < -0.9 and once[2] > 0.9
    rho, low, high = trainable_depth.rank_correlation([good])
    assert rho == 1.0 and isnan(low) and isnan(high)
    same = trainable_depth.rank_correlation([two_columns([2, 2], [1, 2])])
    assert isnan(same[0])


def test_the_figure_has_the_theory_over_the_measurement():
    found = accuracies({1.1: [0.9, 0.3, 0.8], 1.33: [0.9, 0.8, 0.7], 2.5: [0.2, 0.1, 0.1]})
    axes = trainable_depth.figure(found, "tanh").axes
    (line,) = axes[0].lines
    sigmas, rows = line.get_data()
    assert sigmas[0] == 1.1 and sigmas[-1] == 2.5
    assert rows[abs(sigmas - 1.32).argmin()] == 2  # the edge of chaos: deeper than all shown
    last = 6 * signal.MeanField("tanh", 2.5, sqrt(0.05)).depth
    assert rows[-1] == pytest.approx(1 + log(last / 8) / log(4))


def test_the_line_of_the_theory_ends_where_variances_do_not_settle():
    found = accuracies({1.2: [0.9, 0.8, 0.7], 1.7: [0.9, 0.3, 0.1]})
    (line,) = trainable_depth.figure(found, "relu").axes[0].lines
    sigmas, rows = line.get_data()
    assert (np.isnan(rows) == (sigmas > sqrt(2))).all()


def test_gradient_descent_has_momentum():
    config = configure("digits-mlp", "relu", params={"optimizer": "sgd", "momentum": 0.5})

    with Stack.build(plan(config), [Member(0, config.options)]) as stack:
        assert isinstance(stack.optimizer, SGD)
        assert stack.optimizer.momentum == 0.5


@pytest.mark.parametrize(
    ("ref", "title"), [("tanh", "Tanh"), ("srelu", "SReLU"), ("leaky_relu", "Leaky ReLU")]
)
def test_the_figure_bears_the_proper_name(ref, title):
    losses = {"seed": 0, "lr": 0.01, "train_loss": 1.0, trainable_depth.METRIC.column: 0.5}
    found = pd.DataFrame(
        [{"activation": ref, "depth": d, "sigma_w": w} | losses for d in (2, 5) for w in (0.8, 2.0)]
    )
    ax = trainable_depth.figure(found, ref).axes[0]
    assert ax.get_title(loc="left") == title
