"""Rotating the layers of any model, undoing it, and the limits that suit an activation."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise
from math import atanh, inf, log, nan, sqrt

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import afnlab.nn
from afnlab import activation, get_activation, list_activations
from afnlab.autorot import (
    AutoRotConv1d,
    AutoRotConv2d,
    AutoRotGRU,
    AutoRotLinear,
    AutoRotLSTM,
    Rotation,
    auto_rotate,
    dynamic_region,
    input_limits,
    suggested_L,
    undo_rotation,
)
from afnlab.autorot.convert import ROTATED

LAYERS = {
    nn.Linear: (4, 5),
    nn.Conv1d: (4, 6, 3),
    nn.Conv2d: (4, 6, 3),
    nn.Conv3d: (4, 6, 3),
    nn.ConvTranspose1d: (4, 6, 3),
    nn.ConvTranspose2d: (4, 6, 3),
    nn.ConvTranspose3d: (4, 6, 3),
    afnlab.nn.DepthwiseConv2d: (4, 3),
    afnlab.nn.SeparableConv1d: (4, 6, 3),
    afnlab.nn.SeparableConv2d: (4, 6, 3),
    nn.RNN: (4, 5),
    nn.LSTM: (4, 5),
    nn.GRU: (4, 5),
}
PLACES = {"1d": (7,), "2d": (6, 5), "3d": (5, 4, 5)}
X = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))


def mlp(*sizes, between=nn.Tanh):
    torch.manual_seed(0)
    layers = [m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), between())]
    return nn.Sequential(*layers[:-1])


def rotated(model):
    return [name for name, m in model.named_modules() if isinstance(m, Rotation)]


def snapshot(model):
    """All that a conversion could change."""
    own = [
        (
            name,
            id(m),
            type(m),
            sorted(m.__dict__),
            sorted(m._buffers),
            sorted(m._non_persistent_buffers_set),
            [(n, id(p)) for n, p in m._parameters.items()],
        )
        for name, m in model.named_modules()
    ]
    return own, repr(model), [(k, v.tolist()) for k, v in model.state_dict().items()]


# Limits


def test_suggested_l_of_the_sources_table():
    assert [suggested_L(n) for n in ("tanh", "sigmoid", "arctan")] == [2.0, 4.0, 7.0]
    assert suggested_L(get_activation("tanh")) == 2.0


@activation()
def own_tanh(x):
    return torch.tanh(x)


@activation()
def own_sigmoid(x):
    return torch.sigmoid(x)


@activation()
def own_arctan(x):
    return torch.atan(x)


@activation()
def shifted(x):
    return torch.tanh(x - 3)


@activation()
def narrow(x):
    return torch.tanh(100 * x)


@activation()
def step(x):
    return torch.sign(x)


# Where the slope is 7 % of its maximum, solved by hand.
RULE = {
    "softsign": sqrt(1 / 0.07) - 1,  # 1 / (1 + |x|)^2
    "hardtanh": 1.0,
    "hardsigmoid": 3.0,
    "relu6": 6.0,
}
OWN = [
    (own_tanh, atanh(sqrt(0.93))),
    (own_sigmoid, 2 * atanh(sqrt(0.93))),  # sigmoid's slope is a quarter of tanh's at x / 2
    (own_arctan, sqrt(1 / 0.07 - 1)),
    (shifted, 3 + atanh(sqrt(0.93))),  # the farther side
]


@pytest.mark.parametrize(
    ("ref", "exact"),
    [*RULE.items(), *OWN],
    ids=lambda v: v if isinstance(v, str) else getattr(v, "name", None),
)
def test_suggested_l_by_the_rule_of_7_percent(ref, exact):
    assert suggested_L(ref) == round(exact, 1)
    assert isinstance(suggested_L(ref), float)


def test_the_rule_gives_the_sources_numbers_but_arctans():
    assert [suggested_L(f) for f, _ in OWN[:3]] == [2.0, 4.0, 3.6]


@pytest.mark.parametrize("name", list_activations())
def test_every_activation_saturates_or_is_an_error(name):
    """One that saturates has a finite range; no other elementwise one may get an L."""
    low, high = get_activation(name).range
    bounded = -inf < low and high < inf and name != "sine"  # which never stays where it is
    if get_activation(name).elementwise and bounded:
        assert 0 < suggested_L(name) < 10
        return
    with pytest.raises(ValueError, match=rf"{name}: .*(saturate|elementwise).* give "):
        suggested_L(name)


def test_a_suggestion_is_above_0_or_an_error():
    assert suggested_L(narrow) == pytest.approx(atanh(sqrt(0.93)) / 100, rel=0.05)
    with pytest.raises(ValueError, match="step"):
        suggested_L(step)


def test_an_unknown_activation_is_named():
    with pytest.raises(ValueError, match="sigmoidal"):
        suggested_L("sigmoidal")
    with pytest.raises(ValueError, match="sigmoidal"):
        input_limits("sigmoidal", 0.0, 1.0)


@pytest.mark.parametrize(
    ("name", "data", "limits"),
    [
        ("sigmoid", (0, 1), (0, 1)),
        ("sigmoid", (-0.5, 2), (-0.5, 2)),
        ("sigmoid", (0.25, 0.5), (0, 1)),
        ("tanh", (0, 1), (-1, 1)),
        ("tanh", (-3, 0), (-3, 1)),
        ("relu", (0.5, 2), (0, 2)),  # unbounded above: the data's
        ("relu", (-1, 2), (-1, 2)),
        ("leaky_relu", (0.5, 2), (0.5, 2)),
        ("softmin", (0.25, 3), (0, 3)),
        ("log_softmax", (-2, -1), (-2, 0)),
        ("arctan", (0, 0), (-1.5707963267948966, 1.5707963267948966)),
    ],
)
def test_input_limits(name, data, limits):
    assert input_limits(name, *data) == limits
    assert all(type(v) is float for v in input_limits(name, *data))


@pytest.mark.parametrize("data", [(1, 0), (nan, 1), (0, nan), (-inf, 1), (0, inf)])
def test_input_limits_of_bad_data(data):
    with pytest.raises(ValueError, match=r"data_max.*data_min"):
        input_limits("sigmoid", *data)


# Rotating


def test_every_plain_layer_has_a_rotated_form():
    assert set(ROTATED) == set(LAYERS)
    assert len(set(ROTATED.values())) == 13


@pytest.mark.parametrize("kind", LAYERS, ids=lambda k: k.__name__)
def test_a_rotated_layer_is_the_one_that_would_be_built(kind):
    args = LAYERS[kind]
    layer = kind(*args)
    x = torch.randn(3, 4, *PLACES.get(kind.__name__[-2:], ()))
    before, y = snapshot(layer), layer(x)
    settings = {"xmin_lim": -0.5, "xmax_lim": 0.5, "eps": 1e-3, "trainable_L": True}
    built = ROTATED[kind](*args, L=2.0, **settings)
    built.load_state_dict(layer.state_dict())
    assert auto_rotate(layer, 2.0, output_layer=True, **settings) is layer
    assert type(layer) is ROTATED[kind]
    assert list(layer.state_dict()) == list(built.state_dict())
    assert repr(layer) == repr(built)
    assert_close(layer(x), built(x), rtol=0, atol=0)
    assert undo_rotation(layer) is layer
    assert snapshot(layer) == before
    assert_close(layer(x), y, rtol=0, atol=0)


def test_what_has_been_parametrized_since_is_not_passed_over():
    model = nn.Sequential(AutoRotLinear(4, 5), nn.Sigmoid(), AutoRotLinear(5, 2))
    nn.utils.parametrizations.weight_norm(model[2])
    with pytest.raises(ValueError, match="no plain layer is known for ParametrizedAutoRotLinear"):
        undo_rotation(model)
    assert type(model[0]) is AutoRotLinear
    nn.utils.parametrize.remove_parametrizations(model[2], "weight")
    assert [type(layer) for layer in undo_rotation(model)] == [nn.Linear, nn.Sigmoid, nn.Linear]


def test_a_layer_that_was_built_rotated_can_be_undone():
    model = nn.Sequential(AutoRotLinear(8, 8, L=2.0, trainable_L=True, x_q=torch.ones(8)))
    undo_rotation(model)
    assert type(model[0]) is nn.Linear
    assert list(model.state_dict()) == ["0.weight", "0.bias"]
    assert repr(model[0]) == repr(nn.Linear(8, 8))


def test_the_output_layer_stays_plain_unless_told():
    model = auto_rotate(mlp(8, 7, 6, 2), 3.0)
    assert rotated(model) == ["0", "2"]
    assert type(model[4]) is nn.Linear
    assert rotated(auto_rotate(mlp(8, 7, 6, 2), 3.0, output_layer=True)) == ["0", "2", "4"]
    assert {model[i].L for i in (0, 2)} == {3.0}


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Sequential(nn.Linear(8, 8)))
        self.shared = self.body[0]
        self.heads = nn.ModuleDict({"a": nn.Linear(8, 8), "b": nn.Linear(8, 8)})
        self.heads["b"].weight = self.heads["a"].weight
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        x = self.shared(self.body(x).tanh()).tanh()
        return self.out(self.heads["a"](x) + self.heads["b"](x))


def test_nested_shared_and_tied_layers():
    model = Nested()
    before, y = snapshot(model), model(X)
    parameters = [id(p) for p in model.parameters()]
    auto_rotate(model, 2.0)
    assert rotated(model) == ["body.0", "body.2.0", "heads.a", "heads.b"]
    assert model.shared is model.body[0]
    assert model.heads["a"].weight is model.heads["b"].weight
    assert [id(p) for p in model.parameters()] == parameters
    assert not torch.allclose(model(X), y)
    model(X).sum().backward()
    undo_rotation(model)
    assert snapshot(model) == before
    assert torch.equal(model(X), y)


def test_the_state_and_the_optimizer_stay_valid():
    model = mlp(8, 6, 2)
    state, optimizer = copy.deepcopy(model.state_dict()), torch.optim.SGD(model.parameters(), 0.1)
    auto_rotate(model)
    assert list(model.state_dict()) == list(state)
    model.load_state_dict(state, strict=True)
    model(X).sum().backward()
    optimizer.step()
    assert not torch.equal(model[0].weight, state["0.weight"])


def test_convolutions_and_recurrent_layers_in_one_model():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.separable = nn.Conv1d(4, 6, 3), afnlab.nn.SeparableConv1d(6, 8, 3)
            self.gru, self.out = nn.GRU(8, 5, bidirectional=True), nn.Linear(10, 2)

        def forward(self, x):
            x = self.separable(self.conv(x).tanh()).tanh()
            return self.out(self.gru(x.permute(2, 0, 1))[0][-1])

    model = auto_rotate(Mixed(), 2.0, xmax_lim=0.5)
    # What a separable convolution holds belongs to it.
    assert rotated(model) == ["conv", "separable", "gru"]
    assert type(model.separable.depthwise) is nn.Conv1d
    assert {type(model.conv), type(model.gru)} == {AutoRotConv1d, AutoRotGRU}
    assert (model.gru.xmax_lim, model.gru.probe) == (0.5, 1.0)
    model(torch.randn(3, 4, 9)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_subclasses_are_left_alone():
    class Mine(nn.Linear):
        pass

    model = auto_rotate(nn.Sequential(Mine(8, 8), nn.Linear(8, 8), nn.Linear(8, 2)), 2.0)
    assert rotated(model) == ["1"]
    assert type(model[0]) is Mine


def test_a_rotated_model_is_copied_and_pickled():
    model = auto_rotate(mlp(8, 6, 2), trainable_L=True)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert rotated(other) == ["0"]
        assert torch.equal(other(X), model(X))
        undo_rotation(other)
        assert rotated(model) == ["0"]


def test_the_mode_and_hooks_are_kept():
    model = mlp(8, 6, 2).eval()
    seen = []
    model[0].register_forward_hook(lambda *_: seen.append(1))
    auto_rotate(model)
    assert not model[0].training
    model(X)
    assert seen == [1]


def test_torchs_transformer_is_rotated_in_evaluation_too():
    """torch's fast path reads the weights of its linear layers without calling them."""
    torch.manual_seed(0)
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    auto_rotate(model, 2.0, output_layer=True)
    x = torch.randn(2, 3, 8)
    trained = model(x).detach()
    with torch.no_grad():
        assert_close(model.eval()(x), trained)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_torchs_transformer_with_padding_is_rotated_in_evaluation_too():
    """torch hands padded batches to fused layers as nested tensors, which no rotation can take."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).eval()
    x, padding = torch.randn(2, 3, 8), torch.tensor([[False, False, True], [False] * 3])
    with torch.no_grad():
        plain = model(x, src_key_padding_mask=padding)
    auto_rotate(model, 2.0)
    trained = model.train()(x, src_key_padding_mask=padding).detach()
    with torch.no_grad():
        evaluated = model.eval()(x, src_key_padding_mask=padding)
        assert_close(evaluated[~padding], trained[~padding])
        assert model.use_nested_tensor is False
        assert_close(undo_rotation(model)(x, src_key_padding_mask=padding), plain)
        assert model.use_nested_tensor is True


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
def test_torchs_transformer_is_fused_again_only_when_nothing_of_ours_is_left():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0.0, activation=nn.ReLU(), batch_first=True
    )
    model = nn.TransformerEncoder(auto_rotate(layer, 2.0, output_layer=True), 2)
    assert not model.use_nested_tensor
    undo_rotation(model)
    assert {m.activation_relu_or_gelu for m in model.layers} == {1}
    auto_rotate(model, 2.0)
    undo_rotation(afnlab.replace(model, nn.ReLU, "srelu", t=0.3))
    x, padding = torch.randn(2, 3, 8), torch.tensor([[False, False, True], [False] * 3])
    trained = model.train()(x, src_key_padding_mask=padding).detach()
    with torch.no_grad():
        evaluated = model.eval()(x, src_key_padding_mask=padding)
    assert_close(evaluated[~padding], trained[~padding])


# The suggestion


@pytest.mark.parametrize(
    ("between", "limit"),
    [
        (nn.Tanh, 2.0),
        (nn.Sigmoid, 4.0),
        (afnlab.nn.Tanh, 2.0),
        (afnlab.nn.Sigmoid, 4.0),
        (afnlab.nn.Softsign, 2.8),
    ],
    ids=str,
)
def test_l_is_suggested_from_the_activations(between, limit):
    model = auto_rotate(mlp(8, 6, 6, 2, between=between))
    assert {model[0].L, model[2].L} == {limit}
    assert auto_rotate(mlp(8, 6, 6, 2, between=between), 9.0)[0].L == 9.0


def test_the_same_activation_of_two_libraries_is_one_kind():
    model = nn.Sequential(mlp(8, 8, 8), nn.Tanh(), mlp(8, 8, 8, between=afnlab.nn.Tanh))
    assert auto_rotate(model)[0][0].L == 2.0


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([nn.Tanh(), nn.Sigmoid()], "give L"),
        ([afnlab.nn.Tanh(), afnlab.nn.Sigmoid()], "give L"),
        ([], "give L"),
        ([afnlab.nn.ReLU()], "give L"),
        ([nn.Tanh(), afnlab.nn.ReLU()], "give L"),
        ([nn.ReLU()], "give L"),
        ([nn.Tanh(), nn.ReLU()], "give L"),
    ],
    ids=str,
)
def test_without_one_saturating_kind_l_must_be_given(others, said):
    model = nn.Sequential(*(m for o in others for m in (nn.Linear(8, 8), o)), *mlp(8, 8, 8)[::2])
    before = snapshot(model)
    with pytest.raises(ValueError, match=said):
        auto_rotate(model)
    assert snapshot(model) == before
    assert auto_rotate(model, 2.0)[0].L == 2.0


# Errors


@pytest.mark.parametrize(
    "model", [nn.Sequential(), nn.Linear(4, 2), nn.Sequential(nn.ReLU(), nn.Linear(4, 2))], ids=str
)
def test_nothing_to_rotate_is_an_error(model):
    before = snapshot(model)
    with pytest.raises(ValueError, match="no layer to rotate"):
        auto_rotate(model, 2.0)
    assert snapshot(model) == before


def test_a_second_rotation_finds_nothing():
    model = auto_rotate(mlp(8, 6, 2))
    with pytest.raises(ValueError, match="no layer to rotate"):
        auto_rotate(model, 3.0)
    assert model[0].L == 2.0
    undo_rotation(model)
    undo_rotation(model)  # nothing to undo is no error
    assert rotated(model) == []


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"L": 0.0}, ValueError, r"\bL\b"),
        ({"L": nan}, ValueError, r"\bL\b"),
        ({"xmin_lim": 2.0}, ValueError, "xmax_lim"),
        ({"eps": 0.0}, ValueError, "eps"),
        ({"x_q": "most"}, ValueError, "x_q"),
        ({"x_q": torch.ones(3)}, ValueError, "x_q"),
        ({"x_q": torch.ones(8)}, ValueError, "x_q"),  # fits the first layers alone
        ({"trainable_L": True, "x_q": torch.ones(8)}, ValueError, "x_q"),
        ({"xq": 1.0}, TypeError, "xq"),
    ],
    ids=str,
)
def test_an_error_leaves_the_model_untouched(given, error, said):
    model = nn.Sequential(
        *mlp(8, 8, 8, 6), nn.Tanh(), nn.GRU(6, 6), nn.Conv2d(1, 1, 1), nn.Linear(6, 2)
    )
    before = snapshot(model)
    with pytest.raises(error, match=said):
        auto_rotate(model, **given)
    assert snapshot(model) == before


def test_a_tensor_probe_that_fits_all():
    model = auto_rotate(mlp(8, 8, 8, 2), x_q=torch.full((8,), 2.0))
    assert_close(model(X), auto_rotate(mlp(8, 8, 8, 2))(X))
    before = list(model.state_dict())
    assert list(undo_rotation(model).state_dict()) == before
    assert not list(model.buffers())


# The dynamic region


def test_the_dynamic_region_by_hand():
    model = nn.Sequential(AutoRotLinear(1, 2, bias=False, L=2.0), nn.Tanh(), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [-4.0]]))
        model[2].weight.copy_(torch.tensor([[1.0, 1.0]]))
        model[2].bias.fill_(0.5)
    x = torch.tensor([[-1.0], [1.0], [3.0], [4.0]])
    table = dynamic_region(model, x)
    assert list(table.columns) == ["layer", "rotated", "L", "inside", "deviation", "largest"]
    assert len(table) == 1
    # The probe is 2 and |f| = 2 and 8, so both rows become +-1: outputs +-(-1, 1, 3, 4).
    row = table.iloc[0]
    assert (row["layer"], row["rotated"], row["L"], row["inside"]) == ("0", True, 2.0, 0.5)
    assert row["largest"] == pytest.approx(4.0, rel=1e-4)
    assert row["deviation"] == pytest.approx(sqrt(2 * (1 + 1 + 9 + 16) / 7), rel=1e-4)
    # With L given, plain layers too: tanh(a) + tanh(-a) + 0.5.
    both = dynamic_region(model, x, L=0.75)
    assert list(both["layer"]) == ["0", "2"]
    assert list(both["rotated"]) == [True, False]
    assert list(both["L"]) == [0.75, 0.75]
    assert list(both["inside"]) == [0.0, 1.0]
    assert both["largest"][1] == pytest.approx(0.5, abs=1e-4)


def test_rotation_brings_pre_activations_into_the_region():
    torch.manual_seed(1)
    model = mlp(64, 64, 64, 10, between=nn.Sigmoid)
    with torch.no_grad():
        for m in model[::2]:
            m.weight.fill_(0.5)
    x = torch.rand(50, 64)
    before = dynamic_region(model, x, L=4.0)
    after = dynamic_region(auto_rotate(model), x, L=4.0)
    assert list(before["layer"]) == list(after["layer"]) == ["0", "2", "4"]
    assert list(after["rotated"]) == [True, True, False]
    assert list(before["inside"][:2]) == [0.0, 0.0]
    assert list(after["inside"][:2]) == [1.0, 1.0]


def test_the_dynamic_region_of_layers_that_are_off_trained_or_separable():
    model = nn.Sequential(
        AutoRotConv2d(1, 2, 3, L=None, auto_rot=False),
        AutoRotConv2d(2, 2, 3, L=3.0, auto_rot=False),
        AutoRotConv2d(2, 2, 3, L=2.5, trainable_L=True),
        afnlab.nn.SeparableConv2d(2, 2, 3),
    )
    table = dynamic_region(model, torch.randn(2, 1, 10, 10))
    assert table[["layer", "rotated", "L"]].values.tolist() == [["1", False, 3.0], ["2", True, 2.5]]
    assert list(dynamic_region(model, torch.randn(2, 1, 10, 10), L=1.0)["layer"]) == list("0123")


def test_the_dynamic_region_leaves_recurrent_layers_out():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.out = AutoRotLSTM(4, 5), AutoRotLinear(5, 6)

        def forward(self, x):
            return self.out(self.lstm(x)[0][-1])

    assert list(dynamic_region(Last(), torch.randn(3, 2, 4))["layer"]) == ["out"]


def test_the_dynamic_region_has_a_row_a_call_and_leaves_no_hook():
    model = Nested()
    table = dynamic_region(auto_rotate(model, 2.0), X)
    assert list(table["layer"]) == ["body.0", "body.2.0", "body.0", "heads.a", "heads.b"]
    assert not any(m._forward_hooks for m in model.modules())
    with pytest.raises(RuntimeError):
        dynamic_region(model, X[:, :3])
    assert not any(m._forward_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())


def test_the_dynamic_region_is_looked_at_without_a_change():
    model = nn.Sequential(AutoRotLinear(8, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 2))
    before, draws = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    dynamic_region(model, X)
    assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), draws)


def test_the_dynamic_region_of_a_plain_model_is_empty():
    table = dynamic_region(mlp(8, 6, 2), X)
    assert len(table) == 0
    assert list(table.columns) == ["layer", "rotated", "L", "inside", "deviation", "largest"]


def test_sigmoids_slope_at_its_limit():
    """The table's 4 for sigmoid is where its slope is 7 % of 1/4."""
    at = log((1 + sqrt(0.93)) / (1 - sqrt(0.93)))
    assert round(at, 1) == suggested_L("sigmoid")
