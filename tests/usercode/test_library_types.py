"""Objects of torch's and Python's types that `pickle` does not describe."""

from __future__ import annotations

from enum import Flag

import pytest
import torch

from afnlab.usercode.lookup import load
from afnlab.usercode.made_of import made_of, seen

HEAD = """
import contextlib, contextvars, dataclasses, enum, functools, logging, random, threading, typing
import numpy as np
import scipy.special
import torch

import afnlab
"""
FILES = {  # of which each is loaded twice: V is the same, or it is not
    "an autograd function": """
class F(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return V * x

    @staticmethod
    def backward(ctx, g):
        return g

def mine(x):
    return F.apply(x)
""",
    "what is compiled": "@torch.compile(backend='eager')\ndef mine(x):\n    return V * x",
    "what is not": "@torch.compiler.disable\ndef mine(x):\n    return V * x",
    "a compiled module": "mine = torch.compile(torch.nn.Softplus(V), backend='eager')",
    "without gradients": "@torch.no_grad()\ndef mine(x):\n    return V * x",
    "mapped": "mine = torch.vmap(lambda x: V * x)",
    "a memory format": "mine = (torch.channels_last, torch.channels_last_3d)[V]",
    "a scheme": "mine = (torch.per_tensor_affine, torch.per_channel_affine)[V]",
    "facts of a type": "mine = torch.finfo((torch.float32, torch.float16)[V])",
    "a layout": "mine = (torch.strided, torch.sparse_coo)[V]",
    "a size": "mine = torch.Size([V])",
    "a device": "mine = torch.device(('cpu', 'meta')[V])",
    "an operator": "mine = (torch.ops.aten.relu, torch.ops.aten.gelu.default)[V]",
    "an operator of one's own": """
@torch.library.custom_op("test_library_types::mine", mutates_args=())
def mine(x: torch.Tensor) -> torch.Tensor:
    return V * x
""",
    "a storage": "mine = torch.full((3,), V).untyped_storage()",
    "a lazy layer": "mine = torch.nn.LazyLinear(V + 1)",
    "a lazy convolution": "mine = torch.nn.LazyConv2d(3, V + 1)",
    "a hook of a weight": """
mine = torch.nn.Parameter(torch.ones(3))
mine.register_hook(lambda g: V * g)
""",
    "a ufunc": "mine = (scipy.special.expit, scipy.special.erf)[V]",
    "torch's random numbers": "mine = (torch.default_generator, torch.Generator())[V]",
    "Python's random numbers": "mine = (random.random, random.Random(3).random)[V]",
    "a variable of a context": "mine = contextvars.ContextVar('a')\nmine.set(V)",
    "a variable of a thread": "mine = threading.local()\nmine.w = V",
    "a variable of types": "mine = typing.TypeVar('T', bound=(int, str)[V])",
    "a type of one's own": "mine = typing.NewType('A', (int, str)[V])",
    "a table's keys": "mine = {V: 1}.keys()",
    "a logger": """
LOG = logging.getLogger(__name__)

def mine(x):
    LOG.info("called")
    return V * x
""",
    "an attribute of a logger": """
mine = logging.Logger("a")
mine.w = V
""",
    "a dataclass": "@dataclasses.dataclass\nclass mine:\n    w: int = V",
    "a choice": "class mine(enum.Enum):\n    A = V",
    "a context": "@contextlib.contextmanager\ndef mine():\n    yield V",
    "one function for each type": """
@functools.singledispatch
def mine(x):
    return x

@mine.register
def _(x: int):
    return V * x
""",
    "a class of a class": "class M(type):\n    w = V\n\nclass mine(metaclass=M):\n    pass",
    "an activation": "@afnlab.activation\ndef mine(x):\n    return V * x",
    "a class that a function makes": """
def mine(x):
    class A:
        w = V
    return A
""",
}


def made(folder, what: str, value: int) -> str:
    folder.mkdir()
    (folder / "my.py").write_text(f"{HEAD}\nV = {value}\n{FILES[what]}\n")
    return made_of(load(f"{folder}/my.py:mine", object, ""))


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_loaded_twice_is_the_same_and_an_edited_one_is_not(tmp_path, what):
    first = made(tmp_path / "a", what, 0)
    assert made(tmp_path / "b", what, 0) == first
    assert made(tmp_path / "c", what, 1) != first


def test_what_python_and_torch_note_while_something_is_used_is_no_part():
    class Choice(Flag):
        A = 1
        B = 2

    @torch.compile(backend="eager")
    def twice(x):
        return 2 * x

    def use(x):
        return twice(x), Choice(3), torch.rand(())

    before = seen(use)
    use(torch.ones(2))
    assert seen(use) == before
    assert before[1] == ""
