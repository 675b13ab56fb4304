"""The networks of several seeds as one: stacked on axis 0, trained together, never mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from math import ceil

import pandas as pd
import torch
from torch import Tensor, nn

from afnlab.clamping import inward_clamp
from afnlab.nn import ActivationModule
from afnlab.training import graphs, mixed, signals, threads
from afnlab.training.augment import Augmented, counted, views
from afnlab.training.data import MASKED
from afnlab.training.forward import StackedLayer, chain, spread
from afnlab.training.graphs import Replayed
from afnlab.training.initial import build
from afnlab.training.layout import channels_last, halved, placed, together
from afnlab.training.members import Member, sharing
from afnlab.training.metrics import Loss, MisfitError
from afnlab.training.noise import Noise, activation_modules
from afnlab.training.optimizers import SCHEDULED, AnyOptimizer, OptimizerSettings, optimizer
from afnlab.training.plan import Plan
from afnlab.training.recorder import Recorder
from afnlab.training.streams import generator, sent
from afnlab.training.tasks import Recipe, Task

TensorDict = dict[str, Tensor]

MANY = 2**31 - 1  # threads
EVALUATION_BATCH, OF_PICTURES = 2048, 500  # targets; the latter on a CPU, for its caches


@dataclass(eq=False)
class Stack:
    """The networks of several members, their parameters stacked on axis 0, and their optimizer.

    A member is its own network, and no operation mixes it with another. Members in a row that have
    one seed share its batches: inputs and targets are (draws, batch, ...), see `forward.spread`.
    Fully connected networks run as batched products, others by `torch.func.vmap`; one that is alone
    runs as it is.
    """

    task: Task
    network: nn.Module  # of the first member; its own tensors are replaced by those of the stack
    size: int
    dtype: torch.dtype  # of what flows between layers
    narrow: tuple[str, ...]  # parameters that are used in bfloat16, see `mixed`
    params: TensorDict
    buffers: TensorDict
    batch_size: int
    shuffles: list[torch.Generator]
    train: Augmented
    floats: Callable[..., Tensor]
    test_x: Tensor
    test_y: Tensor
    test_counted: Tensor | None  # targets of each test example, if some are masked
    noise: Noise
    chain: list[StackedLayer] | None
    steps_per_epoch: int
    steps_left: int
    optimizer: AnyOptimizer
    activations: dict[str, ActivationModule]
    bounds: dict[str, tuple[float, float]]
    replayed: Replayed | None = None

    @classmethod
    def build(cls, plan: Plan, members: Sequence[Member]) -> Stack:
        """The networks of these members, with their weights at the start."""
        task, data, device, dtype = plan.task, plan.data, plan.device, plan.dtype
        options, recipe = members[0].options, task.recipe
        models = [build(task, plan.activation, m.options, m.seed, data.inputs) for m in members]
        models = [placed(m, device, dtype, recipe.half) for m in models]
        network, seeds = models[0], [m.seed for m in members]
        draws = seeds[:: sharing(members)]
        kind = torch.float16 if halved(device, dtype, recipe.half) else dtype
        narrow = mixed.products(network) if dtype == mixed.NARROW else ()
        stacked, buffers = torch.func.stack_module_state(models)
        trained = {n: p.requires_grad for n, p in network.named_parameters()}
        params = {n: p.detach().requires_grad_(trained[n]) for n, p in stacked.items()}
        buffers = {n: b.detach() for n, b in buffers.items()}
        train = Augmented(data, recipe.augment, draws, device)
        noise = Noise(network, data.floats(train.x[:2], mixed.kept(kind)), seeds)
        layers = chain(network, noise, bool(narrow))
        if narrow and layers is None:
            mixed.cast_inputs(network, stacked=len(members) > 1)
        per_epoch = len(train) / options.batch_size
        steps_per_epoch = max(int(per_epoch), 1) if recipe.drop_last else ceil(per_epoch)
        steps = ceil(steps_per_epoch * plan.epochs)
        setting = OptimizerSettings(
            {n: p for n, p in params.items() if p.requires_grad},
            buffers,
            options.lr,
            options.weight_decay,
            options.batch_size,
            steps_per_epoch,
            steps,
            recipe.schedule,
            options.momentum,
        )
        parts = groupby(members, lambda member: member.part)
        rates = [[member.rates for member in part] for _, part in parts]
        activations = dict(activation_modules(network))
        bounds: dict[str, tuple[float, float]] = {}
        for site, module in activations.items():
            bounds |= module.stored_bounds(site)
            module.constrained = False  # `logits` does it for all members at once
        return cls(
            task=task,
            network=network,
            size=len(members),
            dtype=kind,
            narrow=narrow,
            params=params,
            buffers=buffers,
            batch_size=options.batch_size,
            shuffles=[generator(seed, "batches") for seed in draws],
            train=train,
            floats=data.floats,
            test_x=data.test_x.to(device),
            test_y=data.test_y.to(device),
            test_counted=counted(data.test_y, device),
            noise=noise,
            chain=layers,
            steps_per_epoch=steps_per_epoch,
            steps_left=steps,
            optimizer=optimizer(options.optimizer, setting, rates),
            activations=activations,
            bounds=bounds,
        )

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the replayed step, which holds the stack, and so the device's memory."""
        self.replayed = None

    @property
    def recipe(self) -> Recipe:
        return self.task.recipe

    @cached_property
    def loss(self) -> Loss:
        """The loss of the training."""
        return self.task.trained_loss

    @property
    def alone(self) -> bool:
        """Whether it is one network, which runs as it is."""
        return self.size == 1 and self.chain is None

    @property
    def threads(self) -> int:
        """How many threads are worth using: one for a small network, else any number."""
        if self.channels_last:
            return MANY
        x = self.train.x
        positions = 1 if x.is_floating_point() else x[0].numel()  # of tokens
        weights = sum(p.numel() for p in self.params.values())
        work = threads.operations(weights, min(self.batch_size, len(x)) * positions)
        return 1 if work < threads.SMALL else MANY

    @cached_property
    def channels_last(self) -> bool:
        return channels_last(self.network)

    def logits(self, x: Tensor, each: bool) -> Tensor:
        """Outputs (seeds, batch, classes); x is (draws, batch, ...) if each, else shared."""
        with self._product_type():
            out = self._outputs(x if each else x.unsqueeze(0))
        return out.float() if self.narrow else out

    def _product_type(self) -> AbstractContextManager[object]:
        return mixed.product_type(self.test_x.device) if self.narrow else nullcontext()

    def _used(self) -> TensorDict:
        """The parameters as the networks use them: inside their bounds, in their type."""
        inside = {n: inward_clamp(self.params[n], *bounds) for n, bounds in self.bounds.items()}
        return self.params | inside | mixed.narrowed(self.params, self.narrow)

    def _outputs(self, x: Tensor) -> Tensor:
        noise = self.noise.draw(x.shape[1]) if self.network.training else None
        params = self._used()
        if self.chain is not None:
            self.noise.load(noise)
            tensors = params | self.buffers
            if len(x) == 1:  # one tall product for all takes longer than those of each
                x = spread(x, self.size)
            for layer in self.chain:
                x = layer(tensors, x)
            return x.contiguous()  # for losses and metrics

        def member(
            params: TensorDict, buffers: TensorDict, noise: Tensor | None, x: Tensor
        ) -> tuple[Tensor, TensorDict]:
            self.noise.load(noise)
            state = params | buffers
            out = torch.func.functional_call(self.network, state, (x,))
            return out, {n: state[n].detach() for n, b in buffers.items() if state[n] is not b}

        if self.alone:
            weights, kept = ({n: t[0] for n, t in part.items()} for part in (params, self.buffers))
            x = x[0]
            if self.channels_last and x.dim() == 4:
                x = x.contiguous(memory_format=torch.channels_last)
            out, renewed = member(weights, kept, None if noise is None else noise[0], x)
            out, renewed = out.unsqueeze(0), {n: b.unsqueeze(0) for n, b in renewed.items()}
        else:
            shared = len(x) == 1
            x = x[0] if shared else spread(x, self.size)
            dims = (0, 0, None if noise is None else 0, None if shared else 0)
            batched = torch.vmap(member, dims, randomness="different")
            out, renewed = batched(params, self.buffers, noise, x)
        for name, buffer in renewed.items():  # assigned anew, not changed in place
            self.buffers[name].copy_(buffer)
        return out

    def _inputs(self, x: Tensor) -> Tensor:
        seen = self.floats(x, mixed.kept(self.dtype))
        return seen.to(self.dtype) if seen.is_floating_point() else seen

    def _targets(self, y: Tensor) -> Tensor:
        return y.to(mixed.kept(self.dtype)) if y.is_floating_point() else y

    def losses(
        self, loss: Loss, x: Tensor, y: Tensor, masked: bool, outputs: Tensor | None = None
    ) -> Tensor:
        """The mean loss over the targets that are not masked, per seed.

        Args:
            loss: what is evaluated.
            x: inputs (draws, batch, ...).
            y: targets (draws, batch, ...).
            masked: whether some targets are masked.
            outputs: outputs (seeds, batch, ...) for x, if they are known.
        """
        targets = spread(y, self.size).flatten(0, 1)
        losses = self.each(loss, x, targets, masked, outputs)
        return _means(losses, targets if masked else None, self.size)

    def each(
        self, loss: Loss, x: Tensor, targets: Tensor, masked: bool, outputs: Tensor | None = None
    ) -> Tensor:
        """The losses of the targets, or of the examples of all seeds as one batch.

        Args:
            loss, x, masked, outputs: as of `losses`.
            targets: those of all seeds, as one batch.

        Raises:
            MisfitError: if the loss returns anything else.
        """
        if loss.of_network:
            inputs = spread(x, self.size).flatten(0, 1).detach().requires_grad_()
            with torch.enable_grad():
                losses = loss.of(self._of_examples, inputs, targets)
        else:
            outputs = self.logits(x, each=True) if outputs is None else outputs
            losses = loss.of(outputs.flatten(0, 1), targets)
        # One of every pair of examples has the right number of rows, and mixes examples and seeds.
        paired = losses.dim() > targets.dim()
        uneven = losses.shape[:1] != targets.shape[:1] or (masked and losses.shape != targets.shape)
        if paired or uneven:
            of = f"targets {tuple(targets.shape)}" if masked else f"{len(targets)} examples"
            raise MisfitError(
                f"loss {loss.name}: must return the losses of {of}, got {tuple(losses.shape)}"
            )
        seen = {"targets": targets}
        if outputs is not None and not loss.of_network:
            seen["outputs"] = outputs.flatten(0, 1)
        of_targets = losses.shape == targets.shape
        if not of_targets and losses.numel() > min(one.numel() for one in seen.values()):
            of = " and ".join(f"{name} {tuple(one.shape)}" for name, one in seen.items())
            raise MisfitError(
                f"loss {loss.name}: gives {tuple(losses.shape)} for {of}, so something of an"
                " example was repeated to fit; outputs and targets need one shape, or the loss has"
                " to be one number per example"
            )
        return losses

    def _of_examples(self, x: Tensor) -> Tensor:
        """Outputs of the examples of all seeds as one batch, in their order."""
        return self.logits(x.unflatten(0, (self.size, -1)), each=True).flatten(0, 1)

    def batches(self) -> Iterator[Tensor]:
        """Indices (draws, batch) of the training examples: each seed in an order of its own."""
        count = len(self.train)
        orders = torch.stack([torch.randperm(count, generator=g) for g in self.shuffles])
        parts = sent(orders, self.train.x.device).split(self.batch_size, dim=1)
        yield from parts[: min(self.steps_per_epoch, self.steps_left)]

    def epoch(self, recorder: Recorder) -> Tensor:
        """Train one epoch; the mean loss of the examples it trained on, per seed."""
        self.network.train()
        self.train.next_epoch()
        total = torch.zeros(self.size, dtype=torch.float64, device=self.train.x.device)
        seen: Tensor | int = 0
        step = self._replayed(recorder) or partial(self.step, recorder=recorder)
        for index in self.batches():
            weight = self._weight(index)
            total += step(index) * weight
            seen = seen + weight
            self.steps_left -= 1
        return total / seen

    def _replayed(self, recorder: Recorder) -> Replayed | None:
        """The step as a CUDA graph, where that is wanted and nothing in it changes in Python.

        Convolutional and recurrent networks keep a GPU busy without.
        """
        varies = self.noise.per_example or self.recipe.augment or recorder.tables
        varies = varies or isinstance(self.optimizer, SCHEDULED)
        device = self.train.x.device
        if varies or not (together(self.network, device, self.dtype) and graphs.wanted(device)):
            return None
        if self.replayed is None:
            self.replayed = Replayed(partial(self.step, recorder=recorder), self._state)
        return self.replayed

    def _state(self) -> list[Tensor]:
        """The tensors that a step changes."""
        kept = [t for state in self.optimizer.state.values() for t in state.values()]
        tensors = [*self.params.values(), *self.buffers.values(), *kept]
        return [t for t in tensors if isinstance(t, Tensor)]

    def _weight(self, index: Tensor) -> Tensor | int:
        """How many targets the mean loss of each seed's batch is over, or of how many examples."""
        weight = self.train.weight(index)
        return weight if isinstance(weight, int) else spread(weight, self.size)

    def step(self, index: Tensor, recorder: Recorder) -> Tensor:
        """One step of the optimizer on the examples of these indices; the losses, per seed."""
        x, y = self._inputs(self.train.take(index)), self._targets(self.train.targets(index))
        hole = self.train.hole(index)
        x = x if hole is None else x.masked_fill(hole, 0.0)
        losses = self.losses(self.loss, x, y, self.train.counted is not None)
        for param in self.params.values():
            param.grad = None
        summed = losses * self._weight(index) if self.recipe.summed else losses
        summed.sum().backward()
        recorder.step(losses)
        self.optimizer.step()
        for name, bounds in self.bounds.items():
            self.params[name].data.clamp_(*bounds)
        return losses.detach()

    @torch.no_grad()
    def evaluate(self) -> list[Tensor]:
        """Mean loss and the task's metrics on the test examples, each per seed.

        After the last step a recipe with test-time augmentation averages the outputs of its views.
        """
        self.network.eval()
        metrics = self.task.metrics
        totals = torch.zeros(1 + len(metrics), 2, self.size, device=self.test_x.device).double()
        for at in range(0, len(self.test_y), self._evaluated):
            part = slice(at, at + self._evaluated)
            totals += self.totals(part, *self.shown(part))
        (loss, seen), *others = totals
        return [loss / seen, *(m.values(t) for m, t in zip(metrics, others, strict=True))]

    @torch.no_grad()
    def shown(self, part: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, targets and outputs (seeds, examples, ...) of a part of the test examples."""
        augmented = self.recipe.views and not self.steps_left
        inputs = self._inputs(self.test_x[part])
        seen = views(inputs) if augmented else [(1.0, inputs)]
        outputs = sum(weight * self.logits(view, each=False) for weight, view in seen)
        assert isinstance(outputs, Tensor)
        return inputs, self._targets(self.test_y[part]), outputs

    @torch.no_grad()
    def totals(self, part: slice, inputs: Tensor, targets: Tensor, outputs: Tensor) -> Tensor:
        """Sums and counts of the loss and of each metric on a part of the test examples.

        Args:
            part: of the test examples.
            inputs, targets, outputs: of these, as `shown` returns them.

        Returns:
            (the loss and the metrics, sum and count, seeds), which add up over parts.
        """
        x, y = inputs.unsqueeze(0), targets.unsqueeze(0)
        known = None if self.test_counted is None else self.test_counted[part]
        losses = self.losses(self.task.loss, x, y, known is not None, outputs).double()
        count = torch.ones_like(losses) * (len(targets) if known is None else known.sum())
        metrics = [metric.totals(outputs, targets) for metric in self.task.metrics]
        return torch.stack([torch.stack([losses * count, count]), *metrics])

    def signals(self) -> list[pd.DataFrame]:
        """What goes on inside each network, on a sample of the test examples."""
        self.network.eval()
        self.noise.load(None)
        at = signals.sample(len(self.test_y)).to(self.test_y.device)
        x, y = self._inputs(self.test_x[at]), self._targets(self.test_y[at])
        stacked = {n: t.detach() for n, t in (self._used() | self.buffers).items()}
        tables = []
        for member in range(self.size):
            state = {n: t[member] for n, t in stacked.items()}
            loss = partial(self._loss_of, state, x, y)
            tables.append(signals.measured(self.network, self.activations, loss, len(y)))
        return tables

    def _loss_of(self, state: TensorDict, x: Tensor, y: Tensor) -> Tensor:
        """The mean loss of the network with these tensors, in the graph of all that it computes."""
        state = {n: t.requires_grad_(n in self.params) for n, t in state.items()}
        x = x.detach().requires_grad_(x.is_floating_point())

        def network(x: Tensor) -> Tensor:
            with self._product_type():
                out = torch.func.functional_call(self.network, state, (x,))
            return out.float() if self.narrow else out

        loss = self.loss.of(network, x, y) if self.loss.of_network else self.loss.of(network(x), y)
        return _means(loss, None if self.test_counted is None else y, 1)[0]

    @cached_property
    def _evaluated(self) -> int:
        """Examples that are evaluated at once."""
        small = self.channels_last and self.test_x.device.type == "cpu"
        positions = 1 if self.test_y.is_floating_point() else self.test_y[0].numel()
        return max(1, (OF_PICTURES if small else EVALUATION_BATCH) // positions)


def _means(losses: Tensor, targets: Tensor | None, size: int) -> Tensor:
    """Means per seed of the losses of all seeds; targets: given where some are masked."""
    if targets is None:
        return losses.reshape(size, -1).mean(1)
    known = targets != MASKED
    losses = torch.where(known, losses, 0.0)
    total, count = (t.reshape(size, -1).sum(1) for t in (losses, known))
    return total / count.clamp(min=1)
