"""What the evidence says of an idea: the verdict in words, as JSON can hold it, and as a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from afnlab import stats
from afnlab.compare.formatting import difference
from afnlab.judging.campaign import AGAIN, TASK
from afnlab.judging.confirmed import Confirmation
from afnlab.judging.ledger import Ledger
from afnlab.judging.standings import BETTER, EQUIVALENT, OPEN, Standing
from afnlab.messages import counted, some
from afnlab.training.space import TUNE

MOST_NAMED = 3  # earlier versions, and earlier verdicts, in a verdict


@dataclass(frozen=True)
class Judgement:
    """The verdict on an idea, and the evidence for it.

    Attributes:
        idea: what it is called here.
        standing: its entry, with what was found at every seed.
        ledger: the campaign that it is part of.
        notes: what has to be known beside: where tunings chose an end of what was tried.
        confirmation: what `afnlab confirm` said of the same, if it was asked.
        freshly: the command that judges the same by fresh seeds; empty: these are, or there are.
        earlier: what earlier judgings and confirmations said of it, or of earlier versions of it.
    """

    idea: str
    standing: Standing
    ledger: Ledger
    notes: tuple[str, ...] = ()
    confirmation: Confirmation | None = None
    freshly: str = ""
    earlier: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    @property
    def verdict(self) -> str:
        """One of "better", "worse", "equivalent" and "open".

        Of a campaign that confirms what is better, "improvement" or "not confirmed" stand in place
        of "better".
        """
        return self.standing.verdict

    @property
    def seeds(self) -> int:
        """The number of seeds of the task that the verdict is from."""
        return self.standing.decision().seeds

    @property
    def seen(self) -> int:
        """How many of these seeds the idea had been trained with before this judging began."""
        before = self.standing.before()
        return int(self.standing.entry["seen"]) if before is None else len(before.idea)

    @property
    def seen_against(self) -> int | None:
        """How many of these seeds the baseline had been trained with before this judging began.

        None: a ledger of an earlier version does not hold it.
        """
        before = self.standing.before()
        return None if before is None else len(before.against)

    @property
    def seen_versions(self) -> int:
        """How many of these seeds had been trained before with what may be an earlier version.

        That is a function of the same name in any file, or one of the same values; seeds of the
        idea as it is are not among them.
        """
        before = self.standing.before()
        return 0 if before is None else len(before.versions)

    @property
    def e_value(self) -> float:
        """Of the evidence that the idea is better; it was needed to reach `needed`."""
        return self.standing.e_value

    @property
    def e_value_worse(self) -> float:
        """Of the evidence that the idea is worse; 40 decide at the usual level."""
        return self.standing.e_value_worse

    @property
    def needed(self) -> float:
        """The e-value from which on an idea counts as better."""
        return self.standing.needed

    def interval(self, stage: str = TASK) -> stats.Interval:
        """The mean difference, above 0 for better, and limits that hold at any time of stopping.

        Args:
            stage: "task", "again" (the same task with fresh seeds) or "other" (the other task).
        """
        return self.standing.interval(stage)

    @property
    def lines(self) -> list[str]:
        """The verdict in words."""
        standing, campaign = self.standing, self.standing.campaign
        lines = [f"{self.idea} against {campaign.against} on {campaign.task}: {self.verdict}"]
        lines += [self._line(s) for s in campaign.stages if standing.seeds.get(s)]
        lines += [campaign.recipe, *self.notes]
        if self.verdict == EQUIVALENT:
            within = f"the interval lies within the margin of {standing.margin_text}"
            lines.append(f"evidence for {EQUIVALENT}: {within}")
        else:
            way, e_value, needed = standing.evidence
            lines.append(f"evidence for {way}: an e-value of {e_value:.3g}, {needed:.3g} needed")
            lines.append(
                "an e-value is what a fair bet on this has made of a stake of 1, seed by seed; for"
                f" an idea that does nothing it ever reaches {needed:.3g} with a probability of 1"
                f" in {needed:.3g} at most"
            )
        where = "" if self.ledger.path is None else " and another file as --ledger"
        if self.verdict == OPEN and campaign.too_few:
            lines.append(f"{campaign.too_few}{where}")
        if self.verdict == BETTER and not campaign.confirm:
            lines.append(
                f"better on one task; --confirm TASK{where} would judge by fresh seeds and on"
                " another task whether it is an improvement"
            )
        if standing.entry["name"] != self.idea:
            lines.append(f"the same function was entered as {standing.entry['name']}")
        lines += self._before
        if self.confirmation is not None:
            line = f"afnlab confirm, by seeds that do not count here: {self.confirmation.text}"
            picked = "; if the idea was picked, that is the result to cite" if self.seen else ""
            lines.append(f"{line}{picked}")
        if self.earlier:
            last = self.earlier[-MOST_NAMED:]
            how_many = (
                f" (the last {MOST_NAMED} of {n})" if (n := len(self.earlier)) > len(last) else ""
            )
            said = "; ".join(last)
            lines.append(
                f"earlier judgings of it, or of an earlier version of it{how_many}, by the margin"
                f" and the level of this one: {said}"
            )
        if self.ledger.path is not None:
            at = f"entry {standing.position} of {len(self.ledger.standings)}"
            lines.append(f"{at} in {self.ledger.path}, which ends in {self.ledger.head[:12]}")
        return lines

    @property
    def _before(self) -> list[str]:
        """Which seeds had been trained before this judging began, and what that means."""
        entered, against = self.standing.entry["seen"], self.seen_against
        lines = []
        if entered and self.ledger.path is not None:
            lines.append(f"{counted(entered, 'seed')} of it had been trained before it was entered")
        if against is None or not (self.seen or self.seen_versions or against):
            return lines
        number = counted(self.seeds, "seed")
        line = (
            f"{self.seen} of these {number} of the idea, and {against} of those of"
            f" {self.standing.campaign.against}, had been trained before this judging began"
        )
        if self.seen_versions:
            names = some(self.standing.entry.get("versions", []), MOST_NAMED)
            line += (
                f", and {self.seen_versions} with what may be an earlier version of it, by its name"
                f" or its values ({names})"
            )
        if not (self.seen or self.seen_versions):
            means = (
                "as far as this folder of runs tells, no result of the idea could pick it, and then"
                " the guarantee holds on average over how lucky the baseline was with these"
            )
            return [*lines, f"{line}: {means}"]
        means = (
            "if the idea was picked by them, the evidence is too strong, since the guarantee is for"
            " seeds that had not been looked at"
        )
        if self.standing.seeds.get(AGAIN):
            means += ", as those that confirm it"
        elif self.freshly:
            means += f"; by fresh seeds alone: {self.freshly} (in Python fresh=True)"
        return [*lines, f"{line}: {means}"]

    def difference(self, stage: str = TASK) -> str:
        """The mean difference as it is printed, in the metric's own direction.

        Args:
            stage: as of `interval`.
        """
        measure, mean = self.standing.printed_measure(stage), self.interval(stage).mean
        return difference(measure, measure.sign * mean)

    def _line(self, stage: str) -> str:
        campaign, decided = self.standing.campaign, self.standing.decision(stage)
        measure, limits = campaign.measure_of(stage), self.standing.interval_text(stage)
        of = f"{measure.points} of {measure.name}" if measure.points else f"in {measure.name}"
        if measure.points and measure.points in measure.name:  # bits per character
            of = measure.name
        way = " (lower is better)" if measure.better == "lower" else ""
        result = (
            f"{self.standing.place_of(stage)}: {decided.verdict} after"
            f" {counted(decided.seeds, 'seed')}, {self.difference(stage)} {of}{way}"
        )
        kind = f"{100 * campaign.level:g} % interval, valid at any time of stopping"
        if not limits:
            return result
        why = "all that this test has not ruled out, so the mean difference need not be its middle"
        return f"{result}; {kind}: {limits}, {why}"

    def described(self) -> dict[str, Any]:
        """All of it as JSON can hold it; limits that are infinite are None."""
        campaign = self.standing.campaign
        stages = {}
        for stage in filter(self.standing.seeds.get, campaign.stages):
            decided, interval = self.standing.decision(stage), self.interval(stage)
            before = self.standing.before(stage)
            limits = [v if np.isfinite(v) else None for v in (interval.low, interval.high)]
            stages[stage] = {
                "task": campaign.task_of(stage),
                "verdict": decided.verdict,
                "seeds": decided.seeds,
                "metric": campaign.measure_of(stage).key,
                "improvement": interval.mean,
                "interval": limits,
                "seen": None if before is None else [len(before.idea), len(before.against)],
                "differences": self.standing.differences(stage)[: decided.seeds].tolist(),
            }
        return {
            "idea": self.idea,
            "entered_as": self.standing.entry["name"],
            "against": campaign.against,
            "task": campaign.task,
            "tune": campaign.settings.get(TUNE),
            "verdict": self.verdict,
            "seeds": self.seeds,
            "e_value": self.e_value,
            "e_value_worse": self.e_value_worse,
            "needed": self.needed,
            "level": self.standing.level,
            "position": self.standing.position,
            "seen": self.seen,
            "seen_against": self.seen_against,
            "seen_versions": self.seen_versions,
            "versions": list(self.standing.entry.get("versions", [])),
            "earlier": list(self.earlier),
            "fresh": self.standing.is_fresh,
            "confirmation": self._confirmed,
            "stages": stages,
            "notes": list(self.notes),
            "ledger": None if self.ledger.path is None else str(self.ledger.path),
            "head": self.ledger.head,
        }

    @property
    def _confirmed(self) -> dict[str, object] | None:
        """The confirmation as JSON can hold it."""
        if (made := self.confirmation) is None:
            return None
        mean, *limits = made.interval
        ends = [v if np.isfinite(v) else None for v in limits]
        numbers = {"seeds": made.seeds, "improvement": mean, "interval": ends}
        return {"verdict": made.verdict, **numbers}

    def figure(self) -> Any:
        """The evidence seed by seed, and the intervals that hold at any time."""
        from afnlab.figures.evidence import evidence  # noqa: PLC0415  (brings plotting)

        campaign, decided = self.standing.campaign, self.standing.decision()
        differences = self.standing.differences()[: decided.seeds]
        return evidence(
            differences,
            campaign.measure_of(TASK),
            against=campaign.against,
            needed=self.needed,
            margin=campaign.margin,
            level=campaign.level,
        )
