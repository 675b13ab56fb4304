"""Modules made without memory, and modules set back: they hold what their constructor was given."""

from __future__ import annotations

import copy
import pickle
from math import isnan

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, skip_init
from torch.testing import assert_close

import afnlab.nn
from afnlab import autorot, replace
from tests.autorot.test_autorot import LAYERS, every_layer
from tests.over import over

PROBE = torch.tensor([0.5, -1.0, 2.0, 1.5])
GARBAGE = 65841.75  # what memory held where this was found


def spoil(module):
    """Overwrite all that a module holds, as training or memory without values would."""
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.fill_(GARBAGE)
    return module


def reset(model):
    """What sharded training calls on every module."""
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model


def on_meta(build):
    with torch.device("meta"):
        return build()


def emptied(build):
    """Moved out of the meta device; the memory that it gets is made to hold garbage."""
    empty_like = torch.empty_like

    def garbage_like(tensor, **options):
        return empty_like(tensor, **options).fill_(GARBAGE)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "empty_like", garbage_like)
        return on_meta(build).to_empty(device="cpu")


# Ways from a constructor to a module that holds what the constructor was given.
WAYS = {
    "reset after training": lambda build: reset(spoil(build())),
    "meta, memory, reset": lambda build: reset(spoil(emptied(build))),
    "meta and memory": emptied,
    "memory anew, reset": lambda build: reset(spoil(build().to_empty(device="cpu"))),
    "moved to meta and back": lambda build: spoil(build()).to("meta").to_empty(device="cpu"),
    "a copy, reset": lambda build: reset(spoil(copy.deepcopy(build()))),
    "a copy on meta": lambda build: reset(copy.deepcopy(on_meta(build)).to_empty(device="cpu")),
    "unpickled, reset": lambda build: reset(spoil(pickle.loads(pickle.dumps(build())))),
}
every_way = over("way", WAYS.values())


@every_way
@every_layer
def test_a_rotated_layer_holds_its_l_and_its_probe(name, way):
    args, shape = LAYERS[name]
    feedforward = name not in ("RNN", "LSTM", "GRU")
    settings = {"L": 2.0, "trainable_L": True} | ({"x_q": PROBE} if feedforward else {})
    layer = way(lambda: getattr(autorot, f"AutoRot{name}")(*args, **settings))
    assert layer.L.item() == 2.0
    assert isinstance(layer.L, nn.Parameter)
    if feedforward:
        assert_close(layer.x_q, PROBE, rtol=0, atol=0)
    weights = [p for n, p in reset(layer).named_parameters() if n != "L"]
    assert all(p.abs().max() < 10 for p in weights)
    y = layer(torch.randn(shape))
    assert (y if feedforward else y[0]).isfinite().all()


@every_layer
def test_skip_init_leaves_out_the_weights_alone(name):
    args, _ = LAYERS[name]
    layer = skip_init(
        getattr(autorot, f"AutoRot{name}"), *args, L=2.0, trainable_L=True, dtype=torch.float64
    )
    assert layer.L.item() == 2.0
    assert {p.dtype for p in layer.parameters()} == {torch.float64}


MODULES = {
    "one value": lambda: afnlab.nn.SReLU(t=1.5, trainable=True),
    "its default": lambda: afnlab.nn.SReLU(trainable=True),
    "one a channel": lambda: afnlab.nn.PReLU(num_features=3),
    "a tensor, trained": lambda: afnlab.nn.SReLU(
        t=torch.tensor([0.5, 1.5, 2.5], device="cpu"), trainable=True, num_features=3
    ),
    "a tensor, not trained": lambda: afnlab.nn.SReLU(t=torch.tensor([0.5, 1.5], device="cpu")),
    "two, one of them trained": lambda: afnlab.nn.PLU(
        alpha=torch.tensor(0.25, device="cpu"), c=0.75, trainable=["c"]
    ),
    "bounds of its own": lambda: afnlab.nn.APEC(constraints_alpha=(0.0, 4.0), std=0.0),
    "half": lambda: afnlab.nn.SReLU(t=1.5, trainable=True, dtype=torch.bfloat16),
}


@every_way
@pytest.mark.parametrize("build", MODULES.values(), ids=MODULES)
def test_a_module_holds_its_parameters(build, way):
    module, wanted = way(build), build()
    assert module.state_dict().keys() == wanted.state_dict().keys()
    for name, value in wanted.state_dict().items():
        assert_close(module.state_dict()[name], value, rtol=0, atol=0)
    assert (module.bounds, module.stored_bounds()) == (wanted.bounds, wanted.stored_bounds())
    assert [p.requires_grad for p in module.parameters()] == [True] * len(module.trained)


@every_way
def test_a_drawn_start_is_drawn_anew_inside_its_bounds(way):
    module = way(lambda: afnlab.nn.APEC(num_features=500))
    low, high = module.bounds["gamma"]
    assert ((low <= module.gamma) & (module.gamma <= high)).all()
    assert module.gamma.std() > 0.2


def test_a_module_on_meta_draws_nothing():
    torch.manual_seed(0)
    module = afnlab.nn.APEC(num_features=3, device="meta").to_empty(device="cpu")
    torch.manual_seed(0)
    assert_close(module.alpha, afnlab.nn.APEC(num_features=3).alpha, rtol=0, atol=0)


