"""What stands in a folder that others may write to: read literally, checked, never followed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import warnings
from pathlib import Path

import fsspec
import nbformat
import pandas as pd
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from afnlab import compare
from afnlab.cli import main
from afnlab.messages import masked
from afnlab.runs import RunFailed, RunSpec, execute, execution, load, records, rerun, sweep
from afnlab.runs.storage import maintenance, runs_folder
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.storage.location import Place, place
from afnlab.runs.sweeps.pending import standings
from tests.runs.test_runs import ID, RECORD, SMALL, execute_small, rewrite, small_runs

# What is left out is named in a warning, here and at the command line.
pytestmark = pytest.mark.filterwarnings("always::UserWarning")


@pytest.fixture
def runs(tmp_path) -> Path:
    return shutil.copytree(small_runs(), tmp_path / "G" / "runs")


def both(folder: Path) -> tuple[dict, dict]:
    one, other = records(folder)
    return one, other


def flipped(path: Path, at: float = 0.3) -> None:
    """One bit of a file is another; its size and its time are what they were."""
    data, times = bytearray(path.read_bytes()), path.stat()
    data[int(at * len(data))] ^= 4
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("name", ["history.parquet", "notebook.ipynb", "parameters.parquet"])
def test_a_flipped_bit_is_never_read(runs, capsys, name):
    hurt, whole = both(runs)
    if name == "parameters.parquet":
        shutil.copy(runs / hurt["id"] / "history.parquet", runs / hurt["id"] / name)
        rewrite(runs / hurt["id"])
    flipped(runs / hurt["id"] / name)
    message = f"left out .*{hurt['id']}/{name}: is not what was written"
    with pytest.warns(UserWarning, match=message):
        assert load(runs).run.unique().tolist() == [whole["id"]]
    with pytest.warns(UserWarning, match=message):
        (chosen,) = compare.select(runs)
    assert [r["id"] for r in chosen.records] == [whole["id"]]
    assert len(chosen.table) == 1
    with pytest.warns(UserWarning, match=message):
        specs = [RunSpec.of_record(r) for r in (hurt, whole)]
        assert [s.missing is None for s in standings(specs, runs)] == [False, True]
    assert not runs_folder.is_there(runs, hurt["id"])
    for command in (["compare"], ["runs", "list"], ["runs", "gc"]):
        assert main([*command, "--runs", str(runs)]) == 0
        assert f"{name}: is not what was written" in capsys.readouterr().err
    with pytest.raises(ValueError, match="is not what was written"):
        record = hurt | {"files": records(small_runs())[0]["files"] | {name: {"sha256": "0" * 64}}}
        rerun.compare(runs / hurt["id"], record, runs / hurt["id"], record)


def test_tables_of_two_runs_that_were_exchanged_are_not_read(runs):
    first, second = sorted(runs.glob("*/history.parquet"))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    with pytest.warns(UserWarning, match="is not what was written|bytes, had"):
        assert records(runs) == []


def test_weights_are_summed_before_a_run_counts_as_made(runs):
    hurt, _ = both(runs)
    path = runs / hurt["id"] / "weights.safetensors"
    path.write_bytes(b"weights" * 1000)
    rewrite(path.parent)
    flipped(path)
    assert len(records(runs)) == 2  # nobody makes numbers of it
    with pytest.warns(UserWarning, match="weights.safetensors: is not what was written"):
        assert len(records(runs, entire=True)) == 1
    assert not runs_folder.is_there(runs, hurt["id"])
    with pytest.warns(UserWarning, match="weights.safetensors: is not what was written"):
        (standing,) = standings([RunSpec.of_record(hurt)], runs)
    assert standing.missing is not None


HISTORIES = {
    "texts": lambda t: t.assign(test_accuracy="high"),
    "no accuracy": lambda t: t.drop(columns="test_accuracy"),
    "above 1": lambda t: t.assign(test_accuracy=1.5),
    "empty": lambda t: t.assign(test_accuracy=float("nan")),
    "another seed": lambda t: t.assign(seed=t.seed + 7),
    "a row twice": lambda t: pd.concat([t.iloc[:-1], t.iloc[:1]]),
    "a row less": lambda t: t.iloc[:-1],
    "half seeds": lambda t: t.assign(seed=t.seed + 0.5),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_that_is_not_of_its_run_is_named(runs, name):
    """Though its sum is right: whoever writes a table can write a sum."""
    hurt, whole = both(runs)
    path = runs / hurt["id"] / "history.parquet"
    HISTORIES[name](pd.read_parquet(path)).to_parquet(path, index=False)
    rewrite(path.parent)
    with pytest.warns(UserWarning, match=f"left out {path}: "):
        (chosen,) = compare.select(runs)
    assert [r["id"] for r in chosen.records] == [whole["id"]]
    assert len(chosen.table) == 1


@pytest.mark.parametrize("name", ["nosuch", "{own}", "../elsewhere.csv", "~nosuch/x", "a\0", ""])
def test_a_record_chooses_no_file_of_published_values(runs, tmp_path, name):
    own = tmp_path / "own.csv"
    own.write_text("task,where,activation,metric,value\ndigits-mlp,secret,relu,accuracy,1\n")
    for record in both(runs):
        task = {**record["task"], "published": name.format(own=own)}
        rewrite(runs / record["id"], task=task)
    (chosen,) = compare.select(runs)
    assert chosen.task.published == name.format(own=own)
    assert chosen.claims.empty


NAMES = [
    "exp[1]",
    "a*b",
    "q?",
    "{x}",
    "{0}",
    "$HOME",
    "%20",
    "%s",
    "#",
    "a b",
    "'",
    '"',
    "\n",
    "-x",
]
NAMES += ["e\u0301", "\u00e9", "~x", "s3:", "[!a]", "**", "x" * 200, "a::b", "\\", ";", "&"]


@pytest.mark.parametrize("name", NAMES)
def test_a_folders_name_is_no_pattern(runs, tmp_path, name):
    expected = load(runs)
    folder = shutil.move(runs, tmp_path / name)
    for other in {name.replace("[1]", "1"), name.replace("*", "X"), name.replace("?", "X")} - {
        name
    }:
        decoy = shutil.copytree(folder, tmp_path / other)
        for path in decoy.glob("*/history.parquet"):
            pd.read_parquet(path).assign(test_accuracy=0.99).to_parquet(path)
    assert load(folder).equals(expected)
    assert runs_folder.histories(folder, records(folder)).equals(
        expected.drop(columns=["task", "activation", "label"])
    )


@pytest.mark.parametrize("name", ["{x}", "-a[1]", "%(b)s {0} ~x"])
def test_runs_are_made_in_folders_of_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    made = execute_small(Path(name), activation="relu", epochs=1)
    assert made.parent == tmp_path / name
    assert load(name).run.unique().tolist() == [made.name]


def test_a_url_with_a_pattern_in_it_is_literal(tmp_path, monkeypatch):
    """Removing from exp[1] would otherwise remove from exp1."""
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    for name in ("exp[1]", "exp1"):
        far = place(f"file://{tmp_path}/{name}")
        for record in records(small_runs()):
            run = shutil.copytree(small_runs() / record["id"], far.workshop / record["id"])
            far.push(run)
        far.push_failed(Attempt(far.workshop, ID).fail(RECORD | {"message": "no"}))
    far = place(f"file://{tmp_path}/exp[1]")
    far.pull()
    far.remove(records(small_runs())[0]["id"])
    far.remove(ID)
    assert len(list((tmp_path / "exp1").glob("*/record.json"))) == 2
    assert (tmp_path / "exp1" / ".failed" / ID / "error.json").is_file()
    assert sorted(p.name for p in (tmp_path / "exp[1]").iterdir()) == [
        ".failed",
        records(small_runs())[1]["id"],
    ]


def deep(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


ERROR = {"name": "error", "key": "error", "better": "lower"}
ODD = {
    "files a list": {"files": []},
    "a file outside": {"files": {"../../x": {"bytes": 1, "sha256": "0" * 64}}},
    "an absolute file": {"files": {"/etc/passwd": {"bytes": 1, "sha256": "0" * 64}}},
    "a file without sum": {"files": {"notebook.ipynb": {}}},
    "environment a text": {"environment": "here"},
    "environment without": {"environment": {}},
    "examples a list": {"environment": {"examples": [1]}},
    "400 digits": {"metrics": {"test_accuracy": 10**400}},
    "infinite": {"metrics": {"test_accuracy": float("inf")}},
    "no number": {"metrics": {"test_accuracy": True}},
    "metrics nested": {"metrics": {"test_accuracy": {"a": 1}}},
    "an accuracy above 1": {"metrics": {"test_accuracy": 1.5}},
    "accuracy unknown": {"metrics": {"test_accuracy": None}},
    "measures none": {"environment": {"measures": []}},
    "measures a text": {"environment": {"measures": "accuracy"}},
    "a measure without a key": {"environment": {"measures": [{"name": "x", "better": "lower"}]}},
    "a measure of no direction": {"environment": {"measures": [ERROR | {"better": "up"}]}},
    "a measure of many decimals": {"environment": {"measures": [ERROR | {"decimals": 10**9}]}},
    "two measures of one key": {"environment": {"measures": [ERROR, ERROR]}},
    "a measure that was not recorded": {"environment": {"measures": [ERROR]}},
    "seconds": {"seconds": 10**400},
    "schema true": {"schema": True},
    "seeds texts": {"seeds": ["0", "1"]},
    "seeds too large": {"seeds": [2**70]},
    "no such date": {"started": "2026-13-45T00:00:00"},
    "deep": {"given": {"x": deep(70)}},
    "too deep": {"given": {"x": deep(600)}},
    "surrogate": {"label": "\ud800"},
    "another id": {"id": "../../../x"},
    "epochs": {"parameters": {"epochs": "2"}},
    "no rate": {"parameters": {"options": {"lr": []}}},
    "no batch": {"parameters": {"options": {"lr": 0.1, "batch_size": {}}}},
    "no split": {"parameters": {"options": {"split": ["test"]}}},
    "nothing tuned": {"parameters": {"tune": {}}},
    "tuned by a number": {"parameters": {"tune": 10**400}},
    "tuned without end": {"parameters": {"tune": {"lr": {"from": 1, "to": 1e999}, "budget": 2}}},
    "code a list": {"code": ["x"]},
    "versions": {"versions": {"afnlab": 1}},
    "git a text": {"git": "abc"},
    "git dirty": {"git": {"commit": "abc", "dirty": "no"}},
}
SURVIVED = {"~nosuch": {"given": {"activation": "~nosuch/x.py:f"}}, "given": {"given": {"t": []}}}
COMPARED = {"given"}  # what was trained stands in `parameters`; only a rerun needs what was given
RAW = {
    "twice": lambda text: text.replace("{", '{"id": "x", ', 1),
    "lone byte": lambda text: text.replace("relu", "r\xff").replace("\xff", "\udcff"),
    "a mark": lambda text: "\ufeff" + text,
    "a number too long": lambda text: text.replace('"seconds": ', '"seconds": ' + "1" * 5000),
    "a list": lambda text: f"[{text}]",
}


def seal(run: Path, changes: dict) -> None:
    """A record with a sum that fits, whatever it holds."""
    path = run / "record.json"
    record = json.loads(path.read_text())
    for name, value in changes.items():
        nested = isinstance(value, dict) and name in ("metrics", "parameters", "given")
        record[name] = record[name] | value if nested else value
    record["sum"] = runs_folder.sum_of(record)
    path.write_text(json.dumps(record))


@pytest.mark.parametrize("name", [*ODD, *SURVIVED, *RAW])
def test_an_odd_record_is_left_out_alone(runs, capsys, name):
    hurt, whole = both(runs)
    run = runs / hurt["id"]
    if name in RAW:
        text = RAW[name]((run / "record.json").read_text())
        (run / "record.json").write_bytes(text.encode(errors="surrogateescape"))
    else:
        seal(run, (ODD | SURVIVED)[name])
    kept = shutil.copytree(run, runs / ".failed" / hurt["id"])  # an odd failure, too
    (kept / "record.json").rename(kept / "error.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (hurt["id"] in [r["id"] for r in records(runs)]) == (name in SURVIVED)
        assert whole["id"] in set(load(runs).run)
        (chosen,) = compare.select(runs)
        ids = {whole["id"], hurt["id"]} if name in COMPARED else {whole["id"]}
        assert {r["id"] for r in chosen.records} == ids
        assert len(chosen.table) == len(ids)
    for command in (["compare"], ["runs", "list"], ["runs", "show", whole["id"]], ["runs", "gc"]):
        assert main([*command, "--runs", str(runs)]) == 0
        err = capsys.readouterr().err
        assert "Traceback" not in err
        assert (f"left out {run}" in err) == (name not in SURVIVED)
    assert main(["runs", "diff", hurt["id"], whole["id"], "--runs", str(runs)]) in (0, 2)


def test_unreadable_things_are_named(runs, monkeypatch):
    """As another user's files are, which root could read."""
    hurt, whole = both(runs)
    opened = os.open

    def refuses(path, *given, **named):
        if hurt["id"] in str(path):
            raise PermissionError(13, "Permission denied")
        return opened(path, *given, **named)

    monkeypatch.setattr(os, "open", refuses)
    with pytest.warns(UserWarning, match=f"left out .*{hurt['id']}/record.json: .*Permission"):
        assert [r["id"] for r in records(runs)] == [whole["id"]]


