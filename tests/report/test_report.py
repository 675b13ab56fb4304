"""The report: one page that needs nothing else, with the evidence behind every number."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from markupsafe import Markup
from papermill import PapermillExecutionError

from afnlab.cli import main
from afnlab.compare import select
from afnlab.compare.formatting import limits
from afnlab.compare.proper_names import proper_name
from afnlab.figures.fragment import Fragment
from afnlab.report import export, sections, write_report
from afnlab.report.again import usual_folder
from afnlab.report.sections.html import sentence, table_of
from afnlab.runs import records
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.pending import standings
from tests.report.test_page import Problems
from tests.runs.test_runs import RECORD, execute_small, means, notebook, rewrite, small_runs

SWEEP = """\
title: Two <small> activations
parameters: {epochs: 2}
grid: {activation: [relu, srelu]}
seeds: 2
"""


class Page(HTMLParser):
    """What a page loads, links to, and says."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.loads, self.links, self.ids, self.text = path, [], [], [], ""
        self.inside = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            elif name in ("href", "xlink:href") and tag == "a":
                self.links.append(value)
            elif name in ("src", "href", "xlink:href", "srcset", "poster", "data", "action"):
                self.loads.append(value)

    def handle_data(self, data):
        self.text += data if self.inside not in ("style", "script") else ""

    def handle_endtag(self, tag):
        self.inside = ""


def assert_needs_nothing(page: Page) -> None:
    """It opens without a network, and without other files."""
    assert all(v.startswith(("#", "data:")) for v in page.loads), page.loads
    assert "@import" not in page.source
    for target in re.findall(r"url\(\s*['\"]?([^)'\"]*)", page.source):
        assert target.startswith(("#", "data:")), target
        assert target[0] != "#" or target[1:] in page.ids
    assert not re.search(r"<(link|iframe)\b", page.source)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page.source, re.DOTALL)
    assert len(scripts) == len(re.findall(r"<script\b", page.source))
    own = [text for attributes, text in scripts if 'type="application/json"' not in attributes]
    policy = re.search(r"Content-Security-Policy\" content=\"([^\"]*)", page.source)[1]
    allowed = re.findall(r"'sha256-([^']*)'", policy)
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in own]
    assert hashes == allowed  # nothing else may run
    assert "unsafe-inline" not in policy.replace("style-src 'unsafe-inline'", "")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, Path, Path]:
    """Page, runs and sweep file; the page is written once for all tests that only read it."""
    folder = tmp_path_factory.mktemp("report")
    sweep = folder / "two.yaml"
    sweep.write_text(SWEEP)
    said: list[str] = []
    page = write_report.write(
        sweep, runs=small_runs(), out=folder / "out", pdf=False, means=means(), report=said.append
    )
    assert said == [f"wrote {page} (2 runs)"]
    return page, small_runs(), sweep


def test_the_page_needs_nothing_else(written):
    page = Page(written[0])
    assert page.source.startswith("<!doctype html>")
    assert Problems(page.source).found == []
    assert_needs_nothing(page)
    assert "<title>Two &lt;small&gt; activations</title>" in page.source
    assert "<h1>Two &lt;small&gt; activations</h1>" in page.source


def test_the_page_says_what_it_must(written):
    page = Page(written[0])
    record = records(written[1])[0]
    first_screen = page.text[page.text.index("Two <small>") : page.text.rindex("The numbers")]
    assert "With 2 seeds and 1 comparison no difference to ReLU could pass a test" in first_screen
    assert "Undecided: with 2 seeds no test can show a difference to ReLU." in first_screen
    assert "better" not in first_screen
    assert "signific" not in page.text
    for question in ("Which?", "On what?", "By how much?", "How sure?", "At what cost?"):
        assert question in first_screen
    assert "2 epochs" in first_screen
    assert "evaluated on 450 test examples" in first_screen
    assert record["environment"]["device_name"] in first_screen
    for fact in (
        record["environment"]["data"],
        record["environment"]["torch"],
        record["versions"]["papermill"],
    ):
        assert fact in page.text
    drawn = re.findall(r"<svg [^>]*role=.img.[^>]*>", page.source)
    assert len(drawn) == 6  # comparison (wide, narrow), frontier, curves, all together, gallery
    assert all("aria-label=" in tag for tag in drawn)
    assert "afnlab sweep" in page.text
    assert "afnlab verify" in page.text
    assert "versions as in constraints.txt" in page.text or "locked" in page.text
    assert "Traceback" not in page.source


def test_every_run_is_linked_and_there(written):
    page = Page(written[0])
    runs = {r["id"] for r in records(written[1])}
    linked = [link for link in page.links if link.startswith("runs/") and link.endswith("html")]
    assert {Path(link).stem + ".json" for link in linked} <= {Path(n).name for n in page.links}
    assert {Path(link).stem for link in linked} == runs
    assert len(linked) >= 2 * len(runs)  # in the table of results, and in that of the runs
    for link in page.links:
        there = link[1:] in page.ids if link[0] == "#" else (page.path.parent / link).is_file()
        assert there, link
    for link in set(linked):
        evidence = Page(page.path.parent / link)
        assert_needs_nothing(evidence)
        assert "run.train()" in evidence.text
        assert "../report.html" in evidence.links
        assert Problems(evidence.source).found == []
        (record,) = [r for r in records(written[1]) if r["id"] == Path(link).stem]
        name = proper_name(record["parameters"]["activation"])
        assert f"<h1>{name} on digits-mlp</h1>" in evidence.source
        assert f"<title>{name} on digits-mlp</title>" in evidence.source
        (chosen,) = select(written[1], written[2])
        row = chosen.table.loc[name.lower()]
        assert f"Mean accuracy over 2 seeds: {100 * row.accuracy:.2f}\xa0%" in evidence.text
        assert record["folder"] not in evidence.source
        assert ".attempt-" not in evidence.source


