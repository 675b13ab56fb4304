"""Which edits make a run another one: those its numbers depend on, and no others."""

from __future__ import annotations

import json
import os
import shutil
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest

import afnlab
from afnlab.runs import RunSpec
from tests.runs.fingerprint.forks import Forks

ROOT = Path(afnlab.__file__).parents[1]
GROUPS = """
import json, sys
from afnlab.runs import RunSpec
made = {}
for name, given in json.loads(sys.argv[1]).items():
    made[name] = RunSpec.make(given.pop("notebook", "train"), given).group
print(json.dumps(made))
"""
ASKED = {name: {"activation": name} for name in ("relu", "srelu", "gish", "logish", "elu", "apec")}
ASKED |= {"mnist": {"task": "mnist-mlp", "activation": "relu"}}
ASKED |= {"plot": {"notebook": "plot", "activation": "gish"}}


@cache
def processes(root: Path) -> Forks:
    """Of the package at `root`, which has not been asked for any group: code is read, not run."""
    env = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return Forks("import afnlab.runs", env)


def groups(root: Path, asked: dict = ASKED, folder: Path | None = None) -> dict[str, str]:
    """The groups of these runs, as a process of its own with the package at `root` names them."""
    done = processes(root).run(GROUPS, json.dumps(asked), cwd=folder or root)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for part in ("afnlab", "notebooks"):
        shutil.copytree(ROOT / part, root / part)  # compiled, which takes seconds
    return root


@pytest.fixture(scope="module")
def before(package) -> dict[str, str]:
    return groups(package)


def test_groups_are_the_same_in_every_process(before):
    here = {n: RunSpec.make("train", a) for n, a in ASKED.items() if "notebook" not in a}
    assert {n: s.group for n, s in here.items()} == {n: before[n] for n in here}


ALL = set(ASKED)
TRAININGS = ALL - {"plot"}


def changed(package: Path, before: dict, file: str, edit) -> set[str]:
    return changed_of(ASKED, package, file, edit, before=before)


def changed_of(
    asked: dict,
    package: Path,
    file: str,
    edit,
    folder: Path | None = None,
    before: dict | None = None,
) -> set[str]:
    """The runs that are others when a file of the package has been edited."""
    before = before or groups(package, asked, folder)
    path = package / file
    source = path.read_text()
    path.write_text(edit(source))
    assert path.read_text() != source
    try:
        after = groups(package, asked, folder)
    finally:
        path.write_text(source)
    return {name for name in asked if after[name] != before[name]}


def test_editing_an_activation_changes_its_own_runs(package, before):
    edited = changed(
        package,
        before,
        "afnlab/activations/gated.py",
        lambda s: s.replace("clamp(max=5)", "clamp(max=6)"),
    )
    assert edited == {"gish", "plot"}


def test_editing_a_helper_changes_the_runs_that_reach_it(package, before):
    def edit(source):
        head, name, body = source.partition("def ")
        function, _, rest = body.partition("\n")
        return f"{head}{name}{function}\n    edited = 1\n{rest}"

    file = "afnlab/activations/_stable.py"
    helper = edit((package / file).read_text()).partition("def ")[2].partition("(")[0]
    users = set()
    for path in (package / "afnlab" / "activations").glob("*.py"):
        for part in path.read_text().split("\n@activation")[1:]:
            name, _, body = part.partition("\ndef ")[2].partition("(")
            users |= {name} if f"{helper}(" in body else set()
    users |= {"plot"} if "gish" in users else set()
    edited = changed(package, before, file, edit)
    assert edited == users & ALL
    assert edited
    assert "relu" not in edited


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("afnlab/training/engine.py", ALL),
        ("afnlab/training/initial.py", ALL),
        ("afnlab/nn.py", ALL),
        ("afnlab/runs/storage/runs_folder.py", set()),
        ("afnlab/runs/sweeps/run_sweep.py", set()),
        ("afnlab/training/progress.py", set()),
        ("afnlab/stats/paired.py", {"plot"}),
        ("afnlab/cli/entry.py", set()),
    ],
)
def test_editing_a_module(package, before, file, expected):
    edited = changed(package, before, file, lambda source: source + "\nEDITED = 1\n")
    assert edited - {"plot"} == expected - {"plot"}


