"""Activations and their derivatives, laid over one another, moved by sliders."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import ipywidgets as widgets
import matplotlib as mpl
from traitlets import Bunch

from afnlab.figures.style import COLOURS
from afnlab.live.function_overlay import Curves, Extent, Shown, View, first_view, fitting
from afnlab.live.references import activation_of
from afnlab.registry import Activation, get_activation, list_activations
from afnlab.widgets.activation_card import Card
from afnlab.widgets.elements import Message, button, columns, row
from afnlab.widgets.learned_replay import Replay
from afnlab.widgets.screen import Screen
from afnlab.widgets.view_controls import ViewControls

KINDS = {"svg": "image/svg+xml", "png": "image/png"}


class Explorer(widgets.VBox):
    """The widget that `afnlab.widgets.explore` returns."""

    def __init__(
        self, activations: Sequence[str | Activation], span: float, runs: str | None
    ) -> None:
        shown = [Shown.of(ref) for ref in activations]
        if len(shown) > len(COLOURS):
            raise ValueError(f"activations must be at most {len(COLOURS)}, got {len(shown)}")
        self.controls = ViewControls(first_view(shown, span))
        self.view = self.controls.view
        self.limits: tuple[Extent, Extent] | None = None  # None: those of the defaults
        self.held = False
        self.cards: list[Card] = []
        self.scene: Curves | None = None
        self.screen, self.message = Screen(), Message()
        self.near: Extent | None = None  # what the browser has zoomed into
        self.screen.zoomed(self._zoomed)
        gap = {"grid_gap": "12px 20px"}
        self.shelf, self.about = columns(**gap), columns(**gap, margin="12px 0 8px")
        self._make_top()
        self.controls.observe(self._looked, "value")
        self.controls.observe(self._refuse, "problem")
        self.replay = Replay(runs)
        super().__init__(
            [
                *(row(self.add_box, *self.buttons), self.controls, self.message),
                *(self.screen, self.shelf, self.about, self.replay),
            ],
            layout={"max_width": "1000px"},
        )
        for one in shown:
            self._place(one.record)
        self._rebuild()

    def _make_top(self) -> None:
        self.add_box = widgets.Combobox(
            options=[n for n in list_activations() if get_activation(n).elementwise],
            placeholder="a name, or my_idea.py:ripple",
            description="add activation",
            continuous_update=False,
            style={"description_width": "95px"},
            layout={"flex": "1 1 200px", "min_width": "200px", "max_width": "330px"},
        )
        self.add_box.observe(self._added, "value")
        self.buttons = [
            button("Fit", self.fit, "fit the vertical axes to the curves as they are"),
            button("Reset", self.reset, "all parameters and the view back to the start"),
            button("Save SVG", lambda: self.save("svg"), "save the figure as SVG"),
            button("Save PNG", lambda: self.save("png"), "save the figure as PNG"),
        ]

    # What a user does.

    def add(self, ref: str | Activation) -> None:
        """Lay one more activation over the others.

        Args:
            ref: by name, reference or object. One whose file has been edited since it was added
                takes the place of what it was.

        Raises:
            ValueError: if it is unknown, not elementwise, or one too many.
        """
        record = activation_of(ref)
        if record in [card.record for card in self.cards]:
            raise ValueError(f"{record.label} is shown already")
        before = next((card for card in self.cards if card.record.key == record.key), None)
        if before is None and len(self.cards) == len(COLOURS):
            raise ValueError(f"at most {len(COLOURS)} at once; remove one first")
        fitting([Shown(record)], self.view)  # what a user's function raises, it raises here
        self._place(record, before)
        self._rebuild()

    def remove(self, card: Card) -> None:
        """Take an activation away.

        Args:
            card: the one that shows it.
        """
        self.cards.remove(card)
        card.close()
        self._rebuild()

    def reset(self) -> None:
        """All parameters and the view as they were at the start."""
        self.held, self.limits = True, None
        try:
            for card in self.cards:
                card.reset()
            self.controls.reset()
        finally:
            self.held = False
        self._looked()

    def fit(self) -> None:
        """Fit the vertical axes to the curves as they are now."""
        if self.cards:
            self.limits = fitting([card.shown for card in self.cards], self.view)
            self._looked()

    def save(self, kind: str) -> None:
        """Have the browser save the figure.

        Args:
            kind: "svg" or "png".
        """
        if self.scene is None:
            return
        name = "-".join(card.record.name for card in self.cards)
        self.screen.save(f"{name}.{kind}", self.picture(kind), KINDS[kind])

    def picture(self, kind: str) -> bytes:
        """The figure as the content of a file.

        Args:
            kind: "svg" or "png".
        """
        assert self.scene is not None
        buffer = io.BytesIO()
        with mpl.rc_context({"svg.fonttype": "path"}):
            # A figure of its own: saving it must not disturb the one that moves.
            self._scene(replace(self.view, near=None)).figure.savefig(buffer, format=kind, dpi=220)
        return buffer.getvalue()

    # What follows from it.

    def _place(self, record: Activation, before: Card | None = None) -> None:
        """A card for it: the last one, or in place of another."""
        at = self.cards.index(before) if before else len(self.cards)
        used = {card.colour for card in self.cards}
        colour = before.colour if before else next(c for c in COLOURS if c not in used)
        card = Card(record, colour, self._moved, self.remove)
        for one in card.dials.values():
            one.observe(self._refuse, "problem")
        self.cards[at : at + 1] = [card]
        if before:
            before.close()

    def _added(self, change: Bunch) -> None:
        if change.new:
            with self.message.catching():
                self.add(change.new.strip())
                self.add_box.value = ""

    def _refuse(self, change: Bunch) -> None:
        self.message.say(change.new)

    def _rebuild(self) -> None:
        """A new figure, since the activations are others."""
        self.shelf.children = tuple(self.cards)
        self.about.children = tuple(card.about for card in self.cards)
        self.replay.cards = {card.record.label: card for card in self.cards}
        self.limits = None
        self.view = self._seen()
        self.scene = self._scene(self.view) if self.cards else None
        self.screen.layout.display = None if self.scene else "none"
        self._draw()
        self._facts()

    def _scene(self, view: View) -> Curves:
        colours = [card.colour for card in self.cards]
        return Curves([card.shown for card in self.cards], view, colours)

    def _looked(self, _: object = None) -> None:
        """The view has changed."""
        if not self.held:
            with self.message.catching():
                self.view = self._seen()
                self._draw()
                self._facts()

    def _seen(self) -> View:
        view = self.controls.view
        if not self.cards:
            return view
        limits = self.limits or fitting([Shown(card.record) for card in self.cards], view)
        y, slopes = map(self.controls.zoomed, limits)
        return replace(view, y=y, slopes=slopes, near=self.near)

    def _zoomed(self, near: Extent | None) -> None:
        self.near = near
        self._looked()

    def _moved(self, _: Card) -> None:
        """A parameter has changed: the one path that has to be quick."""
        if not self.held:
            with self.message.catching():
                self._draw()

    def _draw(self) -> None:
        if self.scene is not None:
            shown = [card.shown for card in self.cards]
            self.scene.update(shown, self.view)
            self.screen.show(self.scene, "Curves and slopes of " + ", ".join(map(_said, shown)))

    def _facts(self) -> None:
        for card in self.cards:
            if card.deviation != self.view.deviation:
                card.deviation = self.view.deviation
                card.write()


def explore(*activations: str | Activation, span: float = 5.0, runs: str | None = None) -> Explorer:
    """Sliders for the parameters of activations, and their curves as they move.

    Args:
        *activations: up to six, by name, by reference to a user's own, or as records; none means
            SReLU.
        span: the inputs reach from -span to span.
        runs: a folder of runs, whose learned parameters can be played over the epochs; None:
            $AFNLAB_RUNS, or `runs`.

    Returns:
        The widget.

    Raises:
        ValueError: for an unknown activation or one that is not elementwise.
    """
    return Explorer(activations or ("srelu",), span, runs)


def _said(one: Shown) -> str:
    values = ", ".join(f"{name} {value:g}" for name, value in one.params.items())
    return f"{one.record.label} ({values})" if values else one.record.label
