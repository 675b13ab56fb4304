"""Whether the values of a table look like shares where percentages are meant, or beside some."""

from __future__ import annotations

import pandas as pd

from afnlab.messages import enumerated

PERCENT = "%"
ALIKE = 3  # times: a share in percent is no further from the percentages beside it
APART = 10  # times, between the largest share and the smallest percentage


def suspicious(values: pd.DataFrame, unit: str) -> list[str]:
    """Sentences on values that seem to have another unit than is said, or than the others.

    Nothing is converted: 0.5 may well be half a percent.

    Args:
        values: seeds x labels.
        unit: of the values, "" if none was named.
    """
    size = values.abs().melt(var_name="label").set_index("label")["value"].dropna()
    if unit == PERCENT and 0 < size.max() <= 1:
        return [
            "All values lie between \N{MINUS SIGN}1 and 1 although their unit is %: they look like"
            " shares of 1. They are compared as they stand; for percentages multiply the column"
            " by 100 before, or name no unit."
        ]
    shares, others = size[size <= 1], size[size > 1]
    if shares.empty or others.empty or unit not in ("", PERCENT):
        return []
    near = 1 / ALIKE <= 100 * shares.median() / others.median() <= ALIKE
    if not near or others.min() < APART * shares.max():
        return []
    names = enumerated(list(dict.fromkeys(map(str, shares.index))))
    return [
        f"Some values look like shares of 1, and others like percentages: those of {names} lie"
        " between \N{MINUS SIGN}1 and 1, and 100 times as much would be like the others. They are"
        " compared as they stand; write all of them in one unit."
    ]
