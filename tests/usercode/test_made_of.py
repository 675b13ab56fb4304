"""What objects are made of."""

from __future__ import annotations

import os

import pytest

from afnlab.training.models import mlp
from afnlab.usercode.lookup import load
from afnlab.usercode.made_of import made_of

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
