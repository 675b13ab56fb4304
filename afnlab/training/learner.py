"""A small network that is trained step by step, so that its training can be watched."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import isfinite, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from afnlab.autorot import auto_rotate, input_limits, suggested_L
from afnlab.errors import shown
from afnlab.nn import ActivationModule, make
from afnlab.registry import Activation, get_activation
from afnlab.training.initial import gain, scale_weights
from afnlab.training.options import number, whole
from afnlab.training.streams import generator
from afnlab.training.threads import at_most
from afnlab.training.update_rules import SGD, Group

STARTS = ("gain", "torch", "convnetjs")
CLASSES = 2
TUNABLE = ("lr", "momentum", "batch", "l2")


@dataclass(frozen=True)
class Setup:
    """A multilayer perceptron and its training; ValueError for a value that is not allowed.

    Attributes:
        activation, params: the activation and its parameters.
        hidden: widths of the hidden layers.
        auto_rot, L: rotate the hidden layers; L None means `suggested_L`.
        lr, momentum, batch: of gradient descent.
        l2: penalty on the weights, not on the biases, as convnetjs computes it: l2 times the weight
            is added to the sum of a batch's gradients, and so 1 / batch of it to their mean.
        start: weights scaled for the activation ("gain"), torch's own, or those of convnetjs
            (standard deviation 1 / sqrt(inputs), hidden biases 0.1).
        seed: of the weights and batches.
        low, high: the range of both coordinates.
    """

    activation: str | Activation = "srelu"
    params: dict[str, object] = field(default_factory=dict)
    hidden: tuple[int, ...] = (32, 32, 32)
    auto_rot: bool = False
    L: float | None = None
    lr: float = 0.1
    momentum: float = 0.9
    batch: int = 20
    l2: float = 0.0
    start: str = "gain"
    seed: int = 0
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        for width in self.hidden:
            whole(width, "hidden", least=1)
        if not self.hidden:
            raise ValueError("hidden must name one layer or more")
        number(self.lr, "lr", above=0)
        number(self.momentum, "momentum", least=0)
        if self.momentum >= 1:
            raise ValueError(f"momentum must be below 1, got {shown(self.momentum)}")
        number(self.l2, "l2", least=0)
        whole(self.batch, "batch", least=1)
        whole(self.seed, "seed", least=0)
        if self.start not in STARTS:
            raise ValueError(f"start must be one of {', '.join(STARTS)}; got {shown(self.start)}")
        record = get_activation(self.activation)
        record.complete(self.params)
        if self.auto_rot and self.L is None:
            suggested_L(record)

    def build(self) -> nn.Sequential:
        """The initialized network: at one seed the same draws for all activations."""
        record = get_activation(self.activation)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            layers: list[nn.Module] = []
            for inputs, outputs in pairwise((2, *self.hidden)):
                draws = generator(self.seed, "activation")
                layers += [nn.Linear(inputs, outputs), make(record, self.params, generator=draws)]
            network = nn.Sequential(*layers, nn.Linear(self.hidden[-1], CLASSES))
        draws = generator(self.seed, "network")
        if self.start == "gain":
            # The plane's middle square; the gain of the first layer makes up for its size.
            square = torch.linspace(self.low, self.high, 101)[:, None]
            scale_weights(network, gain(record, **self.params), square, draws)
        elif self.start == "convnetjs":
            _as_convnetjs(network, draws)
        if self.auto_rot:
            low, high = input_limits(record, self.low, self.high)
            limit = suggested_L(record) if self.L is None else self.L
            auto_rotate(network, limit, xmin_lim=low, xmax_lim=high)
        return network


# The demo of convnetjs-extras: 2-16-7-7-7-2 on a plane whose coordinates reach from 0 to 10.
DEMO = Setup(
    "leaky_relu",
    hidden=(16, 7, 7, 7),
    lr=0.01,
    momentum=0.1,
    batch=10,
    l2=0.001,
    start="convnetjs",
    low=0.0,
    high=10.0,
)


@torch.no_grad()
def _as_convnetjs(network: nn.Sequential, draws: torch.Generator) -> None:
    layers = [m for m in network if isinstance(m, nn.Linear)]
    for layer in layers:
        noise = torch.randn(layer.weight.shape, generator=draws)
        layer.weight.copy_(noise / sqrt(layer.in_features))
        nn.init.constant_(layer.bias, 0.0 if layer is layers[-1] else 0.1)


class Learner:
    """A network of a setup, trained for as many steps as requested.

    Attributes:
        steps: how many were taken so far.
        losses: mean cross entropy of each step's batch.
        tests: steps, and the losses then on points that are not learned; see `test`.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup, self.network = setup, setup.build()
        weights: list[Tensor] = [m.weight for m in self.network if isinstance(m, nn.Linear)]
        known = {id(p) for p in weights}
        others = [p for p in self.network.parameters() if id(p) not in known]
        self.optimizer = SGD([Group(weights, setup.lr), Group(others, setup.lr)])
        self.retune(setup)
        self.shuffle = generator(setup.seed, "batches")
        self.order = torch.empty(0, dtype=torch.int64)
        self.losses = array("d")
        self.tests: tuple[array, array] = (array("q"), array("d"))

    def retune(self, setup: Setup) -> None:
        """Continue with the lr, momentum, batch and l2 of another setup."""
        self.optimizer.momentum = setup.momentum
        for group, l2 in zip(self.optimizer.groups, (setup.l2, 0.0), strict=True):
            group.lr, group.weight_decay = setup.lr, l2 / setup.batch
        tuned = {name: getattr(setup, name) for name in TUNABLE}
        self.setup = replace(self.setup, **tuned)

    @property
    def steps(self) -> int:
        return len(self.losses)

    @property
    def diverged(self) -> bool:
        """Whether the last loss is not a finite number; it then takes no further step."""
        return bool(self.losses) and not isfinite(self.losses[-1])

    def step(self, x: Tensor, y: Tensor) -> None:
        """Learn from the next batch of the points (count, 2) and their classes (count,).

        Each epoch goes over all points in a new order; points may have come or gone since.
        """
        if self.diverged:
            return
        if not len(self.order) or int(self.order.max()) >= len(x):
            self.order = torch.randperm(len(x), generator=self.shuffle)
        batch, self.order = self.order[: self.setup.batch], self.order[self.setup.batch :]
        with at_most(1):
            loss = F.cross_entropy(self.network(x[batch]), y[batch])
            self.network.zero_grad()
            loss.backward()
            self.optimizer.step()
        for module in self.network:
            if isinstance(module, ActivationModule):
                module.project()
        self.losses.append(loss.item())

    @torch.no_grad()
    def surface(self, x: Tensor) -> Tensor:
        """The probability of class 1 at the points (count, 2)."""
        self.network.eval()
        probability = self.network(x).softmax(-1)[:, 1]
        self.network.train()
        return probability

    @torch.no_grad()
    def preactivations(self, x: Tensor) -> list[Tensor]:
        """The inputs of each hidden layer's activation at the points: (count, width) each."""
        inputs = []
        self.network.eval()
        for layer in list(self.network)[:-1]:
            x = layer(x)
            if isinstance(layer, nn.Linear):
                inputs.append(x)
        self.network.train()
        return inputs

    @torch.no_grad()
    def scores(self, x: Tensor, y: Tensor) -> tuple[float, float]:
        """Over all points: the accuracy and the mean cross entropy."""
        self.network.eval()
        logits = self.network(x)
        self.network.train()
        right = (logits.argmax(-1) == y).float().mean()
        return float(right), float(F.cross_entropy(logits, y))

    def test(self, x: Tensor, y: Tensor) -> None:
        """Note the loss, as it is now, on points that are not learned; of none there is no loss."""
        if len(x):
            self.tests[0].append(self.steps)
            self.tests[1].append(self.scores(x, y)[1])
