"""The command judge: what it prints, what it keeps, and what it refuses."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

import afnlab
from afnlab import stats
from afnlab.cli import main
from afnlab.cli.flags import CANDIDATES
from afnlab.errors import ParameterError
from afnlab.judging.campaign import FRESH
from afnlab.judging.ledger import Ledger
from afnlab.judging.trained_before import judged_as
from afnlab.judging.trained_pairs import TrainedPairs
from afnlab.runs import records
from afnlab.training.tune import FAIR
from tests.fuzz.folders import SMALL, whole
from tests.judging.test_judging import looked, pairs
from tests.judging.test_trained_before import groups_of, trained
from tests.runs.test_runs import rewrite

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
    (tmp_path / "copy.py").write_text(IDEAS.replace("0.02 * torch.tanh(x)", "torch.tanh(x) / 50"))
    copied = ["judge", "copy.py:weak", *words[2:], "--ledger", "copied.jsonl"]
    assert main([*copied, "--json"]) == 10
    before = {r["id"] for r in records("runs")}  # the baseline's seeds were there
    told = json.loads(capsys.readouterr().out)
    assert (told["seen"], told["seen_versions"], told["seen_against"]) == (0, 8, 8)
    assert told["versions"] == ["my.py:weak"]
    (said,) = told["earlier"]
    assert said.startswith("my.py:weak against relu: worse after 8 seeds (e-value for better: ")
    assert main(copied) == 10  # as the entry has it
    told = " ".join(capsys.readouterr().out.split())
    assert "and 8 with what may be an earlier version of it, by its name or its values" in told
    assert "the evidence is too strong" in told
    earlier = "earlier judgings of it, or of an earlier version of it, by the margin and the level"
    assert f"{earlier} of this one: my.py:weak against relu: worse after 8 seeds" in told
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
        (
            ["gelu", "--most", "9", "--ledger", "l.jsonl"],
            "another file as --ledger takes a campaign",
        ),
        (
            ["gelu", "--task", "my.py:weak"],
            "my.py:weak: is an Activation, not an afnlab Task; make",
        ),
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


@pytest.fixture
def untrained(monkeypatch, tmp_path):
    """Pairs of networks that are drawn, not trained; what was asked for."""
    asked = []

    def found(self, seeds):
        asked.append((self.task, dict(self.parameters), list(seeds)))
        drawn = pairs(3, 60, rng=5, sign=1 if self.task == "digits-mlp" else -1)
        return {seed: drawn[seed % 100] for seed in seeds}

    monkeypatch.setattr(TrainedPairs, "results", found)
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
    drawn = TrainedPairs.results

    def interrupted(self, seeds):
        if seeds[0]:
            raise KeyboardInterrupt
        return {
            seed: {**pair, "idea": 0.5, "against": 0.5} for seed, pair in drawn(self, seeds).items()
        }

    words = ["judge", "my.py:weak", "--task", "digits-mlp", "--ledger", "l.jsonl"]
    (tmp_path / "my.py").write_text(IDEAS)
    with monkeypatch.context() as patched:
        patched.setattr(TrainedPairs, "results", interrupted)
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


def test_json_is_whole_however_long(untrained, monkeypatch, capsys):
    def found(_, seeds):
        signs = {seed: (-1) ** seed / 7 for seed in seeds}
        return {s: {"idea": v, "against": 0.0, "lost": None, "run": []} for s, v in signs.items()}

    monkeypatch.setattr(TrainedPairs, "results", found)
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
        monkeypatch.setattr(TrainedPairs, "results", lambda _, seeds: {s: made[s] for s in seeds})

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
    (3, ()): "better on one task; --confirm TASK would judge by fresh seeds and on another task",
    (
        3,
        (("ledger", "l.jsonl"),),
    ): "better on one task; --confirm TASK and another file as --ledger",
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
        monkeypatch.setattr(TrainedPairs, "results", by_place)
    found = afnlab.judge("gelu", task="digits-mlp", report=lambda _: None, **dict(given))
    told = [line for line in found.lines if line.startswith("better on one task; ")]
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
        {"tune": {"lr": [0.01]}, "most": 8},
        "8 seeds at a time, 8 at most; each seed is about 2 trainings of each",
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


@pytest.mark.parametrize(
    ("given", "least"),
    [({"most": 4}, 8), ({"most": 7, "ledger": "l.jsonl"}, 8), ({"most": 8, "level": 0.99}, 10)],
)
def test_too_few_seeds_for_any_verdict_are_named_before_and_after(given, least, drawn, capsys):
    drawn(0)
    lines = []
    found = afnlab.judge("gelu", task="digits-mlp", report=lines.append, **given)
    said = (
        f"with at most {given['most']} seeds not even a difference that is the same at every seed"
        f" is decided; that takes {least}: --most {least} (in Python most={least})"
    )
    assert lines[0] == said
    assert lines[1].startswith("gelu against relu on digits-mlp: ")
    where = " and another file as --ledger" if "ledger" in given else ""
    assert found.lines.count(f"{said}{where}") == 1
    enough = {**given, "most": least, "ledger": None}
    found = afnlab.judge("gelu", task="digits-mlp", report=lines.append, **enough)
    assert found.verdict == "open"
    assert not any("not even" in line for line in [*found.lines, *lines[2:]])


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
    low = [f"{one}e-06" for one in range(10, 31)]  # so that chance hardly chooses the largest
    space = f'{{"lr": [{", ".join(low)}, 0.03], "selection_seeds": 1}}'
    assert main([*words, "-p", "tune", space, "--json"]) == 12
    found = json.loads(capsys.readouterr().out)
    assert found["tune"] == json.loads(space)
    end = (
        "breast-cancer: In more seeds than chance explains the lr that was chosen lies at the high"
    )
    (note,) = [one for one in found["notes"] if one.startswith(end)]
    assert "sigmoid" in note
    way = found["notes"][-1]  # relu may have chosen the other end
    assert way.startswith("to try more there: --tune '{lr: [")
    assert ", 0.03, 30.0]" in way
    assert "selection_seeds: 1}' (in Python tune=)" in way
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


def test_a_figure_is_never_drawn_over_the_ledger(untrained, tmp_path, capsys):
    (tmp_path / "mine.svg").write_text("the ledger")
    (tmp_path / "link.svg").symlink_to("mine.svg")
    for figure in ("mine.svg", "link.svg"):
        assert main(["judge", "gelu", "--ledger", "mine.svg", "--figure", figure]) == 2
        assert "--figure must be another file than --ledger" in capsys.readouterr().err
    assert (tmp_path / "mine.svg").read_text() == "the ledger"
    assert main(["judge", "gelu", "--ledger", "new.svg", "--figure", "./new.svg"]) == 2
    assert "--figure must be another file than --ledger" in capsys.readouterr().err
    assert untrained == []


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


AS_SWEPT = [  # what `whole` has trained, as the judge is asked for it
    *("judge", "srelu", "--task", "digits-mlp", "--epochs", str(SMALL["epochs"])),
    *("--limit-train", str(SMALL["limit_train"]), "-p", "trainable", "true"),
    *("-p", "record", json.dumps(SMALL["record"])),
]
LEDGERS = {"alone": [], "with a ledger": ["--ledger", "l.jsonl"]}


def judged(words, capsys):
    """What a judge prints as text, and as JSON."""
    texts = []
    for way in ([], ["--json"]):
        assert main([*words, *way]) == 0
        texts.append(capsys.readouterr().out)
    return " ".join(texts[0].split()), json.loads(texts[1])


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("case", LEDGERS)
def test_seeds_that_may_have_picked_the_idea_are_told_and_fresh_ones_offered(case, capsys):
    shutil.copytree(whole(), "runs")
    text, described = judged([*AS_SWEPT, *LEDGERS[case]], capsys)
    assert (described["seen"], described["seen_against"], described["fresh"]) == (8, 8, False)
    assert described["seeds"] == 8  # of the twelve of the sweep
    assert described["stages"]["task"]["seen"] == [8, 8]
    assert (
        "8 of these 8 seeds of the idea, and 8 of those of relu, had been trained before this"
        " judging began: if the idea was picked by them, the evidence is too strong"
    ) in text
    entered = "12 seeds of it had been trained before it was entered"
    assert (entered in text) is (case == "with a ledger")
    _, _, command = text.partition("; by fresh seeds alone: afnlab ")
    again, _, _ = command.partition(" (in Python fresh=True)")
    assert ("l-fresh.jsonl" in again) is (case == "with a ledger")
    text, fresh = judged(shlex.split(again), capsys)
    assert (fresh["seen"], fresh["seen_against"], fresh["fresh"]) == (0, 0, True)
    assert "digits-mlp, fresh seeds: better after" in text
    assert "had been trained before this judging began" not in text
    assert (fresh["idea"], fresh["against"]) == (described["idea"], described["against"])


@pytest.mark.usefixtures("untrained")
def test_a_judging_that_goes_on_has_not_seen_its_own_seeds(capsys):
    runs = shutil.copytree(whole(), Path("runs"))
    for record in trained(runs):
        rewrite(runs / record["id"], judged=judged_as(groups_of(runs), 0), until_decided=True)
    text, described = judged(AS_SWEPT, capsys)
    assert (described["seen"], described["seen_against"]) == (0, 0)
    assert "trained before" not in text
    _, entered = judged([*AS_SWEPT, "--ledger", "late.jsonl"], capsys)  # which begins now
    assert (entered["seen"], entered["seen_against"]) == (8, 8)


@pytest.mark.usefixtures("untrained")
def test_seeds_of_the_baseline_alone_picked_no_idea(capsys):
    runs = shutil.copytree(whole(), Path("runs"))
    shutil.rmtree(runs / trained(runs)[0]["id"])
    text, described = judged(AS_SWEPT, capsys)
    assert (described["seen"], described["seen_against"]) == (0, 8)
    assert described["seen_versions"] == 0
    assert "as far as this folder of runs tells" in text
    assert "no result of the idea could pick it" in text
    assert "too strong" not in text


@pytest.mark.usefixtures("untrained")
def test_a_verdict_names_the_confirmation_that_there_is(capsys):
    text, described = judged(AS_SWEPT, capsys)
    assert described["confirmation"] is None
    assert "afnlab confirm" not in text
    shutil.copytree(whole(), "runs/confirm")
    text, described = judged(AS_SWEPT, capsys)
    confirmed = described["confirmation"]
    assert confirmed["seeds"] == 12
    assert confirmed["interval"][0] <= confirmed["improvement"] <= confirmed["interval"][1]
    assert f"by seeds that do not count here: {confirmed['verdict']}, " in text


def test_fresh_seeds_are_those_of_an_entry(untrained, capsys):
    words = ["judge", "gelu", "--task", "digits-mlp", "--ledger", "l.jsonl"]
    assert main([*words, "--fresh"]) == 0
    assert untrained[0][2][0] == FRESH
    assert main(words) == 0  # the entry's seeds are fresh, whether that is asked for again or not
    assert "digits-mlp, fresh seeds: better after" in capsys.readouterr().out
    assert len(untrained) == 1
    assert main(["judge", "mish", "--ledger", "l.jsonl"]) == 0
    assert untrained[1][2][0] == 0
    assert [one.is_fresh for one in Ledger.read("l.jsonl").standings] == [True, False]
    capsys.readouterr()
    made = len(untrained)
    for refused, said in (
        (["mish", "--ledger", "l.jsonl"], "entry 2, mish, is not of fresh seeds"),
        (["gelu", "--task", "digits-mlp", "--confirm", "breast-cancer"], "fresh cannot be given"),
        (["gelu", "--task", "digits-mlp", "--runs", "runs/judge"], "holds fresh seeds itself"),
    ):
        assert main(["judge", *refused, "--fresh"]) == 2
        said_then = capsys.readouterr().err
        assert said in said_then
        assert said_then.count("\n") == 1
    assert len(untrained) == made


def test_what_is_printed_explains_interval_and_e_value(drawn):
    drawn(3)
    made = afnlab.judge("gelu", task="digits-mlp", report=lambda _: None)
    assert made.lines[1].endswith(
        "], all that this test has not ruled out, so the mean difference need not be its middle"
    )
    after = made.lines[made.lines.index(next(x for x in made.lines if "40 needed" in x)) + 1]
    assert after.startswith("an e-value is what a fair bet on this has made of a stake of 1")
    assert after.endswith("ever reaches 40 with a probability of 1 in 40 at most")
