"""How strict each of many tests must be, one after the other, so that few discoveries are false.

e-LOND (Xu and Ramdas, Online multiple testing with e-values, AISTATS 2024): with weights g(1),
g(2), ... that add up to 1, the t-th hypothesis is rejected if its e-value is at least 1 / alpha(t),
alpha(t) = alpha g(t) (1 + number of rejections before). Then the expected share of false ones among
the rejections is at most alpha, after any number of hypotheses and whatever the dependence between
their data, such as a baseline that all share.

The proof is short. A rejected t contributes 1{e(t) >= 1 / alpha(t)} <= e(t) alpha(t) over the
number of all rejections, which is at least one more than there were before t. So its share is at
most alpha g(t) e(t), and e(t) has an expectation of 1 at most. It also holds if only some of the
rejections are kept as discoveries (those that are confirmed) and if only these are counted, and if
alpha(t) is fixed early, when several hypotheses are tested at once.

An e-value may be that of an e-process at a time of stopping, which must then follow from the data
of its own hypothesis alone. The time at which it reaches 1 / alpha(t) does not, since the number of
earlier rejections is part of it. The time at which it reaches 1 / (alpha g(t)) does.
"""

from __future__ import annotations


def e_lond(position: int, discoveries: int, alpha: float) -> float:
    """The significance level of a hypothesis, fixed when it is entered.

    Args:
        position: which hypothesis it is, from 1.
        discoveries: how many of the earlier ones are discoveries by then.
        alpha: the false discovery rate of all of them.

    Returns:
        alpha (1 + discoveries) / (position (position + 1)); the weights 1/2, 1/6, 1/12, ... add up
        to 1.

    Raises:
        ValueError: if there are not fewer discoveries than hypotheses.
    """
    if not 0 <= discoveries < position:
        raise ValueError(f"discoveries must be 0 to {position - 1}, got {discoveries}")
    return alpha * (1 + discoveries) / (position * (position + 1))
