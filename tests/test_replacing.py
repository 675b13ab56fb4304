"""Swapping the activations of any torch model."""

from __future__ import annotations

import re
from functools import partial

import pytest
import torch
from torch import nn as torch_nn
from torch.testing import assert_close

from afnlab import activation_sites, functional, nn, replace, undo_replace

X = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


class Nested(torch_nn.Module):
    """ReLUs in a container, in a list, shared, and a function call that is out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = torch_nn.ReLU()
        self.body = torch_nn.Sequential(
            torch_nn.Linear(3, 3), torch_nn.Sequential(self.shared, torch_nn.ReLU())
        )
        self.heads = torch_nn.ModuleList([torch_nn.ReLU(), torch_nn.Tanh()])
        self.again = self.shared

    def forward(self, x):
        return self.heads[1](self.heads[0](self.again(self.body(x))))


def test_replaces_at_every_depth_and_keeps_sharing():
    model = Nested()
    assert replace(model, torch_nn.ReLU, "srelu", t=1.5) is model
    new = [m for m in model.modules() if isinstance(m, nn.SReLU)]
    assert len(new) == 3
    assert {m.t for m in new} == {1.5}
    assert not any(isinstance(m, torch_nn.ReLU) for m in model.modules())
    assert model.shared is model.again is model.body[1][0]
    assert model.shared is not model.body[1][1]
    assert isinstance(model.heads[1], torch_nn.Tanh)

    def srelu(x):
        return functional.srelu(x, t=1.5)

    assert_close(model(X), srelu(srelu(srelu(srelu(model.body[0](X))))).tanh())


def test_several_types_at_once():
    model = replace(Nested(), (torch_nn.ReLU, torch_nn.Tanh), functional.gelu)
    assert sum(isinstance(m, nn.GELU) for m in model.modules()) == 4


def test_a_model_that_is_the_activation_itself():
    new = replace(torch_nn.ReLU().eval(), torch_nn.ReLU, "swish", beta=2.0)
    assert isinstance(new, nn.Swish)
    assert not new.training
    assert_close(new(X), functional.swish(X, beta=2.0))


def test_its_own_modules_can_be_replaced_too():
    model = replace(Nested(), torch_nn.ReLU, "srelu")
    replace(model, nn.SReLU, "srelu", t=0.5)
    assert {m.t for m in model.modules() if isinstance(m, nn.SReLU)} == {0.5}


class Doubled(torch_nn.Module):
    """A module of somebody's, with a parameter."""

    def __init__(self, by: float = 2.0) -> None:
        super().__init__()
        self.by = torch_nn.Parameter(torch.tensor(by))

    def forward(self, x):
        return self.by * x


def own_gelu() -> torch_nn.Module:
    return torch_nn.GELU("tanh")


REFS = {  # what takes the place of a ReLU, its parameters, its values
    "a class": (nn.SReLU, {}, functional.srelu),
    "a class and a parameter": (nn.SReLU, {"t": 1.5}, lambda x: functional.srelu(x, t=1.5)),
    "a class whose arguments are torch's": (nn.GELU, {"approximate": "tanh"}, own_gelu()),
    "a class of torch's": (torch_nn.SiLU, {}, torch_nn.SiLU()),
    "a class of somebody's": (Doubled, {"by": 3.0}, lambda x: 3 * x),
    "a function": (own_gelu, {}, own_gelu()),
    "a partial": (partial(nn.SReLU, t=1.5), {}, lambda x: functional.srelu(x, t=1.5)),
    "a module": (nn.SReLU(t=1.5), {}, lambda x: functional.srelu(x, t=1.5)),
    "a module of torch's": (torch_nn.LeakyReLU(0.3), {}, torch_nn.LeakyReLU(0.3)),
    "a module that is trained": (Doubled(4.0), {}, lambda x: 4 * x),
}


@pytest.mark.parametrize(("ref", "params", "values"), REFS.values(), ids=REFS)
def test_classes_functions_and_modules_take_the_place(ref, params, values):
    model = Nested().double().eval()
    before = [*model.modules()]
    replace(model, torch_nn.ReLU, ref, **params)
    new = [model.shared, model.body[1][1], model.heads[0]]
    assert model.again is new[0] and len({*new}) == 3
    for module in new:
        assert not module.training
        assert_close(module(X), values(X), check_dtype=False)
        assert {p.dtype for p in module.parameters()} <= {torch.float64}
    assert len({p for module in new for p in module.parameters()}) in (0, 3)
    assert [*undo_replace(model).modules()] == before


