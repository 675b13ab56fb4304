"""W&B's export of a chart, as a file."""

from __future__ import annotations

import re

import pytest

from afnlab.cli import main
from afnlab.compare import compare_table

RUNS = [f"{m}-seed{s}" for m in ("relu", "mine") for s in range(3)]


def chart(runs: list[str], *metrics: str) -> str:
    titles = [f"{r} - {m}{end}" for r in runs for m in metrics for end in ("", "__MIN", "__MAX")]
    rows = [[step, *(step + i / 100 for i in range(len(titles)))] for step in (1, 2)]
    lines = [['"Step"', *(f'"{one}"' for one in titles)], *rows]
    return "\n".join(",".join(map(str, line)) for line in lines)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "chart.csv"


@pytest.mark.parametrize("value", ["acc", "value"])
@pytest.mark.parametrize("at", [0, 4, 6])
def test_several_runs_of_one_name_are_refused(file, value, at):
    """Also where their columns are called the same to the letter."""
    file.write_text(chart([*RUNS[:at], "mine-seed0", *RUNS[at:]], "acc"))
    with pytest.raises(ValueError, match="the names of several runs say seed 0 of mine; export"):
        compare_table(file, value=value)


def test_a_metric_that_the_chart_does_not_show_is_refused(file, capsys):
    file.write_text(chart(RUNS, "val/acc"))
    assert main(["compare", "--table", str(file), "--value", "loss", "--better", "lower"]) == 2
    assert "unknown metric 'loss' (known: val/acc)" in capsys.readouterr().err
    for value in ("val/acc", "acc", "value"):
        assert compare_table(file, value=value).measure.name == "val/acc"
    file.write_text(chart(RUNS, "val/acc", "train/acc"))
    for value in ("acc", "value"):
        with pytest.raises(ValueError, match=r"metric '\w+'.* \(known: val/acc, train/acc"):
            compare_table(file, value=value)


def test_rows_of_a_chart_are_lines_of_its_file(file):
    text = chart(RUNS, "acc")
    file.write_text(text.replace("\n2,", "\n\n2,").replace("2.03", "Infinity"))
    with pytest.raises(ValueError, match="got 'Infinity' in row 4"):
        compare_table(file)


def test_a_run_without_values_is_named(file):
    file.write_text(re.sub(r"\b([12])\.03", "NaN", chart(RUNS, "acc")))
    with pytest.raises(ValueError, match="relu-seed1 has no acc; take its columns out"):
        compare_table(file)
