"""Which layers of a model are rotated: those that it calls, and whose size nothing divides out."""

from __future__ import annotations

import collections
import random
import types

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

import afnlab
from afnlab.autorot import Rotation, auto_rotate, rotation_plan, undo_rotation

X = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
HEAD = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))


class From(nn.Module):
    """A model of these parts whose forward method is a function of it and its inputs."""

    def __init__(self, run, **parts):
        super().__init__()
        self.run = run
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *args, **kwargs):
        return self.run(self, *args, **kwargs)


class RMSNorm(nn.Module):
    """As language models write it themselves."""

    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def rows(plan):
    return dict(zip(plan["layer"], plan["why"], strict=True)), set(plan["layer"][plan["rotate"]])


def swin():
    """torchvision's Swin: its attention reads the weights of the layers that it holds."""

    def attend(m, x):
        q, k, v = F.linear(x, m.qkv.weight, m.qkv.bias).chunk(3, -1)
        return F.linear(torch.softmax(q @ k.transpose(-2, -1), -1) @ v, m.proj.weight, m.proj.bias)

    def block(m, x):
        x = x + m.attention(m.norm1(x))
        return m.head(x + m.mlp(m.norm2(x)))

    return From(
        block,
        norm1=nn.LayerNorm(8),
        attention=From(attend, qkv=nn.Linear(8, 24), proj=nn.Linear(8, 8)),
        norm2=nn.LayerNorm(8),
        mlp=nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)),
        head=nn.Linear(8, 2),
    )


def conv_norm_act(inputs, outputs, kernel=3, groups=1, act=nn.ReLU6):
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), act())


def inverted_residual(act=nn.ReLU6):
    """MobileNet's block."""
    return From(
        lambda m, x: x + m.conv(x),
        conv=nn.Sequential(
            conv_norm_act(8, 32, 1, act=act),
            conv_norm_act(32, 32, 3, 32, act),
            nn.Conv2d(32, 8, 1, bias=False),
            nn.BatchNorm2d(8),
        ),
    )


def mobilenet(blocks=1, act=nn.ReLU6):
    stem = conv_norm_act(3, 8, act=act)
    return nn.Sequential(stem, *(inverted_residual(act) for _ in range(blocks)), *HEAD)


def regnet():
    """A block of grouped convolutions, with squeeze and excitation, which has no normalization."""
    squeeze = From(
        lambda m, x: x * m.fc2(m.fc1(m.pool(x)).relu()).sigmoid(),
        pool=nn.AdaptiveAvgPool2d(1),
        fc1=nn.Conv2d(8, 2, 1),
        fc2=nn.Conv2d(2, 8, 1),
    )
    body = From(
        lambda m, x: torch.relu(m.proj(x) + m.c(m.se(m.b(m.a(x))))),
        proj=conv_norm_act(8, 8, 1, act=nn.Identity),
        a=conv_norm_act(8, 8, 1),
        b=conv_norm_act(8, 8, 3, 4),
        se=squeeze,
        c=conv_norm_act(8, 8, 1, act=nn.Identity),
    )
    return nn.Sequential(conv_norm_act(3, 8), body, *HEAD)


def resnet(norm=nn.BatchNorm2d):
    def block(m, x):
        y = m.bn2(m.conv2(m.relu(m.bn1(m.conv1(x)))))
        return m.relu(y + m.downsample(x))

    basic = From(
        block,
        conv1=nn.Conv2d(3, 8, 3, padding=1),
        bn1=norm(8),
        relu=nn.ReLU(),
        conv2=nn.Conv2d(8, 8, 3, padding=1),
        bn2=norm(8),
        downsample=nn.Sequential(nn.Conv2d(3, 8, 1), norm(8)),
    )
    return nn.Sequential(basic, *HEAD)