def test_a_second_report_redoes_nothing(written):
    page, runs, sweep = written
    before = {p: p.stat().st_mtime_ns for p in page.parent.rglob("*")}
    said: list[str] = []
    again = write_report.write(sweep, runs=runs, out=page.parent, pdf=False, report=said.append)
    assert again == page
    assert said == [f"{page} is up to date (2 runs)"]
    assert {p: p.stat().st_mtime_ns for p in page.parent.rglob("*")} == before


@pytest.fixture
def copied(written, tmp_path, monkeypatch) -> tuple[Path, Path, Callable[..., list[str]]]:
    """A report, its sweep file, and what writes it again, without a kernel, and says how."""
    page, runs, _ = written
    folder, sweep = tmp_path / "project", tmp_path / "project" / "two.yaml"
    shutil.copytree(runs, folder / "runs")
    sweep.write_text(SWEEP)

    def executed(_: str, target: Path, *__: object) -> None:
        shutil.copyfile(page.parent / "report.ipynb", target)

    def again(out: Path = folder / "out", pdf: bool = False) -> list[str]:
        said: list[str] = []
        write_report.write(sweep, runs=folder / "runs", out=out, pdf=pdf, report=said.append)
        return said

    monkeypatch.setattr(write_report, "execute", executed)
    assert again() == [f"wrote {folder / 'out' / 'report.html'} (2 runs)"]
    assert "up to date" in again()[0]
    return folder / "out", sweep, again


def test_runs_that_were_made_anew_make_another_report(copied):
    """Of the same id, with other results, as after a change of a file that the data reads."""
    out, sweep, again = copied
    path = next((sweep.parent / "runs").glob("*/record.json"))
    history = pd.read_parquet(path.with_name("history.parquet"))
    history.loc[history.index[-1], "test_accuracy"] = 1.0
    history.to_parquet(path.with_name("history.parquet"), index=False)
    rewrite(path.parent)
    files = {p: p.read_bytes() for p in (*out.glob("tables/*.csv"), *out.glob("runs/*.html"))}
    assert again()[0].startswith("wrote")
    changed = {p.name for p, content in files.items() if p.read_bytes() != content}
    assert changed == {"digits-mlp-2-epochs.csv", f"{path.parent.name}.html"}
    assert "up to date" in again()[0]


@pytest.mark.parametrize("name", ["tables/*", "figures/*-curves.svg", "runs/*.html", "report.html"])
@pytest.mark.parametrize("gone", [True, False])
def test_a_report_that_is_not_as_it_was_written_is_written_again(copied, name, gone):
    out, _, again = copied
    files = {p: p.read_bytes() for p in out.glob(name)}
    for path in files:
        path.unlink() if gone else path.write_text("mine")
    assert again()[0].startswith("wrote")
    assert {p: p.read_bytes() for p in out.glob(name)} == files


def printed(page: Path, **_: object) -> Path:
    page.with_suffix(".pdf").write_text(str(len(page.read_text())))
    return page.with_suffix(".pdf")


@pytest.fixture
def browser(monkeypatch) -> None:
    """A browser that prints how long a page is."""
    monkeypatch.setattr(export, "browser", lambda: "chromium")
    monkeypatch.setattr(export, "pdf", printed)


LINK = '<a href="report.pdf">'


def test_only_the_pdf_is_made_where_that_alone_is_missing(copied, browser, monkeypatch):
    out, _, again = copied
    (out / "figures" / "mine.svg").write_text("<svg/>")
    plain = {p: p.read_bytes() for p in out.rglob("*") if p.is_file() and p.stem != "report"}
    assert LINK not in (out / "report.html").read_text()
    with monkeypatch.context() as patched:
        patched.setattr(write_report, "execute", None)  # nothing is executed
        for gone in (False, True):
            if gone:
                (out / "report.pdf").unlink()
            wrote = [f"wrote {out / 'report.html'} (2 runs)", f"wrote {out / 'report.pdf'}"]
            assert again(pdf=True) == wrote
            page = (out / "report.html").read_text()
            assert LINK in page and "mine.svg" not in page
            assert (out / "report.pdf").read_text() == str(len(page))
            assert {"report.pdf", "report.ipynb"} <= write_report.read_state(out)["files"].keys()
            assert "up to date" in again(pdf=True)[0]
            assert "up to date" in again(pdf=False)[0]  # there is more than is asked for
        (out / "report.pdf").write_text("mine")
        *_, kept = again(pdf=True)
        assert kept.endswith(f"not as the last report wrote it: {out / 'kept' / 'report.pdf'}")
        (out / "report.pdf").write_text("mine again")
        assert again(pdf=False) == [f"wrote {out / 'report.html'} (2 runs)"]
        assert LINK not in (out / "report.html").read_text()
        assert (out / "report.pdf").read_text() == "mine again"
        assert "up to date" in again(pdf=False)[0]
    assert {p: p.read_bytes() for p in plain} == plain


def test_a_pdf_that_could_not_be_printed_is_tried_again(copied, browser, monkeypatch):
    out, _, again = copied

    def fails(page: Path, **_: object) -> Path:
        raise ValueError("no PDF")

    with monkeypatch.context() as patched:
        patched.setattr(export, "pdf", fails)
        assert again(pdf=True) == [f"wrote {out / 'report.html'} (2 runs)", "no PDF"]
    assert again(pdf=True)[1:] == [f"wrote {out / 'report.pdf'}"]


