"""Rows of layers that the field has a name for are called by it, from the run to the report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from afnlab import Recipe, Task, get_task
from afnlab.compare.training_facts import Trained
from afnlab.feedforward import FORMS, form_name
from afnlab.paths import shared
from afnlab.runs.file_labels import baseline_of
from afnlab.runs.notebook_parameters import declarations
from afnlab.runs.notebook_parameters.training import training
from afnlab.runs.run_spec import RunSpec
from afnlab.training import tasks
from afnlab.training.machine import native_kernels
from afnlab.training.task_settings import Choice

KNOWN = declarations.declared(shared("notebooks") / "train.ipynb")
OWN = """
import torch
from afnlab import activation
@activation
def softer(x):
    return x * torch.sigmoid(2 * x)
"""


def asked(activation="swish", task="names-gpt", **params):
    return training({"task": task, "activation": activation, **params}, KNOWN)


LABELS = {
    "SwiGLU": ("swish", {"form": "gated"}),
    "swish": ("swish", {"form": "plain"}),
    "Swish squared(lr=0.01)": ("swish", {"form": "squared", "lr": 0.01}),
    "SReGLU(t=1.5, width=64)": ("srelu", {"form": "gated", "t": 1.5, "width": 64}),
    "ReLU squared(layers=2, limit=5000)": (
        "relu",
        {"form": "squared", "layers": 2, "limit": 5000},
    ),
    "GEGLU(L=2, auto_rot=True)": ("gelu", {"form": "gated", "auto_rot": True, "L": 2.0}),
    "Mish-GLU": ("mish", {"form": "gated"}),
}


@pytest.mark.parametrize("label", LABELS)
def test_labels(label):
    activation, params = LABELS[label]
    found = asked(activation, **params)
    assert found.label == label
    assert found.normal()["activation"] == activation
    assert "form" in found.normal()["options"]
    assert found.facts().get("named", "") == found.name
    assert ("form" in found.changed) is False


def test_a_users_own_keeps_its_file(tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    ref = f"{tmp_path}/mine.py:softer"
    assert asked(ref, form="gated").label == "mine.py:Softer-GLU"
    assert asked(ref, form="squared").label == "mine.py:Softer squared"
    assert asked(ref).label == "mine.py:softer"


def test_a_choice_without_names_is_told_as_a_setting(monkeypatch):
    settings = {"form": Choice(FORMS), "kind": Choice(("rnn", "lstm"))}
    task = Task(
        "own", get_task("digits-mlp").data, lambda new: None, Recipe(1, 8), settings=settings
    )
    monkeypatch.setitem(tasks._TASKS, "own", task)
    label = asked("swish", "own", form="gated", kind="lstm").label
    assert label == "swish(form=gated, kind=lstm)"
    assert asked("swish", "own").label == "swish"
    both = {"other": Choice(("a", "b")), "form": Choice(FORMS, form_name)}
    monkeypatch.setitem(tasks._TASKS, "own", replace(task, settings=both))
    assert asked("swish", "own", form="gated", other="b").label == "SwiGLU(other=b)"


def test_compiled_attention_counts_as_a_kernel():
    """Also with ReLU, which has none: its runs are stale when the loops are edited."""
    assert asked("relu").native == asked("srelu").native == native_kernels("cpu")
    assert asked("relu", "digits-mlp").native is False


def test_forms_are_other_runs():
    notebook = shared("notebooks") / "train.ipynb"
    ids = {
        RunSpec.make(notebook, {"task": "names-gpt", "activation": "gelu", **params}).id
        for params in ({}, {"form": "gated"}, {"form": "squared"}, {"limit": 1000})
    }
    assert len(ids) == 4
    same = RunSpec.make(notebook, {"task": "names-gpt", "activation": "gelu", "form": "plain"})
    assert same.id in ids


def test_a_baseline_that_is_an_activation_means_its_plain_row():
    rows = {}
    for activation, form in (("relu", "gated"), ("relu", "plain"), ("swish", "gated")):
        found = asked(activation, form=form)
        record = {"group": "g", "parameters": found.normal(), **found.facts(), "given": {}}
        trained = Trained.of_record(record)
        rows[trained.labelled(())] = trained
    called = {label: one.row() for label, one in rows.items()}
    assert list(rows) == ["ReGLU", "relu", "SwiGLU"]
    assert baseline_of("relu", called) == "relu"
    assert baseline_of("swish", called) == "SwiGLU"
    assert rows["SwiGLU"].labelled((), "sub/swish") == "SwiGLU"
