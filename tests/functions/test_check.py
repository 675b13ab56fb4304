"""`afnlab check`: it finds what is wrong, in anybody's code, and nothing in ours."""

from __future__ import annotations

import importlib
import math
import re
from textwrap import dedent

import pytest
import torch
from torch import nn

import afnlab
from afnlab import cli
from afnlab.functions import check
from tests.over import over

THEIRS = """
    import torch
    from torch import nn


    class Trap(nn.Module):  # exp in the branch that where leaves out
        def forward(self, x):
            return torch.where(x > 0, x, x.exp() - 1)


    class Overflows(nn.Module):
        def forward(self, x):
            return torch.sqrt(x * x + 1)


    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.square()

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.saved_tensors[0]


    def wrong(x):
        return Wrong.apply(x)


    class Asks(nn.Module):
        def __init__(self, size):
            super().__init__()


    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)


    class Centred(nn.Module):
        def forward(self, x):
            return x - x.mean()


    class Folds(nn.Module):
        def forward(self, x):
            return x.view(2, -1).sum(0)


    class Right(nn.Module):
        def __init__(self):
            super().__init__()
            self.slope = nn.Parameter(torch.tensor(0.25))
            self.drop = nn.Dropout(0.5)  # not in evaluation

        def forward(self, x):
            return self.drop(torch.where(x > 0, x, self.slope * x))


    def step(x):
        return (x > 0).to(x.dtype)


    number = 3
"""


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    (tmp_path / "their_activations.py").write_text(dedent(THEIRS))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "their_activations.py"


def test_nothing_is_wrong_with_ours():
    table = check.check()
    assert tuple(table.index) == afnlab.list_activations()
    assert set(table["left out"]) == {"", "not elementwise"}
    assert set(table.index[table["left out"] != ""]) == {"softmax", "softmin", "log_softmax"}
    assert (table[[*check.FAULTS, "note"]] == "").all(axis=None)
    assert check.summary(table) == "38 checked: nothing wrong; 3 left out"


@pytest.mark.parametrize(
    ("name", "column", "text"),
    [
        ("Trap", "slopes", "nan at x = 1000 (float64)"),
        ("Overflows", "values", "inf at x = -1000 (float16)"),
        ("wrong", "derivative", "-1 at x = -1 (float64), where its values have -2"),
        ("Asks", "left out", "missing 1 required positional argument: 'size'"),
        ("Noisy", "left out", "random"),
        ("Centred", "left out", "not elementwise"),
        ("Folds", "left out", "not elementwise"),
        ("number", "left out", "an int cannot be called"),
        ("Right", None, ""),
        ("step", None, ""),
    ],
)
def test_what_is_wrong_with_others(theirs, name, column, text):
    row = check.check([f"{theirs}:{name}"]).loc[name]
    if column is None:
        assert (row == "").all()
    else:
        assert text in row[column]
        others = row.drop(column)
        assert (others == "").all()


def test_all_modules_of_a_package(theirs):
    table = check.check(["their_activations"])
    assert list(table.index) == ["Trap", "Overflows", "Asks", "Noisy", "Centred", "Folds", "Right"]
    assert check.summary(table) == (
        "3 checked: 1 with a value that is not finite, 1 with a slope that is not finite;"
        " 4 left out"
    )


def halves(x):
    """Half types by way of a value that is rounded before its slope is taken from it."""
    return 2 * torch.sigmoid(2 * x) - 1


@pytest.mark.parametrize(
    ("ref", "x", "dtype"),
    [
        ("torch.nn:Tanh", 3.8125, torch.bfloat16),
        ("torch.nn:Sigmoid", 9.0, torch.float16),
        ("torch.nn:Tanhshrink", 0.05, torch.bfloat16),
        ("torch.nn:Softsign", 5000.0, torch.bfloat16),
        ("torch:atan", 300.0, torch.float16),
        (f"{__name__}:halves", 4.0, torch.bfloat16),
    ],
)
def test_slopes_that_are_rounded_in_half_types_are_noted(ref, x, dtype):
    """The points are examples of where they are off; which is told is the one that is most."""
    module, _, name = ref.partition(":")
    found = getattr(importlib.import_module(module), name)
    function = found() if isinstance(found, type) else found
    at, exact = (torch.tensor(x, dtype=d, requires_grad=True) for d in (dtype, torch.float64))
    got, want = (torch.autograd.grad(function(v), v)[0].item() for v in (at, exact))
    assert abs(got - want) > 0.05 * want
    row = check.check([ref]).iloc[0]
    assert re.search(r"where it is \S+: rounded in b?float16, right in float64", row["note"])
    assert (row.drop("note") == "").all()