def densenet():
    def run(m, x):
        features = [m.stem(x)]
        features.append(m.one(m.norm1(torch.cat(features, 1)).relu()))
        features.append(m.two(m.norm2(torch.cat(features, 1)).relu()))
        return m.head(m.norm3(torch.cat(features, 1)).relu().mean((2, 3)))

    return From(
        run,
        stem=nn.Conv2d(3, 4, 3, padding=1),
        norm1=nn.BatchNorm2d(4),
        one=nn.Conv2d(4, 4, 3, padding=1),
        norm2=nn.BatchNorm2d(8),
        two=nn.Conv2d(8, 4, 3, padding=1),
        norm3=nn.BatchNorm2d(12),
        head=nn.Linear(12, 2),
    )


def convnext():
    """A layer scale and a residual sum come after the last layer of a block."""

    def block(m, x):
        y = m.norm(m.dw(x).permute(0, 2, 3, 1))
        return x + (m.scale * m.up(m.down(y))).permute(0, 3, 1, 2)

    stem = nn.Sequential(nn.Conv2d(3, 8, 2, 2), LayerNorm2d(8))
    body = From(
        block,
        dw=nn.Conv2d(8, 8, 3, padding=1, groups=8),
        norm=nn.LayerNorm(8),
        down=nn.Sequential(nn.Linear(8, 16), nn.GELU()),
        up=nn.Linear(16, 8),
    )
    body.scale = nn.Parameter(torch.ones(8))
    return nn.Sequential(stem, body, *HEAD)


def tied():
    model = From(
        lambda m, x: F.linear(m.encode(x).tanh(), m.encode.weight.t()) + m.out(x),
        encode=nn.Linear(8, 5),
        decode=nn.Linear(8, 5),
        out=nn.Linear(8, 8),
    )
    model.decode.weight = model.encode.weight
    return model


def stateful(m, x):
    m.calls = getattr(m, "calls", 0) + 1
    return m.b(torch.tanh(m.a(x)))


