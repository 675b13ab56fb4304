"""A file that is not here is looked for where the lab was started, and is what a run hashes."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import afnlab
from afnlab.runs import RunSpec, parameters
from afnlab.runs.code_folder import CODE_FOLDER, located
from afnlab.runs.identity import with_whole_path
from tests.runs.test_runs import CELL

HALF = "from afnlab import activation\n\n\n@activation\ndef half(x):\n    return x / 2\n"
POINTS = """
from dataclasses import replace
from afnlab import get_task

points = replace(get_task("digits-mlp"), name="points")
"""


@pytest.fixture
def lab(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """Where a lab was started, and the folder of its notebooks, in which this works."""
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.chdir(copies)
    monkeypatch.setenv(CODE_FOLDER, str(tmp_path))
    (tmp_path / "mine.py").write_text(HALF)
    return tmp_path, copies


def test_a_file_is_looked_for_here_first(lab, monkeypatch):
    start, copies = lab
    assert located("mine.py") == start / "mine.py"
    assert located("absent.py") == copies / "absent.py"
    assert located(copies / "mine.py") == copies / "mine.py"
    (copies / "mine.py").write_text(HALF)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert located("mine.py") == copies / "mine.py"
    (copies / "mine.py").write_text(f"{HALF}# mine")
    said = f"^mine.py is {copies}/mine.py, and not {start}/mine.py, which differs from it$"
    with pytest.warns(UserWarning, match=said):
        assert located("mine.py") == copies / "mine.py"
    (copies / "mine.py").unlink()
    (copies / "mine.py").mkdir()
    assert located("mine.py") == copies / "mine.py"
    (copies / "mine.py").rmdir()
    monkeypatch.delenv(CODE_FOLDER)
    assert located("mine.py") == copies / "mine.py"


def test_folders_that_are_named_come_first(lab):
    start, copies = lab
    beside = start / "sweeps"
    assert with_whole_path("mine.py:half", [beside, copies]) == f"{start}/mine.py:half"
    beside.mkdir()
    (beside / "mine.py").write_text(HALF)
    assert with_whole_path("mine.py:half", [beside, copies]) == f"{beside}/mine.py:half"


def test_a_run_hashes_the_file_that_it_uses(lab):
    start, copies = lab
    (start / "tasks.py").write_text(POINTS)
    asked = {"activation": "mine.py:half", "task": "tasks.py:points"}
    spec = RunSpec.make("train", asked)
    assert {n: spec.parameters[n] for n in asked} == {n: f"{start}/{t}" for n, t in asked.items()}
    assert {str(start / name) for name in ("mine.py", "tasks.py")} <= set(spec.code.files)
    assert spec.id == RunSpec.make("train", {n: f"{start}/{t}" for n, t in asked.items()}).id
    (copies / "mine.py").write_text(HALF.replace("2", "3"))
    with pytest.warns(UserWarning, match="which differs from it"):
        other = RunSpec.make("train", asked)
    assert str(copies / "mine.py") in other.code.files
    assert str(start / "mine.py") not in other.code.files
    assert other.id != spec.id


def test_a_training_of_a_notebook_keeps_to_the_file_that_it_began_with(lab):
    """Whatever is written into the notebook's folder, or taken away there, until it is kept."""
    start, copies = lab
    (copies / "mine.py").write_text(HALF)
    run = parameters(CELL | {"activation": "mine.py:half"})
    (copies / "mine.py").unlink()
    assert run.training.activation.file == str(copies / "mine.py")
    assert run.given["activation"] == f"{copies}/mine.py:half"
    assert parameters(CELL | {"activation": "mine.py:half"}).given["activation"] == (
        f"{start}/mine.py:half"
    )


def test_widgets_take_such_a_file(lab):
    start, _ = lab
    key = f"{start}/mine.py:half"
    widget = afnlab.widgets.explore("relu")
    widget.add_box.value = "mine.py:half"
    assert widget.message.value == ""
    assert [card.record.key for card in widget.cards] == ["relu", key]
    assert key in widget.cards[1].code.value
    field = afnlab.widgets.playground("mine.py:half")
    assert field.learners[0].setup.activation.key == key
    assert afnlab.widgets.SignalExplorer("mine.py:half").choice.value == key
    (start / "task.py").write_text("from afnlab import get_task\n\narp = get_task('digits-arp')\n")
    asked = afnlab.widgets.RotationExplorer("task.py:arp", "mine.py:half", 2.0)
    assert (asked.task.name, asked.record.key) == ("digits-arp", key)


def test_figures_of_the_notebooks_take_such_a_file(lab):
    assert afnlab.live.overlay(["mine.py:half"]).axes
    assert afnlab.live.learned(["mine.py:half"], steps=1).axes
    assert afnlab.live.preactivations.overview("digits-arp", "mine.py:half", 2.0).axes
