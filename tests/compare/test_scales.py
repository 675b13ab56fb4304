import pandas as pd
import pytest

from afnlab.compare.scales import suspicious

SHARES = {"relu": [0.95, 0.94], "x": [0.96, 0.97]}
CASES = {  # values, their unit, and what is said
    "shares in percent": (SHARES, "%", "All values lie between \u22121 and 1 although"),
    "shares": (SHARES, "", ""),
    "percentages": ({"relu": [95.0, 94.0], "x": [96.0, 97.0]}, "%", ""),
    "shares beside percentages": (
        {"relu": [95.2, 95.0], "x": [0.957, 0.955]},
        *("", "those of x lie between \u22121 and 1"),
    ),
    "within a row": ({"relu": [95.2, 0.95], "x": [95.7, 95.5]}, "%", "those of relu lie between"),
    "losses far apart": ({"relu": [0.02, 0.03], "x": [40.0, 50.0]}, "", ""),
    "losses around 1": ({"relu": [0.5, 0.9], "x": [1.1, 1.5]}, "", ""),
    "with a unit": ({"relu": [95.2, 95.0], "x": [0.957, 0.955]}, "s", ""),
    "zeros": ({"relu": [0.0, 0.0], "x": [0.0, 0.0]}, "%", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_values_that_look_like_shares(case):
    values, unit, told = CASES[case]
    said = suspicious(pd.DataFrame(values), unit)
    assert len(said) == bool(told)
    assert told in "".join(said)
