"""Runs at a URL, through fsspec's memory and local file systems."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from afnlab.cli import main
from afnlab.locks import Claim
from afnlab.runs import RunFailed, RunSpec, load, records, sweep
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.kernel.execute_cells import Means
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.storage.location import place
from afnlab.runs.sweeps import worker
from afnlab.runs.sweeps.local_executor import Local
from afnlab.runs.sweeps.worker import Busy, attempt
from tests.runs.test_runs import SMALL, rewrite, small_runs


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path, monkeypatch) -> Iterator[str]:
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    if request.param == "file":
        yield f"file://{tmp_path}/far"
        return
    yield f"memory://{uuid.uuid4().hex}"
    fsspec.filesystem("memory").store.clear()


def filled(url: str) -> list[dict]:
    """Put copies of the small runs there, as executing them would."""
    made = records(small_runs())
    there = place(url)
    there.workshop.mkdir(exist_ok=True)
    for record in made:
        run = there.workshop / record["id"]
        run.mkdir()
        for path in (small_runs() / record["id"]).iterdir():
            (run / path.name).write_bytes(path.read_bytes())
        there.push(run)
    return made


def elsewhere(monkeypatch, tmp_path) -> None:
    """From here on, another machine."""
    cache = tmp_path / f"cache-{uuid.uuid4().hex[:4]}"
    monkeypatch.setattr("pooch.os_cache", lambda name: cache / name)


def test_what_one_machine_puts_there_another_finds(url, tmp_path, monkeypatch):
    made = filled(url)
    elsewhere(monkeypatch, tmp_path)
    folder = location.folder(url)
    assert records(folder) == made
    for record in made:
        for name in record["files"]:
            original = small_runs() / record["id"] / name
            assert (folder / record["id"] / name).read_bytes() == original.read_bytes()
    assert load(url).equals(load(small_runs()))


def test_a_folder_of_runs_that_was_copied_there_is_read(url, tmp_path):
    """As a synchronizing tool does it: a run's files lie beside its record."""
    far = place(url)
    far.fs.put(f"{small_runs()}/", f"{far.root}/", recursive=True)
    assert records(location.folder(url)) == records(small_runs())
    assert load(url).equals(load(small_runs()))


def test_a_run_without_its_record_is_not_there(url, tmp_path, monkeypatch):
    """As when a machine is lost while it writes: the record goes last."""
    first, second = filled(url)
    far = place(url)
    far.fs.rm_file(far._at(first["id"], "record.json"))
    elsewhere(monkeypatch, tmp_path)
    with pytest.warns(UserWarning, match=f"left out {url}/{first['id']}"):
        assert [r["id"] for r in records(location.folder(url))] == [second["id"]]


@pytest.mark.parametrize("what", ["record", "history"])
def test_what_is_changed_there_is_named_and_left_out(url, tmp_path, monkeypatch, what):
    first, second = filled(url)
    far = place(url)
    if what == "record":
        changed = json.dumps(first | {"label": "better"}).encode()
        far.fs.pipe_file(far._at(first["id"], "record.json"), changed)
    else:
        far.fs.pipe_file(far._at(first["id"], first["sum"][:16], "history.parquet"), b"x")
    elsewhere(monkeypatch, tmp_path)
    with pytest.warns(UserWarning, match=f"left out {url}/{first['id']}: .*(changed|not what)"):
        assert [r["id"] for r in records(location.folder(url))] == [second["id"]]
    assert not list(place(url).folder.glob(".attempt-*"))


def test_two_attempts_at_one_run_do_not_mix(url, tmp_path, monkeypatch):
    made = filled(url)
    again = json.loads(json.dumps(made[0]))
    far = place(url)
    run = far.workshop / again["id"]
    run.mkdir()
    for name in again["files"]:
        (run / name).write_bytes((small_runs() / again["id"] / name).read_bytes())
    (run / "history.parquet").write_bytes(
        (small_runs() / made[1]["id"] / "history.parquet").read_bytes()
    )
    again.pop("files")
    again.pop("sum")
    runs_folder.write_record(run, again, list(run.iterdir()))
    for path in run.iterdir():  # half of the other attempt, then its machine is lost
        if path.name != "record.json":
            far._put(path, run.name, "0123456789abcdef", path.name)
    elsewhere(monkeypatch, tmp_path)
    assert records(location.folder(url)) == made


def test_removed_there_it_is_gone_here(url):
    first, second = filled(url)
    assert main(["runs", "rm", first["id"], "--runs", url]) == 0
    assert [r["id"] for r in records(location.folder(url))] == [second["id"]]
    far = place(url)
    far.fs.rm(far._at(second["id"]), recursive=True)  # by someone else
    assert records(location.folder(url)) == []


