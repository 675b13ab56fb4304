"""The commands of a report: typed as they stand they make its runs, and itself."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from afnlab import report
from afnlab.cli import main
from afnlab.cli.entry import parser
from afnlab.cli.flags import comparison, limits
from afnlab.compare import select
from afnlab.compare.selection import Selection
from afnlab.report.again import usual_folder
from afnlab.runs.filtering import parsed
from afnlab.runs.notebook_parameters import encoding
from afnlab.runs.notebook_parameters.parsing import seeds
from afnlab.runs.run_spec import RunSpec
from afnlab.runs.storage import runs_folder
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.pending import planned
from afnlab.training.options import seed_list
from tests.runs.test_runs import rewrite, small_runs


def test_commands_say_how_to_make_it_again():
    assert report.commands("default") == [
        *("afnlab sweep default", "afnlab report default", "afnlab verify reports/default")
    ]
    assert report.commands("", "gelu", 0.5) == [
        *("afnlab report --baseline gelu --margin 0.5", "afnlab verify reports/all")
    ]
    assert report.commands("my/a.yaml", overrides={"budget": 3}) == [
        *("afnlab sweep my/a.yaml --budget 3", "afnlab report my/a.yaml --budget 3"),
        "afnlab verify reports/a-budget-3",
    ]
    assert report.commands("my/a b.yaml", overrides={"limit_train": 5})[0] == (
        "afnlab sweep 'my/a b.yaml' --limit-train 5"
    )
    assert report.commands("../mine.yaml", runs="s3://r", out="x") == [
        "afnlab sweep ../mine.yaml --runs s3://r",
        "afnlab report ../mine.yaml --runs s3://r --out x",
        "afnlab verify x",
    ]


SWEEP = """\
parameters: {epochs: 2}
grid: {activation: [relu, srelu]}
seeds: 2
"""


def with_seeds(runs: Path, seeds: dict[str, list[int]]) -> None:
    """A folder with the small runs, as if they had these seeds, by activation."""
    shutil.copytree(small_runs(), runs)
    for path in runs.glob("*/record.json"):
        its = seeds[json.loads(path.read_text())["parameters"]["activation"]]
        history = path.with_name("history.parquet")
        table = pd.read_parquet(history)
        one = table[table.seed == table.seed.min()]
        pd.concat([one.assign(seed=seed) for seed in its]).astype(table.dtypes).to_parquet(
            history, index=False
        )
        rewrite(path.parent, seeds=its)


MADE = {  # the sweep's rule for seeds, those of the rows, and how many sweeps make them
    "as the file says": ("2", ([0, 1], [0, 1]), [""]),
    "more": ("2", ([0, 1, 2], [0, 1, 2]), ["--seeds 3"]),
    "fewer": ("8", ([0, 1], [0, 1]), ["--seeds 2"]),
    "others": ("2", ([3, 5], [3, 5]), ["--seeds '[3, 5]'"]),
    "unlike": (
        *("2", ([0, 1], [0, 1, 2])),
        ["--only label=relu --seeds 2", "--only label=srelu --seeds 3"],
    ),
    "until decided": ("until decided, at most 40", ([0, 1], [0, 1, 2]), [""]),
    "beyond": ("until decided, at most 2", ([0, 1, 2], [0, 1, 2]), ["--seeds 3"]),
}


@pytest.mark.parametrize("case", MADE)
def test_the_commands_make_the_runs_of_the_page(case, tmp_path, monkeypatch, capsys):
    rule, (relu, srelu), flags = MADE[case]
    monkeypatch.chdir(tmp_path)
    Path("two.yaml").write_text(SWEEP.replace("seeds: 2", f"seeds: {rule}"))
    with_seeds(Path("runs"), {"relu": relu, "srelu": srelu})
    chosen = select(None, "two.yaml")
    *sweeps, page, _ = report.commands("two.yaml", chosen=chosen)
    assert sweeps == [f"afnlab sweep two.yaml {flag}".strip() for flag in flags]
    assert page == "afnlab report two.yaml"
    for line in sweeps:
        assert main([*shlex.split(line)[1:], "--runs", "none", "--dry-run"]) == 0
    dry = capsys.readouterr().out
    for one in chosen[0].records:
        (its,) = [line for line in dry.splitlines() if line.split()[2] == one["label"].split()[1]]
        planned = its.partition("to do: seeds ")[2]
        assert set(planned.split(", ")) >= {*map(str, one["seeds"])}


MINE = """\
import torch
from afnlab import activation

@activation()
def bent(x):
    return {} * torch.tanh(x)
