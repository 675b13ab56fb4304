import numpy as np
import pandas as pd
import pytest
from scipy import stats as distributions

from afnlab import stats
from afnlab.cli.entry import main
from afnlab.compare import compare_histories, compare_table
from afnlab.compare.baseline_differences import OTHERS, attainable
from afnlab.errors import ParameterError
from afnlab.measures import Measure
from afnlab.stats import unpaired

SCORE = Measure(name="score", key="score", better="higher")


def table(seeds: int = 5, shift: float = 3.0, apart: bool = True) -> pd.DataFrame:
    """relu, x and y with so many seeds, which they share or not."""
    rng, rows = np.random.default_rng(0), []
    for at, (label, gap) in enumerate({"relu": 0.0, "x": shift, "y": 0.1}.items()):
        first = 100 * at * apart
        rows += [(label, first + s, v) for s, v in enumerate(rng.normal(gap, 1, seeds))]
    return pd.DataFrame(rows, columns=["label", "seed", "score"])


def groups(content: pd.DataFrame) -> dict[str, np.ndarray]:
    return {str(n): part.score.to_numpy() for n, part in content.groupby("label")}


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_rows_that_share_no_seed_are_compared_without_pairs(better):
    content, metric = table(), Measure(name="score", key="score", better=better)
    of = groups(content)
    compared = compare_histories(content, margin=9.0, metric=metric, unpaired=True)
    row = compared.loc["x"]
    assert row.difference == pytest.approx(of["x"].mean() - of["relu"].mean())
    assert row.p == stats.permutation_p(of["x"], of["relu"])
    expected = stats.holm([compared.p["x"], compared.p["y"]])
    assert compared.p_holm[["x", "y"]].tolist() == expected.tolist()
    level = stats.holm_levels([compared.p["x"], compared.p["y"]])[0]
    ends = stats.permutation_interval(of["x"], of["relu"], level)
    assert (row.adjusted_low, row.adjusted_high) == ends[1:]
    assert row.p_wilcoxon == distributions.mannwhitneyu(of["x"], of["relu"]).pvalue
    assert row.improvement == pytest.approx(
        unpaired.superiority(of["x"], of["relu"])
        if better == "higher"
        else unpaired.superiority(of["relu"], of["x"])
    )
    assert (row.pairs, row.baseline_seeds) == (5, 5)
    assert row.verdict == ("better" if better == "higher" else "worse")
    assert compared.verdict["y"] == "equivalent"
    assert compared.verdict["relu"] == "baseline"
    paired = compare_histories(content, metric=metric)
    assert (paired.verdict.drop("relu") == "no pairs").all()
    assert OTHERS not in paired


def test_too_few_seeds_without_pairs():
    compared = compare_histories(table(3), metric=SCORE, unpaired=True)
    assert set(compared.verdict) == {"baseline", "too few seeds"}
    assert np.isfinite(compared.difference_low["x"])  # Welch's
    assert np.isinf(compared.adjusted_low["x"])
    rows = compared.drop("relu")
    assert attainable(rows).tolist() == [2 * 2 / 20, 2 * 2 / 20]
    assert stats.PERMUTATION.seeds_needed(len(rows)) == 5
    assert stats.PERMUTATION.seeds_needed(1) == 4


@pytest.mark.parametrize(("unpaired", "test"), [(False, "sign-flip"), (True, "permutation")])
def test_labels_may_be_numbers(unpaired, test):
    content = table(7, apart=unpaired).replace({"label": {"relu": 0, "x": 1, "y": 2}})
    compared = compare_histories(content, 0, metric=SCORE, unpaired=unpaired)
    assert compared.test[[1, 2]].tolist() == [test] * 2
    assert (compared.verdict[0], compared.verdict[1]) == ("baseline", "better")


def test_seeds_that_were_added_until_decided_have_pairs():
    with pytest.raises(ParameterError, match="unpaired must be False"):
        compare_histories(table(), metric=SCORE, unpaired=True, until_decided=["x"])


def test_a_foreign_table_names_the_way_without_pairs_and_takes_it():
    content = table()
    columns = {"value": "score"}
    refused = compare_table(content, **columns)
    assert (
        "no row shares a seed with relu, so nothing is compared; without pairs"
        in (refused.answers["Which?"])
    )
    assert "--unpaired, or in Python unpaired=True" in refused.answers["Which?"]
    one = compare_table(content, **columns, unpaired=True)
    said = " ".join([*one.answers.values(), *one.notes])
    assert "Exact permutation test on 5 seeds against 5, without pairs" in said
    assert "exchangeable" in said
    assert "paired by seed" not in said
    assert "which this leaves unused" not in said
    shared = " ".join(compare_table(table(apart=False), **columns, unpaired=True).notes)
    assert "Rows share up to 5 seeds with relu, which this leaves unused" in shared


def test_the_command_line_compares_without_pairs(tmp_path, capsys):
    table().to_csv(tmp_path / "t.csv", index=False)
    flags = ["--table", str(tmp_path / "t.csv"), "--value", "score", "--unpaired"]
    assert main(["compare", *flags, "--out", str(tmp_path / "out")]) == 0
    assert "Exact permutation test" in capsys.readouterr().out
    page = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    assert "of two means, without pairs" in page
    assert "exact permutation test" in page
    assert main(["compare", "--unpaired"]) == 2
    assert "--unpaired goes with --table" in capsys.readouterr().err