def test_classes_and_modules_in_a_mapping():
    model = replace(Nested(), {torch_nn.ReLU: (nn.SReLU, {"t": 0.5}), "tanh": torch_nn.SiLU()})
    assert [type(m) for m in model.heads] == [nn.SReLU, torch_nn.SiLU]
    assert model.shared.t == 0.5
    sites = activation_sites(model).table.set_index("place")
    assert sites.before["heads.1"] == "torch.nn.Tanh"


ONE = torch_nn.GELU()


@pytest.mark.parametrize(
    ("ref", "params", "error", "message"),
    [
        (5, {}, TypeError, r"ref must be the name of .*, got 5$"),
        (torch_nn.Linear, {}, TypeError, "Linear.* cannot make a module: .*in_features"),
        (nn.SReLU, {"tt": 1.0}, TypeError, "did you mean 't'"),
        (nn.SReLU, {"t": -1.0}, ValueError, "t must be > 0"),
        (nn.ActivationModule, {}, TypeError, "cannot make a module"),
        (lambda x: 2 * x, {}, TypeError, "cannot make a module: .*missing"),
        (lambda: torch.relu, {}, TypeError, "ref must make a torch.nn.Module, made <built-in"),
        (lambda: ONE, {}, ValueError, "must make a new module at each call, made one twice"),
        (nn.SReLU(), {"t": 1.0}, TypeError, r"ref is a module, .* t cannot be given"),
        (
            lambda: torch_nn.utils.spectral_norm(torch_nn.Linear(3, 3)),
            {},
            ValueError,
            "has hooks",
        ),
    ],
)
def test_what_makes_no_new_module_leaves_the_model_whole(ref, params, error, message):
    model = Nested()
    before = [*model.modules()]
    with pytest.raises(error, match=message):
        replace(model, torch_nn.ReLU, ref, **params)
    assert [*model.modules()] == before


def test_one_module_of_the_model_or_several():
    model = Nested()
    replace(model, model.heads[0], "srelu")
    assert isinstance(model.heads[0], nn.SReLU) and isinstance(model.shared, torch_nn.ReLU)
    replace(model, [model.heads[0], torch_nn.Tanh], torch_nn.SiLU)
    assert [type(m) for m in model.heads] == [torch_nn.SiLU] * 2
    undo_replace(model)
    assert [type(m) for m in model.heads] == [torch_nn.ReLU, torch_nn.Tanh]


def patched(module, forward):
    """A module to which a forward method was assigned, as accelerate does."""
    module.forward = forward
    return module


def wrapped(module):
    return patched(module, partial(lambda old, x: old(x), module.forward))


LOST = "the forward method that was assigned to {} itself is not carried over"
OWN_FORWARDS = {  # a module, what is swapped, whether it is, what is told
    "a wrapped ReLU by its class": (wrapped(torch_nn.ReLU()), torch_nn.ReLU, True, LOST),
    "a wrapped ReLU by name": (wrapped(torch_nn.ReLU()), "relu", True, LOST),
    "another function in a ReLU": (patched(torch_nn.ReLU(), torch.sinh), "relu", False, "left {}"),
    "a GELU in a ReLU": (patched(torch_nn.ReLU(), torch_nn.functional.gelu), "gelu", True, LOST),
    "a wrapped PReLU by its class": (wrapped(torch_nn.PReLU()), torch_nn.PReLU, True, LOST),
    "one of ours": (wrapped(nn.SReLU()), nn.SReLU, True, LOST),
}


@pytest.mark.parametrize(
    ("module", "old", "swapped", "told"), OWN_FORWARDS.values(), ids=OWN_FORWARDS
)
def test_a_forward_method_of_its_own_is_not_lost_in_silence(module, old, swapped, told):
    model = torch_nn.Sequential(torch_nn.Linear(3, 3), module, torch_nn.ReLU(), torch_nn.GELU())
    want = model(X)
    with pytest.warns(UserWarning, match=told.format("1")):
        replace(model, old, "swish")
    assert isinstance(model[1], nn.Swish) == swapped
    assert undo_replace(model)[1] is module
    assert_close(model(X), want, rtol=0, atol=0)


def test_a_forward_method_that_was_assigned_since_is_told_when_it_goes():
    model = replace(torch_nn.Sequential(torch_nn.ReLU()), torch_nn.ReLU, "srelu")
    wrapped(model[0])
    with pytest.warns(UserWarning, match="^undo_replace: " + LOST.format("0")):
        undo_replace(model)