def test_what_is_moved_aside_is_said(copied):
    out, _, again = copied
    names = ["figures/digits-mlp-2-epochs-curves.svg", "report.ipynb"]
    for name in names:
        (out / name).write_text("mine")
    (wrote, said) = again()
    assert wrote.startswith("wrote")
    *_, where = said.partition("moved aside what was not as the last report wrote it: ")
    assert sorted(where.split(" and ")) == [str(out / "kept" / name) for name in names]
    assert all((out / "kept" / name).read_text() == "mine" for name in names)
    assert len(again()) == 1


def test_a_report_that_was_moved_names_its_folder(copied, monkeypatch):
    """The commands on the page say where it is; the same however that is typed."""
    out, _, again = copied
    moved = out.rename(out.with_name("moved"))
    assert again(moved)[0].startswith("wrote")
    assert "up to date" in again(moved)[0]
    monkeypatch.chdir(out.parent)
    assert again(moved)[0].startswith("wrote")  # it is called otherwise here
    assert "up to date" in again(Path("moved"))[0]


def test_a_title_that_was_edited_is_on_the_page(copied):
    out, sweep, again = copied
    sweep.write_text(SWEEP.replace("Two <small>", "Another"))
    assert again()[0].startswith("wrote")
    assert "<title>Another activations</title>" in (out / "report.html").read_text()


def test_what_is_missing_is_said_on_the_terminal_and_the_first_screen(copied):
    _, sweep, again = copied
    path = next(
        p
        for p in (sweep.parent / "runs").glob("*/record.json")
        if json.loads(p.read_text())["parameters"]["activation"] == "srelu"
    )
    rewrite(path.parent, group="0" * 16)
    line = "Listed in the sweep and missing here: digits-mlp srelu (to be run again since"
    wrote, missing = again()
    assert wrote.endswith("(1 run)")
    assert missing == f"{line} its code has changed)."
    assert again()[1] == missing
    (chosen,) = select(sweep.parent / "runs", sweep)
    assert line in sections.first_screen(chosen, sweep).data.partition("<details")[0]


@pytest.mark.slow
def test_another_run_makes_another_page(written, tmp_path):
    page, _, sweep = written
    runs = shutil.copytree(small_runs(), tmp_path / "runs")
    out = shutil.copytree(page.parent, page.parent.with_name(tmp_path.name))
    execute_small(runs, activation="srelu", seeds=[2, 3])
    said: list[str] = []
    write_report.write(sweep, runs=runs, out=out, pdf=False, means=means(), report=said.append)
    assert said == [f"wrote {out / 'report.html'} (3 runs)"]
    again = Page(out / "report.html")
    assert {Path(link).stem for link in again.links if link.startswith("runs/")} == {
        r["id"] for r in records(runs)
    }
    assert "2 to 4 seeds each" in again.text