OF_TASKS = {
    name: {"task": name, "activation": "tanh"}
    for name in ("digits-mlp", "digits-rnn", "autoencoder", "flower-field", "poisson-pinn")
}


@pytest.mark.slow
def test_editing_a_network_or_data_changes_the_runs_of_their_tasks(package):
    unchanged = groups(package, OF_TASKS)
    for file, old, new, expected in (
        ("recurrent", "seen + kept", "kept + seen", {"digits-rnn"}),
        ("fields", "sqrt(6 / inputs)", "sqrt(5 / inputs)", {"flower-field"}),
        ("fields", "pi - x", "pi + x", {"poisson-pinn"}),
        ("embedded", "/ 255", "/ 256", {"flower-field"}),
        ("embedded", "data.train_x, data.train_x", "data.train_x, -data.train_x", {"autoencoder"}),
    ):

        def edit(source, old=old, new=new):
            return source.replace(old, new)

        path = f"afnlab/training/{file}.py"
        assert changed_of(OF_TASKS, package, path, edit, before=unchanged) == expected, new


def test_editing_the_data_the_model_or_the_notebook(package, before):
    def edit_all(name, old, new):
        return changed(package, before, name, lambda s: s.replace(old, new, 1))

    assert edit_all("afnlab/training/data.py", "float() / 16", "float() / 15") == TRAININGS - {
        "mnist"
    }
    assert edit_all("afnlab/training/data.py", "div_(255)", "div_(256)") == ALL
    assert edit_all("notebooks/train.ipynb", "run.train()", "run.train( )") == set()
    assert edit_all("notebooks/train.ipynb", "# Train an", "# To train an") == set()
    assert edit_all("notebooks/train.ipynb", "run.train()", "run.train() or 1") == TRAININGS


MINE = """
    import torch
    from afnlab import Param, activation
    import neighbour
    from inside import deep

    @activation(b=Param(1.5))
    def bent(x, b):
        return neighbour.squash(b * x) + deep.zero(x)
"""


@pytest.fixture
def mine(tmp_path) -> Path:
    (tmp_path / "my.py").write_text(dedent(MINE))
    (tmp_path / "neighbour.py").write_text("import torch\nsquash = torch.tanh\n")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "__init__.py").write_text("")
    (tmp_path / "inside" / "deep.py").write_text("def zero(x):\n    return 0 * x\n")
    (tmp_path / "stranger.py").write_text("x = 1\n")
    return tmp_path / "my.py"


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("my.py", True),
        ("neighbour.py", True),
        ("inside/deep.py", True),
        ("stranger.py", False),
    ],
)
def test_editing_a_users_files(mine, file, changes):
    asked = {"activation": f"{mine}:bent"}
    other, first = RunSpec.make("train", {}).group, RunSpec.make("train", asked).group
    path = mine.parent / file
    path.write_text(path.read_text() + "\nedited = 1\n")
    assert (RunSpec.make("train", asked).group != first) == changes
    assert RunSpec.make("train", {}).group == other


def test_a_notebook_of_any_kind_is_another_run_when_its_activation_is_edited(mine, monkeypatch):
    monkeypatch.chdir(mine.parent)
    asked = [("tune", {"activation": "my.py:bent"}), ("explore", {"activations": ["my.py:bent"]})]
    first = [RunSpec.make(*each) for each in asked]
    assert first[0].parameters == {"activation": f"{mine}:bent"}
    assert first[1].parameters == {"activations": [f"{mine}:bent"]}
    groups_before = [spec.group for spec in first]
    mine.write_text(mine.read_text().replace("b * x", "-b * x"))
    for each, before in zip(asked, groups_before, strict=True):
        assert RunSpec.make(*each).group != before


