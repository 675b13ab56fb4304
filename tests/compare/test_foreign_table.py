"""Results of anybody's, from a CSV to the table, the sentences, the files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import afnlab
from afnlab import Measure, Task, compare, get_task, report
from afnlab.cli import main
from afnlab.compare import caveats, wandb_chart
from afnlab.compare.summary_table import formatted
from afnlab.errors import ParameterError
from afnlab.report.foreign_page import write_foreign
from afnlab.training.metrics import ACCURACY
from afnlab.training.models import mlp
from afnlab.training.result import Result

SEEDS = range(8)


def results(**gains: float) -> pd.DataFrame:
    """A row a method and seed: a method's gain, and noise that the methods share and do not."""
    draws = np.random.default_rng(0)
    common = draws.normal(0, 0.02, len(SEEDS))
    rows = [
        {"method": name, "seed": seed, "acc": 0.8 + gain + common[seed] + draws.normal(0, 0.002)}
        for name, gain in gains.items()
        for seed in SEEDS
    ]
    return pd.DataFrame(rows)


TABLE = results(ours=0.03, theirs=0.0, third=0.0)


def test_it_is_the_comparison_of_histories():
    one = compare.compare_table(TABLE, label="method", value="acc", baseline="theirs")
    measure = Measure(name="acc", key="value", better="higher", decimals=one.measure.decimals)
    history = TABLE.rename(columns={"method": "label", "acc": "test_value"})
    pd.testing.assert_frame_equal(
        one.table, compare.compare_histories(history, "theirs", metric=measure)
    )
    assert dict(one.table.verdict) == {
        "ours": "better",
        "theirs": "baseline",
        "third": "not distinguishable",
    }
    assert one.answers["Which?"].startswith("ours has the highest mean acc, 0.8")
    assert list(one.final) == ["ours", "theirs", "third"]


def test_lower_can_be_better():
    turned = TABLE.assign(acc=-TABLE.acc)
    one = compare.compare_table(
        turned, label="method", value="acc", baseline="theirs", better="lower", unit="nats"
    )
    assert dict(one.table.verdict)["ours"] == "better"
    assert one.answers["Which?"].startswith("ours has the lowest mean acc, -0.8")
    assert "nats" in one.answers["By how much?"]


def test_the_baseline_is_relu_or_the_first():
    table = results(swish=0.0, gelu=0.01, relu=0.0)
    assert compare.compare_table(table, label="method", value="acc").baseline == "relu"
    assert compare.compare_table(TABLE, label="method", value="acc").baseline == "ours"


def test_epochs_are_histories():
    late = pd.concat([TABLE.assign(step=1, acc=0.1), TABLE.assign(step=5)])
    one = compare.compare_table(late, label="method", value="acc", epoch="step", baseline="theirs")
    direct = compare.compare_table(TABLE, label="method", value="acc", baseline="theirs")
    pd.testing.assert_frame_equal(one.table, direct.table)


EXPORTS = {
    "W&B's table of runs": (
        TABLE.rename(columns={"method": "activation"}).assign(
            Name="brisk-sun-1", State="finished", Runtime=12.5
        ),
        {"label": "activation", "value": "acc"},
    ),
    "W&B's with groups": (
        TABLE.rename(columns={"method": "config/act", "seed": "config/seed", "acc": "eval/acc"}),
        {"label": "act", "value": "acc"},
    ),
    "MLflow's": (
        TABLE.rename(
            columns={"method": "params.act", "seed": "params.seed", "acc": "metrics.acc"}
        ).assign(run_id="1f", status="FINISHED", **{"tags.mlflow.runName": "run"}),
        {"label": "act", "value": "acc"},
    ),
    "seeds that are words": (
        TABLE.assign(seed=TABLE.seed.map("fold {}".format)),
        {"label": "method", "value": "acc"},
    ),
}