"""
RATES = """\
parameters: {epochs: 2}
grid: {activation: [relu, srelu: {t: [1.0, 1.5]}], lr: [0.01, 0.1]}
seeds: 3
"""
TASKS = """\
grid: {task: [digits-mlp, breast-cancer], activation: [relu, srelu, gelu]}
seeds: 2
"""
TUNED = """\
grid: {activation: [relu, srelu]}
seeds: 4
tune: {lr: [0.001, 0.01], init_scale: [1.0, 2.0], budget: 3}
"""
FILES = """\
grid: {activation: [relu, 'a/my.py:bent', 'b/my.py:bent', 'a,b (2)/my.py:bent']}
seeds: 2
"""
UNTIL = "grid: {activation: [relu, srelu, gelu]}\nseeds: until decided, at most 40\n"
SELECTIONS = {  # a sweep file; what the runs have in place of its own; which are there; the page's
    "some activations": (RATES, {}, {}, {"activation": "srelu"}),
    "one row, and its baseline": (RATES, {}, {}, {"activation": "srelu", "t": 1.5, "lr": 0.1}),
    "a rate": (RATES, {}, {}, {"lr": 0.01}),
    "the baseline alone": (RATES, {}, {}, {"activation": "relu"}),
    "labels": (RATES, {}, {}, {"label": ["srelu(lr=0.1, t=1)", "relu(lr=0.1)"]}),
    "other seeds": (RATES, {"seeds": [3, 5]}, {}, {"lr": 0.01}),
    "more seeds of some": (RATES, {}, {"lr": 0.1, "seeds": 5}, {"activation": "srelu"}),
    "seeds of each rate": (RATES, {}, {"lr": 0.1, "seeds": [7]}, {}),
    "those that are there": (RATES, {}, {"activation": "relu", "seeds": 0}, {}),
    "other epochs": (RATES, {"epochs": 3}, {}, {"lr": 0.01}),
    "both tasks": (TASKS, {}, {}, {}),
    "one task": (TASKS, {}, {}, {"task": "breast-cancer"}),
    "some of both tasks": (TASKS, {}, {}, {"activation": "srelu"}),
    "unlike in a task": (TASKS, {}, {"task": "breast-cancer", "seeds": 4}, {"activation": "gelu"}),
    "one missing in a task": (
        *(TASKS, {}, {"task": "breast-cancer", "activation": "gelu", "seeds": 0}, {}),
    ),
    "tuned": (TUNED, {}, {}, {}),
    "tuned, of another budget": (TUNED, {"budget": 2}, {}, {"activation": "srelu"}),
    "tuned, one of two": (TUNED, {}, {"activation": "srelu", "seeds": 0}, {}),
    "tuned, where the file is not": (TASKS, {"budget": 4}, {}, {"activation": "gelu"}),
    "files of one name": (FILES, {}, {}, {"activation": "b/my.py:bent"}),
    "a file in an odd folder": (FILES, {}, {}, {"activation": "a,b (2)/my.py:bent"}),
    "files of one name, unlike": (FILES, {}, {"activation": "a/my.py:bent", "seeds": 3}, {}),
    "until decided, some": (UNTIL, {"seeds": 16}, {}, {"activation": "srelu"}),
}


def made(folder: str, specs: Iterable[RunSpec]) -> None:
    """Have a folder of runs hold these, as far as their records go."""
    for spec in specs:
        record = {"id": spec.id, "group": spec.group, "label": spec.label, "seeds": [*spec.seeds]}
        record |= {"notebook": "train.ipynb", "parameters": spec.normal, **spec.facts}
        record |= {"given": {n: encoding.encode(value) for n, value in spec.parameters.items()}}
        record |= {"started": "2026-11-30T10:00:00+00:00", "seconds": 1.0}
        HELD.setdefault(folder, []).append(record)


HELD: dict[str, list[dict]] = {}


def of(chosen: Iterable[Selection]) -> list[tuple[str, list[str], dict[str, set[int]]]]:
    """The settings, baselines and rows of a page, and the seeds of each row.

    Rows are known by their groups: how much of a file's path a label has depends on the others.
    """
    return [
        (
            one.setting,
            [row.group for label, row in one.rows.items() if label == one.baseline],
            {row.group: seeds_of(one.runs_of(n))[row.group] for n, row in one.rows.items()},
        )
        for one in chosen
    ]


def seeds_of(held: Iterable[dict]) -> dict[str, set[int]]:
    """By group the seeds of some runs."""
    groups: dict[str, set[int]] = {}
    for record in held:
        groups.setdefault(record["group"], set()).update(record["seeds"])
    return groups


@pytest.mark.parametrize("case", SELECTIONS)
def test_in_an_empty_folder_the_commands_yield_the_rows_of_the_page(case, tmp_path, monkeypatch):
    """And neither a row nor a seed more: read as they stand, with records that hold no results."""
    file, overrides, unlike, only = SELECTIONS[case]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs_folder, "records", lambda folder: HELD.get(folder.name, []))
    monkeypatch.setitem(HELD, "runs", [])
    monkeypatch.setitem(HELD, "empty", [])
    for number, folder in enumerate(("runs", "empty", "a", "b", "a,b (2)")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "my.py").write_text(MINE.format(number))
    Path("x.yaml").write_text(file)
    specs = sweep_file.read("x.yaml").specs(**overrides)
    others = sweep_file.chosen(specs, {n: v for n, v in unlike.items() if n != "seeds"})
    ids = {spec.id for spec in others} if unlike else set()
    made("runs", (spec for spec in specs if spec.id not in ids))
    if unlike.get("seeds"):
        made("runs", (spec.with_seeds(seed_list(unlike["seeds"])) for spec in others))
    page = select("runs", "x.yaml", only=only, **overrides)
    *sweeps, again, verify = report.commands(
        "x.yaml", overrides=overrides, only=only, runs="empty", chosen=page
    )
    assert verify == f"afnlab verify {usual_folder('x', False, overrides)}"
    for line in sweeps:
        a = parser().parse_args(shlex.split(line)[1:])
        planned_now = planned(a.file, parsed(a.only), seeds=seeds(a.seeds), **limits(a)).specs
        made(a.runs, planned_now)
    assert seeds_of(HELD["empty"]) == seeds_of(record for one in page for record in one.records)
    a = parser().parse_args(shlex.split(again)[1:])
    assert a.runs == "empty"
    assert of(select(**comparison(a))) == of(page)


def test_seeds_are_no_flag_of_a_report():
    lines = report.commands("default", margin=0.1234567, overrides={"seeds": [1, 5], "epochs": 3})
    for line in lines:
        parser().parse_args(shlex.split(line)[1:])
    assert lines[0] == "afnlab sweep default --epochs 3 --seeds '[1, 5]'"
    assert "--margin 0.1234567 " in f"{lines[1]} "
