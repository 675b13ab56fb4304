"""Learned parameters of a run, played over its epochs on the explorer's dials."""

from __future__ import annotations

import os
from pathlib import Path

import ipywidgets as widgets
import pandas as pd

from afnlab.messages import masked
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord, is_training
from afnlab.usercode.lookup import expanded
from afnlab.widgets.activation_card import Card
from afnlab.widgets.elements import Message, button, row

TABLE = runs_folder.LEARNED
MEAN = "mean"
WIDE = {"layout": {"width": "230px"}, "style": {"description_width": "60px"}}


def runs_that_learned(folder: str | Path) -> list[TrainingRecord]:
    """Records of the runs that kept the parameters their activations learned.

    ValueError if there is no such folder, or none in it.
    """
    if not expanded(folder).is_dir():
        made = "execute some first, with `afnlab sweep default`"
        raise ValueError(masked(f"{folder}: no such folder of runs; {made}"))
    kept = [r for r in runs_folder.records(folder) if is_training(r) and TABLE in r["files"]]
    trainable = [r for r in kept if r["parameters"].get("trainable", True)]  # the others' are empty
    if not trainable:
        raise ValueError(
            f"{folder}: holds no run with learned parameters; make one with `afnlab run train -p"
            " activation prelu -p record '[parameters]'`"
        )
    return trainable


def learned(table: pd.DataFrame, site: str, seed: int | str) -> pd.DataFrame:
    """Parameters by epoch: one row per epoch, one column per parameter, means of what is left.

    table: of a `Result`; site: a place of the network; seed: one of the seeds, or "mean".
    """
    part = table[table.site == site]
    part = part if seed == MEAN else part[part.seed == seed]
    return part.pivot_table(index="epoch", columns="parameter", values="value", aggfunc="mean")


class Replay(widgets.Accordion):
    """Chooses a run, a place in its network and a seed; its slider sets the dials of the card.

    cards: the explorer's, by their activation's label.
    """

    def __init__(self, runs: str | None) -> None:
        self.cards: dict[str, Card] = {}
        self.table, self.values = pd.DataFrame(), pd.DataFrame()
        self.message = Message()
        start = runs or os.environ.get(runs_folder.ENVIRONMENT) or "runs"
        self.folder = widgets.Text(start, description="folder", **WIDE)
        self.run = widgets.Dropdown(description="run", **WIDE)
        self.site = widgets.Dropdown(description="layer", **WIDE)
        self.seed = widgets.Dropdown(description="seed", **WIDE)
        self.epoch = widgets.IntSlider(0, 0, 0, description="epoch", **WIDE)
        self.play = widgets.Play(interval=150, min=0, max=0)
        self.link = widgets.jslink((self.play, "value"), (self.epoch, "value"))
        self.run.observe(self._chosen, "value")
        for choice in (self.site, self.seed):
            choice.observe(self._picked, "value")
        self.epoch.observe(self._turned, "value")
        self.choices = row(self.run, self.site, self.seed, self.play, self.epoch)
        self.choices.layout.display = "none"
        top = row(self.folder, button("Load", self.load, "look for runs in this folder"))
        super().__init__([widgets.VBox([top, self.message, self.choices])])
        self.set_title(0, "Play what a run has learned")

    def load(self) -> None:
        """Offer the runs of the folder whose activation is on the figure."""
        with self.message.catching():
            records = runs_that_learned(self.folder.value.strip())
            playable = [r for r in records if r["parameters"]["activation"] in self.cards]
            if not playable:
                names = sorted({str(r["parameters"]["activation"]) for r in records})
                raise ValueError(f"add one of these activations first: {', '.join(names)}")
            named = [
                (f"{r['parameters']['label']}, {r['parameters']['task']}", r) for r in playable
            ]
            self.run.options = [(f"{label} ({r['id'][:6]})", r) for label, r in named]
            self.choices.layout.display = None
            self.run.index = 0
            self._chosen()

    def _chosen(self, _: object = None) -> None:
        if self.run.value is None:
            return
        record = self.run.value
        with self.message.catching():
            run = expanded(self.folder.value.strip()) / record["id"]
            self.table = runs_folder.read_table(run, record, TABLE)
            self.site.options = list(dict.fromkeys(self.table.site))
            self.seed.options = [MEAN, *sorted(self.table.seed.unique().tolist())]
            self.site.index = self.seed.index = 0
            self._picked()

    def _picked(self, _: object = None) -> None:
        if self.site.value is None or self.seed.value is None:
            return
        values = learned(self.table, self.site.value, self.seed.value)
        if values.empty:  # another run is being chosen, and the seed is still one of the last
            return
        self.values = values
        self.epoch.max = self.play.max = int(values.index.max())
        self._turned()

    def _turned(self, _: object = None) -> None:
        if self.run.value is None or self.epoch.value not in self.values.index:
            return
        name = self.run.value["parameters"]["activation"]
        card = self.cards.get(name)
        with self.message.catching():
            if card is None:
                raise ValueError(f"{name} is no longer on the figure; add it again")
            card.set(self.values.loc[self.epoch.value].to_dict())