def test_a_speed_file_that_is_none_does_not_end_the_comparison(runs):
    for content in ("", "[]", '{"activations": 3}', '{"activations": [{"seconds": "x"}]}'):
        (runs / "speed.json").write_text(content)
        with pytest.warns(UserWarning, match="left out .*speed.json: is no file"):
            assert len(compare.select(runs)[0].table) == 2
        with pytest.raises(ValueError, match="is no file of"):
            compare.select(runs, speed=runs / "speed.json")


@pytest.fixture
def precious(tmp_path) -> Path:
    """Something of the user's beside the runs."""
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "file").write_text("mine")
    return folder


def failed_as(runs: Path, folder: str, run_id: str) -> None:
    kept = runs / ".failed" / folder
    kept.mkdir(parents=True)
    (kept / "error.json").write_text(json.dumps(RECORD | {"id": run_id, "message": "no"}))


BAD_IDS = [
    "../../../precious",
    "..",
    ".",
    "",
    "/tmp/precious",
    "0123456789ABCDEF",
    "0" * 15,
    "é" * 16,
]


@pytest.mark.parametrize("run_id", BAD_IDS)
def test_nothing_outside_is_deleted_for_an_id(runs, precious, capsys, run_id):
    failed_as(runs, "0123456789abcdef", run_id)
    seal(runs / records(runs)[0]["id"], {"id": run_id})
    for command in (["runs", "gc", "--stale"], ["runs", "gc"], ["runs", "rm", run_id]):
        assert main([*command, "--runs", str(runs)]) in (0, 2)
    assert (precious / "file").read_text() == "mine"
    assert (runs / ".failed" / "0123456789abcdef" / "error.json").is_file()
    for ask in (Place(runs).remove, Place(runs).remove_failed):
        with pytest.raises(ValueError, match="is no id of a run"):
            ask(run_id)
    capsys.readouterr()


