"""The names of classes, of bindings, of files of tests, and those that the package offers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import afnlab

ROOT = Path(__file__).resolve().parents[2]


def test_a_class_has_a_name_of_its_own():
    """A class or an alias of a type is called what no other is, so a name says what it is."""
    homes: dict[str, list[str]] = {}
    for path in sorted((ROOT / "afnlab").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            named = [node] if isinstance(node, ast.ClassDef) else getattr(node, "targets", [])
            for name in (getattr(n, "name", getattr(n, "id", "")) for n in named):
                if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name):
                    homes.setdefault(name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


VAGUE = {"found", "own", "left", "given", "told"}  # which say of nothing what it is
KEPT = {
    "judging/campaign.py Campaign.given": "a key of every ledger",
    "runs/storage/record_schema.py _Whole.given": "a key of every record",
    "runs/storage/record_schema.py FailureRecord.given": "a key of every record",
    "runs/notebook.py Run.given": "a documented attribute",
    "activation_record.py Activation.complete.given": "a documented argument",
}


def bindings(node: ast.AST, scope: str = "") -> Iterator[tuple[str, str]]:
    """The names that code binds, each with the classes and functions it stands in: `A.f.`, `x`."""
    for child in ast.iter_child_nodes(node):
        inner = scope
        match child:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield scope, name
                inner = f"{scope}{name}."
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
                | ast.arg(arg=name)
                | ast.alias(name=name, asname=None)
                | ast.alias(asname=name)
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                yield scope, name
        yield from bindings(child, inner)


def vague(code: str) -> set[str]:
    """The names in code that do not say what they hold; `left` does, beside `right` or `top`."""
    names = set(bindings(ast.parse(code)))
    beside = {(scope, "left") for scope, name in names if name in ("right", "top")}
    return {scope + name for scope, name in names - beside if name.strip("_") in VAGUE}


def test_a_name_says_what_it_holds():
    package = ROOT / "afnlab"
    named = {
        f"{path.relative_to(package).as_posix()} {name}"
        for path in package.rglob("*.py")
        for name in vague(path.read_text())
    }
    assert named - KEPT.keys() == set(), "name what it holds, in the field's terms"
    assert KEPT.keys() - named == set(), "is no longer there"


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("found = 1", {"found"}),
        ("a, (b, *told) = own = c", {"told", "own"}),
        ("x: int\nleft: int = 1\nleft += 1", {"left"}),
        (
            "def f(x, /, own, *given, told=1, **found): ...",
            {"f.own", "f.given", "f.told", "f.found"},
        ),
        ("class A:\n    def _told(self): self.own = 1", {"A._told", "A._told.own"}),
        ("class given: ...\nasync def told(): ...", {"given", "told"}),
        ("for own in x: pass\nwith y as told: pass", {"own", "told"}),
        ("try: pass\nexcept E as found: pass", {"found"}),
        ("[own for own in x if (told := own)]\nf = lambda given: 1", {"own", "told", "given"}),
        ("from a import b as found, told\nimport own", {"found", "told", "own"}),
        (
            "match x:\n    case [own, *told]: ...\n    case {'a': 1, **given}: ...",
            VAGUE - {"found", "left"},
        ),
        ("def f():\n    left, right = x\n    top, self.left = y", set()),
        ("def f():\n    left = x\ndef g():\n    right = x", {"f.left"}),
        ("x = own['given']\nf(told=left.found)\nleft_out = own_seeds = 'told'", set()),
    ],
)
def test_a_vague_name_is_found(code, names):
    assert vague(code) == names


# The only folders of tests/ that are no room of the package, and what is in them.
SUITES = {
    "integration": "distributed ecosystem form_labels hints own_metric surroundings survival"
    " torch_suites trust tuned_runs untrusted upside_down",
    "repository": "docstrings experiments judging_study layers listings names notebooks over"
    " packaging pages result_pages saved_memory",
    "fuzz": "fuzz inputs",
    "browser": "elsewhere every_notebook kernel_ends lab_walk notebooks_live report_page"
    " sweep_live",
}


def homeless(path: Path, package: Path = ROOT / "afnlab") -> bool:
    """Whether a file of tests is named after no module and no room, and is no known suite.

    The tests of afnlab/a/b.py are a/test_b.py or, of one aspect, a/test_b_aspect.py; those of the
    room afnlab/a are a/test_a.py.
    """
    folder, name = path.parent.as_posix(), path.stem.removeprefix("test_")
    if folder in SUITES:
        return name not in SUITES[folder].split()
    modules = {module.stem for module in (package / folder).glob("[!_]*.py")} | {path.parent.name}
    return not any(module and f"{name}_".startswith(f"{module}_") for module in modules)


def test_a_file_of_tests_is_named_after_what_it_tests():
    files = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    assert [str(path) for path in files if homeless(path)] == []
    suites = {f"{folder}/test_{n}.py" for folder, names in SUITES.items() for n in names.split()}
    assert suites <= {path.as_posix() for path in files}


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("stats/test_anytime.py", False),  # a module
        ("native/test_kernels_inputs.py", False),  # one aspect of a module
        ("runs/storage/test_storage.py", False),  # a room
        ("test_locks.py", False),
        ("integration/test_trust.py", False),
        ("test_anytime.py", True),  # of another room
        ("stats/test_launch.py", True),
        ("native/test_kernelsinputs.py", True),
        ("stats/test___init__.py", True),
        ("test_everything.py", True),
        ("integration/test_everything.py", True),
        ("misc/test_anytime.py", True),
    ],
)
def test_a_file_of_tests_elsewhere_is_found(path, wrong):
    assert homeless(Path(path)) is wrong


def test_every_folder_of_tests_is_a_package():
    """Else two test files of one name, of two rooms, could not be collected together."""
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    bare = [f.name for f in folders if not (f / "__init__.py").is_file()]
    assert bare == ["browser"]  # is run by itself


NAMED_BY = ("measures.py", "training/metrics.py")  # where accuracy is one of the metrics


def words(tree: ast.AST) -> Iterator[str]:
    """Names and texts in code; no docstring, and not what is imported from the metric's record."""
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value
        for name in ("id", "attr", "arg", "name"):
            found = getattr(node, name, None)
            if isinstance(found, str) and found not in ("ACCURACY", "accuracy_of"):
                yield found


def test_no_code_assumes_that_accuracy_is_the_metric():
    package = ROOT / "afnlab"
    found = {
        f"{path.relative_to(package)}: {word}"
        for path in package.rglob("*.py")
        if path.relative_to(package).as_posix() not in NAMED_BY
        for word in words(ast.parse(path.read_text()))
        if "accura" in word.lower() and "accurate" not in word.lower()
    }
    assert found == set()
    files = [path.name for path in package.rglob("*") if "accuracy" in path.name]
    assert files == []


def test_completion_shows_what_is_public():
    shown = {name for name in dir(afnlab) if not name.startswith("_")}
    rooms = {"compare", "figures", "functions", "live", "report", "runs", "stats", "studies"}
    assert shown == {*afnlab.__all__, *rooms, "judge", "judging", "search", "widgets"}
    assert set(dir(afnlab.functional)) == set(afnlab.functional.__all__)
    assert (Path(afnlab.__file__).parent / "py.typed").is_file()
