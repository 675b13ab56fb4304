"""Values and slopes against closed forms, evaluated with 40 digits by mpmath.

One row a function in FORMS. An activation without a row is held to its own float64 evaluation.
"""

from __future__ import annotations

from functools import cache
from math import exp, log, pi, sin

import mpmath as mp
import pytest
import torch

from afnlab import functional, get_activation, list_activations
from tests.conftest import ACTIVATIONS, crossed, each_of, every_activation, every_setting, free
from tests.over import over

mp.mp.dps = 40
SELU_ALPHA = mp.mpf("1.6732632423543772848170429916717")  # Klambauer et al. (2017)
SELU_SCALE = mp.mpf("1.0507009873554804934193349852946")


def clip(x, low, high):
    return min(max(x, low), high)


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def leaky(x, slope):
    return x if x > 0 else slope * x


def elu(x, alpha):
    return x if x > 0 else alpha * mp.expm1(x)


def shrunk(x, size):
    return x - size if x > size else x + size if x < -size else mp.mpf(0)


# name: the printed formula. Where terms cancel it is the list of them, whose sum is the value: a
# float cannot do better than the rounding of the largest. After x come, for one that is not
# elementwise, the other elements of its row, and then the parameters in the record's order.
FORMS = {
    "relu": lambda x: max(x, 0),
    "relu6": lambda x: clip(x, 0, 6),
    "leaky_relu": leaky,
    "prelu": leaky,
    "rrelu": lambda x, lower, upper: leaky(x, (lower + upper) / 2),
    "elu": elu,
    "selu": lambda x: SELU_SCALE * elu(x, SELU_ALPHA),
    "softplus": lambda x, beta, threshold: (
        x if beta * x > threshold else mp.log1p(mp.exp(beta * x)) / beta
    ),
    "frelu": lambda x, b: [max(x, 0), b],
    "plu": lambda x, alpha, c: max(
        [alpha * (x + c), -c], min([alpha * (x - c), c], [x], key=sum), key=sum
    ),
    "pilu": lambda x, alpha, beta, gamma: (
        [alpha * x, gamma * (1 - alpha)] if x > gamma else [beta * x, gamma * (1 - beta)]
    ),
    "double_relu": shrunk,
    "softshrink": shrunk,
    "hardshrink": lambda x, lambd: x if abs(x) > lambd else mp.mpf(0),
    "tanhshrink": lambda x: [x, -mp.tanh(x)],
    "srelu": lambda x, t: x * mp.sin(mp.pi / 4 * (1 + clip(x / t, -1, 1))) ** 2,
    "swish": lambda x, beta: x * sigmoid(beta * x),
    "gelu": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    "mish": lambda x: x * mp.tanh(mp.log1p(mp.exp(x))),
    "gish": lambda x: x * mp.log(2 - mp.exp(-mp.exp(x))),
    "logish": lambda x: x * mp.log1p(sigmoid(x)),
    "smish": lambda x: x * mp.tanh(mp.log1p(sigmoid(x))),
    "hardswish": lambda x: x * clip(x + 3, 0, 6) / 6,
    "tanh": mp.tanh,
    "sigmoid": sigmoid,
    "arctan": mp.atan,
    "softsign": lambda x: x / (1 + abs(x)),
    "hardtanh": clip,
    "hardsigmoid": lambda x: clip(x + 3, 0, 6) / 6,
    "apec": lambda x, alpha, beta, gamma, eps: [
        alpha,
        (beta - x) / (gamma - mp.exp(-x) + eps),
    ],
    "mapec": lambda x, alpha, beta, gamma, delta, zeta, eps: [
        alpha * zeta,
        (beta - x) / (-abs(gamma) - mp.exp(-x) - eps) * zeta,
        x * delta * zeta,
    ],
    "threshold": lambda x, threshold, value: x if x > threshold else mp.mpf(value),
    "celu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x / alpha),
    "logsigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "gelu_tanh": lambda x: x * sigmoid(mp.sqrt(8 / mp.pi) * (x + mp.mpf("0.044715") * x**3)),
    "relu_squared": lambda x, slope: leaky(x, slope) ** 2,
    "sine": lambda x, omega: mp.sin(omega * x),
    "xielu": lambda x, alpha_p, alpha_n, beta: (
        [alpha_p * x**2, beta * x] if x > 0 else [alpha_n * mp.expm1(x), -alpha_n * x, beta * x]
    ),
    "softmax": lambda x, others, dim: mp.exp(x) / (mp.exp(x) + mp.fsum(mp.exp(o) for o in others)),
    "softmin": lambda x, others, dim: (
        mp.exp(-x) / (mp.exp(-x) + mp.fsum(mp.exp(-o) for o in others))
    ),
    "log_softmax": lambda x, others, dim: [
        x,
        -mp.log(mp.exp(x) + mp.fsum(mp.exp(o) for o in others)),
    ],
}
OTHERS = (-1.0, 0.5, 2.0)
# Exact in float32; between -20 and 20 but not at them, nor at any other round number but 0.
SIZES = torch.logspace(-6, 1.3, 48)
GRID = torch.cat([-SIZES, torch.zeros(1), SIZES, torch.linspace(-19.97, 19.97, 41)]).unique()


