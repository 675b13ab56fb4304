"""Which runs make a comparison."""

from __future__ import annotations

import pytest

from afnlab.compare import select
from afnlab.compare.select_runs import NoRuns
from tests.runs.test_runs import execute_small
from tests.runs.test_task_code import TASKS


@pytest.mark.parametrize(
    ("only", "given", "flags"),
    [
        ({"activation": "gelu"}, {}, "--only activation=gelu,relu"),
        ({"activation": ["gelu", "selu"]}, {}, "--only activation=gelu,selu,relu"),
        ({"activation": "gelu"}, {"baseline": "SELU"}, "--only activation=gelu,selu"),
        ({"activation": "gelu,relu"}, {}, "--only activation=gelu,relu"),
        ({"activation": "gelu"}, {"baseline": "my.py:f"}, "--only activation=gelu"),
        ({"activation": "my.py:f"}, {}, "--only activation=my.py:f,relu"),
        ({"task": "digits-mlp"}, {}, "--only task=digits-mlp"),
    ],
)
def test_the_command_that_is_proposed_trains_the_baseline_too(only, given, flags, tmp_path):
    with pytest.raises(ValueError, match="execute runs first") as error:
        select(tmp_path / "runs", "default", only=only, **given)
    assert f"`afnlab sweep default {flags} --runs" in str(error.value)


@pytest.mark.parametrize("only", [{}, {"activation": "gelu"}])
def test_runs_are_looked_for_where_their_device_is_not(only, tmp_path):
    (tmp_path / "on.yaml").write_text(
        "parameters: {device: 'cuda:99'}\ngrid: {activation: [relu, gelu]}\n"
    )
    (tmp_path / "runs").mkdir()
    with pytest.raises(NoRuns, match=r"holds no runs of .*on\.yaml"):
        select(tmp_path / "runs", tmp_path / "on.yaml", only=only)


def test_tasks_of_one_name_from_two_files_are_not_compared(tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    for folder, width, activation in (("a", 4, "relu"), ("b", 5, "tanh")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tasks.py").write_text(TASKS.replace("4\n", f"{width}\n"))
        monkeypatch.chdir(tmp_path / folder)
        execute_small(runs, task="tasks.py:t1", activation=activation)
    execute_small(runs, task=f"{tmp_path}/a/tasks.py:t1", activation="tanh")
    execute_small(runs, task="digits-mlp")
    of = {s.task.name: sorted(s.rows) for s in select(runs)}
    expected = {"t1 of a/tasks.py:t1": ["relu", "tanh"], "t1 of b/tasks.py:t1": ["tanh"]}
    assert of.pop("digits-mlp")
    assert of == expected
    (tmp_path / "b" / "tasks.py").unlink()
    (whole,) = (s for s in select(runs, only={"activation": "relu", "task": "t1"}))
    assert whole.task.name == "t1 of a/tasks.py:t1"


def test_in_a_notebook_a_command_has_a_line_of_its_own(tmp_path):
    """An output breaks a line where it ends, a backtick alone if need be."""
    with pytest.raises(NoRuns, match="execute runs first, with `afnlab sweep default") as caught:
        select(tmp_path / "none")
    said, command = caught.value._render_traceback_()
    assert said.endswith("no such folder; execute runs first, with")
    assert command == f"    afnlab sweep default --runs {tmp_path / 'none'}"
    more = NoRuns("runs: holds no runs; execute them with `afnlab sweep a`. 3 are stale.")
    assert more._render_traceback_() == [
        *("runs: holds no runs; execute them with", "    afnlab sweep a", "3 are stale.")
    ]
