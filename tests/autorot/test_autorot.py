"""Auto-Rotating layers: all against two plain passes, and what any of the thirteen must do."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from contextlib import nullcontext
from math import inf, nan

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jvp, stack_module_state, vmap
from torch.nn.functional import relu_, softplus
from torch.nn.utils import prune
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from afnlab import autorot
from afnlab import nn as afnlab_nn
from afnlab.autorot import convolutions, linear
from tests.over import over

DOUBLE = torch.float64
# Constructor arguments, and the shape of a batch of 3.
FEEDFORWARD = {
    "Linear": ((4, 5), (3, 4)),
    "Conv1d": ((4, 6, 3), (3, 4, 7)),
    "Conv2d": ((4, 6, 3), (3, 4, 6, 5)),
    "Conv3d": ((4, 6, 3), (3, 4, 5, 4, 5)),
    "ConvTranspose1d": ((4, 6, 3), (3, 4, 5)),
    "ConvTranspose2d": ((4, 6, 3), (3, 4, 5, 4)),
    "ConvTranspose3d": ((4, 6, 3), (3, 4, 3, 4, 3)),
    "SeparableConv1d": ((4, 6, 3), (3, 4, 7)),
    "SeparableConv2d": ((4, 6, 3), (3, 4, 6, 5)),
    "DepthwiseConv2d": ((4, 3), (3, 4, 6, 5)),
}
RECURRENT = dict.fromkeys(("RNN", "LSTM", "GRU"), ((4, 5), (6, 3, 4)))
LAYERS = FEEDFORWARD | RECURRENT
every_layer = pytest.mark.parametrize("name", LAYERS)
every_feedforward_layer = pytest.mark.parametrize("name", FEEDFORWARD)
# torch warns of what its own compiler does.
torch_warns = pytest.mark.filterwarnings(
    "ignore:.*should not be instantiated. Methods on autograd functions:DeprecationWarning"
)


def rotated_class(name):
    return getattr(autorot, f"AutoRot{name}")


def plain_class(name):
    return getattr(nn, name, None) or getattr(afnlab_nn, name)


def normal(*shape, seed=0, dtype=DOUBLE, **options):
    draw = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)
    return draw.to(dtype).requires_grad_(options.get("requires_grad", False))


def fill(layer, seed=1, positive=False):
    """Normal parameters, or positive ones, for which f(x_Q) is far from 0; L stays."""
    with torch.no_grad():
        for number, (name, p) in enumerate(layer.named_parameters()):
            if name != "L":
                draw = normal(*p.shape, seed=1000 * seed + number)
                p.copy_(0.3 * (softplus(draw) if positive else draw))
    return layer


def pair(name, *args, rotation=None, dtype=DOUBLE, positive=False, **options):
    """A plain layer and the rotated one, with the same parameters."""
    plain = fill(plain_class(name)(*args, **options, dtype=dtype), positive=positive)
    layer = rotated_class(name)(*args, **options, dtype=dtype, **(rotation or {}))
    layer.load_state_dict(plain.state_dict(), strict=True)
    return plain, layer


def example(name, rotation=None, dtype=DOUBLE, **options):
    """A plain layer, the rotated one, and a batch."""
    args, shape = LAYERS[name]
    return *pair(name, *args, rotation=rotation, dtype=dtype, **options), normal(
        *shape, dtype=dtype
    )


def features(name):
    return LAYERS[name][0][0]


def main(y):
    """The outputs, without the states of a recurrent layer."""
    return y[0] if isinstance(y, tuple) else y


def constant(name, x, probe):
    """The probe as an input of x's size."""
    if not isinstance(probe, torch.Tensor):
        return torch.full_like(x, probe)
    places = 0 if name == "Linear" else int(name[-2])
    return probe.view(-1, *[1] * places).expand_as(x)


def two_pass(name, plain, x, probe, L, eps=1e-5, **call):
    """As published: the layer on x, and on a constant input of x's size."""
    f = plain(constant(name, x, probe), **call)
    return L / (f.abs() + eps) * plain(x, **call)


ROTATIONS = {
    "number": {"L": 2.5, "x_q": -0.7},
    "tensor": {"L": 2.5, "x_q": torch.tensor([0.9, -0.4, 1.3, 0.2], dtype=DOUBLE)},
    "trained": {"L": 2.5, "x_q": 1.2, "trainable_L": True},
}


def assert_two_pass(name, args, options, shape, rotation, **call):
    plain, layer = pair(name, *args, rotation=rotation, **options)
    x = normal(*shape, requires_grad=True)
    L = torch.tensor([rotation["L"]], dtype=DOUBLE, requires_grad=True)
    got, want = layer(x, **call), two_pass(name, plain, x, rotation["x_q"], L, **call)
    assert_close(got, want, rtol=1e-10, atol=1e-10)
    away = normal(*want.shape, seed=7)
    own = dict(layer.named_parameters())
    others = dict(plain.named_parameters()) | ({"L": L} if "L" in own else {})
    slopes = torch.autograd.grad(got, [x, *own.values()], away)
    wanted = torch.autograd.grad(want, [x, *(others[n] for n in own)], away)
    for label, slope, right in zip(["x", *own], slopes, wanted, strict=True):
        assert_close(slope, right, rtol=1e-8, atol=1e-8, msg=lambda m, at=label: f"{at}: {m}")