def test_another_report_lists_and_keeps_its_own_files(written, tmp_path, monkeypatch):
    """Without a kernel: its notebook is the last one's, with figures of other names."""
    page, runs, sweep = written
    out = shutil.copytree(page.parent, page.parent.with_name(tmp_path.name))
    (out / "figures" / "mine.svg").write_text("<svg/>")

    def executed(_: str, target: Path, *__: object) -> None:
        text = (page.parent / "report.ipynb").read_text()
        target.write_text(text.replace("2-epochs-curves", "9-epochs-curves"))

    monkeypatch.setattr(write_report, "execute", executed)
    write_report.write(sweep, runs=runs, out=out, baseline="srelu", pdf=False)
    links = [link for link in Page(out / "report.html").links if link.startswith("figures/")]
    assert "figures/digits-mlp-9-epochs-curves.svg" in links
    assert "figures/digits-mlp-2-epochs-curves.svg" not in links
    assert "figures/mine.svg" not in links
    assert {f"figures/{p.name}" for p in out.glob("figures/*")} == {*links, "figures/mine.svg"}
    assert "figures/mine.svg" not in write_report.read_state(out)["files"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_ends_a_report_leaves_the_last_one(written, tmp_path, monkeypatch, error):
    page, runs, sweep = written
    out = shutil.copytree(page.parent, page.parent.with_name(tmp_path.name))

    def ended(_: str, target: Path, *__: object) -> None:
        target.write_text("half")
        raise error

    monkeypatch.setattr(write_report, "execute", ended)
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    with pytest.raises(error):
        write_report.write(sweep, runs=runs, out=out, baseline="srelu", pdf=False)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


def test_the_notebook_of_a_report_that_failed_is_kept_beside(tmp_path, monkeypatch):
    def fails(_: bytes, target: Path, *__: object) -> None:
        target.write_text("half")
        target.with_suffix(".log").write_text("killed")
        raise PapermillExecutionError(0, 1, "", "ValueError", "no", [])

    monkeypatch.setattr(write_report, "run_cells", fails)
    failed = tmp_path / "out" / write_report.FAILED
    failed.parent.mkdir()
    with pytest.raises(ValueError, match=f"^ValueError: no; see {failed}$"):
        write_report.execute("report", tmp_path / "new" / "report.ipynb", {}, failed=failed)
    assert sorted(p.name for p in failed.parent.iterdir()) == [
        *("report-failed.ipynb", "report-failed.log")
    ]
    failed.write_text("mine")
    with pytest.raises(ValueError, match="; moved aside what was not as the last report wrote it"):
        write_report.execute("report", tmp_path / "new" / "report.ipynb", {}, failed=failed)
    assert (failed.parent / "kept" / failed.name).read_text() == "mine"


def test_tables_and_figures_lie_beside_the_page(written):
    folder = written[0].parent
    (chosen,) = select(written[1], written[2])
    kept = pd.read_csv(folder / "tables" / "digits-mlp-2-epochs.csv", index_col=0)
    pd.testing.assert_frame_equal(kept, chosen.table, check_names=False, check_dtype=False)
    markdown = (folder / "tables" / "digits-mlp-2-epochs.md").read_text().splitlines()
    assert markdown[0].startswith("| activation | accuracy % |")
    assert markdown[-1].startswith("digits-mlp, 2 epochs, on test examples. Mean accuracy")
    assert [line.split("|")[1].strip() for line in markdown[2:-2]] == [
        proper_name(label) for label in chosen.table.index
    ]
    assert {"ReLU", "SReLU"} == {line.split("|")[1].strip() for line in markdown[2:-2]}
    latex = (folder / "tables" / "digits-mlp-2-epochs.tex").read_text()
    assert r"\toprule" in latex
    assert latex.count(r"\\") == 3
    names = {p.stem.removeprefix("digits-mlp-2-epochs-") for p in folder.glob("figures/*.svg")}
    assert names == {"comparison", "curves", "frontier", "functions", "overlay"}
    for path in folder.glob("figures/*.svg"):
        assert ET.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"


SVG = "<svg>a &lt; b</svg>"
OUTPUTS = {  # what a cell left, and the figures that are written
    "a figure": ({export.FIGURES_TYPE: {"a": SVG}}, ["a"]),
    "two in one output": ({export.FIGURES_TYPE: {"a": SVG, "b.c-d": SVG}}, ["a", "b.c-d"]),
    "html that looks like one": ({"text/html": f'<figure id="a"><div>{SVG}</div>'}, []),
    "names of no file": ({export.FIGURES_TYPE: {"../a": SVG, "": SVG, "/b": SVG, "c": SVG}}, ["c"]),
    "no svg": ({export.FIGURES_TYPE: {"a": None, "b": [SVG]}}, []),
    "a text": ({"text/plain": "a"}, []),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_figures_are_taken_from_their_own_type(case, tmp_path):
    data, names = OUTPUTS[case]
    cells = [{"cell_type": "markdown"}, {"outputs": [{"name": "stdout"}, {"data": data}]}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    written = export.figures(tmp_path / "a.ipynb", tmp_path / "figures")
    assert [path.stem for path in written] == names
    assert all(path.parent == tmp_path / "figures" for path in written)
    assert all(ET.parse(path).getroot().text == "a < b" for path in written)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": [1]}', '{"cells": [{"outputs": 1}]}'])
def test_what_is_no_notebook_has_no_figures(text, tmp_path):
    (tmp_path / "a.ipynb").write_text(text)
    with pytest.raises(ValueError, match=r"a\.ipynb: is no executed notebook"):
        export.figures_in(tmp_path / "a.ipynb")


def test_a_piece_of_a_page_keeps_the_figures_of_its_parts(runs):
    (chosen,) = select(runs)
    for section in (sections.comparison, sections.curves, sections.frontier, sections.gallery):
        piece = section(chosen)
        assert len(piece.figures) == (2 if section is sections.curves else 1)
        bundle = piece._repr_mimebundle_(include=None)
        assert all(svg in bundle["text/html"] for svg in piece.figures.values())
        assert bundle[export.FIGURES_TYPE] == piece.figures
    both = Fragment("a < b", sections.comparison(chosen), Markup("<p>"), piece)
    assert len(both.figures) == 2
    assert both.data == f"a &lt; b{sections.comparison(chosen).data}<p>{piece.data}"
    assert export.FIGURES_TYPE not in sections.table(chosen)._repr_mimebundle_()


def test_latex_and_markdown_are_escaped():
    shown = pd.DataFrame({"accuracy %": ["-1.0"], "a_b": ["[-0.5, +0.5]"]}, index=["x|y_z"])
    latex = export.as_latex(shown.assign(p="< 0.001"))
    assert latex.startswith("% \\usepackage{booktabs}\n\\begin{tabular}{lrrr}")
    assert latex.count("$") % 2 == 0
    assert latex.count("{") == latex.count("}")
    assert r"accuracy \%" in latex
    assert r"y\_z & $-$1.0 & [$-$0.5, +0.5] & $<$ 0.001 \\" in latex
    assert export.as_markdown(shown).splitlines()[2] == r"| x\|y_z | -1.0 | [-0.5, +0.5] |"


@pytest.mark.slow
def test_the_page_as_pdf(written):
    if export.browser() is None:
        pytest.skip(f"needs a Chromium: none of {', '.join(export.BROWSERS)} is on the path")
    path = export.pdf(written[0])
    assert path.read_bytes().startswith(b"%PDF-")
    path.unlink()


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"LANG": "en_US.UTF-8"}, "letter"),
        ({"LANG": "en_US.UTF-8", "LC_PAPER": "de_DE.UTF-8"}, "A4"),
        ({"LC_ALL": "fr_CA", "LANG": "de_DE"}, "letter"),
        ({"LANG": "C.UTF-8"}, "A4"),
        ({}, "A4"),
    ],
)
def test_the_paper_is_that_of_the_country(settings, size, monkeypatch):
    for name in ("LC_ALL", "LC_PAPER", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert export.paper() == size


def test_a_browser_that_fails_is_named(written, monkeypatch):
    monkeypatch.setenv(export.BROWSER, "/bin/false")
    with pytest.raises(ValueError, match="no PDF: /bin/false ended with 1"):
        export.pdf(written[0])
    monkeypatch.setenv(export.BROWSER, "/nowhere/chromium")
    with pytest.raises(ValueError, match="no PDF: /nowhere/chromium: "):
        export.pdf(written[0])


def test_the_page_says_where_its_runs_and_itself_are(written):
    page, runs, sweep = written
    text = Page(page).text
    assert f"afnlab sweep {sweep} --runs {runs}" in text
    assert f"afnlab report {sweep} --runs {runs} --out {page.parent}" in text
    assert f"afnlab verify {page.parent}" in text


def refusal(folder: Path, sweep: str) -> str:
    """Why a report is not written where there are no runs, if it comes to look for some."""
    (folder / "none").mkdir(exist_ok=True)
    with pytest.raises(ValueError) as refused:
        write_report.write(sweep, runs="none")
    return str(refused.value)


def test_a_report_of_another_sweep_is_not_written_over(written, tmp_path, monkeypatch):
    kept = write_report.read_state(written[0].parent)
    assert kept["about"] == {"sweep": "../two.yaml", "confirmation": False}
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "reports" / "s"
    target.mkdir(parents=True)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "s.yaml").write_text(SWEEP)
    said = []
    for sweep in ("../../one/s.yaml", "default"):
        kept |= {"about": {"sweep": sweep, "confirmation": False}}
        (target / write_report.STATE).write_text(json.dumps(kept))
        said.append(refusal(tmp_path, "two/s.yaml"))
    assert said[0] == (
        f"{Path('reports/s')}: holds the report of another sweep, one/s.yaml; remove it, or give"
        " this one a folder of its own: out (--out FOLDER)"
    )
    assert "another sweep, default; remove" in said[1]
    with pytest.raises(ValueError, match="another sweep, default; remove"):
        write_report.write("two/s.yaml", runs="none", out=target)
    assert main(["report", "two/s.yaml", "--runs", "none"]) == 2
    with pytest.raises(ValueError, match=r"the report of the runs that picked, of default; remove"):
        write_report.write("default", runs="none", out=target, confirmation=True)
    with pytest.raises(ValueError, match="holds no runs of"):
        write_report.write("default", runs="none", out=target)


