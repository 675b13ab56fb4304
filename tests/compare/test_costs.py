"""What activations cost: the speed benchmark's times, where they fit, else the runs' own."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from afnlab.bench import activations
from afnlab.cli import main
from afnlab.compare import select
from afnlab.compare.answers import answers
from afnlab.compare.costs import Cost, cost, read
from afnlab.compare.headline import cost_fact
from afnlab.compare.training_facts import Trained
from afnlab.report import sections
from afnlab.runs import RunSpec
from afnlab.runs.storage import runs_folder
from tests.compare.test_summary_table import rows, table
from tests.conftest import ACTIVATIONS
from tests.runs.test_runs import rewrite, small_runs

HISTORY = pd.concat([rows(n, [0.5, 0.6]) for n in ("relu", "srelu", "tanh")]).assign(seconds=1.0)
MACHINE = {"device": "cpu", "device_name": "this one"}
FACTS = {"device": "cpu", "device_name": "this one", "threads": 2, "date": "2026-01-02"}
SIZES = {8192: 1e-3, 1 << 21: 1.0, 1 << 24: 1e3}  # elements, seconds of relu
WAYS = (("relu", "torch", 1), ("srelu", "kernel", 1.5), ("srelu", "expression", 20))
WAYS += (("srelu", "trained", 2), ("copy", "torch", 0.5))


def written(path: Path, **changes) -> Path:
    times = pd.DataFrame(
        [
            ("float32", size, "normal", name, way, "both", ratio * seconds)
            for size, seconds in SIZES.items()
            for name, way, ratio in WAYS
        ],
        columns=list(activations.COLUMNS),
    )
    content = {**FACTS, "activations": times.to_dict(orient="records"), **changes}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def asked(*labels, native=True, trainable=()) -> dict:
    found = {}
    for name in labels:
        spec = RunSpec.make("train", {"activation": name})
        record = {"group": spec.group, "parameters": spec.normal, **spec.training.facts()}
        found[name] = replace(Trained.of_record(record), native=native, trainable=trainable)
    return found


def test_the_benchmark_tells_what_a_pass_costs(tmp_path):
    speed = read(written(tmp_path / "speed.json"))
    found = cost(
        asked("srelu") | asked("relu", "tanh", native=False), HISTORY, MACHINE, "relu", speed
    )
    assert found.seconds.to_dict() == {"srelu": 1.5, "relu": 1.0}
    assert found.missing == ("tanh",)
    assert found.of == "a forward and backward pass over 2,097,152 float32 numbers"
    assert found.by == "by the speed benchmark of 2026-01-02 on this one with 2 threads"
    assert not found.measured_in_runs
    other = cost(
        asked("srelu") | asked("relu", native=False),
        HISTORY,
        {**MACHINE, "device_name": "x"},
        "relu",
        speed,
    )
    assert other.by.endswith("on this one with 2 threads, where the runs had x")


def test_torch_s_own_is_found_where_other_loops_of_a_run_are_compiled(tmp_path):
    speed = read(written(tmp_path / "speed.json"))
    found = cost(asked("srelu", "relu"), HISTORY, MACHINE, "relu", speed)
    assert found.seconds.to_dict() == {"srelu": 1.5, "relu": 1.0}


@pytest.mark.parametrize(
    ("options", "seconds"),
    [({"native": False}, 20), ({"trainable": ("t",)}, 2), ({}, 1.5)],
)
def test_the_way_that_the_runs_took(tmp_path, options, seconds):
    speed = read(written(tmp_path / "speed.json"))
    assert speed.seconds(asked("srelu", **options)["srelu"]) == seconds


def test_one_that_does_not_fit_is_named(tmp_path):
    both = asked("relu", "tanh", native=False)
    speed = read(written(tmp_path / "a.json"))
    found = cost(both, HISTORY, MACHINE, "relu", speed)
    assert found.by == "timed during these runs, since the speed benchmark has only relu"
    assert found.measured_in_runs
    found = cost(both, HISTORY, MACHINE, "relu", read(written(tmp_path / "b.json", device="cuda")))
    assert found.by.endswith("these runs, since the speed benchmark is of cuda")
    without = cost(both, HISTORY, MACHINE, "relu")
    assert without.by == Cost(without.seconds).by
    assert set(without.seconds.index) == {"relu", "srelu", "tanh"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; write it with `afnlab bench activations"),
        ("", "is no file of `afnlab bench activations"),
        ("[]", "is no file of"),
        ('{"activations": []}', "is no file of"),
        (json.dumps({**FACTS, "activations": [{"way": "torch"}]}), "lacks dtype, elements"),
    ],
)
def test_another_file(tmp_path, content, message, capsys):
    if content is not None:
        (tmp_path / "my.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "my.json")
    flags = ["--runs", str(small_runs()), "--speed", str(tmp_path / "my.json")]
    assert main(["compare", *flags]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_rows_that_do_the_same_work_have_one_cost():
    """Their times differ by the noise of the clock alone."""
    both = asked("relu", "srelu")
    slow = replace(both["relu"], options={**both["relu"].options, "lr": 0.5, "init_scale": 2.0})
    other = replace(both["relu"], options={**both["relu"].options, "batch_size": 8})
    labelled = {"relu(lr=0.5)": slow, **both, "relu(batch_size=8)": other}
    times = {"relu": 1.2, "relu(lr=0.5)": 1.0, "srelu": 2.0, "relu(batch_size=8)": 3.0}
    history = pd.concat([rows(n, [0.5, 0.6]).assign(seconds=s) for n, s in times.items()])
    found = cost(labelled, history, MACHINE, "relu")
    assert found.seconds.to_dict() == times | {"relu": 1.0}
    assert found.slower["relu"] == found.slower["relu(lr=0.5)"]
    made = table(*(rows(n, [0.5 + 0.01 * s for s in range(6)]) for n in ("relu", "relu(lr=0.5)")))
    told = cost_fact(made, "relu", found)
    assert (told.value, told.note) == (
        "That of ReLU",
        "ReLU(lr=0.5) differs from it in nothing that takes time.",
    )


def times_of(relu, srelu) -> pd.DataFrame:
    """A history whose epochs took so long."""
    return pd.concat(
        rows(n, [0.5, 0.6], epochs=len(s)).assign(seconds=lambda h, s=s: h.epoch.map(dict(s)))
        for n, s in (("relu", list(enumerate(relu, 1))), ("srelu", list(enumerate(srelu, 1))))
    )


def test_what_was_timed_once_is_not_known():
    both = asked("relu", "srelu")
    made = table(*(rows(n, [0.5 + 0.01 * s for s in range(6)]) for n in ("relu", "srelu")))
    one = cost(both, times_of([1.0], [0.957]), MACHINE, "relu")
    assert one.once == ("relu", "srelu")
    told = cost_fact(made, "relu", one)
    assert (told.value, "times" in told.note) == ("Not known: timed once", False)
    said = answers(made, "relu", 100, cost=one)["At what cost?"]
    assert "Each was timed once, so the noise of these times, and which is quicker" in said
    half = cost(both, times_of([1.0, 1.1], [0.957]), MACHINE, "relu")
    assert half.once == ("srelu",)
    assert "srelu was timed once" in answers(made, "relu", 100, cost=half)["At what cost?"]
    two = cost(both, times_of([1.0, 1.1], [0.9, 0.957]), MACHINE, "relu")
    assert (two.once, two.ordered) == ((), True)
    assert cost_fact(made, "relu", two).value.endswith("ReLU's time")


def test_what_no_kernel_computes_is_named():
    """A user's function beside a compiled ReLU, and a kernel that the run did not use."""
    both = asked("relu", "srelu")
    mine = {"mine.py:softer": replace(both["srelu"], activation="mine.py:softer", native=True)}
    made = table(*(rows(n, [0.5 + 0.01 * s for s in range(6)]) for n in ("relu", "mine.py:softer")))
    times = times_of([1.0, 1.1], [4.0, 4.1]).replace({"label": {"srelu": "mine.py:softer"}})
    one = cost({"relu": both["relu"]} | mine, times, MACHINE, "relu")
    assert one.written == ("mine.py:softer",)
    told = "mine.py:softer is computed as written, uncompiled, {} by a compiled kernel."
    assert cost_fact(made, "relu", one).note.endswith(f" {told.format('ReLU')}")
    assert told.format("relu") in answers(made, "relu", 100, cost=one)["At what cost?"]
    other = "relu is computed by a compiled kernel, mine.py:softer as written, uncompiled."
    assert one.ways(one.seconds.index, "mine.py:softer") == other
    alone = times_of([1.0, 1.1], [0.9, 0.957])
    assert cost(asked("relu", "srelu"), alone, MACHINE, "relu").written == ()
    assert cost(asked("relu", "srelu", native=False), alone, MACHINE, "relu").written == ("srelu",)
    assert cost(both, alone, MACHINE, "relu").ways(["relu", "srelu"], "relu") == ""


