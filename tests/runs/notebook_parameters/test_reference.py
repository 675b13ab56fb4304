"""What somebody looks up of a training: it is complete, and it is what the code takes."""

from __future__ import annotations

from afnlab import Recipe, Task, get_task, list_tasks
from afnlab.paths import shared
from afnlab.runs.notebook_parameters import declarations, reference
from afnlab.training.options import TASK_PARAMS, TRAINABLE
from afnlab.training.task_settings import Choice, Whole
from tests.over import over


def test_every_parameter_of_a_training_is_there_and_in_words():
    declared = declarations.declared(shared("notebooks") / "train.ipynb")
    listed = reference.parameters()
    assert {one.name for one in listed} == {*declared, *TASK_PARAMS, TRAINABLE}
    assert all(one.allowed and one.meaning for one in listed)
    by_name = {one.name: one for one in listed}
    assert by_name["init"].usual == "source"
    assert by_name["init"].allowed.startswith("source (as the network is constructed), gain (")
    assert by_name["lr"].usual == by_name["sites"].usual == by_name["epochs"].usual == "the task's"
    assert by_name["lr"].allowed == "a number above 0"
    assert by_name["momentum"].usual == "the optimizer's"


def test_every_parameter_of_afnlab_s_tasks_has_a_meaning():
    own = [one for name in list_tasks() for one in reference.parameters_of(get_task(name))]
    assert len({one.name for one in own}) == len(reference._OWN)
    assert all(one.meaning and one.allowed and one.usual for one in own)


def test_a_recipe_has_what_differs_beside_what_all_have():
    usual = {"epochs": "3", "batch_size": "8", "lr": "0.001", "weight_decay": "0.0001"}
    one = Task("t", data=None, model=None, recipe=Recipe(3, 8), sites="shared")
    assert reference.recipe(one) == {**usual, "optimizer": "adamw", "sites": "shared"}
    rare = reference.recipe(get_task("digits-airbench"))
    assert rare["augment"] == "translate 1"
    assert (rare["schedule"], rare["summed"]) == ("[0.2, 0.23, 0.07]", "true")
    assert "views" not in rare


SETTINGS = {
    "true or false": True,
    "a number above 0": 0.5,
    "a whole number, 1 or more": 3,
    "a whole number, a multiple of 4": Whole(8, multiple=4),
    "a whole number, from 2 to 9,000": Whole(8, least=2, most=9000),
    "one of a, b": Choice(("a", "b")),
}


@over("said, setting", SETTINGS.items())
def test_a_setting_of_a_user_s_task_says_what_it_may_be(said, setting):
    task = Task("t", data=None, model=None, recipe=Recipe(1, 1), settings={"s": setting})
    (one,) = reference.parameters_of(task)
    assert (one.allowed, one.meaning) == (said, "")
