"""Random networks of finite width: what the theory of unlimited width is compared with."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pandas as pd
import torch

from afnlab.errors import ParameterError
from afnlab.signal.gaussian import checked
from afnlab.signal.mean_field import MeanField

TINY = 1e-100  # a variance below which, or above whose inverse, layers are not followed


def measured(
    field: MeanField,
    depth: int = 20,
    width: int = 400,
    q: float = 1.0,
    c: float = 0.5,
    networks: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """Draw networks and follow two inputs, and a gradient, through their layers.

    Args:
        field: the activation with its sigma_w and sigma_b.
        depth: the number of layers of pre-activations, the first of which is given.
        width: units in every layer.
        q, c: variance of the first pre-activations, and the correlation between the two inputs.
        networks: how many are drawn.
        seed: of the draws.

    Returns:
        One row per network and layer (from 1): network, layer, q (mean square of the first input's
        pre-activations), correlation (of the two inputs'), gradient (mean square of the gradient by
        the first input's pre-activations, over that at the last layer).

    Raises:
        ParameterError: for a number that is not allowed.
    """
    for name, value in {"depth": depth, "width": width, "networks": networks}.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ParameterError(name, value, "a whole number, 1 or more")
    start = float(checked(q))
    if not -1 <= c <= 1:
        raise ParameterError("c", c, "a correlation from -1 to 1")
    draws = torch.Generator().manual_seed(seed)
    tables = (
        followed(field, normals(depth, width, draws), start, float(c)) for _ in range(networks)
    )
    rows = [table.assign(network=number) for number, table in enumerate(tables)]
    columns = ["network", "layer", "q", "correlation", "gradient"]
    return pd.concat(rows, ignore_index=True)[columns]


def normals(depth: int, width: int, draws: torch.Generator) -> list[torch.Tensor]:
    """The normal numbers of one network: two inputs, each layer's weights and biases, a gradient.

    Args:
        depth, width: of the network, as for `measured`.
        draws: where they come from.
    """
    shapes = [(2, width), *[(width, width), (width,)] * (depth - 1), (width,)]
    return [torch.randn(shape, generator=draws, dtype=torch.float64) for shape in shapes]


def followed(field: MeanField, drawn: list[torch.Tensor], q: float, c: float) -> pd.DataFrame:
    """Two inputs, and a gradient, through the layers of one network, as in `measured`.

    Args:
        field: the activation with its sigma_w and sigma_b.
        drawn: the network's `normals`, which may serve several fields.
        q, c: as for `measured`.
    """
    (base, other), *layered, outer = drawn
    first = sqrt(q) * torch.stack([base, c * base + sqrt(1 - c * c) * other])
    layers = [first.requires_grad_()]
    record, params = field.function.record, field.function.params
    for weight, bias in zip(layered[::2], layered[1::2], strict=True):
        weights = weight * (field.sigma_w / sqrt(len(bias)))
        layers.append(record(layers[-1], **params) @ weights.T + bias * field.sigma_b)
    grads = torch.autograd.grad((layers[-1][0] * outer).sum(), layers)
    sizes = np.array([float(g[0].square().mean()) for g in grads])
    with torch.no_grad():
        squares = [layer.square().mean(1) for layer in layers]
        products = [(layer[0] * layer[1]).mean() for layer in layers]
        alike = [float(p / (s[0] * s[1]).sqrt()) for p, s in zip(products, squares, strict=True)]
    return pd.DataFrame(
        {
            "layer": np.arange(1, len(layers) + 1),
            "q": [float(s[0]) for s in squares],
            "correlation": alike,
            "gradient": sizes / sizes[-1],
        }
    )


def predicted(field: MeanField, depth: int = 20, q: float = 1.0, c: float = 0.5) -> pd.DataFrame:
    """The predictions of the theory for `measured`: layer, q, correlation, gradient.

    Args:
        field, depth, q, c: as for `measured`.

    Returns:
        One row per layer, up to the first whose variance is below 1e-100 or above 1e100. The
        correlation holds where both inputs have the variance q.

    Raises:
        ParameterError: for a number that is not allowed.
    """
    rows, chis = [], []
    variance, alike = float(checked(q)), float(c)
    for layer in range(1, depth + 1):
        rows.append({"layer": layer, "q": variance, "correlation": alike})
        if not TINY < variance < 1 / TINY:  # nothing is left of the signal, or no number of it
            break
        variance, alike, chi = field.step(variance, alike)
        chis.append(chi)
    back = np.append(np.cumprod(chis[: len(rows) - 1][::-1])[::-1], 1.0)
    return pd.DataFrame(rows).assign(gradient=back)
