"""`--only`: some runs of a sweep, some rows of a comparison or a report."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from afnlab.cli import main
from afnlab.compare import select, select_runs, train_confirmation
from afnlab.report.sections.first_screen import _rows_alone
from afnlab.runs import filtering, staleness
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.run_spec import RunSpec
from afnlab.runs.storage import runs_folder
from afnlab.runs.sweeps import sweep_file, until_decided
from tests.runs.sweeps.test_run_sweep import OWN
from tests.runs.test_runs import small_runs

GRID = {
    "relu": {},
    "relu(lr=0.01)": {"lr": 0.01},
    "srelu": {"activation": "srelu"},
    "srelu(lr=0.01, t=1)": {"activation": "srelu", "t": 1.0, "lr": 0.01},
    "gelu(lr=0.01)": {"activation": "gelu", "lr": 0.01},
}
TYPED = {  # what is typed, and which of these it means
    "activation=srelu": ["srelu", "srelu(lr=0.01, t=1)"],
    "activation=SReLU, GELU": ["srelu", "srelu(lr=0.01, t=1)", "gelu(lr=0.01)"],
    "activation=[gelu, relu]": ["relu", "relu(lr=0.01)", "gelu(lr=0.01)"],
    "lr=0.01": ["relu(lr=0.01)", "srelu(lr=0.01, t=1)", "gelu(lr=0.01)"],
    "lr=1e-2": ["relu(lr=0.01)", "srelu(lr=0.01, t=1)", "gelu(lr=0.01)"],
    "lr=0.001,0.01": list(GRID),
    "t=1": ["srelu(lr=0.01, t=1)"],  # as its label has it
    "t=1.0": ["srelu(lr=0.01, t=1)"],
    "label=srelu(lr=0.01, t=1),relu": ["relu", "srelu(lr=0.01, t=1)"],
    "task=Digits-MLP": list(GRID),
}
WRONG = {
    "activatoin=relu": "only: unknown key 'activatoin'; did you mean 'activation'?",
    "activation=sreluu": "only: no run has activation = sreluu; did you mean 'srelu'?",
    "activation=relu,gellu": "only: no run has activation = gellu; did you mean 'gelu'?",
    "activation=elu": "only: no run has activation = elu; there are: gelu, relu, srelu",
    "lr=0.02": "only: no run has lr = 0.02; there are: 0.001, 0.01",
    "activation=,": "only: no run has activation = ; there are: gelu, relu, srelu",
    "label=selu": "only: no run has label = selu; did you mean 'srelu'?",
}


@pytest.fixture(scope="module")
def specs() -> dict[str, RunSpec]:
    return {
        label: RunSpec.make("train", {"activation": "relu", "seeds": 2, **given})
        for label, given in GRID.items()
    }


def chosen(specs, *texts: str) -> list[str]:
    found = sweep_file.chosen(list(specs.values()), filtering.parsed(texts))
    return [spec.training.label for spec in found]


@pytest.mark.parametrize("text", TYPED)
def test_one_value_or_several(text, specs):
    assert chosen(specs, text) == TYPED[text]
    only = filtering.parsed([text])
    again = filtering.parsed(filtering.as_flags(only))
    assert sweep_file.chosen(list(specs.values()), again) == [specs[n] for n in TYPED[text]]


def test_the_flag_may_be_repeated(specs):
    assert chosen(specs, "activation=relu", "lr=0.01") == ["relu(lr=0.01)"]
    with pytest.raises(ValueError, match=r"'lr' is given twice; .* as in lr=0.1,0.2"):
        filtering.parsed(["lr=0.1", "lr=0.2"])
    assert chosen(specs) == list(GRID)
    with pytest.raises(ValueError, match="--only takes KEY=VALUE, got 'relu'"):
        filtering.parsed(["relu"])


@pytest.mark.parametrize("text", WRONG)
def test_what_none_has_is_one_line(text, specs):
    with pytest.raises(ValueError, match="only: ") as error:
        chosen(specs, text)
    assert str(error.value).startswith(WRONG[text])


def test_what_was_chosen_in_words():
    only = {"activation": ["srelu", "GELU"], "lr": 0.01}
    assert filtering.described(only) == "activation = srelu or gelu, lr = 0.01"
    line = command("sweep", "my.yaml", only=tuple(filtering.as_flags(only)))
    assert line == "afnlab sweep my.yaml --only activation=srelu,gelu --only lr=0.01"


@pytest.fixture
def folder(specs, tmp_path, monkeypatch):
    """A folder with these runs, as far as their records go."""
    keep(specs.values(), monkeypatch)
    return tmp_path


def keep(specs: Iterable[RunSpec], monkeypatch) -> None:
    """Have every folder hold these runs, as far as their records go."""
    records = [
        {
            "id": spec.id,
            "group": spec.group,
            "label": spec.label,
            "notebook": "train.ipynb",
            "seeds": [0, 1],
            "parameters": spec.normal,
            "given": spec.parameters,
            **spec.facts,
        }
        for spec in specs
    ]
    monkeypatch.setattr(runs_folder, "records", lambda _: records)
    monkeypatch.setattr(runs_folder, "failures", lambda _: [])
    monkeypatch.setattr(
        staleness, "states", lambda all_: {r["id"]: staleness.CURRENT for r in all_}
    )


def made_by(part, specs) -> set[str]:
    """The rows of which the page's command makes more seeds."""
    only = filtering.parsed(filtering.as_flags(_rows_alone(part)))
    return {spec.group for spec in sweep_file.chosen(list(specs.values()), only)}


