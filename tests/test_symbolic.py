"""torch.fx: afnlab's modules and functions are single nodes of a graph, wherever they stand."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import fx
from torch.fx.passes.shape_prop import ShapeProp
from torch.testing import assert_close

from afnlab import autorot, functional, nn
from afnlab.nn import make
from tests.conftest import every_activation, trainable

X = torch.linspace(-3.1, 3.3, 24).reshape(4, 6)
LAYERS = {
    "AutoRotLinear": ((6, 5), (4, 6)),
    "AutoRotConv1d": ((3, 4, 3), (2, 3, 7)),
    "AutoRotConv2d": ((3, 4, 3, 1, 1), (2, 3, 7, 7)),
    "AutoRotConv3d": ((2, 3, 3), (1, 2, 4, 4, 4)),
    "AutoRotConvTranspose1d": ((3, 4, 3), (2, 3, 7)),
    "AutoRotConvTranspose2d": ((3, 4, 3, 2), (2, 3, 5, 5)),
    "AutoRotConvTranspose3d": ((2, 3, 3), (1, 2, 3, 3, 3)),
    "AutoRotDepthwiseConv2d": ((3, 3), (2, 3, 7, 7)),
    "AutoRotSeparableConv1d": ((3, 4, 3), (2, 3, 7)),
    "AutoRotSeparableConv2d": ((3, 4, 3), (2, 3, 7, 7)),
    "AutoRotRNN": ((3, 4), (5, 2, 3)),
    "AutoRotLSTM": ((3, 4), (5, 2, 3)),
    "AutoRotGRU": ((3, 4), (5, 2, 3)),
}


def targets(graph: fx.GraphModule, op: str) -> list:
    return [n.target for n in graph.graph.nodes if n.op == op]


def assert_same(traced: fx.GraphModule, module: torch.nn.Module, x: torch.Tensor) -> None:
    """Values and gradients, of copies and pickled copies too."""

    def results(one: torch.nn.Module) -> list[torch.Tensor]:
        given = x.clone().requires_grad_()
        y = one(given)
        y = y[0] if isinstance(y, tuple) else y
        owned = list(one.parameters())
        return [y, *torch.autograd.grad(y.square().sum(), [given, *owned])]

    assert_close(results(traced), results(module))
    assert_close(results(copy.deepcopy(traced)), results(module))


@every_activation
def test_a_module_is_one_node(f):
    module = make(f, trainable=trainable(f)).eval()
    model = torch.nn.Sequential(torch.nn.Linear(6, 6), module).eval()
    traced = fx.symbolic_trace(model)
    assert targets(traced, "call_module") == ["0", "1"]
    assert traced.get_submodule("1") is module
    assert_same(traced, model, X)
    assert_close(pickle.loads(pickle.dumps(traced))(X), model(X))


@every_activation
def test_a_module_by_itself_is_one_too(f):
    module = make(f, trainable=trainable(f)).eval()
    traced = fx.symbolic_trace(module)
    assert targets(traced, "get_attr") == [n for n, _ in module.named_parameters()]
    assert_same(traced, module, X)


@every_activation
def test_a_function_is_one_node(f):
    name, value = next(((n, p.default) for n, p in f.params.items()), ("", 0.0))
    given = {name: value} if name else {}

    class Calls(torch.nn.Module):
        def forward(self, x):
            return f(x * 1.5, **given) + 1

    traced = fx.symbolic_trace(Calls())
    assert f in targets(traced, "call_function")
    assert_same(traced, Calls(), X)
    assert_close(pickle.loads(pickle.dumps(traced))(X), Calls()(X))


def test_arguments_are_recorded():
    class Calls(torch.nn.Module):
        def forward(self, x, noise):
            y = functional.rrelu(x, 0.1, upper=0.9, noise=noise, inplace=True)
            return functional.log_softmax(y, 0, dtype=torch.float64)

    noise = torch.rand(X.shape)
    assert_close(fx.symbolic_trace(Calls())(X, noise), Calls()(X, noise))


@pytest.mark.parametrize("name", LAYERS)
def test_rotated_layers(name):
    args, shape = LAYERS[name]
    layer = getattr(autorot, name)(*args, trainable_L=True)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert_same(fx.symbolic_trace(layer), layer, x)

    class Holds(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = torch.nn.ModuleList([layer])

        def forward(self, x):
            y = self.inside[0](x * 2)
            return y[0] if name.endswith(("RNN", "LSTM", "GRU")) else y

    traced = fx.symbolic_trace(Holds())
    assert targets(traced, "call_module") == ["inside.0"]
    assert_same(traced, Holds(), x)


def test_a_module_that_the_model_does_not_hold():
    module = nn.SReLU(t=1.5)

    class Borrows(torch.nn.Module):
        def forward(self, x):
            return module.forward(x)

    assert_close(fx.symbolic_trace(Borrows())(X), module(X))


def test_a_graph_can_be_compiled_shaped_and_split():
    model = torch.nn.Sequential(torch.nn.Linear(6, 6), nn.APEC(), autorot.AutoRotLinear(6, 3))
    traced = fx.symbolic_trace(model)
    ShapeProp(traced).propagate(X)
    shapes = [tuple(n.meta["tensor_meta"].shape) for n in traced.graph.nodes]
    assert shapes == [(4, 6), (4, 6), (4, 6), (4, 3), (4, 3)]
    assert_close(fx.Interpreter(traced).run(X), model(X))
    assert_close(fx.Transformer(traced).transform()(X), model(X))
