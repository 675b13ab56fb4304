"""The search: its grammar, what may be judged, and how expressions evolve."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import afnlab
from afnlab.cli import main
from afnlab.judging import Ledger
from afnlab.judging.campaign import Campaign, values_of
from afnlab.judging.judge import check_campaign
from afnlab.judging.trained_pairs import TrainedPairs
from afnlab.judging.trial import SETTINGS
from afnlab.search import Expression, evolve, grammar, search
from afnlab.search.candidate import Candidate

X = Expression(grammar.X)


def of(kind, *parts):
    return Expression(kind, parts)


def number(value):
    return Expression(grammar.PARAMETER, value=value)


MEANS = {  # of a node, in floats
    "neg": lambda u: -u,
    "relu": lambda u: max(u, 0),
    "abs": abs,
    "tanh": math.tanh,
    "sigmoid": lambda u: 1 / (1 + math.exp(-u)),
    "softplus": lambda u: math.log1p(math.exp(u)),
    "arctan": math.atan,
    "sin": math.sin,
    "square": lambda u: u * u,
    "bell": lambda u: math.exp(-u * u),
    "soft_abs": lambda u: math.sqrt(1 + u * u),
    "add": lambda u, v: u + v,
    "sub": lambda u, v: u - v,
    "mul": lambda u, v: u * v,
    "max": max,
    "min": min,
}


def value(one, x):
    if one.kind == grammar.X:
        return x
    if one.kind == grammar.PARAMETER:
        return one.value
    return MEANS[one.kind](*(value(part, x) for part in one.parts))


def expressions(count):
    rng, made = np.random.default_rng(0), []
    while len(made) < count:
        one = grammar.drawn(rng)
        one = grammar.mutated(rng, one) if len(made) % 3 else one
        one = grammar.crossed(rng, one, made[-1]) if made and len(made) % 2 else one
        made += [one] if one.is_written else []
    return made


def test_the_python_of_an_expression_computes_it():
    assert set(MEANS) == set(grammar.UNARY | grammar.BINARY)
    drawn = expressions(150)
    assert {node.kind for one in drawn for node in one.nodes()} >= set(MEANS)
    for one in drawn:
        x = torch.linspace(-1.9, 2.1, 9, dtype=torch.float64)
        found = eval(one.python(), {"torch": torch, "x": x, **one.defaults})
        expected = [value(one, float(v)) for v in x]
        assert found.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9), one.python()
        assert one.latex().count("{") == one.latex().count("}")


def test_a_candidate_is_an_ordinary_activation(tmp_path):
    one = of("mul", X, of("sigmoid", of("mul", number(2.0), X)))
    made = Candidate.written(one, tmp_path, "test")
    record = afnlab.get_activation(made.reference)
    x = torch.randn(50)
    assert record(x) == pytest.approx(x * (2 * x).sigmoid())
    assert record(x, a=1.0) == pytest.approx(x * x.sigmoid())
    assert record.latex == one.latex()
    assert record.params["a"].default == 2
    assert record.trainable == ("a",)
    assert made.refused() == ""
    assert Candidate.written(one, tmp_path, "again").path == made.path


POWER_16 = of("square", of("square", of("square", of("square", X))))
REFUSED = {
    "not finite": (
        of("add", X, of("mul", number(1e-6), of("mul", POWER_16, of("bell", X)))),
        "check: nan at x = ",
    ),
    "gradients explode": (of("mul", of("relu", X), of("square", of("square", X))), "chi_1 is 2.78"),
    "gradients vanish": (of("add", number(1.0), of("mul", number(0.1), of("tanh", X))), "chi_1 is"),
    "line": (of("add", X, X), "is affine"),
    "constant": (of("mul", X, of("sub", X, X)), "is affine"),
    "almost a line": (of("add", X, of("mul", number(1e-9), of("tanh", X))), "is affine"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_not_be_judged(case, tmp_path):
    one, said = REFUSED[case]
    assert Candidate.written(one, tmp_path, "test").refused().startswith(said)


@pytest.fixture
def screened(monkeypatch):
    """Scores that need no training: how close a function is to one that is planted."""
    x = torch.linspace(-3, 3, 61, dtype=torch.float64)
    wanted = x * x.sigmoid()

    def score(_, candidate):
        return -float((candidate.record(x) - wanted).abs().mean())

    monkeypatch.setattr(evolve._Search, "_score", score)
    monkeypatch.setattr(evolve, "GENERATIONS", 1)


def chosen(folder, count=2, seed=0):
    found = evolve._Search("digits-mlp", folder, 3, seed, {}, {}, lambda _: None)
    return [found.next() for _ in range(count)], found


@pytest.mark.usefixtures("screened")
def test_expressions_evolve_and_none_is_judged_twice(tmp_path):
    first, found = chosen(tmp_path / "a")
    again, _ = chosen(tmp_path / "b")
    assert [c.record.name for c in first] == [c.record.name for c in again]
    assert len({c.record.name for c in first}) == 2
    scores = [score for score, _ in found.scored]
    assert scores == sorted(scores, reverse=True)
    there = {path.name for path in (tmp_path / "a").glob("*.py")}
    assert {candidate.path.name for _, candidate in found.scored} <= there
    assert len(there) == len(found.tried)
    for candidate in first:
        assert candidate.refused() == ""


@pytest.mark.slow
@pytest.mark.usefixtures("one_server", "screened")
def test_a_search_judges_under_the_ledger(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["search", "breast-cancer", "--ledger", "l.jsonl", "--ideas", "1", "--most", "2"]
    words += ["--epochs", "1", "--population", "3", "--runs", "runs"]
    assert main(words) == 0
    told = capsys.readouterr().out
    (standing,) = Ledger.read("l.jsonl").standings
    assert standing.verdict == "open"
    assert f"{standing.entry['name']} against relu on breast-cancer: open" in told
    events = Ledger.read("l.jsonl").events
    assert main(words) == 0
    assert Ledger.read("l.jsonl").events == events
    for name in ("ideas", "population"):
        with pytest.raises(ValueError, match=f"{name} must be"):
            search("breast-cancer", ledger="l.jsonl", **{name: 0})


def test_tuned_expressions_are_compared_at_their_best_candidates(tmp_path):
    """At a rate of 1e-9 nothing is learned; what is tuned may choose another."""
    candidate = Candidate.written(of("max", X, number(0.0)), tmp_path, "test")
    scores = []
    for rates in ([1e-9], [1e-9, 0.01]):
        among = {"lr": [*rates, 2e-9], "selection_seeds": 1}
        given = {"epochs": 3, "limit_train": 200}
        found = evolve._Search("breast-cancer", tmp_path, 3, 0, given, among, lambda _: None)
        scores.append(found._score(candidate))
    assert scores[1] > scores[0] + 0.1


UNFIT = {
    "another baseline": ({"against": "gelu"}, "its baseline differs"),
    "another task": ({"task": "digits-mlp"}, "its task differs"),
    "another number of seeds": ({"most": 3}, "its number of seeds at most differs"),
    "no seed of draws": ({"seed": -1}, "seed must be a whole number"),
    "a URL": ({"ledger": "s3://bucket/l.jsonl"}, "must be a file of this machine"),
    "an unknown task": ({"task": "nothing"}, "unknown task 'nothing'"),
    "no other task": ({"confirm": "breast-cancer"}, "confirm must be another task"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_search_that_may_not_be_judged_is_refused_before_anything_is_trained(
    case, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evolve._Search, "next", lambda _: pytest.fail("something was drawn"))
    relu, measure = afnlab.get_activation("relu"), afnlab.get_task("breast-cancer").metric
    given, said = UNFIT[case]
    monkeypatch.setattr(evolve, "judge", lambda *_, **__: pytest.fail("something was judged"))
    check_campaign("relu", "breast-cancer", ledger="l.jsonl")  # which is not there yet
    _, against = TrainedPairs("breast-cancer", "tanh", "relu", {}, {}, None).specs()
    settings = {name: against.normal[name] for name in SETTINGS}
    Ledger.begin(
        "l.jsonl",
        Campaign(
            task="breast-cancer",
            against="relu",
            settings=settings,
            values=values_of(relu, {}),
            measure=measure.described(),
        ),
    )
    check_campaign("relu", "breast-cancer", ledger="l.jsonl")
    with pytest.raises(ValueError, match=said):
        search(**{"task": "breast-cancer", "ledger": "l.jsonl", **given})


@pytest.mark.usefixtures("screened")
def test_files_of_an_earlier_search_stay(tmp_path):
    chosen(tmp_path, seed=0)
    before = {path.name for path in tmp_path.glob("*.py")}
    _, found = chosen(tmp_path, count=0, seed=1)
    known = [Candidate.written(one, tmp_path, "test") for one in expressions(40)]
    found.tried = [one.values for one in known]  # so that each is drawn again, and is no new one
    for one in expressions(40):
        assert found._candidate(one) is None
    assert {path.name for path in tmp_path.glob("*.py")} == before | {
        one.path.name for one in known
    }
