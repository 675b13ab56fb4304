"""The structure of the package: floors without circles, short modules, few types that are Any."""

from __future__ import annotations

import ast
import graphlib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# From the ground up; what stands on one floor may import from those below it.
FLOORS = (
    ("messages", "listing"),
    ("errors", "spellings", "markup", "usercode", "param", "paths", "locks"),
    ("eager", "backward", "derivatives", "symbolic", "activation_record"),
    (
        "measures",
        "printing",
        "digits",
        "stats",
        "registry",
        "clamping",
        "bibliography",
        "restoring",
        "separable",
    ),
    ("activations",),
    ("native", "functional", "activation_module", "feedforward", "nn"),
    ("signal", "autorot", "fusing", "recognition", "sites", "replacing", "registering"),
    ("training",),
    ("functions",),
    ("runs",),
    ("compare",),
    ("figures",),
    ("live", "studies"),
    ("judging", "report", "search", "widgets"),
    ("bench", "doctor", "lab"),
    ("cli",),
)
LONGEST = 470  # lines of a module
MOST_ANY, MOST_IGNORED = 254, 71  # in all modules
FLOOR = {name: i for i, names in enumerate(FLOORS) for name in names}


def imported(path: Path) -> set[str]:
    """The parts of afnlab that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith("afnlab.")}


@pytest.mark.parametrize("part", FLOOR)
def test_imports_go_down(part):
    package = ROOT / "afnlab"
    files = [package / f"{part}.py"] if (package / f"{part}.py").is_file() else []
    files += (package / part).rglob("*.py")
    assert files
    for path in files:
        above = {n for n in imported(path) & FLOOR.keys() if FLOOR[n] > FLOOR[part]}
        assert not above, f"{path.relative_to(ROOT)} imports {above}"


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """The modules that import one another, in a circle of any length."""
    try:
        list(graphlib.TopologicalSorter(arrows).static_order())
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_no_modules_import_one_another_in_a_circle():
    """Imports within functions, and for types alone, count too."""
    paths = {}
    for path in (ROOT / "afnlab").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        paths[".".join(parts).removesuffix(".__init__")] = path
    del paths["afnlab"]  # which offers names of everything
    arrows = {}
    for name, path in paths.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                whole = (f"{node.module}.{alias.name}" for alias in node.names)
                found |= {full if full in paths else node.module for full in whole}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        arrows[name] = found & paths.keys() - {name}
    assert sum(map(len, arrows.values())) > 500
    assert circles(arrows) == []


@pytest.mark.parametrize(
    ("arrows", "found"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, set()),
        ({"a": {"b"}, "b": {"a"}}, {"a", "b"}),
        ({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}}, {"b", "c", "d"}),
    ],
)
def test_circles_are_found(arrows, found):
    assert set(circles(arrows)) == found


def test_no_module_is_long():
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / "afnlab").rglob("*.py")}
    long = {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > LONGEST}
    assert long == {}, f"longer than {LONGEST} lines: cut where it changes its subject"


def unchecked(code: str) -> int:
    """How often a type is Any, under whatever name."""
    named, found = {"Any"}, 0
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            named |= {alias.asname for alias in node.names if alias.name == "Any" and alias.asname}
        elif isinstance(node, ast.Name):
            found += node.id in named
        elif isinstance(node, ast.Attribute):
            found += node.attr == "Any"
    return found


def test_few_types_are_any():
    """What a caller may pass is `object`, and is checked; what is known has its type."""
    found = Counter({path: unchecked(path.read_text()) for path in (ROOT / "afnlab").rglob("*.py")})
    most = {str(path.relative_to(ROOT)): n for path, n in found.most_common(9)}
    assert found.total() <= MOST_ANY, f"{found.total()} times Any, most in {most}"
    ignored = sum(path.read_text().count("# type: ignore") for path in found)
    assert ignored <= MOST_IGNORED, f"{ignored} types are ignored"


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("from typing import Any\ndef f(x: Any, *, y: dict[str, Any]) -> Any: ...", 3),
        ("from typing import Any as A\nx: A = 1", 1),
        ("import typing as t\nx: list[t.Any] = []", 1),
        ("def f(x: object) -> bool:  # Any\n    return any(x)", 0),
    ],
)
def test_any_is_counted(code, count):
    assert unchecked(code) == count


def test_every_part_has_its_floor():
    parts = {p.stem for p in (ROOT / "afnlab").iterdir() if p.suffix == ".py" or p.is_dir()}
    assert {p for p in parts if not p.startswith("_") and p != "share"} == set(FLOOR)
