"""The section about all tasks of a report together."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from afnlab.compare import over_tasks as compared
from afnlab.compare.proper_names import proper_name
from afnlab.compare.selection import Selection
from afnlab.figures import over_tasks as heat_map
from afnlab.figures import ranks as ranks_figure
from afnlab.figures.fragment import Fragment
from afnlab.figures.style import show, styled
from afnlab.markup import filled
from afnlab.report.sections.figures import DIAGRAM
from afnlab.report.sections.html import name, sentence, table_of

CAPTION = (
    "In each cell the mean difference to {}, paired by seed, in standard deviations of these"
    " differences; above 0 (blue) is better, whatever the task's metric. Marks: {} better, {} worse"
    " by the task's own test, {} equivalent, {} not worse, {} too few seeds; none: not"
    " distinguishable."
    " The best mean rank is at the top."
)


def over_tasks(selections: Sequence[Selection]) -> Fragment:
    """Activations by tasks, mean ranks over tasks, and what they allow to say."""
    overall = compared.over_tasks(selections)
    if overall is None:
        return Fragment()
    marks = [mark.strip() for mark in heat_map.MARKS.values()]
    with styled(for_page=True):
        figure = show(
            heat_map.over_tasks(overall.effects, overall.verdicts),
            f"Differences to {proper_name(overall.baseline)} of {len(overall.effects)} activations"
            f" on {overall.tasks} tasks, in standard deviations; the table below holds the same"
            " numbers",
            CAPTION.format(proper_name(overall.baseline), *marks),
            "over-tasks",
        )
        diagram = Fragment()
        ranked = overall.ranking
        if overall.distinguishes and ranked is not None and len(ranked.ranks) <= DIAGRAM:
            diagram = show(
                ranks_figure.ranks(ranked),
                "Mean ranks of the activations over tasks, the best left",
                "Mean ranks over tasks, 1 is the best; a bar joins what Nemenyi's test does not"
                " distinguish.",
                "over-tasks-ranks",
            )
    said = filled("<p>{}</p>", sentence(" ".join(overall.sentences)))
    return Fragment(filled("<h2>Over tasks</h2>"), figure, said, diagram, _table(overall))


def _table(results: compared.OverTasks) -> Markup:
    ranks = {} if results.ranking is None else results.ranking.ranks.to_dict()
    rows = []
    values = zip(results.effects.to_numpy(), results.verdicts.to_numpy(), strict=True)
    for label, (effects, verdicts) in zip(results.effects.index, values, strict=True):
        rank = f"{ranks[label]:.1f}" if label in ranks else ""
        rows.append((name(str(label)), rank, *map(_words, effects, verdicts)))
    return table_of(["activation", "mean rank", *results.effects], rows)


def _words(effect: float, verdict: str) -> str:
    number = heat_map.cell(effect, "")
    return f"{number}, {verdict}" if number else verdict
