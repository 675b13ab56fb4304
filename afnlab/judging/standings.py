"""How the entries of a ledger stand; all of it follows from the events, none of it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, log
from typing import Any, NamedTuple

import numpy as np

from afnlab import digits, stats
from afnlab.compare import formatting
from afnlab.judging.campaign import TASK, Campaign
from afnlab.measures import Measure
from afnlab.runs.seed_pairs import FRESH, differences

ENTRY, SEED = "entry", "seed"  # the kinds of events
BETTER, WORSE, EQUIVALENT, OPEN = "better", "worse", "equivalent", "open"
IMPROVEMENT, UNCONFIRMED, BEING_CONFIRMED = "improvement", "not confirmed", "being confirmed"


class Before(NamedTuple):
    """Seeds that had been trained before a judging began.

    Attributes:
        idea: of the idea.
        against: of the baseline.
        versions: of what may be an earlier version of the idea, and not of it as it is.
    """

    idea: Set[int]
    against: Set[int]
    versions: Set[int] = frozenset()


def offset(stage: str) -> int:
    """How far the seeds of a stage lie behind those of the task."""
    return 0 if stage == TASK else FRESH


class Evidence(NamedTuple):
    """An e-value, and what of.

    Attributes:
        way: "better" or "worse".
        e_value: of the seeds up to where the trial stopped.
        needed: the e-value that decides.
    """

    way: str
    e_value: float
    needed: float


@dataclass
class Standing:
    """An idea in a campaign.

    Attributes:
        campaign: what it is judged by.
        entry: the event with which it was entered.
        position: which entry of the ledger it is, from 1.
        level: the significance level of "better", fixed when it was entered.
        stops_at: the level at which "better" ends the trial before all seeds are there. It follows
            from the position alone. An e-value at a time of stopping that followed from other ideas
            would be none, since these share the baseline.
        seeds: what was found with each seed of a stage, in the order of the seeds.
    """

    campaign: Campaign
    entry: Mapping[str, Any]
    position: int
    level: float
    stops_at: float
    seeds: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    def differences(self, stage: str = TASK) -> np.ndarray:
        """Idea minus baseline, seed by seed; above 0 is better, whatever the metric's direction."""
        return differences(self.seeds.get(stage, ()), self.campaign.measure_of(stage))

    def decision(self, stage: str = TASK) -> stats.Decision:
        """What a stage has decided, and after how many of its seeds."""
        paired, campaign = tuple(self.differences(stage).tolist()), self.campaign
        level = self.stops_at if stage == TASK else None
        decided = _decided(paired, campaign.margin_of(stage), campaign.level, level)
        if stage == TASK and decided == (OPEN, campaign.most):
            enough = stats.log_evidence(paired)[-1] >= -log(self.level)
            return decided._replace(verdict=BETTER) if enough else decided
        return decided

    @property
    def stage(self) -> str | None:
        """The stage that needs further seeds; None if everything is decided, or has its most."""
        for stage in self.campaign.stages:
            decided = self.decision(stage)
            if decided.verdict == OPEN:
                return None if self._count(stage) >= self.campaign.most else stage
            if decided.verdict != BETTER:
                return None
        return None

    def _count(self, stage: str) -> int:
        return len(self.seeds.get(stage, ()))

    @property
    def next_seed(self) -> int:
        """The seed that comes next in the stage that needs one."""
        stage = self.stage or TASK
        return self.first(stage) + self._count(stage)

    @property
    def is_fresh(self) -> bool:
        """Whether the seeds of the task were chosen so that they have picked nothing."""
        return bool(self.entry.get("fresh"))

    def place_of(self, stage: str = TASK) -> str:
        """The task of a stage, and with which seeds, in words."""
        place = self.campaign.place_of(stage)
        return f"{place}, fresh seeds" if self.is_fresh and stage == TASK else place

    def first(self, stage: str = TASK) -> int:
        """The first seed of a stage."""
        return int(self.entry["first"]) + offset(stage)

    def before(self, stage: str = TASK) -> Before | None:
        """The seeds of a stage that are used here, and had been trained before it was entered.

        None: nothing is known of it, as in ledgers of earlier versions.
        """
        if "before" not in self.entry:
            return None
        used = {pair["seed"] for pair in self.seeds.get(stage, ())[: self.decision(stage).seeds]}
        lists = self.entry["before"].get(stage, ((), ()))
        return Before(*(used.intersection(one) for one in lists))

    @property
    def verdict(self) -> str:
        """One of "better", "worse", "equivalent" and "open".

        Of a campaign that confirms what is better, "improvement", "not confirmed" or "being
        confirmed" stand in place of "better".
        """
        first = self.decision().verdict
        if first != BETTER or not self.campaign.confirm:
            return first
        later = [self.decision(stage).verdict for stage in self.campaign.stages[1:]]
        if all(verdict == BETTER for verdict in later):
            return IMPROVEMENT
        return UNCONFIRMED if self.stage is None else BEING_CONFIRMED

    @property
    def is_discovery(self) -> bool:
        """Whether it counts among the discoveries, whose false ones are few."""
        return self.verdict == (IMPROVEMENT if self.campaign.confirm else BETTER)

    @property
    def needed(self) -> float:
        """The e-value that "better" takes: to end the trial, or after all seeds."""
        whole = self._count(TASK) >= self.campaign.most
        return 1 / (self.level if whole else self.stops_at)

    @property
    def evidence(self) -> Evidence:
        """That on which the verdict rests: for "worse" if it is that, else for "better"."""
        if self.decision().verdict == WORSE:
            return Evidence(WORSE, self.e_value_worse, self.needed_worse)
        return Evidence(BETTER, self.e_value, self.needed)

    @property
    def evidence_text(self) -> str:
        """That on which the verdict rests, in words."""
        if self.decision().verdict == EQUIVALENT:
            return f"{self.interval_text()} within the margin of {self.margin_text}"
        return "e-value for {}: {:.3g}, {:.3g} needed".format(*self.evidence)

    @property
    def margin_text(self) -> str:
        """The margin as it is printed; an empty text if there is none."""
        margin = self.campaign.margin
        return "" if margin is None else formatting.margin(self.campaign.measure_of(TASK), margin)

    def printed_measure(self, stage: str = TASK) -> Measure:
        """What a stage is judged by, with the decimals that its differences need."""
        measure, (mean, low, high) = self.campaign.measure_of(stage), self.interval(stage)
        used = self.differences(stage)[: self.decision(stage).seeds]
        spread = float(used.std(ddof=1)) if len(used) > 1 else 0.0
        return digits.to_spread(
            measure, [spread, *map(float, digits.of_interval(low, high))], abs(mean)
        )

    def interval_text(self, stage: str = TASK) -> str:
        """The interval of a stage as it is printed; an empty text where it has no limits."""
        measure, (_, low, high) = self.printed_measure(stage), self.interval(stage)
        if not np.isfinite([low, high]).all():
            return ""
        return formatting.interval(measure, *sorted((measure.sign * low, measure.sign * high)))

    def interval(self, stage: str = TASK) -> stats.Interval:
        """The mean difference of a stage, and limits that hold at any time of stopping."""
        used = self.differences(stage)[: self.decision(stage).seeds]
        if not len(used):
            return stats.Interval(np.nan, -np.inf, np.inf)
        low, high = stats.confidence_sequence(used, self.campaign.level)[-1]
        return stats.Interval(float(used.mean()), float(low), float(high))

    @property
    def e_value(self) -> float:
        """Of "better" on the task, where it stopped."""
        return self._e_value(1)

    @property
    def e_value_worse(self) -> float:
        """Of "worse" on the task, where it stopped."""
        return self._e_value(-1)

    @property
    def needed_worse(self) -> float:
        """The e-value that "worse" takes, for every idea by itself."""
        return 2 / stats.alpha(self.campaign.level)

    def _e_value(self, sign: int) -> float:
        used = sign * self.differences()[: self.decision().seeds]
        return exp(float(stats.log_evidence(used)[-1])) if len(used) else 1.0


