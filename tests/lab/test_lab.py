"""`afnlab lab`: copies of the notebooks, their index, their outputs, their folder of runs."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from markupsafe import Markup
from nbformat.sign import NotebookNotary

from afnlab import lab
from afnlab.cli import main
from afnlab.figures import fragment
from afnlab.lab import executed_copies
from afnlab.lab.kernel_metadata import metadata
from afnlab.paths import CACHE, INDEX, shared
from afnlab.report import sections
from afnlab.runs.code_folder import CODE_FOLDER
from afnlab.runs.notebook_metrics import MIME
from tests.runs.test_runs import kernels, small_runs

PICTURES = shared("notebooks") / lab.PICTURES
NAMES = sorted(p.stem for p in shared("notebooks").glob("*.ipynb") if p.name != INDEX)


def test_the_index_shows_every_notebook():
    text = "".join(c.source for c in nbformat.read(shared("notebooks") / INDEX, 4).cells)
    assert sorted(re.findall(r"\*\*\[[^]]+\]\(([\w-]+)\.ipynb\)\*\*", text)) == NAMES
    assert sorted(re.findall(r'href="([\w-]+)\.ipynb"', text)) == NAMES
    assert sorted(re.findall(r'src="pictures/([\w-]+)\.png"', text)) == NAMES
    for name in NAMES:
        title = nbformat.read(shared("notebooks") / f"{name}.ipynb", 4).cells[0].source
        shown = re.search(rf"\*\*\[([^]]+)\]\({name}\.ipynb\)", text)[1]
        assert title.startswith(f"# {shown}\n") or name == "report"
    assert sorted(p.stem for p in PICTURES.glob("*.png")) == NAMES
    assert sum(p.stat().st_size for p in PICTURES.glob("*.png")) < 600_000


def test_every_notebook_is_executed_for_its_pictures():
    assert sorted(executed_copies.ORDER) == NAMES


@pytest.fixture(autouse=True)
def code(monkeypatch) -> None:
    """The folder of code that the environment names, which the command sets, is as it was then."""
    monkeypatch.setenv(CODE_FOLDER, "")


@pytest.fixture
def copies(tmp_path, monkeypatch) -> Path:
    """A folder of copies, and where Jupyter keeps what it trusts."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    lab.copy_notebooks(tmp_path / "copies")
    return tmp_path / "copies"


def outputs(path: Path) -> list:
    cells = nbformat.read(path, 4).cells
    return [o for c in cells if c.cell_type == "code" for o in c.outputs]


def test_copies_get_their_outputs(copies, monkeypatch):
    """Pictures; a line in place of sliders; nothing where somebody has been at work."""
    mine = copies / "train.ipynb"
    mine.write_text(mine.read_text() + "\n")
    names = ("explore", "train", "compare")
    monkeypatch.setattr(executed_copies, "ORDER", names)
    assert executed_copies.untouched(copies) == ["explore", "compare"]
    before = Path.cwd()
    done = executed_copies.execute_copies(copies, str(small_runs()), kernels())
    assert done == ["explore", "compare"]
    assert Path.cwd() == before
    assert outputs(mine) == []
    sliders, picture = outputs(copies / "explore.ipynb")
    assert sliders.data["text/markdown"] == executed_copies.START
    assert "image/png" in picture.data
    *pages, numbers = outputs(copies / "compare.ipynb")
    shown = [o.data["text/html"] for o in pages]
    assert MIME in numbers.data
    assert "Which?" in shown[0]
    assert shown[0].startswith('<div class="afnlab-part"><style>')
    for name in done:
        notebook = nbformat.read(copies / f"{name}.ipynb", 4)
        nbformat.validate(notebook)
        assert NotebookNotary().check_signature(notebook)  # JupyterLab shows all of it
        assert notebook.metadata == metadata()  # or it counts as changed once it is opened
        assert {c.execution_count for c in notebook.cells if c.cell_type == "code"} == {None}
    assert executed_copies.untouched(copies) == []
    assert not [p for p in copies.iterdir() if p.name.startswith(".")]


def test_the_files_that_an_executed_copy_says_it_wrote_are_there(copies, monkeypatch):
    """own.ipynb writes my_idea.py; one that somebody has written already stays."""

    def executed(name, elsewhere, means):
        for file in ("my_idea.py", "mine.py"):
            (elsewhere / file).write_text("from the notebook")
        return nbformat.read(copies / f"{name}.ipynb", 4)

    (copies / "mine.py").write_text("from somebody")
    monkeypatch.setattr(executed_copies, "ORDER", ("own",))
    monkeypatch.setattr(executed_copies, "_executed", executed)
    assert executed_copies.execute_copies(copies) == ["own"]
    assert (copies / "my_idea.py").read_text() == "from the notebook"
    assert (copies / "mine.py").read_text() == "from somebody"


