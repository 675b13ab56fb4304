"""Every printed row has a task, and a sweep that reruns it."""

from __future__ import annotations

import pandas as pd
import pytest

import afnlab
from afnlab import get_task, list_tasks
from afnlab.paths import shared
from afnlab.runs.sweeps import sweep_file
from afnlab.training.task_settings import defaults

PAPERS = {
    "srelu-mnist": "srelu-mnist",
    "srelu-airbench": "srelu-airbench",
    "apec-cifar100": "apec-cifar100",
    "arp-cifar10": "arp-cifar10",
}


@pytest.mark.parametrize("path", sorted(shared("sweeps").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_sweep_of_the_house_is_right(path):
    specs = sweep_file.read(path.stem).specs()
    assert len(specs) > 1
    assert sweep_file.read(path.stem).title


@pytest.mark.parametrize(("sweep", "printed"), PAPERS.items())
def test_a_sweep_reruns_every_printed_row(sweep, printed):
    rows = pd.read_csv(shared("published") / f"{printed}.csv")
    asked = [spec.training for spec in sweep_file.read(sweep).specs()]
    run = {(t.task.name, t.activation.name) for t in asked}
    names = rows.activation.str.split().str[0]
    wanted = set(zip(rows.task, names, strict=True))
    assert wanted <= run
    for task in rows.task.unique():
        assert get_task(task).published == f"{printed}.csv"


def test_every_task_with_a_source_says_what_it_printed():
    for name in list_tasks():
        task = get_task(name)
        assert task.summary
        assert task.source
        if task.published:
            assert task.source != "afnlab"
            assert (shared("published") / task.published).is_file()


def test_the_script_of_apec_offers_seventeen_activations():
    asked = [spec.training for spec in sweep_file.read("apec-cifar100").specs()]
    assert len({t.activation.name for t in asked}) == 17
    assert all(t.options.sites == "each" for t in asked)


@pytest.mark.parametrize("task", list_tasks())
def test_a_task_builds_with_any_activation(task):
    chosen = get_task(task)
    own = defaults(chosen.settings)
    for name in ("relu", "apec", "rrelu", "srelu"):
        record = afnlab.get_activation(name)
        network = chosen.model(lambda record=record: afnlab.nn.make(record), **own)
        assert sum(p.numel() for p in network.parameters()) > 1000