def tanh_gelu(x):
    cube = x.clamp(-40, 40) ** 3  # beyond 40 it is none of float16, and the slope nan
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * cube)))


def spline(x):
    return sum(0.1 * (-1) ** k * torch.relu(x - 0.37 * k) for k in range(-8, 9))


TEXTBOOK = {
    "SiLU": lambda x: x * torch.sigmoid(x),
    "GELU": lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2))),
    "tanh-GELU": tanh_gelu,
    "Mish": lambda x: x * torch.tanh(nn.functional.softplus(x)),
    "Mish by logaddexp": lambda x: x * torch.tanh(torch.logaddexp(x, torch.zeros_like(x))),
    "softplus by logaddexp": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    "softplus by log1p": lambda x: x.clamp(min=0) + torch.log1p(torch.exp(-x.abs())),
    "in place": lambda x: x.clone().mul_(torch.sigmoid(x)),
    "Phish": lambda x: x * torch.tanh(nn.functional.gelu(x)),
    "ELU by exp": lambda x: torch.where(x > 0, x, torch.exp(x.clamp(max=0)) - 1),
    "snake": lambda x: x + torch.sin(5 * x).square() / 5,
    "steep": lambda x: x * torch.sigmoid(100 * x),
    "small": lambda x: 1e-3 * x,
    "tiny": lambda x: 1e-30 * nn.functional.gelu(x),
    "huge": lambda x: 1e3 * torch.tanh(x),
    "squared": lambda x: torch.relu(x).square(),
    "cubed": lambda x: (x / 100) ** 3,
    "clamped": lambda x: x.clamp(-0.3, 0.7),
    "absolute": torch.abs,
    "hat": lambda x: (1 - 50 * (x - 2).abs()).clamp(min=0),
    "waves": lambda x: torch.sin(torch.remainder(50 * x.double(), 2 * math.pi)).to(x.dtype),
    "rounds": torch.round,
    "jumps": lambda x: torch.where(x > 0.123, x, -x),
    "spline": spline,
    "cancels": lambda x: x - torch.tanh(x),
    "constant": torch.ones_like,
}
EXACT = ["ELU by exp", "small", "tiny", "squared", "cubed", "absolute", "hat", "rounds", "constant"]
EXACT += ["waves"]


@over("name", TEXTBOOK)
def test_textbook_formulas_are_right(name):
    """What their roundings do is a note at most."""
    *faults, note = check.problems(TEXTBOOK[name])
    assert faults == ["", "", ""]
    assert bool(note) is (name not in EXACT)


def test_a_slope_of_two_kinks_that_cancel_is_noted():
    """Of the slopes on both sides automatic differentiation chooses one for either term, at 0."""
    *faults, note = check.problems(TEXTBOOK["softplus by log1p"])
    assert faults == ["", "", ""]
    assert note == (
        "slope 1 at x = 0 (float64), where its values have 0.5; at no other number nearby"
    )


def test_a_formula_that_overflows_float16_is_not_rounded():
    def unclamped(x):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    assert check.problems(unclamped)[:3] == ["", "nan at x = -1000 (float16)", ""]


HALF = (torch.bfloat16, torch.float16)
ALL = (torch.float64, torch.float32, *HALF)


