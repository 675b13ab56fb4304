"""What a ledger's baseline and tasks are found by: from any folder, and no other of their name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import afnlab
from afnlab.cli import main
from afnlab.errors import ParameterError
from afnlab.judging.campaign import Campaign
from afnlab.judging.ledger import Ledger, merge
from afnlab.judging.references import is_own, kept, located, moved
from afnlab.judging.trained_pairs import TrainedPairs
from tests.judging.test_judging import CAMPAIGN, CONFIRMED, pairs

TASKS = """
import torch

from afnlab import Data, Recipe, Task, get_task
from afnlab.training.models import mlp


def halves():
    x = torch.linspace(-1, 1, 80)[:, None]
    return Data(x[::2], (x[::2, 0] > 0).long(), x[1::2], (x[1::2, 0] > 0).long())


t1 = Task("t1", halves, mlp(1, 4, 2), Recipe(epochs=1, batch_size=8))
t2 = Task("t2", halves, mlp(1, 8, 2), Recipe(epochs=1, batch_size=8))
digits = Task("digits-mlp", halves, mlp(1, 4, 2), Recipe(epochs=1, batch_size=8))
"""
MORE = TASKS.replace("1, 4, 2", "1, 9, 2").partition("digits =")[0] + (
    'known = get_task("digits-mlp")\n'
)
IDEA = """
import torch
from afnlab import activation

@activation
def {name}(x):
    return {factor} * torch.tanh(x)
"""
OLD = {"references": {}, "code": {}}  # as the ledgers of earlier versions have it


def idea(path, factor):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(IDEA.format(name=path.stem, factor=factor))


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two folders with files of the same names; we are in the first, and nothing is trained."""
    for folder, width in (("a", 4), ("b", 5)):
        for number, name in enumerate(("one", "two", "three", "four", "five"), 1):
            idea(tmp_path / folder / f"{name}.py", number)
        (tmp_path / folder / "more.py").write_text(MORE)
        (tmp_path / folder / "tasks.py").write_text(TASKS.replace("1, 4, 2", f"1, {width}, 2"))
    idea(tmp_path / "a" / "sub" / "base.py", 0.5)
    for folder in ("a", "b"):  # which a label alone would mean
        idea(tmp_path / folder / "base.py", 0.7)
    drawn = pairs(3, 60, rng=5)
    monkeypatch.setattr(
        TrainedPairs, "results", lambda _, seeds: {seed: drawn[seed % 100] for seed in seeds}
    )
    monkeypatch.chdir(tmp_path / "a")
    return tmp_path


def judged(name, **given):
    return afnlab.judge(name, report=lambda _: None, **given)


def held(path):
    """The campaign as the file has it."""
    return json.loads(Path(path).read_text().partition("\n")[0])["campaign"]


OWN = {"against": "sub/base.py:base", "task": "tasks.py:t1", "ledger": "l.jsonl"}


def test_a_ledger_finds_its_own_from_any_folder(folders, monkeypatch):
    begun = judged("one.py:one", **OWN, confirm="tasks.py:t2")
    assert begun.described()["stages"]["other"]["task"] == "t2"
    head = held("l.jsonl")
    references = {"task": "tasks.py:t1", "confirm": "tasks.py:t2", "against": "sub/base.py:base"}
    assert head["references"] == references
    assert (head["task"], head["confirm"], head["against"]) == ("t1", "t2", "base.py:base")
    file = folders / "a" / "l.jsonl"
    places = {"two": folders / "a", "three": folders / "a" / "sub", "four": folders / "b"}
    for name, place in places.items():
        monkeypatch.chdir(place)
        judged(f"{folders}/a/{name}.py:{name}", ledger=file)
    (folders / "a").rename(folders / "c")  # with all that is in it
    judged("five.py:five", ledger="../c/l.jsonl")
    standings = Ledger.read(folders / "c" / "l.jsonl").standings
    assert [one.entry["name"].partition(".")[0] for one in standings] == ["one", *places, "five"]
    codes = [one.entry["code"] for one in standings]
    for stage in ("task", "again", "other"):  # the baseline is the same experiment everywhere
        assert len({code[stage][1] for code in codes}) == 1


