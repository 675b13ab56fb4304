"""Swapping the activations of any torch model."""

from __future__ import annotations

import pytest
import torch
from torch import nn as torch_nn
from torch.testing import assert_close

from afnlab import functional, nn, replace, undo_replace

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


@pytest.mark.parametrize("padded", [False, True])
def test_torchs_transformer_uses_the_new_activation_in_evaluation_too(padded):
    """Its fused operation, without gradients, knows the activation that it was made with."""
    torch.manual_seed(0)
    layer = torch_nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0.0, activation=torch_nn.GELU(), batch_first=True
    )
    model = replace(torch_nn.TransformerEncoder(layer, 2), torch_nn.GELU, "srelu", t=0.3)
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