def test_a_module_whose_own_forward_is_not_recognised_is_named():
    with pytest.raises(ValueError, match="no prelu module but 0, to which a forward method was"):
        replace(torch_nn.Sequential(wrapped(torch_nn.PReLU())), "prelu", "srelu")


def test_none_found_is_an_error_and_changes_nothing():
    model = Nested()
    before = repr(model)
    with pytest.raises(ValueError, match=r"holds no GELU module .*functions called inside forward"):
        replace(model, torch_nn.GELU, "srelu")
    with pytest.raises(ValueError, match=r"holds no .*GELU.*ELU"):
        replace(model, (torch_nn.GELU, torch_nn.ELU), "srelu")
    assert repr(model) == before


@pytest.mark.parametrize(
    ("ref", "params", "error", "message"),
    [
        ("sreul", {}, ValueError, "did you mean 'srelu'"),
        ("srelu", {"tt": 1.0}, TypeError, "did you mean 't'"),
        ("srelu", {"t": -1.0}, ValueError, "t must be > 0"),
    ],
)
def test_a_wrong_activation_leaves_the_model_whole(ref, params, error, message):
    model = Nested()
    before = repr(model)
    with pytest.raises(error, match=message):
        replace(model, torch_nn.ReLU, ref, **params)
    assert repr(model) == before


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_new_parameters_have_the_models_dtype(dtype):
    model = replace(Nested().to(dtype), torch_nn.ReLU, "mapec", trainable=True)
    assert {p.dtype for p in model.parameters()} == {dtype}
    y = model(X.to(dtype))
    assert y.dtype == dtype
    y.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_the_dtype_is_taken_from_floating_point_weights_that_are_there():
    whole = torch_nn.Parameter(torch.zeros(3, 3, dtype=torch.int8), requires_grad=False)
    model = torch_nn.Sequential(torch_nn.Linear(3, 3), torch_nn.LazyLinear(3), torch_nn.ReLU())
    model[0].weight, model[0].bias = whole, None
    replace(model.append(torch_nn.Linear(3, 3).double()), torch_nn.ReLU, "prelu")
    assert model[2].weight.dtype == torch.float64


@pytest.mark.parametrize("ref", ["srelu", torch_nn.Tanh])
@pytest.mark.parametrize("padded", [False, True])
def test_torchs_transformer_uses_the_new_activation_in_evaluation_too(ref, padded):
    """Its fused operation, without gradients, knows the activation that it was made with."""
    torch.manual_seed(0)
    layer = torch_nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0.0, activation=torch_nn.GELU(), batch_first=True
    )
    model = replace(torch_nn.TransformerEncoder(layer, 2), torch_nn.GELU, ref)
    x, there = torch.randn(2, 3, 8), torch.tensor([[True, True, not padded], [True] * 3])
    padding = ~there if padded else None
    trained = model.train()(x, src_key_padding_mask=padding).detach()
    with torch.no_grad():
        evaluated = model.eval()(x, src_key_padding_mask=padding)
    assert_close(evaluated[there], trained[there])


@pytest.mark.parametrize("training", [True, False])
def test_the_training_flag_is_kept(training):
    model = replace(Nested().train(training), torch_nn.ReLU, "rrelu")
    assert {m.training for m in model.modules()} == {training}


def test_the_rest_of_the_model_is_untouched():
    model = Nested()
    weight, before = model.body[0].weight, dict(model.state_dict())
    replace(model, torch_nn.ReLU, "gelu")
    assert model.body[0].weight is weight
    assert_close(dict(model.state_dict()), before, rtol=0, atol=0)


def test_a_users_own(tmp_path):
    (tmp_path / "my.py").write_text(
        "from afnlab import activation\n\n\n@activation()\ndef half(x):\n    return x / 2\n"
    )
    model = torch_nn.Sequential(torch_nn.ReLU())
    assert_close(replace(model, torch_nn.ReLU, f"{tmp_path}/my.py:half")(X), X / 2)


@pytest.mark.parametrize(
    ("model", "old", "message"),
    [
        (
            torch_nn.Sequential(torch_nn.ReLU()),
            "Linear",
            "old must be a class such as torch.nn.ReLU, got 'Linear'",
        ),
        (
            torch_nn.Sequential(torch_nn.ReLU()),
            torch_nn.ReLU(),
            r"old must be a class .*, got ReLU\(\)",
        ),
        (
            torch.relu,
            torch_nn.ReLU,
            "model must be a torch.nn.Module, got builtin_function_or_method",
        ),
    ],
)
def test_what_is_no_model_or_class(model, old, message):
    with pytest.raises(TypeError, match=message):
        replace(model, old, "srelu")


