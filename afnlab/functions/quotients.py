"""The slopes that the values of a function have, by differences, and where its code has others.

The values at a number and at four on one side of it determine a polynomial, whose slope is that of
the values on that side (Newton's divided differences). Numbers that lie close together serve each
other, so a first look takes no evaluation beyond theirs. Where it leaves a slope open, because the
function bends, jumps or has a kink nearby, a second look takes steps of its own: of eleven sizes,
from an eighth of |x| on, that one on each side whose slope differs least from the next smaller
one's. What the roundings of the values do to a slope is estimated, and tried out where a slope
would be called wrong (`rounding.scattered`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from afnlab.derivatives import derivatives
from afnlab.functions.rounding import REACH, scattered

Function = Callable[[Tensor], Tensor]

ORDER = 4  # of the polynomial
AMPLIFIED = 11.0  # errors of the values, at most, in its slope: the sum of the weights, in steps
EPS = torch.finfo(torch.float64).eps
# What a first look may leave open of the steepest slope, and a second one of a slope that is nan.
SHARP, VAGUE = 1e-6, 1e-3
# Steps in |x|, so that none crosses 0, and nodes in steps. No two of them have a common measure,
# for a sine seems constant at multiples of its period.
STEPS = 0.1 ** torch.arange(11.0, dtype=torch.float64) / 8
_OUTWARD = torch.tensor([1.0, 5.0, 11.0, 19.0], dtype=torch.float64).sqrt()
NODES = torch.cat([-_OUTWARD.flip(0), torch.zeros(1).double(), _OUTWARD])
# Numbers that get a second look: those most off, of all the others, and those nearest to 1.
WORST, SPREAD, PLAIN = 512, 1024, 64
ALONE = 2.0**-40  # how near a number is another one that is not that number


@dataclass(frozen=True)
class Contradictions:
    """Where the slopes of a function are not those of its values.

    Attributes:
        at: the indices of the numbers.
        left: the slopes that the values have there on the left.
        right: the same on the right; equal to `left` where the two cannot be distinguished.
        flat: whether the values are constant there.
        alone: whether the slope is finite, and right at the numbers next to it, as where the kinks
            of two terms cancel, of whose slopes automatic differentiation chooses one each.
        excused: the type of the fewest digits in which the function computes, if it is a coarser
            one than float64 and its roundings explain slopes that differ otherwise.
    """

    at: Tensor
    left: Tensor
    right: Tensor
    flat: Tensor
    alone: Tensor
    excused: torch.dtype | None = None


def largest_within(x: Tensor, size: Tensor, least: float = 0.0) -> Tensor:
    """The largest size at all numbers no further from 0 than each of them, or than `least`.

    Args:
        x: numbers in ascending order, and their negatives.
        size: what is known at each of them; what is not finite does not count.
        least: a number that is not negative.

    Returns:
        One size for each x.
    """
    finite = size.abs().nan_to_num(0.0, 0.0, 0.0)
    middle = len(x) // 2
    top = torch.maximum(finite, finite.flip(0))[middle:].cummax(0).values
    top = top.clamp(min=top[(x[middle:] <= least).sum().clamp(min=1) - 1])
    return torch.cat([top[len(x) % 2 :].flip(0), top])


def steepest_within(x: Tensor, slope: Tensor) -> Tensor:
    """The steepest slope of the numbers no further from 0 than each of them, or than 1.

    Args:
        x: numbers in ascending order, and their negatives.
        slope: the slopes there.

    Returns:
        One for each x: none is above 1 or, if it is greater, the steepest slope up to 1, so that a
        tail may be small beside an exponential growth on the other side of 0.
    """
    steepest = largest_within(x, slope, least=1.0)
    return steepest.clamp(max=steepest.min().clamp(min=1.0))


def contradictions(function: Function, x: Tensor, y: Tensor, slope: Tensor) -> Contradictions:
    """Where slopes are those of the values on neither side, nor between the two.

    Args:
        function: an elementwise function, of tensors of float64.
        x: numbers of float64 in ascending order, and their negatives, close to one another.
        y: its values there.
        slope: its slopes there.

    Returns:
        The contradictions. Where the values leave open what the slope is, there is none.
    """
    noise = noise_of(x, y, slope)
    steepest = steepest_within(x, slope)
    sides, errors = _one_sided(x, y)
    steps = x.diff()
    inner = slice(ORDER, -ORDER)
    steps = torch.minimum(steps[ORDER - 1 : -ORDER], steps[ORDER : 1 - ORDER])
    errors = errors + AMPLIFIED * noise[inner] / steps
    off = ((sides - slope[inner]).abs() / errors).nan_to_num(nan=torch.inf)
    off[(sides == slope[inner])] = 0  # of values that are all 0, whose errors are 0
    sharp = errors <= SHARP * (sides.abs() + steepest[inner])
    settled = ((off <= 1) & sharp).any(0)
    finest = AMPLIFIED * noise / (STEPS[0] * _size(x)) <= VAGUE * steepest
    open_ = ~settled & ((off > 1).all(0) | finest[inner]) & y[inner].isfinite()
    at = open_.nonzero()[:, 0]
    if len(at) > WORST + SPREAD:
        worst = off.amin(0)[at].topk(WORST).indices
        spread = torch.linspace(0, len(at) - 1, SPREAD).long()
        plain = x[inner][at].abs().log().abs().topk(PLAIN, largest=False).indices
        at = at[torch.cat([worst, spread, plain]).unique()]
    at = at + ORDER
    closer = contradictions_at(function, x[at], y[at], slope[at], noise[at])
    return replace(closer, at=at[closer.at])


def contradictions_at(
    function: Function, x: Tensor, y: Tensor, slope: Tensor, noise: Tensor
) -> Contradictions:
    """Where slopes contradict the values, at any numbers, by steps of each one's own.

    Args:
        function: an elementwise function, of tensors of float64.
        x: numbers of float64.
        y: its values there.
        slope: its slopes there.
        noise: by how much the values may be rounded, see `noise_of`.

    Returns:
        The contradictions.
    """
    steps = _size(x)[:, None] * STEPS
    nodes = x[:, None, None] + steps[:, :, None] * NODES
    with torch.no_grad():
        values = function(nodes.flatten()).detach().reshape(nodes.shape)
    sides, errors = (v[..., 0] for v in _one_sided(nodes, values))
    apart = sides.diff(dim=-1).abs()
    errors = errors + torch.cat([apart, apart[..., -1:]], -1)

    def contradicted(noise: Tensor, tolerance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        total = (errors + AMPLIFIED * noise[:, None] / steps).nan_to_num(nan=torch.inf)
        error, best = total.min(-1)
        side_slopes = sides.gather(-1, best[..., None])[..., 0]
        margin = REACH * error + tolerance
        beside = (slope < side_slopes - margin).all(0) | (slope > side_slopes + margin).all(0)
        # Waves that are finer than a step look flat, so a finer step may tell that it is right.
        reach = REACH * total + tolerance[:, None]
        supported = (sides - slope[:, None]).abs() <= reach
        supported &= reach <= (side_slopes - slope).abs()[..., None] / 2
        supported &= torch.arange(len(STEPS)) > best[..., None]
        known = (REACH * error <= VAGUE * (1 + side_slopes.abs())).all(0)
        wrong = torch.where(slope.isfinite(), beside & ~supported.any(-1).any(0), known)
        return wrong, side_slopes, error

    wrong, side_slopes, error = contradicted(noise, torch.zeros_like(x))
    alone = wrong & _right_beside(function, x, slope, side_slopes)
    excused = None
    at = (wrong & ~alone).nonzero()[:, 0]
    if len(at):
        scatter = scattered(function, x[at], y[at], slope[at])
        rounded, tolerance = noise.clone(), torch.zeros_like(x)
        rounded[at] = torch.maximum(noise[at], REACH * scatter.values)
        tolerance[at] = REACH * scatter.slopes
        still, side_slopes, error = contradicted(rounded, tolerance)
        coarse = torch.finfo(scatter.coarsest).eps > EPS
        excused = scatter.coarsest if coarse and not still[at].all() else None
        wrong &= still
    at = wrong.nonzero()[:, 0]
    side_slopes, error = side_slopes[:, at], error[:, at]
    flat = (side_slopes == 0).all(0)
    side_slopes = torch.where(side_slopes.abs() <= REACH * error, 0.0, side_slopes)
    one = (side_slopes[0] - side_slopes[1]).abs() <= REACH * error.sum(0)
    better = side_slopes.gather(0, error.argmin(0)[None])[0]
    left, right = torch.where(one, better, side_slopes)
    return Contradictions(at, left, right, flat, alone[at], excused)


def _right_beside(function: Function, x: Tensor, slope: Tensor, side_slopes: Tensor) -> Tensor:
    """Where slopes that are off are finite, and right at the numbers next to x on either side."""
    beside = x + _size(x) * torch.tensor([[-ALONE], [ALONE]], dtype=x.dtype)
    slopes = derivatives(function, beside.flatten(), 1)[1].reshape(beside.shape)
    off = (slope - side_slopes).abs()
    return ((slopes - side_slopes).abs() < off / 2).all(0) & slope.isfinite()


def _size(x: Tensor) -> Tensor:
    return torch.where(x == 0, 1.0, x.abs())


def noise_of(x: Tensor, y: Tensor, slope: Tensor) -> Tensor:
    """By how much float64 rounds values: roundings of x move them, and terms may cancel that are as
    large as the values on the other side of 0, or as 1 or x (as in x + x erf(x)).

    Args:
        x: numbers of float64 in ascending order, and their negatives.
        y: the values there.
        slope: the slopes there.

    Returns:
        An estimate for each.
    """
    moved = (x * slope).abs().nan_to_num(0.0, 0.0, 0.0)
    usual = x.abs().clamp(min=1) * steepest_within(x, slope).min().clamp(min=1)
    cancelled = torch.minimum(largest_within(x, y), usual)
    return EPS * torch.maximum(y.abs(), torch.maximum(moved, cancelled))


def _one_sided(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Of a function known at ascending numbers (the last dimension): its slopes on the left and on
    the right (the first one), but for `ORDER` numbers at either end, and what they may be off."""
    here = x[..., ORDER:-ORDER]
    many = here.shape[-1]
    slope, factor = torch.zeros(2, *here.shape).double(), torch.ones(2, *here.shape).double()
    table = y
    for k in range(1, ORDER + 1):
        table = table.diff().div_(x[..., k:] - x[..., :-k])
        # The first difference and the last node of those on the left, and of those on the right.
        for side, first, last in ((0, ORDER - k, ORDER - k), (1, ORDER, ORDER + k)):
            term = table[..., first : first + many] * factor[side]
            slope[side] += term
            if k < ORDER:
                factor[side] *= here - x[..., last : last + many]
            else:
                factor[side] = term
    return slope, 2 * factor.abs()
