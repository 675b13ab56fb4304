"""What a record names, where the current folder holds things of the same names, or is another."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from afnlab.paths import shared
from afnlab.runs import RunSpec, records, staleness, whereabouts
from tests.runs.test_runs import small_runs

OWN = "/somewhere/own.ipynb"
FILE = {"activation": "/somewhere/my.py:bent"}


@pytest.fixture
def lab(tmp_path, monkeypatch) -> Path:
    """The current folder, with an edited copy of afnlab's training notebook in it."""
    monkeypatch.chdir(tmp_path)
    copy = json.loads((shared("notebooks") / "train.ipynb").read_text())
    copy["cells"].append(copy["cells"][-1] | {"cell_type": "code", "source": ["edited = 1"]})
    copy["cells"][-1] |= {"outputs": [], "execution_count": None}
    (tmp_path / "train.ipynb").write_text(json.dumps(copy))
    return tmp_path


def test_a_stored_name_is_of_afnlabs_notebook(lab):
    ours = shared("notebooks") / "train.ipynb"
    assert whereabouts.name_of(ours) == "train.ipynb"
    assert whereabouts.notebook_of("train.ipynb") == ours
    (lab / "mine.ipynb").write_text("{}")
    assert whereabouts.notebook_of(whereabouts.name_of(lab / "mine.ipynb")) == lab / "mine.ipynb"
    with pytest.raises(ValueError, match=r"mine\.ipynb: no such file"):
        whereabouts.notebook_of("mine.ipynb")


def test_a_copy_in_the_current_folder_makes_no_run_stale(lab):
    for record in records(small_runs()):
        assert record["notebook"] == "train.ipynb"
        assert staleness.state(record) == staleness.CURRENT
        assert RunSpec.of_record(record).id == record["id"]
        edited = RunSpec.make("train.ipynb", {"seeds": 2})  # what is typed may well mean the copy
        assert edited.notebook == lab / "train.ipynb"


def test_the_folder_of_a_run(tmp_path, monkeypatch):
    there, runs = tmp_path / "there", tmp_path / "there" / "runs"
    runs.mkdir(parents=True)
    for notebook, parameters in ((OWN, {}), ("train.ipynb", FILE)):
        assert whereabouts.folder_of(notebook, parameters, str(there), [runs]) == there
        assert whereabouts.folder_of(notebook, parameters, None) is None
    assert whereabouts.folder_of("train.ipynb", {"activation": "relu"}, str(there)) is None
    lists = {"activations": ["relu", "a.module:bent"]}
    assert whereabouts.folder_of("train.ipynb", lists, str(there)) == there
    monkeypatch.chdir(there)
    for folder in (str(tmp_path / "gone"), "runs", 3, "/nul\0"):
        with pytest.raises(ValueError, match=r"own\.ipynb was planned in the folder .*not here"):
            whereabouts.folder_of(OWN, {}, folder)
        assert whereabouts.folder_of("train.ipynb", FILE, folder) is None
    with pytest.raises(ValueError, match="lies among stored runs, whose code is not run"):
        whereabouts.folder_of(OWN, {}, str(runs), [Path("runs")])
    assert whereabouts.folder_of("train.ipynb", FILE, str(runs), [Path("runs")]) is None


def test_what_depends_on_no_folder_is_nowhere_else(tmp_path):
    record = {"notebook": "train.ipynb", "given": {}, "folder": "/there"}
    assert whereabouts.made_elsewhere(record, tmp_path) == ""
    for read in ({"notebook": OWN}, {"given": FILE}):
        assert whereabouts.made_elsewhere(record | read, tmp_path) == "/there"
        assert whereabouts.made_elsewhere(record | read, Path("/there")) == ""
        assert whereabouts.made_elsewhere(record | read | {"folder": 3}, tmp_path) == ""


def test_a_spec_keeps_the_folder_that_it_was_planned_in(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        monkeypatch.chdir(folder)
        assert RunSpec.make("train", {}).folder == folder
    assert RunSpec.make("train", {}, folder=first).folder == first
    shutil.rmtree(first)
    assert RunSpec.make("train", {}, folder=first).id == RunSpec.make("train", {}).id


def test_another_file_of_the_same_name_and_code_is_told(tmp_path):
    """A notebook of the user's may read what lies beside a file whose path it is given."""
    record = {"notebook": OWN, "given": FILE, "folder": str(tmp_path)}
    assert whereabouts.made_elsewhere(record, tmp_path, FILE) == ""
    other = {"activation": "/elsewhere/my.py:bent"}
    assert whereabouts.made_elsewhere(record, tmp_path, other) == "/somewhere"
    assert whereabouts.made_elsewhere(record | {"notebook": "train.ipynb"}, tmp_path, other) == ""
