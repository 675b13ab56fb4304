"""What a task was made of when it was trained."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import ModuleType

import pytest
import torch
from torch import nn

import afnlab
from afnlab import compare, get_task
from afnlab.training.result import Result
from afnlab.training.scan import scan
from afnlab.training.task_parts import PARTS, watched

FIRST = """
from collections import Counter
from dataclasses import replace

import torch
from torch import nn

import afnlab
from afnlab import Loss, get_task
from afnlab.training.data import digits
from afnlab.training.metrics import ACCURACY, cross_entropy

WIDTH, SCALE, SHIFT = 8, 1.0, 0.0
SETTINGS = {"bias": True, "calls": 0}
CACHE = {}
CALLS = Counter()


def layer(size):
    return nn.Linear(64, size)


def net(new):
    SETTINGS["calls"] += 1
    start = CACHE.setdefault(WIDTH, WIDTH)
    return nn.Sequential(layer(start), new(), nn.Linear(start, 10, bias=SETTINGS["bias"]))


def data():
    CALLS["data"] += 1
    rows = digits()
    return replace(rows, train_x=rows.train_x + SHIFT)


def loss(outputs, targets):
    return SCALE * cross_entropy(outputs, targets)


def total(outputs, targets):
    CALLS["total"] += 1
    right, count = ACCURACY.total(outputs, targets)
    return SCALE * right, count


@afnlab.activation
def mine(x):
    return SCALE * torch.relu(x)


digits_task = get_task("digits-mlp")
TASK = replace(
    digits_task, name="mine", data=data, model=net, loss=Loss("mine", loss),
    metric=replace(ACCURACY, total=total),
)
"""


class Notebook:
    """Cells that are run one after the other, as `__main__` of a kernel has them."""

    def __init__(self, module: ModuleType) -> None:
        self.names = vars(module)
        self.run(FIRST)

    def run(self, cell: str) -> None:
        exec(compile(cell, "/tmp/ipykernel_1/1.py", "exec"), self.names)

    def train(self, activation: str = "relu", **options) -> Result:
        activation = self.names.get(activation, activation)
        options = {"seeds": 2, "epochs": 1, "limit_train": 64, "keep_weights": True} | options
        return afnlab.train(self.names["TASK"], activation, **options)


@pytest.fixture
def notebook(monkeypatch) -> Iterator[Notebook]:
    module = ModuleType("notebook_of_this_test")
    module.__file__ = "/tmp/ipykernel_1/1.py"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Notebook(module)


def compared(*results: Result) -> list[str]:
    labels = ("relu", *"abcdef")[: len(results)]
    one = compare.compare_results(dict(zip(labels, results, strict=True)))
    return [note for note in one.notes if " keeps something" in note or " can be seen: " in note]


EDITS = {
    "a number that the network reads": ("WIDTH = 64", "model"),
    "a table that was edited in place": ("SETTINGS['bias'] = False", "model"),
    "a function that it calls": (
        "def layer(size):\n    return nn.Sequential(nn.Linear(64, size), nn.Tanh())", "model"),
    "what reads the data": ("def digits(): return replace(get_task('digits-mlp').data())", "data"),
    "a number that the loss reads": ("SCALE = 2.0", "loss"),
    "what a metric calls": ("ACCURACY = replace(ACCURACY, total=lambda o, t: (1, 1))", "metric"),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_what_was_changed_between_two_trainings_of_one_task_is_seen(notebook, edit):
    cell, part = EDITS[edit]
    before = notebook.train()
    notebook.run(cell)
    after = notebook.train("gelu")
    with pytest.raises(ValueError, match=rf"relu and a differ in the task's {part}, as it was"):
        compared(before, after)


def test_what_was_changed_after_both_is_none_of_them(notebook):
    before, after = notebook.train(), notebook.train("gelu")
    notebook.run("WIDTH, SCALE = 64, 2.0")
    compared(before, after)


def test_a_cell_that_is_run_again_is_the_same_task(notebook):
    before = notebook.train()
    notebook.run(f"# again\n{FIRST}")
    compared(before, notebook.train("gelu"))


def test_what_trainings_count_or_keep_themselves_is_no_difference(notebook):
    """Neither in the next training nor in later ones, whatever ran between them."""
    first = notebook.train()
    assert first.parts["model"].changes
    second = notebook.train("gelu")
    notebook.train("srelu", dtype="bfloat16")
    afnlab.tune(notebook.names["TASK"], "relu", {"lr": [0.01, 0.1]}, seeds=2, epochs=1)
    scan(notebook.names["TASK"], "srelu", "t", [1.0, 2.0], seeds=1, epochs=1, limit_train=64)
    first.model(0)
    last = notebook.train("srelu")
    compared(first, second, last)
    compared(last, first)


SCHEDULE = """
STEP = {"n": 0}


def loss(outputs, targets):
    STEP["n"] += 1
    return STEP["n"] * cross_entropy(outputs, targets)


TASK = replace(digits_task, name="mine", loss=Loss("mine", loss))
"""


def test_a_schedule_that_goes_on_where_another_training_left_it_is_named(notebook):
    notebook.run(SCHEDULE)
    first, second = notebook.train(), notebook.train("gelu")
    (note,) = compared(first, second)
    assert note.startswith("relu and a: the task's loss keeps something that trainings change")
    notebook.run(SCHEDULE)
    assert compared(first, notebook.train("gelu")) == []
    third = notebook.train("srelu")
    (note,) = compared(second, third, first)
    assert note.startswith("relu, a and b: ")


def test_an_activation_that_goes_on_is_named(notebook):
    notebook.run("""
STEP = [0]


@afnlab.activation
def mine(x):
    STEP[0] += 1
    return torch.relu(x) * STEP[0]