def test_a_sweep_of_what_is_there(url, capsys):
    filled(url)
    outcome = sweep({"grid": {"activation": ["relu", "srelu"]}, "parameters": SMALL}, runs=url)
    assert (len(outcome.there), outcome.added, outcome.failed) == (2, [], [])
    assert main(["compare", "--runs", url]) == 0
    assert "digits-mlp, 2 epochs" in capsys.readouterr().out
    assert main(["runs", "list", "--runs", url]) == 0
    assert capsys.readouterr().out.count(" done ") == 2


def test_runs_and_failures_are_put_there(url, tmp_path, monkeypatch):
    """Without kernels: what an executor does after a run was executed, or has failed."""
    source = records(small_runs())[0]

    def execute(spec, runs, means):
        if spec.training.activation.name == "relu":
            new = Attempt(runs, spec.id)
            for name in source["files"]:
                (new.folder / name).write_bytes((small_runs() / source["id"] / name).read_bytes())
            return new.finish({k: v for k, v in source.items() if k not in ("files", "sum")})
        facts = {"id": spec.id, "group": spec.group, "label": "x", "message": "no"}
        facts["started"] = "2026-01-01T00:00:00+00:00"
        raise RunFailed("no", Attempt(runs, spec.id).fail(facts))

    monkeypatch.setattr(worker, "execute", execute)
    good = RunSpec.of_record(source)
    bad = RunSpec.make("train", SMALL | {"activation": "elu"})
    began = time.time() - 60
    assert attempt(good, place(url), Means()) is None
    failed = attempt(bad, place(url), Means())
    assert failed.message == "no"
    elsewhere(monkeypatch, tmp_path)

    # Another sweep, which began before that, leaves it at that.
    monkeypatch.setattr(worker, "execute", None)
    assert attempt(good, place(url), Means(since=began)) is None
    location.folder(url)
    assert attempt(bad, place(url), Means(since=began)).message == "no"
    with Claim(place(url).workshop, good.id), pytest.raises(Busy):
        attempt(good, place(url), Means())

    folder = location.folder(url)
    assert [r["id"] for r in records(folder)] == [good.id]
    assert [f["id"] for f in runs_folder.failures(folder)] == [bad.id]
    assert main(["runs", "rm", bad.id, "--runs", url]) == 0
    assert runs_folder.failures(location.folder(url)) == []


def test_what_could_not_be_taken_there_is_taken_later(url, tmp_path, monkeypatch):
    source = records(small_runs())[0]
    far = place(url)
    run = far.workshop / source["id"]
    run.mkdir(parents=True)
    for path in (small_runs() / source["id"]).iterdir():
        (run / path.name).write_bytes(path.read_bytes())

    def broken(*_):
        raise OSError("no route to host")

    with monkeypatch.context() as patch:
        patch.setattr(type(far), "_put", broken)
        with pytest.raises(ValueError, match="cannot be reached"):
            far.pull()
    far.pull()
    elsewhere(monkeypatch, tmp_path)
    assert [r["id"] for r in records(location.folder(url))] == [source["id"]]


