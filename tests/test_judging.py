"""Ledgers of campaigns, how their entries stand, and judgements of trained networks."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from fuzz.folders import SMALL, whole
from test_runs import rewrite

import afnlab
from afnlab import Param, activation, stats
from afnlab.cli import main
from afnlab.cli.flags import CANDIDATES
from afnlab.errors import ParameterError
from afnlab.figures.evidence import campaign, evidence
from afnlab.judging.campaign import AGAIN, OTHER, TASK, Campaign, same_values, values_of
from afnlab.judging.judgement import Judgement
from afnlab.judging.ledger import Ledger, _chained, merge
from afnlab.judging.ledger_page import write_page
from afnlab.judging.trained_pairs import TrainedPairs
from afnlab.judging.trial import Trial
from afnlab.measures import ACCURACY, Measure
from afnlab.runs import records
from afnlab.runs.seed_pairs import FRESH, differences
from afnlab.runs.sweeps.local_executor import Local
from afnlab.training.tune import FAIR

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


def pair(idea, against, lost=None):
    return {"idea": idea, "against": against, "lost": lost}


LOST = {
    "as chance": (ACCURACY, [pair(None, 0.9, 0.1)], [-0.8]),
    "as the worst bound": (LOSS, [pair(None, 0.5, 2.3), pair(0.5, None, 2.3)], [-1.8, 1.8]),
    "both": (LOSS, [pair(None, None, 2.3)], [0]),
    "as the worst so far": (
        LOSS,
        [pair(0.5, 0.4), pair(None, 0.3), pair(0.2, None), pair(None, 0.9), pair(9.0, 0.1)],
        [-0.1, -0.2, 0.3, 0, -8.9],
    ),
    "too far apart": (
        LOSS,
        [pair(1.5e308, -1.5e308), pair(-1.5e308, 1.5e308)],
        [-np.finfo(float).max, np.finfo(float).max],
    ),
    "both, before anything is known": (LOSS, [pair(None, None), pair(0.2, 0.3)], [0, 0.1]),
}


@pytest.mark.parametrize("case", LOST)
def test_what_is_not_finite_counts_as_worst_without_later_seeds(case):
    measure, given, expected = LOST[case]
    assert differences(given, measure) == pytest.approx(expected)
    for n in range(1, len(given)):
        assert differences(given[:n], measure) == pytest.approx(expected[:n])
    swapped = [pair(p["against"], p["idea"], p["lost"]) for p in given]
    assert differences(swapped, measure) == pytest.approx(-np.array(expected))


def test_an_idea_that_always_diverges_is_worse():
    ledger = Ledger(replace(CAMPAIGN, measure=LOSS.described()))
    found = {s: {**p, "idea": None} for s, p in pairs(0).items()}
    assert ledger.look(entered(ledger), TASK, found).verdict == "worse"


def test_equivalence_needs_a_margin():
    for margin, verdict in ((0.02, "equivalent"), (None, "open")):
        ledger = Ledger(replace(CAMPAIGN, margin=margin))
        assert ledger.look(entered(ledger), TASK, pairs(0, rng=3)).verdict == verdict


SAME = {
    "(x + abs(x)) / 2": lambda x: (x + x.abs()) / 2,
    "max(x, 0)": lambda x: torch.maximum(x, torch.zeros(())),
    "x * (x > 0)": lambda x: x * (x > 0),
    "sqrt(x^2) in halves": lambda x: x / 2 + x.square().sqrt() / 2,
}
OTHERS = {
    "leaky": lambda x: torch.where(x > 0, x, 1e-4 * x),
    "steeper": lambda x: 1.001 * x.relu(),
    "moved": lambda x: (x - 1e-3).relu(),
    "of the other sign": lambda x: (-x).relu(),
    "far out": lambda x: x.relu().clamp(max=5000),
}


def test_a_function_is_recognized_by_its_values():
    relu = values_of(torch.relu, {})
    for name, function in SAME.items():
        assert same_values(values_of(function, {}), relu), name
    for name, function in OTHERS.items():
        assert not same_values(values_of(function, {}), relu), name
    noisy = afnlab.get_activation("rrelu")
    assert values_of(noisy, {}) == values_of(noisy, {})
    ledger = Ledger(CAMPAIGN)
    first = ledger.enter("relu", relu)
    for function in SAME.values():
        assert ledger.enter("new", values_of(function, {})).entry["id"] == first.entry["id"]
    assert ledger.enter("new", relu, ["alpha"]).position == 2  # trained, it is another


class Straight(torch.autograd.Function):
    """ReLU with the slope of the identity."""

    @staticmethod
    def forward(ctx, x):
        return x.relu()

    @staticmethod
    def backward(ctx, grad):
        return grad


@activation(a=Param(1.0))
def factor(x, a):
    return a * x.relu()


@activation(b=Param(1.0))
def renamed(x, b):
    return b * x.relu()


@activation(a=Param(1.0))
def squared_factor(x, a):
    return a * a * x.relu()


DIFFER = {  # two functions, the names of what is trained, and whether they are one
    "another slope": (torch.relu, Straight.apply, (), False),
    "no slope on one side": (torch.abs, lambda x: torch.where(x < 0, -x.detach(), x), (), False),
    "nan and 0": (torch.relu, lambda x: x.relu() + 0 / (x > 0), (), False),
    "nan and infinity": (torch.log, lambda x: torch.where(x > 0, x.log(), -torch.inf), (), False),
    "nan in both": (torch.sqrt, lambda x: x**0.5, (), True),
    "a constant": (torch.ones_like, lambda x: x * 0 + 1, (), True),
    "a parameter with another name": (factor, renamed, ("a", "b"), True),
    "a parameter with another effect": (factor, squared_factor, ("a", "a"), False),
    "the same, untrained": (factor, squared_factor, (), True),
}


@pytest.mark.parametrize("case", DIFFER)
def test_a_function_is_also_how_it_is_trained(case):
    one, other, trained, same = DIFFER[case]
    pairs = zip((one, other), trained or ((), ()), strict=True)
    first, second = (values_of(function, {}, tuple(name)) for function, name in pairs)
    assert np.isfinite([*first, *second]).all()
    assert same_values(first, second) == same


FAILING = {
    "an error": (lambda x: x.no_such_thing(), "object has no attribute 'no_such_thing'"),
    "a number": (lambda x: 1.0, "cannot be evaluated"),
    "another shape": (lambda x: x[:3], "does not return a tensor of the shape of its input"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_function_that_fails_is_named(case):
    function, said = FAILING[case]
    with pytest.raises(ValueError, match="cannot be evaluated") as found:
        values_of(function, {})
    assert said in str(found.value)
    assert "\n" not in str(found.value)


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


OTHER_CAMPAIGNS = {
    "its task differs": {"task": "digits-cnn"},
    "its baseline differs": {"against": "gelu"},
    "its function of the baseline differs": {"values": (1.0,)},
    "its setting epochs differs": {"settings": {"epochs": 3}},
    "its metric differs": {"measure": LOSS.described()},
    "its metric of the other task differs": {"confirm_measure": LOSS.described()},
    "its margin differs": {"margin": 0.01},
    "its level differs": {"level": 0.9},
    "its number of seeds at most differs": {"most": 20},
    "its choice of own seeds differs": {"own_seeds": True},
    "its other task, for confirmation, differs": {"confirm": "breast-cancer"},
}


@pytest.mark.parametrize("said", OTHER_CAMPAIGNS)
def test_a_ledger_takes_ideas_of_one_campaign(said, tmp_path):
    filled(tmp_path / "a.jsonl", effects=())
    other = replace(CAMPAIGN, **OTHER_CAMPAIGNS[said])
    with pytest.raises(ValueError, match=f"ledger of another campaign; {said}"):
        Ledger.begin(tmp_path / "a.jsonl", other)


def test_a_page_shows_every_idea(tmp_path):
    ledger = filled(tmp_path / "a.jsonl", effects=(2, 0, -2))
    entered(ledger, "<b>&", 77.0)
    page = write_page(ledger, tmp_path / "a.html").read_text()
    assert page.count("<tr>") == 5  # the head, and a row for every idea
    assert page.count("<svg") == 3  # all ideas, and the two that are better or open
    assert "&lt;b&gt;&amp;" in page
    assert ledger.head in page
    assert write_page(Ledger(CAMPAIGN), tmp_path / "b.html").read_text().count("<svg") == 0


IDEAS = """
import torch
from afnlab import activation

