"""What a shared folder may do to its readers: nothing that it names is executed to read it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import afnlab
from afnlab.cli import main
from afnlab.compare import select
from afnlab.report import sections, write_report
from afnlab.report.verify import AGREES, verify
from afnlab.runs import records, staleness
from afnlab.runs.storage import maintenance
from tests.runs.test_runs import execute_small, means, rewrite, small_runs

OWN = """\
from pathlib import Path

import torch

from afnlab import Param, Recipe, Task, activation
from afnlab.training.data import digits
from afnlab.training.models import mlp

{line}

@activation(b=Param(1.0))
def mine(x, b):
    return x * torch.sigmoid(b * x)


task = Task("mine", digits, mlp(64, 8, 10), Recipe(epochs=1, batch_size=64), summary="My digits")
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder of runs, and the user's file that two of them used."""
    folder = tmp_path_factory.mktemp("trust")
    shutil.copytree(small_runs(), folder / "runs")
    own = folder / "code" / "my.py"
    own.parent.mkdir()
    own.write_text(OWN.format(line=""))
    execute_small(folder / "runs", activation=f"{own}:mine")
    execute_small(folder / "runs", activation=f"{own}:mine", b=2.0, task=f"{own}:task")
    return folder


@pytest.fixture
def shared(made, tmp_path) -> Path:
    """A copy of the runs, to do anything with."""
    return shutil.copytree(made / "runs", tmp_path / "runs")