def test_links_are_neither_read_nor_deleted_through(runs, precious, capsys):
    one, other = both(runs)
    moved = shutil.move(runs / one["id"], precious / one["id"])
    (runs / one["id"]).symlink_to(moved)
    history = runs / other["id"] / "history.parquet"
    shutil.move(history, precious / "history.parquet")
    history.symlink_to(precious / "history.parquet")
    failed_as(precious, "0123456789abcdef", "0123456789abcdef")
    (runs / ".failed").symlink_to(precious / ".failed")
    (runs / ".trash-1").symlink_to(precious)
    (runs / ".torn-1").symlink_to(precious)
    (runs / ".attempt-1").symlink_to(precious)
    before = sorted(precious.rglob("*"))
    with pytest.warns(UserWarning, match="is a link"):
        assert records(runs) == []
    with pytest.warns(UserWarning, match=r"\.failed: is a link"):
        assert runs_folder.failures(runs) == []
    assert main(["runs", "gc", "--stale", "--runs", str(runs)]) == 0
    maintenance.discard(Place(runs), runs / one["id"])
    Place(runs).remove_failed("0123456789abcdef")
    assert sorted(precious.rglob("*")) == before
    assert not {p.name for p in runs.iterdir()} & {".trash-1", ".torn-1", ".attempt-1", one["id"]}
    with pytest.raises(OSError, match="is a link"):
        Attempt(runs, ID).fail(RECORD | {"message": "no"})
    capsys.readouterr()


