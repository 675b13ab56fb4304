"""What was said earlier of an idea, or of an earlier version of it: verdicts and confirmations.

Whoever is told "open", edits the function and is told "better" has looked twice. The second verdict
therefore says what the first one was. It is computed from the runs, since a judging without a
ledger leaves nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count, takewhile
from math import exp
from pathlib import Path

from afnlab import stats
from afnlab.compare.training_facts import Trained
from afnlab.judging.campaign import Campaign
from afnlab.judging.confirmed import confirmation_of
from afnlab.judging.kept_runs import KeptRun
from afnlab.judging.trained_before import before, judged_as
from afnlab.messages import counted
from afnlab.runs.seed_pairs import FRESH, differences, seed_pairs
from afnlab.runs.storage.record_schema import is_training


def judgings(
    kept: Iterable[KeptRun],
    groups: Sequence[str],
    versions: Mapping[str, str],
    firsts: Iterable[int],
    campaign: Campaign,
    start: datetime | None,
) -> list[str]:
    """The earlier judgings of an idea and of its versions, each with its verdict.

    Args:
        kept: the runs that there are.
        groups: of the idea and of the baseline.
        versions: what the earlier versions of the idea are called, by their group.
        firsts: the first seeds of the judging whose verdict is printed, which is none of these.
        campaign: what that one is judged by; the others did not record their level and margin.
        start: when it began; None: now.
    """
    runs = [one for one in before(kept, start) if is_training(one.record)]
    this_one = [judged_as(groups, first) for first in firsts]
    its = {groups[0], *versions}
    marks = {
        (folder, said["idea"], said["baseline"], said["first"]): None
        for folder, record in runs
        if (said := record.get("judged")) is not None
        and said["idea"] in its
        and said not in this_one
    }
    by_group = {(folder, r["group"]): Trained.of_record(r) for folder, r in runs}
    texts = (
        text
        for folder, idea, baseline, first in marks
        if (one := by_group.get((folder, idea))) and (other := by_group.get((folder, baseline)))
        for text in _verdict(folder, one, other, first, versions.get(idea, one.label), campaign)
    )
    return [*dict.fromkeys(texts)]


def _verdict(
    folder: Path, idea: Trained, against: Trained, first: int, name: str, campaign: Campaign
) -> Iterator[str]:
    """What the evidence was, in words; nothing where no pair of seeds is left that compares."""
    try:
        pairs = seed_pairs(folder, idea, against)
    except ValueError:  # of other data, say, as the comparison of these runs says
        return
    used = [pairs[seed] for seed in takewhile(pairs.__contains__, count(first))][: campaign.most]
    if not used:
        return
    gains = differences(used, idea.measure)
    decided = stats.decide(gains, margin=campaign.margin, level=campaign.level)
    e_value = exp(float(stats.log_evidence(gains[: decided.seeds])[-1]))
    seeds = counted(decided.seeds, "fresh seed" if first >= FRESH else "seed")
    yield (
        f"{name} against {against.label}: {decided.verdict} after {seeds}"
        f" (e-value for better: {e_value:.3g})"
    )


def confirmations(runs: str | Path | None, versions: Mapping[str, str], baseline: str) -> list[str]:
    """What `afnlab confirm` said of earlier versions of an idea.

    Args:
        runs: the folder of runs.
        versions: what they are called, by their group.
        baseline: the group of the baseline.
    """
    made = ((name, confirmation_of(runs, (group, baseline))) for group, name in versions.items())
    return [f"{name}, by afnlab confirm: {one.text}" for name, one in made if one is not None]
