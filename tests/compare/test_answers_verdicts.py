"""No sentence about a table contradicts a verdict in it, whatever verdicts stand together."""

from __future__ import annotations

import re
from functools import cache
from itertools import combinations, combinations_with_replacement

import pandas as pd
import pytest

from afnlab.compare.answers import answers
from afnlab.compare.headline import facts, sentence
from tests.compare.test_summary_table import rows, table

MARGIN = 0.02
EVEN = [0.01, -0.012, 0.013, -0.011, 0.012, -0.01, 0.014, -0.009]
GAPS = {  # to the baseline, seed by seed
    "better": [0.05 + g / 10 for g in EVEN],
    "worse": [-0.05 + g / 10 for g in EVEN],
    "equivalent": [g / 10 for g in EVEN],
    "not worse": [0.01 + g for g in EVEN],
    "not distinguishable": [10 * g for g in EVEN],
    "too few seeds": [0.05, 0.06, 0.07],
    "no pairs": [],
}
# Seeds that the baseline lacks, which move the mean and no difference.
ALONE = {"": [], "up": [0.9] * 16, "down": [0.1] * 16}
KINDS = [(verdict, alone) for verdict in GAPS for alone in ALONE if alone or verdict != "no pairs"]
BASE = [0.5 + 0.01 * (s % 3) for s in range(8)]
NAMES = ("aa", "bb", "cc")
OPEN = ("not distinguishable", "too few seeds")
CLAIMS = {  # what sentences say of a row: the verdicts with which that is true
    "better than": ["better"],
    "worse than": ["worse"],
    "equivalent to": ["equivalent"],
    "no worse than": ["not worse"],
    "not worse than": ["not worse"],
    "not distinguishable from": ["not distinguishable"],
    "not shown to be better or worse than": OPEN,
}
CLAIM = "|".join(sorted(CLAIMS, key=len, reverse=True))

LIMIT = r"(?: (?:within|by more than) [\d.]+ points)?"


@cache
def pair(verdict: str, alone: str) -> pd.DataFrame:
    """The baseline and a row of that verdict."""
    values = [b + g for b, g in zip(BASE, GAPS[verdict], strict=False)] + ALONE[alone]
    seeds = [*range(len(GAPS[verdict])), *range(50, 50 + len(ALONE[alone]))]
    made = table(rows("relu", BASE), rows("row", values, seeds=seeds), margin=MARGIN)
    assert made.verdict["row"] == verdict
    return made


def together(kinds) -> pd.DataFrame:
    """A table of such rows."""
    single = [pair(*kind) for kind in kinds]
    made = [one.loc[["row"]].set_axis([n]) for one, n in zip(single, NAMES, strict=False)]
    joined = pd.concat([single[0].loc[["relu"]], *made])
    return joined.sort_values("accuracy", ascending=False, kind="stable")