def test_the_same_at_a_url(runs, precious, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    failed_as(runs, "0123456789abcdef", "../../precious")
    failed_as(runs, "precious", "precious")
    seal(runs / records(runs)[0]["id"], {"files": {"../../../x": {"bytes": 4, "sha256": "0" * 64}}})
    (runs / ("a" * 16)).symlink_to(precious)
    url = f"file://{runs}"
    for command in (["list"], ["gc", "--stale"], ["rm", "../../precious"], ["rm", "a" * 16]):
        assert main(["runs", *command, "--runs", url]) in (0, 2)
    place(url).remove("a" * 16)
    assert (precious / "file").read_text() == "mine"
    assert not (runs / ("a" * 16)).is_symlink()
    err = capsys.readouterr().err
    assert "files cannot hold '../../../x'" in err
    assert "id cannot be '../../precious'" in err


def test_gc_at_a_url_leaves_the_run_that_was_made_after_all(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    run_id = records(small_runs())[0]["id"]
    far = place(f"memory://{tmp_path.name}")
    for record in records(small_runs()):
        far.push(shutil.copytree(small_runs() / record["id"], far.workshop / record["id"]))
    far.push_failed(Attempt(far.workshop, run_id).fail(RECORD | {"id": run_id, "message": "no"}))
    assert main(["runs", "gc", "--runs", far.url]) == 0
    assert "failed, then done" in capsys.readouterr().out
    assert len(records(place(far.url).folder)) == 2
    assert far.fs.exists(far._at(run_id, "record.json"))
    fsspec.filesystem("memory").store.clear()


def left(tmp_path: Path, content: str, training: bool = False) -> dict:
    (tmp_path / "result.json").write_text(content)
    return execution._result_of(tmp_path / "result.json", training)


@pytest.mark.parametrize(
    "value",
    [
        *("NaN", "Infinity", "-Infinity", "1e999", "true", "null", '"0.5"', "[1]", "{}"),
        *("1" + "0" * 400, '{"real": 1, "imag": 2}'),
    ],
)
def test_metrics_are_finite_real_numbers(tmp_path, value):
    with pytest.raises(
        ValueError, match=r"the metric 'y' must be a number, got .*; metrics are fin"
    ):
        left(tmp_path, f'{{"metrics": {{"x": 1.5, "y": {value}}}}}')
    if value == "null":  # of a training that has diverged
        assert left(tmp_path, '{"metrics": {"y": null}}', training=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"metrics": {"": 1}}', "the name of a metric"),
        ('{"metrics": {"a\\nb": 1}}', "the name of a metric"),
        ('{"metrics": {"' + "a" * 201 + '": 1}}', "the name of a metric"),
        ('{"metrics": {"a": 1, "a": 2}}', "a name in it is given twice"),
        ('{"metrics": {"\\ud800": 1}}', "is not Unicode"),
        ('{"metrics": {"a": 1' + "0" * 5000 + "}}", "is not JSON"),
        ('{"environment": "here"}', "environment must be a mapping"),
        ('{"environment": {"a": [1e999]}}', "a number in its environment is not finite"),
        ('{"environment": {"a": NaN}}', "a number in its environment is not finite"),
        ('{"metrics": ' + "[" * 3000 + "]" * 3000 + "}", "nested too deeply"),
    ],
)
def test_what_else_a_result_may_not_be(tmp_path, content, message):
    with pytest.raises(ValueError, match=message) as raised:
        left(tmp_path, content)
    assert "\n" not in str(raised.value)