def test_urls_that_cannot_be_opened(capsys):
    assert main(["runs", "list", "--runs", "nowhere://x"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("afnlab: nowhere://x: cannot be opened (Protocol not known")
    assert err.count("\n") == 1


def test_errors_that_only_one_file_system_has_are_one_line(url, monkeypatch, capsys):
    class Unheard(Exception):
        pass

    def lists(*_, **__):
        raise Unheard("no credentials\nand more")

    monkeypatch.setattr(type(place(url).fs), "ls", lists)
    assert main(["runs", "list", "--runs", url]) == 2
    err = capsys.readouterr().err
    assert err == f"afnlab: {url}: cannot be reached (no credentials)\n"


def test_executors_say_how_many():
    assert Local(3).jobs == 3
    with pytest.raises(ValueError, match="jobs must be a whole number"):
        Local(0)


def test_a_place_is_the_same_wherever_it_is_asked_for_later(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AFNLAB_RUNS", "~/mine")
    monkeypatch.chdir(tmp_path)
    relative, of_home, usual = place("mine/runs"), place("~/runs"), place()
    monkeypatch.chdir(tmp_path / "other")
    assert relative.folder == relative.workshop == tmp_path / "mine" / "runs"
    assert relative.name == str(tmp_path / "mine" / "runs")
    assert (of_home.folder, usual.folder) == (tmp_path / "home" / "runs", tmp_path / "home/mine")
    assert (relative.shown, of_home.shown, usual.shown) == ("mine/runs", "~/runs", "~/mine")
    assert runs_folder.records("~/runs") == []


@pytest.mark.parametrize("before", ["file://", "local://", "simplecache::file://"])
def test_a_relative_url_is_that_of_the_folder_it_was_given_in(before, tmp_path, monkeypatch):
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    places = {}
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        places[name] = place(f"{before}far/runs/")
        assert places[name].name == f"{before}{tmp_path}/{name}/far/runs"
        assert places[name].shown == f"{before}far/runs"
        assert places[name].root == f"{tmp_path}/{name}/far/runs"
    one, other = places.values()
    assert one.folder != other.folder
    again = place(one.name)  # as another process asks for it, elsewhere
    assert (again.name, again.folder, again.root) == (one.name, one.folder, one.root)


def test_the_copy_of_an_absolute_url_is_where_it_was(url):
    assert place(f"{url}/").name == url
    assert place(url).folder.name == digest(url)[:16]


def rewritten(far, record: dict, **changes) -> dict:
    """Have a run that is there say something else, as if it had been made again elsewhere."""
    run = small_runs() / record["id"]
    copy = far.workshop / record["id"]
    shutil.copytree(run, copy)
    rewrite(copy, **changes)
    new = runs_folder.read_record(copy / "record.json")
    far._put(copy / "record.json", record["id"], "record.json")
    for name in record["files"]:
        far._put(copy / name, record["id"], new["sum"][:16], name)
    shutil.rmtree(copy)
    return new


@pytest.mark.parametrize("made_elsewhere", [True, False])
def test_a_copy_is_what_is_there_now(url, made_elsewhere):
    first, second = filled(url)
    far = place(url)
    if made_elsewhere:
        other = rewritten(far, first, seconds=1.5)
        assert far.has(first["id"])
        assert runs_folder.read_record(far.folder / first["id"] / "record.json") == other
    other = rewritten(far, first, seconds=2.5)
    assert [r["seconds"] for r in records(location.folder(url))] == [2.5, second["seconds"]]
    far.fs.pipe_file(far._at(first["id"], other["sum"][:16], "history.parquet"), b"x")
    assert len(records(location.folder(url))) == 2  # the copy is what was there when it was whole
    far.fs.pipe_file(far._at(first["id"], "record.json"), b"{}")
    with pytest.warns(UserWarning, match=f"left out {url}/{first['id']}"):
        assert records(location.folder(url)) == [second]
    far.fs.rm_file(far._at(second["id"], "record.json"))
    assert not far.has(second["id"])


@pytest.mark.parametrize("file", ["history.parquet", "record.json"])
def test_a_damaged_copy_is_fetched_anew(url, recwarn, file):
    made = filled(url)
    copy = place(url).folder / made[0]["id"] / file
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert records(location.folder(url)) == made
    assert copy.read_bytes() == whole
    copy.write_bytes(b"")
    assert place(url).has(made[0]["id"])
    assert copy.read_bytes() == whole
    assert not recwarn.list


def test_a_run_replaces_what_is_there_of_it(url):
    """Where its copy is damaged, or another's."""
    first, second = filled(url)
    far = place(url)
    (far.folder / first["id"] / "record.json").write_text("{}")
    shutil.copytree(small_runs() / first["id"], far.workshop / first["id"])
    far.push(far.workshop / first["id"])
    assert records(far.folder) == [first, second]


def test_copies_cost_one_request_a_run(url, monkeypatch):
    filled(url)
    far, asked = place(url), []
    for name in ("ls", "cat_file"):
        real = getattr(far.fs, name)
        monkeypatch.setattr(
            far.fs, name, lambda *a, _real=real, **k: asked.append(a[0]) or _real(*a, **k)
        )
    far.pull()
    assert len(asked) == 2 + 2  # the runs, the failures, and a record of each run


def test_a_failure_is_the_last_one_there(url, tmp_path, monkeypatch):
    far = place(url)
    facts = {"id": "ffff0000ffff0000", "group": "g", "label": "x", "started": "2026-01-01"}
    for message in ("one", "other"):
        kept = Attempt(tmp_path, facts["id"]).fail(facts | {"message": message})
        for path in kept.iterdir():
            far._put(path, ".failed", facts["id"], path.name)
        assert [f["message"] for f in runs_folder.failures(location.folder(url))] == [message]
    far.fs.rm_file(far._at(".failed", facts["id"], "error.json"))
    with pytest.warns(UserWarning, match=facts["id"]):
        assert runs_folder.failures(location.folder(url)) == []


def test_a_file_url_means_what_rfc_8089_says(tmp_path, monkeypatch):
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    shutil.copytree(small_runs(), there := tmp_path / "a %41ä")
    monkeypatch.chdir(there)
    for url in (
        there.as_uri(),
        f"file:{there.as_uri()[7:]}",
        f"file://localhost{there.as_uri()[7:]}",
    ):
        assert len(load(url)) > 0
        far = place(url)
        assert (far.root, far.name) == (str(there), f"file://{tmp_path}/a %2541ä")
        assert place(far.name).folder == far.folder
    assert place("file://.").name == far.name
    assert place(Path(there.as_uri())).root == far.root  # which has lost two slashes