# Against two plain passes


@pytest.mark.parametrize("rotation", ROTATIONS.values(), ids=ROTATIONS)
@over("shape", [(4,), (1, 4), (3, 4), (50, 4), (2, 3, 4), (0, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias, shape, rotation):
    assert_two_pass("Linear", (4, 5), {"bias": bias}, shape, rotation)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.parametrize("rotation", ROTATIONS.values(), ids=ROTATIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layers_own_gradients_are_right_however_they_are_asked_for(bias, rotation):
    _, layer = pair("Linear", 4, 5, rotation=rotation, bias=bias)
    names = [name for name, _ in layer.named_parameters()]

    def f(x, *parameters):
        return functional_call(layer, dict(zip(names, parameters, strict=True)), x)

    inputs = (normal(3, 4, requires_grad=True), *layer.parameters())
    assert type(f(*inputs).grad_fn).__name__ == "_EagerBackward"
    assert torch.autograd.gradcheck(f, inputs, check_batched_grad=True, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(
        f, inputs, check_batched_grad=True, check_fwd_over_rev=True, check_rev_over_rev=True
    )


def test_a_linear_layer_leaves_out_what_nobody_asks_for():
    plain, layer = pair("Linear", 4, 5, rotation={"L": 2.5})
    layer.weight.requires_grad_(False)
    x = normal(3, 4)
    y = relu_(layer(x))  # what follows may work in place
    y.sum().backward()
    wanted = layer.bias.grad.clone()
    assert layer.weight.grad is None
    assert x.grad is None
    with torch.autograd.graph.save_on_cpu():
        z = checkpoint(lambda: torch.relu(layer(x)), use_reentrant=False)
    layer.bias.grad = None
    z.sum().backward()
    assert_close(layer.bias.grad, wanted)
    two = torch.relu(two_pass("Linear", plain, x, 2.0, 2.5))
    assert_close(wanted, torch.autograd.grad(two.sum(), plain.bias)[0])


def words(options):
    return "-".join(f"{n}={v}" for n, v in options.items()) or "default"


CONV = [
    {},
    {"bias": False},
    {"stride": 2},
    {"dilation": 2},
    {"groups": 2},
    {"groups": 4, "bias": False, "stride": 2},
    {"padding": "valid"},
    {"padding": 1},
    {"padding": 1, "groups": 2, "bias": False},
    {"padding": 2, "stride": 2},
    {"padding": 1, "dilation": 2, "stride": 2},
    {"padding": "same"},
    {"padding": "same", "dilation": 2, "groups": 2},
    {"padding_mode": "circular"},
    {"padding_mode": "circular", "padding": 1},
    {"padding_mode": "circular", "padding": "same", "dilation": 2},
    {"padding_mode": "reflect", "padding": 1, "stride": 2},
    {"padding_mode": "reflect", "padding": "same", "groups": 2},
    {"padding_mode": "replicate", "padding": 2, "dilation": 2},
    {"padding_mode": "replicate", "padding": 1, "bias": False},
]
SIZES = {1: (7,), 2: (6, 7), 3: (5, 5, 5)}
# 1 example and none touch less than the weights, so the output is scaled; 6 rotate the weights.
BATCHES = ((), (1,), (6,))


@over("batch", BATCHES)
@pytest.mark.parametrize("options", CONV, ids=words)
@pytest.mark.parametrize("rank", SIZES)
def test_convolution(rank, options, batch):
    for rotation in ROTATIONS.values():
        shape = (*batch, 4, *SIZES[rank])
        assert_two_pass(f"Conv{rank}d", (4, 12, 3), options, shape, rotation)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        (1, {}),
        (1, {"padding": 1}),
        (1, {"padding": "same"}),
        ((1, 3), {"padding": (0, 1)}),
        ((1, 3), {"padding": (2, 0), "stride": (1, 2)}),
        ((3, 2), {"dilation": (1, 3), "stride": (2, 1)}),
        ((3, 2), {"padding": (1, 2), "padding_mode": "circular"}),
        ((2, 4), {"padding": "same"}),
        ((2, 4), {"padding": "same", "padding_mode": "replicate"}),
    ],
    ids=str,
)
@over("batch", BATCHES)
def test_convolution_with_uneven_kernels(kernel, options, batch):
    for rotation in ROTATIONS.values():
        assert_two_pass("Conv2d", (4, 12, kernel), options, (*batch, 4, 6, 7), rotation)


TRANSPOSED = [
    {},
    {"bias": False},
    {"stride": 2},
    {"stride": 3, "bias": False},
    {"stride": 2, "padding": 1, "output_padding": 1},
    {"padding": 1},
    {"padding": 2, "dilation": 2},
    {"dilation": 2, "groups": 2},
    {"groups": 2, "stride": 2, "bias": False, "padding": 1},
    {"stride": 2, "dilation": 3, "output_padding": 2},
]


@over("batch", BATCHES)
@pytest.mark.parametrize("options", TRANSPOSED, ids=words)
@pytest.mark.parametrize("rank", SIZES)
def test_transposed_convolution(rank, options, batch):
    for rotation in ROTATIONS.values():
        shape = (*batch, 4, *(5, 4, 3)[:rank])
        assert_two_pass(f"ConvTranspose{rank}d", (4, 6, 3), options, shape, rotation)


@pytest.mark.parametrize("rank", SIZES)
def test_transposed_convolution_takes_output_size(rank):
    def check(batch, size):
        assert_two_pass(
            f"ConvTranspose{rank}d",
            (4, 6, 3),
            {"stride": 2, "padding": 1},
            (*batch, 4, *[5] * rank),
            ROTATIONS["tensor"],
            output_size=size,
        )

    for length in (9, 10):  # without it: 9
        size = [length, *[9] * (rank - 1)]
        check((3,), size)
        check((), size)
        check((3,), torch.Size([3, 6, *size]))
    with pytest.raises(ValueError, match="output size"):
        check((3,), [12] * rank)


SEPARABLE = [
    {},
    {"bias": False},
    {"stride": 2, "depth_multiplier": 3},
    {"dilation": 2, "depth_multiplier": 2, "bias": False},
    {"padding": 1},
    {"padding": 2, "stride": 2, "depth_multiplier": 3},
    {"padding": "same", "depth_multiplier": 2},
    {"padding": "same", "dilation": 2, "bias": False},
]


@over("batch", BATCHES)
@pytest.mark.parametrize("options", SEPARABLE, ids=words)
@pytest.mark.parametrize(
    ("name", "args"),
    [("SeparableConv1d", (4, 6, 3)), ("SeparableConv2d", (4, 6, 3)), ("DepthwiseConv2d", (4, 3))],
    ids=["1d", "2d", "depthwise"],
)
def test_separable_convolution(name, args, options, batch):
    for rotation in ROTATIONS.values():
        shape = (*batch, 4, *(6, 7)[: int(name[-2])])
        assert_two_pass(name, args, options, shape, rotation)


@pytest.mark.parametrize(
    ("name", "args", "shape", "rotates"),
    [
        ("Linear", (4, 5), (3, 4), False),
        ("Linear", (4, 5), (4, 4), True),
        ("Linear", (4, 5), (2, 2, 4), True),
        ("Conv1d", (4, 12, 3), (1, 4, 7), False),
        ("Conv1d", (4, 12, 3), (6, 4, 7), True),
        ("Conv2d", (4, 12, 3), (4, 6, 6), False),
        ("Conv2d", (4, 12, 3), (6, 4, 6, 7), True),
        ("Conv3d", (4, 12, 3), (4, 5, 5, 5), False),
        ("Conv3d", (4, 12, 3), (6, 4, 5, 5, 5), True),
    ],
    ids=str,
)
def test_rotates_the_weights_of_large_batches_and_scales_the_output_of_small_ones(
    name, args, shape, rotates, monkeypatch
):
    calls = []
    real = linear.rotated

    def spy(*given):
        calls.append(given)
        return real(*given)

    for module in (linear, convolutions):
        monkeypatch.setattr(module, "rotated", spy)
    pair(name, *args)[1](normal(*shape))
    assert len(calls) == rotates


def test_a_unit_by_hand():
    layer = autorot.AutoRotLinear(2, 2, L=3.0, xmin_lim=-1.0, xmax_lim=0.5, eps=0.5, dtype=DOUBLE)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0], [-3.0, 0.5]]))
        layer.bias.copy_(torch.tensor([0.5, -1.0]))
    assert layer.probe == 2.0  # 2 (0.5) - (-1)
    # f(2, 2) = (6.5, -6), rho = 3 / 7 and 3 / 6.5; f(1, -1) = (-0.5, -4.5)
    want = torch.tensor([[-0.5 * 3 / 7, -4.5 * 3 / 6.5]], dtype=DOUBLE)
    assert_close(layer(torch.tensor([[1.0, -1.0]], dtype=DOUBLE)), want)


