"""Names in a row, as messages list what there is."""

from __future__ import annotations

from collections.abc import Iterable


def listed(names: Iterable[str]) -> str:
    """Names as one text: "relu, gelu"; where one holds a comma, after which another would seem to
    begin, each in quotes: "'relu', 'srelu(t=1, alpha=2)'".

    Args:
        names: what there is.
    """
    texts = list(names)
    return ", ".join(map(repr, texts) if any("," in text for text in texts) else texts)