def test_a_sweep_is_itself_whatever_link_leads_to_it_or_its_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SWEEP)
    plan = sweep_file.read("s.yaml")
    (tmp_path / "far").mkdir()
    for link, to in (("far/report", tmp_path / "reports" / "s"), ("lnk", tmp_path)):
        (tmp_path / link).symlink_to(to)
    (tmp_path / "reports" / "s").mkdir(parents=True)
    targets = [Path(path) for path in ("reports/s", "far/report", "lnk/reports/s")]
    ways = [write_report._about(plan, target, False, None) for target in targets]
    assert ways == [{"sweep": "../../s.yaml", "confirmation": False}] * 3


def test_a_report_of_another_folder_of_runs_is_not_written_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "page"
    target.mkdir()
    about = {"sweep": "all", "confirmation": False, "runs": "../mine"}
    (target / write_report.STATE).write_text(json.dumps({"schema": 1, "about": about}))
    with pytest.raises(ValueError, match="page: holds the report of the runs in mine; remove it"):
        write_report.write(runs="other", out="page")
    with pytest.raises(ValueError, match="mine: no such folder"):
        write_report.write(runs="mine", out="page")


def test_a_sweep_that_is_no_file_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="sweep must be a sweep file, or the name of one"):
        write_report.write({"parameters": {"task": "digits-mlp"}}, out=tmp_path / "page")


def test_of_a_report_that_was_moved_without_its_sweep_that_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SWEEP)
    target = tmp_path / "reports" / "moved" / "s"
    target.mkdir(parents=True)
    state = {"schema": 2, "about": {"sweep": "../../s.yaml", "confirmation": False}}
    (target / write_report.STATE).write_text(json.dumps(state))
    gone = "reports/s.yaml"
    with pytest.raises(ValueError, match="holds the report of another sweep") as refused:
        write_report.write("s.yaml", runs="none", out=target)
    assert f"another sweep, {gone} (which is not there now); remove it" in str(refused.value)


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ({}, "a"),
        ({"epochs": None, "budget": None, "seeds": 5}, "a"),
        ({"budget": 16}, "a-budget-16"),
        ({"limit_train": 100, "epochs": 5}, "a-epochs-5-limit-train-100"),
        ({"lr": 1e-05, "activation": ["relu", "../x/y"]}, "a-activation--relu-x-y-lr-1e-05"),
        ({"momentum": -0.5}, "a-momentum--0.5"),
    ],
)
def test_a_report_of_other_settings_has_a_folder_of_its_own(overrides, name):
    assert usual_folder("a", False, overrides) == Path("reports", name)
    assert usual_folder("a", True, overrides) == Path("reports", f"{name}-confirmation")


def test_a_report_with_a_budget_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "reports" / "small-budget-3"
    target.mkdir(parents=True)
    state = {"schema": 1, "about": {"sweep": "another", "confirmation": False}}
    (target / write_report.STATE).write_text(json.dumps(state))
    with pytest.raises(ValueError, match=r"small-budget-3: holds the report of another sweep"):
        write_report.write("small", runs="none", budget=3)
    assert "another sweep" not in refusal(tmp_path, "small")


def test_a_report_is_written_over_where_its_sweep_was_edited_or_moved_with_it(
    written, tmp_path, monkeypatch
):
    about = write_report.read_state(written[0].parent)["about"]
    project = tmp_path / "moved"
    target = project / "reports" / "s"
    target.mkdir(parents=True)
    (project / "s.yaml").write_text(SWEEP.replace("epochs: 2", "epochs: 3"))
    monkeypatch.chdir(project)
    for kept in ({"about": about | {"sweep": "../../s.yaml"}}, {}, {"about": 1}):
        (target / write_report.STATE).write_text(json.dumps({"made of": "", **kept}))
        assert "holds no runs of s.yaml" in refusal(project, "s.yaml")


