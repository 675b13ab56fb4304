"""Feed-forward layers: three forms of any activation, equal in size, with the field's names."""

from __future__ import annotations

import copy
import pickle
import re
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

import afnlab
from afnlab import Param, activation
from afnlab.feedforward import FORMS, form_name, hidden_size
from afnlab.nn import GLU, FeedForward

X = torch.randn(5, 7, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@activation
def softest(x):
    return x * torch.sigmoid(3 * x)


@activation
def identity(x):
    return x


def layer(function, form, **options):
    torch.manual_seed(1)
    return FeedForward(32, function, form, dtype=torch.float64, **options)


@pytest.mark.parametrize("function", [*afnlab.list_activations(), softest])
def test_forms_are_what_they_are_said_to_be(function):
    f = afnlab.nn.make(function).double().eval()  # some start at random
    for form in FORMS:
        built = layer(f, form)
        products = [m for m in built.modules() if isinstance(m, nn.Linear)]
        assert len(products) == (3 if form == "gated" else 2)
        if form == "gated":
            z = f(X @ built.up.gate.weight.T) * (X @ built.up.value.weight.T)
        else:
            z = f(X @ built.up.weight.T)
        z = z**2 if form == "squared" else z
        torch.testing.assert_close(built(X), z @ built.down.weight.T)


@pytest.mark.parametrize("d", [8, 16, 32, 64, 100, 128, 384])
def test_forms_have_as_many_weights(d):
    counts = {form: FeedForward(d, "relu", form).parameter_count for form in FORMS}
    assert counts["plain"] == counts["squared"] == 8 * d * d
    assert abs(counts["gated"] - 8 * d * d) <= 1.5 * d  # half a hidden unit
    assert hidden_size(d, "gated") == round(8 * d / 3)
    for form, count in counts.items():
        built = FeedForward(d, "relu", form)
        assert count == sum(p.numel() for p in built.parameters())
        assert f"parameters={count:,}" in repr(built)


NAMES = {
    "sigmoid": ("GLU", "Sigmoid squared"),
    "swish": ("SwiGLU", "Swish squared"),
    "silu": ("SwiGLU", "Swish squared"),
    "gelu": ("GEGLU", "GELU squared"),
    "relu": ("ReGLU", "ReLU squared"),
    "srelu": ("SReGLU", "SReLU squared"),
    "leaky_relu": ("LeakyReGLU", "LeakyReLU squared"),
    "selu": ("SEGLU", "SELU squared"),
    "mish": ("Mish-GLU", "Mish squared"),
    "apec": ("APEC-GLU", "APEC squared"),
    "tanh": ("Tanh-GLU", "Tanh squared"),
    softest: ("Softest-GLU", "Softest squared"),
    identity: ("Bilinear", "Identity squared"),
    nn.SiLU(): ("SwiGLU", "SiLU squared"),
    nn.GELU(): ("GEGLU", "GELU squared"),
    nn.Identity(): ("Bilinear", "Identity squared"),
}


@pytest.mark.parametrize("function", NAMES, ids=str)
def test_names(function):
    gated, squared = NAMES[function]
    assert form_name(function, "gated") == gated
    assert form_name(function, "squared") == squared
    plain = form_name(function, "plain")
    assert squared == f"{plain} squared"
    assert f"{gated}, form=gated" in repr(FeedForward(8, function, "gated"))
    assert f"{plain}, form=plain" in repr(FeedForward(8, function))


def test_no_two_activations_share_a_name():
    for form in FORMS:
        names = [form_name(name, form) for name in afnlab.list_activations()]
        assert len(set(names)) == len(names)


def test_a_gate_alone():
    gate = GLU(6, 4)
    x = torch.randn(3, 6)
    expected = torch.sigmoid(gate.gate(x)) * gate.value(x)
    torch.testing.assert_close(gate(x), expected)
    both = torch.cat([gate.value(x), gate.gate(x)], -1)
    torch.testing.assert_close(gate(x), nn.functional.glu(both))  # torch's own, of one product
    assert GLU(6, 4, bias=False).gate.bias is None


def test_modules_and_their_makers_are_taken():
    for given in (nn.SiLU(), nn.SiLU, partial(nn.SiLU), "silu", afnlab.nn.SiLU()):
        torch.testing.assert_close(layer(given, "gated")(X), layer("swish", "gated")(X))
    trained = layer(afnlab.nn.SReLU(trainable=True), "squared")
    assert "activation.t" in dict(trained.named_parameters())
    assert trained.parameter_count == 8 * 32 * 32


def test_auto_rotating_projections():
    rotated = layer("tanh", "gated", linear=afnlab.autorot.AutoRotLinear)
    plain = layer("tanh", "gated")
    rotated.load_state_dict(plain.state_dict())
    for name in ("gate", "value"):
        rho = 4 / (getattr(plain.up, name)(2 * torch.ones(32, dtype=torch.float64)).abs() + 1e-5)
        torch.testing.assert_close(getattr(rotated.up, name)(X), rho * getattr(plain.up, name)(X))
    assert type(rotated.down) is nn.Linear
    whole = nn.Sequential(layer("tanh", "gated"), nn.Linear(32, 4).double())
    afnlab.autorot.auto_rotate(whole, L=4.0, example=X)
    torch.testing.assert_close(whole[0].up(X), rotated.up(X))


@pytest.mark.parametrize("form", FORMS)
def test_layers_are_modules_like_any_other(form):
    built = layer("srelu", form)
    for other in (copy.deepcopy(built), pickle.loads(pickle.dumps(built))):
        assert torch.equal(other(X), built(X))
    swapped = afnlab.replace(copy.deepcopy(built), afnlab.nn.SReLU, "gelu")
    torch.testing.assert_close(swapped(X), layer("gelu", form)(X))
    x = X[0].clone().requires_grad_()
    assert torch.autograd.gradcheck(built, x)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((0, "relu"), "d must be 1 or more, got 0"),
        ((8.0, "relu"), "d must be 1 or more, got 8.0"),
        ((8, "relu", "gate"), "form must be one of plain, squared, gated; got 'gate'"),
        ((8, "relu", None), "form must be one of plain, squared, gated; got None"),
        ((8, "rleu"), "did you mean 'relu'"),
        ((8, 3), "activation must be a name, an activation or a module, got 3"),
        ((8, dict), "activation must be a name, an activation or a module, got {}"),
    ],
)
def test_bad_arguments_are_named(given, message):
    with pytest.raises((ValueError, TypeError)) as error:
        FeedForward(*given)
    assert message in str(error.value)
    with pytest.raises(ValueError, match="hidden must be 1 or more, got -2"):
        FeedForward(8, "relu", hidden=-2)


