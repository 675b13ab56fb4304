"""Attacks on a folder of runs: whatever stands in it, its readers say what is true, or what is not.

A case copies a folder of whole runs, does it harm, and has every reader read it. Allowed is a
ValueError of one line. A number other than the one that was written is a fault, and so is a whole
run that is left out, a file outside that is gone, and any other error.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import socket
import string
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

from afnlab.compare import select
from afnlab.runs import RunSpec, execution, load
from afnlab.runs.notebook import Run
from afnlab.runs.run_spec import TrainingSpec
from afnlab.runs.storage import maintenance, runs_folder
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.storage.location import Place
from afnlab.runs.sweeps.pending import standings

SMALL = {"seeds": 12, "epochs": 3, "limit_train": 100, "record": ["parameters"]}
OWN = {
    **{"id": "0123456789abcdef", "group": "ab" * 8, "notebook": "/there/own.ipynb"},
    **{"label": "own(x=1)", "parameters": {"x": 1}, "given": {"x": 1}, "seeds": []},
    **{"started": "2026-01-01T00:00:00+00:00", "seconds": 1.5, "metrics": {"y": 0.25}},
}
FAILED = OWN | {"id": "fedcba9876543210", "message": "ValueError: no"}


@cache
def whole() -> Path:
    """Two small trainings, a run of another notebook and a failed one; for reading only."""
    folder = Path(tempfile.mkdtemp(prefix="afnlab-fuzz-"))
    for given in ({"activation": "relu"}, {"activation": "srelu", "trainable": True}):
        spec = RunSpec.make("train", SMALL | given)
        attempt = Attempt(folder, spec.id)
        assert isinstance(spec, TrainingSpec)
        run = Run(spec.training, str(attempt.folder))
        run.save(run.train())
        left = json.loads((result := attempt.folder / execution.RESULT).read_text())
        result.unlink()
        nbformat.write(nbformat.v4.new_notebook(), attempt.folder / runs_folder.NOTEBOOK)
        kept = {name: left[name] for name in ("metrics", "environment")}
        facts = {"versions": execution.versions(spec), "git": None, "seconds": 1.0}
        attempt.finish(execution.facts_of(spec) | kept | facts)
    attempt = Attempt(folder, OWN["id"])
    (attempt.folder / "picture.png").write_bytes(bytes(range(200)))
    attempt.finish(OWN)
    Attempt(folder, FAILED["id"]).fail(FAILED)
    return folder


@cache
def truth() -> tuple[dict[str, Any], dict[tuple, tuple]]:
    """The records by id, and the rows of the histories by run, seed and epoch."""
    return {r["id"]: r for r in runs_folder.records(whole())}, rows(whole())


def rows(folder: Path) -> dict[tuple, tuple]:
    table = load(folder)
    return {(row.run, row.seed, row.epoch): row[1:] for row in table.astype(str).itertuples()}


def read(folder: Path, rng: random.Random, harmed: set[str], same: bool = True) -> str:
    """Have everything read a folder; the first fault. harmed: the runs that may be left out; same:
    whether a harmed one that is read must say what it said."""
    try:
        records = runs_folder.records(folder)
        if fault := untrue(folder, records, harmed, same):
            return fault
    except ValueError as error:
        return f"all is refused for the sake of one: {error}"
    chosen = rng.choice([*truth()[0], FAILED["id"]])[: rng.randint(1, 16)]
    readers: list[Callable[[], Any]] = [
        lambda: runs_folder.failures(folder),
        lambda: maintenance.find(Place(folder), chosen),
        lambda: maintenance.difference(*rng.choices(records, k=2)) if records else None,
        lambda: maintenance.waste(Place(folder)),
        lambda: list(standings([], folder)),
    ]
    if rng.random() < 0.1:  # what asks for the code of each run takes its time
        readers += [lambda: maintenance.listing(folder), lambda: compared(folder)]
    for reader in readers:
        try:
            reader()
        except ValueError as error:
            said = str(error).replace(str(folder), "")
            if "\n" in said or not said:
                return f"not one line: {error!r}"
    return ""


def untrue(folder: Path, records: list[dict[str, Any]], harmed: set[str], same: bool) -> str:
    """What is read and was never written, or was written and is not read."""
    known, told = truth()
    free = set() if same else harmed
    for r in records:
        if r["id"] not in free and r != known.get(r["id"]):
            return f"a record that nobody wrote: {r}"
    if lost := set(known) - harmed - {r["id"] for r in records}:
        return f"whole runs are left out: {lost}"
    found = rows(folder)
    for key, row in found.items():
        if row[0] not in free and told.get(key) != row:
            return f"a number that nobody wrote: {row}, not {told.get(key)}"
    if lost := {row[0] for key, row in told.items() if key not in found} - harmed:
        return f"histories of whole runs are left out: {lost}"
    return ""


def compared(folder: Path) -> None:
    """All that `afnlab compare` and a report say of a folder."""
    for part in select(folder):
        _ = part.table, part.learned, part.answers, part.notes, part.cost


def harm(data: bytes, rng: random.Random) -> bytes:
    """Some bits or bytes other than they were."""
    changed = bytearray(data)
    match rng.randrange(6):
        case 0 | 1:
            for _ in range(rng.choice((1, 1, 1, 2, 8))):
                if changed:
                    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        case 2:
            del changed[rng.randrange(len(changed) + 1) :]
        case 3:
            changed += rng.randbytes(rng.randint(1, 50))
        case 4:
            at = rng.randrange(len(changed) + 1)
            changed[at : at + 16] = bytes(len(changed[at : at + 16]))
        case 5:
            changed = bytearray(rng.randbytes(len(changed)))
    return bytes(changed)


def flips(rng: random.Random, tmp: Path) -> str:
    """A file of a run is not as it was written."""
    folder = Path(shutil.copytree(whole(), tmp / "runs"))
    every = sorted(p for p in folder.rglob("*") if p.is_file())
    path = rng.choice([p for p in every if p.suffix == ".parquet" or rng.random() < 0.3])
    data = path.read_bytes()
    other = rng.choice(every).read_bytes() if rng.random() < 0.2 else harm(data, rng)
    path.write_bytes(other)
    if gone := rng.random() < 0.05:
        path.unlink()
    run = path.relative_to(folder).parts[0]
    return read(folder, rng, {run} if gone or other != data else set())


ODD: list[Any] = [
    *(None, True, False, 0, -1, 10**400, 2**64, 1e308, -0.0, math.nan, math.inf, "", "x", "\ud800"),
    *([], [1], ["3"], {}, {"a": 1}, [[]], "../../x", "/etc/passwd", "~nosuch/x.py:f", "a\nb"),
    *(
        "\x1b[31m",
        "x" * 5000,
        ["a", None],
        {"": {}},
        [1e999],
        {"seed": "3"},
        "2026-13-45",
        "s3://a",
    ),
]


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def mutated(content: Any, rng: random.Random) -> Any:
    """A value of a record, anywhere in it, is another, or gone, or under another name."""
    spots: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            spots.append((value, key))
            if isinstance(value[key], (dict, list)):
                walk(value[key])

    walk(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        holder, key = rng.choice(spots)
        if isinstance(holder, list) and key >= len(holder):
            continue
        if isinstance(holder, dict) and key not in holder:
            continue
        match rng.randrange(5):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[rng.choice(("x", "", "..", "\ud800", "a" * 300))] = holder.pop(key)
            case 2:
                holder[key] = nested(rng.choice((3, 70, 400)))
            case _:
                holder[key] = rng.choice(ODD)
    return content


def sealed(rng: random.Random, tmp: Path) -> str:
    """A record that nobody's afnlab wrote, with a sum that fits."""
    folder = Path(shutil.copytree(whole(), tmp / "runs"))
    kept = rng.choice(
        [p for p in folder.rglob("*.json") if p.name in (runs_folder.RECORD, runs_folder.ERROR)]
    )
    content = mutated(json.loads(kept.read_text()), rng)
    content.pop("sum", None)
    text = json.dumps(content | {"sum": runs_folder.sum_of(content)})
    if rng.random() < 0.1:
        text = text[:-1] + ', "id": "0000000000000000"}'
    kept.write_text(text)
    return read(folder, rng, {kept.parent.name}, same=False)