def test_a_result_that_is_a_link_or_a_pipe(tmp_path):
    (tmp_path / "elsewhere").write_text('{"metrics": {"y": 1}}')
    (tmp_path / "result.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="is a link"):
        execution._result_of(tmp_path / "result.json", False)
    (tmp_path / "result.json").unlink()
    os.mkfifo(tmp_path / "result.json")
    with pytest.raises(ValueError, match="is no plain file"):
        execution._result_of(tmp_path / "result.json", False)


def test_a_metric_that_is_none_fails_the_run(tmp_path):
    writes = 'open(out + "/result.json", "w").write(\'{"metrics": {"loss": NaN}}\')'
    with pytest.raises(RunFailed, match="the metric 'loss' must be a number, got nan"):
        execute_own(tmp_path, writes)
    assert main(["runs", "list", "--runs", str(tmp_path / "runs")]) == 0


def test_a_notebook_of_ones_own_may_tell_parameters_of_its_own(tmp_path):
    left = '{"metrics": {"loss": 1}, "parameters": {"lr": 0.1}}'
    folder = execute_own(tmp_path, f"open(out + '/result.json', 'w').write({left!r})")
    assert runs_folder.read_record(folder / "record.json")["metrics"] == {"loss": 1}


@pytest.mark.parametrize("instead", ["", "os.symlink(os.environ['ELSEWHERE'], out)"])
def test_a_folder_that_a_notebook_has_taken_away_leads_nowhere(tmp_path, monkeypatch, instead):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to("precious")
    monkeypatch.setenv("ELSEWHERE", str(elsewhere))
    with pytest.raises(RunFailed):
        execute_own(tmp_path, f"import os, shutil\nshutil.rmtree(out)\n{instead}")
    assert os.listdir(elsewhere) == ["link"]  # noqa: PTH208
    assert len(runs_folder.failures(tmp_path / "runs")) == 1
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [".failed"]


def execute_own(tmp_path: Path, source: str) -> Path:
    from tests.runs.test_runs import means  # noqa: PLC0415

    notebook = nbformat.v4.new_notebook()
    cell = nbformat.v4.new_code_cell('out: str = ""', metadata={"tags": ["parameters"]})
    notebook.cells = [cell, nbformat.v4.new_code_cell(source)]
    nbformat.write(notebook, tmp_path / "own.ipynb")
    return execute(RunSpec.make(tmp_path / "own.ipynb", {}), tmp_path / "runs", means())


def finished(tmp_path: Path, leave) -> Path:
    """A run whose notebook has left something in `out`."""
    made = Attempt(tmp_path / "runs", ID)
    (made.folder / "kept.txt").write_text("kept")
    leave(made.folder)
    return made.finish(RECORD)


def bound(folder: Path) -> None:
    here = Path.cwd()
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("odd")
    os.chdir(here)


@pytest.mark.parametrize(
    ("leave", "kind"),
    [
        (lambda out: (out / "odd").symlink_to("/etc/passwd"), "a link"),
        (lambda out: (out / "odd").symlink_to("kept.txt"), "a link"),
        (lambda out: (out / "odd").symlink_to(out.parent), "a link"),
        (lambda out: os.mkfifo(out / "odd"), "a pipe"),
        (bound, "a socket"),
    ],
)
def test_what_is_no_file_is_not_kept(tmp_path, leave, kind):
    with pytest.warns(UserWarning, match=f"{ID}: not kept, as it is {kind}: odd"):
        run = finished(tmp_path, leave)
    assert set(records(tmp_path / "runs")[0]["files"]) == {"kept.txt"}
    assert not os.path.lexists(run / "odd")


@pytest.mark.parametrize(
    ("leave", "message"),
    [
        (lambda out: (out / "record.json").write_text("{}"), "may not leave a record.json"),
        (lambda out: (out / "record.json").mkdir(), "may not leave a record.json"),
        (lambda out: os.mkfifo(out / "error.json"), "may not leave a error.json"),
        (lambda out: (out / "error.json").mkdir(), "may not leave a error.json"),
        (lambda out: Path(os.fsdecode(bytes(out) + b"/\xff.txt")).write_text(""), "files cannot"),
    ],
)
def test_what_no_record_can_hold_fails_the_run(tmp_path, leave, message):
    made = Attempt(tmp_path / "runs", ID)
    leave(made.folder)
    with pytest.raises(ValueError, match=message):
        made.finish(RECORD)
    made.fail(RECORD | {"message": "ValueError: no"})
    assert [f["id"] for f in runs_folder.failures(tmp_path / "runs")] == [ID]


def test_a_hard_link_in_a_failed_run_is_not_written_through(tmp_path, precious):
    made = Attempt(tmp_path / "runs", ID)
    os.link(precious / "file", made.folder / "error.json")
    made.fail(RECORD | {"message": "no"})
    assert (precious / "file").read_text() == "mine"


MASKED = {
    "s3://key:se/cr+et@bucket/runs": "s3://***@bucket/runs",
    "https://u:p@ss@host/x?token=abc&y=1": "https://***@host/x?***",
    "simplecache::s3://k:secret@b/x": "simplecache::s3://***@b/x",
    "s3:/k:secret@b: no such folder": "s3:/***@b: no such folder",
    "tcp://token@host:8786": "tcp://***@host:8786",
    "file:///tmp/a?b": "file:///tmp/a?***",
    "see https://host/a#access_token=abc.": "see https://host/a#***",
    "one s3://k:s@b/a and two http://u:v@c/d?e=f.": "one s3://***@b/a and two http://***@c/d?***",
    "/plain/path@2 and a@b: c": "/plain/path@2 and a@b: c",
    "https://host:8080/a b@c": "https://host:8080/a b@c",
    "file:///tmp/exp#1": "file:///tmp/exp#1",
}


@pytest.mark.parametrize("text", MASKED)
def test_secrets_of_addresses_are_hidden(text):
    assert masked(text) == MASKED[text]
    assert masked(masked(text)) == masked(text)


def test_a_password_is_in_no_line_and_no_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)

    class Refusing(MemoryFileSystem):
        protocol = "refusing"

        def ls(self, path, **_):
            raise OSError("cannot reach refusing://key:se/cret@host/runs?token=abc")

    fsspec.register_implementation("refusing", Refusing, clobber=True)
    url = "refusing://key:se/cret@host/runs?token=abc"
    said = ""
    for command in (
        *(["runs", "list"], ["runs", "gc"], ["compare"], ["report"], ["sweep", "small"]),
        *(["verify", str(tmp_path)], ["rerun", "0000"], ["run", "train", "-p", "epochs", "1"]),
    ):
        assert main([*command, "--runs", url]) == 2
        said += capsys.readouterr().err
    for unknown in ("nowhere://key:se/cret@host/runs?token=abc", url):
        for read in (load, compare.select):
            with pytest.raises(ValueError, match=r"\*\*\*@host") as raised:
                read(unknown)
            said += str(raised.value)
    failed = RunFailed(f"OSError: {url}", tmp_path)
    kept = Attempt(tmp_path / "runs", ID).fail(RECORD | {"message": f"OSError: {url}"})
    said += f"{failed} {failed.args} {failed.message} {(kept / 'error.json').read_text()}"
    assert "***@host" in said
    assert not any(secret in said for secret in ("cret", "abc", "key"))


@pytest.mark.usefixtures("one_server")
def test_a_sweep_makes_again_what_is_not_whole(runs):
    hurt, _ = both(runs)
    flipped(runs / hurt["id"] / "history.parquet")
    plan = {"grid": {"activation": ["relu", "srelu"]}, "parameters": SMALL}
    with pytest.warns(UserWarning, match="is not what was written"):
        outcome = sweep(plan, runs=runs, report=lambda line: None)
    assert [path.name for path in outcome.added] == [hurt["id"]]
    again, before = (load(f).sort_values(["run", "seed", "epoch"]) for f in (runs, small_runs()))
    assert again.test_loss.tolist() == before.test_loss.tolist()