def rows_of(part) -> set[str]:
    return {one.group for one in part.rows.values()}


# What is typed and the baseline, and the rows of each table, of which there is one for each rate
# unless the baseline is of one.
ROWS = {
    ("activation=srelu", ""): ([["relu", "srelu"], ["relu", "srelu(t=1)"]], "relu"),
    ("activation=gelu,srelu", "gelu"): (
        [["srelu", "srelu(lr=0.01, t=1)", "gelu(lr=0.01)"]],
        "gelu(lr=0.01)",
    ),
    ("lr=0.01", ""): ([["relu", "srelu(t=1)", "gelu"]], "relu"),  # the rate is that of all
    ("activation=gelu & lr=0.01", ""): ([["relu", "gelu"]], "relu"),  # ReLU at that rate, too
    ("activation=srelu & t=1.0", ""): ([["relu", "srelu(t=1)"]], "relu"),
    ("activation=gelu & lr=0.01", "relu"): ([["relu", "gelu"]], "relu"),
    ("label=gelu(lr=0.01)", "srelu(lr=0.01, t=1)"): ([["srelu(t=1)", "gelu"]], "srelu(t=1)"),
}


@pytest.mark.parametrize(("text", "baseline"), ROWS)
def test_a_comparison_of_some_rows_keeps_its_baseline(text, baseline, folder, specs):
    parts = select(folder, baseline=baseline, only=filtering.parsed(text.split(" & ")))
    tables, base = ROWS[text, baseline]
    assert [list(part.rows) for part in parts] == tables
    for part in parts:
        assert part.baseline == base
        assert {r["group"] for r in part.records} == rows_of(part)
        assert made_by(part, specs) == rows_of(part)
    whole = select(folder, baseline=baseline)
    assert set.union(*map(rows_of, whole)) == {spec.group for spec in specs.values()}
    assert all(part.only == {} for part in whole)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("activation=sreluu", "only: no run has activation = sreluu; did you mean 'srelu'?"),
        ("rate=0.1", "only: unknown key 'rate'"),
        ("relu", "--only takes KEY=VALUE, got 'relu'"),
    ],
)
@pytest.mark.parametrize("name", ["compare", "report"])
def test_the_command_line_says_what_is_wrong(name, typed, said, capsys):
    assert main([name, "--runs", str(small_runs()), "--only", typed]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_the_comparison_says_that_it_is_of_some(capsys):
    words = ["--runs", str(small_runs()), "--only", "activation=srelu"]
    assert main(["compare", *words]) == 0
    out = capsys.readouterr().out
    assert "These are not all runs: only activation = srelu, beside the baseline." in out
    assert main(["compare", "--runs", str(small_runs())]) == 0
    assert "not all runs" not in capsys.readouterr().out


def test_missing_runs_are_made_by_the_command_that_is_named(tmp_path):
    with pytest.raises(select_runs.NoRuns, match="--only activation=selu,gelu"):
        select(tmp_path, "default", only={"activation": "SELU,gelu"})


def test_tunings_that_differ_in_range_alone_have_headings_of_their_own(tmp_path, monkeypatch):
    ranges = {f"lr from 0.001 to {end:g}": {"from": 0.001, "to": end} for end in (0.1, 1.0)}
    tunings = [{"lr": axis, "budget": 4} for axis in ranges.values()]
    specs = [RunSpec.make("train", {"activation": "relu", "tune": one}) for one in tunings]
    keep(specs, monkeypatch)
    parts = select(tmp_path)
    for part, words in zip(parts, ranges, strict=True):
        tuned = f"lr tuned, 4 candidates, {words}"
        assert part.setting == f"digits-mlp, 40 epochs, {tuned}"
        assert part.brief == f"digits-mlp, {words}"
    assert parts[0].name != parts[1].name
    keep([RunSpec.make("train", {"activation": "relu", "tune": tunings[0]})], monkeypatch)
    (part,) = select(tmp_path)
    assert part.setting == "digits-mlp, 40 epochs, lr tuned, 4 candidates"


def test_a_file_may_be_called_by_any_of_its_paths(tmp_path, monkeypatch):
    for folder in ("here", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "my.py").write_text(f"{OWN}\nfolder = {folder!r}\n")
    monkeypatch.chdir(tmp_path / "here")
    asked = ["my.py:bent", "../other/my.py:bent", "relu"]
    specs = [RunSpec.make("train", {"activation": name}) for name in asked]
    for typed, meant in {
        "my.py:bent": specs[:2],  # what both are called
        "./my.py:bent": specs[:1],
        "../here/my.py:bent": specs[:1],
        "../other/my.py:bent": specs[1:2],
        f"{tmp_path}/other/my.py:bent, relu": specs[1:],
    }.items():
        assert sweep_file.chosen(specs, {"activation": typed}) == meant
    facts = sweep_file.facts(specs[0])
    assert filtering.has(facts, "activation", "./my.py:bent")
    assert not filtering.has(facts, "activation", "../other/my.py:bent")
    with pytest.raises(ValueError, match=r"activation = \./no\.py:bent; .*there are: my\.py:bent"):
        sweep_file.chosen(specs, {"activation": "./no.py:bent"})
    with pytest.raises(ValueError, match="unknown key 'files'"):
        sweep_file.chosen(specs, {"files": "./no.py:bent"})
    keep(specs, monkeypatch)
    files = {f"{name}/my.py:bent": f"{tmp_path}/{name}/my.py:bent" for name in ("here", "other")}
    for typed, label in {
        "./my.py:bent": "here/my.py:bent",
        "../other/my.py:bent": "other/my.py:bent",
        "other/my.py:bent": "other/my.py:bent",  # as the table calls it
    }.items():
        (part,) = select(tmp_path, baseline=typed)
        assert (list(part.rows), part.baseline) == ([*files, "relu"], label)
        (part,) = select(tmp_path, baseline=typed, only={"activation": "relu"})
        assert part.rows[part.baseline].reference == files[label]
        assert train_confirmation._row(select(tmp_path), typed, [], "")[1] == label


def test_a_baseline_may_be_called_by_any_path_of_its_file(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "my.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "here" / "own.yaml"
    for name in ("my.py:bent", "./my.py:bent", "here/my.py:bent", "./my.py:bent(b=2)"):
        grid = {"grid": {"activation": ["my.py:bent", {"my.py:bent": {"b": 2.0}}, "relu"]}}
        file.write_text(json.dumps(grid | {"baseline": name}))
        plan = sweep_file.read(file)
        specs = plan.specs(seeds=1)
        base = specs[1 if "(" in name else 0].group
        assert base not in until_decided.Comparisons.of(specs, plan.baseline).against
        ((_, chosen),) = until_decided.baselines(specs, "here/my.py:bent")
        assert chosen is specs[0]
    file.write_text(json.dumps(grid | {"baseline": "./no.py:bent"}))
    with pytest.raises(sweep_file.SweepError, match="unknown baseline"):
        sweep_file.read(file).specs()
