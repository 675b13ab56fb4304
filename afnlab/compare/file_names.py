"""Texts as names of files: readable, and never one name for two."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from unicodedata import normalize

LONGEST = 64  # bytes of a name without what is added to it; a file system takes 143 or 255
_DIGITS = 8  # of the hash that tells apart what would have one name
# What Windows takes for a device, whatever the ending.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])(?=\.|$)", re.IGNORECASE)


def file_names(texts: Mapping[str, str]) -> dict[str, str]:
    """Names for files that lie in one folder, by what each is of.

    A name keeps the letters and the digits of its text, of any script, and is the same whatever
    the others are, unless a file system could take one of theirs for it: then a hash of what it is
    of stands behind it. Names that differ in case alone are one to some file systems, and so are
    letters that Unicode writes in two ways.

    Args:
        texts: the text that a name follows from, by what distinguishes the file from all others.

    Returns:
        The names, by the same keys.
    """
    hashed: set[str] = set()
    while True:
        names = {of: _name(text, of if of in hashed else "") for of, text in texts.items()}
        taken = Counter(map(_folded, names.values()))
        alike = {of for of, name in names.items() if taken[_folded(name)] > 1} - hashed
        if not alike:
            return names
        hashed |= alike


def _name(text: str, of: str) -> str:
    """The name of a text, and behind it the hash of what it is of, if that is not empty."""
    plain = re.sub(r"[^\w.-]+", "-", normalize("NFC", text)).lstrip(".-") or "unnamed"
    plain = plain.encode()[:LONGEST].decode(errors="ignore")
    if _DEVICE.match(plain):
        plain = f"_{plain}"
    mark = hashlib.sha256(of.encode(errors="backslashreplace")).hexdigest()[:_DIGITS]
    return f"{plain}-{mark}" if of else plain


def _folded(name: str) -> str:
    """What is the same of all names that a file system may take for one."""
    return normalize("NFKC", name.casefold())