@every_feedforward_layer
@over("limits", [(0.0, 1.0), (-1.0, 1.0), (-0.5, 0.25), (2, 2)])
def test_the_probe_is_twice_the_upper_limit_less_the_lower(name, limits):
    low, high = limits
    plain, layer, x = example(name, {"xmin_lim": low, "xmax_lim": high})
    assert_close(layer(x), two_pass(name, plain, x, 2 * high - low, 4.0), rtol=1e-10, atol=1e-10)


@every_feedforward_layer
@pytest.mark.parametrize("rotation", ROTATIONS.values(), ids=ROTATIONS)
def test_on_the_probe_itself_the_output_is_l_in_size(name, rotation):
    for options in ({}, {"padding": 1}) if "Conv" in name else ({},):
        plain, layer, x = example(name, rotation | {"eps": 0.01}, **options)
        at_probe = constant(name, x, rotation["x_q"])
        f = plain(at_probe).abs()
        assert_close(layer(at_probe).abs(), rotation["L"] * f / (f + 0.01), rtol=1e-9, atol=1e-9)


@every_feedforward_layer
def test_gradients_flow_through_rho(name):
    """Second derivatives too; against finite differences."""
    args, shape = FEEDFORWARD[name]
    small = (1, shape[1], *[3] * (len(shape) - 2))
    _, layer = pair(name, *args, rotation={"L": 2.0, "trainable_L": True}, positive=True)
    params = {n: p.detach().requires_grad_() for n, p in layer.named_parameters()}

    def output(x, *values):
        return functional_call(layer, dict(zip(params, values, strict=True)), x).sum(0)[0, ...]

    inputs = (normal(*small, requires_grad=True), *params.values())
    assert torch.autograd.gradcheck(output, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(output, inputs, fast_mode=True)


@pytest.mark.parametrize(
    ("name", "options"),
    [(n, {}) for n in FEEDFORWARD] + [(n, {"padding": 1}) for n in FEEDFORWARD if "Conv" in n],
    ids=lambda v: v if isinstance(v, str) else words(v),
)
def test_an_empty_batch_is_empty(name, options):
    plain, layer, x = example(name, **options)
    assert layer(x[:0]).shape == plain(x[:0]).shape


@pytest.mark.parametrize("name", [n for n in LAYERS if "Separable" not in n])
def test_takes_the_arguments_of_torchs_forward_by_name(name):
    plain, layer, x = example(name)
    assert main(layer(input=x)).shape == main(plain(input=x)).shape


@every_layer
def test_an_input_of_a_wrong_shape_is_torchs_own_error(name):
    plain, layer, x = example(name)
    wrong = [x[:, :3] if "Conv" in name else x[..., :3]]
    wrong += [] if name == "Linear" else [x[None, None], x.flatten()]
    for one in wrong:
        with pytest.raises((RuntimeError, ValueError)) as given:
            plain(one)
        said = str(given.value).replace(name, f"AutoRot{name}")
        with pytest.raises(
            type(given.value), match=rf"{re.escape(said)}|{re.escape(str(given.value))}"
        ):
            layer(one)


# Trained L


def test_a_trained_l_stays_above_0_and_comes_back():
    layer = autorot.AutoRotLinear(4, 5, L=2.0, trainable_L=True, dtype=DOUBLE)
    x = normal(3, 4)
    with torch.no_grad():
        layer.L.fill_(-1.0)
    y = layer(x)
    with torch.no_grad():
        layer.L.fill_(1e-3)
    assert_close(y, layer(x))
    with torch.no_grad():
        layer.L.fill_(-1.0)
    up = torch.autograd.grad(-layer(x).square().sum(), layer.L)[0]
    down = torch.autograd.grad(layer(x).square().sum(), layer.L)[0]
    assert up < 0  # a step against it leads in
    assert down == 0  # it would lead further out


# Off


@every_layer
@over(
    "rotation", [{"L": None}, {"L": 2.0}, {"L": 2.0, "trainable_L": True}, {"L": None, "x_q": 0.5}]
)
@over("dtype", [torch.float32, DOUBLE])
def test_off_it_is_the_plain_layer_bit_for_bit(name, rotation, dtype):
    for options in ({}, {"padding": 1}) if "Conv" in name else ({},):
        plain, layer, x = example(name, rotation | {"auto_rot": False}, dtype, **options)
        slopes = []
        for one in (plain, layer):
            y = main(one(x))
            params = [p for n, p in one.named_parameters() if n != "L"]
            slopes.append((y, *torch.autograd.grad(y.square().sum(), params)))
        assert all(torch.equal(a, b) for a, b in zip(*slopes, strict=True))


def test_off_transposed_convolutions_take_output_size():
    plain, layer, x = example("ConvTranspose1d", {"L": None, "auto_rot": False}, stride=2)
    assert torch.equal(layer(x, output_size=[12]), plain(x, output_size=[12]))


# State


@every_layer
def test_the_state_has_the_plain_layers_keys(name):
    plain, layer, _ = example(name)
    assert list(layer.state_dict()) == list(plain.state_dict())
    assert [n for n, _ in layer.named_parameters()] == [n for n, _ in plain.named_parameters()]
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(1.0)
    plain.load_state_dict(layer.state_dict(), strict=True)
    assert all(torch.equal(v, layer.state_dict()[k]) for k, v in plain.state_dict().items())


@every_feedforward_layer
def test_a_tensor_probe_adds_no_key_and_follows_the_module(name):
    plain, layer, x = example(name, {"x_q": torch.rand(features(name))})
    assert list(layer.state_dict()) == list(plain.state_dict())
    assert layer.x_q.dtype == DOUBLE
    assert layer.float().x_q.dtype == torch.float32
    layer(x.float())
    assert not layer.x_q.requires_grad


@every_layer
def test_a_trained_l_adds_one_key(name):
    plain, layer, _ = example(name)
    trained = rotated_class(name)(*LAYERS[name][0], L=2.5, trainable_L=True, dtype=DOUBLE)
    assert set(trained.state_dict()) == {*plain.state_dict(), "L"}
    assert trained.L.dtype == DOUBLE
    for state in (plain.state_dict(), layer.state_dict()):
        assert "L" not in state
        trained.load_state_dict(state, strict=True)
        assert "L" not in state  # the given one is left alone
        assert trained.L.item() == 2.5
        assert all(torch.equal(v, trained.state_dict()[k]) for k, v in state.items())
    trained.load_state_dict(trained.state_dict() | {"L": torch.tensor(3.5)}, strict=True)
    assert trained.L.item() == 3.5
    with pytest.raises(RuntimeError, match=r'Unexpected key.*"L"'):
        plain.load_state_dict(trained.state_dict(), strict=True)


def test_states_load_into_nested_layers():
    plain = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 2)))
    rotated = nn.Sequential(
        autorot.AutoRotLinear(4, 4, L=2.0, trainable_L=True),
        nn.Sequential(autorot.AutoRotLinear(4, 2, L=3.0, trainable_L=True)),
    )
    rotated.load_state_dict(plain.state_dict(), strict=True)
    assert [m.L.item() for m in (rotated[0], rotated[1][0])] == [2.0, 3.0]
    rotated.load_state_dict(plain.state_dict() | {"1.0.L": torch.tensor(5.0)}, strict=True)
    assert [m.L.item() for m in (rotated[0], rotated[1][0])] == [2.0, 5.0]
    missing = {k: v for k, v in plain.state_dict().items() if k != "1.0.bias"}
    with pytest.raises(RuntimeError, match=r"1\.0\.bias"):
        rotated.load_state_dict(missing, strict=True)


