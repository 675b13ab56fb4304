"""What a comparison of fresh seeds says of itself, and which others count with it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from afnlab.compare.baseline_differences import FURTHER, comparisons, further_comparisons
from afnlab.compare.proper_names import proper_name
from afnlab.messages import LISTED, counted, enumerated, some


def confirmation_caveat(table: pd.DataFrame, among: int, further: Mapping[str, int] = {}) -> str:
    """That a comparison is of fresh seeds alone; empty if it is no confirmation.

    Args:
        table: of `compare_histories`.
        among: from how many comparisons its rows were picked; 0: it is no confirmation.
        further: with which that table was made.
    """
    if not among:
        return ""
    compared = table[table.p.notna()]
    rows, count = compared.index, comparisons(compared)
    how = f"picked among {among}" if among > 1 else "compared before"  # of one nothing is picked
    one = len(rows) == 1
    which = f"{proper_name(str(rows[0]))} was" if one else f"{len(rows)} rows were"
    if further_comparisons(compared):
        each = "this one" if one else f"these {len(rows)}"
        counting = _with_further(each, table, further)
        many = (
            f"p is corrected for {count} comparisons, {counting}; any whose runs were removed is"
            " not known of"
        )
    elif one:
        many = "this is one comparison, without correction"
    else:
        many = f"p is corrected for these {len(rows)} comparisons"
    return (
        f"{which} {how} by other seeds, which do not count here: {many}. Seeds that"
        " are added after a look at this result would make p too small."
    )


def _with_further(shown: str, table: pd.DataFrame, further: Mapping[str, int]) -> str:
    """Which comparisons count: what is said of those that are shown, and the other confirmations.

    table, further: as of `confirmation_caveat`.
    """
    of_rows = dict(table[FURTHER]) if FURTHER in table else {}
    again = [
        f"{counted(int(n), 'further confirmation')} of {proper_name(label)}"
        for label, n in of_rows.items()
        if n
    ]
    beside = [
        f"{counted(n, 'confirmation')} of {proper_name(label)}"
        for label, n in further.items()
        if label not in table.index
    ]
    text = enumerated([shown, *again])
    if again:
        text += ", by other code or against another baseline"
    if beside:
        text += (
            f"{',' if again else ''} and {some(beside, LISTED)}, of code or rows that are not here"
        )
    return text
