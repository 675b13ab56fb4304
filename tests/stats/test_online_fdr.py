"""e-LOND: its levels, and the share of false discoveries that it keeps."""

from __future__ import annotations

import numpy as np
import pytest

from afnlab.stats import e_lond


def test_levels_of_e_lond():
    assert e_lond(1, 0, 0.05) == 0.025
    assert e_lond(3, 2, 0.06) == pytest.approx(0.06 * 3 / 12)
    assert sum(e_lond(t, 0, 1) for t in range(1, 10_000)) == pytest.approx(1, abs=1e-3)
    with pytest.raises(ValueError, match="discoveries must be 0 to 1, got 2"):
        e_lond(2, 2, 0.05)


def test_e_lond_keeps_the_share_of_false_discoveries():
    """The largest e-values that there can be at these levels: each is rejected with its level."""
    rng, shares = np.random.default_rng(0), []
    for _ in range(2000):
        false, true = 0, 0
        for t in range(1, 21):
            level = e_lond(t, false + true, 0.2)
            if t % 3 == 0:
                true += 1
            else:
                false += rng.random() < level  # an e-value of 1 / level, or 0
        shares.append(false / max(1, false + true))
    assert np.mean(shares) <= 0.2
    assert np.mean(shares) > 0.02