COPIES = {"pickle": lambda m: pickle.loads(pickle.dumps(m)), "deepcopy": copy.deepcopy}


@every_layer
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copies_are_whole(name, copied):
    tensor = {"x_q": torch.rand(4)} if name in FEEDFORWARD else {}
    for rotation in ({"L": 2.5, "trainable_L": True}, {"L": 3.0, "xmax_lim": 0.5, **tensor}):
        _, layer, x = example(name, rotation)
        other = copied(layer)
        assert type(other) is type(layer)
        assert repr(other) == repr(layer)
        assert torch.equal(main(other(x)), main(layer(x)))
        with torch.no_grad():
            for p in other.parameters():
                p.mul_(-1.5)
        assert not torch.equal(main(other(x)), main(layer(x)))


# repr

ALL_WORDS = {
    "L": 2.5,
    "xmin_lim": -0.5,
    "xmax_lim": 1.5,
    "x_q": 0.75,
    "eps": 0.001,
    "trainable_L": True,
}


@every_layer
@over("rotation", [{}, ALL_WORDS, {"auto_rot": False, "L": None}])
def test_repr_says_the_settings(name, rotation):
    _, layer, _ = example(name, rotation)
    text = repr(layer)
    assert text.startswith(f"AutoRot{name}(")
    shown = {"L": 4.0, "xmin_lim": 0.0, "xmax_lim": 1.0, "x_q": "auto"} | rotation
    for setting, value in shown.items():
        assert re.search(rf"\b{setting}={re.escape(repr(value))}[,)\n]", text), (setting, text)
    for unsaid in {"eps", "auto_rot", "trainable_L"} - set(rotation):
        assert unsaid not in text
    assert "x_q=tensor" in repr(example("Linear", {"x_q": torch.rand(4)})[1])


