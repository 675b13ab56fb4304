"""The runs of a comparison, what they hold, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from afnlab.compare import answers, caveats, code_versions, trained_apart, tuning_summary
from afnlab.compare.added_seeds import added_by_row
from afnlab.compare.confirmation_caveat import confirmation_caveat
from afnlab.compare.costs import Cost
from afnlab.compare.decided_rows import is_added
from afnlab.compare.formatting import seed_range
from afnlab.compare.missing_rows import counted_too, no_baseline_at
from afnlab.compare.proper_names import named, named_cost, proper_name
from afnlab.compare.selected_runs import SelectedRuns
from afnlab.messages import counted, enumerated
from afnlab.runs.filtering import described, of_record


@dataclass(frozen=True)
class Selection(SelectedRuns):
    """Runs of one task with the sentences about them; their numbers are those of `SelectedRuns`."""

    @cached_property
    def answers(self) -> dict[str, str]:
        """Answers in sentences, by question, see `afnlab.compare.answers.answers`; activations have
        their proper names in it."""
        environment, call = self.records[0]["environment"], trained_apart.compared_naming(self)
        table, base = named(self.table, call), call(self.baseline)
        said = self.by_table(self.cost)
        count = len(self.activations)
        settings = f" in {len(self.rows)} settings" if len(self.rows) > count else ""
        seeds = sorted({int(n) for n in self.table.seeds})
        facts = [
            self.task.summary or self.task.name,
            *self._limited,
            counted(count, "activation") + settings,
            f"{seed_range(seeds[0], seeds[-1])} each",
            counted(self.first.epochs, "epoch"),
            *([f"all with {', '.join(self._alike)}"] if self.shared else []),
            *([f"each tuned for every seed: {self.tuning.description}"] if self.tuning else []),
            f"evaluated on {self.examples} {self.evaluated} examples",
            f"{environment['device_name']}, torch {environment['torch']}",
        ]
        apart = (answers.QUESTIONS[0], trained_apart.QUESTION)
        first = {question: said.pop(question) for question in apart if question in said}
        said = {**first, "On what?": "; ".join(facts) + ".", **said}
        if confirmed := confirmation_caveat(self.table, self.picked_among, self.further):
            said = {"What is this?": f"A confirmation. {confirmed}", **said}
        if not self.fixed.empty:
            said["Was it the recipe?"] = tuning_summary.recipe(
                named(self.fixed, call), table, base, self.measure, self.change
            )
        tunings = {title: named(one, call) for title, one in self.tunings.items()}
        if cheaply := tuning_summary.cheaply(tunings):
            said["Would less tuning do?"] = cheaply
        return said

    def by_table(self, cost: Cost | None = None) -> dict[str, str]:
        """The answers that follow from the table, by question.

        Args:
            cost: of the rows; None: nothing is said of it.
        """
        call = trained_apart.compared_naming(self)
        said = answers.answers(
            named(self.table, call),
            call(self.baseline),
            self.examples,
            self.margin,
            None if cost is None else named_cost(cost, call),
            self.measure,
        )
        (first, which), *rest = said.items()
        if apart := trained_apart.answer(self):
            return {first: which, trained_apart.QUESTION: apart, **dict(rest)}
        return said

    @property
    def _limited(self) -> list[str]:
        """That not all examples were used which the task's summary counts."""
        limits = {"train": self.first.limit_train, "test": self.first.limit_test}
        some = [f"{number:,} to {what}" for what, number in limits.items() if number]
        return [f"of these only {enumerated(some)}"] if some else []

    @property
    def missing(self) -> list[str]:
        """The runs that were requested, or are in the folder, and are not among these, and why."""
        gone = caveats.left_out(self.stale, self.foreign, self.absent, self.failed)
        return [*gone, *self.unfinished]

    @property
    def notes(self) -> list[str]:
        """Notes that are needed to read the table."""
        varied = map(trained_apart.called, trained_apart.varied(self))
        base, final = proper_name(self.baseline), self.final.rename(columns=proper_name)
        edges = [(axis, end, list(map(proper_name, rows))) for axis, end, rows in self.edges]
        said = [
            no_baseline_at(self.baseline, self.rows, dict(self.first.within))
            or caveats.no_baseline(self.baseline, self.rows),  # the names that one types
            caveats.same_functions(self.same),
            *caveats.mixed(self.records),
            *self.missing,
            *([] if self.is_confirmation else counted_too(self.table, self.further)),
            *code_versions.notes(self.versions),
            *caveats.code_elsewhere(self.elsewhere),
            *caveats.split_by(dict(self.first.within), proper_name(self.baseline)),
            *caveats.only_some(described(self.only, map(of_record, self.records))),
            *caveats.another_metric(self.measure, self.chosen_by),
            *caveats.of_rounding(named(self.table), final, base),
            *caveats.within_margin(named(self.table), self.margin, self.measure),
            *caveats.beyond_seeds(named(self.table), final, self.measure),
            *caveats.more_seeds(self.more_seeds),
            *caveats.unequal_seeds(final),
            *caveats.pairing(final, base),
            *self.stopping,
            *caveats.reach(
                float(self.table[self.measure.key].iloc[0]),
                self.examples,
                self.evaluated,
                [*varied],
                tuned=self.tuning is not None,
                measure=self.measure,
            ),
            *(tuning_summary.notes(edges, self.tuning) if self.tuning else []),
        ]
        return [note for note in said if note]

    @property
    def more_seeds(self) -> dict[str, tuple[int, int]]:
        """The rows with more seeds than the sweep asks for: how many, and for how many it asks."""
        counts = self.final.notna().sum()
        pairs = {n: (int(counts[n]), self.asked.get(one.group, 0)) for n, one in self.rows.items()}
        return {proper_name(n): pair for n, pair in pairs.items() if 0 < pair[1] < pair[0]}

    @property
    def stopping(self) -> list[str]:
        """A note on the p-values where the number of seeds may have followed from
        results."""
        marked = {r["group"] for r in self.records if self.most is not None or is_added(r)}
        known = {n for n, one in self.rows.items() if one.group in marked} | {*self.decided_rows}
        if self.is_confirmation:  # every row that is confirmed may give the baseline more
            known.add(self.baseline)
        asked = {n: self.runs_of(n) for n in self.rows if n not in known}
        comparisons = int(self.table.p.notna().sum())
        by_baseline = [n for n in self.decided_rows if self.rows[n].group not in marked]
        later = added_by_row(asked, self.baseline, comparisons, self.beside)
        return [
            *caveats.seeds_until_decided(self.decided_rows, by_baseline, self.baseline),
            *caveats.mean_outside(self.table),
            *caveats.seeds_added(later, len(self.rows)),
        ]
