"""What went on inside the networks, of the runs that recorded it."""

from __future__ import annotations

from markupsafe import Markup

from afnlab.compare.selection import Selection
from afnlab.figures import signal_curves
from afnlab.figures.fragment import Fragment
from afnlab.figures.style import show, styled
from afnlab.markup import filled
from afnlab.report.sections.html import heading
from afnlab.training.signals import DEAD, SATURATED

MOST_NAMED = 8  # layers whose places the caption names


def inside(selection: Selection) -> Fragment:
    """Signals and gradients in every layer, behind a fold."""
    signals = selection.signals
    if signals.empty:
        return Fragment()
    order = [label for label in selection.table.index if (signals.label == label).any()]
    text = (
        f"A unit is dead if its slope is below {DEAD:g} of the activation's largest at every"
        f" example of a sample; a pre-activation is saturated if it is below {SATURATED:g} of it."
        " The effective rank is that of the activations (examples by units), the mean square that"
        " of the pre-activations. The gradient norm is that of an example's loss with respect to"
        " the pre-activations; chi is its square over the one in the next layer: above 1 (the"
        " line), gradients grow on their way back."
    )
    with styled(for_page=True):
        figure = show(
            signal_curves.signals(signals, order),
            "Dead and saturated units, effective rank, mean square of the pre-activations,"
            f" gradient norm and chi by layer, for each activation on {selection.task.name}",
            "Dashed: before the training; thin: epochs between; thick: after the last epoch."
            f" Means of the seeds.{_places(selection)}",
            f"{selection.name}-inside",
        )
    return Fragment(
        heading("What went on inside", selection, 3),
        filled("<details><summary>Layer by layer</summary><p>{}</p>", text),
        figure,
        Markup("</details>"),
    )


def _places(selection: Selection) -> str:
    """Which layers these are, where all networks have the same few."""
    signals = selection.signals
    named = signals.groupby("layer").site.unique()
    several = (named.map(len) > 1).any() or signals.call.max() > 0
    if several or not 1 < len(named) <= MOST_NAMED:
        return ""
    return f" The modules of layers 1 to {len(named)}: {', '.join(s[0] for s in named)}."