@pytest.mark.parametrize("name", [n for n in LAYERS if not n.startswith("Separable")])
def test_repr_is_the_constructor_call(name):
    options = {
        "Linear": {"bias": False},
        "Conv": {"stride": 2, "padding": 1, "dilation": 2, "bias": False},
        "ConvTranspose": {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2},
        "DepthwiseConv": {"padding": 1, "depth_multiplier": 3},
        "RNN": {"num_layers": 2, "bidirectional": True},
        "LSTM": {"proj_size": 2, "batch_first": True},
        "GRU": {"bias": False},
    }[re.sub(r"\dd$", "", name)]
    _, layer, x = example(name, ALL_WORDS, **options)
    again = eval(repr(layer), vars(autorot)).double()
    assert repr(again) == repr(layer)
    again.load_state_dict(layer.state_dict(), strict=True)
    assert torch.equal(main(again(x)), main(layer(x)))


@every_layer
def test_the_signature_names_the_arguments_of_both(name):
    both = inspect.signature(rotated_class(name)).parameters
    assert {*inspect.signature(plain_class(name)).parameters, "L", "x_q"} <= {*both}

    class Own(rotated_class(name)):
        def __init__(self, size):
            super().__init__(size, size)

    assert [*inspect.signature(Own).parameters] == ["size"]


# Transforms and types


def stacked(layers):
    base = copy.deepcopy(layers[0]).to("meta")
    return stack_module_state(layers), lambda p, b, x: functional_call(base, (p, b), (x,))


@every_feedforward_layer
@pytest.mark.parametrize("rotation", ROTATIONS.values(), ids=ROTATIONS)
def test_vmap_over_stacked_seeds_equals_a_loop(name, rotation):
    for options in ({}, {"padding": 1}) if "Conv" in name else ({},):
        args, shape = FEEDFORWARD[name]
        layers = [
            fill(rotated_class(name)(*args, **options, **rotation, dtype=DOUBLE), seed)
            for seed in range(3)
        ]
        for batch in (1, 20):  # scaled outputs, rotated weights
            x = normal(batch, *shape[1:])
            (params, buffers), call = stacked(layers)
            want = torch.stack([layer(x) for layer in layers])
            assert_close(vmap(call, (0, 0, None))(params, buffers, x), want)

            def loss(p, b, x, call=call):
                return call(p, b, x).square().sum()

            slopes = vmap(grad(loss), (0, 0, None))(params, buffers, x)
            for number, layer in enumerate(layers):
                own = torch.autograd.grad(layer(x).square().sum(), list(layer.parameters()))
                for (label, _), slope in zip(layer.named_parameters(), own, strict=True):
                    assert_close(slopes[label][number], slope)


