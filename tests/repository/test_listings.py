"""What README and docs print: files that are shown work, and commands are complete as printed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from torch.nn.functional import cross_entropy

import afnlab
from afnlab.cli import main
from afnlab.cli.entry import parser
from afnlab.paths import find, shared
from afnlab.report import write_report
from afnlab.runs.sweeps import sweep_file
from tests.runs.test_runs import means, notebook

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
READ = r"\.(?:py|yaml|csv|ipynb)"  # endings of files that a command reads
ELSEWHERE = {"--slurm", "--scheduler", "--gpus-per-run"}
OF_SWEEPS = ("sweep", "tune", "compare", "confirm", "report")
WRITTEN = ("--out", "--json", "--figure", "--ledger")  # and flags for one that it writes


def listings(page: Path, language: str) -> list[str]:
    """The listings of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def files_of(page: Path) -> dict[str, str]:
    """The files that a page shows whole: a comment in their first line names them, or the sentence
    above, at its end."""
    texts = [text for kind in ("python", "yaml") for text in listings(page, kind)]
    named = [(re.match(r"# ([\w-]+\.\w+)\n", text), text) for text in texts]
    above = re.compile(r"`([\w-]+\.\w+)`:\n\n^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return {match[1]: text for match, text in named if match} | dict(
        above.findall(page.read_text())
    )


def cells_of(text: str) -> list[str]:
    """The cells of a notebook that is shown, the first of which has the parameters."""
    return text.split("# %%\n")


def write_shown(page: Path) -> dict[str, str]:
    """Write the files that a page shows into the current folder."""
    for name, text in (shown := files_of(page)).items():
        if name.endswith(".ipynb"):
            notebook(Path(name), *cells_of(text))
        else:
            Path(name).write_text(text)
    return shown


def commands(page: Path) -> Iterator[list[str]]:
    """The words of afnlab's commands in a page's listings for the shell."""
    for text in listings(page, "bash"):
        for line in text.replace("\\\n", "").splitlines():
            words = shlex.split(line, comments=True)
            if words and Path(words[0]).name == "afnlab":
                yield words[1:]


