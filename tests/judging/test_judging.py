"""Ledgers of campaigns, how their entries stand, and their page."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from importlib import import_module
from multiprocessing import get_context
from types import SimpleNamespace

import numpy as np
import pytest

from afnlab import stats
from afnlab.cli import main
from afnlab.figures.style import INK
from afnlab.judging.campaign import AGAIN, OTHER, TASK, Campaign
from afnlab.judging.judgement import Judgement
from afnlab.judging.ledger import Ledger, _chained, merge
from afnlab.judging.ledger_page import write_page
from afnlab.judging.standings import Before
from afnlab.measures import ACCURACY, Measure
from afnlab.runs.seed_pairs import FRESH

LOSS = Measure(name="log loss", key="log_loss", better="lower", decimals=4, unit="nats")
CAMPAIGN = Campaign(task="digits-mlp", against="relu", measure=ACCURACY.described())
CONFIRMED = replace(CAMPAIGN, confirm="breast-cancer", confirm_measure=LOSS.described())


def pairs(effect, n=40, first=0, noise=0.01, sign=1, rng=0):
    """What two networks come to whose difference is so many times its standard deviation."""
    draws = np.random.default_rng(rng).normal(effect, 1, n) * noise * sign
    base = np.random.default_rng(rng + 1).uniform(0.4, 0.6, n)
    return {
        first + at: {"idea": float(b + d), "against": float(b), "lost": None, "run": ["a", "b"]}
        for at, (b, d) in enumerate(zip(base, draws, strict=True))
    }


def entered(ledger, name="idea", number=1.0):
    return ledger.enter(name, (number, 2.0)).entry["id"]


def filled(path, campaign=CAMPAIGN, effects=(0, 2, -2)):
    ledger = Ledger.begin(path, campaign)
    for at, effect in enumerate(effects):
        entry = entered(ledger, f"idea {at}", float(at))
        ledger.look(entry, TASK, pairs(effect, rng=at))
    return ledger


def looked(ledger):
    return [(e["entry"], e["stage"], e["seed"], e["idea"]) for e in ledger.events if "seed" in e]


def test_a_ledger_is_read_as_it_was_written(tmp_path):
    ledger = filled(tmp_path / "a.jsonl")
    again = Ledger.read(tmp_path / "a.jsonl")
    assert (again.campaign, again.events, again.head) == (CAMPAIGN, ledger.events, ledger.head)
    assert [one.verdict for one in again.standings] == ["open", "better", "worse"]
    assert again.holds(ledger.events[2]["sum"][:12])
    assert not again.holds("0" * 12)
    assert len(list(tmp_path.iterdir())) == 2  # the file, and the lock beside it


def edited(old, new):
    return lambda lines: [*lines[:3], lines[3].replace(old, new), *lines[4:]]


FAULTS = {
    "a value": (edited('"idea":', '"idea":1'), "line 4: has been changed since it was written"),
    "a name": (
        lambda lines: [line.replace("idea 1", "idea 7") for line in lines],
        "has been changed since it was written",
    ),
    "a seed is gone": (lambda ls: ls[:3] + ls[4:], "line 4: does not follow the line before it"),
    "an idea is gone": (
        lambda ls: [line for line in ls if '"idea 1"' not in line],
        "does not follow the line before it",
    ),
    "moved": (lambda ls: [*ls[:3], ls[4], ls[3], *ls[5:]], "does not follow the line before it"),
    "twice": (lambda ls: [*ls[:4], ls[3], *ls[4:]], "does not follow the line before it"),
    "cut off": (lambda ls: ls[:-1], "lines were cut off"),
    "all cut off": (lambda ls: ls[:1], "lines were cut off"),
    "another task": (
        lambda ls: [ls[0].replace("digits-mlp", "digits-cnn"), *ls[1:]],
        "line 2: does not follow the line before it",
    ),
    "another level": (
        lambda ls: [ls[0].replace('"level":0.95', '"level":0.5'), *ls[1:]],
        "line 2: does not follow the line before it",
    ),
    "half a line": (lambda ls: [*ls[:-1], ls[-1][:40]], "is no event of a ledger"),
    "settings are none": (
        lambda ls: [ls[0].replace('"settings":{}', '"settings":[]'), *ls[1:]],
        "does not describe a campaign",
    ),
    "no ledger": (lambda ls: ["{}"], "is no ledger of version 1"),
    "nothing": (lambda ls: [], "is no ledger of version 1"),
    "something else": (lambda ls: ["hello"], "a.jsonl: "),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_was_done_to_a_ledger_shows(case, tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    filled(path)
    change, said = FAULTS[case]
    path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))
    for words in (["ledger", "verify", str(path)], ["judge", "gelu", "--ledger", str(path)]):
        assert main(words) == 2
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1


def test_seeds_count_in_their_order_whatever_order_they_end_in():
    found, whole = pairs(1), Ledger(CAMPAIGN)
    whole.look(entered(whole), TASK, found)
    expected = looked(whole)
    assert len(expected) == stats.decide(whole.standings[0].differences()).seeds < 40
    for trial in range(5):
        ledger, rng = Ledger(CAMPAIGN), random.Random(trial)
        entry, seeds, arrived = entered(ledger), list(found), {}
        rng.shuffle(seeds)
        for seed in seeds:  # what has arrived is shown again and again, in any order
            arrived = {seed: found[seed], **arrived}
            ledger.look(entry, TASK, arrived)
        assert [one[1:] for one in looked(ledger)] == [one[1:] for one in expected]


def test_a_seed_is_looked_at_once(tmp_path):
    ledger = Ledger.begin(tmp_path / "a.jsonl", CAMPAIGN)
    entry = entered(ledger)
    ledger.look(entry, TASK, pairs(0.2, 5))
    before = looked(ledger)
    better = {s: {**p, "idea": p["idea"] + 1} for s, p in pairs(0.2, 6).items()}
    ledger.look(entry, TASK, better)
    assert looked(ledger)[:5] == before
    assert len(looked(ledger)) == 6
    assert entered(ledger, "under another name") == entry


def look_one_by_one(path, seen):
    ledger = Ledger.begin(path, CAMPAIGN)
    entry, found = entered(ledger), pairs(1)
    while (standing := ledger.standing(entry)).stage:
        ledger.look(entry, TASK, {standing.next_seed: found[standing.next_seed]})
        seen.release()


def test_a_judge_that_was_killed_goes_on_where_it_stopped(tmp_path):
    path, fork = tmp_path / "a.jsonl", get_context("fork")
    seen = fork.Semaphore(0)
    process = fork.Process(target=look_one_by_one, args=(path, seen))
    process.start()
    for _ in range(4):
        assert seen.acquire(timeout=60)
    process.kill()
    process.join()
    known = looked(Ledger.read(path))
    assert len(known) >= 4
    whole = Ledger(CAMPAIGN)
    whole.look(entered(whole), TASK, pairs(1))
    ledger = Ledger.begin(path, CAMPAIGN)
    ledger.look(entered(ledger), TASK, pairs(1))
    assert looked(ledger)[: len(known)] == known
    assert [one[1:] for one in looked(ledger)] == [one[1:] for one in looked(whole)]
    assert len(ledger.standings) == 1


def judge_six(path, first):
    for number in range(first, first + 6):
        ledger = Ledger.begin(path, CAMPAIGN)
        entry = entered(ledger, f"idea {number}", float(number % 9))
        for seed, found in pairs(0, 4, rng=number).items():
            ledger.look(entry, TASK, {seed: found})


def test_two_judges_write_one_ledger_at_once(tmp_path):
    path, fork = tmp_path / "a.jsonl", get_context("fork")
    made = [fork.Process(target=judge_six, args=(path, first)) for first in (0, 6)]
    for process in made:
        process.start()
    for process in made:
        process.join(60)
    assert [process.exitcode for process in made] == [0, 0]
    found = Ledger.read(path)
    assert len(found.standings) == 9  # ideas 9, 10 and 11 have the values of 0, 1 and 2
    assert all(len(one.differences()) == 4 for one in found.standings)
    levels = [one.level for one in found.standings]
    assert levels == [stats.e_lond(t, 0, 0.05) for t in range(1, 10)]


def test_levels_follow_from_the_entries_and_the_discoveries_before():
    ledger = filled(None, effects=(0, 3, 0, 3, 0))
    assert [one.is_discovery for one in ledger.standings] == [False, True, False, True, False]
    discoveries = [0, 0, 1, 1, 2]
    assert [one.level for one in ledger.standings] == [
        stats.e_lond(t, made, 0.05) for t, made in enumerate(discoveries, 1)
    ]
    for one in ledger.standings:
        assert one.is_discovery == (one.e_value >= 1 / one.level)
        assert one.stops_at == stats.e_lond(one.position, 0, 0.05)


def test_discoveries_of_others_move_no_time_of_stopping():
    """They lower what an idea needs after its last seed, and nothing before that."""
    counts = set()
    for others in ([0, 0, 0, 0], [3, 3, 3, 3]):
        ledger = filled(None, effects=others)
        standing = ledger.look(entered(ledger, "it", 50.0), TASK, pairs(1.1, rng=3))
        counts.add((standing.verdict, len(standing.differences())))
    assert len(counts) == 1
    few = replace(CAMPAIGN, most=20)
    verdicts = []
    for effect in (0, 5):
        ledger = filled(None, few, effects=[effect] * 4)
        standing = ledger.look(entered(ledger, "it", 50.0), TASK, pairs(0.9, rng=12))
        verdicts.append(standing.verdict)
        assert len(standing.differences()) == 20
        assert standing.needed == 1 / standing.level
    assert verdicts == ["open", "better"]


def test_ideas_may_have_seeds_of_their_own():
    ledger = Ledger(replace(CONFIRMED, own_seeds=True))
    for position in range(3):
        entry, first = entered(ledger, str(position), float(position)), 1000 * position
        assert ledger.standing(entry).next_seed == first
        standing = ledger.look(entry, TASK, pairs(2, first=first))
        assert standing.next_seed == FRESH + first
        assert [event["seed"] for event in standing.seeds[TASK]][:2] == [first, first + 1]
        standing = ledger.look(entry, AGAIN, pairs(2, first=FRESH + first, rng=4))
        assert standing.stage == OTHER
    with pytest.raises(ValueError, match="most must be a whole number"):
        replace(CONFIRMED, own_seeds=True, most=1001)


CONFIRMATIONS = {
    "on both": (2, 2, "improvement"),
    "not with fresh seeds": (0, 2, "not confirmed"),
    "not on the other task": (2, 0, "not confirmed"),
    "worse on the other task": (2, -2, "not confirmed"),
    "worse with fresh seeds": (-2, 2, "not confirmed"),
}


@pytest.mark.parametrize("case", CONFIRMATIONS)
def test_an_improvement_is_one_with_fresh_seeds_and_on_another_task(case):
    again, other, verdict = CONFIRMATIONS[case]
    ledger = Ledger(CONFIRMED)
    entry = entered(ledger)
    standing = ledger.look(entry, TASK, pairs(2))
    assert (standing.verdict, standing.stage) == ("being confirmed", AGAIN)
    assert standing.next_seed == FRESH
    assert not standing.is_discovery
    standing = ledger.look(entry, AGAIN, pairs(again, first=FRESH, rng=5))
    if standing.stage is not None:
        assert (standing.stage, standing.next_seed) == (OTHER, FRESH)
        standing = ledger.look(entry, OTHER, pairs(other, first=FRESH, sign=-1, rng=7))
    assert standing.verdict == verdict
    assert standing.stage is None
    assert standing.is_discovery == (verdict == "improvement")


def test_old_seeds_confirm_nothing():
    ledger = Ledger(CONFIRMED)
    entry = entered(ledger)
    ledger.look(entry, TASK, pairs(2))
    standing = ledger.look(entry, AGAIN, pairs(2))  # the seeds that have chosen it
    assert standing.stage == AGAIN
    assert not standing.seeds.get(AGAIN)


@pytest.mark.parametrize("measure", [ACCURACY, LOSS])
def test_better_is_what_the_metric_says(measure):
    campaign = replace(CAMPAIGN, measure=measure.described())
    for effect, verdict in ((2, "better"), (-2, "worse")):
        ledger = Ledger(campaign)
        entry = entered(ledger)
        assert ledger.look(entry, TASK, pairs(effect, sign=measure.sign)).verdict == verdict


def test_an_idea_that_always_diverges_is_worse():
    ledger = Ledger(replace(CAMPAIGN, measure=LOSS.described()))
    found = {s: {**p, "idea": None} for s, p in pairs(0).items()}
    assert ledger.look(entered(ledger), TASK, found).verdict == "worse"


def test_equivalence_needs_a_margin():
    for margin, verdict in ((0.02, "equivalent"), (None, "open")):
        ledger = Ledger(replace(CAMPAIGN, margin=margin))
        assert ledger.look(entered(ledger), TASK, pairs(0, rng=3)).verdict == verdict


REPLACED = {
    "by an earlier one": (lambda p: filled(p, effects=()), "no longer holds the entry"),
    "by another campaign": (lambda p: filled(p, CONFIRMED), "is the ledger of another campaign"),
    "by nothing": (lambda p: None, "is missing"),
}


@pytest.mark.parametrize("case", REPLACED)
def test_a_ledger_that_was_replaced_meanwhile_is_not_written(case, tmp_path):
    path = tmp_path / "a.jsonl"
    ledger = Ledger.begin(path, CAMPAIGN)
    entry = entered(ledger)
    path.unlink()
    replace_it, said = REPLACED[case]
    replace_it(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(ValueError, match=said):
        ledger.look(entry, TASK, pairs(1))
    assert (path.read_bytes() if path.exists() else None) == before


def forged(events, campaign=CAMPAIGN):
    """A ledger whose digests are right, by somebody who computes all of them anew."""
    ledger = Ledger(campaign)
    for event in events:
        bare = {n: v for n, v in event.items() if n not in ("previous", "sum")}
        ledger.events.append(_chained(bare, ledger.head))
    return ledger


FORGED = {
    "kind": {"event": ["seed"]},
    "entry": {"entry": 3},
    "of no entry": {"entry": "0" * 16},
    "seed": {"seed": -1},
    "seed is true": {"seed": True},
    "value": {"idea": "0.5"},
    "stage": {"stage": "another"},
    "run": {"run": "abc"},
    "time": {"at": None},
}


@pytest.mark.parametrize("case", FORGED)
def test_an_event_that_is_none_is_named_whatever_its_digest(case, tmp_path, capsys):
    events = filled(None).events
    at = next(i for i, event in enumerate(events) if event["event"] == "seed")
    ledger = forged([*events[:at], {**events[at], **FORGED[case]}, *events[at + 1 :]])
    ledger.path = tmp_path / "a.jsonl"
    ledger._write()
    for action in ("verify", "show"):
        assert main(["ledger", action, str(ledger.path)]) == 2
        told = capsys.readouterr().err
        assert f"line {at + 2}: is no event of a ledger" in told
        assert told.count("\n") == 1


FORGED_ENTRIES = {
    "fresh is no truth": {"fresh": "yes"},
    "before is no mapping": {"before": []},
    "the idea's alone": {"before": {"task": [[1]]}},
    "texts for seeds": {"before": {"task": [["a"], []]}},
}


@pytest.mark.parametrize("case", FORGED_ENTRIES)
def test_an_entry_that_is_none_is_named_whatever_its_digest(case, tmp_path):
    events = filled(None).events
    ledger = forged([{**events[0], **FORGED_ENTRIES[case]}, *events[1:]])
    ledger.path = tmp_path / "a.jsonl"
    ledger._write()
    with pytest.raises(ValueError, match="line 2: is no event of a ledger"):
        Ledger.read(ledger.path)


def test_an_entry_holds_the_seeds_that_it_may_use_and_that_were_trained_before():
    ledger = Ledger(replace(CAMPAIGN, own_seeds=True))
    for position, fresh in enumerate((None, FRESH + 5, FRESH + 5)):
        first = FRESH + 5 + 1000 * (position - 1) if fresh else 0
        seen = Before({first + 1, first + 2, first + 40}, {first})
        standing = ledger.enter(str(position), (position,), before={TASK: seen}, fresh=fresh)
        assert (standing.first(), standing.is_fresh) == (first, fresh is not None)
        assert standing.before() == (set(), set(), set())  # of none that are used
        standing = ledger.look(standing.entry["id"], TASK, pairs(2, first=first))
        assert standing.before() == ({first + 1, first + 2}, {first}, set())
    assert ledger.enter("old", (7.0,)).before() is None  # as of earlier versions


def test_an_entry_holds_which_seeds_an_earlier_version_had(tmp_path):
    ledger = Ledger.begin(tmp_path / "a.jsonl", CAMPAIGN)
    seen = Before(set(), {0}, {1, 2, 50})
    entry = ledger.enter("it", (1.0,), before={TASK: seen}, versions=["one.py:it"]).entry
    ledger.look(entry["id"], TASK, pairs(2))
    (standing,) = Ledger.read(tmp_path / "a.jsonl").standings
    assert standing.entry["versions"] == ["one.py:it"]
    assert standing.before() == (set(), {0}, {1, 2})
    made = Judgement("it", standing, ledger)
    assert (made.seen, made.seen_versions) == (0, 2)
    (said,) = [line for line in made.lines if "earlier version" in line]
    assert (
        "2 with what may be an earlier version of it, by its name or its values (one.py:it)" in said
    )


def test_the_time_that_may_be_left_is_told_where_seeds_were_trained():
    ledger = Ledger(CAMPAIGN)
    standing = ledger.look(entered(ledger), TASK, pairs(0, 8))
    said = []
    for seconds in (2.0, 0.001):
        import_module("afnlab.judging.judge")._log_standing(standing, TASK, seconds, said.append)
    plain = "idea on digits-mlp: open so far after 8 seeds"
    assert said == [f"{plain}; 64 s left at most, as the last went", plain]


def test_what_a_killed_judge_left_beside_a_ledger_does_not_stay(tmp_path):
    path = tmp_path / "a.jsonl"
    ledger = Ledger.begin(path, CAMPAIGN)
    (tmp_path / ".a.jsonl.part").write_text("half of a line")
    entered(ledger)
    assert len(Ledger.read(path).standings) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"a.jsonl", ".a.jsonl.lock"}


def test_a_page_is_never_written_over_its_ledger(tmp_path, capsys):
    ledger = filled(tmp_path / "a.jsonl", effects=())
    (tmp_path / "link.html").symlink_to(tmp_path / "a.jsonl")
    for name in ("a.jsonl", "link.html"):
        words = ["ledger", "page", str(ledger.path), "--out", str(tmp_path / name)]
        assert main(words) == 2
        assert "is the ledger itself" in capsys.readouterr().err
    assert Ledger.read(ledger.path).campaign == CAMPAIGN


def test_a_page_is_written_over_another_one_alone(tmp_path, capsys):
    ledger, page = filled(tmp_path / "a.jsonl", effects=()), tmp_path / "a.html"
    words = ["ledger", "page", str(ledger.path), "--out", str(page)]
    page.write_text("<!doctype html><title>Mine</title>")
    assert main(words) == 2
    assert "a.html: is no page of a ledger; name another file" in capsys.readouterr().err
    assert "Mine" in page.read_text()
    page.write_text("")
    assert main(words) == main(words) == 0
    assert "Ideas judged on" in page.read_text()


@pytest.mark.parametrize("digest", ["0" * 11, "0" * 65, "no digest, but long"])
def test_a_digest_is_one(digest, tmp_path, capsys):
    filled(tmp_path / "a.jsonl", effects=())
    assert main(["ledger", "verify", str(tmp_path / "a.jsonl"), "--holds", digest]) == 2
    assert "digest must be 12 to 64 hexadecimal digits" in capsys.readouterr().err


def test_seeds_that_were_trained_before_the_entry_are_told():
    ledger = Ledger(CAMPAIGN)
    ledger.enter("a", (1.0,), seen=8)
    ledger.enter("b", (2.0,))
    assert ["trained before it was entered" in line for line in ledger.lines[1:]] == [True, False]
    again = ledger.enter("c", (1.0,), seen=40)  # that is how it was when it was entered
    assert again.entry["seen"] == 8


def test_merged_ledgers_are_as_strict_as_one(tmp_path):
    one = filled(tmp_path / "a.jsonl", effects=(0, 0))
    shutil_copy = (tmp_path / "a.jsonl").read_bytes()
    (tmp_path / "b.jsonl").write_bytes(shutil_copy)
    for name, number in (("a", 10.0), ("b", 20.0), ("a", 30.0)):
        ledger = Ledger.read(tmp_path / f"{name}.jsonl")
        ledger.look(entered(ledger, f"{name} {number}", number), TASK, pairs(1.1, rng=int(number)))
    parts = [Ledger.read(tmp_path / f"{name}.jsonl") for name in "ab"]
    made = merge(parts, tmp_path / "c.jsonl")
    assert Ledger.read(tmp_path / "c.jsonl").events == made.events
    names = [s.entry["name"] for s in made.standings]
    assert names == ["idea 0", "idea 1", "a 10.0", "b 20.0", "a 30.0"]
    seen = {one[:3] for part in parts for one in looked(part)}
    assert {one[:3] for one in looked(made)} == seen
    assert len(looked(made)) == len(seen)
    alone = {s.entry["id"]: s.level for part in parts for s in part.standings}
    assert all(s.level <= 2 * alone[s.entry["id"]] for s in made.standings)
    assert merge(parts[::-1]).events == made.events
    assert merge([one]).events == one.events
    for bad, said in (
        ([*parts, Ledger(CONFIRMED)], "is the ledger of another campaign"),
        ([], "no ledgers"),
    ):
        with pytest.raises(ValueError, match=said):
            merge(bad)
    with pytest.raises(ValueError, match="is there already"):
        merge(parts, tmp_path / "c.jsonl")


def test_a_page_shows_every_idea(tmp_path):
    ledger = filled(tmp_path / "a.jsonl", effects=(2, 0, -2))
    entered(ledger, "<b>&", 77.0)
    page = write_page(ledger, tmp_path / "a.html").read_text()
    assert page.count("<tr>") == 5  # the head, and a row for every idea
    assert page.count("<svg") == 3  # all ideas, and the two that are better or open
    assert INK not in page  # a bitmap's: text has the page's own colour
    assert "&lt;b&gt;&amp;" in page
    assert ledger.head in page
    assert write_page(Ledger(CAMPAIGN), tmp_path / "b.html").read_text().count("<svg") == 0


RESTS_ON = {  # an effect and a margin: how the ledger, the verdict and the page say what decided
    "better": (3, None, "e-value for better: "),
    "worse": (-3, None, "e-value for worse: "),
    "open": (0, None, "e-value for better: "),
    "equivalent": (0, 0.02, "] within the margin of 2 points"),
    "worse, with a margin": (-3, 0.02, "e-value for worse: "),
}


@pytest.mark.parametrize("case", RESTS_ON)
def test_every_verdict_shows_the_evidence_that_it_rests_on(case, tmp_path):
    effect, margin, said = RESTS_ON[case]
    ledger = Ledger(replace(CAMPAIGN, margin=margin))
    standing = ledger.look(entered(ledger), TASK, pairs(effect, rng=3))
    assert standing.verdict == case.partition(",")[0]
    assert said in ledger.lines[1]
    way, value, needed = standing.evidence
    used = standing.differences()[: standing.decision().seeds]
    sign = -1 if way == "worse" else 1
    assert value == pytest.approx(np.exp(stats.log_evidence(sign * used)[-1]))
    assert (value >= needed) is (standing.verdict in ("better", "worse"))
    page = write_page(ledger, tmp_path / "a.html").read_text()
    assert f"<td>{way}</td>" in page.replace(' class="text"', "")
    assert f"{value:.3g}" in page
    evidence_line = next(t for t in Judgement("it", standing, ledger).lines if "evidence for" in t)
    assert standing.verdict == "open" or f"evidence for {standing.verdict}: " in evidence_line
    assert ("within the margin of 2 points" in evidence_line) is (case == "equivalent")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, " points of accuracy;"),
        ({"name": "bits per character", "unit": "bits"}, " bits per character;"),
        ({"name": "share within 50 points", "unit": ""}, " in share within 50 points;"),
    ],
)
def test_the_name_of_a_metric_is_no_unit(changes, said):
    ledger = Ledger(replace(CAMPAIGN, measure=ACCURACY.described() | changes))
    standing = ledger.look(entered(ledger), TASK, pairs(-3))
    (line,) = (t for t in Judgement("it", standing, ledger).lines if "after" in t)
    assert re.search(rf"worse after \d+ seeds, \N{{MINUS SIGN}}[\d.]+{said}", line), line


def test_the_digits_of_a_metric_that_states_none_follow_from_its_differences():
    small = Measure(name="error", key="error", better="lower", unit="m")
    ledger = Ledger(replace(CAMPAIGN, measure=small.described()))
    standing = ledger.look(entered(ledger), TASK, pairs(3, noise=1e-5))
    assert standing.printed_measure().decimals in (6, 7)
    (line,) = (t for t in Judgement("it", standing, ledger).lines if "after" in t)
    assert re.search(r"\+0\.0000\d+ m of error", line), line
    limits = standing.interval_text()
    assert limits == "" or re.fullmatch(r"\[[^0]0\.0000\d+, [^0]0\.0000\d+\]", limits), limits


def test_of_two_entries_of_one_function_the_one_that_ended_counts():
    """As two ledgers may hold that were merged; an open one might never go on."""
    parts = [Ledger(CAMPAIGN), Ledger(CAMPAIGN)]
    for part, seeds in zip(parts, (4, 40), strict=True):
        part.look(entered(part), TASK, pairs(-3, seeds))
    for order in (parts, parts[::-1]):
        merged = merge(order)
        assert len(merged.standings) == 2
        assert merged.find((1.0, 2.0), ()).verdict == "worse"
    assert parts[0].find((1.0, 2.0), ()).verdict == "open"
    assert parts[0].find((9.0, 2.0), ()) is None


def test_fresh_seeds_that_a_confirmation_has_trained_are_told():
    ledger = Ledger(CONFIRMED)
    entry = entered(ledger)
    ledger.look(entry, TASK, pairs(2))
    standing = ledger.look(entry, AGAIN, pairs(2, first=FRESH, rng=4))
    trained = {AGAIN: {FRESH, FRESH + 1, FRESH + 500}, OTHER: {FRESH}}
    stages = {
        stage: SimpleNamespace(confirmed=lambda its=its: its) for stage, its in trained.items()
    }
    (note,) = import_module("afnlab.judging.judge")._not_fresh(standing, stages)
    assert note == (
        "digits-mlp, fresh seeds: 2 seeds of these had a confirmation by afnlab confirm as well"
    )