REFUSED = {
    "a parameter": (
        lambda: FeedForward(64, "srelu", t=1.5),
        "nn.FeedForward: t is an argument of srelu; give activation=afnlab.nn.SReLU(t=1.5)",
    ),
    "of a gate": (
        lambda: GLU(64, 64, "SReLU", t=1.5, trainable=True),
        "nn.GLU: t is an argument of srelu; give activation=afnlab.nn.SReLU(t=1.5, trainable=True)",
    ),
    "by its name in torch": (
        lambda: FeedForward(64, "gelu", "gated", approximate="tanh"),
        "approximate is an argument of gelu; give activation=afnlab.nn.GELU(approximate='tanh')",
    ),
    "of a user's own": (
        lambda: FeedForward(64, softer, beta=2.0),
        "beta is an argument of test_feedforward.py:softer; give"
        " activation=afnlab.nn.make(softer, beta=2.0)",
    ),
    "a parameter misspelt": (
        lambda: FeedForward(64, "leaky_relu", negative_slop=1.5),
        "nn.FeedForward: unknown argument 'negative_slop'; did you mean 'negative_slope'?",
    ),
    "an argument misspelt": (
        lambda: FeedForward(64, "srelu", t=1.5, hiden=8),
        "nn.FeedForward: unknown argument 'hiden'; did you mean 'hidden'?",
    ),
    "beside a module": (
        lambda: GLU(64, 64, nn.ReLU(), t=1.5),
        "nn.GLU: unknown argument 't' (known: in_features, out_features, activation, bias, linear,",
    ),
    "of make": (
        lambda: afnlab.nn.make("leaky_relu", negative_slop=1.5),
        "leaky_relu: unknown parameter 'negative_slop'; did you mean 'negative_slope'?",
    ),
}


@activation(beta=Param(1.0))
def softer(x, beta):
    return x * torch.sigmoid(beta * x)


@pytest.mark.parametrize("case", REFUSED)
def test_a_parameter_of_the_activation_is_its_module_s(case):
    build, said = REFUSED[case]
    with pytest.raises(TypeError, match=re.escape(said)):
        build()


def test_what_is_advised_is_taken():
    built = FeedForward(64, activation=afnlab.nn.make(softer, beta=2.0))
    assert built.activation.beta == 2.0
    assert (built.in_features, built.out_features) == (64, 64)


def test_the_page_counts_its_parameters():
    """Beside those of torch's block, without its attention and normalization."""
    usual = nn.TransformerEncoderLayer(64, 4, 256)
    blocks = [nn.ModuleList([usual.linear1, usual.linear2])]
    blocks += [FeedForward(64, "srelu", form="gated", bias=bias) for bias in (False, True)]
    counts = [f"{sum(p.numel() for p in block.parameters()):,}" for block in blocks]
    assert counts == ["33,088", "32,832", "33,238"]
    text = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
    (said,) = [line for line in text.splitlines() if counts[0] in line]
    assert all(count in said for count in counts)
