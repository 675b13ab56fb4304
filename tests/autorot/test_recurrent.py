"""Auto-Rotating recurrent layers, against torch's with rows multiplied by hand, and cell loops."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.testing import assert_close

from afnlab import autorot
from afnlab.autorot import recurrent
from tests.over import over

DOUBLE = torch.float64
STEPS, BATCH, INPUTS, HIDDEN = 5, 3, 4, 6
CELLS = {
    "tanh": ("RNN", {}),
    "relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "lstm-projected": ("LSTM", {"proj_size": 2}),
    "gru": ("GRU", {}),
}
STACKS = [
    {},
    {"bias": False},
    {"batch_first": True},
    {"num_layers": 2, "dropout": 0.0},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "bias": False, "batch_first": True},
]
INPUT_KINDS = ["batched", "unbatched", "packed"]
every_cell = pytest.mark.parametrize(("name", "cell"), CELLS.values(), ids=CELLS)
every_class = pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])


def words(options):
    return "-".join(f"{n}={v}" for n, v in options.items()) or "default"


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def pair(name, rotation=None, sizes=(INPUTS, HIDDEN), **options):
    """The plain layer and the rotated one, with the same parameters."""
    plain = getattr(nn, name)(*sizes, **options, dtype=DOUBLE)
    with torch.no_grad():
        for number, p in enumerate(plain.parameters()):
            p.copy_(0.3 * normal(*p.shape, seed=number + 1))
    layer = getattr(autorot, f"AutoRot{name}")(
        *sizes, **options, dtype=DOUBLE, **(rotation or {"L": 2.0})
    )
    layer.load_state_dict(plain.state_dict(), strict=True)
    return plain, layer


def example(kind, layer):
    """An input of that kind, which takes gradients, and what the layer is given."""
    shape = (STEPS, INPUTS) if kind == "unbatched" else (STEPS, BATCH, INPUTS)
    x = normal(*shape)
    if layer.batch_first and kind != "unbatched":
        x = x.transpose(0, 1).contiguous()
    x.requires_grad_()
    if kind != "packed":
        return x, x
    lengths = torch.tensor([3, 5, 2])
    packed = pack_padded_sequence(x, lengths, batch_first=layer.batch_first, enforce_sorted=False)
    return x, packed


def first_states(kind, layer):
    sheets = layer.num_layers * (2 if layer.bidirectional else 1)
    batch = () if kind == "unbatched" else (BATCH,)
    h = normal(sheets, *batch, layer.proj_size or HIDDEN, seed=11).requires_grad_()
    if not isinstance(layer, nn.LSTM):
        return [h], h
    c = normal(sheets, *batch, HIDDEN, seed=12).requires_grad_()
    return [h, c], (h, c)


def by_hand(plain, params, x_q, L, eps=1e-5):
    """The parameters with each gate's rows multiplied by rho, row by row."""
    rotated = dict(params)
    for ih in [n for n in params if n.startswith("weight_ih")]:
        suffix = ih.removeprefix("weight_ih")
        parts = [n + suffix for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        parts = [n for n in parts if n in params]
        rows = []
        for row in range(len(params[ih])):
            f = x_q * sum(params[n][row].sum() for n in parts[:2])
            f = f + sum(params[n][row] for n in parts[2:])
            rows.append(L / (f.abs() + eps))
        rho = torch.stack(rows)
        for n in parts:
            rotated[n] = (params[n].T * rho).T if params[n].dim() == 2 else params[n] * rho
    return rotated


def tensors(result):
    """Outputs and last states, flat."""
    if isinstance(result, PackedSequence):
        return [result.data]
    if isinstance(result, tuple):
        return [t for part in result for t in tensors(part)]
    return [result]


def slopes(results, inputs):
    total = sum((t * normal(*t.shape, seed=5)).sum() for t in results)
    return torch.autograd.grad(total, inputs, retain_graph=True)  # packing is shared


@over("given", [False, True])
@over("kind", INPUT_KINDS)
@pytest.mark.parametrize("options", STACKS, ids=words)
@every_cell
def test_is_torchs_layer_with_its_rows_multiplied(name, cell, options, kind, given):
    rotation = {"L": 2.0, "x_q": 0.8, "trainable_L": True}
    plain, layer = pair(name, rotation, **cell, **options)
    leaf, x = example(kind, layer)
    states, hx = first_states(kind, layer) if given else ([], None)
    own = dict(layer.named_parameters())
    got = tensors(layer(x, hx))
    params = {n: p.detach().clone().requires_grad_() for n, p in own.items() if n != "L"}
    L = torch.tensor([2.0], dtype=DOUBLE, requires_grad=True)
    want = tensors(functional_call(plain, by_hand(plain, params, 0.8, L[0]), (x, hx)))
    assert_close(got, want)
    got_slopes = slopes(got, [leaf, *states, *(own[n] for n in params), own["L"]])
    want_slopes = slopes(want, [leaf, *states, *params.values(), L])
    assert_close(got_slopes, want_slopes, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("limits", [(0.0, 1.0), (-1.0, 1.0), (-0.5, 0.25)], ids=str)
@every_class
def test_the_probe_is_twice_the_upper_limit_less_the_lower(name, limits):
    low, high = limits
    plain, layer = pair(name, {"L": 1.5, "xmin_lim": low, "xmax_lim": high, "eps": 0.1})
    rotated = by_hand(plain, dict(plain.named_parameters()), 2 * high - low, 1.5, eps=0.1)
    x = normal(STEPS, BATCH, INPUTS)
    assert_close(layer(x), functional_call(plain, rotated, (x,)))


def test_dropout_between_layers_is_torchs():
    plain, layer = pair("GRU", num_layers=2, dropout=0.5)
    rotated = by_hand(plain, dict(plain.named_parameters()), 2.0, 2.0)
    x = normal(STEPS, BATCH, INPUTS)
    outputs = []
    for call in (layer, lambda x: functional_call(plain, rotated, (x,))):
        torch.manual_seed(0)
        outputs.append(call(x)[0])
    assert_close(*outputs)
    assert not torch.equal(outputs[0], layer.eval()(x)[0])


# Loops in time, a gate a line


class Gates:
    """rho f of each gate of a one-layer cell."""

    def __init__(self, layer, x_q, L, eps=1e-5):
        self.w, self.u = layer.weight_ih_l0, layer.weight_hh_l0
        self.b, self.d = layer.bias_ih_l0, layer.bias_hh_l0
        f = x_q * (self.w.sum(1) + self.u.sum(1)) + self.b + self.d
        self.rho = L / (f.abs() + eps)

    def of_input(self, x, gate):
        rows = slice(gate * HIDDEN, (gate + 1) * HIDDEN)
        return self.rho[rows] * (x @ self.w[rows].T + self.b[rows])

    def of_state(self, h, gate):
        rows = slice(gate * HIDDEN, (gate + 1) * HIDDEN)
        return self.rho[rows] * (h @ self.u[rows].T + self.d[rows])

    def __call__(self, x, h, gate):
        return self.of_input(x, gate) + self.of_state(h, gate)


def rnn_step(gates, x, h, c, layer):
    return (torch.relu if layer.nonlinearity == "relu" else torch.tanh)(gates(x, h, 0)), c


def lstm_step(gates, x, h, c, layer):
    i, f, o = (gates(x, h, k).sigmoid() for k in (0, 1, 3))
    c = f * c + i * gates(x, h, 2).tanh()
    h = o * c.tanh()
    return (h @ layer.weight_hr_l0.T if layer.proj_size else h), c


def gru_step(gates, x, h, c, layer):
    r, z = gates(x, h, 0).sigmoid(), gates(x, h, 1).sigmoid()
    n = torch.tanh(gates.of_input(x, 2) + r * gates.of_state(h, 2))
    return (1 - z) * n + z * h, c


@every_cell
def test_equals_a_loop_in_time(name, cell):
    _, layer = pair(name, {"L": 1.5, "x_q": 0.6}, **cell)
    step = {"RNN": rnn_step, "LSTM": lstm_step, "GRU": gru_step}[name]
    x = normal(STEPS, BATCH, INPUTS)
    gates = Gates(layer, 0.6, 1.5)
    h = torch.zeros(BATCH, layer.proj_size or HIDDEN, dtype=DOUBLE)
    c = torch.zeros(BATCH, HIDDEN, dtype=DOUBLE)
    outputs = []
    for x_t in x:
        h, c = step(gates, x_t, h, c, layer)
        outputs.append(h)
    y, last = layer(x)
    assert_close(y, torch.stack(outputs))
    assert_close(last, (h[None], c[None]) if name == "LSTM" else h[None])


@every_class
def test_a_gate_on_the_probe_is_l_in_size(name):
    """All inputs and hidden features at x_Q: the pre-activation is L |f| / (|f| + eps)."""
    _, layer = pair(name, {"L": 1.5, "x_q": 0.6, "eps": 0.01})
    gates = Gates(layer, 0.6, 1.5, 0.01)
    x, h = torch.full((1, INPUTS), 0.6, dtype=DOUBLE), torch.full((1, HIDDEN), 0.6, dtype=DOUBLE)
    plain = Gates(layer, 0.6, 1.5, 0.01)
    plain.rho = torch.ones_like(gates.rho)
    for gate in range({"RNN": 1, "LSTM": 4, "GRU": 3}[name]):
        f = plain(x, h, gate).abs()
        assert_close(gates(x, h, gate).abs(), 1.5 * f / (f + 0.01))
    if name == "RNN":  # its pre-activation can be read off the output
        assert_close(layer(x[None], h[None])[0][0].atanh(), gates(x, h, 0))


# Gradients


@every_cell
def test_gradients_flow_through_rho(name, cell):
    small = {"proj_size": 1} if "proj_size" in cell else cell
    _, layer = pair(name, {"L": 1.5, "trainable_L": True}, (2, 2), **small)
    params = {n: p.detach().requires_grad_() for n, p in layer.named_parameters()}

    def output(x, *values):
        return functional_call(layer, dict(zip(params, values, strict=True)), (x,))[0]

    x = normal(2, 1, 2).requires_grad_()
    assert torch.autograd.gradcheck(output, (x, *params.values()))


@every_class
def test_rho_takes_part_in_the_gradient(name):
    """With rho held constant the gradient would be another."""
    plain, layer = pair(name)
    x = normal(STEPS, BATCH, INPUTS)
    params = dict(plain.named_parameters())
    rotated = {n: v.detach().requires_grad_() for n, v in by_hand(plain, params, 2.0, 2.0).items()}
    functional_call(plain, rotated, (x,))[0].square().sum().backward()
    layer(x)[0].square().sum().backward()
    rho = rotated["bias_ih_l0"] / params["bias_ih_l0"]
    held = rho * rotated["bias_ih_l0"].grad
    assert not torch.allclose(layer.bias_ih_l0.grad, held, rtol=0.01)


@every_class
def test_frozen_parameters_and_no_grad(name):
    _, layer = pair(name)
    layer.weight_hh_l0.requires_grad_(False)
    x = normal(STEPS, BATCH, INPUTS)
    layer(x)[0].sum().backward()
    assert layer.weight_hh_l0.grad is None
    assert layer.weight_ih_l0.grad.norm() > 0
    with torch.no_grad():
        assert not layer(x)[0].requires_grad


# The layer's own tensors


def assert_own_weights(layer, before):
    now = dict(layer.named_parameters())
    assert {n: id(p) for n, p in now.items()} == {n: id(p) for n, (p, _) in before.items()}
    assert all(torch.equal(p, value) for p, value in before.values())
    assert len(layer._flat_weights) == len(before)
    for name, w in zip(layer._flat_weights_names, layer._flat_weights, strict=True):
        assert w is now[name]


@every_cell
def test_a_call_leaves_the_weights_alone(name, cell):
    _, layer = pair(name, **cell, num_layers=2)
    before = {n: (p, p.detach().clone()) for n, p in layer.named_parameters()}
    x = normal(STEPS, BATCH, INPUTS)
    layer(x)
    assert_own_weights(layer, before)
    for wrong in (x[..., :2], x[None]):
        with pytest.raises((RuntimeError, ValueError)):
            layer(wrong)
        assert_own_weights(layer, before)
    with pytest.raises((RuntimeError, ValueError)):
        layer(x, first_states("unbatched", layer)[1])
    assert_own_weights(layer, before)
    layer(x)[0].sum().backward()
    assert_own_weights(layer, before)


@every_class
def test_calls_at_the_same_time_are_independent(name, monkeypatch):
    """While a call lasts, too: another thread may be in one of its own."""
    plain, layer = pair(name)
    before = {n: (p, p.detach().clone()) for n, p in layer.named_parameters()}
    torchs, seen = type(plain).forward, []

    def watched(self, *args):
        assert_own_weights(layer, before)
        seen.append(torchs(self, *args))
        return seen[-1]

    monkeypatch.setattr(type(plain), "forward", watched)
    layer(normal(STEPS, BATCH, INPUTS))
    assert len(seen) == 1


@every_class
def test_parametrized_weights_are_rotated(name):
    _, layer = pair(name)
    x = normal(STEPS, BATCH, INPUTS)
    before = layer(x)[0]
    weight_norm(layer, "weight_hh_l0")
    assert_close(layer(x)[0], before)
    layer(x)[0].sum().backward()
    assert layer.parametrizations.weight_hh_l0.original0.grad.norm() > 0


@pytest.mark.parametrize("auto_rot", [True, False])
@every_class
def test_functional_call_uses_the_given_weights_and_leaves_its_own(name, auto_rot):
    _, layer = pair(name, {"L": 2.0, "auto_rot": auto_rot})
    x = normal(STEPS, BATCH, INPUTS)
    own = layer(x)[0]
    given = {n: p.detach() * 1.5 + 0.1 for n, p in layer.named_parameters()}
    _, other = pair(name, {"L": 2.0, "auto_rot": auto_rot})
    other.load_state_dict(given)
    assert_close(functional_call(layer, given, (x,))[0], other(x)[0])
    assert torch.equal(layer(x)[0], own)
    assert_own_weights(layer, {n: (p, p.detach().clone()) for n, p in layer.named_parameters()})


@every_class
def test_steps_of_an_optimizer_are_seen(name):
    plain, layer = pair(name)
    x = normal(STEPS, BATCH, INPUTS)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    before = layer(x)[0]
    before.square().sum().backward()
    optimizer.step()
    rotated = by_hand(plain, dict(layer.named_parameters()), 2.0, 2.0)
    assert_close(layer(x)[0], functional_call(plain, rotated, (x,))[0])
    assert not torch.allclose(layer(x)[0], before)


@every_cell
def test_one_buffer_holds_the_rotated_weights_for_cudnn(name, cell):
    """Matrices first, then biases, each a view; done on the CPU here."""
    _, layer = pair(name, **cell, num_layers=2)
    rotated = dict(zip(layer._flat_weights_names, layer._rotated_weights(), strict=True))
    views = recurrent._in_one_buffer(rotated)
    assert {n: v.tolist() for n, v in views.items()} == {n: v.tolist() for n, v in rotated.items()}
    assert len({v.untyped_storage().data_ptr() for v in views.values()}) == 1
    order = sorted(views.values(), key=lambda v: v.storage_offset())
    assert [v.storage_offset() for v in order] == [
        sum(v.numel() for v in order[:at]) for at in range(len(order))
    ]
    grads = torch.autograd.grad(sum(v.square().sum() for v in views.values()), layer.weight_ih_l0)
    assert grads[0].norm() > 0


@every_class
@pytest.mark.parametrize("bidirectional", [False, True])
def test_one_buffer_has_cudnns_order(name, bidirectional):
    """As jax.experimental.rnn.unpack_lstm_weights reads it: every matrix, then every bias."""
    _, layer = pair(name, num_layers=2, bidirectional=bidirectional)
    rotated = dict(zip(layer._flat_weights_names, layer._rotated_weights(), strict=True))
    views = recurrent._in_one_buffer(rotated)
    ends = [f"l{n}{end}" for n in (0, 1) for end in ("", "_reverse")[: 1 + bidirectional]]
    assert sorted(views, key=lambda n: views[n].storage_offset()) == [
        f"{kind}_{way}_{end}" for kind in ("weight", "bias") for end in ends for way in ("ih", "hh")
    ]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize("stack", STACKS, ids=words)
@every_cell
def test_on_cuda_as_on_the_cpu(name, cell, stack):
    """torch warns, which is an error here, where cuDNN has to copy the weights together first."""
    _, layer = pair(name, **cell, **stack)
    outputs = []
    for device in ("cpu", "cuda"):
        x = normal(STEPS, BATCH, INPUTS).to(device).requires_grad_()
        y = layer.to(device)(x)[0]
        gradients = torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])
        outputs.append([t.cpu() for t in (y, *gradients)])
    assert_close(outputs[1], outputs[0])


def test_takes_torchs_arguments():
    layer = autorot.AutoRotRNN(4, 5, 2, "relu", L=2.0)
    assert (layer.num_layers, layer.nonlinearity) == (2, "relu")
    with pytest.raises(ValueError, match="nonlinearity"):
        autorot.AutoRotRNN(4, 5, nonlinearity="sigmoid")
    with pytest.raises(ValueError, match="proj_size"):
        autorot.AutoRotLSTM(4, 5, proj_size=5)
    with pytest.raises(ValueError, match="dropout"):
        autorot.AutoRotGRU(4, 5, num_layers=2, dropout=2.0)