def test_rows_of_different_occasions_have_no_ratio():
    both = asked("relu", "srelu")
    made = table(*(rows(n, [0.5 + 0.01 * s for s in range(6)]) for n in ("relu", "srelu")))
    times = times_of([1.0, 1.1], [0.9, 0.957])
    first, later = frozenset({(1, "a", 1)}), frozenset({(2, "a", 1)})
    apart = cost(both, times, MACHINE, "relu", occasions={"relu": first, "srelu": later})
    assert apart.apart == ("srelu",)
    told = cost_fact(made, "relu", apart)
    assert told.value == "Not timed together"
    assert "trained on different occasions" in told.note
    said = answers(made, "relu", 100, cost=apart)["At what cost?"]
    assert "srelu was not timed on the occasion on which relu was" in said
    assert cost(both, times, MACHINE, "relu", occasions={"relu": first, "srelu": first}).ordered


def test_a_page_says_that_rows_were_not_timed_together(tmp_path):
    runs = shutil.copytree(small_runs(), tmp_path / "runs")
    for path in runs.glob("*/record.json"):
        if "srelu" in json.loads(path.read_text())["label"]:
            rewrite(path.parent, started="2031-01-01T00:00:00.000+00:00")
    (chosen,) = select(runs)
    page = sections.frontier(chosen).data
    assert "1 activation and ReLU were not timed on the same occasion" in page
    assert "Level bars" not in page
    assert "Not timed together" in sections.first_screen(chosen).data


def test_the_figure_names_its_source(tmp_path):
    (chosen,) = select(small_runs())
    assert "Time: of an epoch of one model, timed during" in sections.frontier(chosen).data
    (chosen,) = select(small_runs(), speed=written(tmp_path / "my.json"))
    page = sections.frontier(chosen).data
    if chosen.rows["srelu"].native:
        assert "by the speed benchmark of 2026-01-02 on this one" in page
    assert "speed benchmark of 2026-01-02" in chosen.answers["At what cost?"]


def test_every_activation_of_a_comparison_is_measured():
    x = torch.ones(64, requires_grad=True)
    rivals = activations._rivals(x, torch.ones(64), compiled=False)
    measured = {name for name, way, passes in rivals if passes == "both" and way != "torch"}
    assert {record.name for record in ACTIVATIONS if record.elementwise} <= measured
    assert runs_folder.SPEED == "speed.json"
