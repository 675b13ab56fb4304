"""The code of a user's own task, which distinguishes it from another of the same name."""

from __future__ import annotations

import sys

import pytest

from afnlab import get_task
from afnlab.errors import ParameterError
from afnlab.runs import RunSpec
from afnlab.runs.sweeps.until_decided import Comparisons
from afnlab.runs.task_code import code_of

TASKS = """
from dataclasses import replace

from torch import nn

from afnlab import get_task

WIDTH = 4


def small(activation):
    return nn.Sequential(nn.Linear(64, WIDTH), activation(), nn.Linear(WIDTH, 10))


t1 = replace(get_task("digits-mlp"), name="t1", model=small, settings={})
t2 = replace(t1, name="t2")
"""


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two folders with a file of one name and other tasks; we are in the first."""
    for folder, width in (("a", 4), ("b", 5)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tasks.py").write_text(TASKS.replace("4\n", f"{width}\n"))
    monkeypatch.chdir(tmp_path / "a")
    return tmp_path


def test_the_code_of_a_task_is_the_same_wherever_it_lies(folders, monkeypatch):
    here = code_of("tasks.py:t1")
    assert here != code_of("tasks.py:t2")
    assert here != code_of("../b/tasks.py:t1")
    monkeypatch.chdir(folders / "b")
    (folders / "b" / "t1.py").write_text("t1 = 3\n")  # which a text of the file names
    assert code_of("../a/tasks.py:t1") == here
    (folders / "b" / "tasks.py").write_bytes((folders / "a" / "tasks.py").read_bytes())
    monkeypatch.syspath_prepend(str(folders / "a"))
    assert code_of("tasks:t1") == here  # as a module
    assert code_of("afnlab.training.tasks:t1") != code_of("afnlab.training.data:t1")


def test_two_tasks_of_one_name_in_one_file_are_refused(folders):
    """The id of a run holds the file's code and the name: they would share their runs."""
    twins = TASKS + "wide = replace(t1, summary='wider')\n"
    (folders / "a" / "twins.py").write_text(twins)
    expected = r"twins\.py: t1 and wide are tasks that are all named 't1'; give each its own name"
    for name in ("t1", "wide"):
        with pytest.raises(ParameterError, match=expected):
            RunSpec.make("train", {"task": f"twins.py:{name}"})
    RunSpec.make("train", {"task": "twins.py:t2"})  # which is the only one of its name
    (folders / "a" / "twins.py").write_text(TASKS + "other_name = t1\n")  # the same task
    RunSpec.make("train", {"task": "twins.py:other_name"})


@pytest.mark.parametrize(
    "made",
    [
        "def __getattr__(name):\n    if name == 'w4':\n        return replace(t1, name='made')\n"
        "    raise AttributeError(name)\n",
        "import sys, types\n\n\nclass Lazy(types.ModuleType):\n"
        "    w4 = property(lambda self: replace(t1, name='made'))\n\n\n"
        "sys.modules[__name__].__class__ = Lazy\n",
    ],
    ids=["getattr", "property"],
)
@pytest.mark.parametrize("where", ["lazy.py", "lazy_tasks"])
def test_a_task_that_is_made_when_it_is_asked_for_is_refused(folders, monkeypatch, made, where):
    """What else it may be made of, such as its name in the file, is not in the id of a run."""
    monkeypatch.syspath_prepend(str(folders / "a"))
    (folders / "a" / f"{where.removesuffix('.py')}.py").write_text(TASKS + made)
    assert get_task(f"{where}:w4").name == "made"  # which no run is made of
    with pytest.raises(ParameterError, match=rf"{where}:w4: is made by code when it is asked for"):
        RunSpec.make("train", {"task": f"{where}:w4"})
    RunSpec.make("train", {"task": f"{where}:t2"})
    sys.modules.pop("lazy_tasks", None)


@pytest.mark.parametrize("task", ["tasks.py:t1", "digits-mlp"])
def test_a_record_has_the_code_of_a_users_task(task, folders):
    about = RunSpec.make("train", {"task": task}).facts["task"]
    assert about.get("code") == (code_of(task) if ":" in task else None)


def test_seeds_are_added_for_comparisons_on_one_task_alone(folders):
    """Not with the baseline on another task of the same name."""
    one, other = f"{folders}/a/tasks.py:t1", f"{folders}/b/tasks.py:t1"
    asked = [(one, "relu"), (one, "tanh"), (other, "relu"), (other, "tanh")]
    specs = [RunSpec.make("train", {"task": t, "activation": a}) for t, a in asked]
    against = Comparisons.of(specs, "relu").against
    assert {g: s.group for g, s in against.items()} == {
        specs[1].group: specs[0].group,
        specs[3].group: specs[2].group,
    }
    with pytest.raises(ValueError, match="t1 has none among the runs: relu"):
        Comparisons.of(specs[:2] + specs[3:], "relu")
