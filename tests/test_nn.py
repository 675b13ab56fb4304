"""The modules: their arguments, their trained parameters and constraints, torch's counterparts."""

from __future__ import annotations

import copy
import pickle
from math import inf, nan

import pytest
import safetensors.torch
import torch
from torch.func import functional_call, grad, hessian, jvp, stack_module_state, vmap
from torch.testing import assert_close

from afnlab import Param, activation, functional, nn
from afnlab.clamping import inward_clamp
from afnlab.nn import make, module_class
from tests.conftest import (
    ACTIVATIONS,
    STILL,
    each_parameter,
    every_activation,
    free,
    settings,
    trainable,
)
from tests.over import over

X = torch.linspace(-4, 4, 36).reshape(12, 3)
every_free_parameter = each_parameter(free)
every_trainable_parameter = each_parameter(trainable)


def bounded(f) -> list[tuple[str, tuple[float, float]]]:
    """The trainable parameters that are kept inside bounds, and these."""
    kept = {name: f.params[name].kept_inside for name in trainable(f)}
    return [(name, bounds) for name, bounds in kept.items() if bounds != (-inf, inf)]


every_bounded_parameter = each_parameter(bounded, "name, bounds")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# torch's own


@pytest.mark.parametrize(
    "name", [word for f in ACTIVATIONS for word in f.module.split() if hasattr(torch.nn, word)]
)
def test_equals_torchs_own(name):
    cls = getattr(nn, name)
    # Arguments for which torch has no default, or a guess, are given to both.
    given = {n: p.default for n, p in cls.activation.params.items() if p.torch is None}
    ours, torchs = cls(**given).eval(), getattr(torch.nn, name)(**given).double().eval()
    # Neither zero nor any other kink: there torch's slopes are a matter of taste.
    x = torch.linspace(-12.01, 12.03, 300, dtype=torch.float64).reshape(-1, 3).requires_grad_()
    y, want = ours(x), torchs(x)
    assert_close(y, want, rtol=1e-12, atol=1e-14)
    slopes = (torch.autograd.grad(v.sum(), x)[0] for v in (y, want))
    assert_close(*slopes, rtol=1e-7, atol=1e-14)  # torch's hardsigmoid has 1/6 as a float32


def test_prelu_is_torchs_prelu_per_channel():
    ours = nn.PReLU(num_features=3, feature_dim=1)
    torchs = torch.nn.PReLU(3)
    x = torch.randn(4, 3, 5, 5, generator=seeded(0))
    weight = torch.tensor([0.1, -0.3, 0.8])
    results = []
    for module in (ours, torchs):
        with torch.no_grad():
            assert_close(module.weight, torch.full((3,), 0.25))
            module.weight.copy_(weight)
        y = module(x)
        results.append((y, *torch.autograd.grad(y.square().sum(), [module.weight])))
    assert_close(*results)
    assert_close(nn.PReLU(init=0.1).weight.item(), 0.1)


# Arguments


@every_activation
def test_a_default_module_is_the_function(f):
    module = make(f, std=0.0).eval()
    assert_close(module(X), f(X))
    trained = {n for n, p in f.params.items() if p.trainable}
    assert {n for n, _ in module.named_parameters()} == trained


