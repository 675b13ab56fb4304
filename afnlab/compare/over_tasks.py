"""One comparison over several tasks: what each says of every activation, and mean ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from afnlab import stats
from afnlab.compare import trained_apart
from afnlab.compare.baseline_differences import DIFFER
from afnlab.compare.formatting import equation
from afnlab.compare.headline import NAMED, noun
from afnlab.compare.proper_names import proper_name
from afnlab.messages import counted, enumerated

if TYPE_CHECKING:
    from afnlab.compare.selection import Selection

FEWEST_TASKS, FEWEST_LABELS = 2, 3  # of which ranks can be compared


@dataclass(frozen=True)
class OverTasks:
    """Every activation on every task, against one baseline.

    Attributes:
        effects: labels x tasks: the mean difference to the baseline, paired by seed, in standard
            deviations of these differences; above 0 is better, whatever the task's metric. nan
            where there are no pairs. The best mean rank comes first.
        verdicts: labels x tasks, as in the comparison of the task; "" where there is none.
        baseline: the label with which the others are compared.
        ranking: mean ranks of the labels that all tasks have, with a task as a block; None where
            there are too few of either.
        called: what the baseline is called in a sentence; empty: its proper name.
    """

    effects: pd.DataFrame
    verdicts: pd.DataFrame
    baseline: str
    ranking: stats.Ranking | None
    called: str = ""

    @property
    def tasks(self) -> int:
        """The number of tasks."""
        return self.effects.shape[1]

    @property
    def distinguishes(self) -> bool:
        """Whether Friedman's test over the tasks rejects that all activations are alike."""
        return self.ranking is not None and self.ranking.p < stats.alpha(stats.LEVEL)

    @property
    def sentence(self) -> str:
        """What the tasks together say of the baseline, each by its own test, and of ranks."""
        kinds = self.verdicts.drop(index=self.baseline, errors="ignore")
        rows = len(kinds)
        better, worse = ((kinds == verdict).sum(axis=1) for verdict in DIFFER)
        base = self.called or proper_name(self.baseline)
        every = "both" if self.tasks == 2 else f"all {self.tasks}"
        one = "one of them" if self.tasks == 2 else "some of them"
        if rows == 1:
            name = proper_name(str(kinds.index[0]))
            counts = [int(n.iloc[0]) or "none" for n in (better, worse)]
            text = f"On {self.tasks} tasks, each by its own test: {name} is better than {base} on"
            text += f" {counts[0]} and worse on {counts[1]}."
            return text
        always, sometimes = better == self.tasks, (better > 0) & (better < self.tasks)
        parts = [
            f"{_so_many(always)} shown to be better than {base} on {every}",
            *([f"{_so_many(sometimes)} on {one}"] if sometimes.any() else []),
            *([f"{_so_many(worse > 0)} worse on one or more"] if worse.any() else []),
        ]
        others = counted(rows, f"other {noun(self.effects)}")
        text = f"On {self.tasks} tasks, each by its own test: of {others}, {enumerated(parts)}."
        if self.ranking is None:
            return text
        # Friedman's test says that not all are alike, and not that any two are distinguishable.
        rest = "are not all alike" if self.distinguishes else "tell no two apart"
        return f"{text} Mean ranks over the tasks {rest}."

    @property
    def sentences(self) -> list[str]:
        """What the ranks say, and what may and may not be said from so few tasks."""
        return [*self._of_ranks(), _may(self.tasks), _may_not(self.tasks)]

    def _of_ranks(self) -> list[str]:
        if self.ranking is None:
            return ["Ranks are not compared: too few activations were trained on every task."]
        ranks = self.ranking.ranks
        apart = ranks.iloc[-1] - ranks.iloc[0]
        least, most = self.ranking.critical_difference, len(ranks) - 1
        said = [
            f"Ranks are over {self.tasks} tasks as blocks: each counts once, by the means over its"
            f" seeds, for the {len(ranks)} activations that all of them have. Friedman's test:"
            f" {equation(self.ranking.p)}."
        ]
        if not self.distinguishes:
            return [*said, "No two activations are distinguishable over these tasks."]
        if least > most:
            reach = "which so few tasks cannot show: ranks lie at most"
            return [*said, f"Nemenyi's test asks for {least:.1f} ranks, {reach} {most} apart."]
        return [
            *said,
            f"Two mean ranks must lie {least:.1f} apart to be distinguishable (Nemenyi); the first"
            f" and the last lie {apart:.1f} apart.",
        ]


def _so_many(rows: pd.Series) -> str:
    """How many labels are so, with their names where they are few: "2 (GELU and SiLU) are"."""
    names = [proper_name(str(label)) for label in rows.index[rows]]
    few = f" ({enumerated(names)})" if 0 < len(names) <= NAMED else ""
    return f"{len(names) or 'none'}{few} {'is' if len(names) < 2 else 'are'}"


def _may(tasks: int) -> str:
    return (
        "What may be said: every cell, about its own task and other seeds on it; and of the ranks,"
        f" whether these {tasks} tasks agree more than they would by chance."
    )


def _may_not(tasks: int) -> str:
    return (
        f"What may not: that an order holds on another task. {tasks} tasks are few; they were"
        " chosen, not drawn; and tasks that share their data are not independent of each other."
    )


def over_tasks(selections: Sequence[Selection]) -> OverTasks | None:
    """The comparison over the tasks of selections, one selection each; None if that is not so."""
    names = [s.task.name for s in selections]
    if len(set(names)) < max(len(names), FEWEST_TASKS):
        return None
    baselines = {s.baseline for s in selections}
    if len(baselines) > 1:
        return None
    values = {s.task.name: s.measure.sign * s.final for s in selections}
    made = compared(values, {s.task.name: s.table.verdict for s in selections}, baselines.pop())
    return replace(made, called=_called(selections, made.baseline))


def _called(selections: Sequence[Selection], baseline: str) -> str:
    """The baseline with the settings in which others were trained otherwise, see
    `trained_apart.naming`: a task's own where its label does not say them."""
    names = {trained_apart.compared_naming(one)(baseline) for one in selections}
    return names.pop() if len(names) == 1 else f"{proper_name(baseline)} at each task's own recipe"


def compared(
    values: Mapping[str, pd.DataFrame], verdicts: Mapping[str, pd.Series], baseline: str
) -> OverTasks:
    """The comparison over tasks.

    Args:
        values: by task, seeds x labels, where higher is better.
        verdicts: by task, the verdict on every label.
        baseline: the label with which the others are compared.
    """
    means = pd.DataFrame({task: table.mean() for task, table in values.items()})
    effects = pd.DataFrame({task: _effects(table, baseline) for task, table in values.items()})
    shared = means.dropna().T
    enough = shared.shape[1] >= FEWEST_LABELS and len(shared) >= FEWEST_TASKS
    mean_ranks = stats.rank_blocks(means.T).mean()
    order = mean_ranks.sort_values(kind="stable").index
    verdict_table = pd.DataFrame(dict(verdicts), dtype=object).reindex(
        index=order, columns=effects.columns
    )
    return OverTasks(
        effects.reindex(order),
        verdict_table.where(verdict_table.notna(), ""),
        baseline,
        stats.ranking(shared) if enough else None,
    )


def _effects(values: pd.DataFrame, baseline: str) -> pd.Series:
    """By label; the baseline itself has none."""
    effects = pd.Series(float("nan"), index=values.columns)
    if baseline not in values:
        return effects
    for label in values.columns.drop(baseline):
        pairs = (values[label] - values[baseline]).dropna()
        effects[label] = stats.effect_size(pairs.to_numpy())
    return effects