TASK = digits_task
""")
    first, second = notebook.train("mine"), notebook.train("mine")
    (note,) = compared(first, second)
    assert note.startswith("relu and a: their activation keeps something")
    assert compared(notebook.train(), second) == []


def test_what_is_plainly_a_cache_is_not_named(notebook):
    """Data are compared themselves, and what functools keeps is no part."""
    notebook.run("""
import functools

HELD = {}


def data():
    return HELD.setdefault("rows", digits())


@functools.cache
def scale():
    return 2.0


def loss(outputs, targets):
    return scale() * cross_entropy(outputs, targets)


TASK = replace(digits_task, name="mine", data=data, loss=Loss("mine", loss))
""")
    first, second = notebook.train(), notebook.train("gelu")
    assert first.parts["data"].changes
    assert compared(first, second) == []


BY_TEXT = """
def loss(outputs, targets):
    return globals()["SCALE"] * cross_entropy(outputs, targets)


TASK = replace(digits_task, name="mine", loss=Loss("mine", loss))
"""


def test_what_is_reached_by_a_text_is_refused_or_named(notebook):
    notebook.run(BY_TEXT)
    first = notebook.train()
    notebook.run("SCALE = 2.0")
    (note,) = compared(first, notebook.train())
    assert note.startswith("The task's loss was one object in all trainings, and not all of it")
    assert "its code uses globals" in note
    notebook.run(BY_TEXT)
    with pytest.raises(ValueError, match="loss cannot be told: its code uses globals, and"):
        compared(first, notebook.train())


def test_data_that_are_read_from_a_file_need_not_be_seen(notebook):
    cell = """
def data():
    with open(afnlab.__file__):
        return digits()


TASK = replace(digits_task, name="mine", data=data)
"""
    notebook.run(cell)
    first = notebook.train()
    assert first.parts["data"].unseen
    notebook.run(cell)
    assert compared(first, notebook.train()) == []


def test_a_part_that_cannot_be_seen_wholly_is_compared_as_far_as_it_can_be(notebook):
    hidden = """
HIDDEN = memoryview(b"a")


def hidden(new):
    return HIDDEN and net(new)


TASK = replace(TASK, model=hidden)
"""
    notebook.run(hidden)
    first, second = notebook.train(), notebook.train("gelu")
    compared(first, second)
    notebook.run("WIDTH = 64")
    with pytest.raises(ValueError, match="differ in the task's model"):
        compared(first, notebook.train("gelu"))
    notebook.run(FIRST + hidden)
    with pytest.raises(ValueError, match=r"model cannot be told: an object of .*memoryview"):
        compared(first, notebook.train("gelu"))


def test_a_network_is_built_again_as_long_as_its_parts_are_what_was_trained(notebook):
    result, of_mine = notebook.train(), notebook.train("mine")
    x = torch.ones(3, 64)
    before = result.model(1)(x)
    notebook.run("SHIFT = 0.5")  # of the data, whose values a trained network has no more
    assert torch.equal(result.model(1)(x), before)
    notebook.run("SCALE = 2.0")
    assert torch.equal(result.model(1)(x), before)
    with pytest.raises(ValueError, match="mine cannot be built again: the activation is no longer"):
        of_mine.model(1)
    notebook.run("WIDTH = 4")
    with pytest.raises(ValueError, match=r"built again: the task's model is no longer what was"):
        result.model(1)
    notebook.run("WIDTH, SETTINGS['bias'] = 8, False")
    with pytest.raises(ValueError, match="the task's model is no longer"):
        result.model(1)


def test_a_result_that_was_pickled_knows_what_was_trained(notebook):
    first, last = notebook.train(), notebook.train("gelu")
    again = pickle.loads(pickle.dumps(first))
    assert again.parts == first.parts
    compared(again, last)
    again.model(0)
    notebook.run("WIDTH = 64")
    compared(again, last)
    with pytest.raises(ValueError, match="the task's model is no longer"):
        again.model(0)
    with pytest.raises(ValueError, match="differ in the task's model"):
        compared(again, notebook.train("gelu"))


def test_results_that_do_not_say_it_are_compared_where_they_share_the_task(notebook):
    silent = [replace(notebook.train(name), parts=None) for name in ("relu", "gelu")]
    compared(*silent)
    notebook.run("TASK = replace(TASK)")
    compared(*silent, silent[0])
    other = replace(get_task("digits-mlp"), name="mine", metric=silent[0].task.metric)
    with pytest.raises(ValueError, match="cannot be told: what they were trained on was not kept"):
        compared(silent[0], replace(silent[1], task=other))


def test_a_counter_that_a_task_holds_itself_is_found_again_in_another_process():
    """Where what trainings have led to is not known: the result holds both ends."""
    task = replace(get_task("digits-mlp"), name="held", model=partial(counted, {"calls": 0}))
    options = {"seeds": 2, "epochs": 1, "limit_train": 64, "keep_weights": True}
    first = afnlab.train(task, "relu", **options)
    again = pickle.loads(pickle.dumps(first))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("afnlab.training.task_parts._FIRST", {})
        again.model(0)
        compared(again, afnlab.train(again.task, "gelu", **options))


def counted(table: dict[str, int], new) -> nn.Module:
    table["calls"] += 1
    return nn.Sequential(nn.Linear(64, 8), new(), nn.Linear(8, 10))


def test_a_task_is_looked_into_wholly():
    relu = afnlab.get_activation("relu")
    for name in afnlab.list_tasks():
        with watched(get_task(name), relu) as parts:
            pass
        assert set(PARTS) < set(parts)
        assert not any(part.unseen or part.changes for part in parts.values()), name