def check(made: pd.DataFrame) -> None:
    """Every claim of the sentences is the table's verdict, and no verdict of a row is left out."""
    verdicts = dict(made.verdict.drop("relu"))
    which = answers(made, "relu", 450, MARGIN)["Which?"]
    compared = [verdict for verdict in verdicts.values() if verdict != "no pairs"]
    said: dict[str, set[str]] = {name: set() for name in verdicts}
    leader = re.match(rf"(\w\w) has the highest .*?, (?:and|but) is ({CLAIM}) relu", which)
    singles = re.findall(rf"(?:^|\. )(\w\w) is ({CLAIM}) relu", which)
    for name, claim in [*([leader.groups()] if leader else []), *singles]:
        said[name].add(claim)
    for claim, listed in re.findall(rf"(?:is|are) ({CLAIM}) relu{LIMIT}: ([^;]*)", which):
        for name in re.findall(r"(\w\w) \(", listed):
            said[name].add(claim)
    for name, claims in said.items():
        assert all(verdicts[name] in CLAIMS[claim] for claim in claims), (name, which)
        decided = verdicts[name] in ("better", "worse", "equivalent", "not worse")
        assert claims or not decided, (name, which)
    if some := re.search(r"(\d) (?:is|are) not distinguishable", which):
        assert int(some[1]) == sum(v in OPEN for v in compared), which
    if re.search("(Neither|None) of the", which):
        assert set(compared) <= set(OPEN), which
    for number in re.findall(r"(\d) rows (?:beside|that share seeds with) relu", which):
        assert int(number) == len(compared), which
    base = made.loc["relu"]
    turned = [
        name
        for name, row in made.drop("relu").iterrows()
        if (row.accuracy - base.accuracy) * row.difference < 0 and row.seeds > row.pairs
    ]
    told = re.search(r"Mean and difference of (.*) point in opposite directions", which)
    assert re.findall(r"\b\w\w\b", told[1].replace(" and", "") if told else "") == turned, which
    # The first screen.
    head = sentence(made, "relu")
    for name, claim in re.findall(rf"\b(\w\w) is ({CLAIM}) ReLU", head):
        assert verdicts[name] in CLAIMS[claim], head
    for kind in ("better", "worse", "equivalent"):
        counts = re.findall(rf"(\d) (?:of \d[\w ]* )?(?:is|are) {kind}", head)
        assert all(int(n) == compared.count(kind) for n in counts), head
        if re.match(rf"(Both|All \d)[\w ]* are {kind}", head):
            assert set(compared) == {kind}, head
    tiles = facts(made, "relu", MARGIN)
    if sure := re.fullmatch(r"is (\w\w) (better|worse) than ReLU\?", tiles[1].about):
        yes = tiles[1].value.startswith("Yes")
        no = tiles[1].value.startswith("Not by more")
        assert verdicts[sure[1]] == (sure[2] if yes else "not worse" if no else OPEN[0]), tiles
    first = next((n for n in made.index if verdicts.get(n, "no pairs") != "no pairs"), None)
    assert ("the means are over all seeds" in tiles[0].note) == (first in turned)


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_of_one_and_two_rows(kind):
    check(together([kind]))
    for other in KINDS[KINDS.index(kind) :]:  # a table is sorted, so their order is no other case
        check(together([kind, other]))


def test_of_three_rows():
    for kinds in combinations_with_replacement(GAPS, 3):
        for alone in combinations(("up", "down", "up"), 3):
            check(together(zip(kinds, alone, strict=True)))


def test_a_leader_that_is_worse():
    """Seeds that only one row has move its mean, and no difference."""
    made = together([("worse", "up"), ("worse", "")])
    assert answers(made, "relu", 450)["Which?"] == (
        "aa has the highest mean accuracy, 75.29 %, but is worse than relu with the seeds that both"
        " have (\N{MINUS SIGN}4.99). Both rows beside relu are worse than relu: aa"
        " (\N{MINUS SIGN}4.99), bb (\N{MINUS SIGN}4.99). Mean and difference of aa point in"
        " opposite directions: a mean is over all seeds of its row, difference and verdict are over"
        " those that relu has too."
    )
    assert facts(made, "relu")[0].note == (
        "ReLU has 50.88 %. The difference over 8 common seeds is \N{MINUS SIGN}4.99 points; the"
        " means are over all seeds."
    )


COUNTS = {  # of rows that are open, and whether the first of them leads: how they are called
    1: "aa has the highest mean accuracy, 50.99 %, but is not distinguishable from relu.",
    2: "Neither of the 2 rows beside relu is distinguishable from relu.",
    3: "None of the 3 rows beside relu is distinguishable from relu.",
}


@pytest.mark.parametrize("count", COUNTS)
def test_rows_are_counted_as_those_beside_the_baseline(count):
    """The others would be others than the row that leads."""
    made = together([("not distinguishable", "")] * count)
    made["accuracy"] += [0.002 * at for at in range(len(made))][::-1]
    which = answers(made, "relu", 450)["Which?"]
    assert which.startswith("aa has the highest mean accuracy")
    assert COUNTS[count].rpartition("%")[2] in which
    assert "other" not in which
