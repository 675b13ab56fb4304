"""The folder of runs: whole or not there, and what is not whole told by name."""

from __future__ import annotations

import errno
import json
import os
import shutil
import warnings
from pathlib import Path

import pytest

from afnlab import compare
from afnlab.cli import main
from afnlab.runs import RunFailed, RunSpec, execute, load, records, staleness
from afnlab.runs.storage import atomic_write, maintenance, runs_folder
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.storage.location import place
from tests.runs.test_runs import ID, RECORD, SMALL, kernels, rewrite, small_runs

OLD = Path(__file__).parent / "old"


@pytest.fixture
def runs(tmp_path) -> Path:
    return shutil.copytree(small_runs(), tmp_path / "runs")


def test_old_records_stay_readable():
    """A run as schema 1 wrote it."""
    (record,) = records(OLD)
    assert (record["schema"], record["native"], record["seeds"]) == (1, False, [0, 1])
    table = load(OLD)
    assert table.label.unique().tolist() == ["srelu"]
    assert sorted(table.seed.unique()) == [0, 1]
    assert [run.value for run in maintenance.listing(OLD)] == pytest.approx([1 / 9])
    assert RunSpec.of_record(record).training.options.activation == {}


def test_old_records_are_told_apart_by_what_they_lack(tmp_path):
    runs = shutil.copytree(OLD, tmp_path / "runs")
    next(runs.glob("*/history.parquet")).unlink()
    with pytest.warns(UserWarning, match=r"history\.parquet: is missing"):
        assert records(runs) == []


def test_a_run_is_summed_up_in_its_record(runs):
    for record in records(runs):
        assert record["schema"] == runs_folder.SCHEMA
        assert set(record["files"]) == {"history.parquet", "notebook.ipynb"}
        for name, known in record["files"].items():
            assert (runs / record["id"] / name).stat().st_size == known["bytes"]


def test_a_training_may_end_within_an_epoch(runs):
    """As airbench's do, with 9.9 epochs."""
    record = records(runs)[0]
    epochs = record["parameters"]["epochs"]
    rewrite(runs / record["id"], parameters=record["parameters"] | {"epochs": epochs - 0.1})
    kept = {r["id"]: r["parameters"]["epochs"] for r in records(runs)}
    assert kept[record["id"]] == epochs - 0.1
    assert record["id"] in set(load(runs).run)


def edited(record: dict) -> str:
    return json.dumps(record | {"metrics": record["metrics"] | {"test_accuracy": 1.0}})


HARM = {
    "edited": (lambda run, r: (run / "record.json").write_text(edited(r)), "has been changed"),
    "cut": (
        lambda run, r: (run / "record.json").write_text(json.dumps(r)[:-9]),
        "is not a readable record",
    ),
    "empty": (lambda run, r: (run / "record.json").write_text(""), "is not a readable record"),
    "binary": (
        lambda run, r: (run / "record.json").write_bytes(b"\xff\xfe\0"),
        "is not a readable record",
    ),
    "kinds": (
        lambda run, r: (run / "record.json").write_text(json.dumps(r | {"seeds": 3})),
        "seeds cannot be 3",
    ),
    "schema": (
        lambda run, r: (run / "record.json").write_text(json.dumps(r | {"schema": "2"})),
        "schema cannot be '2'",
    ),
    "history-cut": (
        lambda run, r: os.truncate(run / "history.parquet", 100),
        r"history\.parquet: has 100 bytes, had",
    ),
    "history-gone": (lambda run, r: (run / "history.parquet").unlink(), "is missing"),
    "folder": (
        lambda run, r: ((run / "record.json").unlink(), (run / "record.json").mkdir()),
        "is not a readable record",
    ),
}


@pytest.mark.parametrize("name", HARM)
def test_a_run_that_is_not_whole_is_named_left_out_and_made_again(runs, name, capsys):
    harm, message = HARM[name]
    hurt, whole = records(runs)
    harm(runs / hurt["id"], hurt)
    with pytest.warns(UserWarning, match=f"left out .*{hurt['id']}.*{message}"):
        assert [r["id"] for r in records(runs)] == [whole["id"]]
    with pytest.warns(UserWarning, match="left out"):
        chosen = compare.select(runs, baseline=whole["parameters"]["label"])
    assert [r["id"] for r in chosen[0].records] == [whole["id"]]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["runs", "list", "--runs", str(runs)]) == 0
    out, err = capsys.readouterr()
    assert whole["id"] in out
    assert hurt["id"] in err
    spec = RunSpec.of_record(hurt)
    assert spec.id == hurt["id"]
    execute(spec, runs, threads=1, server=kernels())
    assert {r["id"] for r in records(runs)} == {hurt["id"], whole["id"]}
    (torn,) = [path for path, _ in maintenance.waste(place(runs))]
    assert torn.name.startswith(f".torn-{hurt['id']}")


