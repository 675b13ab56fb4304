"""What activations a model holds and calls, what replace made of them, and taking that back."""

from __future__ import annotations

import copy
import math
import pickle
import warnings

import pytest
import torch
import torch.nn.functional as F
from pandas.testing import assert_frame_equal
from torch import nn as torch_nn
from torch.testing import assert_close

import afnlab
from afnlab import activation_sites, functional, nn, register, replace, undo_replace

X = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


class NewGELU(torch_nn.Module):
    """As in GPT-2."""

    def forward(self, x):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class QuickGELU(torch_nn.Module):
    def forward(self, input):
        return input * torch.sigmoid(1.702 * input)


class OwnSiLU(torch_nn.SiLU):
    """A subclass."""


class Squared(torch_nn.Module):
    def forward(self, x):
        return F.relu(x).square()


class Pair(torch_nn.Module):
    """Of two inputs; no activation."""

    def forward(self, x, y):
        return x + y


class Model(torch_nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch_nn.Sequential(torch_nn.Linear(3, 3), torch_nn.ReLU(inplace=True))
        self.forms = torch_nn.ModuleList([NewGELU(), QuickGELU(), torch_nn.GELU(), OwnSiLU()])
        self.others = torch_nn.ModuleList(
            [torch_nn.Identity(), torch_nn.Dropout(0.0), Squared(), torch_nn.PReLU(), Pair()]
        )
        self.function, self.again = F.relu, torch.tanh

    def forward(self, x):
        x = self.first(x)
        for module in (*self.forms, *self.others[:4]):
            x = module(x)
        for _ in range(3):
            x = torch.relu(x)
        return self.again(self.function(x).sigmoid())


FOUND = {
    "first.1": ("module", "torch.nn.ReLU", "relu"),
    "forms.0": ("module", "tests.test_sites.NewGELU", "gelu_tanh"),
    "forms.1": ("module", "tests.test_sites.QuickGELU", "gelu"),
    "forms.2": ("module", "torch.nn.GELU", "gelu"),
    "forms.3": ("module", "tests.test_sites.OwnSiLU", "swish"),
    "others.2": ("module", "tests.test_sites.Squared", "relu_squared"),
    "others.3": ("module", "torch.nn.PReLU", "prelu"),
    "function": ("attribute", "torch.nn.functional.relu", "relu"),
    "again": ("attribute", "torch.tanh", "tanh"),
}
CALLED = {"torch.relu": ("relu", 3), "torch.Tensor.sigmoid": ("sigmoid", 1)}


def test_every_place_is_found():
    model = Model()
    state, draw = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    sites = activation_sites(model, X).sites
    held = [s for s in sites if s.how != "call"]
    assert {s.place: (s.how, s.type, s.computes) for s in held} == FOUND
    assert {s.type: (s.computes, s.calls) for s in sites if s.how == "call"} == CALLED
    within = {s.place: s.within for s in held}
    assert 0.02 < within["forms.1"] < 0.0204
    assert within["forms.0"] < 1e-5
    assert activation_sites(model).sites == tuple(held)  # without an example nothing is run
    assert_close(dict(model.state_dict()), dict(state), rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), draw)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize(
    ("module", "is_relu"),
    [
        (torch_nn.ReLU6(), False),
        (torch_nn.Hardtanh(0, 6), False),
        (torch_nn.LeakyReLU(0.0), True),
        (torch_nn.Threshold(0.0, 0.0), True),
    ],
)
def test_what_differs_for_large_inputs_is_another_function(module, is_relu):
    model = torch_nn.Sequential(module)
    if is_relu:
        assert isinstance(replace(model, "relu", "srelu")[0], nn.SReLU)
    else:
        with pytest.raises(ValueError, match="relu"):
            replace(model, "relu", "srelu")


class Mixed(torch_nn.Module):
    """It calls a function as an attribute, and the same function directly."""

    def __init__(self):
        super().__init__()
        self.linear, self.module = torch_nn.Linear(4, 4), torch_nn.ReLU()
        self.function = F.relu

    def forward(self, x):
        return F.relu(self.function(self.module(self.linear(x))))


def test_a_function_that_is_called_directly_too_is_both_sites():
    model = Mixed()
    x = torch.randn(3, 4)
    sites = activation_sites(model, x).sites
    assert [(s.place, s.how, s.calls) for s in sites if s.how != "module"] == [
        ("function", "attribute", 0),
        ("", "call", 1),
    ]
    assert model.function is F.relu
    with pytest.warns(UserWarning, match="relu"):
        replace(model, "relu", "srelu", example=x)


