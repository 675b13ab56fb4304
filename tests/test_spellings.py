"""Names of activations and tasks, as people write them, wherever one types them."""

from __future__ import annotations

import pytest
import torch

import afnlab
from afnlab.registry import get_activation
from afnlab.runs import RunSpec
from afnlab.runs.sweeps import sweep_file

SPELLINGS = {
    "SReLU": "srelu",
    "ReLU": "relu",
    "RELU": "relu",
    "LeakyReLU": "leaky_relu",
    "Leaky ReLU": "leaky_relu",
    "leaky-relu": "leaky_relu",
    "SiLU": "swish",
    "Hardtanh": "hardtanh",
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_activation_is_known_however_it_is_written(name):
    assert get_activation(name) is get_activation(SPELLINGS[name])


@pytest.mark.parametrize("name", afnlab.list_activations())
def test_every_activation_is_known_by_its_class_and_in_any_case(name):
    record = get_activation(name)
    for word in (name, *record.module.split()):
        assert {get_activation(w) for w in (word, word.upper(), word.lower())} == {record}


@pytest.mark.parametrize(("name", "near"), [("SRLU", "srelu"), ("leakyrelu6", "leaky_relu")])
def test_an_unknown_name_is_one_short_line(name, near):
    with pytest.raises(ValueError, match=f"did you mean '{near}'") as error:
        get_activation(name)
    assert len(str(error.value)) < 100


def test_an_unknown_task_is_one_short_line():
    assert afnlab.get_task("Digits-MLP").name == "digits-mlp"
    with pytest.raises(ValueError, match="did you mean 'digits-mlp'") as error:
        afnlab.get_task("digits mpl")
    assert len(str(error.value)) < 100


@pytest.mark.parametrize(
    ("notebook", "written", "meant"),
    [
        ("train", {"activation": "SReLU"}, {"activation": "srelu"}),
        ("train", {"activation": "SiLU"}, {"activation": "swish"}),
        ("train", {"task": "Digits-MLP"}, {"task": "digits-mlp"}),
        ("plot", {"activation": "Leaky ReLU"}, {"activation": "leaky_relu"}),
        ("explore", {"activations": ["ReLU", "GELU"]}, {"activations": ["relu", "gelu"]}),
    ],
)
def test_a_run_has_one_id_however_it_is_asked_for(notebook, written, meant):
    one, other = RunSpec.make(notebook, written), RunSpec.make(notebook, meant)
    assert (one.id, one.group, one.label) == (other.id, other.group, other.label)


def test_a_sweep_takes_them_in_its_grid_as_its_baseline_and_after_only():
    written = {"grid": {"activation": ["ReLU", {"SReLU": {"t": [1, 2]}}]}, "baseline": "ReLU"}
    meant = {"grid": {"activation": ["relu", {"srelu": {"t": [1, 2]}}]}, "baseline": "relu"}
    specs = [sweep_file.read(content).specs() for content in (written, meant)]
    assert [s.id for s in specs[0]] == [s.id for s in specs[1]]
    assert len(sweep_file.chosen(specs[0], {"activation": "SReLU"})) == 2
    assert len(sweep_file.chosen(specs[0], {"task": "DIGITS-MLP"})) == 3


@pytest.mark.parametrize("old", ["ReLU", "relu", torch.nn.ReLU])
def test_replace(old):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    afnlab.replace(model, old, "Leaky ReLU")
    assert isinstance(model[1], afnlab.nn.LeakyReLU)


@pytest.mark.parametrize("old", ["Linear", "Module", "Sequential"])
def test_replace_takes_no_other_module_by_its_name(old):
    with pytest.raises(TypeError, match="must be a class such as"):
        afnlab.replace(torch.nn.Sequential(torch.nn.ReLU()), old, "gelu")
