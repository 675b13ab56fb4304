"""What is known of afnlab's own sources from earlier processes: the same as reading them gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from afnlab.runs import RunSpec
from afnlab.runs.fingerprint import manifest_of, names, package, remembered, syntax
from afnlab.runs.fingerprint.remembered import Remembered
from afnlab.runs.fingerprint.syntax import Source, digest


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """A folder of its own, and nothing known yet."""
    monkeypatch.setenv("AFNLAB_CACHE", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache"
    monkeypatch.undo()
    forget()


def forget() -> None:
    """As a process that has just started."""
    for kept in (remembered._memory, names.activations, names.tasks, package._modules):
        kept.cache_clear()
    syntax._read.cache_clear()
    syntax._of.cache_clear()


def groups() -> list[str]:
    """Of a shipped notebook that trains, and of one that does not."""
    made = [RunSpec.make("train", {"activation": "srelu", "tune": {"lr": [0.1, 0.2]}})]
    return [*(spec.group for spec in made), RunSpec.make("plot", {"activation": "gish"}).group]


@pytest.fixture(scope="module")
def warm(tmp_path_factory) -> tuple[list[str], Path]:
    """The groups, found by reading the sources, and the folder with what was found."""
    folder = tmp_path_factory.mktemp("warm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFNLAB_CACHE", str(folder))
        forget()
        found = groups()
    forget()
    return found, folder


def file_in(cache: Path) -> Path:
    (file,) = cache.glob("sources-*.json")
    return file


@pytest.fixture
def no_parser(monkeypatch):
    """Whoever parses one of afnlab's modules fails; notebooks are not modules."""

    def refuse(source: Source) -> None:
        raise AssertionError(f"parsed again: {source.content[:80]!r}")

    monkeypatch.setattr(Source, "parsed", refuse)


def test_another_process_parses_no_module_again(warm, cache, no_parser):
    before, folder = warm
    shutil.copytree(folder, cache)
    assert groups() == before


def test_without_findings_modules_are_parsed(cache, no_parser):
    with pytest.raises(AssertionError, match="parsed again"):
        groups()


def test_a_damaged_file_is_replaced(warm, cache):
    before, folder = warm
    shutil.copytree(folder, cache)
    file, whole = file_in(cache), file_in(cache).read_bytes()
    file.write_bytes(whole.replace(b"afnlab", b"afnlax", 1))
    assert groups() == before
    assert json.loads(file.read_text().split("\n", 1)[1]) == json.loads(whole.split(b"\n", 1)[1])


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b'"1"', b'"2"'),
        lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
        lambda data: b"\xff" + data,
        lambda data: (digest("[]") + "\n[]").encode(),
        lambda data: (digest("{") + "\n{").encode(),
    ],
)
def test_a_damaged_file_is_not_used(tmp_path, harm):
    memory = Remembered(tmp_path / "sources.json")
    memory.get(length, Source(b"a"))
    memory.save()
    data = (tmp_path / "sources.json").read_bytes()
    assert Remembered(tmp_path / "sources.json").get(wrong, Source(b"a")) == "wrong"
    assert Remembered(tmp_path / "sources.json").get(length, Source(b"a")) == "1"
    (tmp_path / "sources.json").write_bytes(harm(data))
    assert not Remembered(tmp_path / "sources.json")._known


def test_an_edit_is_seen(cache, tmp_path):
    """Findings are those of a content, wherever it lies."""
    first, second = Source(b"x = 1\n"), Source(b"x = 2\n")
    assert package._code(first) != package._code(second)
    assert package._code(Source(b"x  =  1  # the same\n")) == package._code(first)
    assert package._parts(second)["x"] != package._parts(first)["x"]


def test_texts_count_where_they_are_read(cache):
    told, silent = Source(b'def f():\n    "doc"\n'), Source(b'def f():\n    ""\n')
    for _ in range(2):
        assert package._code(told) == package._code(silent)
        assert package._parts(told) == package._parts(silent)
        assert package._code_with_texts(told) != package._code_with_texts(silent)
        assert package._parts_with_texts(told) != package._parts_with_texts(silent)
        remembered.save()
        forget()


@pytest.mark.parametrize("place", ["a file", "read only", "no home"])
def test_where_nothing_can_be_kept_sources_are_read(cache, place, monkeypatch):
    if place == "a file":
        cache.touch()
    elif place == "read only":
        monkeypatch.setattr(Path, "write_text", refused)
    else:
        monkeypatch.setattr(remembered, "cache_folder", no_home)
    assert package._code(Source(b"x = 1\n")) == package._code(Source(b"x = 1\n"))
    remembered.save()
    assert not list(cache.parent.rglob("*.json"))


def refused(*_: object, **__: object) -> None:
    raise PermissionError("read-only file system")


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def length(source: Source) -> str:
    return str(len(source.content))


def test_processes_that_write_at_the_same_time_keep_what_each_has_found(tmp_path):
    one, other = (Remembered(tmp_path / "sources.json") for _ in range(2))
    one.get(length, Source(b"a"))
    other.get(length, Source(b"bb"))
    one.save()
    other.save()
    third = Remembered(tmp_path / "sources.json")
    assert third.get(wrong, Source(b"a")) == "wrong"  # by the function, too
    assert [third.get(length, Source(content)) for content in (b"a", b"bb")] == ["1", "2"]
    assert [path.name for path in tmp_path.iterdir()] == ["sources.json"]


def wrong(source: Source) -> str:
    return "wrong"


def test_the_file_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(remembered, "_MOST", 10)
    for start in range(0, 40, 4):
        memory = Remembered(tmp_path / "sources.json")
        for number in range(start, start + 4):
            memory.get(length, Source(b"%d" % number))
        memory.save()
    kept = json.loads((tmp_path / "sources.json").read_text().split("\n", 1)[1])
    assert len(kept) <= 10
    assert f"length {Source(b'39').bytes}" in kept


def test_another_version_of_what_finds_has_a_file_of_its_own(cache, monkeypatch):
    for version in ("one Python", "another"):
        monkeypatch.setattr(remembered.sys, "version", version)
        forget()
        package._code(Source(b"x = 1"))
        remembered.save()
    assert len(list(cache.glob("sources-*.json"))) == 2


def test_the_manifest_is_the_same_with_and_without(warm, cache):
    path = Path(package.PACKAGE).parent / "notebooks" / "train.ipynb"
    made = []
    for known in (False, True):
        if known:
            shutil.copytree(warm[1], cache, dirs_exist_ok=True)
        forget()
        made.append(manifest_of(path, path.read_bytes(), {"activation": "mish"}))
    assert made[0].units == made[1].units
    assert made[0].files == made[1].files
