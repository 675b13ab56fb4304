"""What one move of a slider, or one turn of the playground, costs the kernel."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pandas as pd
import torch

from afnlab.bench.timing import in_turn
from afnlab.live.decision_surface import Surfaces
from afnlab.live.function_overlay import Curves, first_view
from afnlab.live.preactivations import Regions
from afnlab.live.signal_maps import SignalMaps
from afnlab.widgets import RotationExplorer, SignalExplorer, explore, playground

CURVES = ("srelu", "gelu", "apec")


def measure(device: str = "cpu", rounds: int = 15) -> pd.DataFrame:
    """One row per case: milliseconds from the event in the kernel to the sent numbers, and the
    ratio to a picture of the same figure drawn anew, which is what a plain slider would do.

    Everything is on the CPU. Messages to the browser are made, and go nowhere.
    """
    if torch.device(device).type != "cpu":
        raise ValueError(f"device must be cpu for widgets, which draw there; got {device!r}")
    rows = []
    for name, act, anew in (_explorer(), _rotation(), _signal(), _playground()):
        times = in_turn({"move": act, "anew": anew}, rounds)
        row: dict[str, object] = {"case": name, "ms": 1000 * times["move"]}
        row |= {"a second": 1 / times["move"], "new figure / move": times["anew"] / times["move"]}
        rows.append(row)
    return pd.DataFrame(rows)


def _explorer() -> tuple[str, Callable[[], object], Callable[[], object]]:
    widget = explore(*CURVES)
    widget.controls.second.value = False
    slider, places = widget.cards[0].dials["t"].slider, cycle((1.5, 1.6, 1.7, 1.8))

    def move() -> None:
        slider.value = next(places)

    def anew() -> bytes:
        shown = [card.shown for card in widget.cards]
        return Curves(shown, first_view(shown)).figure._repr_png_()[0]

    return "explore: 3 curves, f and f'", move, anew


def _rotation() -> tuple[str, Callable[[], object], Callable[[], object]]:
    widget = RotationExplorer("digits-arp", "sigmoid")
    slider, places = widget.dials["L"].slider, cycle((3.0, 3.5, 4.0, 4.5))

    def move() -> None:
        slider.value = next(places)

    def anew() -> bytes:
        return Regions(widget.start).figure._repr_png_()[0]

    return "autorot: L, 5 layers", move, anew


def _signal() -> tuple[str, Callable[[], object], Callable[[], object]]:
    widget = SignalExplorer("tanh")
    slider, places = widget.sigma_w.slider, cycle((1.5, 1.6, 1.7, 1.8))

    def move() -> None:
        slider.value = next(places)

    def anew() -> bytes:
        return SignalMaps(widget.layer).figure._repr_png_()[0]

    return "signal: sigma_w, 20 layers", move, anew


def _playground() -> tuple[str, Callable[[], object], Callable[[], object]]:
    widget = playground("srelu")
    points = widget.points.x, widget.points.y
    for _ in range(100):
        widget.learners[0].step(*points)

    def anew() -> bytes:
        scene = Surfaces(widget.learners)
        scene.update(widget.learners, *points)
        return scene.figure._repr_png_()[0]

    return "playground: 1 step of 3 x 32, 400 points", widget.one_step, anew