def test_what_fails_stays_as_it_was_and_no_training_is_kept(copies, tmp_path, monkeypatch):
    monkeypatch.setattr(executed_copies, "ORDER", ("compare",))
    assert executed_copies.execute_copies(copies, str(tmp_path / "none"), kernels()) == []
    assert outputs(copies / "compare.ipynb") == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("flags", "before", "runs"),
    [
        ([], "", "{here}/runs"),
        ([], "{here}/mine", "{here}/mine"),
        (["--runs", "other"], "{here}/mine", "{here}/other"),
        (["--runs", "memory://shared"], "", "memory://shared"),
    ],
)
def test_its_notebooks_are_given_the_folder_of_runs(flags, before, runs, tmp_path, monkeypatch):
    begun: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFNLAB_RUNS", before.format(here=tmp_path))
    monkeypatch.setattr(lab, "_begin_pictures", lambda folder: None)
    monkeypatch.setattr(lab, "_become", lambda command: begun.append(command) or 0)
    assert main(["lab", *flags, "--", "--port", "9000"]) == 0
    (command,) = begun
    index, address = "afnlab-notebooks/index.ipynb", "--LabApp.default_url=/lab/tree/index.ipynb"
    assert command[2:] == ["jupyterlab", index, address, "--port", "9000"]
    assert os.environ["AFNLAB_RUNS"] == runs.format(here=tmp_path)
    assert os.environ[CODE_FOLDER] == str(tmp_path)
    assert (tmp_path / "afnlab-notebooks" / "pictures" / "explore.png").is_file()


def test_pictures_that_are_there_stay(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "plot.png").write_text("mine")
    lab.copy_notebooks(tmp_path)
    assert (tmp_path / "pictures" / "plot.png").read_text() == "mine"
    assert (tmp_path / "pictures" / "train.png").is_file()
    assert lab.copy_notebooks(tmp_path) == []


def test_another_address_may_be_asked_for(tmp_path, monkeypatch):
    """Given twice, Jupyter would refuse it."""
    begun: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFNLAB_RUNS", "runs")
    monkeypatch.setattr(lab, "_become", lambda command: begun.append(command) or 0)
    assert main(["lab", "--no-pictures", "--", "--LabApp.default_url=/lab/tree/plot.ipynb"]) == 0
    assert [text for text in begun[0] if "default_url" in text] == begun[0][-1:]


def test_its_notebooks_are_given_the_other_folders_too(tmp_path, monkeypatch):
    """They work in the folder of the copies."""
    monkeypatch.chdir(tmp_path)
    given_as = {"AFNLAB_RUNS": "file://r", "AFNLAB_DATA": "d", CACHE: "c", "PYTHONPATH": "p:/q"}
    for name, text in given_as.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setenv("HOME", str(tmp_path))
    begun: list[list[str]] = []
    monkeypatch.setattr(lab, "_become", lambda command: begun.append(command) or 0)
    assert main(["lab", "--no-pictures", "--folder", "~/copies"]) == 0
    assert begun[0][1] == "-Pm"  # it imports nothing from the current folder
    assert (tmp_path / "copies" / INDEX).is_file()
    assert {name: os.environ[name] for name in given_as} == {
        "AFNLAB_RUNS": f"file://{tmp_path}/r",
        "AFNLAB_DATA": f"{tmp_path}/d",
        CACHE: f"{tmp_path}/c",
        "PYTHONPATH": f"{tmp_path}/p:/q",
    }


SHEETS = {
    "the page's own": None,
    "a theme's switch": ":root { --ink: red; } :root[data-theme=dark] { color-scheme: dark; }",
    "a page's margins": "@page { @bottom-right { content: counter(page); } } p { x: y }",
    "in a query": "@media print { @page :first { margin: 0 } :root, :root[data-theme] { a: b } }",
}


@pytest.mark.parametrize("case", SHEETS)
def test_a_part_of_a_page_brings_the_page_s_style_for_itself(case, tmp_path, monkeypatch):
    if (text := SHEETS[case]) is not None:
        (tmp_path / "report").mkdir()
        (tmp_path / "report" / "page.css").write_text(text)
        monkeypatch.setattr(fragment, "PACKAGE", tmp_path)
    style = fragment._style.__wrapped__()
    assert style.count("{") == style.count("}")
    assert style.startswith(".afnlab-part.afnlab-part {")
    assert "@page" not in style
    assert ":root" not in style
    assert ("p { x: y }" in style) == (case == "a page's margins")


def test_on_a_page_a_part_has_no_style_of_its_own(monkeypatch):
    one = fragment.Fragment(Markup("<p>text</p>"))
    assert "<style>" in one._repr_mimebundle_()["text/html"]
    monkeypatch.setenv(fragment.PAGE, "1")
    assert one._repr_mimebundle_()["text/html"] == "<p>text</p>"
    assert fragment.Fragment()._repr_mimebundle_()["text/html"] == ""


def test_a_wide_frame_scrolls_within_the_page():
    table = pd.DataFrame({f"column {i}": [1.5] for i in range(60)}, index=["<b>srelu</b>"])
    shown = sections.frame(table).data
    assert shown.startswith("<div class=scroll tabindex=0><table")
    assert "&lt;b&gt;srelu" in shown
    assert "<b>" not in shown