@torch_warns
@pytest.mark.parametrize(
    ("name", "options", "rotation"),
    [(n, {}, "trained") for n in FEEDFORWARD]
    + [
        ("Linear", {}, "tensor"),
        ("Conv2d", {"padding": 1}, "tensor"),
        ("Conv2d", {"padding": 1, "padding_mode": "circular"}, "number"),
        ("ConvTranspose1d", {"stride": 2}, "tensor"),
        ("SeparableConv1d", {"padding": 1}, "tensor"),
    ],
    ids=lambda v: v if isinstance(v, str) else words(v),
)
def test_compiles_in_one_graph(name, options, rotation):
    torch._dynamo.reset()
    _, layer, x = example(name, ROTATIONS[rotation], **options)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    results = []
    for call in (compiled, layer):
        y = call(x)
        results.append((y, *torch.autograd.grad(y.square().sum(), list(layer.parameters()))))
    assert_close(*results)


WIDE = [  # layers whose small batches are computed in another way than large ones
    ("Linear", (24, 20), (1, 24)),
    ("Conv1d", (4, 50, 3), (1, 4, 7)),
    ("SeparableConv1d", (4, 50, 3), (1, 4, 7)),
]
for_any_batch = pytest.mark.parametrize(("name", "args", "shape"), WIDE, ids=[w[0] for w in WIDE])


@torch_warns
def test_several_with_a_trained_l_compile_for_any_batch():
    torch._dynamo.reset()
    layers = [pair("Linear", 4, 4, rotation=ROTATIONS["trained"])[1] for _ in range(2)]
    model = nn.Sequential(*layers)
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend="aot_eager")
    assert_close(compiled(normal(6, 4)), model(normal(6, 4)))


@for_any_batch
def test_is_exported_for_any_batch(name, args, shape):
    _, layer = pair(name, *args, rotation=ROTATIONS["trained"])
    sizes = ({0: torch.export.Dim("batch", min=1, max=300)},)
    exported = torch.export.export(layer, (normal(3, *shape[1:]),), dynamic_shapes=sizes).module()
    for batch in (1, 3, 200):
        x = normal(batch, *shape[1:])
        assert_close(exported(x), layer(x))


@for_any_batch
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_trace_serves_any_batch(name, args, shape):
    _, layer = pair(name, *args, rotation={"L": 2.0})
    traced = torch.jit.trace(layer, normal(*shape), check_trace=False)
    x = normal(200, *shape[1:])
    assert_close(traced(x), layer(x))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_linear_layer_takes_nested_tensors():
    _, layer = pair("Linear", 24, 20, rotation={"L": 2.0})
    rows = [normal(n, 24, seed=n) for n in (1, 2)]
    y = layer(torch.nested.nested_tensor(rows, layout=torch.jagged))
    for got, x in zip(y.unbind(), rows, strict=True):
        assert_close(got, layer(x))


@pytest.mark.parametrize("part", ["depthwise", "pointwise"])
@pytest.mark.parametrize("padding", [0, 1])
def test_the_parts_of_a_separable_convolution_can_be_pruned(part, padding):
    """A pruned part's weight is made by a hook, anew in each call."""
    _, layer, x = example("SeparableConv2d", {"L": 2.0}, padding=padding)
    pruned = getattr(layer, part)
    prune.random_unstructured(pruned, "weight", amount=0.5)
    for _ in range(2):
        layer(x).square().mean().backward()
        with torch.no_grad():
            pruned.weight_orig -= 0.1 * pruned.weight_orig.grad
    y = layer(x)
    prune.remove(pruned, "weight")
    assert_close(layer(x), y)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.parametrize("name", ["Linear", "LSTM"])
