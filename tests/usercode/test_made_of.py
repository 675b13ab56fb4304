"""What objects are made of."""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from functools import cache, cached_property, partial, wraps
from types import MappingProxyType, MethodType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from afnlab.training.models import mlp
from afnlab.usercode.lookup import load
from afnlab.usercode.made_of import Opaque, made_of

FILE = """
import functools
import math

import torch

import beside

SCALE = 2.0
TABLE = {"a": torch.ones(3)}


class Net:
    \"\"\"Words.\"\"\"

    size = 3

    def run(self, x):
        return beside.twice(x) * self.size


@functools.cache
def helper(x):
    return math.exp(x) * SCALE + sum(TABLE)


def outer(n):
    \"\"\"Words.\"\"\"

    def inner(x, scale=0.5):
        return Net().run(helper(x) * n) * scale * factorial(n)

    return inner


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


class Task:
    def __init__(self, model):
        self.model = model
        self.known = torch.sin


mine = Task(outer(4))
"""
BESIDE = "def twice(x):\n    return 2 * x\n"


def told(folder, file=FILE, beside=BESIDE) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "beside.py").write_text(beside)
    (folder / "my.py").write_text(file)
    return made_of(load(f"{folder}/my.py:mine", object, ""))


def test_the_same_code_is_the_same_wherever_it_stands(tmp_path):
    first = told(tmp_path / "a")
    assert "as above" in first  # the function that calls itself
    assert told(tmp_path / "b") == first
    moved = FILE.replace("import math", "import math\n\n\n# of two\nUNUSED = 3").replace(
        "Words", "W"
    )
    assert told(tmp_path / "a", moved) == first
    assert made_of(mlp(64, 8, 10)) == made_of(mlp(64, 8, 10))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SCALE = 2.0", "SCALE = 3.0"),
        ("torch.ones(3)", "torch.zeros(3)"),
        ("size = 3", "size = 4"),
        ("math.exp(x)", "math.sin(x)"),
        ("scale=0.5", "scale=0.25"),
        ("outer(4)", "outer(5)"),
        ("known = torch.sin", "known = torch.cos"),
        ("n < 2", "n <= 2"),
    ],
)
def test_other_code_or_other_values_are_another_object(tmp_path, old, new):
    assert told(tmp_path / "a") != told(tmp_path / "b", FILE.replace(old, new))


def test_what_is_used_of_a_neighbour_and_what_a_library_was_given_count(tmp_path):
    assert told(tmp_path / "a") != told(tmp_path / "b", beside=BESIDE.replace("2", "3"))
    assert made_of(mlp(64, 8, 10)) != made_of(mlp(64, 16, 10))
    assert made_of(os.path.join) != made_of(os.path.split)


def test_what_a_module_in_a_package_computes_counts_however_it_is_reached(tmp_path):
    """Chains of attributes, imports in functions, and modules that are handed on."""
    ways = {
        "chain": "import pkg.sub.inner\n\n\ndef mine(x):\n    return pkg.sub.inner.of(x)\n",
        "inside": "def mine(x):\n    import pkg.sub.inner as it\n\n    return it.of(x)\n",
        "names": "def mine(x):\n    from pkg.sub.inner import of\n\n    return of(x)\n",
        "handed": "import pkg.sub.inner as it\n\n\ndef mine(x):\n    return getattr(it, 'of')(x)\n",
        "held": "import pkg.sub.inner as it\n\n\nclass A:\n    use = it\n\n\nmine = A()\n",
    }
    for way, text in ways.items():
        made = {}
        for folder, factor in (("one", 2), ("two", 3), ("three", 2)):
            inner = tmp_path / way / folder / "pkg" / "sub"
            inner.mkdir(parents=True)
            (inner / "__init__.py").touch()
            (inner.parent / "__init__.py").touch()
            (inner / "inner.py").write_text(f"def of(x):\n    return {factor} * x\n")
            made[folder] = told(tmp_path / way / folder, text + f"\n\nUNUSED = {factor}\n")
        assert made["one"] == made["three"] != made["two"], way


class Slotted:
    __slots__ = ("w",)

    def __init__(self, w):
        self.w = w


class Attributes:
    shown = 1

    def __init__(self, **values):
        vars(self).update(values)

    def method(self):
        return self.w

    @property
    def half(self):
        return self.w / 2

    @cached_property
    def whole(self):
        return self.w


class Forgetful(Attributes):
    def __getstate__(self):
        return None


class Listed(list):
    pass


class Tabled(dict):
    pass


class Numbered(set):
    pass


@dataclass(frozen=True, slots=True)
class Record:
    w: float
    table: dict = field(default_factory=dict)


def buffered(value, hook=None):
    made = nn.Sequential(nn.BatchNorm1d(2, momentum=0.5))
    made[0].running_mean.fill_(value)
    if hook is not None:
        made.register_forward_hook(hook)
    return made


def keyed(module, table):
    module.table = table
    return module


def plain(x, scale=1.0):
    return x * scale


def squared(x, scale=1.0):
    return x**2 * scale


def wrapped(function):
    @wraps(function)
    def inside(*args):
        return function(*args)

    return inside


def both(first, second, third):
    def loss(x):
        return first(x) + second(x) + 0.01 * third(x)

    return loss


def with_attribute(value):
    def function(x):
        return function.w * x

    function.w = value
    return function


def with_default(value, *, key=0):
    def function(x, w=value, *, k=key):
        return w * x * k

    return function


def used(value):
    assert value.whole == value.w
    return value


def ring(number):
    made = [number]
    made.append(made)
    return made


def classes(number):
    return type("A", (), {"method": lambda self: number})


