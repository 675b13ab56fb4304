"""Auto-Rotating layers inside the training engine: the ARP tasks, and recurrent networks."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from torch import nn

import afnlab
from afnlab import stats
from afnlab.autorot import AutoRotGRU, AutoRotLinear
from afnlab.compare.formatting import estimate
from afnlab.live import preactivations
from afnlab.studies import rotation
from afnlab.training.update_rules import Group, KerasRMSprop

COLUMNS = ["seed", "epoch", "train_loss", "test_loss", "test_accuracy"]


def history(params, seeds=2, epochs=2, task="digits-arp"):
    return afnlab.train(task, "sigmoid", params=params, seeds=seeds, epochs=epochs).history[COLUMNS]


def test_the_flag_off_is_the_classic_network_bit_for_bit():
    classic = history({"classic": True})
    pd.testing.assert_frame_equal(history({"auto_rot": False}), classic, check_exact=True)
    assert not history({}).equals(classic)
    assert not history({"L": 2.0}).equals(history({}))


def test_rotation_learns_where_the_classic_network_does_not():
    rotated, classic = (
        history(p, epochs=10).groupby("epoch").test_accuracy.mean() for p in ({}, {"classic": True})
    )
    assert rotated.iloc[-1] > 0.5 > classic.iloc[-1]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"L": 0}, "L must be a number above 0"),
        ({"auto_rot": 1}, "auto_rot must be true or false"),
        ({"autorot": False}, "did you mean 'auto_rot'"),
        ({"optimizer": "lion"}, "optimizer must be one of"),
    ],
)
def test_bad_settings_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        history(params)


def test_trained_limits_are_recorded():
    result = afnlab.train(
        "digits-arp",
        "sigmoid",
        params={"trainable_L": True, "L": 2.0},
        seeds=2,
        epochs=2,
        record=["parameters"],
        progress=False,
    )
    learned = result.parameters
    assert set(learned.parameter) == {"L"}
    assert learned.site.nunique() == 5
    assert len(learned) == 5 * 2 * 3  # sites, seeds, epochs with the start
    by_epoch = learned.groupby("epoch").value
    assert set(by_epoch.get_group(0)) == {2.0}
    assert by_epoch.get_group(2).nunique() == 10
    fixed = history({"L": 2.0})
    assert (fixed.train_loss != result.history.train_loss).all()


def test_the_last_layer_is_plain_and_starts_are_glorot():
    task = afnlab.get_task("digits-arp")
    network = task.model(afnlab.nn.Sigmoid)
    layers = [m for m in network if isinstance(m, nn.Linear)]
    assert [type(m) for m in layers] == [AutoRotLinear] * 5 + [nn.Linear]
    for layer in layers:
        edge = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert layer.weight.abs().max() <= edge
        assert layer.weight.abs().max() > 0.9 * edge
        assert layer.bias.eq(0).all()
    assert (layers[0].xmin_lim, layers[0].xmax_lim) == (0.0, 1.0)
    assert task.model(afnlab.nn.Tanh)[0].xmin_lim == -1.0


def test_keras_rmsprop_against_its_formula():
    p = torch.tensor([1.0, -2.0, 1e-4], dtype=torch.float64, requires_grad=True)
    optimizer = KerasRMSprop([Group([p], lr=0.01, weight_decay=0.1)])
    value, square = p.detach().clone(), torch.zeros(3, dtype=torch.float64)
    for _ in range(4):
        p.grad = None
        p.pow(3).sum().backward()
        optimizer.step()
        grad = 3 * value**2 + 0.1 * value
        square = 0.9 * square + 0.1 * grad**2
        value = value - 0.01 * grad / (square + 1e-7).sqrt()
        torch.testing.assert_close(p.detach(), value)


class Rows(nn.Module):
    """The eight rows of a digit, read one after the other."""

    def __init__(self, activation):
        super().__init__()
        self.read = AutoRotGRU(8, 12, L=2.0, batch_first=True)
        self.activation, self.out = activation(), nn.Linear(12, 10)

    def forward(self, x):
        return self.out(self.activation(self.read(x.view(-1, 8, 8))[0][:, -1]))


def test_recurrent_networks_run_seed_by_seed():
    recipe = afnlab.Recipe(epochs=2, batch_size=128, lr=0.01)
    task = afnlab.Task("rows", afnlab.get_task("digits-mlp").data, Rows, recipe)
    for name in ("prelu", "rrelu"):
        stack = afnlab.train(task, name, seeds=[1, 2]).history[COLUMNS]
        alone = afnlab.train(task, name, seeds=[2]).history[COLUMNS]
        mine = stack[stack.seed == 2].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, alone, rtol=1e-5)
        last = stack[stack.epoch == 2]
        assert (last.train_loss < stack[stack.epoch == 1].train_loss.to_numpy()).all()


def test_variants_are_paired_and_their_table_says_so():
    results = rotation.variants("digits-arp", "sigmoid", seeds=2, epochs=1)
    table = rotation.variant_table(results)
    assert list(table.index) == ["classic", "flag off", "auto-rotating"]
    assert list(table["same bits as classic"]) == ["", "yes", "no"]
    shown = table.loc["flag off", "minus classic (points)"]
    assert shown.split() == ["0.00", "[0.00,", "0.00]"]  # held together by spaces that do not break


def test_a_difference_of_variants_has_the_interval_of_its_test():
    results = rotation.variants("digits-arp", "sigmoid", seeds=6, epochs=1, limit_train=256)
    one, base = (results[name].final.test_accuracy for name in ("auto-rotating", "classic"))
    interval = stats.difference_interval(100 * (one - base))
    shown = rotation.variant_table(results).loc["auto-rotating", "minus classic (points)"]
    assert shown.split() == estimate(*interval).split()


def test_intervals_of_two_seeds_stay_within_what_there_can_be():
    def result(accuracies, losses):
        columns = {"test_accuracy": accuracies, "test_loss": losses, "train_loss": losses}
        task = afnlab.get_task("digits-arp")
        return SimpleNamespace(task=task, final=(table := pd.DataFrame(columns)), history=table)

    results = {"classic": result([0.1, 0.1], [2.3, 2.3])}
    results["auto-rotating"] = result([0.2, 0.8], [1.4, 1.9])
    row = rotation.variant_table(results).loc["auto-rotating"]
    assert row["loss"].split()[1] == "[0.0000,"
    assert row["accuracy (%)"].split()[1:] == ["[0.00,", "100.00]"]
    assert row["minus classic (points)"].split() == ["40.00", "[-100.00,", "100.00]"]


def test_preactivations_and_the_figure():
    table = preactivations.preactivations("digits-arp", "sigmoid", 4.0)
    assert sorted(table.layer.unique()) == [1, 2, 3, 4, 5]
    spread = table.groupby("rotated").value.std()
    assert spread[True] > 2 * spread[False]
    figure = preactivations.overview("digits-arp", "sigmoid", 4.0)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["sigmoid", *(f"layer {i} in ±L" for i in range(1, 6))]
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    inside = table[table.rotated].groupby("layer").value.apply(lambda v: (v.abs() <= 4).mean())
    assert words == ["L = 4", *(f"{100 * share:.0f} %" for share in inside)]


def test_gradients_over_depth():
    study = rotation.depth_study("sigmoid", depths=(2, 8), seeds=1, epochs=1)
    norms = study.groupby(["depth", "kind", "layer"]).norm.mean()
    assert len(norms) == 3 * (3 + 9)
    assert norms[8, "classic", 1] < 1e-3 * norms[8, "classic", 9]
    assert norms[8, "auto-rotating", 1] > 0.1 * norms[8, "auto-rotating", 9]
    assert rotation.depth_table(study).shape == (2, 3)
    assert len(rotation.depth_figure(study).axes) == 2
    with pytest.raises(ValueError, match="kind must be one of"):
        rotation.depth_task(3, "layer norm")
