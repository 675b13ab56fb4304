"""The public names say what they take and return, in Google's style."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from afnlab import Activation

ROOMS = ("autorot", "compare", "figures", "functional", "functions", "live", "nn", "report")
ROOMS += ("judging", "runs", "search", "stats", "studies", "widgets")
SAYS_WHAT = re.compile(
    r"(The|A|An|How|What|Where|Whether|Which|One|All|Names?|Limits?|Numbers?) |[A-Z]\w+ of |"
    r"(True if|p-value|One-sided p-value|Ranks|Friedman's test) "
)


def public() -> Iterator[tuple[str, Callable]]:
    """The functions, classes and methods that a user of the package meets, by name."""
    for room in ("afnlab", *(f"afnlab.{name}" for name in ROOMS)):
        module = importlib.import_module(room)
        for name in module.__all__:
            thing = getattr(module, name)
            if isinstance(thing, ModuleType):
                if name not in (*ROOMS, "native"):
                    yield from of(f"{room}.{name}", thing, thing.__name__)
            elif inspect.isclass(thing):
                yield from of(f"{room}.{name}", thing, "afnlab")
            elif callable(thing):
                yield f"{room}.{name}", thing


def of(place: str, holder: object, home: str) -> Iterator[tuple[str, Callable]]:
    """The public functions that a module or class itself defines."""
    for name, value in vars(holder).items():
        function = getattr(value, "__func__", value)
        ours = inspect.isfunction(function) and function.__module__.startswith(home)
        if ours and name[0] != "_":
            yield f"{place}.{name}", function


# "One row a label", and other words that are none of the field's.
_THINGS = "label|seed|step|run|activation|layer|network|epoch|parameter|group|metric|input|member"
_THINGS += "|candidate|kind|channel|feature|task|move|replicate|example|model|row|column|element"
_AMOUNTS = "two|milliseconds|ms|seconds|minutes|hours|bytes|operations|numbers|products"
_SMALL = "before|has|if|for|of|in|is|as|at|by|to|with|than|per|and|or|that|where|what|from|on"
UNUSUAL = re.compile(
    rf"\b(?:an?|one|\d[\d.]*) (?!(?:{_SMALL}) )[a-z]{{2,}} an? (?:{_THINGS})\b(?! is)|"
    rf"\b(?:{_AMOUNTS}|s) an? (?:{_THINGS})\b|"
    r"told apart|told from|smallest p that|flattered|starts of the weights",
    re.IGNORECASE,
)
ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def sentences(path: Path) -> Iterator[str]:
    """The prose of a page; of a module the docstrings, and what it prints."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield text
    else:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.mark.parametrize("path", [*PAGES, ROOT / "afnlab"], ids=lambda p: p.name)
def test_prose_has_the_words_of_the_field(path):
    paths = [path] if path.is_file() else sorted(path.rglob("*.py"))
    texts = ((one, " ".join(text.split())) for one in paths for text in sentences(one))
    found = {(one.name, word[0]) for one, text in texts for word in UNUSUAL.finditer(text)}
    assert found == set()


@pytest.mark.parametrize(
    ("text", "unusual"),
    [
        ("one row a label", True),
        ("It takes 1.4 ms a step.", True),
        ("Bytes an element that a call keeps", True),
        ("some minutes a model", True),
        ("one dot a seed, and below", True),
        ("These cannot be told apart.", True),
        ("one row for each label", False),
        ("5 ms per step, an activation of a network", False),
        ("A task with a metric", False),
    ],
)
def test_unusual_prose_is_found(text, unusual):
    assert bool(UNUSUAL.search(text)) is unusual


PUBLIC = dict(public())
OF_TORCH = ("forward", "extra_repr", "reset_parameters")  # which torch documents


def lacking(function: Callable) -> list[str]:
    """What a docstring does not say: parameters that it does not name, what is returned."""
    text = inspect.getdoc(function) or ""
    if not text:
        return ["docstring"]
    signature = inspect.signature(function)
    known = ("x", "noise") if isinstance(function, Activation) else ("self", "cls")
    names = [name for name in signature.parameters if name not in known]
    args = text.partition("Args:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^    ([*\w, ]+):", args, re.MULTILINE)
    named = {one.strip("* ") for entry in entries for one in entry.split(",")}
    lacks = [name for name in names if name not in named]
    returned = signature.return_annotation not in (None, "None", inspect.Signature.empty)
    if names and returned and "Returns:" not in text and not SAYS_WHAT.match(text):
        lacks.append("Returns")
    return lacks


def test_docstrings_name_what_is_taken_and_returned():
    ours = {n: f for n, f in PUBLIC.items() if n.rpartition(".")[2] not in OF_TORCH}
    lacks = {name: lacking(function) for name, function in ours.items()}
    assert {name: words for name, words in lacks.items() if words} == {}


def test_many_names_are_public():
    assert len(PUBLIC) > 120
    assert {"afnlab.replace", "afnlab.runs.sweep", "afnlab.functional.srelu"} <= PUBLIC.keys()


def leaning(code: str) -> list[str]:
    """The public names in code whose docstrings begin with what only the one above explains."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, kinds)]
    begun = [(getattr(n, "name", "module"), ast.get_docstring(n) or "") for n in nodes]
    return [name for name, text in begun if name[0] != "_" and re.match(r"The same\b", text)]


def test_a_docstring_stands_alone():
    texts = ((path, path.read_text()) for path in (ROOT / "afnlab").rglob("*.py"))
    lean = {path.relative_to(ROOT).as_posix(): leaning(text) for path, text in texts}
    assert {name: names for name, names in lean.items() if names} == {}


def test_a_docstring_that_does_not_is_found():
    texts = ("The same of two.", "The samest.", "Do the same.")
    assert [leaning(f'def f(x):\n    """{text}"""') for text in texts] == [["f"], [], []]
    assert leaning('def _f(x):\n    """The same."""\nclass A:\n    """The same"""') == ["A"]


def bare(x: int) -> int:
    return x


def half(x: int, y: int) -> int:
    """Add them.

    Args:
        x: one.

    Returns:
        The sum.
    """
    return x + y


def silent(x: int) -> int:
    """Add one.

    Args:
        x: a number.
    """
    return x + 1


@pytest.mark.parametrize(
    ("function", "lacks"), [(bare, ["docstring"]), (half, ["y"]), (silent, ["Returns"])]
)
def test_what_a_docstring_lacks_is_found(function, lacks):
    assert lacking(function) == lacks