def marking(file: Path, marker: Path) -> Path:
    """A file that leaves a mark when it is executed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(OWN.format(line=f"Path({str(marker)!r}).write_text('executed')"))
    return file


def own_runs(runs: Path) -> list[dict]:
    return [r for r in records(runs) if "my.py" in r["label"]]


def named(where: str, runs: Path, folder: Path, marker: Path) -> dict:
    """What a record says of code that marks: in the runs folder, beside it, a link, a module."""
    run = own_runs(runs)[0]["id"]
    place = {
        "outside": folder / "evil.py",
        "in the runs folder": runs / "evil.py",
        "in a run": runs / run / "evil.py",
        "a link": folder / "evil.py",
        "the parent's folder": runs / ".." / "evil.py",
    }.get(where, folder / "pkg" / "evil.py")
    file = marking(place, marker)
    if where == "a link":
        (runs / "link.py").symlink_to(file)
        file = runs / "link.py"
    if where == "a package":
        (file.parent / "__init__.py").write_text(f"open({str(marker)!r}, 'w').close()")
        return {"given": {"activation": "pkg.evil:mine"}}
    if where == "a module of the runs folder":
        shutil.copy(file, runs / run / "evil.py")
        return {"given": {"activation": f"runs.{run}.evil:mine"}}
    if where == "a notebook":
        notebook = json.loads((runs / run / "notebook.ipynb").read_text())
        (folder / "evil.ipynb").write_text(json.dumps(notebook))
        return {"notebook": str(folder / "evil.ipynb"), "given": {"activation": f"{file}:mine"}}
    if where == "a task":
        return {"given": {"task": f"{file}:task", "activation": "relu"}}
    if where == "a list":
        return {"given": {"activations": [f"{file}:mine"], "activation": f"{file}:mine"}}
    return {"given": {"activation": f"{file}:mine"}}


WHERE = (
    *("outside", "in the runs folder", "in a run", "a link", "the parent's folder", "a package"),
    *("a module of the runs folder", "a notebook", "a task", "a list"),
)


@pytest.mark.parametrize("where", WHERE)
def test_reading_runs_executes_nothing_that_they_name(shared, tmp_path, monkeypatch, where, capsys):
    marker = tmp_path / "marker"
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    changes = named(where, shared, tmp_path, marker)
    one, other = (r["id"] for r in own_runs(shared))
    rewrite(shared / one, **changes)
    failed = shared / ".failed" / ("a" * 16)
    failed.mkdir(parents=True)
    facts = own_runs(shared)[0] | changes | {"id": failed.name, "message": "no"}
    del facts["sum"]  # which failures do not have
    (failed / "error.json").write_text(json.dumps(facts))
    at = ["--runs", str(shared)]
    for words in (
        *(["runs", "list", *at], ["runs", "show", one, *at], ["runs", "diff", one, other, *at]),
        *(["runs", "gc", "--stale", "--dry-run", *at], ["compare", *at], ["runs", "gc", *at]),
    ):
        assert main(words) == 0, capsys.readouterr().err
        assert not marker.exists(), words
    assert len(afnlab.runs.load(shared))
    for part in select(shared):
        assert part.same == []
        assert part.answers
    sections.gallery(part)
    write_report.code()
    assert not marker.exists()


def test_a_report_and_its_proof_execute_nothing(shared, tmp_path, monkeypatch):
    """In the kernels of report.ipynb and compare.ipynb too."""
    marker = tmp_path / "marker"
    for record in own_runs(shared):
        file = marking(tmp_path / "code" / "my.py", marker)
        given = {
            k: str(file) + v[v.index(":") :] if ".py:" in str(v) else v
            for k, v in record["given"].items()
        }
        rewrite(shared / record["id"], given=given, code={str(tmp_path / "gone.py"): "0"})
    page = write_report.write(runs=shared, out=tmp_path / "out", pdf=False, means=means())
    text = page.read_text()
    assert "my.py:mine" in text.replace("<wbr>", "")
    assert "its code is not here" in text
    said: list[str] = []
    assert verify(page, rerun=0, log=said.append) == AGREES, said
    write_report.execute("compare", tmp_path / "compare.ipynb", {"runs": str(shared)}, means())
    assert "my.py:mine" in (tmp_path / "compare.ipynb").read_text()
    assert not marker.exists()


def test_runs_whose_code_is_gone_are_compared_by_their_records(made, shared, capsys):
    """Their labels, settings, learning rates, curves and equal functions."""
    code = made / "code"
    before = select(shared)
    hidden = code.rename(made / "hidden")
    try:
        after = select(shared)
        assert main(["runs", "list", "--runs", str(shared)]) == 0
        listed = capsys.readouterr().out
        assert maintenance.waste(afnlab.runs.storage.location.Place(shared), stale=True) == []
    finally:
        hidden.rename(code)
    assert listed.count("its code is not here") == 2
    assert "stale" not in listed
    for was, now in zip(before, after, strict=True):
        assert was.table.equals(now.table)
        assert (was.setting, list(was.rows), was.elsewhere) == (now.setting, list(now.rows), 0)
        assert now.answers == was.answers
        for block in (sections.gallery, sections.claims, sections.frontier):
            assert block(now).data == block(was).data
        assert sections.sensitivity([now]).data == sections.sensitivity([was]).data
        told = [note for note in now.notes if note not in was.notes]
        assert told == ["Of 1 run its code is not here: whether it has changed is not known."]
    assert [s.task.summary for s in after][1:] == ["My digits"]
    assert "my.py:mine" in sections.gallery(after[0]).data.replace("<wbr>", "")


@pytest.mark.parametrize("how", ["gone", "moved", "a folder", "a broken link", "below a file"])
def test_what_cannot_be_looked_at_is_not_called_stale(made, shared, how):
    record = own_runs(shared)[0]
    file = made / "code" / "my.py"
    assert staleness.state(record) == staleness.CURRENT
    aside = file.rename(made / "aside.py")
    try:
        if how == "a broken link":
            file.symlink_to(made / "nowhere.py")
        elif how == "moved":
            (made / "other.py").write_text(aside.read_text())
        elif how == "below a file":
            file.parent.rename(made / "was")
            file.parent.write_text("")
        elif how == "a folder":
            file.mkdir()
        state = staleness.state(record)
    finally:
        if how == "below a file":
            file.parent.unlink()
            (made / "was").rename(file.parent)
        file.rmdir() if file.is_dir() else file.unlink(missing_ok=True)
        aside.rename(file)
    assert state == staleness.ELSEWHERE
    file.write_text(file.read_text().replace("sigmoid", "tanh"))
    assert staleness.state(record) == staleness.CHANGED
    file.write_text(file.read_text().replace("tanh", "sigmoid"))
    assert staleness.state(record) == staleness.CURRENT
    code = {name: "0" if name.startswith("afnlab") else h for name, h in record["code"].items()}
    file.rename(aside)
    assert staleness.state(record | {"code": code}) == staleness.CHANGED  # by the rest of it
    aside.rename(file)


@pytest.mark.parametrize("where", ["in the runs folder", "in a run", "a module of the runs folder"])
def test_code_among_stored_runs_is_not_run_again_either(
    shared, tmp_path, monkeypatch, where, capsys
):
    marker = tmp_path / "marker"
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    run = own_runs(shared)[0]["id"]
    rewrite(shared / run, **named(where, shared, tmp_path, marker))
    assert main(["rerun", run, "--runs", str(shared)]) in (1, 2)
    assert capsys.readouterr().err.count("\n") == 1
    assert not marker.exists()


def test_a_kernel_is_told_apart_from_a_reader(made, tmp_path):
    """The same file is executed where it is run: the marks of these tests do work."""
    marker = tmp_path / "marker"
    file = marking(tmp_path / "my.py", marker)
    execute_small(tmp_path / "runs", activation=f"{file}:mine", seeds=1)
    assert marker.exists()