# name: (model, example, what is rotated, layer: part of the reason)
torch.manual_seed(0)  # probing tells what a layer of this model does, not of any
MODELS = {
    "Swin": (
        swin(),
        torch.randn(2, 5, 8),
        {"mlp.0", "mlp.2"},
        {
            "attention.qkv": "never calls it and reads its parameters itself",
            "attention.proj": "never calls it and reads",
            "head": "its output is the model's",
        },
    ),
    "MobileNet": (mobilenet(), IMAGES, set(), {"1.conv.1.0": "BatchNorm2d (1.conv.1.1) follows"}),
    "RegNet": (regnet(), IMAGES, {"1.se.fc1", "1.se.fc2"}, {"1.b.0": "divides rho out"}),
    "ResNet": (resnet(), IMAGES, set(), {"0.conv1": "(0.bn1)", "0.downsample.0": "divides rho"}),
    "ResNet with groups": (
        resnet(lambda n: nn.GroupNorm(2, n)),
        IMAGES,
        set(),
        {"0.conv2": "GroupNorm (0.bn2) follows and divides L out"},
    ),
    "DenseNet": (
        densenet(),
        IMAGES,
        set(),
        {"one": "BatchNorm2d (norm2) follows", "two": "(norm3)", "head": "the model's"},
    ),
    "ConvNeXt": (
        convnext(),
        IMAGES,
        {"1.down.0", "1.up"},
        {"0.0": "LayerNorm2d (0.1) follows and divides L", "1.dw": "LayerNorm (1.norm)"},
    ),
    "multi-head attention": (
        From(
            lambda m, x: m.out(m.attention(x, x, x)[0] + torch.tanh(m.up(x))),
            attention=nn.MultiheadAttention(8, 2, batch_first=True),
            up=nn.Linear(8, 8),
            out=nn.Linear(8, 2),
        ),
        torch.randn(2, 5, 8),
        {"up"},
        {"attention.out_proj": "NonDynamicallyQuantizableLinear"},
    ),
    "a fused encoder": (
        nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), 1
        ).eval(),
        torch.randn(2, 5, 8),
        {"layers.0.linear1"},
        {"layers.0.linear2": "its output is the model's"},
    ),
    "tied weights": (
        tied(),
        X,
        {"encode"},
        {"decode": "never calls it", "encode": "called; the model also reads", "out": "output"},
    ),
    "F.linear": (
        From(lambda m, x: m.b(torch.tanh(F.linear(x, m.a.weight))), a=nn.Linear(8, 8), b=nn.Tanh()),
        X,
        set(),
        {"a": "reads its parameters itself"},
    ),
    "a matrix product": (
        From(lambda m, x: m.b(torch.tanh(x @ m.a.weight.T)), a=nn.Linear(8, 4), b=nn.Linear(4, 4)),
        X,
        set(),
        {"a": "reads its parameters itself", "b": "output"},
    ),
    "unused": (
        From(
            lambda m, x: m.b(m.c(x).tanh()), a=nn.Linear(8, 8), b=nn.Linear(8, 8), c=nn.Linear(8, 8)
        ),
        X,
        {"c"},
        {"a": "does not use it", "b": "output"},
    ),
    "its forward method called": (
        From(lambda m, x: m.b(m.a.forward(x).tanh()), a=nn.Linear(8, 8), b=nn.Linear(8, 8)),
        X,
        {"a"},
        {"a": "called"},
    ),
    "registered in another order": (
        From(lambda m, x: m.a(torch.tanh(m.b(x))), a=nn.Linear(8, 8), b=nn.Linear(8, 8)),
        X,
        {"b"},
        {"a": "its output is the model's"},
    ),
    "two heads": (
        From(
            lambda m, x: {"a": m.a(h := m.body(x).tanh()), "b": m.b(h).softmax(-1)},
            **{"body": nn.Linear(8, 8), "a": nn.Linear(8, 8), "b": nn.Linear(8, 8)},
        ),
        X,
        {"body"},
        {"a": "output", "b": "output"},
    ),
    "hidden values returned too": (
        From(lambda m, x: (h := m.a(x), m.b(h.tanh())), a=nn.Linear(8, 8), b=nn.Linear(8, 8)),
        X,
        {"a"},
        {"b": "output"},
    ),
    "afnlab's kernels between": (
        nn.Sequential(
            nn.Linear(8, 8), afnlab.nn.SReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8)
        ).append(nn.Linear(8, 2)),
        X,
        {"0"},
        {"2": "BatchNorm1d (3) follows", "4": "output"},
    ),
    "recurrent": (
        From(
            lambda m, x: m.b(m.a(x)[0][:, -1]), a=nn.LSTM(8, 8, batch_first=True), b=nn.Linear(8, 8)
        ),
        torch.randn(2, 5, 8),
        {"a"},
        {"b": "output"},
    ),
    "a recurrent layer before a normalization": (  # its rotation is inside of its own tanh
        From(
            lambda m, x: m.h(m.c(m.b(m.n(m.a(x)[0]))[0].mT)[..., -1]),
            **{"a": nn.GRU(8, 8), "n": nn.LayerNorm(8), "b": nn.LSTM(8, 8)},
            **{"c": nn.BatchNorm1d(8), "h": nn.Linear(8, 2)},
        ),
        torch.randn(3, 5, 8),
        {"a", "b"},
        {"h": "output"},
    ),
    "values decide": (
        From(
            lambda m, x: m.c(m.a(x).tanh() if float(x.sum()) < 1e9 else m.b(x)),
            **{"a": nn.Linear(8, 8), "b": nn.Linear(8, 8), "c": nn.Linear(8, 8)},
        ),
        X,
        {"a"},
        {"b": "does not use it"},
    ),
    "a model that counts": (From(stateful, a=nn.Linear(8, 8), b=nn.Linear(8, 8)), X, {"a"}, {}),
    "checkpoints": (
        From(
            lambda m, x: m.b(checkpoint(m.a, x, use_reentrant=False).tanh()),
            **{"a": nn.Linear(8, 8), "b": nn.Linear(8, 8)},
        ),
        X,
        {"a"},
        {"b": "output"},
    ),
    "packed sequences": (
        From(
            lambda m, x: m.b(m.a(nn.utils.rnn.pack_sequence([x[0], x[1, :3]]))[1][-1]),
            **{"a": nn.GRU(8, 8), "b": nn.Linear(8, 8)},
        ),
        torch.randn(2, 5, 8),
        {"a"},
        {"b": "output"},
    ),
    "parametrized neighbours": (
        nn.Sequential(
            nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8)),
            *(nn.Tanh(), nn.Linear(8, 8), nn.Tanh()),
            nn.utils.parametrizations.weight_norm(nn.Linear(8, 2)),
        ),
        X,
        {"2"},
        {"0": "its class is ParametrizedLinear", "4": "its class is ParametrizedLinear"},
    ),
    "an output that cannot be traced back": (
        From(
            lambda m, x: torch.tensor(m.b(m.a(x).tanh()).tolist()),
            **{"a": nn.Linear(8, 8), "b": nn.Linear(8, 8)},
        ),
        X,
        {"a"},
        {"b": "output"},
    ),
    "vmap": (
        From(
            lambda m, x: torch.vmap(lambda row: m.b(m.a(row).tanh()))(x),
            **{"a": nn.Linear(8, 8), "b": nn.Linear(8, 8)},
        ),
        X,
        {"a"},
        {"b": "output"},
    ),
    "an output of its own class": (
        From(
            lambda m, x: types.SimpleNamespace(logits=m.b(m.a(x).tanh())),
            **{"a": nn.Linear(8, 8), "b": nn.Linear(8, 8)},
        ),
        X,
        {"a"},
        {"b": "output"},
    ),
    "on meta": (
        nn.Sequential(
            nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)
        ).to("meta"),
        X,
        {"0"},
        {"2": "BatchNorm1d"},
    ),
}


