"""Texts: what is shipped is what was committed, what is fetched is what was published."""

from __future__ import annotations

import hashlib
import lzma
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from afnlab import cli
from afnlab.paths import shared
from afnlab.training import files, texts
from afnlab.training.data import MASKED
from afnlab.training.files import DataError
from tests.training.test_files import mirror, small  # noqa: F401  (fixtures)

ROOT = Path(__file__).resolve().parents[2]
TEXT = b"First Citizen:\nBefore we proceed any further, hear me speak.\n\n" * 9


def decoded(row: torch.Tensor) -> str:
    return "".join(chr(ord("a") - 1 + t) if t > 0 else "." for t in row.tolist())


def test_the_surnames_are_those_that_were_committed():
    found = texts.surnames()
    assert len(found) == len(set(found)) == 88_799
    assert list(found) == sorted(found)
    assert {"smith", "aalderink", "zysett"} <= set(found)
    assert max(map(len, found)) == texts.NAME_LENGTH - 1
    assert set("".join(found)) == set("abcdefghijklmnopqrstuvwxyz")
    file = shared("texts") / "census-1990-surnames.txt.xz"
    assert file.stat().st_size < 200_000
    content = lzma.decompress(file.read_bytes())
    digest = hashlib.sha256(content).hexdigest()
    said = (ROOT / "data" / "README.md").read_text()
    assert digest == texts.NAMES_SHA256
    assert digest in said
    assert "public domain" in said
    assert f"{len(content):,} bytes" in said
    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert shipped["targets"]["wheel"]["force-include"]["data/texts"] == "afnlab/share/texts"


@pytest.mark.parametrize("fault", ["another name", "cut short", "absent"])
def test_a_damaged_file_is_not_read(fault, tmp_path, monkeypatch):
    path = tmp_path / "census-1990-surnames.txt.xz"
    content = (shared("texts") / path.name).read_bytes()
    if fault == "another name":
        path.write_bytes(lzma.compress(lzma.decompress(content) + b"zzzz\n"))
    elif fault == "cut short":
        path.write_bytes(content[:-1000])
    monkeypatch.setattr(texts, "shared", lambda _: tmp_path)
    texts.surnames.cache_clear()
    try:
        with pytest.raises(DataError, match=r"census-1990-surnames.txt.xz: .*install afnlab anew"):
            texts.surnames()
    finally:
        texts.surnames.cache_clear()


def test_names_as_sequences():
    data = texts.names()
    assert (len(data.train_x), len(data.test_x)) == (79_919, 8_880)
    assert data.classes == texts.TOKENS
    found = []
    for x, y in ((data.train_x, data.train_y), (data.test_x, data.test_y)):
        lengths = (x > 0).sum(1)
        assert (x[:, 0] == 0).all()
        assert ((y != MASKED).sum(1) == lengths + 1).all()  # every letter, and the end
        assert torch.equal(torch.where(y[:, :-1] == MASKED, 0, y[:, :-1]), x[:, 1:])
        assert (y.gather(1, lengths.unsqueeze(1)) == 0).all()
        found.append({decoded(row).strip(".") for row in x[:500]})
    train, test = ({decoded(r).strip(".") for r in x} for x in (data.train_x, data.test_x))
    assert not train & test
    assert train | test == set(texts.surnames())
    # All numbers of the task rest on this split.
    assert data.fingerprint[:16] == "ba22a6e14647090a"


@pytest.mark.parametrize("limit", [100, 1000, 88_799])
def test_a_limit_takes_fewer_names(limit):
    data, every = texts.names(limit), texts.names()
    assert len(data.test_x) == round(limit / 10)
    assert len(data.train_x) + len(data.test_x) == limit
    whole = {decoded(r) for r in (*every.train_x, *every.test_x)} if limit < 88_799 else None
    own = [decoded(r) for r in (*data.train_x[:200], *data.test_x[:200])]
    assert len(set(own)) == len(own)
    assert whole is None or set(own) <= whole


def published(monkeypatch, content: bytes = TEXT) -> None:
    """A short text in place of tiny Shakespeare."""
    source = files.SOURCES.get("shakespeare") or SHAKESPEARE
    known = {"tinyshakespeare.txt": (len(content), hashlib.sha256(content).hexdigest())}
    short = {**files.SOURCES, "shakespeare": files.DataSource(**{**vars(source), "files": known})}
    monkeypatch.setattr(files, "SOURCES", short)
    texts.shakespeare.cache_clear()


SHAKESPEARE = files.SOURCES["shakespeare"]


def test_the_address_and_the_checksum_of_shakespeare():
    assert SHAKESPEARE.url.endswith("karpathy/char-rnn/master/data/tinyshakespeare/")
    assert SHAKESPEARE.plain == {"tinyshakespeare.txt": "input.txt"}
    size, digest = SHAKESPEARE.files["tinyshakespeare.txt"]
    assert (size, digest[:8], len(digest)) == (1_115_394, "86c4e6aa", 64)


def test_shakespeare_is_fetched_once_and_checked(mirror, monkeypatch, capsys):  # noqa: F811
    published(monkeypatch)
    mirror.content["input.txt"] = TEXT
    mirror.faults[:] = ["truncate", "corrupt"]
    data = texts.shakespeare(16)
    assert mirror.asked == ["input.txt"] * 3
    assert cli.main(["data", "verify", "shakespeare"]) == 0
    assert "shakespeare is whole" in capsys.readouterr().out
    folder = files.folder_of("shakespeare")
    assert (folder / "tinyshakespeare.txt").read_bytes() == TEXT
    characters = np.unique(np.frombuffer(TEXT, np.uint8))
    cut = len(TEXT) - round(len(TEXT) / 10)
    for x, y, part in (
        (data.train_x, data.train_y, TEXT[:cut]),
        (data.test_x, data.test_y, TEXT[cut:]),
    ):
        read = bytes(characters[x.flatten().numpy()])
        assert read == part[: len(read)]
        assert bytes(characters[y.flatten().numpy()]) == part[1 : len(read) + 1]
        assert 0 < len(part) - len(read) <= 16
    texts.shakespeare.cache_clear()


def test_shakespeare_from_a_folder_of_the_user(monkeypatch, tmp_path, capsys):
    published(monkeypatch)
    monkeypatch.setenv(files.ENVIRONMENT, str(tmp_path))
    with pytest.raises(DataError, match="fetch it with `afnlab data fetch shakespeare`"):
        texts.shakespeare(16)
    (tmp_path / "text").mkdir()
    file = tmp_path / "text" / "tinyshakespeare.txt"
    file.write_bytes(TEXT[:-1] + b"?")
    with pytest.raises(DataError, match="its SHA-256 is not"):
        texts.shakespeare(16)
    assert cli.main(["data", "verify", "shakespeare"]) == 1
    file.write_bytes(TEXT)
    assert texts.shakespeare(16).train_x.shape[1] == 16
    texts.shakespeare.cache_clear()


@pytest.mark.slow
def test_the_real_shakespeare():
    if not os.environ.get(files.ENVIRONMENT) or files.state("shakespeare") == "absent":
        pytest.skip(f"set {files.ENVIRONMENT} to a folder with text/tinyshakespeare.txt")
    texts.shakespeare.cache_clear()
    data = texts.shakespeare(256)
    assert data.classes == texts.CHARACTERS
    assert data.train_x.shape == (3921, 256)
