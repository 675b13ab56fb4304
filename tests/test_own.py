"""A user's own activation, by `path/my.py:name` or `package.module:name`."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from afnlab import Param, activation, get_activation, list_activations, nn

X = torch.linspace(-3, 3, 13)
SOURCE = """
    import torch
    from afnlab import Param, activation

    @activation(latex="x / (1 + e^{-b x})", b=Param(1.5, low=0.1, high=5.0, domain="> 0"))
    def bent(x, b):
        '''Bent.'''
        return x * torch.sigmoid(b * x)

    def plain(x):
        return x
"""


def write(path: Path, source: str) -> Path:
    path.write_text(dedent(source))
    return path


@pytest.fixture
def my(tmp_path) -> Path:
    return write(tmp_path / "my.py", SOURCE)


def test_a_function_in_a_file(my):
    f = get_activation(f"{my}:bent")
    assert_close(f(X), X * torch.sigmoid(1.5 * X))
    assert_close(f(X, b=2), X * torch.sigmoid(2 * X))
    assert (f.name, f.label, f.key) == ("bent", "my.py:bent", f"{my}:bent")
    assert Path(f.file) == my
    assert "bent" not in list_activations()
    with pytest.raises(ValueError, match="bent: b must be > 0, got 0"):
        f(X, b=0)


def test_one_file_is_one_record(my, monkeypatch):
    f = get_activation(f"{my}:bent")
    monkeypatch.chdir(my.parent)
    assert get_activation("my.py:bent") is f
    assert get_activation(f) is f
    assert pickle.loads(pickle.dumps(f)) is f
    assert copy.deepcopy(f) is f


@pytest.mark.parametrize("trainable", [False, True])
def test_its_module(my, trainable):
    cls = nn.module_class(f"{my}:bent")
    assert cls is nn.module_class(f"{my}:bent")
    module = cls(b=2.0, trainable=trainable, num_features=13 if trainable else None)
    assert_close(module(X), X * torch.sigmoid(2 * X))
    for other in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
        assert type(other) is cls
        assert_close(other(X), module(X), rtol=0, atol=0)
        assert_close(dict(other.state_dict()), dict(module.state_dict()))
    model = torch.nn.Sequential(torch.nn.Linear(13, 13), module)
    assert_close(copy.deepcopy(model)(X), model(X))


def test_a_module_is_unpickled_by_another_process(my, tmp_path):
    module = nn.make(f"{my}:bent", {"b": 2.0}, trainable=True)
    (tmp_path / "module.pickle").write_bytes(pickle.dumps(module))
    read = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).b.item())"
    command = [sys.executable, "-c", read, str(tmp_path / "module.pickle")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("2.0\n", 0), done.stderr


def test_an_edited_file_is_loaded_again(my):
    before = get_activation(f"{my}:bent")
    write(my, SOURCE.replace("Param(1.5", "Param(3.0"))
    after = get_activation(f"{my}:bent")
    assert after is not before
    assert_close(after(X), X * torch.sigmoid(3.0 * X))
    assert_close(before(X), X * torch.sigmoid(1.5 * X))
    assert nn.module_class(f"{my}:bent")().b == 3.0
    write(my, SOURCE)
    assert_close(get_activation(f"{my}:bent")(X), before(X))


def test_a_file_may_import_its_neighbours(tmp_path, monkeypatch):
    write(tmp_path / "own_neighbour_of_mine.py", "FACTOR = 7.0")
    mine = write(
        tmp_path / "mine.py",
        """
        from afnlab import activation
        from own_neighbour_of_mine import FACTOR

        @activation()
        def seven(x):
            return x * FACTOR
        """,
    )
    path = list(sys.path)
    assert_close(get_activation(f"{mine}:seven")(X), 7 * X)
    assert sys.path == path
    del sys.modules["own_neighbour_of_mine"]


def test_a_function_may_have_a_builtin_ones_name(tmp_path):
    mine = write(
        tmp_path / "mine.py",
        """
        from afnlab import activation

        @activation("GELU")
        def gelu(x):
            return 2 * x
        """,
    )
    own = get_activation(f"{mine}:gelu")
    assert_close(own(X), 2 * X)
    assert own.key == f"{mine}:gelu"
    assert get_activation("gelu") is not own
    module = nn.make(own)
    assert nn.module_class("gelu") is nn.GELU is not type(module)
    assert_close(pickle.loads(pickle.dumps(module))(X), 2 * X)


def test_a_function_in_a_package(tmp_path, monkeypatch):
    package = tmp_path / "own_package_of_mine"
    package.mkdir()
    write(package / "__init__.py", "")
    write(package / "constants.py", "FACTOR = 5.0")
    write(
        package / "functions.py",
        """
        from afnlab import activation
        from .constants import FACTOR

        @activation()
        def five(x):
            return x * FACTOR
        """,
    )
    monkeypatch.syspath_prepend(tmp_path)
    f = get_activation("own_package_of_mine.functions:five")
    assert_close(f(X), 5 * X)
    module = nn.make(f)
    assert_close(pickle.loads(pickle.dumps(module))(X), 5 * X)
    with pytest.raises(ValueError, match="unknown activation 'fife'; did you mean 'five'"):
        get_activation("own_package_of_mine.functions:fife")
    for name in [n for n in sys.modules if n.startswith("own_package_of_mine")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("{my}:bend", r"my\.py: unknown activation 'bend'; did you mean 'bent'\? \(known: bent\)"),
        ("{my}:plain", r"my\.py:plain: is a function, .*decorate it with @afnlab\.activation"),
        ("{my}:", r"my\.py: unknown activation ''"),
        ("{my}x.py:bent", r"my\.pyx\.py: no such file"),
        ("no_such_package.module:bent", "cannot import 'no_such_package.module'"),
        ("afnlab.functional:sreul", "unknown activation 'sreul'; did you mean 'srelu'"),
        (":bent", "bent"),
        ("{my}", r"my\.py: which function of it\? write .*my\.py:NAME"),
    ],
)
def test_a_wrong_reference_says_what_is_wrong(my, ref, message):
    with pytest.raises(ValueError, match=message):
        get_activation(ref.format(my=my))


def test_an_error_in_the_file_is_shown_and_not_remembered(tmp_path):
    mine = write(tmp_path / "mine.py", "1 / 0")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"mine\.py: ZeroDivisionError while loading it"):
            get_activation(f"{mine}:anything")
    write(mine, "def broken(:")
    with pytest.raises(ValueError, match="SyntaxError"):
        get_activation(f"{mine}:anything")
    write(mine, "import sys\nsys.exit(3)")  # a script that was not meant to be imported
    with pytest.raises(ValueError, match="SystemExit while loading it: 3"):
        get_activation(f"{mine}:anything")


def test_without_brackets():
    @activation
    def same(x):
        """Same."""
        return x

    assert (same.name, same.module, same.__doc__) == ("same", "Same", "Same.")
    assert_close(same(X), X)


def test_what_a_definition_may_hold():
    with pytest.raises(
        TypeError, match=r"unknown field 'a' .* must be a Param, such as Param\(0.5\)"
    ):
        activation(a=0.5)
    with pytest.raises(TypeError, match="unknown field 'latx'; did you mean 'latex'"):
        activation(latx="x")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"default": "1"}, "default must be a number"),
        ({"default": 5.0, "low": 0, "high": 1}, r"between low and high, got 5.0 and \[0, 1\]"),
        ({"default": 0, "domain": "> 0"}, "default must be > 0, got 0"),
        ({"default": 0, "domain": ">0"}, "unknown domain '>0'; did you mean '> 0'"),
    ],
)
def test_a_parameter_that_cannot_be(given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Param(**given)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda x: None, "must return a floating-point tensor, returned NoneType"),
        (lambda x: x > 0, "must return a floating-point tensor, returned a tensor of torch.bool"),
        (lambda x: x.sum(), r"must return a tensor of x's shape \(13,\), returned one of \(\)"),
    ],
)
def test_what_it_returns_is_looked_at(returned, message):
    with pytest.raises((ValueError, TypeError), match=message):
        activation(returned)(X)


def test_a_constant_of_float64_leaves_the_type():
    two = torch.tensor([2.0], dtype=torch.float64)
    f = activation(lambda x: two * x)
    assert f(X).dtype == torch.float32
    assert_close(f(X), 2 * X)


@pytest.mark.parametrize("number", [np.float32(2), np.int64(2), np.float64(2)])
def test_numpy_s_numbers(number):
    srelu = get_activation("srelu")
    assert_close(srelu(X, t=number), srelu(X, t=2.0))
    assert nn.SReLU(t=number).extra_repr() in ("t=2", "t=2.0")