@pytest.mark.parametrize("case", MODELS)
def test_what_is_called_and_not_divided_out(case):
    model, example, wanted, words = MODELS[case]
    why, rotated = rows(rotation_plan(model, example))
    assert rotated == wanted, why
    for layer, said in words.items():
        assert said in why[layer]


# What stands between a layer and a normalization: (operation, whether rho is divided out after it)
BETWEEN = {
    "nothing": (lambda x: x, True),
    "dropout": (nn.Dropout(0.5), True),
    "a pool": (lambda x: F.max_pool2d(x, 2), True),
    "a mean pool": (nn.AvgPool2d(2), True),
    "relu": (torch.relu, True),
    "relu in place": (nn.ReLU(inplace=True), True),
    "leaky relu": (lambda x: F.leaky_relu(x, 0.2), True),
    "padding": (lambda x: F.pad(x, (1, 1)), True),
    "half its channels": (lambda x: torch.cat(x.chunk(2, 1)[::-1], 1), True),
    "a number times it": (lambda x: 3 * x / 2, True),
    "a number added": (lambda x: x + 1, True),
    "upsampling": (lambda x: F.interpolate(x, scale_factor=2), True),
    "contiguous": (lambda x: x.clone().contiguous().to(torch.float32), True),
    "tanh": (torch.tanh, False),
    "sigmoid": (nn.Sigmoid(), False),
    "relu6": (nn.ReLU6(), False),
    "a square": (lambda x: x * x, True),
    "a gate": (lambda x: x * x.sigmoid(), False),
    "what it adds to": (lambda x: x + torch.randn(x.shape), False),
    "an inverse": (lambda x: 1 / (x.abs() + 0.1), False),
}


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.InstanceNorm2d])
def test_what_hands_rho_on_to_a_normalization(between, norm):
    step, divided = BETWEEN[between]
    model = From(
        lambda m, x: m.out(m.norm(step(m.a(x))).tanh().mean((2, 3))),
        **{"a": nn.Conv2d(3, 4, 3), "norm": norm(4), "out": nn.Linear(4, 2)},
    )
    why, rotated = rows(rotation_plan(model, IMAGES))
    assert (rotated == set()) is divided, why
    if divided:  # and so it is, but for what the normalization adds to a variance
        torch.manual_seed(0)
        before = model(IMAGES)
        with torch.no_grad():
            scale = torch.tensor([0.5, 2.0, 3.0, 10.0])
            if between != "a number added":
                model.a.weight.mul_(scale.view(-1, 1, 1, 1))
                model.a.bias.mul_(scale)
        torch.manual_seed(0)
        assert_close(model(IMAGES), before, rtol=1e-2, atol=1e-2)