def test_what_lies_elsewhere_has_its_whole_path(folders, monkeypatch):
    given = {"against": "base.py:base", "task": "tasks.py:t1", "ledger": "ledgers/l.jsonl"}
    judged("one.py:one", **given)
    references = Ledger.read("ledgers/l.jsonl").campaign.references
    a = folders / "a"
    assert references == {"task": f"{a}/tasks.py:t1", "against": f"{a}/base.py:base"}
    Path("ledgers").rename(folders / "b" / "moved")
    monkeypatch.chdir(folders / "b")
    assert judged("two.py:two", ledger="moved/l.jsonl").standing.position == 2
    (a / "base.py").rename(a / "elsewhere.py")
    said = f"l.jsonl: its baseline base.py:base was in {a}/base.py, which is not there; name it"
    with pytest.raises(ValueError, match=said):
        judged("three.py:three", ledger="moved/l.jsonl")
    idea(folders / "new" / "base.py", 0.7)
    against = "../new/base.py:base"
    assert judged("three.py:three", against=against, ledger="moved/l.jsonl").standing.position == 3


SAME = {  # what is done before another idea is judged, and as what the task is then given
    "a comment": (lambda text: f"{text}# a comment\n", "tasks.py:t1"),
    "nothing": (lambda text: text, "../a/tasks.py:t1"),
}
OTHERS = {
    "of another folder": (lambda text: text, "../b/tasks.py:t1", "b/tasks.py:t1"),
    "edited": (lambda text: text.replace("1, 4, 2", "1, 6, 2"), None, "here 't1' of tasks.py:t1"),
    "of another file": (lambda text: text, "more.py:t1", "here 't1' of more.py:t1"),
}


@pytest.mark.parametrize("case", [*SAME, *OTHERS])
def test_a_task_is_more_than_its_name(case, folders, capsys):
    judged("one.py:one", **OWN)
    change, task, *said = {**SAME, **OTHERS}[case]
    Path("tasks.py").write_text(change(Path("tasks.py").read_text()))
    words = ["judge", "two.py:two", "--ledger", "l.jsonl", *(["--task", task] if task else [])]
    before = Path("l.jsonl").read_bytes()
    capsys.readouterr()
    status, told = main(words), capsys.readouterr().err
    if case in SAME:
        assert status == 0
        return
    assert status == 2
    assert "another campaign; its task differs ('t1' of tasks.py:t1, here 't1' of " in told
    assert f"{said[0]}, with other code)" in told
    assert told.count("\n") == 1
    assert Path("l.jsonl").read_bytes() == before


@pytest.mark.usefixtures("folders")
def test_a_task_of_afnlabs_name_is_not_afnlabs():
    judged("one.py:one", task="digits-mlp", ledger="l.jsonl")
    assert not OLD.keys() & held("l.jsonl").keys()  # it is as it always was
    with pytest.raises(ValueError, match=r"'digits-mlp', here 'digits-mlp' of tasks.py:digits, wi"):
        judged("two.py:two", task="tasks.py:digits", ledger="l.jsonl")
    same = judged("two.py:two", task="more.py:known", ledger="l.jsonl")  # it is afnlab's
    assert same.standing.position == 2


@pytest.mark.usefixtures("folders")
def test_the_function_of_a_baseline_names_both():
    judged("one.py:one", **OWN)
    said = r"function of the baseline differs \('base.py:base' of sub/base.py:base, here 'base.py:"
    with pytest.raises(ValueError, match=rf"{said}base' of base.py:base\)"):
        judged("two.py:two", against="base.py:base", ledger="l.jsonl")


CONFIRMATIONS = {  # a task, and another reference to it
    "in another spelling": ("digits-mlp", "Digits MLP"),
    "of a user's own": ("tasks.py:t1", "../a/tasks.py:t1"),
}


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize("case", CONFIRMATIONS)
def test_no_task_confirms_itself(case):
    task, confirm = CONFIRMATIONS[case]
    with pytest.raises(ParameterError, match="confirm must be another task"):
        judged("one.py:one", task=task, confirm=confirm, ledger="l.jsonl")
    assert not Path("l.jsonl").exists()


def aged(path="l.jsonl", **changes):
    """A ledger becomes one that was written before ledgers held references."""
    campaign = replace(Ledger.read(path).campaign, **OLD, **changes)
    Path(path).unlink()
    Ledger.begin(path, campaign)


EARLIER = {  # how a ledger was begun, what is then given, and what is said of it
    "all afnlab's": ({"task": "digits-mlp"}, {}, ""),
    "a task of one's own": (
        {"task": "tasks.py:t1"},
        {},
        "no more than the name of its task t1, of which there may be several",
    ),
    "and it is named": (
        {"task": "tasks.py:t1"},
        {"task": "tasks.py:t1"},
        "no more than the name of its task t1, of which there may be several",
    ),
    "a baseline of one's own": (
        {"task": "digits-mlp", "against": "sub/base.py:base"},
        {},
        "does not hold where its baseline base.py:base is; name it with --against",
    ),
    "and that is named": (
        {"task": "digits-mlp", "against": "sub/base.py:base"},
        {"against": "sub/base.py:base"},
        "",
    ),
}


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize("case", EARLIER)
def test_a_ledger_of_an_earlier_version_goes_on_where_it_is_clear(case, capsys):
    begun, given, said = EARLIER[case]
    judged("one.py:one", ledger="l.jsonl", **begun)
    aged()
    assert main(["ledger", "verify", "l.jsonl"]) == 0
    assert main(["ledger", "show", "l.jsonl"]) == 0
    flags = [word for name, value in given.items() for word in (f"--{name}", value)]
    capsys.readouterr()
    assert main(["judge", "two.py:two", "--ledger", "l.jsonl", *flags]) == (2 if said else 0)
    told = capsys.readouterr().err
    assert said in told
    assert not said or told.count("\n") == 1
    assert not OLD.keys() & held("l.jsonl").keys()