def test_there_must_be_runs(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere: no such folder; execute runs first"):
        write_report.write(runs=tmp_path / "nowhere", out=tmp_path / "out")
    (tmp_path / "runs").mkdir()
    with pytest.raises(
        ValueError,
        match=r"runs: holds no runs to compare; execute them with `afnlab sweep default --runs ",
    ):
        write_report.write(runs=tmp_path / "runs", out=tmp_path / "out")
    with pytest.raises(ValueError, match=r"holds no runs of default"):
        write_report.write("default", runs=small_runs(), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_baseline(tmp_path):
    with pytest.raises(ValueError, match="unknown baseline 'rleu'; did you mean 'relu'"):
        write_report.write(runs=small_runs(), out=tmp_path, baseline="rleu")


def test_runs_without_the_usual_baseline(runs, capsys):
    execute_small(runs, activation="gelu")
    (relu,) = [r for r in records(runs) if r["label"] == "digits-mlp relu"]
    shutil.rmtree(runs / relu["id"])
    (chosen,) = select(runs)
    assert set(chosen.table.verdict) == {"no pairs"}
    assert chosen.notes[0].startswith("relu is not among these runs")
    for block in (
        sections.headline,
        sections.table,
        sections.comparison,
        sections.curves,
        sections.details,
    ):
        assert block(chosen).data
    assert main(["compare", "--runs", str(runs), "--baseline", "gelu"]) == 0
    assert "not among these runs" not in capsys.readouterr().out


def test_a_sweep_that_trains_nothing(runs, tmp_path):
    sweep = tmp_path / "plots.yaml"
    sweep.write_text("notebook: plot\n")
    with pytest.raises(ValueError, match=r"is about plot.ipynb, which is no training"):
        select(runs, sweep)


def test_the_baseline_of_a_sweep_file(tmp_path):
    sweep = tmp_path / "two.yaml"
    sweep.write_text(SWEEP + "baseline: srelu\n")
    assert [c.baseline for c in select(small_runs(), sweep)] == ["srelu"]
    assert [c.baseline for c in select(small_runs(), sweep, "relu")] == ["relu"]
    assert main(["compare", str(sweep), "--runs", str(small_runs())]) == 0
    sweep.write_text(SWEEP + "baseline: tanh\n")
    assert main(["report", str(sweep), "--runs", str(small_runs())]) == 2


def test_select():
    (chosen,) = select(small_runs())
    assert list(chosen.rows) == ["relu", "srelu"]
    assert (chosen.baseline, chosen.seeds, chosen.stale) == ("relu", 2, 0)
    assert chosen.table.loc["srelu"].pairs == 2
    assert set(chosen.history.label) == {"relu", "srelu"}


def test_a_selection_is_read_from_where_it_was_made(runs, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    (chosen,) = select("runs")
    monkeypatch.chdir(tmp_path / "other")
    assert chosen.table.loc["srelu"].pairs == 2


def test_paths_from_home(written, monkeypatch):
    page, runs, sweep = written
    monkeypatch.setenv("HOME", str(page.parent.parent))
    said: list[str] = []
    again = write_report.write(sweep, runs=runs, out="~/out", pdf=False, report=said.append)
    assert again == page
    assert said == [f"{page} is up to date (2 runs)"]
    with pytest.raises(ValueError, match=f"^{page.parent.parent}/speed.json: no such file"):
        select(runs, speed="~/speed.json")
    monkeypatch.setenv(export.BROWSER, "~/chromium")
    assert export.browser() == f"{page.parent.parent}/chromium"


@pytest.fixture
def runs(tmp_path) -> Path:
    return shutil.copytree(small_runs(), tmp_path / "runs")


def test_runs_whose_code_has_changed_are_left_out(runs):
    path = next(
        p
        for p in runs.glob("*/record.json")
        if json.loads(p.read_text())["parameters"]["activation"] == "srelu"
    )
    rewrite(path.parent, group="0" * 16)
    (chosen,) = select(runs)
    assert (list(chosen.rows), chosen.stale) == (["relu"], 1)
    assert "1 run was left out: its code has changed since" in sections.headline(chosen).data


def test_runs_that_differ_in_seeds_are_one_row_and_others_are_not(runs):
    execute_small(runs, activation="srelu", seeds=[2])
    execute_small(runs, activation="srelu", t=1.5)
    execute_small(runs, activation="relu", epochs=1)
    parts = select(runs)
    assert [(p.first.epochs, sorted(p.rows)) for p in parts] == [
        (2, ["relu", "srelu", "srelu(t=1.5)"]),
        (1, ["relu"]),
    ]
    assert [p.setting for p in parts] == ["digits-mlp, 2 epochs", "digits-mlp, 1 epoch"]
    assert "<h2>digits-mlp, 1 epoch</h2>" in sections.headline(parts[1]).data
    assert "Every run: digits-mlp, 2 epochs</h2>" in sections.runs_table(parts[0]).data
    assert [p.brief for p in parts] == ["digits-mlp, 2 epochs", "digits-mlp, 1 epoch"]
    assert parts[0].table.seeds.to_dict() == {"relu": 2, "srelu": 3, "srelu(t=1.5)": 2}
    assert len(parts[0].runs_of("srelu")) == 2


def test_a_setting_that_all_rows_share_is_said_once(tmp_path):
    for activation in ("relu", "gelu"):
        for lr in (0.001, 0.01):
            execute_small(tmp_path, activation=activation, lr=lr, split="validation", seeds=2)
    made = select(tmp_path, baseline="relu(split=validation)")  # its label elsewhere
    for chosen, rate in zip(made, ("lr=0.001", "lr=0.01"), strict=True):
        assert (set(chosen.rows), chosen.baseline) == ({"relu", "gelu"}, "relu")
        assert chosen.setting == f"digits-mlp, 2 epochs, {rate}, split=validation"
        assert "split=validation;" in chosen.answers["On what?"]
    for one, same in zip(made, select(tmp_path, baseline="relu"), strict=True):
        assert same.table.equals(one.table)
    assert "learning rate matters" in sections.sensitivity(made).data  # over both tables
    (whole,) = select(tmp_path, baseline="relu(lr=0.01)")
    assert set(whole.rows) == {"relu", "gelu", "relu(lr=0.01)", "gelu(lr=0.01)"}
    assert whole.baseline == "relu(lr=0.01)"


def test_settings_that_differ_have_names_that_differ(runs):
    """Else the table of one would be written over that of the other."""
    execute_small(runs, activation="relu", limit_train=100)
    parts = select(runs)
    assert [p.name for p in parts] == ["digits-mlp-2-epochs", "digits-mlp-2-epochs-100-to-train"]


def test_the_same_function_under_two_names_is_named(runs):
    for activation in ("softshrink", "double_relu"):
        execute_small(runs, activation=activation)
    (chosen,) = select(runs)
    assert chosen.same == [("softshrink", "double_relu")]
    said = sections.headline(chosen).data
    assert "The same function under two names: softshrink = double_relu. Each" in said
    equal = chosen.final.softshrink - chosen.final.double_relu
    assert equal.abs().max() == 0


def test_several_settings_of_one_function_are_not_called_the_same(runs):
    execute_small(runs, activation="relu", lr=0.01)
    (chosen,) = select(runs)
    assert chosen.same == []
    said = sections.headline(chosen).data
    assert "2 activations in 3 settings" in said
    assert "One task and one initialization" in said


def test_the_page_says_what_its_intervals_are_about(written):
    (chosen,) = select(written[1], written[2])
    best = chosen.table.accuracy.iloc[0]
    points = 100 * (best * (1 - best) / 450) ** 0.5
    told = f"Other test examples, 450 again, would give other accuracies, one of {100 * best:.2f} %"
    assert f"{told} with a standard error of {points:.2f} points." in " ".join(chosen.notes)


def test_numbers_are_not_torn_from_their_units():
    text = "a <b>: +0.50 points, 95 % interval [+0.24, +0.74]; 2 seeds"
    told = "a &lt;b&gt;: +0.50&nbsp;points, 95&nbsp;% interval [+0.24,&nbsp;+0.74]; 2 seeds"
    assert sentence(text) == told


def test_empty_columns_and_equal_seeds():
    """An interval of equal seeds has no width, which would read as certainty."""
    table = table_of(["a", "b", "c"], [("x", "", "1"), ("y", "", "2")])
    assert '<th scope="col">b' not in table
    assert limits(0.0111, 0.0111, "{:.2f}") == "all equal"
    assert limits(0.01, 0.02, "{:+.2f}", 100) == "[+1.00, +2.00]"


def test_labels_are_escaped(runs, tmp_path):
    (tmp_path / "a&b.py").write_text(
        "import torch\nfrom afnlab import activation\n\n"
        "@activation()\ndef bent(x):\n    return torch.tanh(x)\n"
    )
    execute_small(runs, activation=f"{tmp_path / 'a&b.py'}:bent", record=["signals"])
    (chosen,) = select(runs)
    for make in (
        sections.table,
        sections.runs_table,
        sections.gallery,
        sections.comparison,
        sections.curves,
        sections.inside,
    ):
        html = make(replace(chosen, baseline=f"{tmp_path / 'a&b.py'}:bent"))
        assert "a&b.py" not in html.data
    assert "a&amp;b.py:bent" in sections.table(chosen).data


def test_what_went_on_inside(runs):
    (none,) = select(runs)
    assert sections.inside(none).data == ""
    for activation in ("tanh", "gelu"):
        execute_small(runs, activation=activation, record=["signals"])
    (chosen,) = select(runs)
    assert sorted(chosen.signals.label.unique()) == ["gelu", "tanh"]  # of relu and srelu nothing
    assert chosen.signals.epoch.max() == 2 and chosen.signals.seed.nunique() == 2
    html = sections.inside(chosen).data
    assert html.count("<svg") == html.count("<details>") == html.count("</details>") == 1
    assert "What went on inside" in html and "if its slope is below 0.001 of" in html
    assert "The modules of layers 1 to 2: 1, 3." in html


def test_what_is_missing_is_said(runs, tmp_path):
    sweep = tmp_path / "three.yaml"
    sweep.write_text(SWEEP.replace("[relu, srelu]", "[relu, srelu, elu]"))
    (chosen,) = select(runs, sweep)
    said = "Listed in the sweep and missing here: digits-mlp elu (not run)."
    assert said in sections.headline(chosen).data
    assert chosen.further == {"digits-mlp elu": 1}  # and counts
    assert "Holm's correction over 2 comparisons" in chosen.answers["How sure?"]
    assert "missing here (digits-mlp elu) and counts with p = 1" in " ".join(chosen.notes)
    (chosen,) = select(runs, sweep, only={"activation": "srelu"})
    assert chosen.further == {}
    (chosen,) = select(runs, sweep, seeds=3)
    assert chosen.absent[0] == ("digits-mlp relu", "seeds 2: not run")


@pytest.mark.parametrize(
    ("activation", "seeds", "said"),
    [
        ("elu", 2, "failed: ValueError: no"),
        ("relu", 3, "seeds 2: failed: ValueError: no"),
        ("srelu", [5, 7], "seeds 5, 7: failed: ValueError: no"),
    ],
)
def test_how_what_is_missing_of_a_sweep_failed_is_said(runs, tmp_path, activation, seeds, said):
    sweep = tmp_path / "one.yaml"
    sweep.write_text(SWEEP.replace("[relu, srelu]", f"[relu, {activation}]"))
    *_, spec = sweep_file.read(sweep).specs(seeds=seeds)
    left = next(standings([spec], runs)).missing
    failed = runs / ".failed" / left.id
    failed.mkdir(parents=True)
    facts = RECORD | {"id": left.id, "message": "ValueError: no\nmore"}
    (failed / "error.json").write_text(json.dumps(facts))
    (chosen,) = select(runs, sweep, seeds=seeds)
    assert (f"digits-mlp {activation}", said) in chosen.absent


def test_what_was_run_with_other_code_is_said(runs, tmp_path):
    sweep = tmp_path / "both.yaml"
    sweep.write_text(SWEEP)
    (relu,) = [r for r in records(runs) if r["label"] == "digits-mlp relu"]
    rewrite(runs / relu["id"], group="another")
    (chosen,) = select(runs, sweep)
    assert chosen.absent == (("digits-mlp relu", "to be run again since its code has changed"),)
    assert not any("p-values" in note for note in chosen.notes)  # nothing is compared


def test_a_failed_run_is_said(runs, tmp_path):
    failed = runs / ".failed" / "0123456789abcdef"
    failed.mkdir(parents=True)
    facts = RECORD | {"id": failed.name, "message": "ValueError: no\nmore"}
    (failed / "error.json").write_text(json.dumps(facts))
    (chosen,) = select(runs)
    assert "01234567 (failed: ValueError: no)" in sections.headline(chosen).data
    assert "Tried, and missing here: mine, run 01234567" in " ".join(chosen.notes)
    assert "Listed in the sweep" not in " ".join(chosen.notes)
    facts |= {"code": {"notebooks/train.ipynb": "0"}, "folder": str(tmp_path)}
    (failed / "error.json").write_text(json.dumps(facts))
    (chosen,) = select(runs)
    assert "01234567" not in " ".join(chosen.notes)  # its code has changed since


def test_a_run_of_another_notebook_is_said(runs):
    path = next(runs.glob("*/record.json"))
    other = runs / ("f" * 16)
    shutil.copytree(path.parent, other)
    rewrite(other, id=other.name, notebook="/there/own.ipynb", parameters={"x": 1})
    (chosen,) = select(runs)
    assert chosen.foreign == ("own.ipynb",)
    assert "1 run was left out: made by other notebooks" in sections.headline(chosen).data


def test_the_frames_of_several_settings_have_headings(runs):
    (chosen,) = select(runs)
    for among, shown in ((False, ""), (True, "<h2>digits-mlp, 2 epochs</h2>")):
        made = sections.frame(chosen.table.T, replace(chosen, among=among)).data
        assert made == shown + sections.frame(chosen.table.T).data


def test_runs_of_two_versions_are_said(runs):
    path = next(runs.glob("*/record.json"))
    record = json.loads(path.read_text())
    rewrite(path.parent, environment=record["environment"] | {"torch": "2.11.0"})
    (chosen,) = select(runs)
    assert "Not all runs share one version of torch (2.11.0, " in sections.headline(chosen).data
    assert "torch 2.11.0, locked 2.13.0" in sections.provenance(chosen).data


def test_runs_that_learn_and_runs_with_several_rates(runs):
    for lr in (0.001, 0.01):
        execute_small(runs, activation="apec", lr=lr, record=["parameters"])
    (chosen,) = select(runs)
    assert set(chosen.learned.parameter) == {"alpha", "beta", "gamma"}
    assert set(chosen.learned.label) == {"apec", "apec(lr=0.01)"}
    assert "What they learned" in sections.trajectories(chosen).data
    assert "How much the learning rate matters" in sections.sensitivity([chosen]).data
    assert "All against all" in sections.ranks([chosen]).data
    assert "2 blocks (digits-mlp, 2 epochs: seeds 0, 1)" in sections.ranks([chosen]).data


def test_pieces_without_content_are_empty(runs):
    (chosen,) = select(runs)
    for piece in (sections.trajectories, sections.claims):
        assert piece(chosen).data == ""
    assert sections.sensitivity([chosen]).data == ""
    assert sections.ranks([chosen]).data == ""  # two labels cannot be ranked
    assert sections.over_tasks([chosen]).data == ""  # one task


def test_published_numbers_stand_beside(runs, monkeypatch):
    (chosen,) = select(runs)
    task = replace(chosen.task, name="cifar10-airbench94", published="srelu-airbench.csv")
    monkeypatch.setattr(type(chosen), "task", property(lambda self: task))
    page = sections.claims(chosen).data
    assert "Of 4 printed numbers, these runs agree with 0 and" in page
    assert "not among these runs" in page


def test_a_margin_is_said(runs):
    (chosen,) = select(runs, margin=90)
    assert chosen.margin == 0.9
    assert chosen.table.p_equivalent["srelu"] == 0.25
    assert "p (equivalent)" in sections.details(chosen).data
    allowed = "margin must be above 0 and below 100 points, for accuracy; got 200"
    with pytest.raises(ValueError, match=allowed):
        select(runs, margin=200)


def test_a_baseline_that_is_nowhere_as_it_is_by_default(tmp_path):
    for activation in ("relu", "srelu"):
        execute_small(tmp_path, activation=activation, lr=0.01)
    execute_small(tmp_path, activation="relu", lr=0.02, batch_size=32)
    (chosen,) = select(tmp_path)
    assert chosen.baseline == "relu(lr=0.01)"
    assert chosen.table.verdict["relu(lr=0.01)"] == "baseline"


def test_the_notebook_of_a_report_hides_the_secrets_of_an_address(tmp_path):
    file = tmp_path / "report.ipynb"
    address = "s3://key:s3cret@bucket/runs?token=t0ken"
    given = notebook(file, f"runs = {address!r}").read_text()
    write_report.hide_secrets(file, str(tmp_path / "runs"))
    assert file.read_text() == given
    write_report.hide_secrets(file, address)
    assert "s3://***@bucket/runs?***" in file.read_text()
    assert "s3cret" not in file.read_text()
    assert "t0ken" not in file.read_text()