NORMS = {
    "LayerNorm": nn.LayerNorm(8),
    "GroupNorm": nn.GroupNorm(2, 8),
    "RMSNorm": nn.RMSNorm(8),
    "BatchNorm1d": nn.BatchNorm1d(8),
    "RMSNorm of its own": RMSNorm(8),
    "F.layer_norm": lambda x: F.layer_norm(x, (8,)),
    "F.batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "F.group_norm": lambda x: F.group_norm(x, 2),
    "F.rms_norm": lambda x: F.rms_norm(x, (8,)),
    "F.normalize": F.normalize,
    "F.instance_norm": lambda x: F.instance_norm(x.unsqueeze(0)).squeeze(0),
}


@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
def test_every_normalization_is_seen(norm):
    def run(m, x):
        return m.out(m.norm(m.a(x)).tanh() + m.norm(m.b(x) + x).tanh())

    parts = {"a": nn.Linear(8, 8), "b": nn.Linear(8, 8), "out": nn.Linear(8, 2)}
    model = From(run, norm=norm, **parts)
    why, rotated = rows(rotation_plan(model, X))
    assert rotated == {"b"}, why
    assert " follows and divides " in why["a"]


def test_used_in_two_ways_it_is_rotated():
    """One use is divided out, the other not."""

    def run(m, x):
        y = m.a(x)
        return m.out(m.norm(y) + y.tanh())

    model = From(run, a=nn.Linear(8, 8), norm=nn.BatchNorm1d(8), out=nn.Linear(8, 2))
    assert rows(rotation_plan(model, X))[1] == {"a"}


# Without an example


def chain(*layers):
    return nn.Sequential(*layers, nn.Tanh(), nn.Linear(8, 2))


STRUCTURES = {
    "a chain": (chain(nn.Linear(8, 8), nn.LayerNorm(8)), set()),
    "pooled": (chain(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(8)), set()),
    "in a chain of its own": (chain(nn.Sequential(nn.Linear(8, 8)), nn.BatchNorm1d(8)), set()),
    "an activation between": (chain(nn.Linear(8, 8), nn.Tanh(), nn.BatchNorm1d(8)), {"0"}),
    "normalized before": (chain(nn.BatchNorm1d(8), nn.Linear(8, 8)), {"1"}),
    "ResNet": (resnet(), set()),
    "MobileNet": (mobilenet(), set()),
    "RegNet": (regnet(), {"1.se.fc1", "1.se.fc2"}),
    "a transformer": (nn.TransformerEncoderLayer(8, 2, 16), {"linear1"}),
    "Swin, whose calls are not seen": (
        swin(),
        {"attention.qkv", "attention.proj", "mlp.0", "mlp.2"},
    ),
}


@pytest.mark.parametrize("case", STRUCTURES)
def test_without_an_example_by_structure(case):
    model, wanted = STRUCTURES[case]
    plan = rotation_plan(model)
    assert rows(plan)[1] == wanted
    assert set(plan["why"][plan["rotate"]]) <= {"assumed to be called"}


# Converting


def test_a_model_that_reads_weights_keeps_its_values_where_they_are_read():
    model, x = swin(), torch.randn(2, 5, 8)
    with pytest.warns(UserWarning, match=r"left plain: attention.qkv, attention.proj \(the model"):
        auto_rotate(model, 2.0, example=x)
    assert [n for n, m in model.named_modules() if isinstance(m, Rotation)] == ["mlp.0", "mlp.2"]
    undo_rotation(model)


