"""What a function is, numerically: values, slopes, extremes."""

from __future__ import annotations

import numpy as np
import pytest

import afnlab
from afnlab.functions import profile
from tests.figures.test_function_curves import ELEMENTWISE


def test_profile_of_relu():
    facts = profile.profile("relu")
    assert facts["gain"] == pytest.approx(2**0.5, rel=1e-4)
    assert facts["mean of f(z)"] == pytest.approx((2 * np.pi) ** -0.5, rel=1e-4)
    assert facts["mean of f'(z)^2"] == pytest.approx(0.5, abs=1e-3)
    assert facts["share of |f'(z)| < 0.05"] == pytest.approx(0.5, abs=1e-3)
    assert (facts["kinks"], facts["monotone"]) == ("0", "yes")
    assert (facts["least value on [-12, 12]"], facts["largest slope on [-12, 12]"]) == (0, 1)
    with pytest.raises(ValueError, match="softmin: a profile is defined for elementwise"):
        profile.profile("softmin")


def test_a_profile_to_read():
    facts = profile.table("srelu", t=2).srelu
    assert facts["kinks"] == "-2, 2"
    assert facts["slope at 0"] == "0.5"
    assert facts["least value on [-12, 12]"] == "-0.1671"


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_profile(name):
    facts = profile.profile(name)
    assert facts.name == name
    assert facts["finite up to |x| = 1e4"] == "yes"


def test_slopes_under_a_normal_input():
    assert profile.slope_under(afnlab.get_activation("relu")) == pytest.approx((0.5, 0.5), abs=0.01)
    narrow, wide = (profile.slope_under(afnlab.get_activation("tanh"), s)[0] for s in (0.1, 3.0))
    assert narrow == pytest.approx(1, abs=0.03)
    assert wide < 0.25