def in_sentences(page: Path) -> Iterator[list[str]]:
    """Those within sentences that read a file; others may name a command alone."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines = map(shlex.split, re.findall(r"`afnlab ([^`\n]+)`", text))
    yield from filter(files_read, lines)


def files_read(words: list[str]) -> set[str]:
    """The files that a command is told to read."""
    pairs = zip(["", *words], words, strict=False)
    given = [word for before, word in pairs if before not in WRITTEN and "://" not in word]
    return {m[1] for word in given if (m := re.fullmatch(rf"([\w./-]+{READ})(?::\w+)?", word))}


def shown_for(page: Path) -> set[str]:
    """The names of files that a page shows, or says by a link where they are shown."""
    links = re.findall(r"\[`([\w.-]+)`\]\(([\w./-]+)", page.read_text())
    elsewhere = ((name, page.parent / target) for name, target in links)
    return {*files_of(page)} | {name for name, to in elsewhere if shows(to, name)}


def shows(page: Path, name: str) -> bool:
    if page.suffix == ".ipynb":
        return f"%%writenew {name}" in page.read_text()
    return page.name == name or (page.suffix == ".md" and name in files_of(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_no_line_of_a_listing_is_cut_off_on_the_site(page):
    """Its column of text has room for this many characters; the rest would have to be scrolled."""
    code = [text for kind in ("bash", "yaml", "python") for text in listings(page, kind)]
    assert not [line for text in code for line in text.splitlines() if len(line) > 97]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_command_is_complete_as_printed(page):
    """It is understood, its sweep is there, and each file that it reads is so too, or is shown."""
    for words in [*commands(page), *in_sentences(page)]:
        parsed = vars(parser(words[0]).parse_args(words))
        sweep = parsed.get("sweep") or parsed.get("file")
        if words[0] in OF_SWEEPS and sweep and not sweep.endswith(".yaml"):
            assert find("sweeps", sweep, ".yaml")
        missing = {name for name in files_read(words) if not (ROOT / name).is_file()}
        missing = {name for name in missing if Path(name).name not in shown_for(page)}
        assert not missing, f"{page.name}: `afnlab {' '.join(words)}` reads {missing}"


def test_an_incomplete_command_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "[`a.py`](other.md) ```\n```yaml\n# b.yaml\nseeds: 1\n```\n```bash\n"
        "CUDA=1 dask worker\n.venv/bin/afnlab sweep b.yaml  # c.yaml\n"
        "afnlab judge a.py:f --ledger new.jsonl --json gone.py\n```\n"
    )
    (tmp_path / "other.md").write_text("```python\n# a.py\nx = 1\n```\n")
    assert [files_read(words) for words in commands(page)] == [{"b.yaml"}, {"a.py"}]
    assert shown_for(page) == {"a.py", "b.yaml"}
    (tmp_path / "other.md").write_text("nothing")
    assert shown_for(page) == {"b.yaml"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_sweep_file_that_is_shown_is_right(page, tmp_path, monkeypatch, capsys):
    """And so is every command that is printed for it, but for the machines that it asks for."""
    monkeypatch.chdir(tmp_path)
    shown = write_shown(page)
    for words in [*commands(page), *in_sentences(page)]:
        if words[0] in ("sweep", "tune") and words[1] in shown and not ELSEWHERE & set(words):
            assert main([*words, "--dry-run"]) == 0, (words, capsys.readouterr().err)
        if words[0] == "confirm" and words[1] in shown:
            assert words[2] in {
                spec.label.partition(" ")[2] for spec in sweep_file.read(words[1]).specs()
            }
    for name in (name for name in shown if name.endswith(".yaml")):
        assert yaml.safe_load(shown[name])
        assert sweep_file.read(name).specs(here=False)


def test_the_notebook_that_is_shown_measures_the_calibration_error():
    first, training, last = cells_of(files_of(ROOT / "docs" / "batch.md")["calibration.ipynb"])
    for split in ("test", "validation"):
        names: dict = {}
        exec(first, names)
        names |= {"epochs": 2, "seed": 3, "split": split}
        exec(training, names)
        *before, shown = last.strip().splitlines()
        exec("\n".join(before), names)
        kept = eval(shown, names).metrics
        outputs, targets = names["outputs"].double(), names["data"].test_y
        assert len(targets) == {"test": 450, "validation": 269}[split]
        assert kept["loss"] == pytest.approx(float(cross_entropy(outputs, targets)), rel=1e-4)
        confidence, predicted = (x.numpy() for x in outputs.softmax(-1).max(-1))
        right, expected = predicted == targets.numpy(), 0.0
        for low in range(10):
            inside = (confidence >= low / 10) & (confidence < (low + 1) / 10)
            if inside.any():
                gap = abs(confidence[inside].mean() - right[inside].mean())
                expected += inside.mean() * gap
        assert expected > 0.01
        assert kept["calibration error"] == pytest.approx(expected, rel=1e-4)


def test_a_table_that_is_shown_is_compared(tmp_path, monkeypatch, capsys):
    page = ROOT / "docs" / "ecosystem.md"
    monkeypatch.chdir(tmp_path)
    write_shown(page)
    (command,) = commands(page)
    assert main(command) == 0
    assert "mine" in capsys.readouterr().out
    assert Path("page", "comparison.html").is_file()


def test_a_task_of_one_s_own_from_the_file_to_the_report(tmp_path, monkeypatch, one_server, capsys):
    """All of docs/own.md, in its order, with fewer seeds."""
    page = shared("docs") / "own.md"
    monkeypatch.chdir(tmp_path)
    for name, text in write_shown(page).items():
        assert len(text.splitlines()) <= 26, f"{name} is longer than 25 lines and its name"
    one, swept, reported = commands(page)
    assert main([*one, "-p", "seeds", "2"]) == 0
    assert "test accuracy" in capsys.readouterr().out
    assert main([*swept, "--seeds", "6"]) == 0
    assert "mean absolute error" in capsys.readouterr().out
    assert reported == ["report", "diabetes.yaml"]
    written = write_report.write("diabetes.yaml", pdf=False, means=means())
    assert f"writes {written}" in page.read_text()
    assert "has the lowest mean absolute error" in written.read_text()
    mean = afnlab.runs.load("runs").groupby("task").test_mae.last()
    assert 0.35 < mean["diabetes"] < 0.5  # the targets' median is wrong by 0.68