def test_hooks_are_neither_copied_nor_called():
    """They may hold the whole model, or what cannot be copied."""

    class Watch:
        def __deepcopy__(self, memo):
            raise TypeError("cannot be copied")

        def seen(self, module, inputs, output):
            raise AssertionError("called")

    model = Model()
    expected = activation_sites(model).table
    for module in model.modules():
        module.register_forward_hook(Watch().seen)
    assert_frame_equal(activation_sites(model).table, expected)
    assert all(module._forward_hooks for module in model.modules())


def test_the_summary_and_the_table():
    model = torch_nn.Sequential(*[torch_nn.ReLU() for _ in range(4)], QuickGELU())
    assert str(activation_sites(model)) == (
        "relu: torch.nn.ReLU, 4 in 0, 1 and 2 more\n"
        "gelu: tests.test_sites.QuickGELU, to within 0.02, 1 in 4"
    )
    replace(model, "relu", "srelu")
    assert str(activation_sites(model)).startswith(
        "srelu: afnlab.nn.SReLU, 4 in 0, 1 and 2 more; was torch.nn.ReLU\n"
    )
    table = activation_sites(model).table
    assert list(table.computes) == ["srelu"] * 4 + ["gelu"]
    assert str(activation_sites(torch_nn.Linear(2, 2))) == "no activations"
    assert str(activation_sites(torch_nn.ReLU())) == "relu: torch.nn.ReLU, 1 in the model"


def test_an_activation_by_name_means_all_that_compute_it():
    model = replace(Model(), "gelu", "srelu", t=1.5)
    assert [type(m) for m in model.forms] == [nn.SReLU, nn.SReLU, nn.SReLU, OwnSiLU]
    assert {m.t for m in model.forms[:3]} == {1.5}
    replace(model, "relu", "swish")
    assert isinstance(model.first[1], nn.Swish)
    assert isinstance(model.function, nn.Swish)
    assert model.function is not model.first[1]
    replace(model, "silu", "apec")  # our Swish is one too
    assert [isinstance(m, nn.APEC) for m in (model.forms[3], model.function)] == [True, True]
    assert model(X).isfinite().all()


def test_each_attribute_has_its_own_parameters():
    layers = [
        torch_nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation=F.gelu, dropout=0.0)
        for _ in range(2)
    ]
    model = torch_nn.Sequential(*layers).double()
    x = torch.randn(2, 3, 8, dtype=torch.float64)
    before, keys = model.eval()(x), set(model.state_dict())
    replace(model, "gelu", "prelu")
    assert set(model.state_dict()) - keys == {f"{i}.activation.weight" for i in (0, 1)}
    assert model[0].activation is not model[1].activation
    assert model[0].activation.weight.dtype == torch.float64
    with torch.no_grad():
        changed = model(x)
    assert (changed - before).abs().max() > 1e-3
    undo_replace(model)
    assert model[0].activation is F.gelu
    assert set(model.state_dict()) == keys
    assert_close(model(x), before)


def test_a_mapping_swaps_several_kinds_at_once():
    model = replace(
        Model(),
        {"gelu": ("srelu", {"t": 0.7}), torch_nn.ReLU: functional.swish, ("tanh", OwnSiLU): "mish"},
    )
    assert [type(m) for m in model.forms] == [nn.SReLU, nn.SReLU, nn.SReLU, nn.Mish]
    assert isinstance(model.first[1], nn.Swish)
    assert isinstance(model.again, nn.Mish)
    assert model.function is F.relu  # a class stands for modules alone


def test_kinds_that_are_exchanged_for_each_other():
    model = torch_nn.Sequential(torch_nn.ReLU(), torch_nn.Tanh())
    replace(model, {torch_nn.ReLU: "tanh", torch_nn.Tanh: "relu"})
    assert [type(m) for m in model] == [nn.Tanh, nn.ReLU]


@pytest.mark.parametrize(
    ("args", "params", "error", "message"),
    [
        (({"gelu": "srelu"}, "relu"), {}, TypeError, "with a mapping leave out ref"),
        (({"gelu": "srelu"},), {"t": 1.0}, TypeError, "with a mapping leave out ref"),
        (({"gelu": "srelu", "relu": "none"},), {}, ValueError, "unknown activation 'none'"),
        (({"gelu": "srelu", "elu": "swish"},), {}, ValueError, "holds no elu module"),
        (({3: "srelu"},), {}, TypeError, "old must be a class .* got 3"),
        (("gelu",), {}, TypeError, "ref is missing"),
        (("geluu", "srelu"), {}, ValueError, "unknown activation 'geluu'; did you mean 'gelu'"),
        ((torch_nn.Mish, "srelu"), {}, ValueError, "holds no Mish module .*functions called"),
    ],
)
def test_what_cannot_be_swapped_leaves_the_model_whole(args, params, error, message):
    model = Model()
    before = repr(model)
    with pytest.raises(error, match=message):
        replace(model, *args, **params)
    assert repr(model) == before
    assert model.function is F.relu


