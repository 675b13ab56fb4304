"""Texts as data sets of characters, each to be predicted from those before it."""

from __future__ import annotations

import hashlib
import lzma
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from afnlab.paths import shared
from afnlab.training import files
from afnlab.training.data import MASKED, Data
from afnlab.training.files import DataError

SURNAMES, NAMES_SHA256 = 88_799, "cc6e6f69c119471a97fe3efc9f68082df5121dde31c6700a534742828106ae49"
TOKENS = 27  # the letters, and what begins and ends a name
CHARACTERS = 65  # of tiny Shakespeare
NAME_LENGTH = 14  # the longest name and its end
TESTED = 0.1  # the share of names, or of a text


@lru_cache(maxsize=1)
def surnames() -> tuple[str, ...]:
    """The 88,799 surnames of the 1990 US census in alphabetical order, in lower case.

    Raises:
        DataError: if the file in the package is not the one that was committed.
    """
    path = shared("texts") / "census-1990-surnames.txt.xz"
    try:
        content = lzma.decompress(path.read_bytes())
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({error}); install afnlab anew") from None
    if hashlib.sha256(content).hexdigest() != NAMES_SHA256:
        raise DataError(f"{path}: is not the file of afnlab; install afnlab anew")
    return tuple(content.decode("ascii").split())


@lru_cache(maxsize=2)
def names(limit: int = SURNAMES) -> Data:
    """Surnames as sequences of 14 characters: token 0 is the start and the end, 1 to 26 are a to z.

    A tenth of the names is held out to test, drawn with a fixed seed; no name is in both parts.
    Targets after a name's end are masked.

    Args:
        limit: how many of the names, drawn with the same seed; fewer names are among more.
    """
    order = np.random.default_rng(0).permutation(SURNAMES)[:limit]
    codes = np.array(surnames(), dtype=f"S{NAME_LENGTH - 1}")[order].view(np.uint8)
    letters = codes.reshape(len(order), -1).astype(np.int64) - (ord("a") - 1)
    ends = (letters > 0).sum(1, keepdims=True)
    letters = np.pad(letters, ((0, 0), (1, 1)))  # letter i of a name is in column i
    at = np.arange(NAME_LENGTH)
    inputs = np.where((at > 0) & (at <= ends), letters[:, :-1], 0)
    targets = np.where(at < ends, letters[:, 1:], np.where(at == ends, 0, MASKED))
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    held = round(TESTED * len(order))
    return Data(x[held:], y[held:], x[:held], y[:held])


@lru_cache(maxsize=2)
def shakespeare(length: int = 256) -> Data:
    """Karpathy's tiny Shakespeare in windows that do not overlap; the last tenth is to test.

    The 65 characters of the text, in the order of their codes, are the tokens. The target of every
    character is the next one.

    Args:
        length: characters in a window.
    """
    content = np.frombuffer(files.read("shakespeare", "tinyshakespeare.txt"), dtype=np.uint8)
    tokens = torch.from_numpy(np.unique(content, return_inverse=True)[1].astype(np.int64))
    cut = len(tokens) - round(TESTED * len(tokens))
    return Data(*_windows(tokens[:cut], length), *_windows(tokens[cut:], length))


def _windows(tokens: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Inputs (windows, length), and the characters that follow each of theirs."""
    count = (len(tokens) - 1) // length
    starts = count * length
    return tokens[:starts].view(count, length), tokens[1 : starts + 1].reshape(count, length)