PIECES = (
    "exp[1]",
    "a*b",
    "q?",
    "{x}",
    "$HOME",
    "%20",
    "#",
    " ",
    "'",
    '"',
    "\n",
    "-x",
    "e\u0301",
    "é",
)
PIECES += (
    "~x",
    ";",
    "&",
    "\\",
    "%s",
    "{0}",
    "**",
    "[!a]",
    "`id`",
    "L" * 120,
    "\t",
    "s3:",
    "::",
    "|",
)


def names(rng: random.Random, tmp: Path) -> str:
    """The folder has a name that some library may take for a pattern, beside one that fits it."""
    name = "".join(rng.choices(PIECES, k=rng.randint(1, 2))) + rng.choice(("", "z"))
    folder = Path(shutil.copytree(whole(), tmp / name / "runs"))
    decoy = tmp / name.replace("[1]", "1").replace("*", "X").replace("?", "Y").replace("[!a]", "b")
    if decoy != tmp / name:
        (decoy / "runs").mkdir(parents=True)
        first, second, *_ = sorted(p.parent for p in folder.glob("*/history.parquet"))
        for run, other in ((first, second), (second, first)):
            (decoy / "runs" / run.name).mkdir()
            shutil.copy(other / "history.parquet", decoy / "runs" / run.name)
    return read(folder, rng, set())