def _wrong_in(dtypes, change):
    """SiLU by hand, with a slope that is another in some types: change(slope, x)."""

    class ByHand(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return nn.functional.silu(x)

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            gate = torch.sigmoid(x.double())
            slope = gate * (1 + x.double() * (1 - gate))
            return (grad * (change(slope, x) if x.dtype in dtypes else slope)).to(x.dtype)

    return ByHand.apply


WRONG = {
    "0 where it is 0.3": (lambda slope, x: torch.where((slope - 0.3).abs() < 0.05, 0, slope), "0 "),
    "nan at a number beside the grid": (lambda slope, x: torch.where(x == 2, torch.nan, slope), ""),
    "1 % too large": (lambda slope, x: 1.01 * slope, ""),
    "the gate alone": (lambda slope, x: torch.sigmoid(x.double()), ""),
    "of the other sign": (lambda slope, x: -slope, ""),
    "0.02 too large": (lambda slope, x: slope + 0.02, ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_slope_in_half_types_is_no_rounding(name):
    change, start = WRONG[name]
    values, slopes, derivative, note = check.problems(_wrong_in({*HALF}, change))
    assert (values, slopes, note) == ("", "", "")
    assert derivative.startswith(start)
    assert re.search(r"at x = \S+ \(b?float16\), where its values have", derivative)


def test_a_wrong_slope_of_composed_operations_is_no_rounding():
    """Where the hand-written slope rounds as the textbook's does, and is off by 1 % everywhere."""

    class ByHand(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * torch.sigmoid(x)

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            gate = torch.sigmoid(x)
            return 1.01 * grad * gate * (1 + x * (1 - gate))

    assert "where its values have" in check.problems(ByHand.apply)[2]


def _between(low, high, change):
    return lambda slope, x: torch.where((x > low) & (x < high), change(slope), slope)


EVERYWHERE = {
    "1e-5 too large": lambda slope, x: (1 + 1e-5) * slope,
    "clipped": lambda slope, x: torch.where(x.abs() > 20, 0, slope),
    "in one tail": _between(-12.1, -11.9, lambda slope: slope + 0.1),
    "far out": _between(9e3, 1e4, lambda slope: 2 * slope),
    "narrow": _between(5.1, 5.11, lambda slope: -slope),
    "near 0": _between(-1e-6, 1e-6, lambda slope: 0 * slope),
    "nan at a number": lambda slope, x: torch.where(x == 2, torch.nan, slope),
    "for tiny ones": _between(-1e-20, 1e-20, lambda slope: 0 * slope),
}


@over("dtypes, name", [(d, n) for d in (ALL[1:2], ALL) for n in EVERYWHERE])
def test_a_wrong_slope_in_float64_or_float32_is_found(dtypes, name):
    text = check.problems(_wrong_in({*dtypes}, EVERYWHERE[name]))[2]
    assert re.search(rf"at x = \S+ \({str(dtypes[0])[6:]}\), where its values have", text)


@over("dtypes", [ALL[:1], ALL[1:2], ALL[2:3], ALL[:2], ALL])
def test_a_message_says_the_slope_of_the_code_and_that_of_the_values(dtypes):
    """Whichever types are wrong, and on whichever side of 2."""
    for change in (_between(1.95, 2.01, torch.zeros_like), _between(1.99, 2.05, torch.zeros_like)):
        text = check.problems(_wrong_in({*dtypes}, change))[2]
        given, x, dtype, has = re.fullmatch(
            r"(\S+) at x = (\S+) \((\S+)\), where its values have (\S+)", text
        ).groups()
        gate = 1 / (1 + math.exp(-float(x)))
        assert (float(given), dtype) == (0, str(dtypes[0])[6:])
        assert float(has) == pytest.approx(gate * (1 + float(x) * (1 - gate)), abs=1e-3)


def test_a_wrong_slope_between_the_kinks_of_values_names_both_sides():
    class Steep(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.relu(x - 2) + torch.relu(2 - x) / 4

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * torch.where(x > 2, 1.0, -0.25).where((x - 2).abs() > 1e-12, torch.nan)

    assert check.problems(Steep.apply)[2] == (
        "nan at x = 2 (float64), where its values have -0.25 on the left and 1 on the right"
    )


def test_a_slope_that_only_float64_has_wrong_at_a_number_is_not_blamed_on_others():
    only = _wrong_in({torch.float64}, lambda slope, x: torch.where(x == 2, -0.5, slope))
    *faults, note = check.problems(only)
    assert faults == ["", "", ""]
    assert note == (
        "slope -0.5 at x = 2 (float64), where its values have 1.091; at no other number nearby"
    )


def test_a_straight_through_gradient_is_not_the_derivative():
    def through(x):
        return x + (torch.round(x) - x).detach()

    assert check.problems(through)[2] == (
        "1 at x = -1 (float64), where its values have 0 (a straight-through gradient?)"
    )


@over(
    "function",
    [
        lambda x: nn.functional.silu(x.float()).to(x.dtype),
        lambda x: x * torch.sigmoid(x.float()).to(x.dtype),
    ],
)
def test_a_function_that_is_float32_inside_is_told_as_such(function):
    *faults, note = check.problems(function)
    assert faults == ["", "", ""]
    assert note == "values are computed in float32 where x is float64"


def test_a_slope_that_is_exact_to_float32_is_noted():
    *faults, note = check.problems(_wrong_in({*ALL}, lambda slope, x: (1 + 5e-8) * slope))
    assert faults == ["", "", ""]
    assert note.endswith(": exact in float32 only")


class Drawn(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.randn(1))

    def forward(self, x):
        return x * self.slope


def test_a_module_whose_parameters_are_drawn_is_one_function():
    assert check.problems(Drawn) == ["", "", "", ""]


def test_the_note_on_rounding_is_no_failure(theirs, capsys):
    theirs.write_text("import torch\n\ndef p1(x):\n    return x * torch.sigmoid(x)\n")
    assert cli.main(["check", f"{theirs}:p1", "relu"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "p1    note: slope 0 at x = -1.28125, where it is -0.0006056: rounded in bfloat16,"
        " right in float64",
        "2 checked: nothing wrong; 1 with a note",
    ]


def test_torch_s_own_relu():
    table = check.check(["torch.nn:ReLU", "relu"])
    assert list(table.index) == ["ReLU", "relu"]
    assert (table == "").all(axis=None)


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("srlu", "did you mean 'srelu'?"),
        ("torch.nn:Relu", "did you mean 'ReLU'?"),
        ("no_such_package:f", "cannot import 'no_such_package'"),
        ("nowhere.py:f", "no such file"),
    ],
)
def test_what_cannot_be_found(ref, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        check.check([ref])
    assert len(str(caught.value)) < 600


ALONE = """
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import relu
from torch.nn import SiLU

LIMIT = 3

def squash(x):
    return 2 * x
"""


def test_the_only_function_of_a_file_need_not_be_named(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(ALONE)
    assert cli.main(["check", str(file)]) == 0
    told = f"{file}: squash is what there is to check in it"
    assert capsys.readouterr().out.splitlines() == [told, "1 checked: nothing wrong"]
    file.write_text(ALONE.replace("2 * x", "x.sum()"))
    assert cli.main(["check", str(file)]) == 1  # it was named, and cannot be checked
    assert f"{file}:squash  left out: not elementwise" in capsys.readouterr().out
    file.write_text(f"{ALONE}\ndef other(x):\n    return x\n")
    assert cli.main(["check", str(file)]) == 2
    said = capsys.readouterr().err
    assert f"which function of it? write {file}:NAME (there are: squash, other)" in said
    file.write_text(f"import afnlab\n{ALONE}\n@afnlab.activation\ndef bent(x):\n    return x\n")
    (row,) = check.check([str(file)]).index
    assert row == f"{file}:bent"
    file.write_text("LIMIT = 3\n")
    with pytest.raises(ValueError, match=r"which function of it\? write .*:NAME$"):
        check.check([str(file)])


def test_the_command(theirs, capsys):
    assert cli.main(["check", "relu", "srelu"]) == 0
    assert capsys.readouterr().out == "2 checked: nothing wrong\n"
    assert cli.main(["check", f"{theirs}:Trap", "softmin"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "Trap     slope nan at x = 1000 (float64)",
        "softmin  left out: not elementwise",
        "1 checked: 1 with a slope that is not finite; 1 left out",
    ]
    assert cli.main(["check", "srlu"]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_what_was_named_and_cannot_be_checked_is_no_success(theirs, capsys):
    assert cli.main(["check", "relu", f"{theirs}:Asks"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 checked: nothing wrong; 1 left out"
    assert cli.main(["check", f"{theirs}:Noisy"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "none checked; 1 left out"
    assert cli.main(["check", "json"]) == 2
    assert "holds no torch module class" in capsys.readouterr().err


def test_nan_is_found_and_is_not_random(theirs):
    theirs.write_text("def f(x):\n    return x * float('nan')\n")
    row = check.check([f"{theirs}:f"]).loc["f"]
    assert row["values"] == "nan at x = 0 (float64)"
    assert row["left out"] == ""


def test_two_things_of_one_name_have_a_row_each(theirs):
    table = check.check(["torch.nn:ReLU", "relu", "torch.nn.modules:ReLU"])
    assert list(table.index) == ["ReLU", "relu", "torch.nn.modules:ReLU"]


def test_a_profile_says_where_it_is_not_finite():
    @afnlab.activation()
    def steep(x):
        return torch.where(x > 0, x, x.exp() - 1)

    facts = afnlab.functions.profile.profile(steep)
    assert facts["finite up to |x| = 1e4"] == "nan at x = 1000 (float64)"
