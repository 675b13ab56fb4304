"""What holds for every activation in the registry: facts of the record, numerics, transforms."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from math import inf, nan
from shutil import which
from textwrap import dedent

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from afnlab import Param, activation, functional, get_activation, list_activations, nn
from tests.conftest import (
    each_parameter,
    every_activation,
    every_elementwise_setting,
    every_setting,
    free,
    noise_for,
    settings,
    trainable,
)
from tests.over import over

BUILT_IN = """
leaky_relu LeakyReLU, elu ELU, frelu FReLU, gelu GELU, prelu PReLU, rrelu RReLU, plu PLU, pilu PiLU,
double_relu DoubleReLU, swish Swish SiLU, mish Mish, gish Gish, logish Logish, smish Smish,
softplus Softplus, softmin Softmin, softsign Softsign, softshrink Softshrink, hardshrink Hardshrink,
log_softmax LogSoftmax, srelu SReLU, apec APEC, mapec MAPEC, relu ReLU, relu6 ReLU6, selu SELU,
tanh Tanh, sigmoid Sigmoid, arctan Arctan, tanhshrink Tanhshrink, hardtanh Hardtanh,
hardsigmoid Hardsigmoid, hardswish Hardswish, threshold Threshold, celu CELU,
logsigmoid LogSigmoid, softmax Softmax, gelu_tanh GELUTanh, relu_squared ReLUSquared, sine Sine,
xielu XIELU
"""
NAMES = {row.split()[0]: row.split()[1:] for row in BUILT_IN.split(",")}
HALF = (torch.float16, torch.bfloat16)
DTYPES = (torch.float64, torch.float32, *HALF)
SIZES = (0.0, 1e-3, 0.1, 1.0, 5.0, 20.0, 50.0, 88.0, 89.0, 100.0, 700.0, 1e3, 1e4)
EXTREMES = torch.tensor([[-s, s] for s in SIZES])  # two columns, for those that are not elementwise
# At infinity their gradient by a parameter grows as x^2, and so their derivatives beyond the first
# are 0 * inf beside a trained parameter.
SQUARES = ("relu_squared", "xielu")
# torch warns of what its own tracer and compiler do.
torch_warns = pytest.mark.filterwarnings(
    "ignore:.*should not be instantiated. Methods on autograd functions:DeprecationWarning",
    "ignore:`torch.jit.script.*` is deprecated:DeprecationWarning",
)


def ordinary(f, params: dict | None = None, shape=(6, 5), dtype=torch.float64) -> torch.Tensor:
    """Random inputs of both signs, away from the kinks."""
    x = 2.5 * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for kink in f.kinks_at(**(params or {})):
        x = torch.where((x - kink).abs() < 0.05, kink + 0.1, x)
    return x.to(dtype)


def tensors(params: dict, x: torch.Tensor, shape=()) -> dict[str, torch.Tensor]:
    """The parameters as tensors that take a gradient."""
    return {n: torch.full(shape, v, dtype=x.dtype, requires_grad=True) for n, v in params.items()}


def without_zeros(f, params: dict) -> dict:
    """The parameters, none of them 0: a tensor is not looked into, so 0 * inf is NaN with one."""
    return {name: value or f.params[name].default or 0.5 for name, value in params.items()}


def gradients(y: torch.Tensor, inputs, **options) -> tuple[torch.Tensor, ...]:
    if not y.requires_grad:
        return tuple(torch.zeros_like(i) for i in inputs)
    return torch.autograd.grad(y.sum(), inputs, materialize_grads=True, **options)


# Names


def test_the_built_in_activations_are_the_41():
    assert len(NAMES) == 41
    assert set(NAMES) <= set(list_activations())
    assert list(list_activations()) == sorted(list_activations())


@every_activation
def test_the_record_is_the_function_and_names_the_module(f):
    assert getattr(functional, f.name) is get_activation(f.name) is f
    classes = [getattr(nn, word) for word in f.module.split()]
    assert {c.activation for c in classes} == {f}
    assert f.module.split() == NAMES.get(f.name, f.module.split())
    assert f.name in functional.__all__
    assert set(f.module.split()) <= set(nn.__all__)
    assert f.latex
    assert f.reference


# Of torch.nn's activations those that are none: they halve their input, attend, or take pictures.
NO_FUNCTIONS = {"GLU", "MultiheadAttention", "Softmax2d"}
TORCHS = sorted(set(torch.nn.modules.activation.__all__) - NO_FUNCTIONS)


@pytest.mark.parametrize("name", TORCHS)
def test_every_activation_of_torch_is_here(name):
    given = {"Threshold": (0.3, 1.5), "Softmax": (-1,), "Softmin": (-1,), "LogSoftmax": (-1,)}
    theirs = getattr(torch.nn, name)(*given.get(name, ())).double().eval()
    own = getattr(nn, name)(*given.get(name, ())).double().eval()
    x = torch.linspace(-9, 9, 120, dtype=torch.float64).view(40, 3)
    assert_close(own(x), theirs(x), rtol=1e-6 if name == "Hardsigmoid" else 1e-12, atol=1e-12)


def test_gelu_s_approximation_is_torch_s():
    x = torch.linspace(-9, 9, 120, dtype=torch.float64)
    want = torch.nn.GELU(approximate="tanh")(x)
    assert_close(functional.gelu_tanh(x), want, rtol=1e-12, atol=1e-12)


def test_silu_is_another_name_of_swish():
    assert get_activation("silu") is functional.silu is functional.swish
    assert nn.SiLU is nn.Swish


@every_activation
def test_a_default_that_differs_from_a_source_says_why(f):
    for name, p in f.params.items():
        others = {v for v in (p.document, p.code, p.torch) if isinstance(v, float | int)}
        assert p.why or others <= {p.default}, name


@every_activation
def test_elementwise_means_a_diagonal_jacobian(f):
    x = ordinary(f, shape=(5,))
    jacobian = torch.autograd.functional.jacobian(f, x)
    assert (jacobian - jacobian.diag().diag()).any().item() == (not f.elementwise)


# Extremes


@over("dtype", DTYPES)
@over("wrap", ["numbers", "tensors"])
@every_setting
def test_finite_up_to_ten_thousand(f, params, wrap, dtype):
    """Value, gradients and second derivatives, wherever their true size fits the type."""

    def derivatives(dtype):
        x = EXTREMES.to(dtype).requires_grad_()
        given = params if wrap == "numbers" else tensors(params, x, x.shape)
        inputs = [x, *(given.values() if wrap == "tensors" else [])]
        y = f(x, **given, **noise_for(f, x))
        first = gradients(y, inputs, create_graph=True)
        return [y, *first, *gradients(first[0], inputs)]

    for got, true in zip(derivatives(dtype), derivatives(torch.float64), strict=True):
        assert true.isfinite().all()
        fits = true.abs() <= torch.finfo(dtype).max
        assert got.dtype == dtype
        assert got[fits].isfinite().all()


@over("dtype", [torch.float64, torch.float32])
@over("wrap", ["numbers", "tensors"])
@every_elementwise_setting
def test_values_at_infinity_are_the_limits(f, params, wrap, dtype):
    given = params
    if wrap == "tensors":
        params = without_zeros(f, params)
        given = tensors(params, torch.zeros((), dtype=dtype))
    signs = torch.tensor([-1, 1], dtype=torch.float64)
    far = f(signs * 1e200, **params)
    limit = torch.where(far.abs() > 1e100, far.sign() * inf, far)
    assert_close(f((signs * inf).to(dtype), **given), limit.to(dtype))


@over("dtype", [torch.float64, torch.float32])
@over("wrap", ["numbers", "tensors"])
@every_elementwise_setting
def test_slopes_at_infinity_are_the_limits(f, params, wrap, dtype):
    """Of kernels and of definitions; with the first derivatives, the second."""
    signs = torch.tensor([-1.0, 1.0], dtype=dtype)

    squared = f.name in SQUARES and wrap == "tensors"
    if squared:
        params = without_zeros(f, params)

    def derivatives(function, x):
        x = x.requires_grad_()
        given = params if wrap == "numbers" else tensors(params, signs)
        y = function(x, **f.complete(given), **noise_for(f, x))
        (slope,) = gradients(y, [x], create_graph=True)
        return (slope,) if squared else (slope, *gradients(slope, [x]))

    for function in (f, f.fn):
        limits = derivatives(function, signs * 1e25)
        limits = tuple(torch.where(d.abs() > 1e20, d.sign() * inf, d) for d in limits)
        assert_close(derivatives(function, signs * inf), limits, rtol=1e-6, atol=1e-20)


@over("dtype", DTYPES)
@over("wrap", ["numbers", "tensors"])
@every_setting
def test_nan_propagates(f, params, wrap, dtype):
    x = torch.full((9,), nan, dtype=dtype)
    assert f(x, **(params if wrap == "numbers" else tensors(params, x))).isnan().all()


@over("dtype", HALF)
@every_setting
def test_half_types_round_once(f, params, dtype):
    x = torch.cat([torch.linspace(-20, 20, 402), torch.logspace(-3, 1, 50)]).to(dtype)
    x = x.reshape(-1, 2)
    noise = noise_for(f, x)
    exact = f(x.float(), **params, **{n: v.float() for n, v in noise.items()})
    got = f(x, **params, **noise)
    if f.fused:  # torch rounds, inside the logarithm of log_softmax too
        kind = torch.finfo(dtype)
        assert_close(got.float(), exact, rtol=2 * kind.eps, atol=kind.smallest_normal)
    else:
        assert_close(got, exact.to(dtype), rtol=0, atol=0)


# Derivatives


@every_activation
def test_gradcheck(f):
    """First and second derivatives by x and every continuous parameter, inside their ranges."""
    default, high = (settings(f).get(label, {}) for label in ("default", "high"))
    inside = {n: 0.7 * default[n] + 0.3 * high[n] for n in default}
    for params in (default, inside):
        x = ordinary(f, params, shape=(3, 2)).requires_grad_()
        given = tensors(params, x)
        noise = noise_for(f, x)

        def call(x, *values, names=tuple(given), noise=noise):
            return f(x, **dict(zip(names, values, strict=True)), **noise)

        assert torch.autograd.gradcheck(call, (x, *given.values()))
        assert torch.autograd.gradgradcheck(call, (x, *given.values()))


@over("dtype, rtol, atol", [(torch.float64, 1e-12, 1e-13), (torch.float32, 2e-5, 2e-6)])
@every_setting
def test_tensor_parameters_are_as_good_as_numbers(f, params, dtype, rtol, atol):
    x = ordinary(f, params, shape=(40, 3), dtype=dtype).requires_grad_()
    noise = noise_for(f, x)
    want = f(x, **params, **noise)
    (want_slope,) = gradients(want, [x])
    for shape in ((), (3,), (40, 1)):
        y = f(x, **tensors(params, x, shape), **noise)
        assert_close(y, want, rtol=rtol, atol=atol)
        assert_close(gradients(y, [x])[0], want_slope, rtol=rtol, atol=atol)


# Transforms


def spread(f, count: int) -> dict[str, torch.Tensor]:
    """`count` values of each parameter from one end of its range to the other."""
    low, high = (settings(f).get(end, {}) for end in ("low", "high"))
    return {n: torch.linspace(low[n], high[n], count, dtype=torch.float64) for n in free(f)}


@every_activation
def test_vmap_over_inputs_and_parameters(f):
    x = ordinary(f, shape=(3, 4, 2))
    noise = noise_for(f, x)
    assert_close(torch.func.vmap(f)(x), f(x))
    params = spread(f, 3)
    batched = torch.func.vmap(lambda x, params, noise: f(x, **params, **noise))(x, params, noise)
    for i, row in enumerate(batched):
        alone = {n: v[i].item() for n, v in params.items()}
        assert_close(row, f(x[i], **alone, **{n: v[i] for n, v in noise.items()}))


@every_activation
def test_vmapped_gradient_equals_a_loop(f):
    x = ordinary(f, shape=(3, 4, 2))
    noise = noise_for(f, x)
    params = spread(f, 3)

    def loss(params, x, noise):
        return f(x, **params, **noise).square().sum()

    slopes = torch.func.vmap(torch.func.grad(loss, argnums=(0, 1)))(params, x, noise)
    for i in range(3):
        own = {n: v[i].clone().requires_grad_() for n, v in params.items()}
        xi = x[i].clone().requires_grad_()
        value = loss(own, xi, {n: v[i] for n, v in noise.items()})
        want = gradients(value, [*own.values(), xi])
        assert_close([*(v[i] for v in slopes[0].values()), slopes[1][i]], list(want))


@torch_warns
@every_activation
def test_jvp_is_the_transpose_of_the_gradient(f):
    x = ordinary(f).requires_grad_()
    noise = noise_for(f, x)
    given = tensors(settings(f)["default"], x)

    def call(x, *values):
        return f(x, **dict(zip(given, values, strict=True)), **noise)

    inputs = (x, *given.values())
    draw = torch.Generator().manual_seed(1)
    along = tuple(torch.randn(i.shape, generator=draw, dtype=i.dtype) for i in inputs)
    against = torch.randn(x.shape, generator=draw, dtype=x.dtype)
    y, pushed = torch.func.jvp(call, tuple(i.detach() for i in inputs), along)
    assert_close(y, call(*inputs).detach())
    pulled = gradients(call(*inputs) * against, inputs)
    paired = [(p * a).sum() for p, a in zip(pulled, along, strict=True)]
    assert_close((against * pushed).sum(), sum(paired))


class Both(torch.nn.Module):
    """The function with numbers and the module with trained parameters, in one graph."""

    def __init__(self, f) -> None:
        super().__init__()
        self.f = f
        self.module = nn.make(f, trainable=trainable(f)).eval()

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.f(x), self.module(x)


def assert_same_graph(compiled, both: Both, x: torch.Tensor, **tolerance) -> None:
    inputs = [x.requires_grad_(), *both.parameters()]
    got, want = compiled(x), both(x)
    assert_close(got, want, **tolerance)
    assert_close(gradients(sum(got), inputs), gradients(sum(want), inputs), **tolerance)


@torch_warns
@every_activation
def test_compiles_in_one_graph(f):
    torch._dynamo.reset()
    both = Both(f)
    compiled = torch.compile(both, fullgraph=True, backend="aot_eager")
    assert_same_graph(compiled, both, ordinary(f, dtype=torch.float32))


@pytest.mark.slow
@pytest.mark.skipif(not which("g++"), reason="inductor needs a C++ compiler, g++")
@torch_warns
@pytest.mark.parametrize("name", ["srelu", "apec", "gish", "softmin"])
def test_compiles_with_inductor(name):
    torch._dynamo.reset()
    both = Both(get_activation(name))
    compiled = torch.compile(both, fullgraph=True)
    x = ordinary(both.f, shape=(64, 33), dtype=torch.float32)
    # Inductor's vectorized sine and exponential differ from eager's by some ulp.
    assert_same_graph(compiled, both, x, rtol=1e-5, atol=2e-6)


@torch_warns
@every_activation
def test_exports(f):
    both = Both(f)
    x = ordinary(f, dtype=torch.float32)
    program = torch.export.export(both, (torch.zeros_like(x),))
    assert_close(program.module()(x), both(x))


@every_activation
def test_autocast_keeps_values_and_types(f):
    layer = torch.nn.Linear(5, 5)
    model = nn.make(f, trainable=trainable(f)).eval()
    for x in (ordinary(f, dtype=torch.float32), ordinary(f, dtype=torch.bfloat16)):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y, z = f(x), model(x)
        assert y.dtype == z.dtype == x.dtype
        assert_close(y, f(x))
        assert_close(z, model(x))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = model(layer(ordinary(f, dtype=torch.float32)))
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


# Objects and shapes


@every_activation
def test_a_record_is_one_object(f):
    assert pickle.loads(pickle.dumps(f)) is f
    assert copy.deepcopy(f) is copy.copy(f) is f
    assert f.name in repr(f)
    assert f.key == f.label == f.name


@every_activation
def test_any_shape_and_layout(f):
    assert f(torch.zeros(0)).shape == (0,)
    assert f(torch.zeros(0, 3)).shape == (0, 3)
    assert f(torch.tensor(0.7)).shape == ()
    x = ordinary(f, shape=(4, 6, 8))
    for view in (x.transpose(1, 2), x[:, ::2], x[0, 0].expand(4, 8), x.permute(2, 0, 1)):
        assert_close(f(view), f(view.contiguous()))
    before = x.clone()
    f(x)
    assert torch.equal(x, before), "the input was changed"


@every_activation
@over(
    "x, dtype",
    [
        (torch.ones(2, dtype=torch.int64), "torch.int64"),
        (torch.ones(2, dtype=torch.bool), "torch.bool"),
        (torch.ones(2, dtype=torch.complex64), "torch.complex64"),
        (1.0, "float"),
        ([1.0], "list"),
    ],
)
def test_other_types_are_refused(f, x, dtype):
    with pytest.raises(TypeError, match=rf"{f.name}: x must be .*floating-point.* got {dtype}"):
        f(x)


# Parameters

X = torch.linspace(-3, 3, 7)
every_parameter = each_parameter(lambda f: f.params)


@every_activation
def test_an_unknown_parameter_lists_the_right_ones(f):
    with pytest.raises(TypeError, match=f"{f.name}: unknown parameter 'nonsense'") as error:
        f(X, nonsense=1.0)
    assert f"(known: {', '.join(f.params) or 'none'})" in str(error.value)


@every_parameter
def test_a_misspelt_parameter_is_corrected(f, name):
    with pytest.raises(TypeError, match=f"unknown parameter '{name}_'; did you mean '{name}'"):
        f(X, **{f"{name}_": 1.0})


@every_parameter
@over("value", [nan, inf, -inf])
def test_a_parameter_must_be_finite(f, name, value):
    with pytest.raises(ValueError, match=f"{f.name}: {name} must be .* got {value}"):
        f(X, **{name: value})


@every_parameter
@over("value", [True, "1", None, [1.0]])
def test_a_parameter_must_be_a_number(f, name, value):
    with pytest.raises(TypeError, match=f"{f.name}: {name} must be a number or a tensor"):
        f(X, **{name: value})


def test_numpys_numbers_are_numbers():
    want = functional.srelu(X, t=1.5)
    for value in (np.float32(1.5), np.float16(1.5)):
        assert_close(functional.srelu(X, t=value), want, rtol=0, atol=0)
    assert nn.PReLU(init=np.int64(1)).weight.item() == 1.0
    assert nn.PReLU(np.int64(3)).weight.shape == (3,)
    assert repr(nn.Softmin(np.int32(0)).dim) == "0"


OUTSIDE = {"": [], "> 0": [0.0, -1.0], ">= 0": [-1e-3], "<= 1": [1.5], "integer": [0.5]}


@every_parameter
def test_a_parameter_must_be_in_its_domain(f, name):
    domain = f.params[name].domain
    allowed = "a whole number" if domain == "integer" else domain
    for value in OUTSIDE[domain]:
        with pytest.raises(ValueError, match=f"{f.name}: {name} must be {allowed}, got {value}"):
            f(X, **{name: value})


@every_parameter
def test_positions_names_and_aliases_agree(f, name):
    p = f.params[name]
    value = p.default if p.fixed else 0.8 * p.default + 0.05
    before = [q.default for q in list(f.params.values())[: list(f.params).index(name)]]
    want = f(X, *before, value)
    for word in (name, *p.aliases):
        assert_close(f(X, **{word: value}), want, rtol=0, atol=0)
        with pytest.raises(TypeError, match=f"parameter '{word}' is given twice"):
            f(X, *before, value, **{word: value})


@every_parameter
def test_a_name_and_its_alias_are_one_parameter_given_twice(f, name):
    p = f.params[name]
    for alias in p.aliases:
        with pytest.raises(TypeError, match="given twice"):
            f(X, **{name: p.default, alias: p.default})


@every_activation
def test_too_many_parameters_are_refused(f):
    with pytest.raises(TypeError, match=f"{f.name}: takes .* after x"):
        f(X, *[1.0] * (len(f.params) + 1))


@every_parameter
def test_a_setting_takes_no_tensor(f, name):
    if f.params[name].fixed:
        with pytest.raises(TypeError, match=f"{name} is a setting .* got a tensor"):
            f(X, **{name: torch.tensor(1.0)})
    else:
        f(X, **{name: torch.tensor(settings(f)["high"][name])})


@every_activation
def test_noise_is_for_stochastic_ones_and_the_mean_without(f):
    noise = noise_for(f, X).get("noise", torch.full_like(X, 0.5))
    if not f.stochastic:
        with pytest.raises(TypeError, match=f"{f.name}: is not stochastic"):
            f(X, noise=noise)
        return
    assert_close(f(X, noise=noise), f(X, noise=noise.clone()), rtol=0, atol=0)
    assert not torch.equal(f(X, noise=noise), f(X, noise=1 - noise))
    assert_close(f(X), f(X, noise=torch.full_like(X, 0.5)))


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match=r"rrelu: lower must be at most upper, got lower 0\.5"):
        functional.rrelu(X, lower=0.5, upper=0.25)
    with pytest.raises(ValueError, match="hardtanh: min_val must be below max_val"):
        functional.hardtanh(X, min_val=1.0, max_val=-1.0)


def test_rrelu_draws_between_its_bounds():
    x = -torch.ones(1000)
    noise = torch.linspace(0, 1, 1000)
    assert_close(functional.rrelu(x, 0.2, 0.6, noise=noise), -(0.2 + 0.4 * noise))


def test_apec_without_parameters_uses_the_middle_of_its_ranges():
    f = functional.apec
    middle = {n: sum(p.bounds) / 2 for n, p in free(f).items()}
    assert middle == {"alpha": 0, "beta": 0, "gamma": -1.375}
    assert_close(f(X), f(X, **middle), rtol=0, atol=0)


def test_an_unknown_activation_gets_the_nearest_spelling():
    with pytest.raises(ValueError, match="unknown activation 'sreul'; did you mean 'srelu'"):
        get_activation("sreul")
    with pytest.raises(ValueError, match=r"unknown activation 7 \(`afnlab list`"):
        get_activation(7)


def test_a_definition_must_match_its_function():
    with pytest.raises(TypeError, match=r"takes \['b'\] after x, but Params are given for \['a'\]"):

        @activation(a=Param(1.0))
        def mine(x, b):
            return x * b


def test_a_new_definition_is_named_after_its_function():
    @activation(scale=Param(2.0, low=0.0, high=3.0))
    def twice_as_much(x, scale):
        """Twice."""
        return x * scale

    assert (twice_as_much.name, twice_as_much.module) == ("twice_as_much", "TwiceAsMuch")
    told = "Twice.\n\nArgs:\n    scale: default 2; worth exploring from 0 to 3"
    assert twice_as_much.__doc__ == told
    assert (nn.module_class(twice_as_much).__doc__ or "").startswith(told)
    assert_close(twice_as_much(X), 2 * X)
    assert_close(nn.make(twice_as_much, {"scale": 3})(X), 3 * X)


# Importing

IMPORT = """
    import sys
    import torch, numpy, pandas

    started = []
    def watch(event, args):
        writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
        if writes or event in {"subprocess.Popen", "os.posix_spawn", "os.fork", "os.system"}:
            started.append((event, args))

    before = set(sys.modules)
    sys.addaudithook(watch)
    import afnlab
    afnlab.functional.srelu, afnlab.nn.SReLU
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    assert not started, started
    assert "torch.utils.cpp_extension" not in sys.modules
    heavy = {"sklearn", "scipy", "statsmodels", "matplotlib", "seaborn", "IPython", "ipykernel",
             "ipywidgets", "papermill", "nbformat", "nbconvert", "nbclient", "pyarrow",
             "pooch", "dask", "safetensors", "yaml", "jupyter_client"}
    assert not heavy & new, heavy & new

    small = {"epochs": 1, "limit_train": 64, "limit_test": 64, "progress": False}
    afnlab.train("digits-mlp", "srelu", seeds=2, **small)
    assert not {"torch._dynamo", "sympy"} & set(sys.modules)  # 2 s, for what no training needs
"""


def test_importing_loads_and_starts_nothing_and_a_training_no_compiler():
    command = [sys.executable, "-B", "-c", dedent(IMPORT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
