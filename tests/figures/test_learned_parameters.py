"""The figure of learned parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afnlab.figures import learned_parameters
from tests.figures.test_comparison import titles


def test_trajectories():
    learned = pd.DataFrame(
        {"label": "apec", "seed": s, "epoch": e, "site": site, "index": 0, "value": e + s}
        | {"parameter": name}
        for name in ("alpha", "beta")
        for s in (0, 1)
        for e in (0, 1, 2)
        for site in ("one", "two")
    )
    figure = learned_parameters.trajectories(learned)
    assert titles(figure) == ["APEC: alpha", "APEC: beta"]
    thick = [line for line in figure.axes[0].lines if line.get_linewidth() > 1]
    np.testing.assert_allclose([line.get_ydata() for line in thick], [[0.5, 1.5, 2.5]] * 2)
    assert len({line.get_linestyle() for line in thick}) == 2  # sites differ without colours