def test_a_history_that_is_no_table_is_named(runs):
    bad = sorted(runs.glob("*/history.parquet"))[0]
    bad.write_bytes(b"x" * bad.stat().st_size)
    with pytest.warns(UserWarning, match=rf"left out {bad}: is not what was written"):
        assert load(runs).run.nunique() == 1
    rewrite(bad.parent)  # its sum is that of no table
    with pytest.warns(UserWarning, match=rf"left out {bad}: is not readable"):
        assert load(runs).run.nunique() == 1


def test_what_is_under_way_is_no_run_and_no_waste(tmp_path):
    under_way = Attempt(tmp_path, "ab")
    (under_way.folder / "record.json").write_text("{")
    assert records(tmp_path) == []
    assert atomic_write.abandoned(tmp_path) == []
    os.close(under_way._lock)  # as when its process ends
    assert atomic_write.abandoned(tmp_path) == [under_way.folder]
    atomic_write.discard(under_way.folder)
    assert list(tmp_path.iterdir()) == []


def test_locks_without_a_folder_go_when_they_are_old(tmp_path):
    lock = tmp_path / ".attempt-ab-1.lock"
    lock.touch()
    assert atomic_write.abandoned(tmp_path) == []
    os.utime(lock, (0, 0))
    assert atomic_write.abandoned(tmp_path) == [lock]


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_full_disk_is_told_and_leaves_no_run(tmp_path, monkeypatch, call):
    spec = RunSpec.make("train", SMALL | {"activation": "relu", "epochs": 1})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if call == "fsync" else (Path, "rename", full)))
    with pytest.raises(RunFailed, match="No space left on device") as failed:
        execute(spec, tmp_path, threads=1, server=kernels())
    monkeypatch.undo()
    assert failed.value.folder.is_dir()
    assert failed.value.link.startswith("file:///")
    assert records(tmp_path) == []
    kept = {p.name for p in tmp_path.iterdir()}
    if call == "fsync":
        assert kept == {".failed"}
        assert (
            runs_folder.failures(tmp_path)[0]["message"]
            == "OSError: [Errno 28] No space left on device"
        )
    else:
        assert atomic_write.abandoned(tmp_path) == [failed.value.folder]
    execute(spec, tmp_path, threads=1, server=kernels())
    assert runs_folder.failures(tmp_path) == []
    assert [r["id"] for r in records(tmp_path)] == [spec.id]


def test_a_failed_attempt_takes_the_place_of_the_last(tmp_path):
    facts = RECORD | {"message": "one"}
    Attempt(tmp_path, ID).fail(facts)
    kept = Attempt(tmp_path, ID).fail(facts | {"message": "two"})
    assert kept == tmp_path / ".failed" / ID
    assert [f["message"] for f in runs_folder.failures(tmp_path)] == ["two"]
    (kept / "error.json").write_text("{}")
    with pytest.warns(UserWarning, match="lacks id, group, label, message, started"):
        assert runs_folder.failures(tmp_path) == []


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for runs in (tmp_path / "file", Path("/proc/nowhere")):
        assert main(["sweep", "small", "--runs", str(runs)]) == 2
        err = capsys.readouterr().err
        assert f"{runs}: cannot hold runs" in err
        assert err.count("\n") == 1


def test_files_outside_of_the_run_are_not_taken_for_its_own(tmp_path):
    record = json.loads((next(small_runs().glob("*/record.json"))).read_text())
    assert all(not Path(name).is_absolute() and ".." not in name for name in record["files"])


OWN = """\
from afnlab import Param, activation

@activation(b=Param(1.0))
def bent(x, b):
    return x.relu() * b
"""


def test_editing_an_activation_makes_its_runs_stale_at_once(tmp_path):
    """Within one session: nothing remembers how the file was."""
    own, runs = tmp_path / "my.py", tmp_path / "runs"
    own.write_text(OWN)
    for activation in ("relu", f"{own}:bent"):
        spec = RunSpec.make("train", SMALL | {"activation": activation, "epochs": 1})
        execute(spec, runs, threads=1, server=kernels())
    (both,) = compare.select(runs)
    assert (set(both.rows), both.stale) == ({"relu", "my.py:bent"}, 0)
    own.write_text(OWN.replace("x.relu()", "x.tanh()"))
    (left,) = compare.select(runs)
    assert (set(left.rows), left.stale) == ({"relu"}, 1)
    assert sorted(run.state for run in maintenance.listing(runs)) == ["done", "stale"]
    own.write_text(OWN)
    (again,) = compare.select(runs)
    assert (set(again.rows), again.stale) == ({"relu", "my.py:bent"}, 0)


def test_runs_of_another_device_are_not_stale(runs):
    """Runs made with a GPU, or with compiled kernels, and looked at without."""
    record = records(runs)[0]
    for device, native in (("cuda", False), ("cpu", True)):
        spec = RunSpec.make(
            "train", record["given"] | {"device": device}, native=native, here=False
        )
        assert spec.id != record["id"]
        other = record | {"group": spec.group, "parameters": spec.normal, "native": native}
        assert staleness.is_current(other)
        assert staleness.state(other) == staleness.CURRENT
