"""Looking after runs: `afnlab runs` and `afnlab rerun`, and the sweep's flags."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from afnlab import stats
from afnlab.cli import main
from afnlab.runs import RunSpec, execution, records, rerun
from afnlab.runs.storage import maintenance, runs_folder
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.storage.location import place
from afnlab.runs.sweeps.local_executor import Local
from tests.report.test_report import SWEEP
from tests.runs.test_runs import RECORD, rewrite, small_runs

pytestmark = pytest.mark.usefixtures("one_server")


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("AFNLAB_RUNS", "AFNLAB_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "two.yaml").write_text(SWEEP)
    return shutil.copytree(small_runs(), tmp_path / "runs")


def with_a_failure(runs: Path, run_id: str = "ffff0000ffff0000", **more: object) -> Path:
    facts = RECORD | {"id": run_id, "label": "mine(x=1)", "message": "ValueError: no", **more}
    return Attempt(runs, run_id).fail(facts)


def test_list(runs, capsys):
    with_a_failure(runs)
    assert main(["runs", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["id", "started", "(UTC)", "state", "run", "seeds", "result", "time"]
    assert lines[0].index("run") == lines[2].index("digits-mlp")  # each above what it heads
    assert [line.split()[3] for line in lines[1:]] == ["failed", "done", "done"]
    for record, line in zip(records(runs), lines[2:], strict=True):
        assert line.startswith(record["id"])
        assert record["label"] in line
        assert "  0, 1  " in line  # its seeds
        assert f"{100 * record['metrics']['test_accuracy']:.2f} %" in line
    assert main(["runs", "list", "--state", "failed"]) == 0
    assert capsys.readouterr().out.count("\n") == 2
    assert main(["runs", "list", "--state", "stale"]) == 0
    assert capsys.readouterr().out == "runs: holds no runs that are stale\n"


def test_show(runs, capsys):
    record = records(runs)[0]
    assert main(["runs", "show", record["id"][:6]]) == 0
    out = capsys.readouterr().out
    assert f"label: {record['label']}\n" in out
    assert f"folder: {runs / record['id']}\n" in out
    failed = with_a_failure(runs)
    assert main(["runs", "show", "ffff"]) == 0
    out = capsys.readouterr().out
    assert "message: 'ValueError: no'" in out
    assert f"folder: {failed}\n" in out


def test_ids_that_mean_nothing_or_too_much(runs, capsys):
    for run_id in ("ffff0000ffff0000", "ffff1111ffff1111"):
        with_a_failure(runs, run_id)
    for ref, message in (
        ("0000", "no run has the id '0000' (see afnlab runs list)"),
        ("ff", "no run has the id 'ff'; give 4 letters or more"),
        ("ffff", "'ffff' may be ffff0000ffff0000 or ffff1111ffff1111"),
    ):
        for command in (["runs", "show", ref], ["runs", "rm", ref], ["rerun", ref]):
            assert main(command) == 2
            err = capsys.readouterr().err
            assert message in err
            assert err.count("\n") == 1
    assert main(["runs", "list", "--runs", "nowhere"]) == 2
    assert "nowhere: no such folder" in capsys.readouterr().err


def test_diff(runs, capsys, monkeypatch):
    one, other = (r["id"] for r in records(runs))
    assert main(["runs", "diff", one, other]) == 0
    out = capsys.readouterr().out
    assert "parameters.activation" in out
    assert "metrics.test_accuracy" in out
    assert "environment.torch" not in out
    values = [r["metrics"]["test_accuracy"] for r in records(runs)]
    gap = 100 * (values[1] - values[0])
    said = out.splitlines()[0].replace("\u2212", "-")
    labels = [r["label"] for r in records(runs)]
    names = f"{labels[1]} - {labels[0]}"
    assert said.startswith(f"{names}: accuracy {gap:+.2f} points, 95 % interval [")
    assert said.endswith(", 2 paired seeds")
    small = stats.SIGN_FLIP._replace(p=lambda _: 1e-4)
    monkeypatch.setattr(stats, "SIGN_FLIP", small)
    assert main(["runs", "diff", one, other]) == 0
    assert ", p < 0.001, 2 paired seeds" in capsys.readouterr().out
    assert main(["runs", "diff", one, one]) == 0
    assert capsys.readouterr().out == "no difference\n"


def test_rm(runs, capsys):
    first, second = (r["id"] for r in records(runs))
    kept = with_a_failure(runs)
    assert main(["runs", "rm", first, "0000"]) == 2  # one that is not there: nothing is deleted
    assert len(records(runs)) == 2
    assert main(["runs", "rm", first, kept.name]) == 0
    assert capsys.readouterr().out == f"removed {first}\nremoved {kept.name}\n"
    assert {p.name for p in runs.iterdir()} == {".failed", second}
    assert not list((runs / ".failed").iterdir())


def test_the_last_run_that_tells_of_a_confirmation_is_kept(runs, capsys):
    note = {"row": "a", "baseline": "b", "label": "srelu"}
    one, other = (r["id"] for r in records(runs))
    for run_id in (one, other):
        rewrite(runs / run_id, confirmation=note, group="0" * 16)
    assert main(["runs", "rm", one, other]) == 2
    said = "is the last run that tells of a confirmation, which counts where p is corrected"
    assert said in capsys.readouterr().err
    assert main(["runs", "gc", "--stale"]) == 0
    (last,) = records(runs)
    assert main(["runs", "gc", "--stale"]) == 0
    assert main(["runs", "rm", last["id"]]) == 2
    assert len(records(runs)) == 1


def test_the_failure_by_which_a_confirmation_shows_nothing_is_kept(runs, capsys):
    """Without it the run of the baseline would tell of one, and p be corrected for it."""
    note = {"row": "a" * 16, "baseline": "b", "label": "mine"}
    base, _ = (r["id"] for r in records(runs))
    rewrite(runs / base, confirmation=note, started="2026-01-02T10:00:00+00:00", seconds=60.0)
    failed = {"group": "a" * 16, "seeds": [0, 1], "confirmation": note}
    kept = with_a_failure(runs, "f" * 16, started="2026-01-02T09:59:00+00:00", **failed)
    assert main(["runs", "gc", "--stale"]) == 0
    assert kept.is_dir()
    capsys.readouterr()
    assert main(["runs", "rm", kept.name]) == 2
    said = capsys.readouterr().err
    assert "failed in a confirmation, which by this alone does not count where p is" in said
    assert base in said
    assert main(["runs", "rm", base, kept.name]) == 0
    assert not kept.exists()


def test_gc(runs, capsys):
    record = records(runs)[0]
    killed = Attempt(runs, "ab")
    killed.leave()
    alive = Attempt(runs, "cd")
    trash = runs / ".trash-12"
    trash.mkdir()
    done = with_a_failure(runs, record["id"])
    outdated = with_a_failure(runs)
    expected = {killed.folder, trash, done, outdated}
    assert {path for path, _ in maintenance.waste(place(runs))} == expected
    assert main(["runs", "gc", "--dry-run"]) == 0
    assert capsys.readouterr().out.count("would remove") == 4
    assert all(p.exists() for p in expected)
    assert main(["runs", "gc"]) == 0
    assert capsys.readouterr().out.count("removed ") == 4
    assert not any(p.exists() for p in expected)
    assert alive.folder.exists()
    alive.drop()
    assert main(["runs", "gc", "--stale"]) == 0
    assert capsys.readouterr().out == "nothing to remove\n"
    assert len(records(runs)) == 2


def test_gc_takes_stale_runs_only_when_asked(runs, capsys):
    first, second = records(runs)
    rewrite(runs / first["id"], group="0" * 16)
    assert [run.state for run in maintenance.listing(runs)] == ["stale", "done"]
    assert main(["runs", "gc"]) == 0
    assert capsys.readouterr().out == "nothing to remove\n"
    assert main(["runs", "gc", "--stale"]) == 0
    assert (
        f"removed {first['id']}: {first['label']}: its code has changed" in capsys.readouterr().out
    )
    assert [r["id"] for r in records(runs)] == [second["id"]]


@pytest.mark.slow
def test_rerun_gives_the_same_bits(runs, capsys):
    record = records(runs)[1]
    before = sorted(runs.rglob("*"))
    assert main(["rerun", record["id"][:8]]) == 0
    out = capsys.readouterr().out
    assert out == (
        f"running {record['label']} again\n"
        "the numbers are the same bits: history.parquet, notebook.ipynb\n"
    )
    assert sorted(runs.rglob("*")) == before


def test_rerun_compares_bits_and_says_what_it_cannot_compare(runs, tmp_path):
    one, other = (runs / r["id"] for r in records(runs))
    record = runs_folder.read_record(one / "record.json")
    assert rerun.compare(one, record, one, record).same == ["history.parquet", "notebook.ipynb"]
    moved = shutil.copytree(one, tmp_path / "moved")
    table = pd.read_parquet(moved / "history.parquet")
    table.loc[0, "seconds"] += 1
    table.to_parquet(moved / "history.parquet")
    assert rerun.compare(one, record, moved, record).differ == []
    table.loc[0, "test_loss"] += 1e-7
    table.to_parquet(moved / "history.parquet")
    (told,) = rerun.compare(one, record, moved, record).differ
    assert told.startswith("history.parquet (test_loss at seed 0, epoch 1: was ")
    assert len(rerun.compare(one, record, other, record).differ) == 1
    for name, value in (("threads", 7), ("device_name", "another"), ("native", "yes")):
        elsewhere = record | {"environment": record["environment"] | {name: value}}
        (reason,) = rerun.compare(one, record, one, elsewhere).refused
        assert reason.startswith(f"{name} was ")
        assert reason.endswith(f"is {value}")


def test_rerun_refuses_a_failed_run(tmp_path, capsys):
    failed = tmp_path / ".failed" / ("a" * 16)
    failed.mkdir(parents=True)
    facts = {"id": failed.name, "group": "b" * 16, "label": "mine", "message": "stopped"}
    (failed / "error.json").write_text(json.dumps(facts | {"started": "2026-01-01T00:00:00"}))
    assert main(["rerun", "aaaa", "--runs", str(tmp_path)]) == 2
    assert "failed, so there is nothing to compare with" in capsys.readouterr().err


def test_rerun_refuses_other_code(runs, capsys, monkeypatch):
    record = records(runs)[0]
    monkeypatch.setattr(RunSpec, "id", "0" * 16)
    assert main(["rerun", record["id"]]) == 2
    assert "its code, notebook or parameters have changed since" in capsys.readouterr().err


def test_sweep_flags(runs, capsys):
    assert main(["sweep", "two.yaml", "--dry-run", "--only", "activation=relu"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    for flags, message in (
        (["--only", "relu"], "--only takes KEY=VALUE, got 'relu'"),
        (["--only", "activation=elu"], "only: no run has activation = elu; there are: relu, srelu"),
        (["--timeout", "0"], "--timeout must be above 0 seconds, got 0"),
        (["--scheduler", "local", "--slurm"], "--scheduler and --slurm exclude each other"),
        (["--gpus-per-run", "9"], "gpus_per_run is 9, this machine has"),
        (["--jobs", "0", "--scheduler", "local"], "jobs must be a whole number"),
        (["--threads", "0"], "threads must be a whole number, 1 or more; got 0"),
        (["--gpus-per-run", "-1"], "gpus_per_run must be a whole number, 0 or more; got -1"),
    ):
        assert main(["sweep", "two.yaml", *flags]) == 2
        out, err = capsys.readouterr()
        assert message in err
        assert (out, err.count("\n")) == ("", 1)


def test_what_failed_before_is_tried_again_only_when_asked(runs, capsys, monkeypatch):
    def results(self, todo, where):
        for spec in todo:
            yield spec, execution.note_failure(spec, where.folder, "OSError: again")

    monkeypatch.setattr(Local, "results", results)
    words = ["sweep", "two.yaml", "--seeds", "3"]
    assert main(words) == 1
    assert "2 runs, 0 present, 2 to do" in capsys.readouterr().out
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert "2 runs, 0 present, 2 failed before, 0 to do" in out
    assert err.count("failed before: digits-mlp") == 2
    assert err.count("file:///") == 2
    assert main([*words, "--dry-run"]) == 0
    assert capsys.readouterr().out.count("failed: OSError: again: seeds 2") == 2
    assert main([*words, "--retry-failed"]) == 1
    assert "2 runs, 0 present, 2 to do" in capsys.readouterr().out


def test_each_run_has_gpus_of_its_own(tmp_path, monkeypatch):
    seen = []

    def attempt(self, spec, where, environment=None):
        seen.append(environment)

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7,8")
    monkeypatch.setattr("afnlab.runs.sweeps.worker.Worker.attempt", attempt)
    local = Local(8, gpus_per_run=2)
    assert local.jobs == 2
    assert len(list(local.results(list(range(6)), place(tmp_path)))) == 6
    assert {e["CUDA_VISIBLE_DEVICES"] for e in seen} <= {"4,5", "6,7"}


def test_records_are_json_to_others(runs):
    for path in runs.glob("*/record.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


def test_the_code_of_two_runs_is_one_line_of_their_difference():
    one = {"label": "a", "code": {"same": "0", "relu.h": "1", "both": "2"}}
    other = {"label": "b", "code": {"same": "0", "gelu.cpp": "3", "both": "4"}}
    rows = maintenance.difference(one, other)
    assert len(rows) == 4
    assert maintenance.with_code_in_a_line(rows) == [
        ("label", "a", "b"),
        ("code", "2 parts: relu.h, both", "2 parts: both, gelu.cpp"),
    ]
    assert maintenance.with_code_in_a_line(rows[:1]) == rows[:1]
    (code,) = maintenance.with_code_in_a_line(maintenance.difference({}, {"code": {"a": "1"}}))
    assert code == ("code", "-", "1 part: a")


def test_a_list_says_which_seeds_and_what_epochs_a_run_has(runs):
    """Where a training has the epochs of its task, nothing is said of them."""
    first, second = records(runs)
    epochs = first["parameters"]["epochs"]
    rewrite(runs / first["id"], task=first["task"] | {"epochs": epochs})
    listed = {run.id: run for run in maintenance.listing(runs)}
    assert [listed[r["id"]].seeds for r in (first, second)] == [(0, 1), (0, 1)]
    assert listed[first["id"]].label == first["label"]
    assert second["task"]["epochs"] != epochs
    assert listed[second["id"]].label == f"{second['label']}, {epochs:g} epochs"
