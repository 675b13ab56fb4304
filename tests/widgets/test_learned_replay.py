"""Learned parameters, played epoch by epoch."""

from __future__ import annotations

import pandas as pd
import pytest

import afnlab
from afnlab.widgets import explore, learned_replay
from tests.runs.test_runs import means
from tests.widgets.test_explorer import frames_of


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    spec = afnlab.runs.RunSpec.make(
        "train",
        {"task": "digits-mlp", "activation": "prelu", "seeds": 2, "epochs": 2}
        | {"limit_train": 100, "record": ["parameters"]},
    )
    made = afnlab.runs.execute(spec, folder, means())
    fixed = afnlab.runs.RunSpec.make("train", spec.parameters | {"activation": "srelu"})
    afnlab.runs.execute(fixed, folder, means())  # which learns nothing, and so is not to be played
    return folder, pd.read_parquet(made / learned_replay.TABLE)


def test_learned_parameters_are_played(runs):
    folder, table = runs
    widget = explore("prelu", "relu", "srelu", runs=str(folder))
    player = widget.replay
    player.load()
    assert not player.message.value
    assert [label.split(",")[0] for label, _ in player.run.options] == ["prelu"]
    assert player.epoch.max == 2
    frames = frames_of(widget)
    player.site.value, player.seed.value = "3", 1
    player.epoch.value = 2
    expected = table[(table.site == "3") & (table.seed == 1) & (table.epoch == 2)].value.item()
    assert widget.cards[0].params == {"weight": pytest.approx(expected)}
    assert len(frames) >= 1
    player.seed.value = "mean"
    mean = table[(table.site == "3") & (table.epoch == 2)].value.mean()
    assert widget.cards[0].params == {"weight": pytest.approx(mean)}
    widget.remove(widget.cards[0])
    player.epoch.value = 1
    assert "prelu is no longer on the figure" in player.message.value


def test_runs_that_cannot_be_played(runs, tmp_path):
    player = explore("relu", runs=str(runs[0])).replay
    player.load()
    assert "add one of these activations first: prelu" in player.message.value
    player.folder.value = str(tmp_path / "nowhere")
    player.load()
    assert "no such folder of runs" in player.message.value
    player.folder.value = str(tmp_path)
    player.load()
    assert "holds no run with learned parameters" in player.message.value


def test_another_run_is_played_whose_seeds_are_fewer(tmp_path, monkeypatch):
    records = []
    for name, sites, seeds in (("many", "02", 5), ("few", "13", 2)):
        columns = {"parameter": "t", "index": 0, "value": 1.5}
        index = pd.MultiIndex.from_product(
            [list(sites), range(seeds), range(3)], names=["site", "seed", "epoch"]
        )
        (tmp_path / name).mkdir()
        index.to_frame(index=False).assign(**columns).to_parquet(
            tmp_path / name / learned_replay.TABLE
        )
        told = {"activation": "srelu", "label": "srelu", "task": "mine", "epochs": 2, "options": {}}
        records.append({"id": name, "parameters": told, "files": {learned_replay.TABLE: {}}})
    monkeypatch.setattr(learned_replay.runs_folder, "records", lambda folder: records)
    player = explore("srelu", runs=str(tmp_path)).replay
    player.load()
    player.site.value, player.seed.value = "2", 4
    player.run.index = 1
    assert not player.message.value
    assert (player.site.value, player.seed.value) == ("1", "mean")
    assert player.seed.options == ("mean", 0, 1)


def test_learned():
    table = pd.DataFrame(
        {
            "seed": [0, 0, 1, 1],
            "epoch": [0, 1, 0, 1],
            "site": "1",
            "parameter": "a",
            "index": 0,
            "value": [1.0, 2.0, 3.0, 6.0],
        }
    )
    assert learned_replay.learned(table, "1", 1).a.tolist() == [3.0, 6.0]
    assert learned_replay.learned(table, "1", "mean").a.tolist() == [2.0, 4.0]