def test_where_a_users_file_lies_does_not_matter(mine, tmp_path_factory, monkeypatch):
    first = RunSpec.make("train", {"activation": f"{mine}:bent"})
    moved = shutil.copytree(mine.parent, tmp_path_factory.mktemp("else") / "where")
    assert RunSpec.make("train", {"activation": f"{moved}/my.py:bent"}).group == first.group
    monkeypatch.chdir(mine.parent)
    assert RunSpec.make("train", {"activation": "my.py:bent"}).group == first.group


TASK = """
    import torch
    from torch import nn
    from afnlab import Recipe, Task
    from afnlab.training.data import digits

    class Rows:
        def __init__(self, count):
            self.count = count

        def __call__(self):
            return digits().limited(self.count, None)

    def model(activation):
        return nn.Sequential(nn.Linear(64, 10), activation())

    by_function = Task("by_function", digits, model, Recipe(epochs=1, batch_size=64))
    by_object = Task("by_object", Rows(100), lambda a: model(a), Recipe(epochs=1, batch_size=64))
    by_lambda = Task("by_lambda", lambda: digits(), nn.Sequential, Recipe(epochs=1, batch_size=64))
"""


@pytest.mark.parametrize("name", ["by_function", "by_object", "by_lambda"])
def test_editing_a_users_task(tmp_path, name):
    file = tmp_path / "task.py"
    file.write_text(dedent(TASK))
    asked = {"task": f"{file}:{name}"}
    first = RunSpec.make("train", asked).group
    file.write_text(dedent(TASK).replace("nn.Linear(64, 10)", "nn.Linear(64, 10, bias=False)"))
    assert RunSpec.make("train", asked).group != first


def test_what_a_users_task_object_holds_counts(tmp_path):
    only_data = dedent(TASK) + "\nonly = Task('only', Rows(100), nn.Sequential, Recipe(1, 64))\n"
    file = tmp_path / "task.py"
    made = []
    for count in (100, 200):
        file.write_text(only_data.replace("Rows(100)", f"Rows({count})"))
        made.append(RunSpec.make("train", {"task": f"{file}:only"}).group)
    assert made[0] != made[1]


TABLE = """
    import torch
    from afnlab import activation

    HALVES = {"left": lambda x: 0.1 * x, "right": torch.relu}
    STEPS = [torch.tensor(1.0), torch.tensor(2.0)]

    @activation()
    def table(x):
        return torch.where(x < 0, HALVES["left"](x), HALVES["right"](x)) * STEPS[0]
"""


def test_a_users_tables_of_functions_have_no_addresses(package, tmp_path):
    (tmp_path / "my.py").write_text(dedent(TABLE))
    asked = {"activation": f"{tmp_path / 'my.py'}:table"}
    assert groups(package, {"own": asked}) == {"own": RunSpec.make("train", asked).group}


@pytest.mark.parametrize("line", ["from . import {}", "from {1} import {0}", "import {1}.{0}"])
def test_editing_a_neighbour_in_a_users_package(tmp_path, monkeypatch, line):
    monkeypatch.syspath_prepend(tmp_path)
    package = f"own_{len(line)}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    call = f"{package}.helper" if line.startswith("import") else "helper"
    (folder / "fns.py").write_text(
        f"from afnlab import activation\n{line.format('helper', package)}\n\n"
        f"@activation()\ndef twice(x):\n    return {call}.double(x)\n"
    )
    asked = {"activation": f"{package}.fns:twice"}
    first = RunSpec.make("train", asked).group
    assert RunSpec.make("train", asked).group == first
    (folder / "helper.py").write_text("def double(x):\n    return 3 * x\n")
    assert RunSpec.make("train", asked).group != first