HOOKS = {  # how a hook is registered
    "forward": lambda m, note: m.register_forward_hook(lambda *_: note()),
    "forward, with keywords": lambda m, note: m.register_forward_hook(
        lambda *_: note(), with_kwargs=True
    ),
    "forward, called after errors": lambda m, note: m.register_forward_hook(
        lambda *_: note(), always_call=True
    ),
    "before forward": lambda m, note: m.register_forward_pre_hook(lambda *_: note()),
    "before forward, with keywords": lambda m, note: m.register_forward_pre_hook(
        lambda *_: note(), with_kwargs=True
    ),
    "backward": lambda m, note: m.register_full_backward_hook(lambda *_: note()),
    "before backward": lambda m, note: m.register_full_backward_pre_hook(lambda *_: note()),
}


@pytest.mark.parametrize("kind", HOOKS)
@pytest.mark.parametrize("alone", [False, True], ids=["in a model", "the model itself"])
def test_hooks_go_over_to_the_new_module_and_back(kind, alone):
    seen: list[int] = []
    old = torch_nn.ReLU()
    model = old if alone else torch_nn.Sequential(torch_nn.Linear(3, 3), old)
    early = HOOKS[kind](old, lambda: seen.append(1))

    def called() -> list[int]:
        seen.clear()
        model(X.clone().requires_grad_()).sum().backward()
        return seen

    assert called() == [1]
    model = replace(model, torch_nn.ReLU, "srelu")
    assert called() == [1]
    model = replace(model, nn.SReLU, "gelu")
    module = model if alone else model[1]
    late = HOOKS[kind](module, lambda: seen.append(2))
    assert called() == [1, 2]
    early.remove()
    assert called() == [2]
    model = undo_replace(model)
    assert (model if alone else model[1]) is old
    assert called() == [2]
    late.remove()
    assert called() == []


def encoder():
    return torch_nn.TransformerEncoderLayer(64, 4, 256)


MISFITS = {
    "a block in the place of a layer": (
        encoder,
        lambda m: m.linear1,
        nn.FeedForward(64, "srelu"),
        "linear1: torch.nn.Linear makes 256 features of 64, afnlab.feedforward.FeedForward would"
        " make 64 of 64",
    ),
    "whatever attention has, too": (
        encoder,
        lambda _: torch_nn.Linear,
        nn.FeedForward(64, "srelu"),
        "self_attn.out_proj: attention reads its weight, of shape (64, 64);"
        " afnlab.feedforward.FeedForward has none",
    ),
    "an activation": (
        lambda: torch_nn.Sequential(torch_nn.Linear(3, 5)),
        lambda _: torch_nn.Linear,
        "srelu",
        "0: torch.nn.Linear makes 5 features of 3, afnlab.nn.SReLU would make 3 of 3",
    ),
    "channels": (
        lambda: torch_nn.Sequential(torch_nn.ReLU(), torch_nn.Conv2d(3, 8, 3)),
        lambda _: {torch_nn.ReLU: "srelu", torch_nn.Conv2d: torch_nn.Conv2d(3, 9, 3)},
        None,
        "1: torch.nn.Conv2d makes 8 channels of 3, torch.nn.Conv2d would make 9 of 3",
    ),
    "the model": (
        lambda: torch_nn.Linear(64, 4),
        lambda _: torch_nn.Linear,
        nn.GLU(64, 8),
        "the model: torch.nn.Linear makes 4 features of 64, afnlab.feedforward.GLU would make 8",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_layer_that_does_not_fit_is_refused_before_anything_is_exchanged(case):
    build, old, ref, said = MISFITS[case]
    model = build()
    before = dict(model.named_modules())
    with pytest.raises(ValueError, match=re.escape(f"replace: {said}")):
        replace(model, old(model), ref)
    assert dict(model.named_modules()) == before
    assert not any(hasattr(m, "stood_before") for m in before.values())


def test_a_layer_that_fits_takes_the_place():
    model = torch_nn.Sequential(torch_nn.Linear(3, 64), torch_nn.Linear(64, 64))
    replace(model, model[1], nn.FeedForward(64, "srelu"))
    assert model(X).shape == (4, 64)
    attention = torch_nn.MultiheadAttention(64, 4)
    projection = type(attention.out_proj)
    replace(attention, projection, torch_nn.Linear(64, 64))
    assert attention(*[torch.ones(2, 64)] * 3)[0].shape == (2, 64)
