import numpy as np
import pytest

from afnlab import stats


@pytest.mark.parametrize("test", stats.TESTS.values(), ids=stats.TESTS)
def test_values_that_all_agree_are_significant_with_few_seeds(test):
    for comparisons in (1, 3):
        least = test.seeds_needed(comparisons)
        ends = [comparisons * test.smallest_p(*test.sizes(n)) for n in (least, least - 1)]
        assert ends[0] < 0.05 <= ends[1]
    least = test.seeds_needed(1) + 3
    values = [np.linspace(10.0, 10.1, n) for n in test.sizes(least)]
    values[1:] = [v - 10 for v in values[1:]]  # of the baseline
    p = test.p(*values)
    assert test.smallest_p(*test.sizes(least)) <= p < 0.05
    assert test.interval(*values, 0.95).low > 0
    assert test.alone(*values) == test.interval(*values, 0.95)
    assert test.not_worse_p(*values, 1.0) < 0.05 < test.equivalence_p(*values, 1.0)
    assert test.improvement(*values) == 1
    assert np.isnan(test.wilcoxon_p(*values)) == (test is stats.ANY_TIME)


@pytest.mark.parametrize("test", stats.TESTS.values(), ids=stats.TESTS)
def test_what_is_detected_is_known_of_fixed_numbers_of_seeds(test):
    assert (test.power is None) == (test is stats.ANY_TIME)
    if test.power is not None:
        seeds = test.power.seeds_to_detect(1.0, 1.0, 2)
        assert seeds is not None
        sizes = [test.sizes(n) for n in (seeds, seeds - 1)]
        enough, few = (test.power.detectable(1.0, *of, 2) for of in sizes)
        assert enough <= 1.0 < few