@pytest.mark.parametrize("act", [nn.ReLU, nn.ReLU6, nn.SiLU])
@pytest.mark.parametrize(
    ("build", "example"),
    [(mobilenet, IMAGES), (mobilenet, None), (resnet, IMAGES), (resnet, None), (densenet, IMAGES)],
)
def test_where_all_is_divided_out_nothing_is_done(build, act, example):
    model = build(act=act) if build is mobilenet else build()
    with pytest.raises(ValueError, match=r"no layer to rotate among \d+ .*divides rho out"):
        auto_rotate(model, 4.0, example=example)
    assert not any(isinstance(m, Rotation) for m in model.modules())


@pytest.mark.parametrize("example", [IMAGES, None])
def test_evaluation_stays_finite(example):
    """Running statistics belong to the outputs that were; without them rho came back in
    evaluation, once a layer."""
    torch.manual_seed(0)
    blocks = [mobilenet(act=nn.SiLU)[1] for _ in range(20)]
    squeeze = regnet()[1].se
    model = nn.Sequential(conv_norm_act(3, 8), *blocks, squeeze, *HEAD)
    for _ in range(3):
        model(IMAGES)
    with pytest.warns(UserWarning, match="left plain: .* and 58 more"):
        auto_rotate(model, 4.0, example=example)
    assert model.eval()(IMAGES).isfinite().all()
    assert [n for n, m in model.named_modules() if isinstance(m, Rotation)] == ["21.fc1", "21.fc2"]


@pytest.mark.parametrize("act", [nn.ReLU, nn.Identity, afnlab.nn.SReLU])
def test_what_ceases_to_be_finite_is_told(act):
    torch.manual_seed(0)
    layers = [m for _ in range(60) for m in (nn.Linear(8, 8), act())]
    model = nn.Sequential(*layers, nn.Linear(8, 2))
    with pytest.warns(RuntimeWarning, match=r"not finite, first from \d+"):
        auto_rotate(model, 40.0, example=X)


def test_the_names_of_few_and_of_many():
    few = From(
        lambda m, x: m.c(m.b(x).tanh()), a=nn.Linear(8, 8), b=nn.Linear(8, 8), c=nn.Linear(8, 8)
    )
    said = r"^auto_rotate: left plain: a \(the model never calls it and does not use it\)$"
    with pytest.warns(UserWarning, match=said):
        auto_rotate(few, 2.0, example=X)


def test_a_layer_whose_method_was_replaced():
    """As accelerate's hooks do: the class is asked no more."""
    model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    old = model[0].forward
    model[0].forward = types.MethodType(lambda self, x: old(x), model[0])
    for example in (None, X):
        why, rotated = rows(rotation_plan(model, example))
        assert (rotated, "forward method" in why["0"]) == ({"2"}, True)


