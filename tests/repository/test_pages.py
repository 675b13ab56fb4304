"""The pages agree with the code and with the files that they name; the generated ones are fresh."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch

import afnlab
from afnlab import stats
from afnlab.bibliography import REFERENCES
from afnlab.compare import published
from afnlab.paths import shared
from afnlab.runs.fingerprint.package import Package, file_of

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = sorted(p.stem for p in shared("published").glob("*.csv"))
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
    "a recipe was another": ("PARAMETERS", lambda t: t.replace("| 64 |", "| 65 |", 1)),
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


def test_the_site_s_own_switch_chooses_of_two_pictures():
    """A `<picture>` follows the system's setting alone, which is all that GitHub knows."""
    for needed in ("sphinx", "latex2mathml"):
        pytest.importorskip(needed)
    spec = importlib.util.spec_from_file_location("site_conf", ROOT / "docs" / "conf.py")
    conf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conf)
    pages = {path: path.read_text() for path in (ROOT / "docs").rglob("*.md")}
    assert any("<picture>" in text for text in pages.values())
    for text in pages.values():
        source = [text]
        conf.pictures(None, "", source)
        assert "<picture>" not in source[0]
        for theme in ("light", "dark"):
            count = text.count("<picture>") + text.count(f'class="only-{theme}"')
            assert len(re.findall(rf'-{theme}\.png" class="only-{theme}"', source[0])) == count