def test_forms_of_what_is_missing_are_named():
    model = torch_nn.Sequential(QuickGELU(), NewGELU())
    others = "tests.test_sites.QuickGELU, tests.test_sites.NewGELU"
    told = f"holds no GELU module, but 2 of {others}; give 'gelu'"
    with pytest.raises(ValueError, match=told):
        replace(model, torch_nn.GELU, "srelu")


def test_calls_that_are_out_of_reach_are_told():
    told = "left 3 calls of torch.relu in the model: called inside forward"
    with pytest.warns(UserWarning, match=told):
        replace(Model(), torch_nn.ReLU, "srelu", example=X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        replace(Model(), torch_nn.GELU, "srelu", example=X)
    with pytest.raises(RuntimeError, match="cannot be run on the example"):
        activation_sites(Model(), X[:, :2])


# Taking it back


def test_undo_gives_the_first_modules_back():
    model = Model().eval()
    before, want = list(model.modules()), model(X)
    replace(model, {"gelu": "srelu", "relu": "apec", torch_nn.PReLU: "mapec"})
    replace(model, "srelu", "swish")
    model = pickle.loads(pickle.dumps(copy.deepcopy(model))).double()
    undo_replace(model)
    assert [type(m) for m in model.modules()] == [type(m) for m in before]
    assert model.function is F.relu
    assert {p.dtype for p in model.parameters()} == {torch.float64}
    assert_close(model(X.double()).float(), want)
    undo_replace(model)


def test_undo_keeps_sharing_modes_and_roots():
    shared = torch_nn.ReLU()
    model = torch_nn.Sequential(shared, torch_nn.Sequential(shared)).train()
    replace(model, torch_nn.ReLU, "srelu")
    undo_replace(model.eval())
    assert model[0] is model[1][0] is shared
    assert not shared.training
    root = replace(shared, torch_nn.ReLU, "srelu")
    assert undo_replace(root) is shared
    own = nn.SReLU()
    assert undo_replace(own) is own
    with pytest.raises(TypeError, match=r"undo_replace: model must be .*, got 3"):
        undo_replace(3)


# Names in other libraries


def test_register_in_a_mapping():
    table = {"relu": torch_nn.ReLU, "gelu": QuickGELU}
    added = register(table)
    assert {"srelu", "apec", "relu_squared"} <= set(added)
    assert not {"softmin", "log_softmax", "relu", "gelu"} & set(added)  # not elementwise, or taken
    assert table["srelu"] is nn.SReLU
    assert table["gelu"] is QuickGELU
    assert register(table) == added
    assert register(table, own_gelu="gelu", soft=("swish", {"beta": 0.5})) == ["own_gelu", "soft"]
    assert table["own_gelu"] is nn.GELU
    assert table["soft"](inplace=True).beta == 0.5


def test_register_a_users_own(tmp_path):
    (tmp_path / "my.py").write_text(
        "from afnlab import activation\n\n\n@activation()\ndef half(x):\n    return x / 2\n"
    )
    table: dict = {}
    assert register(table, f"{tmp_path}/my.py:half") == ["half"]
    assert_close(table["half"]()(X), X / 2)


@pytest.mark.parametrize(
    ("args", "named", "error", "message"),
    [
        ((math,), {}, TypeError, "library must be the module transformers or timm, or a mapping"),
        (("transformers",), {}, TypeError, "library must be .* got 'transformers'"),
        (({"gelu": 1}, "gelu"), {}, ValueError, "the name 'gelu' is taken .* my_gelu='gelu'"),
        (({}, "sreul"), {}, ValueError, "did you mean 'srelu'"),
        (({},), {"mine": ("srelu", {"t": -1.0})}, ValueError, "t must be > 0"),
    ],
)
def test_what_cannot_be_registered(args, named, error, message):
    with pytest.raises(error, match=message):
        register(*args, **named)
    assert args[0] in (math, "transformers", {"gelu": 1}, {})
    assert callable(afnlab.register)