def test_lazy_layers_are_run_first():
    model = nn.Sequential(nn.LazyLinear(8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    assert "lazy" in rows(rotation_plan(model))[0]["0"]
    with pytest.raises(ValueError, match="lazy parameters; run it once"):
        rotation_plan(model, X)
    model(X)
    assert rows(rotation_plan(model, X))[1] == {"0", "2"}


# Examples

TWO = From(
    lambda m, a, b=None, *, scale=0.0: m.out(
        m.a(a).tanh() + (m.b(b).tanh() * scale if scale else 0)
    ),
    **{"a": nn.Linear(8, 8), "b": nn.Linear(8, 8), "out": nn.Linear(8, 2)},
)


@pytest.mark.parametrize(
    ("example", "wanted"),
    [
        (X, {"a"}),
        ((X,), {"a"}),
        ([X], {"a"}),
        ((X, X), {"a"}),
        ({"a": X}, {"a"}),
        ({"a": X, "b": X, "scale": 2.0}, {"a", "b"}),
        (lambda m: m(X, X, scale=2.0), {"a", "b"}),
        (lambda m: m.out(m.b(X).tanh()), {"b"}),
        ((X.requires_grad_(False).clone().requires_grad_(),), {"a"}),
    ],
)
def test_inputs_of_every_form(example, wanted):
    assert rows(rotation_plan(TWO, example))[1] == wanted


@pytest.mark.parametrize("example", [X[:, :3], (X, X, X), {"c": X}, "x", 3, lambda m: 1 / 0])
def test_an_example_that_does_not_run_is_one_line(example):
    with pytest.raises(RuntimeError, match="auto_rotate: the model cannot be run") as error:
        auto_rotate(TWO, 2.0, example=example)
    assert "\n" not in str(error.value)
    assert not any(isinstance(m, Rotation) or "forward" in vars(m) for m in TWO.modules())


def test_one_example_will_do_in_training_too():
    model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Tanh())
    assert rows(rotation_plan(model, X[:1]))[1] == {"0"}
    assert all(m.training for m in model.modules())


# The model afterwards


class Careless(nn.Module):
    """Draws, counts, remembers, changes its input, its buffers, its gradients and its modes."""

    def __init__(self):
        super().__init__()
        self.norm, self.a, self.drop = nn.BatchNorm1d(8), nn.Linear(8, 8), nn.Dropout(0.5)
        self.b, self.out = nn.Linear(8, 8), nn.Linear(8, 2)
        self.register_buffer("seen", torch.zeros(()))
        self.calls, self.last = 0, None
        self.outputs, self.by_size, self.sizes = [], collections.defaultdict(list), {8}

    def forward(self, x):
        x.add_(1.0)
        self.outputs.append(x)
        self.by_size[len(x)] = x
        self.sizes.add(len(x))
        self.calls += 1
        self.seen = self.seen + 1
        random.random()
        np.random.rand()  # noqa: NPY002
        self.last = self.drop(torch.tanh(self.a(self.norm(x))))
        self.out.eval()
        self.out.weight.grad = torch.ones_like(self.out.weight)
        with torch.enable_grad():
            self.b(self.last.detach()).sum().backward()
        return self.out(torch.tanh(self.b(self.last)))


@pytest.mark.parametrize("given_grads", [True, False])
def test_a_traced_model_is_as_it_was(given_grads):
    model, x = Careless(), X.clone()
    seen = []
    model.a.register_forward_hook(lambda *_: seen.append(1))
    if given_grads:
        for p in model.parameters():
            p.grad = torch.full_like(p, 7.0)
    buffers = {n: (b, b.clone(), b._version) for n, b in model.named_buffers()}
    before = [(m, sorted(vars(m)), m.training, len(m._forward_hooks)) for m in model.modules()]
    draws = [lambda: torch.rand(2).tolist(), random.random, lambda: np.random.rand(2).tolist()]  # noqa: NPY002
    torch.manual_seed(1), random.seed(1), np.random.seed(1)  # noqa: NPY002
    wanted = [draw() for draw in draws]
    torch.manual_seed(1), random.seed(1), np.random.seed(1)  # noqa: NPY002
    plan = rotation_plan(model, x)
    assert [draw() for draw in draws] == wanted
    assert rows(plan)[1] == {"a", "b"}
    assert_close(x, X, rtol=0, atol=0)
    for name, buffer in model.named_buffers():
        same, value, version = buffers[name]
        assert (buffer is same, torch.equal(buffer, value)) == (True, True)
        assert buffer._version == version
    assert (model.calls, model.last) == (0, None)
    assert (model.outputs, dict(model.by_size), model.sizes) == ([], {}, {8})
    grads = [p.grad for p in model.parameters()]
    assert all((g == 7.0).all() if given_grads else g is None for g in grads)
    after = [(m, sorted(vars(m)), m.training, len(m._forward_hooks)) for m in model.modules()]
    assert after == before
    assert torch.backends.mha.get_fastpath_enabled()
    auto_rotate(model, 2.0, example=x)
    assert (model.calls, model.seen.item(), model.norm.num_batches_tracked.item()) == (0, 0, 0)
    assert all(m.training for m in model.modules())
    assert all("forward" not in vars(m) for m in model.modules())


def test_a_compiled_model_is_traced_as_it_is_written():
    model = torch.compile(
        mlp := nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)), backend="eager"
    )
    assert rows(rotation_plan(model, X))[1] == {"_orig_mod.0"}
    assert rows(rotation_plan(mlp, X))[1] == {"0"}