@lru_cache(1 << 15)  # of seeds that are looked at again and again nothing is computed twice
def _decided(
    values: tuple[float, ...], margin: float | None, level: float, better_at: float | None
) -> stats.Decision:
    return stats.decide(values, margin=margin, level=level, better_at=better_at)


def standings(campaign: Campaign, events: Sequence[Mapping[str, Any]]) -> list[Standing]:
    """How the entries stand after these events, in their order.

    The level of an entry follows from its position and from the discoveries that stood in the
    ledger when it was entered; see `afnlab.stats.e_lond`.
    """
    by_entry: dict[str, Standing] = {}
    discoveries: set[str] = set()
    changed: set[str] = set()  # entries with seeds since discoveries were counted
    for event in events:
        if event["event"] == SEED:
            by_entry[event["entry"]].seeds.setdefault(event["stage"], []).append(event)
            changed.add(event["entry"])
            continue
        for entry in changed:
            (discoveries.add if by_entry[entry].is_discovery else discoveries.discard)(entry)
        changed.clear()
        position, rate = len(by_entry) + 1, stats.alpha(campaign.level)
        level, stops_at = (stats.e_lond(position, n, rate) for n in (len(discoveries), 0))
        by_entry[event["id"]] = Standing(campaign, event, position, level, stops_at)
    return list(by_entry.values())