@pytest.mark.usefixtures("folders")
def test_a_ledger_of_an_earlier_version_may_spell_the_other_task():
    judged("one.py:one", task="digits-mlp", confirm="breast-cancer", ledger="l.jsonl")
    aged(confirm="Breast Cancer")
    assert judged("two.py:two", ledger="l.jsonl").standing.position == 1
    aged(confirm="tasks.py:t2")
    with pytest.raises(ValueError, match=r"the name of its other task tasks\.py:t2"):
        judged("three.py:three", ledger="l.jsonl")


def test_a_merged_ledger_refers_to_the_same_files(folders, monkeypatch):
    judged("one.py:one", **OWN)
    judged("two.py:two", **{**OWN, "ledger": "sub/m.jsonl"})
    parts = [Ledger.read(name) for name in ("l.jsonl", "sub/m.jsonl")]
    monkeypatch.chdir(folders)
    for where, wanted in (
        ("a/sub/merged.jsonl", {"task": f"{folders}/a/tasks.py:t1", "against": "base.py:base"}),
        ("merged.jsonl", {"task": "a/tasks.py:t1", "against": "a/sub/base.py:base"}),
    ):
        merge(parts, where)
        assert Ledger.read(where).campaign.references == wanted
        assert judged("a/three.py:three", ledger=where).standing.position == 3
    merge(parts, "a/again.jsonl")
    assert Ledger.read("a/again.jsonl").campaign.references == parts[0].campaign.references


def test_a_ledger_that_was_replaced_by_one_of_other_references_stays_whole(tmp_path):
    first = replace(CAMPAIGN, task="t1", references={"task": "x.py:t1"}, code={"task": "a" * 64})
    ledger = Ledger.begin(tmp_path / "a.jsonl", first)
    (tmp_path / "a.jsonl").unlink()
    other = Ledger.begin(tmp_path / "a.jsonl", replace(first, references={"task": "y.py:t1"}))
    ledger.enter("idea", (1.0, 2.0))
    again = Ledger.read(tmp_path / "a.jsonl")
    assert again.campaign == other.campaign
    assert len(again.standings) == 1


@pytest.mark.parametrize("value", [[], {"task": 3}, "tasks.py:t1", None])
@pytest.mark.parametrize("key", OLD)
def test_what_refers_to_nothing_is_no_campaign(key, value):
    with pytest.raises(ValueError, match="does not describe a campaign"):
        Campaign.read({**CONFIRMED.described(), key: value})


def test_references_are_by_the_folder_of_the_ledger(folders):
    a, b = folders / "a", folders / "b"
    for reference, inside in (
        ("tasks.py:t1", "tasks.py:t1"),
        ("sub/../tasks.py:t1", "tasks.py:t1"),
        (f"{a}/sub/base.py:base", "sub/base.py:base"),
        ("../b/tasks.py:t1", f"{b}/tasks.py:t1"),
        ("package.module:t1", "package.module:t1"),
    ):
        assert kept(reference, a) == inside
        assert kept(located(inside, a), a) == inside
        (back,) = moved(moved({"task": inside}, a, b), b, a).values()
        assert back == inside


def test_whose_task_it_is(folders):
    assert not is_own(afnlab.get_task("digits-mlp"))
    assert is_own(afnlab.get_task(f"{folders}/a/tasks.py:digits"))


def test_a_task_that_writes_a_cache_is_the_same_from_the_first_call_on(folders):
    """It is tried before anything is noted of its code, to which the cache belongs."""
    cached = 'from pathlib import Path\nFILE = Path(__file__).with_name("cache.txt")\n'
    text = Path("tasks.py").read_text()
    keeping = '    FILE.exists() or FILE.write_text("1")\n'
    text = text.replace("def halves():\n", f"def halves():\n{keeping}")
    Path("tasks.py").write_text(cached + text)
    assert judged("one.py:one", **OWN).described() == judged("one.py:one", **OWN).described()
    assert Path("cache.txt").is_file()