def only_in_training(m, x):
    if not m.training:
        raise ValueError("a sum of losses is for training")
    return m.b(torch.tanh(m.a(x))).sum()


RUNS = {
    "inside a transform": lambda m, x: m.b(torch.tanh(torch.vmap(m.a)(x))),
    "in training only": only_in_training,
    "by a gradient": lambda m, x: torch.func.grad(lambda x: m.b(torch.tanh(m.a(x))).sum())(x),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("run", RUNS)
def test_looking_for_values_that_are_not_finite_refuses_no_model(run):
    model = From(RUNS[run], a=nn.Linear(8, 8), b=nn.Linear(8, 2))
    auto_rotate(model, 2.0, example=X)
    assert isinstance(model.a, Rotation)
    assert not isinstance(model.b, Rotation)


def test_a_rotated_model_that_does_not_run_is_plain_again():
    def run(m, x):
        assert not isinstance(m.a, Rotation)
        return m.b(torch.tanh(m.a(x)))

    model = From(run, a=nn.Linear(8, 8), b=nn.Linear(8, 2))
    with pytest.raises(AssertionError):
        auto_rotate(model, 2.0, example=X)
    assert type(model.a) is nn.Linear


@pytest.mark.filterwarnings("ignore:`torch.jit.*` is deprecated:DeprecationWarning")
def test_scripted_parts_run_and_stay_as_they_are():
    for training in (True, False):
        scripted = torch.jit.script(nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)))
        model = nn.Sequential(scripted, nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
        model.train(training)
        before = {n: b.clone() for n, b in model.named_buffers()}
        assert rows(rotation_plan(model, X))[1] == {"2"}
        auto_rotate(model, 2.0, example=X)
        assert_close(dict(model.named_buffers()), before, rtol=0, atol=0)
        assert {module.training for module in model.modules()} == {training}


def in_place(m, x):
    m.a.weight.data.mul_(0.5)
    return m.b(torch.tanh(m.a(x)))


def another_tensor(m, x):
    m.a.weight.data = torch.renorm(m.a.weight.data, 2, 0, 0.1)
    return m.b(torch.tanh(m.a(x)))


def copied(m, x):
    with torch.no_grad():
        m.b.bias.copy_(m.a.bias[:2])
    return m.b(torch.tanh(m.a(x)))


SELF_WRITING = {
    "an embedding's largest norm": (
        From(
            lambda m, x: m.b(torch.tanh(m.a(m.e(x)))),
            **{"e": nn.Embedding(9, 8, max_norm=0.5), "a": nn.Linear(8, 8), "b": nn.Linear(8, 2)},
        ),
        torch.arange(9),
    ),
    **{
        run.__name__: (From(run, a=nn.Linear(8, 8), b=nn.Linear(8, 2)), X)
        for run in (in_place, another_tensor, copied)
    },
}


@pytest.mark.parametrize("case", SELF_WRITING)
def test_parameters_that_a_model_writes_itself_stay_as_they_are(case):
    model, x = SELF_WRITING[case]
    before = {n: (p.detach().clone(), p.data_ptr()) for n, p in model.named_parameters()}
    rotation_plan(model, x)
    auto_rotate(model, 2.0, example=x)
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name][0]), name
        assert p.data_ptr() == before[name][1], name