def numbers(last, size=5000):
    return np.array([0.0] * (size - 1) + [last])


PAIRS = {  # by what it is: how it is made, and two values of which each gives another object
    "an argument of a library's object": (lambda v: nn.HuberLoss(delta=v), 0.01, 5.0),
    "what stands beside an ellipsis": (
        lambda v: eval(f"lambda x: x[..., {v}]"), 0, 1),
    "a weight of a library's object": (
        lambda v: nn.CrossEntropyLoss(torch.full((3,), v)), 1.0, 2.0),
    "a buffer": (buffered, 0.0, 1.0),
    "a key in a module": (lambda v: keyed(buffered(0.0), {v: 0}), 1, 2),
    "a hook": (lambda v: buffered(0.0, v), plain, squared),
    "parametrized": (lambda v: nn.utils.parametrize.register_parametrization(
        buffered(0.0)[0], "weight", nn.Softplus(v)), 1.0, 2.0),
    "slots": (Slotted, 0.01, 1.0),
    "attributes": (lambda v: Attributes(w=v), 1, 2),
    "attributes that pickle would leave out": (lambda v: Forgetful(w=v), 1, 2),
    "which object again": (lambda v: both(plain, squared, v), plain, squared),
    "a slotted dataclass": (Record, 1.0, 2.0),
    "a table in a dataclass": (lambda v: Record(1.0, {"a": v}), 1, 2),
    "a class that is made": (lambda v: make_dataclass("Made", [("w", int, v)])(), 1, 2),
    "a method of a class that is made": (lambda v: classes(v)(), 1, 2),
    "a partial's function": (lambda v: partial(v, 1), plain, squared),
    "a partial's argument": (lambda v: partial(plain, scale=v), 1, 2),
    "a bound method's object": (lambda v: Attributes(w=v).method, 1, 2),
    "a bound method's function": (lambda v: MethodType(v, Attributes()), plain, squared),
    "a method of a library's object": (lambda v: [v].append, 1, 2),
    "an attribute of a function": (with_attribute, 1, 2),
    "a default": (with_default, 1, 2),
    "a default by name": (lambda v: with_default(1, key=v), 1, 2),
    "a property": (lambda v: type("A", (), {"half": property(v)}), plain, squared),
    "a deleter": (lambda v: type("A", (), {"half": property(None, None, v)}), plain, squared),
    "a static method": (lambda v: type("A", (), {"half": staticmethod(v)}), plain, squared),
    "an attribute of a class": (lambda v: type("A", (), {"w": v}), 1, 2),
    "a function with a cache": (cache, plain, squared),
    "a decorated function": (wrapped, plain, squared),
    "a vectorized function": (np.vectorize, plain, squared),
    "a large array": (numbers, 0.0, 1.0),
    "a large tensor": (lambda v: torch.from_numpy(numbers(v)), 0.0, 1.0),
    "half precision": (lambda v: torch.full((3,), v, dtype=torch.bfloat16), 0.0, 1.0),
    "a sparse tensor": (lambda v: torch.diag(torch.full((3,), v)).to_sparse(), 0.5, 1.0),
    "a number of torch's random ones": (lambda v: torch.Generator().manual_seed(v), 1, 2),
    "a number of numpy's random ones": (np.random.default_rng, 1, 2),
    "an array of objects": (lambda v: np.array([v, None], dtype=object), plain, squared),
    "a distribution": (lambda v: torch.distributions.Normal(0.0, v), 1.0, 2.0),
    "a default of a table": (defaultdict, plain, squared),
    "counts": (lambda v: Counter([1, v]), 1, 2),
    "a list's attribute": (lambda v: setattr(one := Listed(), "w", v) or one, 1, 2),
    "a table's attribute": (lambda v: setattr(one := Tabled(), "w", v) or one, 1, 2),
    "a set's attribute": (lambda v: setattr(one := Numbered(), "w", v) or one, 1, 2),
    "a set of objects": (lambda v: {Attributes(w=1), Attributes(w=v), plain}, 3, 2),
    "a view of a table": (lambda v: MappingProxyType({"a": v}), 1, 2),
    "a name space": (lambda v: SimpleNamespace(w=v), 1, 2),
    "a choice": (lambda v: Enum("E", {"A": v}).A, 1, 2),
    "a list in itself": (ring, 1, 2),
    "a type": (lambda v: v, int, float),
    "a data type": (lambda v: v, torch.float32, torch.float64),
    "a library's function": (lambda v: v, torch.sin, torch.cos),
    "a function of numpy": (lambda v: v, np.sin, np.cos),
    "a text that is a number": (lambda v: [v], 1, "1"),
}  # fmt: skip


@pytest.mark.parametrize("what", PAIRS)
def test_objects_are_alike_if_and_only_if_what_they_were_made_of_is(what):
    make, first, second = PAIRS[what]
    one = make(first)
    assert made_of(one) == made_of(make(first))
    assert made_of(one) != made_of(make(second))


def test_what_was_kept_of_a_use_is_no_part():
    assert made_of(used(Attributes(w=1))) == made_of(Attributes(w=1))
    first = Attributes(a=1)
    first.b = 2
    second = Attributes(b=2)
    second.a = 1
    assert made_of(first) == made_of(second)


@pytest.mark.parametrize(
    "make",
    [
        lambda: sys.__stdout__,
        lambda: (i for i in range(3)),
        lambda: np.frompyfunc(plain, 1, 1),
        lambda: memoryview(b"a"),
        lambda: torch.empty(3, device="meta"),
    ],
)
def test_what_cannot_be_looked_into_is_refused(make):
    with pytest.raises(Opaque, match="cannot be looked into"):
        made_of([make()])
