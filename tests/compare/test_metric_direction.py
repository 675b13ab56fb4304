"""Of which metrics it may not be assumed that higher values are better."""

from __future__ import annotations

import pandas as pd
import pytest

from afnlab.cli import main
from afnlab.compare import compare_table
from afnlab.compare.metric_direction import may_be_lower
from tests.over import over

LOWER = (
    *("test_loss", "loss", "error", "top1_error", "Error rate", "perplexity", "val/ppl", "nll"),
    *("testLoss", "valloss", "eval.CrossEntropy", "xent", "metrics.rmse", "test_MSE", "mae_1"),
    *("bits_per_byte", "bpb", "brier", "ECE", "seconds", "time", "wall time", "latency_ms", "FID"),
    *("MSELoss", "neg_mean_squared_error", "negative log likelihood", "training.runtime"),
)
HIGHER = (
    *("value", "acc", "accuracy", "test_acc", "F1", "auc", "score", "psnr", "slope", "noise"),
    *("timely", "glossy", "mAP", "count", "R2", "return", "genre", "", "0"),
)
ROWS = [(m, s, 1 + s / 100 + (m == "gelu")) for m in ("relu", "gelu") for s in range(8)]


@over("name", [*LOWER, *HIGHER])
def test_a_name_says_whether_lower_may_be_better(name):
    assert may_be_lower(name) == (name in LOWER)


def table(column: str) -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=["label", "seed", column])


def test_no_verdict_is_turned_over_by_a_guess(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table("metrics.test_loss").to_csv("results.csv", index=False)
    words = ["compare", "--table", "results.csv", "--value", "test_loss"]
    assert main(words) == 2
    assert capsys.readouterr().err == (
        "afnlab: test_loss: is lower or higher better? Say --better lower or --better higher"
        ' (in Python better="lower")\n'
    )
    for better, said in (("lower", "gelu is worse than"), ("higher", "and is better than relu")):
        assert main([*words, "--better", better]) == 0
        assert said in capsys.readouterr().out


def test_the_whole_name_of_a_column_counts():
    with pytest.raises(ValueError, match=r"^final: is lower or higher better"):
        compare_table(table("loss.final"), value="final")
    assert compare_table(table("acc.final"), value="final").assumed