def test_forward_mode_over_the_parameters(name):
    """With a trained L too, whose clamp has to be differentiated."""
    _, layer, x = example(name, ROTATIONS["trained"])
    params = {n: p.detach() for n, p in layer.named_parameters()}
    away = {n: normal(*p.shape, seed=3) for n, p in params.items()}

    def f(params):
        return main(functional_call(layer, params, (x,)))

    slopes = jvp(f, (params,), (away,))[1]
    ends = [f({n: p + h * away[n] for n, p in params.items()}) for h in (1e-6, -1e-6)]
    assert_close(slopes, (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-6)


@every_layer
@over("batch", [1, 64])
@over("rotation", ["number", "tensor", "trained"])
def test_autocast_gives_the_plain_layers_type(name, batch, rotation):
    if name in RECURRENT and rotation == "tensor":
        return
    for options in ({}, {"padding": 1}) if "Conv" in name else ({},):
        given = ROTATIONS[rotation] | ({} if rotation == "trained" else {"x_q": 1.0})
        plain, layer, x = example(name, given, torch.float32, positive=True, **options)
        at = 1 if name in RECURRENT else 0
        x = x.abs().narrow(at, 0, 1).repeat_interleave(batch, at)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            want, got = main(plain(x)), main(layer(x))
        assert got.dtype == want.dtype
        got.float().sum().backward()
        assert all(p.grad.dtype == p.dtype for p in layer.parameters())
        # bfloat16 has 8 bits; the sums here are of positive terms, so nothing cancels.
        assert_close(got.float(), main(layer(x)), rtol=0.03, atol=0.03)


@every_layer
@over("batch", [1, 64])
def test_tensors_without_memory_have_shapes(name, batch):
    plain, layer, x = example(name, {"L": 2.0})
    at = 1 if name in RECURRENT else 0
    x = x.narrow(at, 0, 1).repeat_interleave(batch, at)
    there = main(layer.to("meta")(x.to("meta")))
    assert there.shape == main(plain(x)).shape
    there.sum().backward()


@every_layer
@over("dtype", [torch.float16, torch.bfloat16])
def test_half_types(name, dtype):
    for rotation in ({"L": 2.0}, {"L": 2.0, "trainable_L": True}):
        _, exact, x = example(name, rotation, positive=True)
        layer = copy.deepcopy(exact).to(dtype)
        x = x.abs()
        y = main(layer(x.to(dtype)))
        assert y.dtype == dtype
        assert_close(y.double(), main(exact(x)), rtol=0.05, atol=0.05)
        y.float().sum().backward()
        assert all(p.grad.isfinite().all() for p in layer.parameters())


@every_layer
@over("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_units_without_weights_stay_finite(name, dtype):
    """There f is 0, and rho = L / eps is beyond float16's largest number."""
    _, layer, x = example(name, {"L": 4.0}, torch.float32)
    with torch.no_grad():
        for p in layer.parameters():
            rows = p.transpose(0, 1) if "Transpose" in name and p.dim() > 1 else p
            rows[: len(rows) // 2] = 0.0
    layer = layer.to(dtype)
    y = main(layer(x.to(dtype)))
    assert y.isfinite().all()
    if dtype != torch.float16:  # its slopes there, rho x, are beyond float16 too
        y.float().sum().backward()
        assert all(p.grad.isfinite().all() for p in layer.parameters())


# The price

BATCH = 13  # no other size in these tests is a multiple


class FullBatch(TorchDispatchMode):
    """Counts the products and convolutions in which a tensor with the batch's size takes part."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = [a for a in args if isinstance(a, torch.Tensor)]
        sizes = [s for a in found for s in a.shape]
        heavy = re.search("mm|mv|dot|conv|linear|rnn|lstm|gru", func.__name__)
        if heavy and any(s and s % BATCH == 0 for s in sizes):
            self.calls.append(func.__name__.removeprefix("add"))  # addmm is a product, too
        return func(*args, **(kwargs or {}))


def calls(step):
    with FullBatch() as mode:
        y = step()
    with FullBatch() as back:
        y.sum().backward()
    return mode.calls, back.calls


PRICES = [(n, {}, LAYERS[n][0]) for n in LAYERS]
PRICES += [(n, {"padding": 1}, LAYERS[n][0]) for n in FEEDFORWARD if "Conv" in n]
PRICES += [
    ("Linear", {}, (4, 300)),
    ("Linear", {}, (300, 40)),
    ("Conv1d", {}, (4, 600, 3)),
    ("Conv2d", {"padding": 1, "padding_mode": "circular"}, (4, 600, 3)),
]


@pytest.mark.parametrize(
    ("name", "options", "args"), PRICES, ids=lambda v: words(v) if isinstance(v, dict) else str(v)
)
def test_a_step_calls_the_layer_once_on_the_full_batch(name, options, args):
    plain, layer = pair(name, *args, rotation={"L": 2.0, "trainable_L": True}, **options)
    _, shape = LAYERS[name]
    if name in RECURRENT:
        x = normal(2, BATCH, args[0], requires_grad=True)
    else:
        x = normal(BATCH, args[0], *shape[2:], requires_grad=True)
    forward, backward = calls(lambda: main(layer(x)))
    assert (forward, backward) == calls(lambda: main(plain(x)))
    if name in FEEDFORWARD:
        assert len(forward) == (2 if "Separable" in name else 1)  # depthwise and pointwise


def test_the_count_notices_a_second_pass():
    plain, _, _ = example("Conv1d")
    x = normal(BATCH, 4, 7)
    once, twice = calls(lambda: plain(x)), calls(lambda: two_pass("Conv1d", plain, x, 1.0, 2.0))
    assert [len(c) for c in once] == [1, 1]
    assert [len(c) for c in twice] == [2, 2]


# Names and arguments


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("Dense", "Linear"),
        ("SimpleRNN", "RNN"),
        ("Conv1D", "Conv1d"),
        ("Conv2D", "Conv2d"),
        ("Conv3D", "Conv3d"),
        ("Conv1DTranspose", "ConvTranspose1d"),
        ("Conv2DTranspose", "ConvTranspose2d"),
        ("Conv3DTranspose", "ConvTranspose3d"),
        ("SeparableConv", "SeparableConv2d"),
        ("SeparableConv1D", "SeparableConv1d"),
        ("SeparableConv2D", "SeparableConv2d"),
        ("DepthwiseConv2D", "DepthwiseConv2d"),
    ],
)
def test_kerass_names(alias, name):
    assert rotated_class(alias) is rotated_class(name)


def test_every_public_name_exists():
    assert sorted(autorot.__all__) == autorot.__all__
    assert all(hasattr(autorot, name) for name in autorot.__all__)
    assert {f"AutoRot{name}" for name in LAYERS} <= set(autorot.__all__)


@every_layer
def test_is_a_torch_layer(name):
    cls = rotated_class(name)
    assert issubclass(cls, plain_class(name))
    assert issubclass(cls, autorot.Rotation)
    assert cls.__doc__


BAD = [
    ("L", {"L": 0}),
    ("L", {"L": -1.0}),
    ("L", {"L": nan}),
    ("L", {"L": inf}),
    ("L", {"L": "2"}),
    ("L", {"L": True}),
    ("L", {"L": None}),
    ("L", {"L": None, "auto_rot": False, "trainable_L": True}),
    ("L", {"L": -1.0, "auto_rot": False}),
    ("xmax_lim", {"xmin_lim": 1.0, "xmax_lim": 0.5}),
    ("xmax_lim", {"xmin_lim": 1.5}),
    ("xmax_lim", {"xmax_lim": inf}),
    ("xmax_lim", {"xmax_lim": None}),
    ("xmin_lim", {"xmin_lim": nan}),
    ("xmin_lim", {"xmin_lim": -inf}),
    ("eps", {"eps": 0.0}),
    ("eps", {"eps": -1e-5}),
    ("eps", {"eps": nan}),
    ("x_q", {"x_q": "automatic"}),
    ("x_q", {"x_q": None}),
    ("x_q", {"x_q": nan}),
    ("x_q", {"x_q": [1.0, 1.0, 1.0, 1.0]}),
    ("x_q", {"x_q": torch.ones(3)}),
    ("x_q", {"x_q": torch.ones(4, 1)}),
    ("x_q", {"x_q": torch.tensor(1.0)}),
]


@pytest.mark.parametrize(("argument", "given"), BAD, ids=str)
def test_a_bad_argument_is_named(argument, given):
    for name, (args, _) in LAYERS.items():
        with pytest.raises(ValueError, match=rf"AutoRot{name}: {argument}\b"):
            rotated_class(name)(*args, **given)


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers_take_no_tensor_probe(name):
    with pytest.raises(ValueError, match="x_q"):
        rotated_class(name)(4, 5, x_q=torch.ones(4))


@pytest.mark.parametrize("name", ["SeparableConv1d", "SeparableConv2d", "DepthwiseConv2d"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True], ids=str)
def test_the_depth_multiplier_is_checked(name, value):
    with pytest.raises(ValueError, match="depth_multiplier"):
        rotated_class(name)(*LAYERS[name][0], depth_multiplier=value)


@every_layer
def test_an_unknown_argument_is_a_type_error(name):
    with pytest.raises(TypeError, match="xq"):
        rotated_class(name)(*LAYERS[name][0], xq=1.0)


SETTINGS = {
    "fixed": {"L": 2.0},
    "trained": {"L": 3.0, "trainable_L": True},
    "off": {"L": None, "auto_rot": False},
    "tensor": {"L": 2.0, "x_q": torch.tensor([0.9, -0.4, 1.3, 0.2])},
}


@over("second", SETTINGS.values())
@pytest.mark.parametrize("first", SETTINGS.values(), ids=SETTINGS)
def test_settings_can_be_set_anew(first, second):
    _, layer, x = example("Linear", first)
    _, wanted, _ = example("Linear", second)
    layer.set_rotation(**second)
    assert repr(layer) == repr(wanted)
    assert list(layer.state_dict()) == list(wanted.state_dict())
    assert torch.equal(layer(x), wanted(x))


def test_a_bad_setting_changes_nothing():
    _, layer, x = example("Linear", {"L": 3.0, "trainable_L": True})
    before, y = repr(layer), layer(x)
    for bad in ({"L": 2.0, "xmax_lim": 3.0, "x_q": "no"}, {"L": -1.0}, {"eps": 0.0, "L": 2.0}):
        with pytest.raises(ValueError, match=r"x_q|L|eps"):
            layer.set_rotation(**bad)
        assert repr(layer) == before
        assert torch.equal(layer(x), y)


@every_layer
def test_takes_device_and_dtype(name):
    args, _ = LAYERS[name]
    layer = rotated_class(name)(*args, dtype=torch.bfloat16, device="meta", trainable_L=True)
    assert all(p.is_meta and p.dtype == torch.bfloat16 for p in layer.parameters())
    with nullcontext() if name in RECURRENT else torch.device("meta"):
        assert rotated_class(name)(*args) is not None


class ProductAlone(torch.Tensor):
    """A weight that offers its product and nothing else, as torchao's quantized ones do."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is nn.functional.linear:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs or {})
        if func.__name__ not in ("__get__", "detach", "requires_grad_", "__repr__"):
            raise NotImplementedError(func.__name__)
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("shape", [(6,), (1, 6), (40, 6), (2, 3, 6)], ids=str)
@pytest.mark.parametrize(
    "settings", [{}, {"x_q": 0.7}, {"x_q": torch.linspace(-1, 1, 6)}, {"trainable_L": True}]
)
@pytest.mark.parametrize("bias", [True, False])
def test_a_weight_that_offers_its_product_alone(shape, settings, bias):
    layer = fill(autorot.AutoRotLinear(6, 4, bias=bias, dtype=DOUBLE, L=2.0, **settings))
    x = normal(*shape)
    want = layer(x)
    layer.weight = nn.Parameter(layer.weight.detach().as_subclass(ProductAlone), False)
    with pytest.raises(NotImplementedError):
        layer.weight.sum()
    assert_close(layer(x), want)
