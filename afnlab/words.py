"""Words that messages and pages share."""

from __future__ import annotations

import re

# A name and a password (which may hold a /) before the last @ of an address, also of one that was
# taken for a path and lost a slash; and what follows its ?, or its # if that sets something.
_LOGIN = re.compile(r"(:/{1,2})(?:[^\s/@:]*:\S*|[^\s/@]+)@")
_QUERY = re.compile(r"(://[^\s?#'\"<>]*)(\?[^\s'\"<>]+|#[^\s'\"<>]*=[^\s'\"<>]*)")


def counted(n: float, one: str) -> str:
    """A number of things: "1 seed", "12 seeds", "9.9 epochs"."""
    return f"{n:.15g} {one if n == 1 else one + 's'}"


def masked(text: str) -> str:
    """A text with the secrets of the addresses in it hidden: `s3://***@bucket/runs?***`."""
    return _QUERY.sub(lambda found: f"{found[1]}{found[2][0]}***", _LOGIN.sub(r"\1***@", text))
