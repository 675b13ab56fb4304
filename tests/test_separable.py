"""Depthwise and separable convolutions, against a loop over channels and Keras's arguments."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from afnlab import nn

DOUBLE = torch.float64
CLASSES = {
    "SeparableConv1d": ((3, 5, 3), (7,)),
    "SeparableConv2d": ((3, 5, 3), (6, 7)),
    "DepthwiseConv2d": ((3, 3), (6, 7)),
}
OPTIONS = [
    {},
    {"bias": False},
    {"stride": 2},
    {"padding": 1, "bias": False},
    {"padding": 2, "stride": 2, "depth_multiplier": 2},
    {"padding": "same", "dilation": 2},
    {"padding": "same", "depth_multiplier": 3},
    {"dilation": 2, "depth_multiplier": 2, "bias": False},
]
every_class = pytest.mark.parametrize("name", CLASSES)


def words(options):
    return "-".join(f"{n}={v}" for n, v in options.items()) or "default"


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def build(name, **options):
    layer = getattr(nn, name)(*CLASSES[name][0], **options, dtype=DOUBLE)
    with torch.no_grad():
        for number, p in enumerate(layer.parameters()):
            p.copy_(normal(*p.shape, seed=number + 1))
    return layer


def channel_by_channel(x, kernels, bias=None, depth_multiplier=1, **where):
    """Each channel on its own, depth_multiplier times; x (N, C, ...), kernels (C m, 1, ...)."""
    conv = F.conv1d if x.dim() == 3 else F.conv2d
    maps = []
    for channel in range(x.shape[1]):
        one = x[:, channel : channel + 1]
        for copy_ in range(depth_multiplier):
            at = channel * depth_multiplier + copy_
            y = conv(one, kernels[at : at + 1], **where)
            maps.append(y if bias is None else y + bias[at])
    return torch.cat(maps, 1)


@pytest.mark.parametrize("options", OPTIONS, ids=words)
@every_class
def test_equals_a_loop_over_channels(name, options):
    layer = build(name, **options)
    x = normal(2, 3, *CLASSES[name][1]).requires_grad_()
    where = {k: v for k, v in options.items() if k != "bias"}
    if name == "DepthwiseConv2d":
        want = channel_by_channel(x, layer.weight, layer.bias, **where)
    else:
        middle = channel_by_channel(x, layer.depthwise.weight, **where)
        mix = layer.pointwise.weight.flatten(1)
        want = torch.einsum("om,nm...->no...", mix, middle)
        if layer.pointwise.bias is not None:
            want = want + layer.pointwise.bias.view(-1, *[1] * (x.dim() - 2))
    got = layer(x)
    assert_close(got, want)
    inputs, away = [x, *layer.parameters()], normal(*want.shape, seed=9)
    assert_close(torch.autograd.grad(got, inputs, away), torch.autograd.grad(want, inputs, away))
    assert_close(layer(x[0]), got[0])  # unbatched


def test_a_depthwise_convolution_by_hand():
    layer = nn.DepthwiseConv2d(2, (1, 2), depth_multiplier=2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [1, 1], [1, -1]]).view(4, 1, 1, 2))
        layer.bias.copy_(torch.tensor([0.0, 0, 0, 10]))
    x = torch.tensor([[[1.0, 2, 3]], [[4.0, 6, 9]]])
    want = torch.tensor([[[1.0, 2]], [[2.0, 3]], [[10.0, 15]], [[8.0, 7]]])
    assert_close(layer(x), want)


@every_class
def test_parameters(name):
    """Separable ones have one bias, at the end."""
    layer = build(name, depth_multiplier=2)
    kernel = (3,) * int(name[-2])
    shapes = {n: tuple(p.shape) for n, p in layer.named_parameters()}
    if name == "DepthwiseConv2d":
        assert shapes == {"weight": (6, 1, *kernel), "bias": (6,)}
    else:
        assert shapes == {
            "depthwise.weight": (6, 1, *kernel),
            "pointwise.weight": (5, 6, *(1 for _ in kernel)),
            "pointwise.bias": (5,),
        }
    without = dict(build(name, bias=False).named_parameters())
    assert not any("bias" in n for n in without)


@every_class
def test_arguments_by_position_are_in_keras_order(name):
    args, size = CLASSES[name]
    by_name = {"stride": 2, "padding": 1, "dilation": 2, "depth_multiplier": 3, "bias": False}
    layer = getattr(nn, name)(*args, *by_name.values())
    named = getattr(nn, name)(*args, **by_name)
    named.load_state_dict(layer.state_dict(), strict=True)
    x = normal(2, 3, *size).float()
    assert torch.equal(layer(x), named(x))
    assert layer(x).shape == (2, 5 if "Separable" in name else 9, *((s - 3) // 2 + 1 for s in size))


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "2", None], ids=repr)
@every_class
def test_the_depth_multiplier_is_a_whole_number_from_1(name, value):
    with pytest.raises(ValueError, match="depth_multiplier"):
        getattr(nn, name)(*CLASSES[name][0], depth_multiplier=value)


@every_class
def test_arguments_that_torch_refuses(name):
    cls, (args, _) = getattr(nn, name), CLASSES[name]
    with pytest.raises(ValueError, match="padding='same'"):
        cls(*args, padding="same", stride=2)
    with pytest.raises(TypeError, match="groups"):  # the channels are the groups
        cls(*args, groups=1)
    with pytest.raises(TypeError, match="multiplier"):
        cls(*args, multiplier=1)


@pytest.mark.parametrize("mode", ["circular", "reflect", "replicate"])
def test_depthwise_convolutions_take_torchs_padding_modes(mode):
    layer = build("DepthwiseConv2d", padding=(1, 2), padding_mode=mode)
    x = normal(2, 3, 6, 7)
    padded = F.pad(x, (2, 2, 1, 1), mode=mode)
    assert_close(layer(x), channel_by_channel(padded, layer.weight, layer.bias))


@every_class
def test_device_and_dtype(name):
    layer = getattr(nn, name)(*CLASSES[name][0], device="meta", dtype=torch.bfloat16)
    assert all(p.is_meta and p.dtype == torch.bfloat16 for p in layer.parameters())


@every_class
def test_copies_are_whole(name):
    layer = build(name, depth_multiplier=2, padding=1)
    x = normal(2, 3, *CLASSES[name][1])
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(other) is type(layer)
        assert torch.equal(other(x), layer(x))
        assert repr(other) == repr(layer)


@every_class
def test_repr_says_the_arguments(name):
    layer = build(name, stride=2, padding=1, dilation=2, depth_multiplier=4, bias=False)
    text = repr(layer)
    assert text.startswith(f"{name}(")
    twice = "(2, 2)" if name.endswith("2d") else "(2,)"
    for part in (f"stride={twice}", f"dilation={twice}", "padding=(1", "kernel_size=(3"):
        assert part in text
    assert "bias=False" in text
    assert "depth_multiplier=4" in text


def test_a_depthwise_repr_is_the_constructor_call():
    layer = build("DepthwiseConv2d", stride=2, padding=1, depth_multiplier=4, bias=False)
    again = eval(repr(layer), vars(nn)).double()
    assert repr(again) == repr(layer)
    again.load_state_dict(layer.state_dict(), strict=True)