@pytest.mark.parametrize("case", EXPORTS)
def test_exports_as_they_come(case, tmp_path, capsys):
    table, columns = EXPORTS[case]
    table.to_csv(tmp_path / "results.csv", index=False)
    flags = [w for name, column in columns.items() for w in (f"--{name}", column)]
    given = ["--table", str(tmp_path / "results.csv"), *flags, "--baseline", "theirs"]
    assert main(["compare", *given, "--out", str(tmp_path / "page")]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^ours .* better", out, re.MULTILINE)
    assert "Which?        ours has the highest mean acc" in out
    page = (tmp_path / "page" / "comparison.md").read_text()
    assert "**Which?** ours has the highest mean acc" in page
    assert "| better |" in page
    files = {p.suffix for p in (tmp_path / "page").iterdir()}
    assert files == {".html", ".md", ".csv", ".tex", ".svg", ".json"}


def test_the_page_is_the_report_s(tmp_path):
    """Its style, its answers, its figure and its table; one file, and nothing in it is a tag."""
    table = TABLE.assign(method=TABLE.method.replace("ours", "<b>ours</b>"))
    one = compare.compare_table(table, label="method", value="acc", baseline="theirs")
    page = write_foreign(one, tmp_path)
    text = page.read_text()
    assert page.name == "comparison.html"
    for part in ("<dl class=answers>", '<figure id="comparison"', 'class="comparison"', "<svg"):
        assert part in text
    assert "&lt;b&gt;ours&lt;/b&gt; has the highest mean acc" in text
    assert "<b>ours" not in text
    assert 'class="better"' in text
    assert "script-src" not in text
    text = text.replace("&nbsp;", " ")
    assert all(note.split(":")[0] in text for note in one.notes)


CHART = pd.DataFrame({"Step": [1, 2, 3]})
for _name in ("relu-seed0", "relu-seed1", "gelu-seed0", "gelu-seed1"):
    for _end in ("", "__MIN", "__MAX"):
        CHART[f"{_name} - val/acc{_end}"] = [0.1, 0.5 + len(CHART.columns) / 100, np.nan]


@pytest.mark.parametrize("form", ["{}-seed{}", "{} {}", "{}_s=seed{}", "lr=0.1 {} run {}", "{}/{}"])
def test_a_chart_of_wandb_is_read(form):
    names = {f"{m}-seed{s}": form.format(m, s) for m in ("relu", "gelu") for s in (0, 1)}
    renamed = {c: c.replace(old, new) for old, new in names.items() for c in CHART if old in c}
    one = compare.compare_table(CHART.rename(columns=renamed), value="val/acc")
    assert one.final.shape == (2, 2)
    assert list(one.final.index) == [0, 1]
    assert sorted(one.final.iloc[0]) == CHART.iloc[1, [1, 7]].tolist()  # the last that is there
    assert one.measure.name == "val/acc"
    (said,) = (note for note in one.notes if "names of the runs" in note)
    assert f"{form.format('relu', 0)} as seed 0 of {one.baseline}: " in said
    assert f"{one.baseline} (2 seeds) and " in said


def test_the_digits_of_a_chart_are_those_of_its_last_values():
    """A training runs from 0.2 to 0.95; what is compared differs by thousandths."""
    steps = np.arange(1, 21)
    chart = pd.DataFrame({"Step": steps})
    for label, gap in (("relu", 0.0), ("x", 0.0027)):
        for seed in range(5):
            end = 0.9446 + gap + 0.0028 * np.sin(7 * seed + 100 * gap)
            chart[f"{label}-seed{seed} - acc"] = end - 0.75 * (20 - steps) / 20
            chart[f"{label}-seed{seed} - acc__MIN"] = np.nan
    one = compare.compare_table(chart, value="acc", margin=0.02)
    assert one.measure.decimals == 4
    said = " ".join(one.answers.values())
    assert re.search(
        r"x against relu: \+0\.00\d\d, 95 % interval \[.0\.00\d\d, \+0\.00\d\d\]", said
    )
    assert "0.02 " in said
    assert "0.0200" not in said  # the margin, as it was typed


def test_runs_of_a_chart_that_end_early_are_not_compared():
    crashed = CHART.copy()
    crashed.iloc[1, 7:] = np.nan  # gelu's second step
    with pytest.raises(ValueError, match="gelu ends at epoch 1, and others at 2; leave out what"):
        compare.compare_table(crashed, value="val/acc")
    crashed.iloc[1, 10:] = CHART.iloc[1, 10:]  # of seed 1
    with pytest.raises(ValueError, match=r"seed 0 of gelu ends at .* or export the table of runs"):
        compare.compare_table(crashed, value="val/acc")


@pytest.mark.parametrize(
    ("run", "label", "seed"),
    [
        ("relu-seed7", "relu", 7),
        ("relu_s7", "relu", 7),
        ("relu-7", "relu", 7),
        ("relu seed=7", "relu", 7),
        ("relu-lr0.1-seed3", "relu-lr0.1", 3),
        ("relu (lr=0.1) 3", "relu (lr=0.1)", 3),
        *((run, "", 0) for run in ("relu-lr0.7", "relu-0.7", "relu 0,7", "relu lr=7", "relu.7")),
        *((run, "", 0) for run in ("relu-1e-3", "relu-2E-03", "relu-v1.3", "relu7", "gelus7")),
        *((run, "", 0) for run in ("relu-seed0.7", "relu x=-3", "reluseed7", "3-4")),
    ],
)
def test_a_seed_is_a_word_of_its_own_in_a_run_s_name(run, label, seed):
    """The decimals of a learning rate are none."""
    again = f"{run[:-1]}8"
    table = pd.DataFrame({"Step": [1]})
    for name in (run, again):
        table = table.assign(**{f"{name} - acc{end}": 0.5 for end in ("", "__MIN", "__MAX")})
    if label:
        _, found, _ = wandb_chart.read("t.csv", table, "acc")
        assert found[["label", "seed"]].to_numpy().tolist() == [[label, seed], [label, 8]]
    else:
        with pytest.raises(ValueError, match="do not all end in a seed that pairs them"):
            wandb_chart.read("t.csv", table, "acc")


def test_two_runs_of_one_name_in_a_chart():
    twice = CHART.rename(columns=lambda c: c.replace("relu-seed1", "relu_s0"))
    with pytest.raises(ValueError, match="names of several runs say seed 0 of relu; export the"):
        compare.compare_table(twice, value="val/acc")


@pytest.mark.parametrize("names", [("a", "b", "c", "d"), ("brisk-sun-1", "dry-fog-2", "x", "y-3")])
def test_a_chart_without_seeds_is_refused_with_what_to_do(names, tmp_path, capsys):
    old = ("relu-seed0", "relu-seed1", "gelu-seed0", "gelu-seed1")
    renamed = {c: c.replace(o, n) for o, n in zip(old, names, strict=True) for c in CHART if o in c}
    CHART.rename(columns=renamed).to_csv(tmp_path / "chart.csv", index=False)
    assert main(["compare", "--table", str(tmp_path / "chart.csv")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "export the table of runs instead" in line


def test_results_are_compared_as_they_are():
    options = {"seeds": 6, "epochs": 2, "limit_train": 200}
    found = {name: afnlab.train("digits-mlp", name, **options) for name in ("srelu", "relu")}
    one = compare.compare_results({"mine": found["srelu"], "ReLU": found["relu"]})
    assert one.baseline == "ReLU"
    metric = found["relu"].task.metric
    ends = {name: result.final[metric.column] for name, result in found.items()}
    expected = (ends["srelu"] - ends["relu"]).mean()
    assert one.table.difference["mine"] == pytest.approx(expected)
    assert not any("look like shares" in note for note in one.notes)  # 0.84 of 84 %
    shown = report.comparison(one)
    assert "mine" in shown.data
    assert '<th scope="col">activation</th>' in shown.data
    assert "Mean accuracy after the last epoch over 6 seeds" in shown.data
    assert "other seeds on the same examples" in shown.data
    assert list(shown.figures) == ["comparison"]
    with pytest.raises(ValueError, match="unknown baseline 'min'; did you mean 'mine'"):
        compare.compare_results({"mine": found["srelu"]}, baseline="min")
    with pytest.raises(ValueError, match="judged by one metric, got none"):
        compare.compare_results({})


def trained(task: Task, activation: str = "relu", **options) -> Result:
    given = {"seeds": 2, "epochs": 1, "limit_train": 64} | options
    return afnlab.train(task, activation, **given)


def misses(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (outputs.argmax(-1) != targets).sum(), (targets >= 0).sum()


def beside(_: memoryview, new: Callable[[], nn.Module]) -> nn.Module:
    return mlp(64, 8, 10)(new)


DIGITS = get_task("digits-mlp")
NARROW = {"model": mlp(64, 8, 10)}


@pytest.mark.parametrize(
    ("changes", "options", "what"),
    [
        ({"name": "mine"}, {}, r"the task \(digits-mlp and mine\)"),
        (NARROW, {}, "the task's model"),
        ({"metric": replace(ACCURACY, total=misses)}, {}, "'s metric"),
        ({"recipe": replace(DIGITS.recipe, weight_decay=0.0)}, {}, "the task's recipe"),
        ({}, {"epochs": 2}, r"the epochs \(1 and 2\)"),
        ({}, {"limit_train": 65}, r"the examples to train \(64 and 65\)"),
        ({}, {"limit_test": 65}, "the examples to test"),
        ({}, {"dtype": "float64"}, "dtype"),
    ],
)
def test_results_of_different_tasks_or_settings_are_not_compared(changes, options, what):
    other = trained(replace(DIGITS, **changes), **options)
    with pytest.raises(ValueError, match=f"one task, .*; relu and two differ in .*{what}"):
        compare.compare_results({"relu": trained(DIGITS), "two": other})


def test_tasks_that_cannot_be_looked_into_are_compared_where_they_are_one():
    first, second = (replace(DIGITS, model=partial(beside, memoryview(b"a"))) for _ in range(2))
    alike = {"relu": trained(first), "two": trained(first, "gelu")}
    compare.compare_results(alike)
    with pytest.raises(ValueError, match=r"cannot be told: an object of .*memoryview"):
        compare.compare_results(alike | {"two": trained(second)})


def test_a_tuning_is_not_compared_with_a_training():
    tuned = afnlab.tune(DIGITS, "relu", {"lr": [0.01, 0.1]}, seeds=2, epochs=1, limit_train=64)
    with pytest.raises(ValueError, match=r"what was tuned \(nothing and lr of 2\)"):
        compare.compare_results({"relu": trained(DIGITS), "two": tuned})


def test_results_may_differ_in_what_a_comparison_is_about():
    other = trained(replace(DIGITS, summary="again"), "srelu", seeds=3)
    params = {"lr": 0.1, "trainable": True}
    third = afnlab.train(DIGITS, "srelu", seeds=2, epochs=1, limit_train=64, params=params)
    one = compare.compare_results({"relu": trained(DIGITS), "two": other, "three": third})
    assert list(one.table.index)
    same = [trained(replace(DIGITS, model=mlp(64, 8, 10)), seeds=n) for n in (2, 3)]
    assert compare.compare_results(dict(zip("ab", same, strict=True))).baseline == "a"


@pytest.mark.parametrize("wrong", [list, lambda r: {"relu": r.history}, lambda r: {1: r}])
def test_what_is_no_mapping_of_results_is_refused(wrong):
    given = [trained(DIGITS)] if wrong is list else wrong(trained(DIGITS))
    with pytest.raises(ParameterError, match="results must be a mapping of labels to results of"):
        compare.compare_results(given)


def holed(**changes) -> pd.DataFrame:
    table = TABLE.astype(object)
    for column, value in changes.items():
        table.loc[3, column] = value
    return table


@pytest.mark.parametrize(
    ("values", "printed", "kind"),
    [
        (["2026-01-01", "2026-01-02"], "Timestamp", "datetime64"),
        ([True, False], "True", "bool"),
        (pd.array([True, False], dtype="boolean"), "True", "boolean"),
        ([1 + 2j, 2.0], r"\(1\+2j\)", "complex128"),
        (pd.Series([True, 2.0], dtype=object), "True", "bool"),
        (pd.to_timedelta([1, 2], unit="s"), "Timedelta", "timedelta64"),
        ([torch.tensor(1.0), torch.tensor(2.0)], "tensor", "Tensor"),
    ],
)
def test_what_pandas_would_make_numbers_of_is_refused(values, printed, kind):
    """As its texts are, which a file has."""
    if kind == "datetime64":
        values = pd.to_datetime(values)
    table = pd.DataFrame({"label": ["relu", "mine"], "seed": [0, 0], "a": values, "b": 1.0})
    for columns in ({"value": "a"}, {"value": "b", "epoch": "a"}):
        message = f"a must hold integers, floats or texts of such, got {printed}.* of type {kind}"
        with pytest.raises(ValueError, match=message):
            compare.compare_table(table, **columns)


@pytest.mark.parametrize("diverged", [1.0, 1e9])
@pytest.mark.parametrize("gap", [1e-13, -6e-8, 1e-4])
def test_a_difference_of_the_size_of_rounding_is_named(gap, diverged):
    """Whatever one seed of all has come to."""
    rows = [
        (label, seed, (1 + seed / 1000) * (1 + gain) if seed else diverged)
        for label, gain in (("relu", 0), ("mine", gap))
        for seed in SEEDS
    ]
    one = compare.compare_table(pd.DataFrame(rows, columns=["label", "seed", "value"]))
    assert one.table.verdict["mine"] == ("better" if gap > 0 else "worse")
    said = [note for note in one.notes if "less than a ten-millionth of the values" in note]
    assert len(said) == (abs(gap) < 1e-7)
    assert all(note.startswith("mine: ") for note in said)


def test_rounding_is_relative_to_each_seed_s_own_value():
    values = [1, 1.1, 1.2, 1.3, 1.4, 1e6, 2e6, 3e6]
    rows = [("relu", seed, one) for seed, one in enumerate(values)]
    for gain, is_said in ((1e-9, True), (1e-3, False)):
        mine = [("mine", seed, one * (1 + gain)) for seed, one in enumerate(values)]
        table = pd.DataFrame([*rows, *mine], columns=["label", "seed", "value"])
        notes = compare.compare_table(table).notes
        assert any("ten-millionth" in note for note in notes) == is_said


def test_what_cannot_pair_is_no_seed():
    table = TABLE.assign(seed=[[one] for one in TABLE["seed"]])
    with pytest.raises(ValueError, match=r"seed must hold numbers or texts, .* got \[0\] in row 1"):
        compare.compare_table(table, label="method", value="acc")


TWICE = pd.concat([TABLE, TABLE])
GRID = pd.concat([TABLE.assign(lr=lr, batch=batch) for lr in (0.1, 0.2) for batch in (32, 64)])
GRID.insert(0, "run", [f"run {at}" for at in range(len(GRID))])
GRID["f1"] = np.arange(len(GRID)) / len(GRID)
TWO = TABLE.assign(**{"a.f1": 1.0, "b.f1": 2.0})


@pytest.mark.parametrize(
    ("table", "given", "message"),
    [
        (TABLE, {"value": "ac"}, "unknown column 'ac'; did you mean 'acc'"),
        (TABLE, {"label": "activation"}, r"unknown column 'activation' \(known: method, seed, acc"),
        (TABLE, {"label": "label"}, "name it with --label, as --label method"),
        (TABLE, {"value": "value"}, "name it with --value, as --value acc"),
        (TABLE, {"seed": "run"}, "name it with --seed, as --seed seed"),
        (TWO, {"value": "f1"}, "f1 may be any of the columns a.f1, b.f1; give one in full"),
        (holed(acc=np.nan), {}, "acc must be a number in every row, got nan in row 5; take these"),
        (holed(acc="n.a."), {}, "got 'n.a.' in row 5"),
        (holed(acc=np.inf), {}, "got inf in row 5"),
        (holed(acc=np.nan).assign(State="crashed"), {}, r"in row 5 \(State: 'crashed'\)"),
        (holed(method=np.nan), {}, "method is empty in row 5"),
        (holed(seed=np.nan), {}, "seed is empty in row 5"),
        (TWICE, {}, "ours with seed 0 stands there more than once, in rows 26, 27,.* one row of"),
        (GRID, {}, "more; such rows differ in lr and batch: leave the rows of one .* or steps$"),
        (GRID, {"epoch": "lr"}, "ours with seed 0 at 0.1 .*; such rows differ in batch: .* apart$"),
        (GRID, {"label": "label"}, "name it with --label, as --label method"),
        (TABLE, {"baseline": "thers"}, "unknown baseline 'thers'; did you mean 'theirs'"),
        (TABLE, {"margin": -1.0}, "margin must be above 0"),
        (TABLE[:0], {}, "holds no rows"),
    ],
)
def test_what_cannot_be_compared_is_named(table, given, message, tmp_path, capsys):
    columns = {"label": "method", "value": "acc"} | given
    with pytest.raises(ValueError, match=message) as error:
        compare.compare_table(table, **columns)
    assert "\n" not in str(error.value)
    table.to_csv(tmp_path / "results.csv", index=False)
    flags = [w for name, value in columns.items() for w in (f"--{name}", str(value))]
    assert main(["compare", "--table", str(tmp_path / "results.csv"), *flags]) != 0
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--value", "acc"], "--value goes with --table FILE"),
        (["--out", "page"], "--out goes with --table FILE"),
        (["default", "--table", "x.csv"], "--table compares a file; leave out sweep"),
        (["--table", "x.csv", "--runs", "runs"], "--table compares a file; leave out runs"),
        (["--table", "x.csv"], "x.csv: no such file"),
    ],
)
def test_flags_that_do_not_go_together(words, message, capsys):
    assert main(["compare", *words]) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_files_that_are_no_table(tmp_path):
    for name, content in (("empty.csv", b""), ("binary.csv", bytes(range(256)))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=name):
            compare.compare_table(tmp_path / name)


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize(
    ("verdict", "low", "high", "told"),
    [
        ("equivalent", -0.52, 0.44, True),
        ("equivalent", -0.40, 0.51, True),
        ("equivalent", -0.49, 0.49, False),
        ("not worse", -0.52, 0.90, True),
        ("not worse", -0.40, 0.90, False),
        ("not distinguishable", -0.90, 0.90, False),
    ],
)
def test_an_interval_beyond_the_margin_is_explained(verdict, low, high, told, better):
    """What is said to lie within a margin, beside an interval that reaches beyond it."""
    low, high = (low, high) if better == "higher" else (-high, -low)
    measure = Measure(name="acc", key="acc", unit="%", better=better, decimals=2)
    row = {"verdict": verdict, "p": 0.1, "adjusted_low": low, "adjusted_high": high}
    table = pd.DataFrame([row], index=["softsign"])
    said = caveats.within_margin(table, 0.5, measure)
    assert len(said) == told
    for text in said:
        assert "softsign" in text
        assert f"{low:+.2f}, {high:+.2f}".replace("-", "\u2212") in text
        assert "margin of 0.5 points" in text
    assert caveats.within_margin(table, None, measure) == []


@pytest.mark.parametrize(("rows", "noun"), [(1, "interval"), (2, "adjusted interval")])
def test_the_interval_beyond_a_margin_is_one_that_is_shown(rows, noun):
    measure = Measure(name="acc", key="acc", better="higher")
    row = {"verdict": "not worse", "p": 0.1, "difference_low": -0.7, "difference_high": 0.9}
    row |= {"adjusted_low": -0.8, "adjusted_high": 1.0}
    table = pd.DataFrame([row] * rows, index=["x", "y"][:rows])
    (said,) = caveats.within_margin(table[:1].assign(p=0.1) if rows == 1 else table, 0.5, measure)
    assert "x (not worse, [\u22120.80, +1.00])" in said
    assert f" {noun}" in said
    assert ("adjusted" in said) == (rows == 2)
    unbounded = table.assign(adjusted_low=-np.inf, adjusted_high=np.inf)
    (said,) = caveats.within_margin(unbounded, 0.5, measure)
    assert "x (not worse, [\u22120.70, +0.90])" in said
    assert "adjusted interval" not in said
    within = unbounded.assign(difference_low=-0.4)
    assert caveats.within_margin(within, 0.5, measure) == []


DIFFERENCES = {  # to the baseline
    "one seed far above": [0.1, -0.4, 0.6, 0.2, -0.9, 20.0],
    "one seed far below": [0.1, -0.4, 0.6, 0.2, -0.9, -40.0],
    "one of seven": [0.1, -0.4, 0.6, 0.2, -0.9, 0.3, 90.0],
    "even": [0.1, -0.4, 0.6, 0.2, -0.9, 0.5],
    "far from the baseline": [20.1, 19.6, 20.6, 20.2, 19.1, 20.5],
    "too few for bounds": [0.1, -0.4, 0.6, 20.0],
    "many": [*np.linspace(-1, 2, 17), 30.0],
    "all equal": [0.5] * 6,
}


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("case", DIFFERENCES)
def test_the_two_intervals_of_a_difference_do_not_contradict_each_other(case, better):
    """They are of one test: the adjusted one holds the other, and one comparison has one."""
    values = DIFFERENCES[case]
    frames = []
    for others in (["ours"], ["ours", "mine"]):
        rows = [(n, s, 100 + gap) for n in others for s, gap in enumerate(values)]
        rows += [("theirs", s, 100.0) for s in range(len(values))]
        table = pd.DataFrame(rows, columns=["label", "seed", "value"])
        one = compare.compare_table(table, baseline="theirs", better=better)
        frames.append((one, one.table.loc["ours"]))
    (alone, single), (_, several) = frames
    bounded = len(values) >= 6
    assert np.isfinite(single.difference_low)
    assert np.isfinite(single.adjusted_low) == bounded
    assert "adjusted" not in formatted(alone.table, alone.measure)
    assert (single.difference_low, single.difference_high) == pytest.approx(
        (several.difference_low, several.difference_high)
    )
    if bounded:
        assert single.adjusted_low == single.difference_low
        assert single.adjusted_high == single.difference_high
        assert (single.difference_low > 0 or single.difference_high < 0) == (single.p < 0.05)
        assert several.adjusted_low <= several.difference_low
        assert several.adjusted_high >= several.difference_high


def test_it_stands_among_the_notes():
    gaps = [-0.4, 0.5, -0.3, 0.4, -0.2, 0.3, -0.1, 0.2]
    rows = [("ours", s, gap) for s, gap in enumerate(gaps)]
    rows += [("theirs", s, 0.0) for s in range(len(gaps))]
    table = pd.DataFrame(rows, columns=["label", "seed", "value"])
    for margin, told in ((2.0, False), (0.31, True)):
        one = compare.compare_table(table, baseline="theirs", margin=margin)
        assert one.table.verdict["ours"] == "equivalent"
        assert any("no contradiction" in note for note in one.notes) == told


def compared(tmp_path, text: str, **columns: str) -> compare.ForeignComparison:
    (tmp_path / "results.csv").write_text(text)
    return compare.compare_table(
        tmp_path / "results.csv", **{"label": "method", "value": "acc"} | columns
    )


def lines(head: str, values: dict[str, list[float]], form: str = "{},{},{}") -> str:
    rows = [form.format(m, s, v) for m, all_ in values.items() for s, v in enumerate(all_)]
    return "\n".join([head, *rows, ""])


VALUES = {"relu": [0.5, 0.6, 0.7], "tanh": [0.6, 0.7, 0.9]}


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_recognized(tmp_path, separator):
    text = lines("method,seed,acc", VALUES).replace(",", separator)
    assert compared(tmp_path, text).final.to_dict("list") == VALUES


def test_labels_may_be_numbers():
    rows = [(rate, seed, rate + seed) for rate in (0.1, 0.01) for seed in range(6)]
    compared = compare.compare_table(
        pd.DataFrame(rows, columns=["lr", "seed", "value"]), label="lr"
    )
    assert set(compared.table.index) == {"0.1", "0.01"}


def test_blanks_around_labels_do_not_make_another_method(tmp_path):
    text = (
        lines("method,seed,acc", VALUES).replace("tanh,1", "tanh ,1").replace("tanh,2", " tanh,2")
    )
    assert compared(tmp_path, text).final.to_dict("list") == VALUES


def test_epochs_are_numbers(tmp_path):
    """As texts, epoch 9 would be the last of ten."""
    epochs = {f"{m},{s},{{}}": v for m, all_ in VALUES.items() for s, v in enumerate(all_)}
    rows = [f"{at.format(e)},{v - (e != 10)}" for at, v in epochs.items() for e in (2, 9, 10)]
    text = "\n".join(["method,seed,epoch,acc", *rows])
    found = compared(tmp_path, text, epoch="epoch").final
    assert found.to_dict("list") == VALUES
    named = "\n".join([rows[0], *rows]).replace(",9,", ",epoch 9,").replace(",10,", ",epoch 10,")
    with pytest.raises(ValueError, match="epoch must be a number in every row, got 'epoch 9'"):
        compared(tmp_path, "method,seed,epoch,acc\n" + named, epoch="epoch")
    early = "\n".join(["method,seed,epoch,acc", *rows[:-1]])
    with pytest.raises(ValueError, match="seed 2 of tanh ends at epoch 9, and others at 10; leave"):
        compared(tmp_path, early, epoch="epoch")


def test_methods_that_end_at_different_epochs_are_not_compared(tmp_path):
    """gelu is ahead at every epoch that both have, and behind only because it stopped."""
    rows = [("relu", s, e, e / 10 + s / 100) for s in range(7) for e in (1, 2, 3, 4)]
    rows += [("gelu", s, e, e / 10 + 0.03 + s / 100) for s in range(7) for e in (1, 2)]
    table = pd.DataFrame(rows, columns=["method", "seed", "epoch", "acc"])
    columns = {"label": "method", "value": "acc"}
    with pytest.raises(
        ValueError,
        match="the table: gelu ends at epoch 2, and others at 4; leave out what is after 2, the"
        " last that all have, or leave one row of each seed, the one that counts, and name no",
    ):
        compare.compare_table(table, **columns, epoch="epoch")
    early = compare.compare_table(table[table.epoch <= 2], **columns, epoch="epoch")
    assert early.table.verdict["gelu"] == "better"
    last = table.groupby(["method", "seed"]).tail(1)  # lengths that are meant
    assert compare.compare_table(last, **columns).table.verdict["gelu"] == "worse"
    apart = table[(table.method == "relu") | (table.epoch == 1)].replace({"epoch": {1: 0}})
    apart = apart[(apart.method == "gelu") | (apart.epoch > 1)]
    with pytest.raises(ValueError, match="gelu ends at epoch 0, and others at 4; leave one row"):
        compare.compare_table(apart, **columns, epoch="epoch")


@pytest.mark.parametrize(
    ("form", "advice"),
    [
        ("{},{},{:.1%}", "got '50.0%' in .*; write percentages without the sign"),
        ('{},{},"{:.2f}"', ""),
        ('{},{},"0,{:.0f}"', "write numbers without commas"),
        ("{},{},n{}", "take these rows out, or write what such a run counts as"),
        ("{},{},", "got nan in rows 2, 3, 4, 5, 6 and 1 more; take these rows out"),
    ],
)
def test_advice_on_what_is_no_number(tmp_path, form, advice):
    text = lines("method,seed,acc", VALUES, form)
    if not advice:
        assert compared(tmp_path, text).final.to_dict("list") == VALUES
        return
    with pytest.raises(ValueError, match=advice):
        compared(tmp_path, text)


def test_runs_that_did_not_finish_are_named(tmp_path):
    text = lines("method,seed,acc,State", VALUES, "{},{},{},finished")
    assert "State" not in " ".join(compared(tmp_path, text).notes)
    text = text.replace("0.9,finished", "0.9,crashed").replace("0.5,finished", "0.5,Running")
    (said,) = (n for n in compared(tmp_path, text).notes if "State" in n)
    assert said == ("2 rows counted with a number although State says crashed, running: rows 2, 7.")


def test_two_columns_of_one_name(tmp_path):
    text = lines("method,seed,acc,acc", VALUES, "{},{},{},1")
    with pytest.raises(ValueError, match="has several columns acc; rename all but one"):
        compared(tmp_path, text)


SIZES = {  # of the values, and the power of ten by which they are printed
    "bits": (1.0, ""),
    "small, but readable": (3e-4, ""),
    "seconds of a kernel": (4e-6, "×10⁻⁶"),
    "tiny": (1.3e-12, "×10⁻¹²"),
    "huge": (2.5e30, "×10³⁰"),
    "many, but readable": (12_345_678.0, ""),
    "negative and huge": (-7e15, "×10¹⁵"),
    "almost none": (3e-139, "×10⁻¹³⁹"),
    "almost too large": (5e139, "×10¹³⁹"),
}


@pytest.mark.parametrize("case", SIZES)
def test_tiny_and_huge_values_are_printed_by_a_power_of_ten(case, tmp_path, capsys):
    size, power = SIZES[case]
    table = TABLE.assign(acc=TABLE.acc * size)
    table.to_csv(tmp_path / "t.csv", index=False)
    flags = ["--label", "method", "--value", "acc", "--baseline", "theirs", "--unit", "s"]
    given = ["compare", "--table", str(tmp_path / "t.csv"), *flags, "--out", str(tmp_path / "out")]
    assert main(given) == 0
    told = capsys.readouterr()
    assert told.err == ""  # numpy has not warned of anything
    assert f"{power} s".strip() in told.out
    shown = re.findall(r"[-+]?\d+\.?\d*", told.out.partition("verdict  seeds")[2])
    assert max(map(len, shown)) <= 10
    one = compare.compare_table(table, label="method", value="acc", baseline="theirs")
    usual = compare.compare_table(TABLE, label="method", value="acc", baseline="theirs")
    pd.testing.assert_series_equal(one.table.p_holm[usual.table.index], usual.table.p_holm)
    written = pd.read_csv(tmp_path / "out" / "comparison.csv").set_index("activation")
    np.testing.assert_allclose(written.value, one.table.value, rtol=1e-12)  # as they are
    latex = (tmp_path / "out" / "comparison.tex").read_text(encoding="utf-8").split("\n", 1)[1]
    assert latex.isascii()


def test_one_row_of_another_size_leaves_the_others_their_digits():
    boom = TABLE[TABLE.method == "theirs"].assign(method="boom")
    table = pd.concat([TABLE, boom.assign(acc=boom.acc * 1e18)])
    given = {"label": "method", "value": "acc", "baseline": "theirs"}
    alone, beside = (compare.compare_table(t, **given) for t in (TABLE, table))
    assert beside.measure == alone.measure
    shown, usual = (formatted(one.table, one.measure) for one in (beside, alone))
    assert (shown.iloc[:, :2].loc[usual.index] == usual.iloc[:, :2]).all(axis=None)
    assert re.fullmatch(r"\d\.\d{3}e\+\d\d", shown.iloc[:, 0]["boom"])


def test_values_that_differ_in_their_last_digits_are_not_called_equal():
    seeds = range(8)
    lines = [(n, s, 1e13 + a * s + b) for n, a, b in (("a", 1, 0), ("b", 2, 1)) for s in seeds]
    one = compare.compare_table(
        pd.DataFrame(lines, columns=["label", "seed", "value"]), better="lower"
    )
    assert one.table.verdict["b"] == "worse"
    assert one.answers["Which?"].startswith("a has the lowest mean value")
    assert (one.table.value_low < one.table.value_high).all()


@pytest.mark.parametrize("size", [1e308, -1e200, 1e-300, 5e-324])
def test_values_whose_squares_no_computer_holds_are_refused(size):
    table = TABLE.assign(acc=size)
    with pytest.raises(ValueError, match="acc must lie between 1e-140 and 1e") as error:
        compare.compare_table(table, label="method", value="acc")
    assert f"got {abs(size):g}; give it in another unit" in str(error.value)


ENCODINGS = {  # of a file, the flag, and whether it is read without one
    "utf-8": ("utf-8", True),
    "utf-8 with its mark": ("utf-8-sig", True),
    "utf-16 with its mark": ("utf-16", True),
    "latin-1": ("latin-1", False),
    "of Windows": ("cp1252", False),
    "utf-16 without a mark": ("utf-16-le", False),
}


@pytest.mark.parametrize("case", ENCODINGS)
def test_a_file_is_read_in_the_encoding_that_is_named(case, tmp_path, capsys):
    encoding, read = ENCODINGS[case]
    file = tmp_path / "t.csv"
    table = TABLE.replace({"method": {"ours": "größe"}})
    file.write_bytes(table.to_csv(index=False).encode(encoding))
    given = ["compare", "--table", str(file), "--label", "method", "--value", "acc"]
    assert main([*given, "--encoding", encoding]) == 0
    named = capsys.readouterr().out
    assert "größe has the highest mean acc" in named
    assert main(given) == (0 if read else 2)
    told = capsys.readouterr()
    if read:
        assert told.out == named
    else:
        assert told.err.count("\n") == 1
        assert re.search("--encoding|cannot be read as CSV|unknown column", told.err)


def test_an_encoding_that_nobody_knows_is_named(tmp_path, capsys):
    file = tmp_path / "t.csv"
    TABLE.to_csv(file, index=False)
    assert main(["compare", "--table", str(file), "--encoding", "klingon"]) == 2
    assert "encoding must be one that Python knows, got 'klingon'" in capsys.readouterr().err


def test_files_may_be_named_from_home(tmp_path, monkeypatch):
    (tmp_path / "own.csv").write_text(
        "label,seed,value\n" + "".join(f"{n},{s},{s}\n" for n in ("a", "b") for s in (1, 2))
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    page = write_foreign(compare.compare_table("~/own.csv"), "~/page")
    assert page == tmp_path / "page" / "comparison.html"


NAMES = ("relu", "ReLU", "mine", "gelu", "swish")


def test_a_page_has_the_names_of_the_file(tmp_path):
    """Two methods are two, also where afnlab would call both ReLU."""
    table = results(**{name: at / 1000 for at, name in enumerate(NAMES)})
    one = compare.compare_table(table, label="method", value="acc")
    text = re.sub("</?wbr>", "", write_foreign(one, tmp_path).read_text())
    rows = re.findall('<th scope="row">(.*?)</th>', text)
    assert rows == list(map(str, one.table.index))
    assert set(rows) == set(NAMES)
    assert re.search('<th scope="col"[^>]*>method</th>', text)
    assert re.search('<th scope="col"[^>]*>difference to relu</th>', text)
    assert not re.search("activation|GELU|Swish", text.partition("</head>")[2])
    tips = set(re.findall(r"data-tip=.\[&?(?:quot;|\")?(\w+)", text))
    assert tips == set(NAMES)
    assert (tmp_path / "comparison.md").read_text().count("| method | acc |") == 1


def test_nothing_is_said_that_a_file_does_not_say(tmp_path):
    """Whether there were epochs, and whether seeds shared their examples."""
    one = compare.compare_table(TABLE, label="method", value="acc", baseline="theirs", margin=0.01)
    write_foreign(one, tmp_path)
    for name in ("comparison.html", "comparison.md", "comparison.tex"):
        text = (tmp_path / name).read_text()
        assert "Mean acc over 8 seeds" in text
        assert "same examples" not in text
        assert "not in examples" not in text
        if not name.endswith("tex"):  # which has no figure
            assert "(ticks: unadjusted). Filled circles: it excludes 0" in text
            assert "Shaded: within the margin." in text
    steps = compare.compare_table(TABLE.assign(step=5), label="method", value="acc", epoch="step")
    assert steps.legend.startswith("Mean acc at the last step over 8 seeds")


def test_the_page_is_written_before_anything_is_printed(tmp_path, monkeypatch):
    """Who reads but the first lines, as with `| head`, ends what prints the others."""
    TABLE.to_csv(tmp_path / "t.csv", index=False)

    def ends(*_: object) -> None:
        raise ValueError("nobody reads this")

    monkeypatch.setattr("afnlab.cli.compare.say_comparison", ends)
    words = ["--table", str(tmp_path / "t.csv"), "--label", "method", "--value", "acc"]
    assert main(["compare", *words, "--out", str(tmp_path / "page")]) == 2
    assert (tmp_path / "page" / "comparison.html").is_file()
