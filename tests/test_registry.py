"""Who computes an activation: backends in turn, and in the end the definition."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

import afnlab
from afnlab import Param, activation, functional, registry


@pytest.fixture
def register():
    """Registers backends for the length of a test."""
    withdrawals = []

    def add(backend):
        withdrawals.append(afnlab.register_backend(backend))
        return withdrawals[-1]

    yield add
    for withdraw in withdrawals:
        withdraw()


def constant(value: float, *names: str):
    """A backend of the activations of these names."""

    def compute(record, x, values):
        return torch.full_like(x, value) if record.name in names else None

    return compute


X = torch.linspace(-2, 2, 9)


def test_the_last_registered_is_asked_first_and_none_is_the_next_ones_turn(register):
    register(constant(1.0, "relu", "srelu"))
    last = register(constant(2.0, "relu"))
    assert (functional.relu(X) == 2).all()
    assert (functional.srelu(X) == 1).all()
    assert_close(functional.tanh(X), X.tanh())
    last()
    assert (functional.relu(X) == 1).all()


def test_withdrawn_twice_it_is_gone_once(register):
    before = list(registry.BACKENDS)
    first, second = (register(constant(v, "relu")) for v in (1.0, 2.0))
    first()
    first()
    assert (functional.relu(X) == 2).all()
    second()
    assert before == registry.BACKENDS
    assert torch.equal(functional.relu(X), X.relu())


def test_a_withdrawn_one_may_come_back(register):
    backend = constant(1.0, "relu")
    register(backend)()
    register(backend)
    assert (functional.relu(X) == 1).all()


def test_compiled_kernels_are_a_backend_like_others(register):
    assert afnlab.native.ops.compute in registry.BACKENDS
    with pytest.raises(ValueError, match="is registered already"):
        afnlab.register_backend(afnlab.native.ops.compute)


@activation(
    t=Param(1.0, low=0.5, high=2.0, domain="> 0", aliases=("theta",)), n=Param(2, low=1, high=3)
)
def mine(x, t, n, noise=None):
    return x * t + n


def test_it_gets_every_parameter_by_its_own_name_checked(register):
    told = []
    register(lambda record, x, values: told.append((record, x, dict(values))))
    t, noise = torch.tensor(1.5), torch.rand(9)
    mine(X)
    mine(X, theta=t, noise=noise)
    with pytest.raises(ValueError, match="mine: t"):
        mine(X, -3.0)
    (record, x, first), (_, _, second) = told
    assert record is mine
    assert x is X
    assert first == {"t": 1.0, "n": 2}
    assert list(second) == ["t", "n", "noise"]
    assert second["t"] is t
    assert second["noise"] is noise


def test_its_gradients_are_the_activations(register):
    register(lambda record, x, values: 3 * x if record.name == "relu" else None)
    for call in (functional.relu, afnlab.nn.make("relu")):
        x = X.clone().requires_grad_()
        (slope,) = torch.autograd.grad(call(x).sum(), x)
        assert (slope == 3).all()


def test_a_compiled_graph_holds_what_it_computes(register):
    torch._dynamo.reset()
    register(lambda record, x, values: 3 * x if record.name == "relu" else None)
    compiled = torch.compile(lambda x: functional.relu(x) + functional.srelu(x), fullgraph=True,
                             backend="eager")  # fmt: skip
    assert_close(compiled(X), 3 * X + functional.srelu(X))


@pytest.mark.parametrize("wrong", [None, "srelu", 3, torch.zeros(2), ["f"], {}])
def test_what_cannot_be_called_is_refused(wrong):
    before = list(registry.BACKENDS)
    with pytest.raises(TypeError, match=r"^backend must be a function of .*, got ") as refused:
        afnlab.register_backend(wrong)
    assert "\n" not in str(refused.value)
    assert before == registry.BACKENDS
