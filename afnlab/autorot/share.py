"""The share of pre-activations that an Auto-Rotating layer brings into [-L, L], in closed form.

The outputs of a layer for an input x are L X / |Y| with X = w.x and Y = w.x_Q. For weights w that
are normal and independent, of mean 0 and equal variance, X and Y are jointly normal, so X / Y is
Cauchy distributed, and P(|X / Y| < 1) follows from the lengths of x and x_Q and the angle between
them. It depends on neither L nor the scale of the weights. docs/rotation.md has the proof.
"""

from __future__ import annotations

from math import pi
from numbers import Real

import torch
from torch import Tensor

from afnlab.errors import ParameterError, shown


def inside_share(x: Tensor, x_q: float | Tensor) -> Tensor:
    """The probability that a pre-activation lies in [-L, L] when the weights are drawn.

    For a layer without bias, or whose biases are 0, with independent normal weights of mean 0.

    Args:
        x: inputs (..., features), floating point; none may be all 0.
        x_q: the input that rho is computed from: a number, for every feature the same, or a tensor
            (features,). Not all 0.

    Returns:
        A probability for every input, of shape (...), float64.

    Raises:
        ParameterError: for an input or x_q that is 0 or not finite, or of the wrong shape.
    """
    lengths, cosine = _lengths_and_cosine(x, x_q)
    return _share(lengths, cosine)


def x_q_for(share: float, x: Tensor) -> float:
    """The number x_q with which this share of pre-activations lies in [-L, L].

    The share is the mean over the inputs of their probabilities (`inside_share`), which grows with
    x_q. For a single input it is solved in closed form; with |x_q| sqrt(features) equal to the
    length of x the share is 1/2, whatever the angle between them.

    Args:
        share: above 0 and below 1.
        x: inputs (..., features), floating point; none may be all 0.

    Returns:
        A number above 0, for `x_q=` of an Auto-Rotating layer. The share with 2 xmax_lim - xmin_lim
        (`x_q="auto"`) is `inside_share(x, 2 * xmax_lim - xmin_lim).mean()`.

    Raises:
        ParameterError: for a share that is not between 0 and 1, or for inputs as in `inside_share`.
    """
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 < share < 1:
        raise ParameterError("share", share, "a number above 0 and below 1")
    ratio, cosine = (v.reshape(-1) for v in _lengths_and_cosine(x, 1.0))
    single = _ratio(float(share), cosine) / ratio
    low, high = float(single.min()), float(single.max())
    while high - low > 1e-13 * high:  # every input alone has its share between the two
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if float(_share(ratio * middle, cosine).mean()) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _share(ratio: Tensor, cosine: Tensor) -> Tensor:
    """The probability, from |x_Q| / |x| and the cosine of the angle between them."""
    sine = (1 - cosine.square()).clamp(min=0).sqrt()
    # atan2 holds where the sine is 0, too: the share is then 0, 1/2 or 1.
    return (torch.atan2(ratio - cosine, sine) + torch.atan2(ratio + cosine, sine)) / pi


def _ratio(share: float, cosine: Tensor) -> Tensor:
    """|x_Q| / |x| for a wanted share: the positive root of T r^2 + 2 s r - T = 0.

    T = tan(pi share) and s is the sine of the angle; multiplied by cos(pi share), so that nothing
    is infinite at a share of 1/2.
    """
    angle = torch.tensor(pi * share, dtype=torch.float64)
    sine = (1 - cosine.square()).clamp(min=0).sqrt()
    middle, across = sine * angle.cos(), angle.sin()
    return (torch.hypot(middle, across.expand_as(middle)) - middle) / across


def _lengths_and_cosine(x: object, x_q: object) -> tuple[Tensor, Tensor]:
    """|x_Q| / |x| and the cosine of the angle between them, for every input."""
    if not isinstance(x, Tensor) or not x.is_floating_point() or x.dim() == 0 or not x.numel():
        raise ParameterError("x", x, "a floating-point tensor (..., features)")
    inputs = x.detach().double()
    features = inputs.shape[-1]
    probe = torch.as_tensor(x_q, dtype=torch.float64, device=inputs.device).detach()
    if probe.shape not in ((), (features,)):
        raise ParameterError("x_q", x_q, f"a number or a tensor of {features} values")
    probe = probe.expand(features)
    length, probe_length = inputs.norm(dim=-1), probe.norm()
    for name, value in (("x", length), ("x_q", probe_length)):
        if not (value.isfinite() & (value > 0)).all():
            message = f"{name} must be finite and not all 0, got {shown(x if name == 'x' else x_q)}"
            raise ParameterError(name, message=message)
    cosine = (inputs @ probe / (length * probe_length)).clamp(-1, 1)
    return probe_length / length, cosine