def points(f, params: dict) -> torch.Tensor:
    """The grid and the kinks, as float32 stores them."""
    kinks = torch.tensor(f.kinks_at(**params), dtype=torch.float32)
    return torch.cat([GRID, kinks]).unique()


def smooth(f, params: dict, x: torch.Tensor) -> torch.Tensor:
    """Where x is not at a kink, and has a slope."""
    away = torch.ones(x.shape, dtype=torch.bool)
    for kink in f.kinks_at(**params):
        away &= (x - kink).abs() > 1e-6 * abs(kink)
    return away


def evaluate(f, params: dict, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Values and slopes at the points, by torch in that type."""
    x = points(f, params).to(dtype).requires_grad_()
    columns = [x, *(torch.full_like(x, o) for o in OTHERS)] if not f.elementwise else [x]
    y = f(torch.stack(columns, -1), **params)[:, 0]
    (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach(), slope


@cache
def truth(name: str, items: tuple) -> tuple[torch.Tensor, ...]:
    """Values, the sizes of their largest terms, and slopes, by mpmath."""
    f, params = get_activation(name), dict(items)
    given = [mp.mpf(v) for v in f.complete(params).values()]
    others = () if f.elementwise else ([mp.mpf(o) for o in OTHERS],)
    x = points(f, params)

    def terms(at):
        form = FORMS[name](at, *others, *given)
        return form if isinstance(form, list) else [form]

    at = [mp.mpf(v) for v in x.tolist()]
    slopes = [
        mp.diff(lambda v: mp.fsum(terms(v)), a) if plain else mp.nan
        for a, plain in zip(at, smooth(f, params, x).tolist(), strict=True)
    ]
    rows = [[mp.fsum(terms(a)) for a in at], [max(map(abs, terms(a))) for a in at], slopes]
    value, size, slope = torch.tensor(
        [[float(v) for v in row] for row in rows], dtype=torch.float64
    )
    return value, size, slope


def reference(f, params: dict) -> tuple[torch.Tensor, ...]:
    if f.name in FORMS:
        return truth(f.name, tuple(params.items()))
    value, slope = evaluate(f, params, torch.float64)
    return value, value.abs(), slope


def assert_near(f, params: dict, rows: list[torch.Tensor]) -> None:
    """For rows x, got, want, allowed: |got - want| <= allowed, or a message with the worst x."""
    x, got, want, allowed = (row.double() for row in rows)
    error = (got - want).abs()
    worst = (error / allowed).nan_to_num(torch.inf).argmax().item()
    assert (error <= allowed).all(), (
        f"{f.name}({x[worst].item()!r}, {params}) is {got[worst].item()!r}, the reference says"
        f" {want[worst].item()!r}: off by {error[worst]:.2g}, allowed is {allowed[worst]:.2g}"
    )


def needs_form(f, dtype: torch.dtype) -> None:
    if f.name not in FORMS and dtype is torch.float64:
        pytest.skip(f"no closed form for {f.name}: add a row to FORMS in {__file__}")


@pytest.mark.parametrize(
    ("dtype", "relative", "ulps"),
    [(torch.float32, 1e-5, 4), (torch.float64, 1e-12, 8)],
    ids=["float32", "float64"],
)
@every_setting
def test_value(f, params, dtype, relative, ulps):
    needs_form(f, dtype)
    want, size, _ = reference(f, params)
    kind = torch.finfo(dtype)
    allowed = torch.maximum(relative * want.abs(), ulps * kind.eps * size) + kind.tiny
    assert_near(f, params, [points(f, params), evaluate(f, params, dtype)[0], want, allowed])


@pytest.mark.parametrize(
    ("dtype", "relative", "absolute"),
    [(torch.float32, 2e-5, 2e-6), (torch.float64, 1e-12, 1e-13)],
    ids=["float32", "float64"],
)
@every_setting
def test_slope(f, params, dtype, relative, absolute):
    needs_form(f, dtype)
    want = reference(f, params)[2]
    x = points(f, params)
    rows = [x, evaluate(f, params, dtype)[1], want, torch.clamp(relative * want.abs(), absolute)]
    plain = smooth(f, params, x)
    assert_near(f, params, [row[plain] for row in rows])


FAR = torch.tensor([-1e3, -200.0, 200.0, 1e3], dtype=torch.float64)


@crossed([f for f in ACTIVATIONS if f.elementwise and free(f)])
def test_slope_by_a_parameter(f, params):
    """By every continuous parameter, far out as well, in float64; not where it has a kink."""
    needs_form(f, torch.float64)
    x = torch.cat([GRID.double()[::3], FAR])
    x = x[smooth(f, params, x)]
    given = {n: torch.full_like(x, v, requires_grad=True) for n, v in params.items()}
    y = f(x, **given) + 0 * sum(given.values())  # in the graph, even where it has no slope
    for name, slope in zip(given, torch.autograd.grad(y.sum(), [*given.values()]), strict=True):

        def at(x, value, name=name):
            numbers = f.complete(params) | {name: value}
            form = FORMS[f.name](mp.mpf(x), *map(mp.mpf, numbers.values()))
            return mp.fsum(form) if isinstance(form, list) else form

        left, right = (
            torch.tensor(
                [
                    float(mp.diff(lambda v, x=x, at=at: at(x, v), params[name], direction=side))
                    for x in x.tolist()
                ],
                dtype=torch.float64,
            )
            for side in (-1, 1)
        )
        plain = (left - right).abs() <= 1e-13
        rows = [x, slope, left, 1e-11 * left.abs() + 1e-13]
        assert_near(f, params | {"by": name}, [row[plain] for row in rows])


def test_every_form_belongs_to_an_activation():
    assert set(FORMS) <= set(list_activations())


W = 0.2784645427610738  # Lambert's W(1 / e), OEIS A202357
LITERAL = [
    # name, x, parameters, value, source
    ("tanh", 1.0, {}, 0.7615941559557649, "OEIS A073744"),
    ("sigmoid", 1.0, {}, 0.7310585786300049, "e / (1 + e)"),
    ("arctan", 1.0, {}, pi / 4, "Leibniz"),
    ("softplus", 0.0, {}, log(2), "Dugas et al. (2001): ln(1 + e^0)"),
    ("gelu", 1.0, {}, 0.8413447460685429, "Abramowitz and Stegun, table 26.1: P(1)"),
    ("gelu", -2.0, {}, -2 * (1 - 0.9772498680518208), "Abramowitz and Stegun, table 26.1: P(2)"),
    ("swish", -1 - W, {}, -W, "the minimum of x sigmoid(x), where 1 + x = -e^x"),
    ("elu", -1.0, {}, -0.6321205588285577, "Clevert et al. (2016): e^-1 - 1"),
    ("selu", 1.0, {}, 1.0507009873554805, "Klambauer et al. (2017): lambda"),
    ("selu", -1e4, {}, -1.7580993408473766, "Klambauer et al. (2017): -lambda alpha"),
    ("relu6", 7.0, {}, 6.0, "Krizhevsky (2010)"),
    ("hardswish", 1.0, {}, 2 / 3, "Howard et al. (2019): x ReLU6(x + 3) / 6"),
    ("hardsigmoid", 1.0, {}, 2 / 3, "Howard et al. (2019): ReLU6(x + 3) / 6"),
    ("rrelu", -24.0, {}, -5.5, "Xu et al. (2015): mean slope of U(1/8, 1/3) is 11/48"),
    ("plu", 3.0, {}, 1.2, "Nicolae (2018), by hand: 0.1 (3 - 1) + 1"),
    ("pilu", 3.0, {}, 4.0, "by hand: 1.5 * 3 + 1 (1 - 1.5)"),
    ("frelu", -1.0, {"b": -0.398}, -0.398, "Qiu et al. (2018): b on the left"),
    ("double_relu", -2.0, {}, -1.5, "by hand: x + alpha"),
    ("srelu", 1.0, {"t": 2.0}, (sin(pi / 4) + 1) / 2, "srelu.txt: x (sin(pi x / 2 t) + 1) / 2"),
    ("srelu", 2.0, {"t": 2.0}, 2.0, "srelu.txt: x where x >= t"),
    ("srelu", -2.0, {"t": 2.0}, 0.0, "srelu.txt: 0 where x <= -t"),
    ("apec", 0.0, {"beta": 1.0, "gamma": -1.0}, 1 / (-2 + 1e-5), "apec.txt, by hand"),
    ("mapec", 0.0, {}, -0.03333 + 0.1 / 3.001, "apec.txt, by hand"),
    ("gish", 1e4, {}, 1e4 * log(2), "the gate tends to ln 2"),
    ("logish", 1e4, {}, 1e4 * log(2), "the gate tends to ln 2"),
    ("smish", 1e4, {}, 6e3, "the gate tends to tanh(ln 2) = 3/5"),
    ("relu_squared", 3.0, {}, 9.0, "So et al. (2021): max(0, x)^2"),
    ("relu_squared", -3.0, {"slope": 0.5}, 2.25, "modded-nanogpt: leaky_relu(x, 0.5)^2"),
    ("sine", pi / 60, {}, 1.0, "Sitzmann et al. (2020): sin(30 x)"),
    ("sine", 1e4, {"omega": 1.0}, -0.30561438888825215, "sin(10000)"),
    ("xielu", 2.0, {}, 4.2, "Huang and Schlag (2024), by hand: 0.8 * 4 + 0.5 * 2"),
    ("xielu", -1.0, {}, 0.8 * exp(-1) - 0.5, "by hand: 0.8 (e^-1 - 1 + 1) - 0.5"),
    ("celu", -2.0, {"alpha": 2.0}, 2 * (exp(-1) - 1), "Barron (2017), by hand"),
    ("logsigmoid", 0.0, {}, -log(2), "ln(1 / 2)"),
    ("threshold", 0.5, {"threshold": 1.0, "value": 20.0}, 20.0, "torch.nn.Threshold"),
    ("gelu_tanh", 1.0, {}, 0.8411919906082768, "Hendrycks and Gimpel (2016), the approximation"),
]


@pytest.mark.parametrize(("name", "x", "params", "value", "source"), LITERAL)
def test_literal_value(name, x, params, value, source):
    got = getattr(functional, name)(torch.tensor(x, dtype=torch.float64), **params).item()
    assert got == pytest.approx(value, rel=1e-13, abs=1e-15), source


@every_activation
def test_range_is_the_closed_hull_of_the_values(f):
    x = torch.cat([torch.linspace(-50, 50, 20001), torch.tensor([-1e4, 1e4])]).double()
    y = f(torch.stack([x, torch.zeros_like(x)], -1))
    for bound, reached in zip(f.range, (y.min().item(), y.max().item()), strict=True):
        if abs(bound) < torch.inf:
            assert reached == pytest.approx(bound, abs=2e-4)
        else:
            assert abs(reached) > 90
            assert (reached > 0) == (bound > 0)


@every_activation
def test_kinks_are_where_a_first_or_second_derivative_jumps(f):
    if not f.elementwise:
        assert f.kinks_at() == ()
        return
    step = 1e-3
    x = (torch.arange(-8, 8, step, dtype=torch.float64) + step / 3).requires_grad_()
    params = {"omega": 1.0} if f.name == "sine" else {}  # slow enough for the step
    (slope,) = torch.autograd.grad(f(x, **params).sum(), x, create_graph=True)
    curvature = torch.zeros_like(x)
    if slope.requires_grad:
        (curvature,) = torch.autograd.grad(slope.sum(), x)
    jumps = (slope.diff().abs() > 0.02) | (curvature.diff().abs() > 0.02)
    found = (x[:-1] + step / 2)[jumps].tolist()
    assert found == pytest.approx(f.kinks_at(), abs=step)


@every_activation
def test_a_range_worth_exploring_holds_the_default(f):
    for name, p in free(f).items():
        assert p.low <= p.default <= p.high, name
        assert p.kept_inside[0] <= p.default <= p.kept_inside[1], name


def test_double_relu_is_softshrink():
    x = torch.cat([GRID, torch.tensor([-0.5, 0.5, torch.inf, -torch.inf, 1e30])])
    for size in (0.0, 0.5, 3.0):
        torch.testing.assert_close(
            functional.double_relu(x, size), functional.softshrink(x, size), rtol=0, atol=0
        )
        torch.testing.assert_close(
            functional.double_relu(x, size), torch.nn.Softshrink(size)(x), rtol=0, atol=0
        )


# How many digits

# Between 1e-30 and 1e4, both signs, exact in float32.
MAGNITUDES = torch.cat([torch.logspace(-30, 4, 69), torch.linspace(0.013, 30.3, 61)])
WIDE = torch.cat([-MAGNITUDES, MAGNITUDES])


@cache
def precise(name: str) -> torch.Tensor:
    """Value, slope and second derivative (3, points) at the defaults, where there are no kinks."""
    given = [mp.mpf(v) for v in get_activation(name).complete({}).values()]

    def f(x):
        form = FORMS[name](x, *given)
        return mp.fsum(form) if isinstance(form, list) else form

    rows = []
    with mp.workdps(150):
        for x in map(mp.mpf, WIDE.tolist()):
            step = abs(x) * mp.mpf(10) ** -20
            below, at, above = f(x - step), f(x), f(x + step)
            slope, bend = (above - below) / (2 * step), (above - 2 * at + below) / step**2
            rows.append([float(v) for v in (at, slope, bend)])
    return torch.tensor(rows, dtype=torch.float64).T


CANCELLED = {"mapec": 0.04, "xielu": 4.0}  # the largest of the terms whose sum changes its sign


@over("way", ["as called", "by the definition"])
@over("dtype", [torch.float32, torch.float64])
@each_of([f for f in ACTIVATIONS if f.elementwise])
def test_digits_from_1e_30_to_10000(f, dtype, way):
    """Relative errors, where no sum of terms changes its sign; so in the tails as well."""
    needs_form(f, torch.float64)
    kind = torch.finfo(dtype)
    x = WIDE.to(dtype).requires_grad_()
    y = f(x) if way == "as called" else f.fn(x, **f.complete({}))
    (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x) if slope.requires_grad else (torch.zeros_like(x),)
    # softplus is torch's, whose second derivative is made of the rounded slope.
    near = (x.detach().double().abs() <= 6) | torch.tensor(
        [[False], [False], [f.name == "softplus"]]
    )
    plain = smooth(f, {}, WIDE)
    relative = 64 if dtype == torch.float32 else 600  # GELU's is that of its square, up to 900 / 2
    # What changes its sign: some values, the slopes of gated ones, second derivatives.
    terms = torch.tensor([[CANCELLED.get(f.name, 0.0)], [4.0], [32.0]]) * near
    if f.name == "sine":  # of a product that is rounded in float64: |omega x| units, times slopes
        rounded = torch.finfo(torch.float64).eps / kind.eps * 30 * x.detach().double().abs()
        terms = (rounded + 1) * torch.tensor([[1.0], [30.0], [900.0]])
    for got, want, largest in zip((y, slope, bend), precise(f.name), terms, strict=True):
        allowed = kind.eps * (relative * want.abs() + largest) + 3e-36
        rows = [x.detach(), got.detach(), want, allowed]
        assert_near(f, {}, [row[plain] for row in rows])
