"""Activations of one name in several files: in sweeps, lists and comparisons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afnlab.cli import main
from afnlab.compare import select, train_confirmation
from afnlab.errors import ParameterError
from afnlab.report.sections.first_screen import _rows_alone
from afnlab.runs import file_labels, filtering
from afnlab.runs.execution import RunFailed
from afnlab.runs.storage import maintenance, runs_folder
from afnlab.runs.sweeps import sweep_file, until_decided
from afnlab.runs.sweeps.labels import labels
from afnlab.runs.sweeps.run_sweep import sweep
from tests.runs.sweeps.test_run_sweep import OWN
from tests.runs.test_filtering import keep

FOLDERS = ("", "b", "c,d (2)")
ROWS = ["b/my.py:bent", "c,d (2)/my.py:bent(b=2)", "own/my.py:bent", "relu"]


@pytest.fixture
def own(tmp_path) -> Path:
    """A folder with three files of one name and a sweep of them, and an empty one."""
    folder = tmp_path / "own"
    for name in FOLDERS:
        (folder / name).mkdir()
        (folder / name / "my.py").write_text(f"{OWN}\nfolder = {name!r}\n")
    (tmp_path / "empty").mkdir()
    return folder


def written(folder: Path, baseline: str = "my.py:bent", **more) -> Path:
    entries = ["b/my.py:bent", {"c,d (2)/my.py:bent": {"b": 2.0}}, "my.py:bent", "relu"]
    file = folder / "own.yaml"
    plan = {"grid": {"activation": entries}, "baseline": baseline, "seeds": 2}
    file.write_text(json.dumps(plan | more))
    return file


@pytest.fixture
def specs(own, monkeypatch):
    """The runs of that sweep, which every folder seems to hold."""
    made = sweep_file.read(written(own)).specs()
    keep(made, monkeypatch)
    return made


def test_a_label_is_an_activation_and_its_settings():
    for name, settings in {
        "relu": "",
        "srelu": "(t=1, slope=2)",
        "./b (2)/my.py:f": "(k=1)",
        "b (2)/my.py:f": "",
        "my.py:Softer squared": "(lr=0.1)",
    }.items():
        assert file_labels.parted(name + settings) == (name, settings)


def test_a_row_may_be_called_in_any_order_and_form_of_its_settings():
    labels = ("tanh(batch_size=32, lr=0.01)", "tanh(batch_size=32)", "a.py:f(k=1)", "f(ab=[1, 2])")
    rows = {
        n: file_labels.Row(file_labels.parted(label)[0], (label,), 1, False, {"gain": "0.001"})
        for n, label in enumerate(labels)
    }
    for typed, meant in {
        "tanh(lr=0.01, batch_size=32)": 0,
        "Tanh(lr=1e-2,batch_size=32.0)": 0,
        "tanh(batch_size=3.2e1)": 1,
        "a.py:f(k=1.0)": 2,
        "f(ab=[1, 2])": 3,
        "tanh(gain=1e-3, batch_size=32)": 1,  # which it has by default
        "tanh(batch_size=32, gain=0.01)": None,
        "tanh(gain=0.001)": None,
        "tanh(lr=0.01)": None,
        "tanh(batch_size=32, lr=0.1)": None,
        "tanh": None,
    }.items():
        assert file_labels.row_of(typed, rows) == meant, typed


def test_a_sweep_is_decided_against_the_baseline_that_it_names(own, tmp_path, monkeypatch):
    for folder in (own, own / "b", tmp_path):
        monkeypatch.chdir(folder)
        for baseline in ("my.py:bent", "./my.py:bent"):
            plan = sweep_file.read(written(own, baseline, seeds="until decided, at most 24"))
            comparisons = until_decided.Comparisons.of(plan.specs(), plan.baseline)
            bases = {spec.parameters["activation"] for spec in comparisons.against.values()}
            assert bases == {f"{own}/my.py:bent"}
            assert len(comparisons.against) == 3
            lines = comparisons.lines(comparisons.decided(tmp_path / "empty", 24))
            heads = [line.partition(", after")[0] for line in lines]
            against = "open, against own/my.py:bent"
            assert heads == [f"digits-mlp {ROWS[n]}: {against}" for n in (0, 1, 3)]


@pytest.mark.parametrize("folder", ["own", "own/b", "empty"])
def test_the_baseline_of_a_sweep_file_lies_beside_it(folder, own, specs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / folder)
    for baseline, label in {
        "my.py:bent": "own/my.py:bent",
        "b/my.py:bent": "b/my.py:bent",
        "c,d (2)/my.py:bent": "c,d (2)/my.py:bent(b=2)",  # its row with the fewest settings
    }.items():
        (part,) = select(tmp_path, written(own, baseline))
        assert (list(part.rows), part.baseline) == (ROWS, label)
        assert len(part.activations) == 4


def test_what_is_typed_is_seen_from_the_current_folder(own, specs, tmp_path, monkeypatch):
    typed = {
        own: {"my.py:bent": 2, "./c,d (2)/my.py:bent": 1, "./b/my.py:bent": 0},
        own / "b": {"my.py:bent": 0, "../my.py:bent": 2, "own/my.py:bent": 2},
        tmp_path / "empty": {"c,d (2)/my.py:bent(b=2)": 1, "own/my.py:bent": 2, "b/my.py:bent": 0},
    }
    for folder, meant in typed.items():
        monkeypatch.chdir(folder)
        for text, number in meant.items():
            (part,) = select(tmp_path, written(own), baseline=text)
            assert part.baseline == ROWS[number]
            if "(2)" not in text or "(b=2)" in text:
                assert train_confirmation._row(select(tmp_path), text, [], "")[1] == ROWS[number]
    said = "several files are called so; it may be b/my.py:bent or .* or own/my.py:bent"
    with pytest.raises(ParameterError, match=rf"baseline 'my\.py:bent': {said}"):
        select(tmp_path, baseline="my.py:bent")
    with pytest.raises(ParameterError, match=rf"row 'my\.py:bent': {said}"):
        train_confirmation._row(select(tmp_path), "my.py:bent", [], "")


def test_a_baseline_that_several_files_may_be_is_refused_with_its_line(own, tmp_path):
    plan = json.loads(written(own).read_text())
    plan["grid"]["activation"] = ["own/b/my.py:bent", "own/my.py:bent", "relu"]
    file = tmp_path / "other.yaml"
    file.write_text(json.dumps(plan))
    with pytest.raises(sweep_file.SweepError, match=r"line 1: baseline .*: several files"):
        sweep_file.read(file).specs()
    file.write_text(json.dumps(plan | {"baseline": "own/my.py:bent(b=3)"}))
    known = r"known: b/my\.py:bent, own/my\.py:bent, relu"
    with pytest.raises(sweep_file.SweepError, match=rf"'own/my\.py:bent\(b=3\)'.*{known}"):
        sweep_file.read(file).specs()


def test_of_two_copies_of_a_file_the_baseline_may_be_either(own):
    (own / "b" / "my.py").write_text((own / "my.py").read_text())
    for baseline in ("my.py:bent", "b/my.py:bent"):
        specs = sweep_file.read(written(own, baseline)).specs()
        assert [spec.row.settings for spec in specs] == [0, 1, 0]
        assert specs[0].parameters["activation"] == f"{own}/{baseline}"


def test_the_runs_of_a_folder_that_was_moved_keep_their_baseline(own, specs, tmp_path):
    moved = own.rename(tmp_path / "moved")
    (part,) = select(tmp_path, moved / "own.yaml")
    assert part.baseline == "moved/my.py:bent"


def test_what_is_given_in_a_call_is_seen_from_the_current_folder(own, monkeypatch):
    (own / "plan.yaml").write_text("parameters: {activation: relu}")
    monkeypatch.chdir(own / "b")
    plan = sweep_file.read("../plan.yaml")
    (spec,) = plan.specs(activation="./my.py:bent")
    assert spec.parameters["activation"] == f"{own}/b/my.py:bent"
    monkeypatch.chdir(own.parent / "empty")
    with pytest.raises(ValueError, match=r"empty/my\.py: no such file"):
        plan.specs(activation="my.py:bent")


def test_only_takes_what_a_list_shows(own, specs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "empty")
    for text, numbers in {
        "activation=c,d (2)/my.py:bent": [1],
        "activation=c,d (2)/my.py:bent,relu": [1, 3],
        "activation=[b/my.py:bent, c,d (2)/my.py:bent]": [0, 1],
        "activation=my.py:bent": [0, 1, 2],
        "label=c,d (2)/my.py:bent(b=2),own/my.py:bent": [1, 2],
    }.items():
        only = filtering.parsed([text])
        assert sweep_file.chosen(specs, only) == [specs[n] for n in numbers]
        again = filtering.parsed(filtering.as_flags(only))
        assert sweep_file.chosen(specs, again) == [specs[n] for n in numbers]
    facts = [sweep_file.facts(spec) for spec in specs]
    only = {"activation": "c,d (2)/my.py:bent,relu"}
    assert filtering.described(only, facts) == "activation = c,d (2)/my.py:bent or relu"


def test_lists_of_runs_say_which_file_is_meant(own, specs, tmp_path, capsys, monkeypatch):
    rows = [f"digits-mlp {label}" for label in ROWS]
    assert list(labels(specs).values()) == rows
    assert labels(specs[2:]) == {
        specs[2].group: "digits-mlp my.py:bent",
        specs[3].group: "digits-mlp relu",
    }
    assert maintenance.labels(runs_folder.records(tmp_path)) == rows
    assert [r["label"] for r in runs_folder.records(tmp_path)] == [s.label for s in specs]
    monkeypatch.undo()
    assert main(["sweep", str(own / "own.yaml"), "--dry-run", "--runs", str(tmp_path / "no")]) == 0
    out = capsys.readouterr().out
    assert all(f"  {label} " in out for label in rows)


class Failing:
    """An executor with which every run fails."""

    running, here = 0, True

    def results(self, specs, where):
        yield from ((spec, RunFailed("no", where.folder)) for spec in specs)


def test_a_sweep_says_which_file_is_meant(own, tmp_path):
    lines: list[str] = []
    outcome = sweep(written(own), runs=tmp_path / "R", executor=Failing(), report=lines.append)
    for row, line in zip(ROWS, lines[-4:], strict=True):
        assert f"] digits-mlp {row}: FAILED" in line
        assert f"\ndigits-mlp {row}: no\n" in repr(outcome)


def test_a_command_for_some_rows_is_of_their_files_alone(specs, tmp_path):
    """A label that two files have is printed with the path of the one, and is read with it."""
    (part,) = select(tmp_path / "empty", only={"activation": "b/my.py:bent"})
    assert [*part.rows] == ["b/my.py:bent", "relu"]
    only = _rows_alone(part)
    assert only == {"label": [f"{tmp_path}/own/b/my.py:bent", "relu"]}
    for typed in (only, filtering.parsed(filtering.as_flags(only))):
        assert sweep_file.chosen(specs, typed) == [specs[0], specs[3]]
    (part,) = select(tmp_path / "empty", only={"activation": "c,d (2)/my.py:bent"})
    only = _rows_alone(part)
    assert only == {"label": ["my.py:bent(b=2)", "relu"]}  # no other has this one
    assert sweep_file.chosen(specs, {"label": f"{tmp_path}/own/c,d (2)/my.py:bent(b=2)"}) == [
        specs[1]
    ]


def test_tunings_that_are_called_alike_say_in_what_they_differ():
    tunings = [
        {"lr": {"from": 0.001, "to": end, "log": True}, "x": [1.0, 2.0], "budget": 6}
        for end in (0.1, 1.0)
    ]
    given = [{"tune": one} for one in (*tunings, tunings[0])]
    label = "digits-mlp relu, tuned lr+x of 6"
    assert file_labels.told_apart([label] * 2, given[:2]) == [
        f"{label} (lr from 0.001 to 0.1 on a log scale)",
        f"{label} (lr from 0.001 to 1 on a log scale)",
    ]
    assert file_labels.told_apart([label] * 2, given[::2]) == [label] * 2  # of two codes
    assert file_labels.told_apart([label, f"{label}'"], given[:2]) == [label, f"{label}'"]
    assert file_labels.told_apart(["own"] * 2, [{"tune": 3}, {"tune": {"a": 1}}]) == ["own"] * 2


def test_a_name_of_the_field_keeps_its_file():
    files = [{"activation": f"/x/{name}/my.py:f"} for name in "ab"]
    labels = ["names-gpt my.py:F-GLU(lr=0.1)", "names-gpt my.py:f"]
    assert file_labels.told_apart(labels, files) == [
        "names-gpt a/my.py:F-GLU(lr=0.1)",
        "names-gpt b/my.py:f",
    ]
    own = [{"activations": [f"/x/{name}/my.py:f", "relu"]} for name in "ab"]
    assert file_labels.told_apart(["nb(activations=['my.py:f', 'relu'])"] * 2, own) == [
        f"nb(activations=['{name}/my.py:f', 'relu'])" for name in "ab"
    ]