@activation
def weak(x):
    return 0.02 * torch.tanh(x)

@activation
def weak_again(x):
    return torch.tanh(x) / 50

@activation
def disguised(x):
    return (x + x.abs()) / 2
"""


@pytest.mark.usefixtures("one_server")
def test_an_idea_is_judged_at_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text(IDEAS)
    words = ["judge", "my.py:weak", "--task", "breast-cancer", "--epochs", "3"]
    assert main([*words, "--ledger", "l.jsonl", "--json", "--figure", "f.svg"]) == 10
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["against"], found["seeds"]) == ("worse", "relu", 8)
    assert found["stages"]["task"]["interval"][1] < 0
    assert found["head"] == Ledger.read("l.jsonl").head
    assert (tmp_path / "f.svg").stat().st_size > 1000
    before = {r["id"] for r in records("runs")}
    assert len(before) == 2
    again = ["judge", "my.py:weak_again", "--ledger", "l.jsonl"]
    assert main(again) == 10
    assert "the same function was entered as my.py:weak" in capsys.readouterr().out
    assert {r["id"] for r in records("runs")} == before
    alone = afnlab.judge("my.py:weak", task="breast-cancer", epochs=3, report=lambda _: None)
    assert {r["id"] for r in records("runs")} == before  # every seed was there
    assert alone.described()["stages"] == found["stages"]
    assert found["seen"] == 0
    assert main([*words, "--ledger", "late.jsonl"]) == 10
    assert "8 seeds of it had been trained before it was entered" in capsys.readouterr().out
    assert main(["ledger", "show", "l.jsonl"]) == 0
    assert "my.py:weak  worse" in capsys.readouterr().out
    assert main(["ledger", "verify", "l.jsonl", "--holds", found["head"]]) == 0
    assert main(["ledger", "verify", "l.jsonl", "--holds", "0" * 64]) == 1
    capsys.readouterr()
    for refused, said in (
        (["my.py:disguised", "--task", "breast-cancer"], "is the baseline relu itself"),
        (["relu", "--task", "breast-cancer"], "relu is the baseline itself"),
        (["gelu", "--task", "digits-mlp", "--ledger", "l.jsonl"], "its task differs"),
        (["gelu", "--epochs", "4", "--ledger", "l.jsonl"], "its setting epochs differs"),
        (["gelu"], "name a task with --task (in Python task=), such as digits-mlp"),
        (["gelu", "--task", "digits-mpl"], "did you mean 'digits-mlp'"),
        (["glu", "--task", "digits-mlp"], "unknown activation 'glu'"),
        (["gelu", "--task", "digits-mlp", "--most", "0"], "most must be a whole number"),
        (["gelu", "--task", "digits-mlp", "--margin", "-1"], "margin must be"),
        (["gelu", "--task", "digits-mlp", "--level", "2"], "level must be"),
        (["gelu", "--task", "digits-mlp", "--confirm", "digits-mlp"], "another task"),
        (["gelu", "--task", "digits-mlp", "--figure", "f.gif"], "--figure must end in"),
        (["gelu", "--task", "digits-mlp", "-p", "size", "3"], "unknown parameter 'size'"),
    ):
        assert main(["judge", *refused]) == 2
        told = capsys.readouterr()
        assert said in told.err
        assert told.err.count("\n") == 1
    assert {r["id"] for r in records("runs")} == before


@pytest.mark.parametrize("measure", [ACCURACY, LOSS])
def test_the_figure_is_in_the_metrics_direction(measure):
    d = np.random.default_rng(0).normal(1, 1, 12)
    figure = evidence(d, measure, against="relu", margin=2.0)
    left, right = figure.axes
    points = next(line for line in right.lines if line.get_marker() == ".").get_ydata()
    assert points == pytest.approx(measure.sign * measure.scale * d)
    needed = [line.get_ydata()[0] for line in left.lines if len(set(line.get_ydata())) == 1]
    assert needed == [40, 40]
    assert evidence(d[:1], measure, against="relu").axes
    assert evidence(np.zeros(9), measure, against="relu").axes


@pytest.fixture
def untrained(monkeypatch, tmp_path):
    """Pairs of networks that are drawn, not trained; what was asked for."""
    asked = []

    def found(self, seeds):
        asked.append((self.task, dict(self.parameters), list(seeds)))
        drawn = pairs(3, 60, rng=5, sign=1 if self.task == "digits-mlp" else -1)
        return {seed: drawn[seed % 100] for seed in seeds}

    monkeypatch.setattr(TrainedPairs, "found", found)
    monkeypatch.chdir(tmp_path)
    return asked


@pytest.mark.usefixtures("untrained")
def test_an_improvement_is_found_by_three_trials(untrained, capsys):
    words = ["judge", "gelu", "--task", "digits-mlp", "--confirm", "breast-cancer", "--epochs", "2"]
    assert main([*words, "--ledger", "l.jsonl", "-p", "lr", "0.01"]) == 0
    told = capsys.readouterr().out
    assert "gelu against relu on digits-mlp: improvement" in told
    assert "digits-mlp, fresh seeds: better after" in told
    assert "breast-cancer, fresh seeds: better after" in told
    tasks = [task for task, _, _ in untrained]
    assert tasks == sorted(tasks, reverse=True)
    assert set(tasks) == {"digits-mlp", "breast-cancer"}
    for task, parameters, seeds in untrained:
        own = {"lr": 0.01, "epochs": 2} if task == "digits-mlp" else {}
        assert parameters == own
        assert len(seeds) == 8
    assert [seeds[0] for _, _, seeds in untrained] == [0, FRESH, FRESH]
    assert main(["judge", "gelu", "--ledger", "l.jsonl"]) == 0  # the rest is as the ledger has it
    assert len(untrained) == 3


def test_an_entry_goes_on_with_the_code_that_it_began_with(
    untrained, tmp_path, capsys, monkeypatch
):
    drawn = TrainedPairs.found

    def interrupted(self, seeds):
        if seeds[0]:
            raise KeyboardInterrupt
        return {
            seed: {**pair, "idea": 0.5, "against": 0.5} for seed, pair in drawn(self, seeds).items()
        }

    words = ["judge", "my.py:weak", "--task", "digits-mlp", "--ledger", "l.jsonl"]
    (tmp_path / "my.py").write_text(IDEAS)
    with monkeypatch.context() as patched:
        patched.setattr(TrainedPairs, "found", interrupted)
        assert main(words) == 130
    assert len(looked(Ledger.read("l.jsonl"))) == 8
    (tmp_path / "my.py").write_text(IDEAS.replace("0.02 * torch.tanh(x)", "torch.tanh(x) / 50"))
    capsys.readouterr()
    assert main(words) == 2
    told = capsys.readouterr().err
    assert "l.jsonl: entry 1, my.py:weak, is open after 8 seeds and was begun with other" in told
    assert "; go back to that, or judge the idea in another ledger" in told
    assert told.count("\n") == 1
    assert len(untrained) == 1
    assert main(["judge", "gelu", "--ledger", "l.jsonl"]) == 0  # other ideas are not held up
    del untrained[1:]
    (tmp_path / "my.py").write_text(IDEAS)
    assert main(words) == 0
    ledger = Ledger.read("l.jsonl")
    first = ledger.standings[0].entry["id"]
    seeds = [event[2] for event in looked(ledger) if event[0] == first]
    assert seeds == list(range(len(seeds)))
    assert [seeds[0] for _, _, seeds in untrained] == [0, *range(8, len(seeds), 8)]


CODE = "afnlab.training.engine"
CHANGED = {  # of the record of a run: what is said of it
    "code": ({"code": {CODE: "0" * 64}}, f"other code than there is now ({CODE}"),
    "a file of one's own": ({"code": {"/there/my.py": "0" * 64}}, "(/there/my.py"),
    "the device": ({"parameters": {"device": "cuda"}}, "another device ('cuda', here 'cpu')"),
    "the version": ({"versions": {"afnlab": "0.0.1"}}, "another afnlab (0.0.1, here "),
    "all of them": (
        {
            "code": {CODE: "0" * 64},
            "parameters": {"device": "cuda"},
            "versions": {"afnlab": "0.0.1"},
        },
        "and another afnlab (0.0.1, here ",
    ),
    "unknown": (None, "other code than there is now, of which "),
}


@pytest.mark.parametrize("case", CHANGED)
def test_what_keeps_an_entry_from_going_on_is_named(case, tmp_path):
    changes, said = CHANGED[case]
    runs = shutil.copytree(whole(), tmp_path / "runs")
    given = {name: value for name, value in SMALL.items() if name != "seeds"}
    own = {"trainable": True}
    pairs = TrainedPairs("digits-mlp", "srelu", "relu", own, given, Local(), runs)
    idea, against = pairs.specs()
    record = next(r for r in records(runs) if r["group"] == idea.group)
    if changes is not None:
        merged = {name: {**record[name], **value} for name, value in changes.items()}
        rewrite(runs / record["id"], group="ab" * 8, **merged)
    told = pairs.differ(["ab" * 8, against.group])
    assert said in told
    assert ("other code" in told) == ("code" in (changes or ["code"]))


DEVICES = {"given": ({"device": "cpu"}, {"device": "cpu"}), "not given": ({}, {})}


@pytest.mark.parametrize("tune", [0, 4])
@pytest.mark.parametrize("case", DEVICES)
def test_the_other_task_has_its_own_recipe_on_the_same_device(case, tune):
    conditions, expected = DEVICES[case]
    given = {**conditions, "epochs": 2}
    trial = Trial.of("gelu", None, "digits-mlp", "breast-cancer", None, tune, {"lr": 0.1}, given)
    stages = trial.stages(None, Local())
    parts = {stage: dict(pairs.parameters) for stage, pairs in stages.items()}
    tunings = [part.pop("tune", None) for part in parts.values()]
    assert tunings == [trial.tuning or None] * 3
    own = {"lr": 0.1, "epochs": 2, **expected}
    assert parts == {TASK: own, AGAIN: own, OTHER: expected}


RESTS_ON = {  # an effect and a margin: how the ledger, the verdict and the page say what decided
    "better": (3, None, "e-value for better: "),
    "worse": (-3, None, "e-value for worse: "),
    "open": (0, None, "e-value for better: "),
    "equivalent": (0, 0.02, "] within the margin of 2.00 points"),
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
    assert ("within the margin of 2.00 points" in evidence_line) is (case == "equivalent")


def test_the_figure_of_a_campaign_shows_what_was_decided_at_its_own_threshold():
    found = campaign([100, 3, 700], [40, 60, 80], [True, False, False], [False, False, True])
    (ax,) = found.axes
    drawn = {line.get_label(): line for line in ax.lines}
    assert drawn["worse: for worse"].get_xydata().tolist() == [[3, 700]]
    assert drawn["discovery: for better"].get_xydata().tolist() == [[1, 100]]
    assert drawn["other idea: for better"].get_xydata().tolist() == [[2, 3]]
    assert set(drawn["needed for worse"].get_ydata()) == {40}
    without = campaign([3.0], [40], [False], [False]).axes[0]
    assert not [line for line in without.lines if "worse" in line.get_label()]


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


MARGINS = {  # of a task as it is printed, and how it is stored
    ("digits-mlp", 0.5): 0.005,
    ("breast-cancer", 0.5): 0.5,
}


@pytest.mark.parametrize("case", MARGINS)
@pytest.mark.usefixtures("untrained")
def test_a_margin_is_in_the_unit_that_is_printed(case):
    task, margin = case
    found = afnlab.judge("gelu", task=task, margin=margin, ledger="l.jsonl", report=lambda _: None)
    assert found.standing.campaign.margin == MARGINS[case]
    again = afnlab.judge("mish", ledger="l.jsonl", report=lambda _: None)
    assert again.standing.campaign.margin == MARGINS[case]
    assert again.standing.position == 2


@pytest.mark.usefixtures("untrained")
def test_parameters_of_the_idea_are_its_own():
    made = afnlab.judge("srelu", "relu", "digits-mlp", params={"t": 1.5}, report=lambda _: None)
    assert made.idea == "srelu(t=1.5)"
    other = afnlab.judge("srelu", "srelu", "digits-mlp", params={"t": 1.5}, report=lambda _: None)
    assert other.standing.campaign.against == "srelu"
    with pytest.raises(ValueError, match="is the baseline"):
        afnlab.judge("srelu", "srelu", "digits-mlp", params={"t": 2.21}, report=lambda _: None)
    trained = afnlab.judge(
        "srelu", "srelu", "digits-mlp", params={"trainable": True}, report=lambda _: None
    )
    assert trained.standing.entry["trainable"]


def test_json_is_whole_however_long(untrained, monkeypatch, capsys):
    def found(_, seeds):
        signs = {seed: (-1) ** seed / 7 for seed in seeds}
        return {s: {"idea": v, "against": 0.0, "lost": None, "run": []} for s, v in signs.items()}

    monkeypatch.setattr(TrainedPairs, "found", found)
    assert main(["judge", "gelu", "--task", "digits-mlp", "--most", "240", "--json"]) == 12
    told = capsys.readouterr().out
    assert len(told) > 4000
    assert json.loads(told)["stages"]["task"]["differences"] == [1 / 7, -1 / 7] * 120
    assert untrained == []


@pytest.fixture
def drawn(untrained, monkeypatch):
    """A function that sets how much better the idea is than the baseline; nothing is trained."""

    def set_to(effect, sign=1):
        made = pairs(effect, 60, rng=5, sign=sign)
        monkeypatch.setattr(TrainedPairs, "found", lambda _, seeds: {s: made[s] for s in seeds})

    assert untrained == []
    return set_to


WORDS = {  # of a task, an effect, and whether higher is better: what a verdict says
    ("digits-mlp", 3, 1): ("better", " points of accuracy; 95 % interval, valid at any time of"),
    ("digits-mlp", -3, 1): ("worse", " points of accuracy; 95 % interval, valid at any time of"),
    ("breast-cancer", 3, -1): ("better", " log loss (lower is better); 95 % interval, valid at"),
    ("breast-cancer", -3, -1): ("worse", " log loss (lower is better); 95 % interval, valid at"),
}


@pytest.mark.parametrize("case", WORDS)
def test_a_verdict_names_its_numbers(case, drawn):
    (task, effect, sign), (verdict, said) = case, WORDS[case]
    drawn(effect, sign)
    found = afnlab.judge("gelu", task=task, report=lambda _: None)
    assert found.verdict == verdict
    assert said in found.lines[1]
    assert " stopping: [" in found.lines[1]
    used = found.standing.differences()[: found.seeds]
    e_values = {
        "better": np.exp(stats.log_evidence(used)[-1]),
        "worse": np.exp(stats.log_evidence(-used)[-1]),
    }
    made = found.described()
    assert (made["e_value"], made["e_value_worse"]) == pytest.approx(tuple(e_values.values()))
    evidence_line = f"evidence for {verdict}: an e-value of {e_values[verdict]:.3g}, 40 needed"
    assert evidence_line in found.lines
    assert e_values[verdict] >= 40


def test_worse_needs_no_more_in_a_long_ledger(drawn):
    words = {"task": "digits-mlp", "ledger": "l.jsonl", "report": lambda _: None}
    drawn(3)
    first, second = (afnlab.judge(name, **words) for name in ("gelu", "mish"))
    assert first.needed == pytest.approx(40)
    assert second.needed == pytest.approx(120)
    drawn(-3)
    third = afnlab.judge("tanh", **words)
    assert third.lines[3].startswith("evidence for worse: ")
    assert third.lines[3].endswith(", 40 needed")


def test_without_an_interval_none_is_printed(drawn):
    drawn(0)
    found = afnlab.judge("gelu", task="digits-mlp", most=2, report=lambda _: None)
    assert found.lines[1].endswith(" points of accuracy")
    assert found.lines[3].startswith("evidence for better: ")
    assert found.verdict == "open"


NEXT = {  # an effect, and what is given: what is to be done next
    (3, ()): "one task; --confirm TASK asks for an improvement on another one",
    (3, (("ledger", "l.jsonl"),)): "one task; --confirm TASK, with another ledger, asks for an",
    (3, (("confirm", "breast-cancer"),)): None,
    (-3, ()): None,
    (0, ()): None,
}


@pytest.mark.parametrize("case", NEXT)
def test_what_is_better_on_one_task_may_be_confirmed(case, drawn, monkeypatch):
    effect, given = case
    drawn(effect)
    if ("confirm", "breast-cancer") in given:
        made = pairs(effect, 60, rng=5)
        by_place = lambda _, seeds: {s: made[s % 100] for s in seeds}  # noqa: E731
        monkeypatch.setattr(TrainedPairs, "found", by_place)
    found = afnlab.judge("gelu", task="digits-mlp", report=lambda _: None, **dict(given))
    told = [line for line in found.lines if line.startswith("one task; ")]
    assert len(told) == (NEXT[case] is not None)
    assert all(line.startswith(NEXT[case]) for line in told)


BEGINNINGS = {
    "no tuning": ({}, "8 seeds at a time, 40 at most; each seed is 1 training of each"),
    "tuned": (
        {"tune": 8},
        "8 seeds at a time, 40 at most; each seed is about 18 trainings of each",
    ),
    "one selection seed": (
        {"tune": {"lr": [0.001, 0.01], "selection_seeds": 1}, "most": 20},
        "8 seeds at a time, 20 at most; each seed is about 4 trainings of each",
    ),
    "nothing to choose": (
        {"tune": {"lr": [0.01]}, "most": 1},
        "1 seed at a time, 1 at most; each seed is about 2 trainings of each",
    ),
}


@pytest.mark.parametrize("case", BEGINNINGS)
def test_what_begins_is_said_before_it_is_trained(case, untrained):
    (given, said), lines = BEGINNINGS[case], []

    def report(line):
        lines.append((len(untrained), line))

    afnlab.judge("gelu", task="digits-mlp", ledger="l.jsonl", report=report, **given)
    assert lines[0] == (0, f"gelu against relu on digits-mlp: {said}")
    assert lines[1][0] == 1
    lines.clear()
    afnlab.judge("gelu", ledger="l.jsonl", report=report)  # nothing is left to train
    assert lines == []


def test_every_stage_says_what_begins(untrained):
    lines = []
    afnlab.judge("gelu", task="digits-mlp", confirm="breast-cancer", report=lines.append)
    begun = [line.partition(":")[0] for line in lines if " at most; " in line]
    assert begun == [
        "gelu against relu on digits-mlp",
        "gelu against relu on digits-mlp, fresh seeds",
        "gelu against relu on breast-cancer, fresh seeds",
    ]
    assert len(untrained) == 3


def test_a_missing_task_is_asked_for():
    with pytest.raises(ParameterError, match=r"^name a task .*such as digits-mlp") as refused:
        afnlab.judge("gelu")
    assert refused.value.name == "task"


SPACE = {"lr": [0.001, 0.01], "selection_seeds": 1}
TUNINGS = {
    "a number of candidates": (4, {**FAIR, "budget": 4, "selection_seeds": 2}),
    "a mapping": (SPACE, SPACE),
    "none": (0, None),
}


@pytest.mark.parametrize("case", TUNINGS)
def test_both_may_be_tuned_at_every_seed(untrained, case):
    given, meant = TUNINGS[case]
    words = {"task": "digits-mlp", "confirm": "breast-cancer", "report": lambda _: None}
    found = afnlab.judge("gelu", tune=given, ledger="l.jsonl", **words)
    assert found.described()["tune"] == meant
    again = afnlab.judge("mish", ledger="l.jsonl", report=lambda _: None)  # as the ledger has it
    assert again.described()["tune"] == meant
    for task, parameters, _ in untrained:
        assert parameters == ({} if meant is None else {"tune": meant}), task
    assert {task for task, _, _ in untrained} == {"digits-mlp", "breast-cancer"}
    assert ("each tuned at every seed" in str(found)) is (meant is not None)
    with pytest.raises(ValueError, match="its setting tune differs"):
        afnlab.judge("swish", tune=3, ledger="l.jsonl", report=lambda _: None)


MIXED = {  # how a ledger was begun, and how another idea is then to be judged
    "tuned, then not": (4, 0),
    "not tuned, then tuned": (0, 4),
    "tuned, then among more": (4, 5),
    "tuned, then as usual": (4, 8),
    "tuned, then among others": (SPACE, {**SPACE, "lr": [0.001, 0.1]}),
    "tuned, then by more selection seeds": (SPACE, {**SPACE, "selection_seeds": 2}),
}


@pytest.mark.parametrize("case", MIXED)
def test_a_ledger_holds_what_is_tuned_alike(untrained, case, capsys):
    first, second = MIXED[case]
    words = {"task": "digits-mlp", "ledger": "l.jsonl", "report": lambda _: None}
    afnlab.judge("gelu", tune=first, **words)
    before = Path("l.jsonl").read_bytes()
    with pytest.raises(ValueError, match="its setting tune differs"):
        afnlab.judge("mish", tune=second, **words)
    if isinstance(second, int):
        assert main(["judge", "mish", "--ledger", "l.jsonl", "--tune", str(second)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert Path("l.jsonl").read_bytes() == before
    made = len(untrained)
    afnlab.judge("mish", tune=first, **words)
    assert len(untrained) > made
    assert [one.entry["name"] for one in Ledger.read("l.jsonl").standings] == ["gelu", "mish"]


REFUSED_TUNINGS = {
    "negative": ({"tune": -1}, "tune must be a number of candidates, 0 to 10000, or a mapping"),
    "too many": ({"tune": 10_001}, "tune must be a number of candidates, 0 to 10000"),
    "a part": ({"tune": 2.5}, "tune must be a number of candidates, 0 to 10000"),
    "true": ({"tune": True}, "tune must be a number of candidates"),
    "a text": ({"tune": "lr"}, "tune must be a number of candidates"),
    "an empty mapping": ({"tune": {}}, "tune must be a mapping that names a parameter"),
    "of the data": ({"tune": {"split": ["test"]}}, "split is set by the tuning"),
    "unknown": ({"tune": {"learning": [1, 2]}}, "unknown parameter 'learning'"),
    "fixed beside": ({"tune": SPACE, "params": {"lr": 0.1}}, "'lr' is given twice"),
    "twice": ({"tune": 2, "params": {"tune": SPACE}}, "tune is given twice"),
}


@pytest.mark.parametrize("case", REFUSED_TUNINGS)
def test_what_may_not_be_tuned(untrained, case):
    given, said = REFUSED_TUNINGS[case]
    with pytest.raises(ValueError, match=said):
        afnlab.judge("gelu", task="digits-mlp", ledger="l.jsonl", **given)
    assert untrained == []
    assert not Path("l.jsonl").exists()


@pytest.mark.usefixtures("one_server")
def test_a_tuned_idea_is_compared_at_what_it_chose(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["judge", "sigmoid", "--task", "breast-cancer", "--epochs", "2", "--most", "2"]
    space = '{"lr": [0.0001, 0.03], "selection_seeds": 1}'
    assert main([*words, "-p", "tune", space, "--json"]) == 12
    found = json.loads(capsys.readouterr().out)
    assert found["tune"] == json.loads(space)
    end = "breast-cancer: A quarter or more of the replicates chose lr at the high end"
    (note,) = [one for one in found["notes"] if one.startswith(end)]
    assert "sigmoid" in note
    run, other = (
        next(r for r in records("runs") if r["parameters"]["activation"] == a)
        for a in ("sigmoid", "relu")
    )
    chosen = afnlab.tune("breast-cancer", "sigmoid", json.loads(space), seeds=2, epochs=2)
    assert set(chosen.chosen.lr) == {0.03}
    plain = afnlab.tune("breast-cancer", "relu", json.loads(space), seeds=2, epochs=2)
    wanted = (plain.final.test_log_loss - chosen.final.test_log_loss).tolist()  # lower is better
    assert found["stages"]["task"]["differences"] == pytest.approx(wanted, abs=1e-6)
    assert run["parameters"]["tune"] == other["parameters"]["tune"] == json.loads(space)


REFUSED = {
    "-p task breast-cancer": "parameter 'task' cannot be set: the task is an argument of its own",
    "-p activation gelu": "parameter 'activation' cannot be set: the idea and the baseline",
    "-p seeds 3": "parameter 'seeds' cannot be set: seeds are added until",
    "-p epochs 3 --epochs 2": "epochs is given twice: 3 and 2",
    "-p limit_test 30 --limit-test 30": "limit_test is given twice",
    "--level 0.3": "level must be 0.5 to 0.999999, got 0.3",
    "--level 0.99999999999999": "level must be 0.5 to 0.999999, got 0.99999999999999",
    "--level nan": "level must be 0.5 to 0.999999, got nan",
    "--margin -1": "margin must be a finite number above 0, got -1.0",
    "--margin inf": "margin must be a finite number above 0, got inf",
    "--figure nowhere/f.svg": "--figure must be a file in a folder that is there",
    "--ledger s3://bucket/l.jsonl": "s3://bucket/l.jsonl: a ledger must be a file of this machine",
    "--ledger .": "is no plain file",
    "-p lr abc": "lr must be a number above 0, got 'abc'",
    "-p nothing 3": "unknown parameter 'nothing'",
}


@pytest.mark.parametrize("flags", REFUSED)
def test_bad_input_is_one_line_and_trains_nothing(flags, untrained, tmp_path, capsys):
    assert main(["judge", "gelu", "--task", "digits-mlp", *flags.split()]) == 2
    told = capsys.readouterr().err
    assert told.startswith("afnlab: ")
    assert REFUSED[flags] in told
    assert told.count("\n") == 1
    assert "sweep" not in told
    assert untrained == []
    assert not list(tmp_path.rglob("*.jsonl"))


def test_an_idea_that_fails_is_named(untrained, tmp_path, capsys):
    text = "from afnlab import activation\n\n@activation\ndef bad(x):\n    return x.nothing\n"
    (tmp_path / "my.py").write_text(text)
    assert main(["judge", "my.py:bad", "--task", "digits-mlp", "--ledger", "l.jsonl"]) == 2
    told = capsys.readouterr().err
    assert "my.py:bad cannot be evaluated: 'Tensor' object has no attribute 'nothing'" in told
    assert told.count("\n") == 1
    assert untrained == []
    assert not (tmp_path / "l.jsonl").exists()


def test_a_ledger_completes_what_is_given(untrained, capsys):
    words = ["judge", "gelu", "--task", "digits-mlp", "--ledger", "l.jsonl"]
    assert main([*words, "--epochs", "2", "-p", "lr", "0.01"]) == 0
    for given in (["--epochs", "2"], ["-p", "lr", "0.01"], []):
        assert main(["judge", "mish", "--ledger", "l.jsonl", *given]) == 0
    assert {tuple(sorted(parameters.items())) for _, parameters, _ in untrained} == {
        (("epochs", 2), ("lr", 0.01))
    }
    capsys.readouterr()
    assert main(["judge", "mish", "--ledger", "l.jsonl", "--epochs", "3"]) == 2
    assert "its setting epochs differs (2, here 3)" in capsys.readouterr().err


def test_the_flag_has_as_many_candidates_as_the_usual_tuning():
    """Which it cannot ask, since the command line's help loads no torch."""
    assert FAIR["budget"] == CANDIDATES