def thing(path: Path, precious: Path, rng: random.Random) -> None:
    """Something at a path that afnlab does not put there."""
    match rng.randrange(9):
        case 0:
            path.symlink_to(precious)
        case 1:
            os.mkfifo(path)
        case 2:
            path.mkdir()
        case 3:
            path.write_bytes(b"")
        case 4:
            path.symlink_to(path.name)  # to itself
        case 5:
            path.mkdir()
            (path / rng.choice((runs_folder.RECORD, runs_folder.ERROR))).symlink_to(
                precious / "file"
            )
        case 6:
            path.mkdir()
            facts = FAILED | {"id": rng.choice(("../../precious", "..", "", str(precious)))}
            (path / rng.choice((runs_folder.RECORD, runs_folder.ERROR))).write_text(
                json.dumps(facts)
            )
        case 7:
            here = Path.cwd()
            try:
                os.chdir(path.parent)  # an address of a socket has at most 107 bytes
                with socket.socket(socket.AF_UNIX) as made:
                    made.bind(path.name[:90])
            finally:
                os.chdir(here)
        case 8:
            with path.open("wb") as file:
                file.truncate(1 << 33)


def things(rng: random.Random, tmp: Path) -> str:
    """Links, pipes, folders and empty files among the runs and in them; then `gc` cleans up."""
    precious = tmp / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    folder = Path(shutil.copytree(whole(), tmp / "runs"))
    runs = [p for p in folder.iterdir() if p.name in truth()[0]]
    harmed: set[str] = set()
    for _ in range(rng.randint(1, 4)):
        at = rng.choice((folder, folder, folder / ".failed", *runs))
        if not at.is_dir() or at.is_symlink():
            continue
        own = ["".join(rng.choices("0123456789abcdef", k=16)), f".trash-{rng.random()}"]
        own += [f".attempt-{rng.random()}", "speed.json", f".claim-{rng.random()}.lock", "notes"]
        inside = [
            runs_folder.RECORD,
            runs_folder.HISTORY,
            runs_folder.ERROR,
            runs_folder.NOTEBOOK,
            "parameters.parquet",
        ]
        name = rng.choice(inside if at in runs else own)
        if (at / name).is_dir() and not (at / name).is_symlink():
            shutil.rmtree(at / name)
        (at / name).unlink(missing_ok=True)
        thing(at / name, precious, rng)
        harmed |= {at.name} if at in runs else set()
    if rng.random() < 0.2:
        shutil.rmtree(folder / ".failed")
        shutil.copytree(whole() / ".failed", precious / "failed")
        (folder / ".failed").symlink_to(precious / "failed")
    if rng.random() < 0.2:
        moved = rng.choice(runs)
        if moved.is_dir():
            shutil.move(moved, precious / moved.name)
            moved.symlink_to(precious / moved.name)
            harmed.add(moved.name)
    before = sorted(p for p in precious.rglob("*"))
    if fault := read(folder, rng, harmed):
        return fault
    place = Place(folder)
    for path, _ in maintenance.waste(place):
        maintenance.discard(place, path)
    for ref in (*truth()[0], FAILED["id"], "../../precious", "..", "", "."):
        try:
            maintenance.remove(place, [ref])
        except ValueError as error:
            if "\n" in str(error):
                return f"not one line: {error!r}"
    if sorted(p for p in precious.rglob("*")) != before:
        return "something outside of the folder is gone"
    return ""


LEFT = [0.5, 3, None, True, math.nan, math.inf, -math.inf, 10**400, 2**2000, "0.5", [1], {}, 1e308]


def metrics(rng: random.Random, tmp: Path) -> str:
    """What a notebook's result.json may hold: finite numbers by name, or the run has failed."""
    name = rng.choice(("y", "", "a" * 201, "a\nb", "\x1b[0m", "é", string.printable, "\ud800"))
    value = rng.choice(LEFT)
    path = tmp / execution.RESULT
    path.write_text(
        json.dumps(rng.choice(({"metrics": {name: value}}, [value], {"metrics": value})))
    )
    try:
        left = execution._result_of(path, training=False)
    except ValueError as error:
        return "" if "\n" not in str(error) and len(str(error)) < 1000 else f"not a line: {error!r}"
    kept = left.get("metrics", {})
    for name, number in kept.items():
        if type(number) not in (int, float) or not math.isfinite(float(number)) or not name:
            return f"is kept as a metric: {name!r} {number!r}"
    return ""


KINDS: dict[str, Callable[[random.Random, Path], str]] = {
    "flips": flips,
    "sealed": sealed,
    "names": names,
    "things": things,
    "metrics": metrics,
}
