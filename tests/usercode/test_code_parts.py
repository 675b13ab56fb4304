"""What the code of a function consists of."""

from __future__ import annotations

import pytest

from afnlab.usercode.made_of import made_of

PAIRS = {  # by what differs: two definitions of f, and whether they do the same
    "the name of an argument": ("def f(x): return x", "def f(y): return y", False),
    "one that no caller may name": ("def f(x, /): return x", "def f(y, /): return y", True),
    "one of several": ("def f(*x): return x", "def f(*y): return y", True),
    "how many arguments": ("def f(x): return x", "def f(*x): return x", False),
    "by position alone": ("def f(x): return x", "def f(x, /): return x", False),
    "by name alone": ("def f(x): return x", "def f(*, x): return x", False),
    "the name of a variable": (
        "def f(x):\n z = x\n return z", "def f(x):\n w = x\n return w", True),
    "types": ("def f(x: int = 1) -> int: return x", "def f(x=1): return x", True),
    "a name in a call": ("def f(x): return g(x, a=1)", "def f(x): return g(x, b=1)", False),
    "a constant that is the docstring too": (
        "def f(x):\n 'a'\n return x, 'a'", "def f(x):\n 'a'\n return x, 'b'", False),
    "a docstring that is a constant": (
        "def f(x):\n 'a'\n return x, 'a'", "def f(x):\n return x, 'a'", True),
    "a docstring of two lines": (
        "def f(x):\n 'a\\n  b'\n return 'a\\n  b'", "def f(x):\n 'a\\n  b'\n return 'a\\nb'",
        False),
    "docstrings of functions": (
        "def f(x):\n 'a'\n return x, 1, None, lambda: 3", "def f(x): return x, 1, None, lambda: 3",
        True),
    "of a class inside": (
        "def f(x):\n class A:\n  'd'\n  y = 2\n return A",
        "def f(x):\n\n class A:\n  y = 2\n return A", True),
    "a value of a class inside": (
        "def f(x):\n class A:\n  y = 2\n return A", "def f(x):\n class A:\n  y = 3\n return A",
        False),
    "what is tried": (
        "def f(x):\n try:\n  a(x); b(x)\n except E: pass",
        "def f(x):\n a(x)\n try:\n  b(x)\n except E: pass", False),
    "lines": (
        "def f(x, y):\n while x:\n  if y: x = x @ y\n  else: break\n return x",
        "def f(x, y):\n while x:\n  if y:\n   x = (x\n     @ y)\n  else: break\n return x", True),
    "where a loop goes on": (
        "def f(x, y):\n while x:\n  if y: x = x @ y\n  else: break\n return x",
        "def f(x, y):\n while x:\n  if y: x = x @ y\n  else: continue\n return x", False),
    "a name of its module": (
        "K = 1\ndef f(x): return [K for _ in x]", "K = 3\ndef f(x): return [K for _ in x]", False),
    "one that is a variable": (
        "K = 1\ndef f(x):\n K = 2\n return K", "K = 3\ndef f(x):\n K = 2\n return K", True),
    "one that is of a class": (
        "K = 1\ndef f(x):\n class A:\n  K = 5\n  z = K\n return A",
        "K = 3\ndef f(x):\n class A:\n  K = 5\n  z = K\n return A", True),
}  # fmt: skip


def made(text: str, optimize: int) -> str:
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(text, "cell.py", "exec", optimize=optimize), names)
    return made_of(names["f"])


@pytest.mark.parametrize("optimize", [0, 2])  # 2: without docstrings, `python -OO`
@pytest.mark.parametrize("what", PAIRS)
def test_functions_are_alike_if_and_only_if_they_are_called_alike_and_do_the_same(what, optimize):
    first, second, same = PAIRS[what]
    assert (made(first, optimize) == made(second, optimize)) is same
