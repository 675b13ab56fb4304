"""A run planned again where its code is not where it was, but the same code is elsewhere."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from afnlab.runs import RunSpec
from afnlab.runs.execution import facts_of
from afnlab.runs.relocation import planned_again
from afnlab.runs.storage.record_schema import Record
from tests.integration.test_trust import OWN
from tests.runs.test_runs import SMALL, notebook

NEIGHBOUR = "def unused(x):\n    return x\n"


@pytest.fixture
def lab(tmp_path, monkeypatch) -> Path:
    """A folder with an activation, a task and their neighbour; the current one is another."""
    lab = tmp_path / "lab"
    (lab / "ideas").mkdir(parents=True)
    (lab / "ideas" / "my.py").write_text(OWN.format(line="from beside import unused"))
    (lab / "ideas" / "beside.py").write_text(NEIGHBOUR)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return lab


def training(lab: Path, **given: object) -> Record:
    """What a record says of a training with the files of a lab."""
    parameters = SMALL | {"activation": f"{lab}/ideas/my.py:mine"} | given
    return facts_of(RunSpec.make("train", parameters, folder=lab))  # type: ignore[return-value]


def test_code_at_its_place_is_taken_from_there(lab, tmp_path):
    record = training(lab)
    shutil.copytree(lab / "ideas", tmp_path / "elsewhere", dirs_exist_ok=True)
    spec = planned_again(record)
    assert (spec.id, spec.folder) == (record["id"], lab)
    assert spec.parameters["activation"] == f"{lab}/ideas/my.py:mine"


@pytest.mark.parametrize("inside", [".", "ideas", "lab/ideas"])
@pytest.mark.parametrize("given", [False, True], ids=["here", "--code"])
def test_the_same_code_in_another_folder_is_taken(lab, tmp_path, monkeypatch, inside, given):
    record = training(lab, task=f"{lab}/ideas/my.py:task")
    theirs = tmp_path / "theirs"
    shutil.move(lab / "ideas", theirs / inside)
    lab.rmdir()
    if not given:
        monkeypatch.chdir(theirs)
    spec = planned_again(record, [tmp_path / "runs"], theirs if given else None)
    file = (theirs / inside / "my.py").resolve()
    assert (spec.id, spec.folder) == (record["id"], theirs)
    assert spec.parameters["activation"] == f"{file}:mine"
    assert spec.parameters["task"] == f"{file}:task"


def test_a_missing_neighbour_brings_what_imports_it(lab, tmp_path):
    record = training(lab)
    shutil.copytree(lab, tmp_path / "theirs")
    (lab / "ideas" / "beside.py").unlink()
    spec = planned_again(record, code=tmp_path / "theirs")
    assert spec.id == record["id"]
    assert spec.parameters["activation"] == f"{tmp_path}/theirs/ideas/my.py:mine"
    assert spec.folder == lab  # which is here, and may hold data


def test_code_that_is_not_the_same_is_not_taken(lab, tmp_path):
    record, marker = training(lab), tmp_path / "marker"
    theirs = shutil.move(lab, tmp_path / "theirs") / "ideas"
    for name, line in (("my.py", f"open({str(marker)!r}, 'w')\n"), ("beside.py", "x = 1\n")):
        was = (theirs / name).read_text()
        (theirs / name).write_text(was + line)
        said = re.escape(f"{lab}/ideas/{name} is not here, and {theirs}/{name} is another file")
        with pytest.raises(ValueError, match=rf"{said}.* with --code FOLDER$"):
            planned_again(record, code=theirs)
        (theirs / name).write_text(was)
    assert not marker.exists()  # nothing is imported to learn that
    assert planned_again(record, code=theirs).id == record["id"]


def test_what_is_nowhere_is_named(lab, tmp_path):
    record = training(lab)
    shutil.rmtree(lab)
    here = tmp_path / "elsewhere"
    said = f"{lab}/ideas/my.py is not here, and {here} holds no my.py; "
    with pytest.raises(ValueError, match=re.escape(said)):
        planned_again(record)
    with pytest.raises(ValueError, match=r"^nowhere: no such folder to look for code in"):
        planned_again(record, code="nowhere")
    code = {name: "0" if name.startswith("afnlab") else h for name, h in record["code"].items()}
    with pytest.raises(ValueError, match=r"parameters have changed since: afnlab"):
        planned_again(record | {"code": code})


@pytest.mark.parametrize("link", [False, True])
def test_no_code_is_taken_from_among_stored_runs(lab, tmp_path, link):
    record, runs = training(lab), tmp_path / "runs"
    stored = Path(shutil.move(lab / "ideas", runs / record["id"]))
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for name in ("my.py", "beside.py") if link else ():
        (theirs / name).symlink_to(stored / name)
    for code in (theirs, tmp_path, runs, stored):
        with pytest.raises(ValueError, match=r"my\.py is not here, and .* holds no my\.py"):
            planned_again(record, [runs], code)
    (theirs / "my.py").unlink(missing_ok=True)
    shutil.copy(stored / "my.py", theirs)
    with pytest.raises(ValueError, match=r"my\.py is another file"):  # beside no beside.py
        planned_again(record, [runs], theirs)


def test_an_own_notebook_is_taken_and_works_where_it_did(lab, tmp_path):
    own = notebook(tmp_path / "own.ipynb", 'out: str = ""', "import ideas.beside")
    record = facts_of(RunSpec.make(own, {}, folder=lab))
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    moved = Path(shutil.move(own, theirs))
    spec = planned_again(record, code=theirs)
    assert (spec.id, spec.notebook, spec.folder) == (record["id"], moved, lab)
    shutil.copytree(lab, theirs, dirs_exist_ok=True)
    shutil.rmtree(lab)
    said: list[str] = []
    spec = planned_again(record, code=theirs, report=said.append)
    assert (spec.id, spec.folder) == (record["id"], theirs)
    assert said[-1].startswith(f"it works in {theirs}, since {lab} is not here")
    with pytest.raises(ValueError, match=f"in a folder of that path, or in {tmp_path}, if that"):
        planned_again(record, code=tmp_path)


REFERS = 'activation: str = "relu"\nout: str = ""\nseed: int = 0'


def test_an_own_notebook_that_was_handed_over_works_in_the_current_folder(
    lab, tmp_path, monkeypatch
):
    """Where that holds its files as they were; and it is said so."""
    own = notebook(lab / "own.ipynb", REFERS, "import ideas.beside")
    record = facts_of(RunSpec.make(own, {"activation": f"{lab}/ideas/my.py:mine"}, folder=lab))
    theirs = tmp_path / "theirs"
    shutil.copytree(lab, theirs)
    monkeypatch.chdir(theirs)
    said: list[str] = []
    spec = planned_again(record, report=said.append)
    assert (spec.id, spec.folder, spec.notebook) == (record["id"], lab, own)
    files = ("own.ipynb", "ideas/my.py", "ideas/beside.py")
    assert said == [
        f"{lab}/{f} is taken, where the run was made, and not {theirs}/{f}" for f in files
    ]
    shutil.rmtree(lab)
    said.clear()
    spec = planned_again(record, report=said.append)
    assert (spec.id, spec.folder, spec.notebook) == (record["id"], theirs, theirs / "own.ipynb")
    assert spec.parameters["activation"] == f"{theirs}/ideas/my.py:mine"
    *taken, works = said
    assert taken == [
        f"{theirs}/{f} is taken in place of {lab}/{f}: its code is the same" for f in files
    ]
    assert works.startswith(f"it works in {theirs}, since {lab} is not here: files that it reads")
    (theirs / "ideas" / "my.py").write_text("def mine(x):\n    return 3 * x\n")
    refused = rf"that path, or in {theirs}, .*{lab}/ideas/my\.py is not here, and"
    with pytest.raises(ValueError, match=refused):
        planned_again(record)


def test_of_two_files_it_is_said_which_a_training_is_made_again_by(lab, tmp_path):
    record, said = training(lab), list[str]()
    shutil.copytree(lab / "ideas", tmp_path / "elsewhere", dirs_exist_ok=True)
    planned_again(record, report=said.append)
    other = tmp_path / "elsewhere" / "my.py"
    assert f"{lab}/ideas/my.py is taken, where the run was made, and not {other}" in said
    said.clear()
    shutil.rmtree(lab)
    planned_again(record, report=said.append)
    assert f"{other} is taken in place of {lab}/ideas/my.py: its code is the same" in said


def test_files_of_the_user_s_are_not_told_of_where_there_are_no_two(lab, monkeypatch):
    record, said = training(lab), list[str]()
    monkeypatch.chdir(lab)
    planned_again(record, report=said.append)
    assert said == []
