"""Data sets as files: read only if whole, fetched from a server on this machine that misbehaves."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from unittest.mock import Mock

import numpy as np
import pooch
import pytest
import torch

from afnlab import cli
from afnlab.training import data, files
from afnlab.training.files import DataError

ALL = (data.mnist, data.cifar10, data.cifar10_grey, data.cifar100)


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def small(monkeypatch) -> dict[str, bytes]:
    """Small data sets of the real layout in place of the real ones; what a mirror would serve."""
    rng = np.random.default_rng(0)
    served, sources = {}, {}
    known, packed = {}, {}
    for name in files.SOURCES["mnist"].files:
        images = "images" in name
        body = rng.integers(0, 256 if images else 10, 784 * 3 if images else 3).astype(np.uint8)
        content = bytes(16 if images else 8) + body.tobytes()
        served[f"{name}.gz"] = gzip.compress(content, mtime=0)
        known[name] = (len(content), md5(content))
        packed[name] = md5(served[f"{name}.gz"])
    sources["mnist"] = replace(files.SOURCES["mnist"], files=known, packed=packed)
    for which in ("cifar10", "cifar100"):
        source = files.SOURCES[which]
        archive = io.BytesIO()
        known = {}
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for name in source.files:
                rows = rng.integers(0, 256, (3, source.record), dtype=np.uint8)
                for at, count in enumerate(source.classes):
                    rows[:, at] %= count
                member = tarfile.TarInfo(f"{source.folder}/{name}")
                member.size = rows.size
                tar.addfile(member, io.BytesIO(rows.tobytes()))
                known[name] = (rows.size, md5(rows.tobytes()))
        name = source.archive[0]
        served[name] = archive.getvalue()
        sources[which] = replace(source, files=known, archive=(name, md5(served[name])))
    monkeypatch.setattr(files, "SOURCES", sources)
    for read in ALL:
        read.cache_clear()
    yield served
    for read in ALL:
        read.cache_clear()


class Mirror(BaseHTTPRequestHandler):
    """Serves `content`; `faults` are what it does first: drop, truncate, corrupt, missing."""

    content: dict[str, bytes]
    faults: list[str]
    asked: list[str]

    def do_GET(self):
        name = self.path.strip("/")
        self.asked.append(name)
        fault = self.faults.pop(0) if self.faults else ""
        body = self.content.get(name)
        if body is None or fault == "missing":
            self.send_error(404)
            return
        if fault == "corrupt":
            body = body[:40] + bytes([body[40] ^ 1]) + body[41:]
        size = len(body)
        if fault == "truncate":  # with a length that fits: only the checksum tells
            body = body[: size // 2]
            size = len(body)
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(body[: size // 2] if fault == "drop" else body)

    def log_message(self, *_):
        """Nothing to the terminal."""


@pytest.fixture
def mirror(small, tmp_path, monkeypatch):
    handler = type("Handler", (Mirror,), {"content": small, "faults": [], "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.delenv(files.ENVIRONMENT, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv(files.MIRROR, f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path / "cache")
    monkeypatch.setattr(pooch.core.time, "sleep", lambda _: None)
    yield handler
    server.shutdown()
    server.server_close()


def left(folder: Path) -> set[str]:
    return {p.name for p in folder.rglob("*") if p.is_file()}


def test_fetched_once_and_read(mirror):
    found = data.mnist()
    assert (len(found.train_x), len(found.test_y)) == (3, 3)
    grey, colour, fine = data.cifar10_grey(), data.cifar10(), data.cifar100()
    assert grey.train_x.shape == (15, 1024)
    assert (colour.train_x.shape, fine.train_x.shape) == ((15, 3, 32, 32), (3, 3, 32, 32))
    assert len(mirror.asked) == 6  # four files of MNIST, two archives
    for read in ALL:
        read.cache_clear()
    assert data.cifar100().fingerprint == fine.fingerprint
    assert len(mirror.asked) == 6
    assert not any(name.endswith(".tar.gz") for name in left(files.folder_of("cifar10").parent))


def test_values_of_records(mirror):
    found = data.cifar100()
    raw = np.frombuffer(files.read("cifar100", "train.bin"), np.uint8).reshape(3, 3074)
    assert found.train_y.tolist() == raw[:, 1].tolist()
    assert torch.equal(found.train_x[2, 1, 0], torch.from_numpy(raw[2, 2 + 1024 : 2 + 1056].copy()))
    grey, colour = data.cifar10_grey(), data.cifar10()
    expected = torch.tensor([0.2125, 0.7154, 0.0721]) @ (colour.train_x[4].flatten(1) / 255)
    torch.testing.assert_close(grey.train_x[4], expected)
    seen = colour.floats(colour.train_x[4])
    expected = (colour.train_x[4, 2, 3, 5] / 255 - 0.4465) / 0.2616
    torch.testing.assert_close(seen[2, 3, 5], expected)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize("fault", ["drop", "truncate", "corrupt", "missing"])
def test_a_fault_is_tried_again(mirror, name, fault):
    mirror.faults.append(fault)
    files.fetch(name)
    assert not files.problems(name)
    assert mirror.asked[0] == mirror.asked[1]


@pytest.mark.parametrize("name", ["mnist", "cifar100"])
@pytest.mark.parametrize("fault", ["drop", "truncate", "corrupt", "missing"])
def test_nothing_half_written_stays(mirror, name, fault, tmp_path):
    mirror.faults += [fault] * 3
    with pytest.raises(DataError, match=r"127.0.0.1.*could not be fetched .*set AFNLAB_MIRROR"):
        files.fetch(name)
    assert left(tmp_path / "cache") == set()
    files.fetch(name)
    assert not files.problems(name)


@pytest.mark.parametrize("locks", [True, False])
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_several_at_once(mirror, name, locks, monkeypatch):
    if not locks:
        monkeypatch.setattr("fcntl.flock", Mock(side_effect=OSError("no locks here")))
    with ThreadPoolExecutor(4) as pool:
        for folder in pool.map(files.fetch, [name] * 4):
            assert folder == files.folder_of(name)
    assert not files.problems(name)
    assert not locks or len(mirror.asked) == len(set(mirror.asked))


def test_what_is_damaged_stays_until_there_is_something_better(mirror):
    folder = files.fetch("mnist")
    file = "t10k-labels-idx1-ubyte"
    (folder / file).write_bytes(b"damaged")  # and it is read before the packed one
    assert len(files.problems("mnist")) == 1
    (folder / f"{file}.gz").unlink()
    mirror.faults += ["missing"] * 3
    with pytest.raises(DataError, match="could not be fetched"):
        files.fetch("mnist")
    assert (folder / file).is_file()
    files.fetch("mnist")
    assert not files.problems("mnist")


def test_only_what_is_wrong_is_fetched_again(mirror):
    folder = files.fetch("mnist")
    del mirror.asked[:]
    bad = folder / "t10k-labels-idx1-ubyte.gz"
    bad.write_bytes(bad.read_bytes()[:-9])
    assert "cannot be read" in files.problems("mnist")[0]
    files.fetch("mnist")
    assert mirror.asked == [bad.name]
    assert not files.problems("mnist")


def test_files_that_are_missing_cut_or_altered_are_named(mirror, monkeypatch):
    folder = files.fetch("cifar10")
    monkeypatch.setenv(files.ENVIRONMENT, str(folder.parent))
    file = folder / "data_batch_3.bin"
    content = file.read_bytes()
    mend = r"fetch it with `afnlab data fetch cifar10`"
    for altered, message in (
        (content[:-1], rf"{file}: has 9,218 bytes, not 9,219; remove it and {mend}"),
        (content[:50] + b"\0\1" + content[52:], rf"{file}: is not {file.name} of cifar10.*{mend}"),
        (b"\x63" + content[1:], rf"{file}: is not {file.name} of cifar10 .*{mend}"),
    ):
        file.write_bytes(altered)
        with pytest.raises(DataError, match=message):
            data.cifar10()
    file.unlink()
    with pytest.raises(DataError, match=rf"{file}: no such file \(AFNLAB_DATA is .*; {mend}"):
        data.cifar10()
    assert len(mirror.asked) == 1  # a folder of the user's is not filled unasked


def random_bytes(folder: Path, source: files.DataSource) -> None:
    """Random pictures under labels that are allowed, in files of the right names and sizes."""
    rng = np.random.default_rng(1)
    for file, (size, _) in source.files.items():
        rows = rng.integers(0, 256, (size // source.record, source.record), dtype=np.uint8)
        for at, count in enumerate(source.classes):
            rows[:, at] %= count
        (folder / file).write_bytes(rows.tobytes())


def reordered(folder: Path, source: files.DataSource) -> None:
    """The published pictures, in another order."""
    for file in source.files:
        rows = np.frombuffer((folder / file).read_bytes(), np.uint8).reshape(-1, source.record)
        (folder / file).write_bytes(rows[::-1].tobytes())


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize("write", [random_bytes, reordered])
def test_files_that_are_not_the_published_ones_are_never_called_whole(
    mirror, monkeypatch, capsys, name, write
):
    folder, source = files.fetch(name), files.source(name)
    monkeypatch.setenv(files.ENVIRONMENT, str(folder.parent))
    assert cli.main(["data", "verify", name]) == 0
    assert f"{name} is whole" in capsys.readouterr().out
    write(folder, source)
    assert cli.main(["data", "verify", name]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"afnlab: {folder}: {files.NOT_PUBLISHED.format(name)}\n"
    with pytest.warns(UserWarning, match="NOT the published files .*sizes and labels only"):
        getattr(data, name)()
    last = folder / list(source.files)[-1]
    last.write_bytes(b"\xff" + last.read_bytes()[1:])
    assert "holds labels above" in files.problems(name)[0]
    monkeypatch.delenv(files.ENVIRONMENT)  # in the cache folder they cannot be anybody's own
    assert len(files.problems(name)) == len(source.files)


def test_one_file_that_is_not_published_among_others_that_are(mirror, monkeypatch, capsys):
    folder = files.fetch("cifar10")
    monkeypatch.setenv(files.ENVIRONMENT, str(folder.parent))
    for file in list(files.source("cifar10").files)[1:]:
        content = bytearray((folder / file).read_bytes())
        content[100] ^= 1
        (folder / file).write_bytes(content)
    assert cli.main(["data", "verify", "cifar10"]) == 1
    assert capsys.readouterr().err.count("(its MD5 is not") == 5


def test_a_mirrors_password_is_not_told(mirror, monkeypatch, capsys):
    mirror.content.clear()
    address = os.environ[files.MIRROR].replace("://", "://me:s3cret@")
    monkeypatch.setenv(files.MIRROR, f"{address}/?token=abc")
    assert cli.main(["data", "fetch", "mnist"]) == 2
    err = capsys.readouterr().err
    assert "could not be fetched" in err
    assert "://***@127.0.0.1" in err
    assert not any(secret in err for secret in ("s3cret", "abc"))


def test_mnist_plain_or_packed(mirror, monkeypatch, tmp_path):
    raw = tmp_path / "mine" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    monkeypatch.setenv(files.ENVIRONMENT, str(tmp_path / "mine"))
    for i, (name, packed) in enumerate(n for n in mirror.content.items() if "idx" in n[0]):
        plain = name.removesuffix(".gz")
        (raw / (plain if i % 2 else name)).write_bytes(gzip.decompress(packed) if i % 2 else packed)
    assert len(data.mnist().train_x) == 3
    assert not mirror.asked
    other = raw / "train-labels-idx1-ubyte"
    other.write_bytes(bytes(11))
    data.mnist.cache_clear()
    with pytest.raises(DataError, match=rf"{other}: is not train-labels-idx1-ubyte of mnist"):
        data.mnist()


def test_the_command(mirror, capsys, monkeypatch):
    assert cli.main(["data", "verify"]) == 0
    assert "no data set is here" in capsys.readouterr().out
    assert cli.main(["data", "verify", "mnist"]) == 1
    assert "afnlab data fetch mnist" in capsys.readouterr().err
    assert cli.main(["data", "fetch", "mnist", "cifar100"]) == 0
    assert cli.main(["data", "list"]) == 0
    lines = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert ["mnist", "here"] in lines
    assert ["cifar10", "absent"] in lines
    assert cli.main(["data", "verify"]) == 0
    out = capsys.readouterr().out
    assert "mnist is whole" in out
    assert "its published checksums" in out
    assert "cifar100 is whole" in out
    for arguments, message in (
        (["fetch"], "name what to fetch, of mnist"),
        (["fetch", "cifar11"], "unknown data set 'cifar11'; did you mean 'cifar10'"),
    ):
        assert cli.main(["data", *arguments]) == 2
        assert message in capsys.readouterr().err
    mirror.content.clear()
    assert cli.main(["data", "fetch", "cifar10"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "could not be fetched" in error


def test_a_folder_that_cannot_be_written(mirror, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(files.ENVIRONMENT, str(tmp_path / "file"))
    with pytest.raises(DataError, match="mnist cannot be put there"):
        files.fetch("mnist")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100"])
def test_the_real_sets(name):
    if not os.environ.get(files.ENVIRONMENT) or files.state(name) == "absent":
        pytest.skip(f"set {files.ENVIRONMENT} to a folder with {files.source(name).folder}")
    assert files.problems(name) == []
    found = getattr(data, name)()
    getattr(data, name).cache_clear()
    classes = 100 if name == "cifar100" else 10
    assert len(found.test_y) == 10_000
    assert len(found.train_y) == (60_000 if name == "mnist" else 50_000)
    counts = found.train_y.bincount()
    assert len(counts) == classes
    assert name == "mnist" or (counts == 50_000 // classes).all()
    sample = found.inputs[:1000]
    assert -3 < float(sample.float().min()) <= 0