@every_activation
@over("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_output_has_the_dtype_and_shape_of_the_input(f, dtype):
    for names in (trainable(f), False):
        y = make(f, trainable=names)(X.to(dtype))
        assert (y.dtype, y.shape) == (dtype, X.shape)
        assert y.isfinite().all()


@every_trainable_parameter
def test_trainable_chooses_the_parameters(f, name):
    value = settings(f)["default"][name]
    assert set(dict(make(f, trainable=True).named_parameters())) == set(trainable(f))
    assert not list(make(f, trainable=False).parameters())
    for chosen in ([name], (name,), name, *([a] for a in f.params[name].aliases)):
        module = make(f, {name: value}, trainable=chosen)
        assert [n for n, _ in module.named_parameters()] == [name]
        assert_close(getattr(module, name).item(), value)
    default = make(f)
    assert isinstance(getattr(default, name), torch.nn.Parameter) == f.params[name].trainable


@activation(size=Param(0.5, low=0.0, high=2.0), step=Param(1.0, low=0.1, high=3.0))
def stepped(x, size, step):
    """One parameter with a gradient, and one that only rounds."""
    return size * torch.round(x / step)


@activation(limit=Param(1.0, low=0.0, high=3.0, trainable=True))
def masked(x, limit):
    """A parameter that is only compared with, though its record says that it is trained."""
    return torch.where(x.abs() > limit, x, 0.0)


@activation(scale=Param(1.0, low=0.5, high=2.0))
def odd(x, scale):
    """A gradient whose sum over symmetric inputs is zero."""
    return scale * x


@activation(scale=Param(0.0, low=-1.0, high=1.0))
def flat_at_its_default(x, scale):
    """A gradient that is zero at the default only."""
    return x + scale.square() if isinstance(scale, torch.Tensor) else x + scale**2


@activation(start=Param(20.0, low=10.0, high=50.0))
def far_out(x, start):
    """A gradient for large inputs only."""
    return torch.relu(x - start)


@activation(width=Param(1e-6, low=0.0, high=1e-5))
def close_by(x, width):
    """A gradient for tiny inputs only."""
    return x + torch.relu(width - x.abs())


@activation(scale=Param(1.0))
def particular(x, scale):
    """One that cannot be asked with inputs of any shape."""
    if x.shape[-1] != 3:
        raise ValueError("three columns")
    return scale * x


@every_free_parameter
def test_a_parameter_can_be_trained_if_it_has_a_gradient_anywhere(f, name):
    """By torch's gradients one after the other, over inputs and values of its range."""
    low, high = (settings(f)[end][name] for end in ("low", "high"))
    found = False
    for value in torch.linspace(low, high, 5, dtype=torch.float64).tolist():
        x = torch.linspace(-6.1, 5.9, 40, dtype=torch.float64)
        own = torch.full_like(x, value, requires_grad=True)
        y = f(x, **{name: own}) + 0 * own
        found |= torch.autograd.grad(y.sum(), own)[0].any().item()
    assert found == ((f.name, name) not in STILL) == (name in f.trainable)


@pytest.mark.parametrize(
    ("f", "names"),
    [
        (stepped, ("size",)),
        (masked, ()),
        (odd, ("scale",)),
        (flat_at_its_default, ("scale",)),
        (far_out, ("start",)),
        (close_by, ("width",)),
        (particular, ("scale",)),
    ],
    ids=lambda v: getattr(v, "name", ""),
)
def test_own_parameters_without_a_gradient_are_not_trained(f, names):
    assert f.trainable == names


def test_it_is_found_wherever_one_asks():
    names = {"in a transform": lambda: vmap(lambda x: x * len(odd.trainable))(X)[0, 0] / X[0, 0]}
    names["without gradients"] = lambda: len(odd.trainable)
    names["on another device"] = lambda: len(odd.trainable)
    places = (torch.no_grad(), torch.inference_mode(), torch.device("meta"))
    for place, found in zip(places, names.values(), strict=True):
        vars(odd).pop("trainable", None)
        with place:
            assert found() == 1


@pytest.mark.parametrize(
    ("f", "asked", "told"),
    [
        (functional.hardshrink, True, r"hardshrink: lambd cannot be .* \(trainable: none\)"),
        (functional.hardshrink, "lambda", r"hardshrink: lambd cannot be .* \(trainable: none\)"),
        (stepped, ["step"], r"stepped: step cannot be .* \(trainable: size\)"),
        (stepped, ["size", "step"], r"stepped: step cannot be .* \(trainable: size\)"),
        (masked, None, r"masked: limit cannot be .* \(trainable: none\)"),
    ],
)
def test_what_has_no_gradient_is_not_trained_silently(f, asked, told):
    with pytest.raises(ValueError, match=told):
        make(f, trainable=asked)
    assert not list(make(f, trainable=False).parameters())


def test_all_that_can_be_trained_is():
    assert [n for n, _ in make(stepped, trainable=True).named_parameters()] == ["size"]
    assert not list(nn.ReLU(trainable=True).parameters())


@every_free_parameter
def test_a_module_takes_positions_names_aliases_and_tensors(f, name):
    value = 0.8 * f.params[name].default + 0.05
    before = [p.default for p in list(f.params.values())[: list(f.params).index(name)]]
    options = {"trainable": False}
    want = f(X, *before, value)
    cls = module_class(f)
    if f.name != "prelu":  # takes torch's arguments, of which the first counts the slopes
        assert_close(cls(*before, value, **options).eval()(X), want)
    for word in (name, *f.params[name].aliases):
        assert_close(cls(**{word: value}, **options).eval()(X), want)
    held = cls(**{name: torch.tensor(value)}, **options).eval()
    assert_close(held(X), want)
    assert list(held.state_dict()) == [name]


@every_free_parameter
def test_a_parameter_given_twice_is_refused(f, name):
    p = f.params[name]
    before = [q.default for q in list(f.params.values())[: list(f.params).index(name)]]
    for word in (name, *p.aliases) if f.name != "prelu" else ():
        with pytest.raises(TypeError, match="given twice"):
            module_class(f)(*before, p.default, **{word: p.default})
    for alias in p.aliases:
        with pytest.raises(TypeError, match="given twice"):
            module_class(f)(**{name: p.default, alias: p.default})


@every_activation
def test_errors_name_what_is_wrong(f):
    cls = module_class(f)
    for word in f.params:
        with pytest.raises(TypeError, match=f"unknown parameter '{word}_'; did you mean '{word}'"):
            cls(**{f"{word}_": 1.0})
        with pytest.raises(ValueError, match=f"{word} must be .* got nan"):
            cls(**{word: nan})
    with pytest.raises(TypeError, match=f"{f.name}: unknown parameter 'nonsense'"):
        cls(nonsense=1.0)
    with pytest.raises((TypeError, ValueError), match=r"takes .*, got|must be .*got 1.0"):
        cls(*[1.0] * (len(f.params) + 1))
    for bad in (1, None, "yes"):
        with pytest.raises(TypeError, match="inplace must be True or False, got"):
            cls(inplace=bad)
    with pytest.raises((TypeError, ValueError), match=f"{f.name}: unknown parameter 'nonsense'"):
        cls(trainable=["nonsense"])
    for word, p in f.params.items():
        if p.fixed:
            with pytest.raises(ValueError, match=f"unknown trainable parameter '{word}'"):
                cls(trainable=[word])


@pytest.mark.parametrize("bad", [0, -1, True, 2.5, "3"], ids=repr)
def test_num_features_must_be_a_count(bad):
    with pytest.raises((TypeError, ValueError), match="SReLU: num_features must be"):
        nn.SReLU(trainable=True, num_features=bad)


@pytest.mark.parametrize("bad", [-0.1, nan], ids=repr)
def test_std_must_not_be_negative(bad):
    with pytest.raises(ValueError, match="APEC: std must be 0 or more"):
        nn.APEC(std=bad)


@pytest.mark.parametrize(
    ("bad", "error"),
    [((1,), TypeError), (3, TypeError), ("ab", TypeError), ((1, 0), ValueError),
     ((1, 1), ValueError), ((nan, 1), ValueError)],
)  # fmt: skip
def test_constraints_must_be_an_interval(bad, error):
    with pytest.raises(error, match="APEC: constraints_alpha must"):
        nn.APEC(constraints_alpha=bad)


def test_constraints_must_be_inside_the_domain():
    with pytest.raises(ValueError, match="SReLU: constraints_t must be > 0"):
        nn.SReLU(trainable=True, constraints_t=(-1, 1))


def test_constraints_must_be_of_a_parameter():
    with pytest.raises(TypeError, match="unknown parameter 'alhpa'; did you mean 'alpha'"):
        nn.APEC(constraints_alhpa=(0, 1))


@every_activation
def test_repr_names_what_is_held(f):
    for module in (make(f, trainable=trainable(f)), make(f, trainable=False)):
        shown = repr(module)
        assert shown.startswith(f.module.split()[0])
        assert all(name in shown for name in f.params)


# Trained parameters


@every_trainable_parameter
def test_one_parameter_per_feature(f, name):
    """num_features values along feature_dim are as many modules, each on its own slice."""
    start = f.params[name].default
    values = torch.linspace(start, 0.8 * start + 0.05, 3)
    x = torch.linspace(-4, 4, 2 * 3 * 5).reshape(2, 3, 5)
    for dim in (1, -2):
        module = make(f, trainable=[name], num_features=3, feature_dim=dim).eval()
        with torch.no_grad():
            getattr(module, name).copy_(values)
        want = [f(x[:, i], **{name: v}) for i, v in enumerate(values.tolist())]
        assert_close(module(x), torch.stack(want, 1))
    last = make(f, trainable=[name], num_features=3).eval()
    with torch.no_grad():
        getattr(last, name).copy_(values)
    turned = x.transpose(1, 2)
    assert_close(last(turned), torch.stack(want, 1).transpose(1, 2))


def test_mapec_broadcasts_over_the_last_dimension():
    module = nn.MAPEC(num_features=4, std=0.1, generator=seeded(0))
    assert {p.shape for p in module.parameters()} == {(4,)}
    x = torch.randn(2, 7, 4, generator=seeded(1))
    for i in range(4):
        own = {n: p[i].item() for n, p in module.named_parameters()}
        assert_close(module(x)[..., i], functional.mapec(x[..., i], **own))


def test_apec_starts_as_published():
    """Normal with deviation 0.35 about the middle of [-2, 2], [-2.5, 2.5] and [-2.5, -0.25]."""
    module = nn.APEC(num_features=40_000, generator=seeded(0))
    for name, middle in {"alpha": 0.0, "beta": 0.0, "gamma": -1.375}.items():
        start = getattr(module, name)
        assert start.mean().item() == pytest.approx(middle, abs=0.01)
        assert start.std().item() == pytest.approx(0.35, rel=0.02)
        inside = ((start - middle).abs() < 0.35).float().mean().item()
        assert inside == pytest.approx(0.6827, abs=0.01)


def test_a_start_is_reproducible_and_each_its_own():
    def draw(seed):
        return nn.APEC(generator=seeded(seed)).state_dict()

    assert_close(draw(1), draw(1), rtol=0, atol=0)
    assert draw(1)["alpha"] != draw(2)["alpha"]
    torch.manual_seed(3)
    first = nn.APEC().alpha.item()
    assert first != nn.APEC().alpha.item()
    torch.manual_seed(3)
    assert first == nn.APEC().alpha.item()
    module = nn.APEC(generator=seeded(1))
    module.reset_parameters(seeded(2))
    assert_close(dict(module.state_dict()), dict(draw(2)), rtol=0, atol=0)


def test_a_start_does_not_depend_on_the_default_device():
    with torch.device("meta"):
        module = nn.APEC(generator=seeded(1), device="cpu")
        assert nn.APEC(generator=seeded(1)).alpha.is_meta
    assert_close(module.state_dict(), nn.APEC(generator=seeded(1)).state_dict(), rtol=0, atol=0)


def test_std_and_ranges_are_arguments():
    assert nn.APEC(std=0).gamma.item() == -1.375
    module = nn.APEC(constraints_gamma=(-2, -1), std=0)
    assert (module.gamma.item(), module.bounds["gamma"]) == (-1.5, (-2, -1))
    wide = nn.APEC(constraints_alpha=(-9, 9), std=3.0, num_features=9999, generator=seeded(0))
    assert wide.alpha.std().item() == pytest.approx(3.0, rel=0.03)
    given = nn.APEC(alpha=0.5, generator=seeded(0))
    assert given.alpha.item() == 0.5
    assert given.beta.item() != 0
    assert nn.SReLU(trainable=True, std=0.2, generator=seeded(0)).t.item() != pytest.approx(2.21)


# Constraints


@every_bounded_parameter
def test_the_value_used_lies_inside(f, name, bounds):
    module = make(f, trainable=trainable(f))
    parameter = getattr(module, name)
    for stored in (-1e4, -3.0, 0.0, 3.0, 1e4):
        with torch.no_grad():
            parameter.fill_(stored)
        used = module.values()[name].item()
        assert bounds[0] <= used <= bounds[1]
        assert used == pytest.approx(min(max(stored, bounds[0]), bounds[1]))
        assert module(X).isfinite().all()
        assert parameter.item() == stored
        module.project()
        assert parameter.item() == used


@every_bounded_parameter
def test_a_gradient_passes_inward_only(f, name, bounds):
    module = make(f, trainable=trainable(f))
    parameter = getattr(module, name)

    def gradient(stored: float, downhill: float) -> float:
        """The stored parameter's, for a loss that falls towards the sign of `downhill`."""
        with torch.no_grad():
            parameter.fill_(stored)
        return torch.autograd.grad(-downhill * module.values()[name], parameter)[0].item()

    for end, inward in zip(bounds, (1.0, -1.0), strict=True):
        if abs(end) < inf:
            for stored in (end, end - inward):  # at the bound, and beyond it
                assert gradient(stored, inward) == -inward
                assert gradient(stored, -inward) == 0
            for direction in (-1.0, 1.0):  # inside
                assert gradient(end + 0.1 * inward, direction) == -direction


@every_bounded_parameter
def test_a_parameter_beyond_its_bound_comes_back(f, name, bounds):
    """Plain SGD, nothing projected: towards a target inside, from outside."""
    module = make(f, trainable=[name])
    parameter = getattr(module, name)
    for end, inward in zip(bounds, (1.0, -1.0), strict=True):
        if abs(end) == inf:
            continue
        with torch.no_grad():
            parameter.fill_(end - inward)
        target = end + 0.5 * inward
        optimizer = torch.optim.SGD([parameter], lr=0.1)
        for _ in range(200):
            optimizer.zero_grad()
            (module.values()[name] - target).square().backward()
            optimizer.step()
        assert parameter.item() == pytest.approx(target, abs=1e-3)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_constraints_in_forward_mode():
    def loss(p: torch.Tensor) -> torch.Tensor:
        return inward_clamp(p, -1.0, 1.0) ** 3

    for stored, slope, curvature in ((0.5, 0.75, 3.0), (-2.0, 0.0, 0.0), (3.0, 0.0, 0.0)):
        p = torch.tensor(stored)
        assert jvp(loss, (p,), (torch.ones(()),))[1] == slope
        assert hessian(loss)(p) == curvature


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_trace_with_constraints_can_be_saved(tmp_path):
    module = nn.APEC(generator=seeded(1))
    torch.jit.save(torch.jit.trace(module, X), tmp_path / "apec.pt")
    assert_close(torch.jit.load(tmp_path / "apec.pt")(X), module(X))


def test_unconstrained_means_the_stored_value():
    module = nn.APEC(constrained=False)
    with torch.no_grad():
        module.alpha.fill_(7.0)
    module.project()
    assert module.values()["alpha"].item() == 7.0


def test_constraints_under_vmap_of_grad():
    """Stacked modules, as the engine trains them: the same as one after the other."""
    modules = [nn.APEC(generator=seeded(i)) for i in range(4)]
    with torch.no_grad():
        modules[0].alpha.fill_(3.0)
        modules[1].gamma.fill_(0.5)
        modules[2].beta.fill_(-9.0)
    params, buffers = stack_module_state(modules)
    x = torch.randn(4, 5, 3, generator=seeded(9))

    def loss(params, buffers, x):
        return functional_call(modules[0], (params, buffers), (x,)).square().mean()

    stacked = vmap(grad(loss))(params, buffers, x)
    for i, module in enumerate(modules):
        module(x[i]).square().mean().backward()
        for name, p in module.named_parameters():
            assert_close(stacked[name][i], p.grad)


# RReLU


def test_rrelu_draws_in_training_and_means_in_evaluation():
    module = nn.RReLU(0.2, 0.6)
    x = -torch.ones(50, 40)
    torch.manual_seed(0)
    first, second = module(x), module(x)
    assert not torch.equal(first, second)
    for slopes in (-first, -second):
        assert 0.2 <= slopes.min() < 0.21
        assert 0.59 < slopes.max() <= 0.6
        assert slopes.mean().item() == pytest.approx(0.4, abs=0.01)
    torch.manual_seed(0)
    assert_close(module(x), first, rtol=0, atol=0)
    assert_close(module.eval()(x), torch.full_like(x, -0.4))
    assert_close(module(-x), -x)


def test_rrelu_takes_its_noise():
    x = torch.randn(8, 5, generator=seeded(0))
    noise = torch.rand(8, 5, generator=seeded(1))
    modules = [nn.RReLU(), nn.RReLU()]
    for module in modules:
        module.noise = lambda x: noise[: x.shape[0]]
    assert_close(modules[0](x), modules[1](x), rtol=0, atol=0)
    assert_close(modules[0](x), functional.rrelu(x, noise=noise), rtol=0, atol=0)
    assert_close(modules[0](x[:3]), modules[1](x)[:3], rtol=0, atol=0)


# Copies


@every_activation
def test_pickle_and_deepcopy(f):
    module = make(f, trainable=trainable(f), num_features=3).eval()
    for other in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
        assert type(other) is type(module)
        assert_close(other(X), module(X), rtol=0, atol=0)
        assert repr(other) == repr(module)
        assert not other.training
        mine, theirs = dict(module.named_parameters()), dict(other.named_parameters())
        assert all(mine[n].data_ptr() != theirs[n].data_ptr() for n in mine)


@every_activation
def test_state_dict_round_trip(f):
    module = make(f, trainable=trainable(f), num_features=3, std=0.1, generator=seeded(0)).eval()
    state = module.state_dict()
    assert set(state) == set(trainable(f))
    loaded = safetensors.torch.load(safetensors.torch.save(state))
    other = make(f, trainable=trainable(f), num_features=3).eval()
    other.load_state_dict(loaded, strict=True)
    assert_close(other(X), module(X), rtol=0, atol=0)


@every_activation
def test_moves_to_another_dtype(f):
    module = make(f, trainable=trainable(f), dtype=torch.float64).eval()
    assert all(p.dtype == torch.float64 for p in module.parameters())
    assert_close(module(X.double()).float(), module.float()(X), rtol=1e-4, atol=1e-5)


@every_activation
def test_trains_in_a_network(f):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 16), make(f, trainable=trainable(f)), torch.nn.Linear(16, 1)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    target = X.square().sum(1, keepdim=True) / 10
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = (model(X) - target).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_a_class_is_made_once():
    assert module_class("srelu") is module_class(functional.srelu) is nn.SReLU
    assert nn.SReLU.activation is functional.srelu


def test_bounds_of_a_new_definition_hold():
    @activation(a=Param(1.0, low=0.0, high=2.0, bounds=(0.5, 1.5), trainable=True))
    def bounded(x, a):
        return a * x

    module = make(bounded)
    with torch.no_grad():
        module.a.fill_(9.0)
    assert_close(module(X), 1.5 * X)


def test_what_is_trained_is_shown_with_its_value():
    module = nn.SReLU(t=1.5, trainable=True)
    assert repr(module) == "SReLU(t=1.5, trainable=['t'])"
    with torch.no_grad():
        module.t.fill_(0.25)
    assert repr(module) == "SReLU(t=0.25, trainable=['t'])"
    assert repr(module.to("meta")) == "SReLU(trainable=['t'])"
    many = nn.SReLU(trainable=True, num_features=3)
    assert repr(many) == "SReLU(trainable=['t'], num_features=3)"
