"""The report: one page that needs nothing else, with the evidence behind every number."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from test_runs import execute_small, small_runs

from afnlab.analysis import blocks, report, select
from afnlab.runs import records

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
        self.text += data if self.inside != "style" else ""

    def handle_endtag(self, tag):
        self.inside = ""


def assert_needs_nothing(page: Page) -> None:
    """It opens without a network, and without other files."""
    assert all(v.startswith(("#", "data:")) for v in page.loads), page.loads
    assert "@import" not in page.source
    for target in re.findall(r"url\(\s*['\"]?([^)'\"]*)", page.source):
        assert target.startswith(("#", "data:")), target
        assert target[0] != "#" or target[1:] in page.ids
    assert not re.search(r"<(script|link|iframe)\b", page.source)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, Path, Path]:
    """Page, runs and sweep file; the page is written once for all tests that only read it."""
    folder = tmp_path_factory.mktemp("report")
    sweep = folder / "two.yaml"
    sweep.write_text(SWEEP)
    said: list[str] = []
    page = report.write(sweep, runs=small_runs(), out=folder / "out", report=said.append)
    assert said == [f"wrote {page} (2 runs)"]
    return page, small_runs(), sweep


def test_the_page_needs_nothing_else(written):
    page = Page(written[0])
    assert page.source.startswith("<!doctype html>")
    assert_needs_nothing(page)
    assert "<title>Two &lt;small&gt; activations</title>" in page.source
    assert "<h1>Two &lt;small&gt; activations</h1>" in page.source


def test_the_page_says_what_it_must(written):
    page = Page(written[0])
    record = records(written[1])[0]
    first_screen = page.text[: page.text.index("The numbers")]
    assert "With 2 seeds and 1 comparison no difference to relu could pass a test" in first_screen
    assert "better" not in first_screen
    assert "2 epochs" in first_screen
    assert "evaluated on 450 test examples" in first_screen
    assert record["environment"]["device_name"] in first_screen
    for fact in (
        record["environment"]["data"],
        record["environment"]["torch"],
        record["versions"]["papermill"],
    ):
        assert fact in page.text
    assert page.source.count("<svg") == 3  # comparison, curves, gallery
    assert page.source.count('role="img"') == 3
    assert "Traceback" not in page.source


def test_every_run_is_linked_and_there(written):
    page = Page(written[0])
    runs = {r["id"] for r in records(written[1])}
    linked = [link for link in page.links if link.startswith("runs/")]
    assert {Path(link).stem for link in linked} == runs
    assert len(linked) >= 2 * len(runs)  # in the table of results, and in that of the runs
    for link in page.links:
        assert link.startswith("#") or (page.path.parent / link).is_file(), link
    for link in set(linked):
        evidence = Page(page.path.parent / link)
        assert_needs_nothing(evidence)
        assert "run.train()" in evidence.text


def test_a_second_report_redoes_nothing(written):
    page, runs, sweep = written
    before = {p: p.stat().st_mtime_ns for p in page.parent.rglob("*")}
    said: list[str] = []
    assert report.write(sweep, runs=runs, out=page.parent, report=said.append) == page
    assert said == [f"{page} is up to date (2 runs)"]
    assert {p: p.stat().st_mtime_ns for p in page.parent.rglob("*")} == before


@pytest.mark.slow
def test_another_run_makes_another_page(written, tmp_path):
    page, _, sweep = written
    runs = shutil.copytree(small_runs(), tmp_path / "runs")
    out = shutil.copytree(page.parent, tmp_path / "out")
    execute_small(runs, activation="srelu", seeds=[2, 3])
    said: list[str] = []
    report.write(sweep, runs=runs, out=out, report=said.append)
    assert said == [f"wrote {out / 'report.html'} (3 runs)"]
    again = Page(out / "report.html")
    assert {Path(link).stem for link in again.links if link[0] != "#"} == {
        r["id"] for r in records(runs)
    }
    assert "2 to 4 seeds each" in again.text


def test_there_must_be_runs(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere: no such folder; make runs first"):
        report.write(runs=tmp_path / "nowhere", out=tmp_path / "out")
    (tmp_path / "runs").mkdir()
    with pytest.raises(ValueError, match=r"runs: holds no runs; make them with `afnlab sweep`"):
        report.write(runs=tmp_path / "runs", out=tmp_path / "out")
    with pytest.raises(ValueError, match=r"holds no runs of default"):
        report.write("default", runs=small_runs(), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_baseline(tmp_path):
    with pytest.raises(ValueError, match="unknown baseline 'rleu'; did you mean 'relu'"):
        report.write(runs=small_runs(), out=tmp_path, baseline="rleu")


def test_select():
    (chosen,) = select(small_runs())
    assert list(chosen.specs) == ["relu", "srelu"]
    assert (chosen.baseline, chosen.seeds, chosen.stale) == ("relu", 2, 0)
    assert chosen.table.loc["srelu"].pairs == 2
    assert set(chosen.history.label) == {"relu", "srelu"}


@pytest.fixture
def runs(tmp_path) -> Path:
    return shutil.copytree(small_runs(), tmp_path / "runs")


def test_runs_whose_code_has_changed_are_left_out(runs):
    path = next(
        p
        for p in runs.glob("*/record.json")
        if json.loads(p.read_text())["parameters"]["activation"] == "srelu"
    )
    path.write_text(json.dumps(json.loads(path.read_text()) | {"group": "0" * 16}))
    (chosen,) = select(runs)
    assert (list(chosen.specs), chosen.stale) == (["relu"], 1)
    assert "1 runs were left out: their code has changed since" in blocks.headline(chosen).data


def test_runs_that_differ_in_seeds_are_one_row_and_others_are_not(runs):
    execute_small(runs, activation="srelu", seeds=[2])
    execute_small(runs, activation="srelu", t=1.5)
    execute_small(runs, activation="relu", epochs=1)
    parts = select(runs)
    assert [(p.first.epochs, sorted(p.specs)) for p in parts] == [
        (2, ["relu", "srelu", "srelu(t=1.5)"]),
        (1, ["relu"]),
    ]
    assert parts[0].table.seeds.to_dict() == {"relu": 2, "srelu": 3, "srelu(t=1.5)": 2}
    assert len(parts[0].runs_of("srelu")) == 2


def test_the_same_function_under_two_names_is_named(runs):
    for activation in ("softshrink", "double_relu"):
        execute_small(runs, activation=activation)
    (chosen,) = select(runs)
    assert chosen.same == [("softshrink", "double_relu")]
    said = blocks.headline(chosen).data
    assert "The same function under two names: softshrink = double_relu." in said
    equal = chosen.final.softshrink - chosen.final.double_relu
    assert equal.abs().max() == 0


def test_labels_are_escaped(runs, tmp_path):
    (tmp_path / "a&b.py").write_text(
        "import torch\nfrom afnlab import activation\n\n"
        "@activation()\ndef bent(x):\n    return torch.tanh(x)\n"
    )
    execute_small(runs, activation=f"{tmp_path / 'a&b.py'}:bent")
    (chosen,) = select(runs)
    for html in (blocks.table(chosen), blocks.runs_table(chosen), blocks.gallery(chosen)):
        assert "a&b.py" not in html.data
    assert "a&amp;b.py:bent" in blocks.table(chosen).data
