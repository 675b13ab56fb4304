"""One activation of the explorer: its dials, its formula, its line of code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from math import inf

import ipywidgets as widgets

from afnlab.bibliography import REFERENCES
from afnlab.compare.formatting import percent
from afnlab.functions.profile import DEAD, slope_under
from afnlab.live.function_overlay import Shown
from afnlab.markup import escaped, filled, formula
from afnlab.printing import printed
from afnlab.registry import Activation
from afnlab.signal import Gaussian
from afnlab.widgets.elements import AtRest, Dial, Later, button, dial

NEAR = 5e-4  # to 1: a factor that is printed as 1.000
_THEN = {  # what becomes of a variance
    "neutral": "what differs from it stays as far away",
    "stable": "what differs from it comes back to it",
    "unstable": "what differs from it moves away",
}


class Card(widgets.VBox):
    """An activation, its parameters as dials, made from its definition.

    about: its formula, its line of code and its facts, which stand by themselves: dials of several
    activations are then close to one another, and to the curves that they move.
    deviation: of the normal input that the facts are about; `write` after a change.
    moved(card): called once after each change; closed(card): its close button was pressed.
    """

    def __init__(
        self,
        record: Activation,
        colour: str,
        moved: Callable[[Card], object],
        closed: Callable[[Card], object],
    ) -> None:
        self.record, self.colour, self.moved = record, colour, moved
        self.quiet, self.deviation = False, 1.0
        self._facts_soon, self._theory_at_rest = Later(self._write), AtRest(self._write_theory)
        free = {name: p for name, p in record.params.items() if not p.fixed}
        self.dials: dict[str, Dial] = {name: dial(name, p, record.name) for name, p in free.items()}
        for one in self.dials.values():
            one.observe(self._moved, "value")
            one.slider.style.description_width = f"{max(map(len, free)) + 1}ch"
        self.head = widgets.HTML(_head(record, colour), layout={"flex": "1 1 0", "width": "0"})
        self.close_button = button("Remove", lambda: closed(self), f"remove {record.label}")
        top = widgets.HBox([self.head, self.close_button])
        self.formula = widgets.HTMLMath(_formula(record.latex))
        self.formula.add_class("afnlab-formula")
        self.formula.layout.overflow = "auto hidden"
        self.code, self.facts, self.theory = widgets.HTML(), widgets.HTML(), widgets.HTML()
        edge = {"border_left": f"3px solid {colour}", "padding": "0 0 0 10px"}
        texts = [self.formula, self.code, self.facts, self.theory]
        self.about = widgets.VBox(texts, layout=edge)
        self.about.add_class("afnlab-about")
        super().__init__([top, *self.dials.values()], layout=edge)
        self.write()

    @property
    def params(self) -> dict[str, float]:
        """The parameters that have a dial."""
        return {name: one.value for name, one in self.dials.items()}

    @property
    def shown(self) -> Shown:
        return Shown(self.record, self.params)

    def set(self, values: Mapping[str, float]) -> None:
        """Set several parameters, as one change; ValueError if one is out of its domain."""
        for name, value in values.items():
            self.record.params[name].check(f"{self.record.name}: {name}", value)
        self.quiet = True
        try:
            for name, value in values.items():
                self.dials[name].value = value
        finally:
            self.quiet = False
        self._moved()

    def reset(self) -> None:
        """Back to the defaults."""
        self.set({name: self.record.params[name].default for name in self.dials})

    def _moved(self, _: object = None) -> None:
        if not self.quiet:
            self.moved(self)
            self.write()

    def write(self) -> None:
        """Write what follows from the parameters and the deviation, soon."""
        self._facts_soon()
        self._theory_at_rest()

    def _write_theory(self) -> None:
        self.theory.value = ""
        with suppress(Exception):  # as below
            values = tuple(self.params.items())
            facts = signal_facts(self.record, self.deviation, values)
            self.theory.value = f'<div style="line-height:1.4">{facts}</div>'

    def _write(self) -> None:
        style = "user-select:all;font-size:12px;white-space:pre-wrap;overflow-wrap:anywhere"
        line = '<code tabindex="0" title="click, then copy" style="{}">{}</code>'
        self.code.value = str(filled(line, style, code(self.record, self.params)))
        with suppress(Exception):  # what a user's function raises is said where it is drawn
            square, alive = slope_under(self.record, self.deviation, **self.params)
            self.facts.value = (
                f'<div style="line-height:1.4">mean of f&prime;(z)&sup2;: {square:.3f}<br>'
                f"|f&prime;(z)| &ge; {DEAD:g} for {percent(round(alive, 6), 0)} of inputs</div>"
            )


@lru_cache(256)
def signal_facts(
    record: Activation, deviation: float, params: tuple[tuple[str, float], ...]
) -> str:
    """What deep networks of this activation do to a signal, as HTML.

    deviation: of the pre-activations, which the weights are to keep from layer to layer.
    """
    q = deviation**2
    means = Gaussian(record, **dict(params)).moments(q)
    weight = q / float(means.square)
    chi, slope = weight * float(means.slope), weight * float(means.square_slope)
    grown = "infinite, since it jumps" if chi == inf else f"{chi:.3f}"
    word = "neutral" if abs(slope - 1) < 1e-9 else "stable" if slope < 1 else "unstable"
    size = "keep their size" if abs(chi - 1) < NEAR else "grow" if chi > 1 else "shrink"
    return (
        f"With weights that keep this variance, {q:.3g}: derivatives {size} from layer to layer,"
        f" since each multiplies their square by &chi;<sub>1</sub> = {grown}; the variance is"
        f" {word} (dq&prime;/dq = {printed('{:.3f}', slope)}): {_THEN[word]}."
    )


def code(record: Activation, params: Mapping[str, float]) -> str:
    """The line that makes the module: `afnlab.nn.SReLU(t=1.7)`; defaults are left out."""
    changed = {n: v for n, v in params.items() if v != record.params[n].default}
    words = [f"{name}={value:.10g}" for name, value in changed.items()]
    if record.key == record.name:
        return f"afnlab.nn.{record.module.split()[0]}({', '.join(words)})"
    return f"afnlab.nn.module_class({record.key!r})({', '.join(words)})"


def _formula(latex: str) -> str:
    """The formula, which may go on in another line after each of its cases."""
    first, *cases = latex.split(",\\quad ")
    whole = formula(latex)
    if (
        not cases
        or not whole.startswith("$")
        or any(case.count("{") != case.count("}") for case in (first, *cases))
    ):
        return str(whole) if latex else ""
    return " ".join([f"{formula(first)},", *(f"${escaped(case)}$" for case in cases)])


def _head(record: Activation, colour: str) -> str:
    about = " ".join((record.fn.__doc__ or "").strip().split("\n\n")[0].split())
    source = REFERENCES.get(record.reference)
    cited: object = ""
    if source:
        link = '<a href="{}" target="_blank">{}</a>'
        cited = filled(link, source.url, source.cite()) if source.url else source.cite()
        cited = filled('<span title="{}">{}</span>', source.title, cited)
    name = filled('<b><span style="color:{}">&#9632;</span> {}</b>', colour, record.label)
    made = '<div title="{}" style="line-height:1.5">{} &ensp;{}</div>'
    return str(filled(made, about, name, cited))
