import numpy as np
import pandas as pd
import pytest

from afnlab import stats
from afnlab.compare import compare_table
from afnlab.compare.would_decide import QUESTION

GAPS = [0.2, 0.5, 0.4, 0.3, 0.6, 0.1, 0.7, 0.4]


def said(seeds: int, rows: int = 1, unpaired: bool = False, **flags: float) -> str:
    """What is said of x, which is better than relu by 0.4 on average."""
    base = np.linspace(95.0, 95.8, seeds)
    parts = {"relu": base, "x": base + GAPS[:seeds]} | {f"y{n}": base - 1 for n in range(rows - 1)}
    content = pd.DataFrame(
        [(label, s, v) for label, values in parts.items() for s, v in enumerate(values)],
        columns=["label", "seed", "value"],
    )
    return compare_table(content, unpaired=unpaired, **flags).answers.get(QUESTION, "")


def test_seeds_too_few_for_a_test():
    spread = float(np.std(GAPS[:5], ddof=1))
    text = said(5)
    least = stats.detectable_difference(spread, 6)
    needed = stats.seeds_to_detect(0.4, spread)
    assert text.startswith(
        "5 seeds detect no true difference, however large; 6, the fewest that can, detect one of"
        f" {least:.2f} with a power of 80 %. To detect the observed difference of x (+0.40) with a"
        f" power of 80 % takes {needed} seeds of every row."
    )
    assert "Fix the number first" in text


def test_a_margin_is_a_difference_to_plan_for():
    needed = stats.seeds_to_detect(0.05, float(np.std(GAPS[:5], ddof=1)))
    assert f"To detect a difference of 0.05 with a power of 80 % takes {needed} seeds" in (
        said(5, margin=0.05)
    )


def test_several_comparisons():
    text = said(8, rows=3)
    found = stats.detectable_difference(float(np.std(GAPS, ddof=1)), 8, 3)
    assert text.startswith(
        f"x: 8 seeds detect a true difference of {found:.2f} with a power of 80 % among 3"
        " comparisons."
    )
    assert "Fix the number" not in text  # it is decided
    assert "observed" not in text  # these seeds have shown it


@pytest.mark.parametrize("seeds", [3, 8])
def test_without_pairs(seeds):
    text = said(seeds, unpaired=True)
    observed = f"To detect the observed difference of x ({np.mean(GAPS[:seeds]):+.2f})"
    assert (observed in text) == (seeds == 3)  # with 8 it is shown
    assert ("detect no true difference" in text) == (seeds == 3)
