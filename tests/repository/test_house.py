"""What has to agree with what: dependencies, constraints, the generated page, published tables."""

from __future__ import annotations

import ast
import graphlib
import importlib.util
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

import afnlab
from afnlab import stats
from afnlab.bibliography import REFERENCES
from afnlab.compare import published
from afnlab.paths import shared
from afnlab.runs.fingerprint.package import Package, file_of

ROOT = Path(__file__).resolve().parents[2]
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
PUBLISHED = sorted(p.stem for p in shared("published").glob("*.csv"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]


# From the ground up; what stands on one floor may import from those below it.
FLOORS = (
    ("messages",),
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


def test_every_part_has_its_floor():
    parts = {p.stem for p in (ROOT / "afnlab").iterdir() if p.suffix == ".py" or p.is_dir()}
    assert {p for p in parts if not p.startswith("_") and p != "share"} == set(FLOOR)


def bare(requirement: str) -> str:
    return re.split(r"[<>=\[]", requirement)[0].lower()


def test_conda_gets_the_same_packages():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    names = {r: r for r in listed if isinstance(r, str)}
    expected = {f"python{PROJECT['requires-python']}", "pip"}
    for requirement in PROJECT["dependencies"]:
        name = bare(requirement)
        expected.add(requirement.replace(name, CONDA.get(name, name), 1))
    assert set(names) == expected


def test_every_package_is_pinned():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    lines = [line.partition(";")[0] for line in lines if line and not line.startswith("#")]
    pins = dict(line.split("==") for line in lines)
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    assert pins["torch"] == "2.13.0"
    extras = [
        r for name in ("dev", "docs", "ecosystem") for r in PROJECT["optional-dependencies"][name]
    ]
    wanted = [*PROJECT["dependencies"], *extras, *PYPROJECT["build-system"]["requires"]]
    assert {bare(r) for r in wanted} <= set(pins)


INTERNAL = {"AFNLAB_PAGE", "AFNLAB_READ", "AFNLAB_SELECTED"}  # which afnlab sets for itself


def test_every_environment_variable_is_on_the_page_of_surroundings():
    trees = (ast.parse(path.read_text()) for path in (ROOT / "afnlab").rglob("*.py"))
    texts = {node.value for tree in trees for node in ast.walk(tree) if hasattr(node, "value")}
    named = {text for text in map(str, texts) if re.fullmatch(r"AFNLAB_[A-Z_]+", text)}
    page = (ROOT / "docs" / "surroundings.md").read_text()
    assert {*re.findall(r"^\| `(AFNLAB_\w+)` \|", page, re.MULTILINE), *INTERNAL} == named


def test_contributing_lists_the_modules_that_all_trainings_depend_on():
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("are these modules:\n")[2]
    listed: set[Path] = set()
    for line in re.findall(r"^- (.*)$", text.partition("\n`afnlab runs list`")[0], re.MULTILINE):
        for name in re.findall(r"`(afnlab/.*?)`", line):
            excepted = re.findall(r"`(\w+/\w+\.py)`", line.partition("/` without ")[2])
            files = set((ROOT / name).glob("*.py")) or {ROOT / name}
            listed |= files - {ROOT / "afnlab" / one for one in excepted}
    package = Package()
    package.base()
    modules = (unit for unit in package.units if ":" not in unit)
    assert listed == {file_of(module) for module in modules}


def test_every_name_of_the_api_is_there():
    text = (ROOT / "docs" / "api.md").read_text()
    named = set(re.findall(r"`(?:afnlab\.)((?:\w+\.)*\w+)", text))
    assert len(named) > 30
    for name in named:
        found = afnlab
        for part in name.split("."):
            path = f"{found.__name__}.{part}"
            found = getattr(found, part, None) or importlib.import_module(path)
    for name in re.findall(r"`stats\.(\w+)`", text):
        assert callable(getattr(stats, name))


def test_the_activation_that_the_readme_adds_is_accurate():
    """As its line `+@activation(...)` and those below it stand there."""
    added = re.search(r"(?:^\+.*\n)+", (ROOT / "README.md").read_text(), re.MULTILINE)
    names = vars(importlib.import_module("afnlab.activations.gated")).copy()
    exec(re.sub(r"^\+", "", added[0], flags=re.MULTILINE), names)
    x = torch.tensor([-700.0, -30.0, 0.0, 5.0, 31.6], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(names["squish"](x).sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    p, q = (1 / (1 + torch.exp(sign * x.detach())) for sign in (-1, 1))
    expected = p**2 * q * (4 + 2 * x.detach() * (2 - 3 * p))
    torch.testing.assert_close(bend, expected, rtol=1e-12, atol=0)


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["authors"] == PROJECT["authors"]
    assert (cited["version"], cited["license"]) == (afnlab.__version__, PROJECT["license"])


LINKS = {  # of the README, and of what it may come to hold
    "": None,
    "[more](docs/explore.md)": "more",
    "[how](docs/statistics.md#tuned-comparisons)": "how",
    "[CITATION.cff](CITATION.cff)": "CITATION.cff",
    "![a picture](docs/images/a.png)": "",
    '<img src="docs/images/gallery.svg" alt="All" width="100%">': "",
    "[fsspec](https://filesystem-spec.readthedocs.io)": "[fsspec](https://filesystem-spec.readthedocs.io)",
}


@pytest.mark.parametrize("link", LINKS)
def test_no_link_of_a_package_index_leads_nowhere(link):
    """The README of the distribution, as the build's plugin makes it."""
    hook = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    text = link or (ROOT / hook["fragments"][0]["path"]).read_text()
    for rule in hook["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    assert not re.search(r'\]\((?!https?:)|src="(?!https?:)', text)
    assert text == LINKS[link] if link else "Is an activation function any good?" in text


FILE = re.compile(r"`((?:\w+/)*\w+\.(?:py|js|h|cpp|cu|css|ipynb|yaml))`|(tests/[\w/]+\.py)")


@pytest.mark.parametrize("page", ["docs/design.md", "CONTRIBUTING.md", "docs/statistics.md"])
def test_files_that_a_page_names_are_there(page):
    found = {"".join(match) for match in FILE.findall((ROOT / page).read_text())}
    named = found - {"random.py"}  # a user's
    homes = [ROOT, *(ROOT / "afnlab" / room for room in (".", "training", "native", "activations"))]
    assert named
    for name in named:
        assert any((home / name).is_file() for home in homes), name


def test_the_fast_tests_are_there():
    named = re.search(r"^FAST := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    names = named[1].replace("\\", "").split()
    assert len(names) > 10
    assert [n for n in names if not (ROOT / "tests" / f"{n}.py").is_file()] == []


# The only folders of tests/ that are no room of the package, and what is in them.
SUITES = {
    "integration": "distributed ecosystem form_labels hints own_metric surroundings survival"
    " torch_suites trust tuned_runs untrusted upside_down",
    "repository": "docstrings experiments house judging_study listings notebooks over result_pages"
    " saved_memory",
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


def test_test_files_that_are_named_somewhere_are_there():
    pages = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md"), ROOT / "Makefile", ROOT / ".ci/run"]
    named = {name for page in pages for name in re.findall(r"tests/[\w/]+\.py", page.read_text())}
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.fixture(scope="module")
def generate():
    """docs/generate.py, as a module, which draws the gallery once."""
    found = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    module.gallery = cache(module.gallery)
    return module


def test_the_page_and_the_picture_of_the_activations_are_fresh(generate, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 0, capsys.readouterr().err


CURVE = re.compile(r"L (\d+\.\d+) ")
STALE = {
    "a curve was another": ("GALLERY", lambda t: CURVE.sub(lambda m: f"L {m[1]}9", t, count=1)),
    "a curve went elsewhere": (
        "GALLERY",
        lambda t: CURVE.sub(lambda m: f"L {float(m[1]) + 0.5:f} ", t, count=1),
    ),
    "a panel less": ("GALLERY", lambda t: t.replace('<g id="axes_2">', "<g>")),
    "cut off": ("GALLERY", lambda t: t[:-100]),
    "no picture": ("GALLERY", lambda t: None),
    "a word on the page": ("PAGE", lambda t: t.replace("srelu", "sreul", 1)),
    "no page": ("PAGE", lambda t: None),
    "a floor less": ("DESIGN", lambda t: t.replace("  block\n    figures\n  end\n", "")),
    "a room less": ("DESIGN", lambda t: t.replace("    live studies\n", "    live\n")),
    "floors in another order": (
        "DESIGN",
        lambda t: t.replace("    figures\n", "    X\n").replace("    compare\n", "    figures\n"),
    ),
}


@pytest.mark.parametrize("case", STALE)
def test_what_is_stale_is_named_and_made_anew(case, generate, monkeypatch, capsys, tmp_path):
    name, edited = STALE[case]
    path, text = tmp_path / "old", getattr(generate, name).read_text()
    if edited(text) is not None:
        assert edited(text) != text
        path.write_text(edited(text))
    monkeypatch.setattr(generate, name, path)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 1
    assert capsys.readouterr().err == f"{path} is stale; run make docs\n"
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    assert path.read_text() == text


def test_last_digits_of_a_picture_do_not_count(generate):
    old = '<path id="m0123456789" d="M 1.250000 7.5"/>'
    assert generate.same(old, '<path id="p9876543210" d="M 1.250001 7.5"/>')
    for other in ("M 1.27 7.5", "M 1.25 7.5 L 1.0 2.0", "M -1.25 7.5", "M x 7.5"):
        assert not generate.same(old, f'<path id="m0123456789" d="{other}"/>')


@pytest.mark.parametrize("name", afnlab.list_activations())
def test_every_activation_has_a_source_and_a_formula(name):
    record = afnlab.get_activation(name)
    entry = REFERENCES[record.reference].bibtex(record.reference)
    assert entry.startswith("@")
    assert entry.count("{") == entry.count("}")
    assert not set("{}") & set(REFERENCES[record.reference].cite())  # which are BibTeX's alone
    assert record.latex
    assert f"| `{name}` |" in (ROOT / "docs" / "activations.md").read_text()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_tables_say_where_they_stand(name):
    table = published(name)
    columns = ["source", "where", "task", "runs", "activation", "metric", "value"]
    assert set(columns) <= set(table.columns)
    assert table[["source", "where", "metric", "value"]].notna().all().all()
    assert pd.api.types.is_numeric_dtype(table.value)


@pytest.mark.parametrize("name", afnlab.list_tasks())
def test_tasks_name_published_tables_that_exist(name):
    task = afnlab.get_task(name)
    assert task.summary
    assert task.published.removesuffix(".csv") in ("", *PUBLISHED)


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