def network():
    layers = [nn.Linear(4, 4), nn.ReLU(), afnlab.nn.SeparableConv1d(4, 4, 1), nn.Linear(4, 2)]
    model = replace(nn.Sequential(*layers), nn.ReLU, "mapec", trainable=True)
    return autorot.auto_rotate(model, 3.0, trainable_L=True)


@every_way
def test_a_converted_model_holds_all_of_it(way):
    model = way(network)
    assert [model[i].L.item() for i in (0, 2)] == [3.0, 3.0]
    own = {n: p.item() for n, p in model[1].named_parameters()}
    assert own == pytest.approx({n: p.item() for n, p in afnlab.nn.MAPEC().named_parameters()})


def test_undone_rotations_leave_nothing_behind():
    layer = nn.Linear(4, 4)
    before = sorted(vars(layer))
    autorot.undo_rotation(autorot.auto_rotate(layer, output_layer=True, x_q=PROBE, L=2.0))
    assert sorted(vars(layer)) == before


def test_a_subclass_that_starts_its_weights_itself():
    class Zero(autorot.AutoRotLinear):
        def reset_parameters(self):
            super().reset_parameters()
            nn.init.zeros_(self.weight)

    class Careless(autorot.AutoRotLinear):
        def reset_parameters(self):
            nn.init.zeros_(self.weight)

    for kind in (Zero, Careless):
        layer = reset(emptied(lambda kind=kind: kind(4, 5, L=2.0, trainable_L=True, x_q=PROBE)))
        assert (layer.L.item(), layer.weight.abs().max().item()) == (2.0, 0.0)
        assert_close(layer.x_q, PROBE)


class Exponential(nn.Module):
    def forward(self, x):
        return x.exp()

    def right_inverse(self, x):
        return x.log()


class Twice(nn.Module):
    """Has no inverse, so torch keeps what it was given."""

    def forward(self, x):
        return 2 * x


@pytest.mark.parametrize(("step", "wanted"), [(Exponential, 2.0), (Twice, 4.0)])
def test_through_parametrizations(step, wanted):
    def build():
        layer = autorot.AutoRotLinear(4, 5, L=2.0, trainable_L=True)
        parametrize.register_parametrization(layer, "L", step())
        return layer

    layer = build()
    assert layer.L.item() == pytest.approx(wanted)
    assert reset(spoil(layer)).L.item() == pytest.approx(wanted)
    assert emptied(build).L.item() == pytest.approx(wanted)
    build().load_state_dict(layer.state_dict())
    module = afnlab.nn.SReLU(t=2.0, trainable=True)
    parametrize.register_parametrization(module, "t", step())
    assert reset(spoil(module)).t.item() == pytest.approx(wanted)


# States that are taken over as they are


@every_layer
def test_a_plain_state_that_is_assigned_leaves_the_start(name):
    args, shape = LAYERS[name]
    feedforward = name not in ("RNN", "LSTM", "GRU")
    probe = {"x_q": PROBE} if feedforward else {}
    build = getattr(autorot, f"AutoRot{name}")
    right = build(*args, L=2.0, trainable_L=True, **probe)
    state = {n: t for n, t in right.state_dict().items() if n != "L"}
    layer = on_meta(lambda: build(*args, L=2.0, trainable_L=True, **probe))
    layer.load_state_dict(state, assign=True)
    x = torch.randn(shape)
    assert_close(layer(x), right(x), rtol=0, atol=0)
    assert isinstance(layer.L, nn.Parameter)
    with torch.no_grad():
        layer.L.fill_(5.0)  # trained since
    layer.load_state_dict(state, assign=True)
    assert layer.L.item() == 5.0


def test_a_state_of_its_own_is_assigned_whole():
    trained = spoil(autorot.AutoRotLinear(4, 5, trainable_L=True))
    layer = on_meta(lambda: autorot.AutoRotLinear(4, 5, trainable_L=True))
    layer.load_state_dict(trained.state_dict(), assign=True)
    assert layer.L.item() == GARBAGE


# What was given stays what it was


def test_a_tensor_that_is_changed_afterwards_changes_nothing():
    probe, t = PROBE.clone(), torch.tensor([0.5, 1.5])
    layer = autorot.AutoRotLinear(4, 5, x_q=probe)
    module = afnlab.nn.SReLU(t=t, trainable=True, num_features=2)
    probe.zero_()
    t.fill_(9.0)
    assert_close(layer.x_q, PROBE)
    assert_close(reset(layer).x_q, PROBE)
    assert reset(module).t.tolist() == [0.5, 1.5]


def test_a_start_without_values_is_not_a_number():
    layer = on_meta(lambda: autorot.AutoRotLinear(4, 5, x_q=torch.ones(4)))
    module = on_meta(lambda: afnlab.nn.SReLU(t=torch.tensor(1.5), trainable=True))
    assert layer.to_empty(device="cpu").x_q.isnan().all()
    assert isnan(module.to_empty(device="cpu").t.item())
    module.load_state_dict(afnlab.nn.SReLU(t=0.5, trainable=True).state_dict())
    assert module.t.item() == 0.5
