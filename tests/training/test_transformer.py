"""The character transformer: against a network written from the equations, and in its promises."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise
from math import cos, log, pi, sqrt

import numpy as np
import pytest
import torch
from torch import nn

import afnlab
from afnlab import Recipe, Task, get_task, train
from afnlab.feedforward import FORMS
from afnlab.native import attention as compiled
from afnlab.registry import get_activation
from afnlab.training.data import MASKED
from afnlab.training.engine import train_members
from afnlab.training.initial import build
from afnlab.training.members import Member
from afnlab.training.options import resolve
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import Recorder, history_of
from afnlab.training.stack import Stack
from afnlab.training.transformer import transformer

TASK = get_task("names-gpt")
F = {
    "relu": lambda z: z * (z > 0),
    "gelu": lambda z: z * 0.5 * (1 + torch.erf(z / sqrt(2))),
    "swish": lambda z: z / (1 + torch.exp(-z)),
}


class Reference:
    """makemore's and nanoGPT's transformer (pre-norm, causal, learned positions), by hand.

    Its weights are leaves of its own, taken over from a network of afnlab's; only their names are.
    """

    def __init__(self, weights: dict[str, torch.Tensor], heads: int, function, form: str) -> None:
        self.w = {n: w.detach().clone().requires_grad_() for n, w in weights.items()}
        self.heads, self.function, self.form = heads, function, form
        self.layers = len({n.split(".")[1] for n in weights if n.startswith("blocks.")})

    def norm(self, x, name):
        x = x - x.mean(-1, keepdim=True)
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * self.w[name]

    def attention(self, x, name):
        _, positions, width = x.shape
        size = width // self.heads
        queries, keys, values = (x @ self.w[f"{name}.inputs.weight"].T).split(width, dim=2)
        out = torch.zeros_like(x)
        for h in range(self.heads):
            part = slice(h * size, (h + 1) * size)
            scores = queries[..., part] @ keys[..., part].transpose(1, 2) / sqrt(size)
            seen = torch.tril(torch.ones(positions, positions)) == 1
            shares = scores.masked_fill(~seen, float("-inf")).exp()
            shares = shares / shares.sum(-1, keepdim=True)
            out = out + nn.functional.pad(
                shares @ values[..., part], (h * size, width - (h + 1) * size)
            )
        return out @ self.w[f"{name}.output.weight"].T

    def feed_forward(self, x, name):
        if self.form == "gated":
            gate = self.function(x @ self.w[f"{name}.up.gate.weight"].T)
            z = gate * (x @ self.w[f"{name}.up.value.weight"].T)
        else:
            z = self.function(x @ self.w[f"{name}.up.weight"].T)
            z = z * z if self.form == "squared" else z
        return z @ self.w[f"{name}.down.weight"].T

    def logits(self, tokens):
        x = self.w["tokens.weight"][tokens] + self.w["positions.weight"][: tokens.shape[1]]
        for i in range(self.layers):
            block = f"blocks.{i}"
            x = x + self.attention(
                self.norm(x, f"{block}.attention_norm.weight"), f"{block}.attention"
            )
            x = x + self.feed_forward(
                self.norm(x, f"{block}.feed_forward_norm.weight"), f"{block}.feed_forward"
            )
        return self.norm(x, "norm.weight") @ self.w.get("output.weight", self.w["tokens.weight"]).T

    def loss(self, tokens, targets):
        logits = self.logits(tokens)
        known = targets >= 0
        chosen = logits.gather(-1, targets.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        return (logits.logsumexp(-1) - chosen)[known].mean()


def stack(task, activation, params, seeds=(3,), dtype="float64", **given):
    config = configure(task, activation, params=params, dtype=dtype, **given)
    return Stack.build(plan(config), [Member(seed, config.options) for seed in seeds])


CASES = {
    "plain": ("gelu", {}),
    "squared": ("relu", {"form": "squared"}),
    "gated": ("swish", {"form": "gated"}),
    "deeper and wider": ("relu", {"form": "gated", "layers": 3, "width": 48}),
}


@pytest.mark.parametrize("case", CASES)
def test_losses_of_25_steps_are_those_of_a_reference(case):
    name, params = CASES[case]
    own = stack(TASK, name, params, limit_train=2000, limit_test=10)
    state = {n: p[0] for n, p in own.params.items()}
    other = Reference(state, 4, F[name], params.get("form", "plain"))
    recipe = TASK.recipe
    optimizer = torch.optim.AdamW(
        other.w.values(), lr=recipe.lr, weight_decay=recipe.weight_decay, betas=(0.9, 0.999)
    )
    recorder = Recorder([3], own, set())
    own.network.train()
    for step, index in zip(range(25), own.batches(), strict=False):
        found = own.step(index, recorder)
        loss = other.loss(own.train.x[index[0]], own.train.y[index[0]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert abs(found.item() - loss.item()) < 1e-9, step
    assert found.item() < log(27) - 0.2  # it has learned


def test_nanogpt_s_recipe_over_25_steps():
    """Tied weights, decay of matrices alone, clipped gradients, warm-up and cosine."""
    network = transformer(27, 14, heads=2, tied=True, spread=0.02)
    recipe = Recipe(1, 16, 0.05, 0.1, "nanogpt", schedule=(0.0, 0.2, 0.1))
    task = Task("own", TASK.data, network, recipe, settings=TASK.settings | {"width": 16})
    own = stack(task, "gelu", {}, limit_train=400, limit_test=10)
    other = Reference({n: p[0] for n, p in own.params.items()}, 2, F["gelu"], "plain")
    assert "output.weight" not in other.w
    weights = list(other.w.values())
    groups = [
        {"params": [w for w in weights if w.dim() >= 2], "weight_decay": 0.1},
        {"params": [w for w in weights if w.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.05, betas=(0.9, 0.99))
    recorder, clipped = Recorder([3], own, set()), 0
    own.network.train()
    for step, index in zip(range(25), own.batches(), strict=True):
        found = own.step(index, recorder)
        loss = other.loss(own.train.x[index[0]], own.train.y[index[0]])
        optimizer.zero_grad()
        loss.backward()
        clipped += torch.nn.utils.clip_grad_norm_(weights, 1.0).item() > 1
        rate = (step + 1) / 6 if step < 5 else 0.1 + 0.9 * (1 + cos(pi * (step - 5) / 20)) / 2
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * rate
        optimizer.step()
        assert abs(found.item() - loss.item()) < 1e-9, step
    assert 0 < clipped < 25


@pytest.mark.parametrize("name", ["softmin", "srelu", "apec"])
@pytest.mark.parametrize("form", FORMS)
def test_no_output_sees_a_later_token(form, name):
    options = resolve(TASK, get_activation(name), {"form": form, "layers": 2})
    network = build(TASK, get_activation(name), options, 0, TASK.data().inputs).eval()
    draws = torch.Generator().manual_seed(0)
    tokens = torch.randint(1, 27, (6, 14), generator=draws)  # no padding
    before = network(tokens)
    for at in range(1, 14):
        changed = tokens.clone()
        changed[:, at:] = torch.randint(1, 27, (6, 14 - at), generator=draws)
        torch.testing.assert_close(network(changed)[:, :at], before[:, :at], atol=1e-6, rtol=0)
        assert (network(changed)[:, at:] - before[:, at:]).abs().amax() > 1e-6  # but its own


@pytest.mark.parametrize("name", ["gelu", "prelu", "srelu"])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_computed_for_padding_was_not_needed(form, name):
    """Losses and gradients of seeds without their padding, and of each network by itself."""
    params = {"form": form, "layers": 2, "init_scale": 2.0, "trainable": name == "srelu" or None}
    params = {n: v for n, v in params.items() if v is not None}
    seeds = (0, 3)
    own = stack(TASK, name, params, seeds, dtype="float32", limit_train=64, limit_test=64)
    if own.chain is None:
        pytest.skip("no compiler here")
    draws = torch.Generator().manual_seed(0)
    index = torch.stack([torch.randperm(64, generator=draws)[:40] for _ in seeds])
    x, y = own.train.x[index], own.train.y[index]
    logits = own.logits(x, each=True)
    own.losses(own.loss, x, y, masked=True).sum().backward()
    record = get_activation(name)
    for i, seed in enumerate(seeds):
        network = build(TASK, record, resolve(TASK, record, params), seed, TASK.data().inputs)
        expected = network(x[i])
        nn.functional.cross_entropy(expected.flatten(0, 1), y[i].flatten()).backward()
        known = y[i] != MASKED
        torch.testing.assert_close(logits[i][known], expected[known], atol=1e-5, rtol=1e-4)
        assert (logits[i][~known] == 0).all()
        for n, p in network.named_parameters():
            found, scale = own.params[n].grad[i], p.grad.abs().max().item()
            torch.testing.assert_close(found, p.grad, atol=1e-4 * scale, rtol=0)


@pytest.mark.parametrize(("heads", "width"), [(4, 32), (2, 32), (1, 32), (3, 24)])
def test_compiled_attention_is_torch_s(heads, width):
    if compiled._library() is None:
        pytest.skip("no compiler here")
    draws = torch.Generator().manual_seed(1)
    lengths = [14, 1, 16, 7, 2]
    starts = torch.tensor([0, *lengths]).cumsum(0)
    x = torch.randn(sum(lengths), 3 * width, generator=draws).mul_(3).requires_grad_()
    grad = torch.randn(sum(lengths), width, generator=draws)
    y = compiled.packed_attention(x, heads, starts)
    y.backward(grad)
    for i, j in pairwise(starts):
        own = x.detach()[i:j].double().requires_grad_()
        expected = compiled.attention(own.unsqueeze(0), heads)[0]
        expected.backward(grad[i:j].double())
        torch.testing.assert_close(y[i:j].double(), expected, atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(x.grad[i:j].double(), own.grad, atol=1e-4, rtol=1e-5)


def test_scores_of_any_size_are_finite():
    if compiled._library() is None:
        pytest.skip("no compiler here")
    for size in (1e-30, 1e4, 1e15):
        x = torch.randn(14, 96).mul_(size).requires_grad_()
        y = compiled.packed_attention(x, 4, torch.tensor([0, 14]))
        y.sum().backward()
        assert torch.isfinite(y).all()
        assert torch.isfinite(x.grad).all()


def test_masked_positions_count_for_nothing():
    data = TASK.data()
    plain = stack(TASK, "relu", {}, dtype="float32", limit_train=64, limit_test=64)
    index = torch.arange(64).unsqueeze(0)
    x, y = plain.train.x[index], plain.train.y[index]
    loss = plain.losses(plain.loss, x, y, masked=True)
    logits = plain.logits(x, each=True)
    known = y != MASKED
    each = nn.functional.cross_entropy(logits[known], y[known])
    torch.testing.assert_close(loss[0], each)
    test_loss, bits = plain.evaluate()
    known = data.test_y[:64] != MASKED
    logits = plain.logits(data.test_x[:64], each=False)[0][known]
    expected = nn.functional.cross_entropy(logits, data.test_y[:64][known])
    torch.testing.assert_close(test_loss[0].float(), expected)
    torch.testing.assert_close(bits[0].float(), expected / log(2))
    assert known.sum() == sum(len(n) + 1 for n in names_of(data.test_x[:64]))


def names_of(x) -> list[str]:
    return ["".join(chr(96 + t) for t in row[row > 0].tolist()) for row in x]


COUNTS = {
    ("plain", 32, 1): 27 * 32 * 2 + 14 * 32 + 4 * 32**2 + 8 * 32**2 + 3 * 32,
    ("squared", 32, 1): 27 * 32 * 2 + 14 * 32 + 4 * 32**2 + 8 * 32**2 + 3 * 32,
    ("gated", 32, 1): 27 * 32 * 2 + 14 * 32 + 4 * 32**2 + 3 * 85 * 32 + 3 * 32,
    ("plain", 64, 2): 27 * 64 * 2 + 14 * 64 + 2 * (12 * 64**2 + 2 * 64) + 64,
}


@pytest.mark.parametrize(("form", "width", "layers"), COUNTS)
def test_parameter_counts(form, width, layers):
    settings = {"form": form, "width": width, "layers": layers}
    network = TASK.model(nn.ReLU, **settings)
    count = sum(p.numel() for p in network.parameters())
    assert count == COUNTS[form, width, layers]
    if (form, width, layers) == ("plain", 32, 1):
        assert count == 14_560


@pytest.mark.parametrize(
    ("params", "dtype"),
    [
        ({}, "float32"),
        ({"form": "squared", "layers": 2}, "float32"),
        ({"form": "gated"}, "float64"),  # by torch.vmap
        ({"form": "gated", "auto_rot": True}, "float64"),
    ],
)
def test_stacked_equals_alone(params, dtype, monkeypatch):
    seeds = (0, 2, 5)
    given = {"params": {"lr": 1e-3, **params}, "seeds": seeds, "record": ["steps"], "dtype": dtype}
    task = replace(TASK, recipe=replace(TASK.recipe, epochs=1))
    limits = {"limit_train": 640, "limit_test": 64}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of operations that are not batched
        stacked = train(task, "gelu", group=3, **given, **limits)
    alone = [train(task, "gelu", group=1, **given, **limits)]
    assert stacked.info["trained_together"] == [3]
    assert alone[0].info["trained_together"] == [1, 1, 1]
    usual = train(task, "gelu", **given, **limits).info["trained_together"]
    if compiled._library() is not None:
        assert usual == ([3] if dtype == "float32" else [1, 1, 1])
    monkeypatch.setenv("AFNLAB_NATIVE", "0")  # by torch's operations, padding included
    alone.append(train(task, "gelu", group=1, **given, **limits))
    for other in alone:
        for one, two in ((stacked.steps, other.steps), (stacked.history, other.history)):
            columns = [c for c in one.columns if c != "seconds"]
            pairs = (t.sort_values(["seed", columns[1]])[columns] for t in (one, two))
            a, b = (t.to_numpy(dtype=float) for t in pairs)
            np.testing.assert_allclose(a, b, atol=5e-4 if dtype == "float32" else 1e-8)


def test_forms_share_their_draws():
    def weights(form, seed=4, layers=2):
        record = get_activation("gelu")
        options = resolve(TASK, record, {"form": form, "layers": layers})
        network = build(TASK, record, options, seed, TASK.data().inputs)
        return {n: p.detach() for n, p in network.named_parameters()}

    plain, squared, gated = (weights(form) for form in FORMS)
    assert all(torch.equal(plain[n], squared[n]) for n in plain)
    assert plain.keys() == squared.keys()
    for name, weight in gated.items():
        if "feed_forward." not in name:
            assert torch.equal(weight, plain[name])
    for i in range(2):
        layer = f"blocks.{i}.feed_forward"
        assert torch.equal(gated[f"{layer}.up.gate.weight"], plain[f"{layer}.up.weight"][:85])
        common = plain[f"{layer}.down.weight"][:, :85] * sqrt(128 / 85)  # torch's spread
        torch.testing.assert_close(gated[f"{layer}.down.weight"], common)
        value = gated[f"{layer}.up.value.weight"]
        assert value.abs().max() <= 1 / sqrt(32)
        assert value.std() == pytest.approx(1 / sqrt(3 * 32), rel=0.05)
    assert not torch.equal(weights("plain", 5)["tokens.weight"], plain["tokens.weight"])


def test_all_activations_and_forms_have_the_same_batches():
    task = replace(TASK, recipe=replace(TASK.recipe, epochs=1, lr=1e-9))
    limits = {"limit_train": 320, "limit_test": 64, "seeds": (1,), "record": ["steps"]}
    found = [
        train(task, name, params={"form": form}, **limits).steps.train_loss.to_numpy()
        for name, form in (("relu", "plain"), ("gelu", "gated"), ("mish", "squared"))
    ]
    for other in found[1:]:  # hardly trained, the losses are those of batches and common weights
        assert np.corrcoef(other, found[0])[0, 1] > 0.9


def test_auto_rotation_concerns_the_projections_alone():
    record = get_activation("tanh")
    for form, rotated in (("plain", 1), ("gated", 2)):
        options = resolve(TASK, record, {"form": form, "auto_rot": True, "L": 2.0})
        network = build(TASK, record, options, 0, TASK.data().inputs)
        found = [m for m in network.modules() if isinstance(m, afnlab.autorot.AutoRotLinear)]
        assert [m.L for m in found] == [2.0] * rotated
        assert [(m.xmin_lim, m.xmax_lim) for m in found] == [(-sqrt(32), sqrt(32))] * rotated
        plain = build(TASK, record, resolve(TASK, record, {"form": form}), 0, TASK.data().inputs)
        for one, other in zip(network.parameters(), plain.parameters(), strict=True):
            assert torch.equal(one, other)


def test_a_stochastic_activation_has_its_noise():
    task = replace(TASK, recipe=replace(TASK.recipe, epochs=1))
    limits = {"limit_train": 128, "limit_test": 64, "seeds": (0, 1), "record": ["steps"]}
    alone, stacked = (train(task, "rrelu", group=g, **limits).steps for g in (1, 2))
    alone = alone.sort_values(["seed", "step"]).train_loss
    stacked = stacked.sort_values(["seed", "step"]).train_loss
    np.testing.assert_allclose(alone, stacked, atol=1e-5)


def test_seeds_that_are_tuned_differ_in_their_rates_alone():
    record = get_activation("relu")
    options = [resolve(TASK, record, {"lr": lr}) for lr in (1e-3, 3e-3)]
    limits = {"epochs": 1, "limit_train": 128, "limit_test": 64}
    how = plan(configure(TASK, record, params={"lr": 1e-3}, **limits))
    together = history_of(train_members(how, [Member(0, o) for o in options], [0, 1]))
    for i, own in enumerate(options):
        alone = history_of(train_members(how, [Member(0, own)], [0]))
        assert together.train_loss[i] == pytest.approx(alone.train_loss.item(), abs=1e-5)
    assert together.train_loss[0] != together.train_loss[1]


def test_weights_and_models_are_kept():
    task = replace(TASK, recipe=replace(TASK.recipe, epochs=1))
    limits = {"limit_train": 128, "limit_test": 64, "seeds": (3, 4)}
    result = train(task, "srelu", params={"form": "gated"}, keep_weights=True, **limits)
    data = TASK.data().limited(128, 64)
    for seed in (3, 4):
        known = data.test_y != MASKED
        logits = result.model(seed)(data.test_x)[known]
        loss = nn.functional.cross_entropy(logits, data.test_y[known]).item()
        assert loss == pytest.approx(result.final.test_loss[seed], abs=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_other_types(dtype):
    task = replace(TASK, recipe=replace(TASK.recipe, epochs=1))
    limits = {"limit_train": 640, "limit_test": 64, "seeds": (3,)}
    plain = train(task, "gelu", params={"form": "gated"}, **limits).final.test_loss[3]
    other = train(task, "gelu", params={"form": "gated"}, dtype=dtype, **limits).final.test_loss[3]
    assert other == pytest.approx(plain, abs=0.02 if dtype == "bfloat16" else 1e-4)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"form": "gate"}, "form must be one of plain, squared, gated; got 'gate'"),
        ({"form": True}, "form must be one of plain, squared, gated; got True"),
        ({"form": ["plain"]}, r"form must be one of plain, squared, gated; got \['plain'\]"),
        ({"width": 30}, "width must be a multiple of 4, got 30"),
        ({"width": 32.0}, "width must be a whole number, 1 or more; got 32.0"),
        ({"layers": 0}, "layers must be a whole number, 1 or more; got 0"),
        ({"layers": True}, "layers must be a whole number, 1 or more; got True"),
        ({"auto_rot": 1}, "auto_rot must be true or false, got 1"),
        ({"L": 0}, "L must be a number above 0, got 0"),
        ({"limit": 99}, "limit must be a whole number, 100 or more; got 99"),
        ({"limit": 88_800}, "limit must be a whole number, 100 to 88799; got 88800"),
        ({"from": "gated"}, "unknown parameter 'from'; did you mean 'form'"),
    ],
)
def test_bad_settings_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        resolve(TASK, get_activation("relu"), params)


def test_a_result_says_how_many_parameters():
    limits = {"limit_train": 64, "limit_test": 10, "seeds": 2}
    assert train(TASK, "relu", **limits).info["parameters"] == 14_560
    gated = train(TASK, "srelu", params={"form": "gated", "trainable": True}, **limits)
    assert gated.info["parameters"] == 14_528 + 1
    assert train("digits-mlp", "relu", seeds=2, epochs=1).info["parameters"] == 6_570


def test_a_trained_network_is_not_called_stuck():
    measure = TASK.metric.measure(TASK.data())
    assert (measure.key, measure.better, measure.unit) == ("bits_per_character", "lower", "bits")
    assert measure.stuck is None  # at 3.4 bits it has learned, though 27 tokens have 4.75


def test_tied_weights_and_dropout():
    torch.manual_seed(0)
    build_one = transformer(65, 16, heads=2, tied=True, dropout=0.5)
    network = build_one(nn.GELU, form="plain", width=16, layers=2)
    assert network.output.weight is network.tokens.weight
    assert sum(p.numel() for p in network.parameters()) == 65 * 16 + 16 * 16 + 24 * 256 + 5 * 16
    tokens = torch.randint(65, (3, 16))
    assert not torch.equal(network(tokens), network(tokens))
    network.eval()
    assert torch.equal(network(tokens), network(tokens))
