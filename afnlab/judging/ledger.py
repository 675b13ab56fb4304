"""The ledger of a campaign: one file, to which lines are added and from which none disappears.

The first line holds the campaign, how many events follow, and the digest of the last. Every event
holds the digest of the one before and of itself. So a line that was edited, removed, moved or cut
off shows. It does not show to somebody who computes all digests anew, unless the last one was
noted elsewhere; every verdict prints it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from afnlab import locks, stats
from afnlab.errors import ParameterError
from afnlab.judging.campaign import BLOCK, Campaign, same_values
from afnlab.judging.ledger_events import Event, is_event
from afnlab.judging.references import moved
from afnlab.judging.standings import ENTRY, SEED, Before, Standing, offset, standings
from afnlab.messages import counted
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.identity import canonical
from afnlab.runs.storage import safe_files
from afnlab.usercode.lookup import expanded

VERSION = 1
LARGEST = 1 << 28  # bytes of a ledger that is read
_DIGEST = re.compile("[0-9a-f]{12,64}")
_CHAIN = ("previous", "sum")


class Ledger:
    """The events of a campaign, in a file, or in memory alone.

    Attributes:
        campaign: what all ideas are judged by.
        path: the file; None: there is none.
        events: the entries and seeds, in their order.
    """

    def __init__(
        self, campaign: Campaign, events: Sequence[Event] = (), path: Path | None = None
    ) -> None:
        self.campaign, self.events, self.path = campaign, list(events), path

    @classmethod
    def read(cls, path: str | Path) -> Ledger:
        """The ledger in a file.

        Args:
            path: the file.

        Raises:
            ValueError: if it is none, or if a line was edited, removed, moved or cut off; the
                message names the first.
        """
        where = ledger_file(path)
        lines = safe_files.read(where, LARGEST).splitlines()
        try:
            head = safe_files.parse_json(lines[0]) if lines else {}
            if not isinstance(head, dict) or head.get("ledger") != VERSION:
                raise ValueError(f"is no ledger of version {VERSION}")
            campaign = Campaign.read(head.get("campaign", {}))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{where}: {error}") from None
        events = list(_verified(where, campaign, lines[1:]))
        last = _last(campaign, events)
        if (head.get("events"), head.get("head")) != (len(events), last):
            raise ValueError(
                f"{where}: ends at event {len(events)} with {last[:12]}, and its first line says"
                f" {head.get('events')} with {str(head.get('head'))[:12]}; lines were cut off or"
                " added by another program"
            )
        return cls(campaign, events, where)

    @classmethod
    def begin(cls, path: str | Path | None, campaign: Campaign) -> Ledger:
        """The ledger of a campaign: that in the file, if there is one, else a new one.

        Args:
            path: the file; None: it is kept in memory alone.
            campaign: what the ideas are to be judged by.

        Raises:
            ValueError: if the file holds the ledger of another campaign, or none.
        """
        if path is None:
            return cls(campaign)
        where = ledger_file(path)
        with _locked(where):
            if not os.path.lexists(where):
                made = cls(campaign, [], where)
                made._write()
                return made
        ledger = cls.read(where)
        ledger.campaign.require(campaign, where)
        return ledger

    @property
    def folder(self) -> Path:
        """The folder by which its campaign refers to files; without a file, the working folder."""
        return Path.cwd() if self.path is None else self.path.parent

    @property
    def head(self) -> str:
        """The digest of the last event, which covers all before it."""
        return _last(self.campaign, self.events)

    @property
    def standings(self) -> list[Standing]:
        """The standings of all entries."""
        return standings(self.campaign, self.events)

    @property
    def lines(self) -> list[str]:
        """The campaign and its ideas, as text."""
        campaign, ideas = self.campaign, self.standings
        share = f"{100 * stats.alpha(campaign.level):g} %"
        confirmed = f", to be confirmed on {campaign.confirm}" if campaign.confirm else ""
        head = f"{campaign.task} against {campaign.against}{confirmed}"
        discoveries = sum(one.is_discovery for one in ideas)
        title = f"{head}: {counted(len(ideas), 'idea')}, discoveries: {discoveries}"
        width = max((len(one.entry["name"]) for one in ideas), default=0)
        rows = (
            f"{one.position:4}  {one.entry['name']:{width}}  {one.verdict:15}"
            f"  {counted(one.decision().seeds, 'seed'):>9}"
            f"  {one.evidence_text}{_seen(one)}"
            for one in ideas
        )
        return [f"{title} (expected to be false: {share} of them at most)", *rows]

    def holds(self, digest: str) -> bool:
        """True if it has the event of a digest, which may be abbreviated to 12 digits.

        Args:
            digest: as a verdict printed it.

        Raises:
            ValueError: for what is no digest.
        """
        if not _DIGEST.fullmatch(digest):
            raise ParameterError("digest", digest, "12 to 64 hexadecimal digits")
        known = (_root(self.campaign), *(event["sum"] for event in self.events))
        return any(total.startswith(digest) for total in known)

    def standing(self, entry: str) -> Standing:
        """The standing of one entry.

        Args:
            entry: its id.

        Raises:
            ValueError: if it is not in the ledger.
        """
        for one in self.standings:
            if one.entry["id"] == entry:
                return one
        raise ValueError(
            f"{self.path}: no longer holds the entry {entry}; the file was replaced by an earlier"
            " or another one"
        )

    def find(self, values: tuple[float, ...], trainable: Sequence[str]) -> Standing | None:
        """The entry of a function, whatever its name.

        Of several, as two ledgers that were merged may hold, it is the first that has ended.

        Args:
            values: of the function, see `campaign.values_of`.
            trainable: the names of its trained parameters.
        """
        same = [one for one in self.standings if _is(one.entry, values, trainable)]
        return min(same, key=lambda one: one.stage is not None, default=None)

    def enter(
        self,
        name: str,
        values: tuple[float, ...],
        trainable: Sequence[str] = (),
        code: Mapping[str, Sequence[str]] = {},
        seen: int = 0,
        before: Mapping[str, Before] | None = None,
        fresh: int | None = None,
        versions: Sequence[str] = (),
    ) -> Standing:
        """Enter an idea before its first seed; the entry that is there, if its function is known.

        Args:
            name: what it is called.
            values: of the function, see `campaign.values_of`.
            trainable: the names of its trained parameters.
            code: for each stage the groups of runs of the idea and of the baseline.
            seen: how many of its seeds had been trained before, so that somebody may know them.
            before: for each stage which seeds of both had been, of which those that it may use are
                kept; None: that is not known.
            fresh: the first seed, where they are chosen so that they have picked nothing.
            versions: what may be earlier versions of it that were trained are called.

        Returns:
            The standing of the entry.
        """
        event: Event = {
            "event": ENTRY,
            "name": name,
            "values": list(values),
            "trainable": list(trainable),
            "code": {stage: list(groups) for stage, groups in code.items()},
            "seen": seen,
        }
        with self._renewed():
            known = self.find(values, trainable)
            if known is not None:
                return known
            number = str(len(self.events))
            separate = self.campaign.own_seeds
            event["first"] = BLOCK * len(self.standings) if separate else 0
            if fresh is not None:
                taken = (one.first() + BLOCK for one in self.standings if one.is_fresh and separate)
                event |= {"first": max([fresh, *taken]), "fresh": True}
            if before is not None:
                event["before"] = self._may_use(event["first"], before)
            if versions:
                event["versions"] = list(versions)
            event["id"] = digest(number, self.head, canonical(event), _now())[:16]
            self._add(event)
            self._write()
        return self.standing(event["id"])

    def look(self, entry: str, stage: str, results: Mapping[int, Mapping[str, Any]]) -> Standing:
        """Record what was found with further seeds, in their order, until the stage is decided.

        A seed that is recorded stays as it is. Those that are not the next one, or come after the
        decision, are not recorded: whatever order they were trained in, the verdict is the same.

        Args:
            entry: the id of the entry.
            stage: which stage the seeds belong to.
            results: by seed: `idea`, `against` (None where not finite), `lost` and `run`.

        Returns:
            The standing afterwards.
        """
        with self._renewed():
            standing = self.standing(entry)
            while standing.stage == stage and standing.next_seed in results:
                seed = standing.next_seed
                event = {"event": SEED, "entry": entry, "stage": stage, "seed": seed}
                self._add({**event, **results[seed]})
                standing.seeds.setdefault(stage, []).append(self.events[-1])
            self._write()
        return standing

    def _may_use(self, first: int, before: Mapping[str, Before]) -> dict[str, list[list[int]]]:
        """Of seeds that had been trained before, by stage, those that an entry may use."""
        may = {stage: range(s := first + offset(stage), s + self.campaign.most) for stage in before}
        return {
            stage: [sorted(seed for seed in seeds if seed in may[stage]) for seeds in lists]
            for stage, lists in before.items()
        }

    def _add(self, event: Event) -> None:
        self.events.append(_chained({"at": _now(), **event}, self.head))

    @contextmanager
    def _renewed(self) -> Iterator[None]:
        """Within it the file is ours, and the events are those that are in it."""
        if self.path is None:
            yield
            return
        with _locked(self.path):
            ledger = Ledger.read(self.path)
            ledger.campaign.require(self.campaign, self.path)
            self.campaign, self.events = ledger.campaign, ledger.events
            yield

    def _write(self) -> None:
        if self.path is None:
            return
        head = {"ledger": VERSION, "campaign": self.campaign.described()}
        header = {**head, "events": len(self.events), "head": self.head}
        text = "".join(f"{canonical(line)}\n" for line in (header, *self.events))
        part = self.path.with_name(f".{self.path.name}.part")  # ours alone, by the lock
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        except OSError as error:
            raise ValueError(f"{self.path}: cannot be written ({error.strerror})") from None


def merge(ledgers: Iterable[Ledger], path: str | Path | None = None) -> Ledger:
    """Several ledgers of one campaign as one, in the order of time.

    Levels follow from the merged order. They are stricter than those of the parts, which together
    tested more ideas, so a verdict may turn back to "open". A seed that several hold counts as it
    was recorded first.

    Args:
        ledgers: they may share a beginning, or have none in common.
        path: the file to write, which must not be there; None: it is kept in memory alone.

    Returns:
        The merged ledger.

    Raises:
        ValueError: if they are not of one campaign, or the file is there.
    """
    parts = list(ledgers)
    if not parts:
        raise ValueError("there are no ledgers to merge")
    for other in parts[1:]:
        parts[0].campaign.require(other.campaign, parts[0].path)
    where = None if path is None else ledger_file(path)
    timed = []
    for number, part in enumerate(parts):
        latest = ""
        for at, event in enumerate(part.events):
            latest = max(latest, event["at"])  # a clock that was set back moves no event
            timed.append((latest, number, at, event))
    campaign = parts[0].campaign
    if where is not None:
        references = moved(campaign.references, parts[0].folder, where.parent)
        campaign = replace(campaign, references=references)
    merged = Ledger(campaign, [], where)
    seen: set[object] = set()
    for _, _, _, event in sorted(timed, key=lambda one: one[:3]):
        key = event["id"] if event["event"] == ENTRY else _key(event)
        if key not in seen:
            seen.add(key)
            bare = {name: value for name, value in event.items() if name not in _CHAIN}
            merged.events.append(_chained(bare, merged.head))
    if where is not None:
        with _locked(where):
            if os.path.lexists(where):
                raise ValueError(
                    f"{where}: is there already; name a new file for the merged ledger"
                )
            merged._write()
    return merged


def _seen(standing: Standing) -> str:
    count = standing.entry["seen"]
    return f"  {counted(count, 'seed')} trained before it was entered" if count else ""


def _key(event: Event) -> tuple[str, str, int]:
    return event["entry"], event["stage"], event["seed"]


def _is(
    entry: Event | Mapping[str, Any], values: tuple[float, ...], trained: Sequence[str]
) -> bool:
    return len(entry["trainable"]) == len(trained) and same_values(entry["values"], values)


def _verified(path: Path, campaign: Campaign, lines: Sequence[bytes]) -> Iterator[Event]:
    """The events of a file; ValueError, with the line, for the first that is not as it was."""
    previous = _root(campaign)
    entries: set[str] = set()
    seen: set[object] = set()
    for number, line in enumerate(lines, 2):
        where = f"{path}, line {number}"
        try:
            event = safe_files.parse_json(line)
            assert isinstance(event, dict)
            total = event.pop("sum", None)
        except (ValueError, AssertionError):
            raise ValueError(f"{where}: is no event of a ledger") from None
        if total != digest(canonical(event)):
            raise ValueError(f"{where}: has been changed since it was written")
        if event.get("previous") != previous:
            raise ValueError(
                f"{where}: does not follow the line before it; a line was removed, added or moved"
            )
        if not is_event(event, entries):
            raise ValueError(f"{where}: is no event of a ledger")
        key = event["id"] if event["event"] == ENTRY else _key(event)
        if key in seen:
            raise ValueError(f"{where}: is recorded twice")
        seen.add(key)
        if event["event"] == ENTRY:
            entries.add(event["id"])
        previous = total
        yield event | {"sum": total}


def _chained(event: Event, previous: str) -> Event:
    linked = {**event, "previous": previous}
    return {**linked, "sum": digest(canonical(linked))}


def _last(campaign: Campaign, events: Sequence[Event]) -> str:
    return str(events[-1]["sum"]) if events else _root(campaign)


def _root(campaign: Campaign) -> str:
    """What the first event follows."""
    return digest(canonical(campaign.described()))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def ledger_file(path: str | Path) -> Path:
    """The file that a path means; ValueError for a URL, where there are no locks.

    Args:
        path: as it was given.
    """
    if "://" in str(path):
        raise ValueError(f"{path}: a ledger must be a file of this machine, not a URL")
    return expanded(path).resolve()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Within it no other process writes this file; a lock that its holder's end releases."""
    beside = path.with_name(f".{path.name}{locks.SUFFIX}")
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise ValueError(f"{path}: cannot hold a ledger ({error.strerror})") from None
    try:
        locks.acquire(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)
