"""The commands of a report: typed as they stand they make its runs, and itself."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from afnlab import report
from afnlab.cli import main
from afnlab.cli.entry import parser
from afnlab.compare import select
from tests.runs.test_runs import rewrite, small_runs


def test_commands_say_how_to_make_it_again():
    assert report.commands("default") == [
        *("afnlab sweep default", "afnlab report default", "afnlab verify reports/default")
    ]
    assert report.commands("", "gelu", 0.5) == [
        *("afnlab report --baseline gelu --margin 0.5", "afnlab verify reports/all")
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


def test_seeds_are_no_flag_of_a_report():
    lines = report.commands("default", margin=0.1234567, overrides={"seeds": [1, 5], "epochs": 3})
    for line in lines:
        parser().parse_args(shlex.split(line)[1:])
    assert lines[0] == "afnlab sweep default --epochs 3 --seeds '[1, 5]'"
    assert "--margin 0.1234567 " in f"{lines[1]} "
