"""What a comparison of fresh seeds says of itself."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afnlab.compare.confirmation_caveat import confirmation_caveat


def test_of_one_comparison_nothing_was_picked():
    table = pd.DataFrame({"p": [0.5, np.nan]}, ["gelu", "relu"])
    assert confirmation_caveat(table, 1).startswith(
        "GELU was compared before by other seeds, which do"
    )
    assert confirmation_caveat(table, 2).startswith(
        "GELU was picked among 2 by other seeds, which do"
    )


def test_which_comparisons_count_beside_those_of_a_confirmation():
    table = pd.DataFrame({"p": [0.5, np.nan]}, ["gelu", "relu"])
    further = {"gelu": 1, "a.py:f": 2, "elu": 1}
    told = confirmation_caveat(
        table.assign(further_comparisons=[1, 0], comparisons_beside=3), 2, further
    )
    assert (
        "p is corrected for 5 comparisons, this one and 1 further confirmation of GELU, by other"
        " code or against another baseline, and 2 confirmations of a.py:f and 1 confirmation of"
        " ELU, of code or rows that are not here; any whose runs were removed is not known of"
    ) in told
