"""One forward pass of a model, watched: which layers it calls, and what follows each of them.

Nothing of the model, its gradients, or the generators of random numbers is changed by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

from afnlab.autorot.undisturbed import undisturbed
from afnlab.recognition import recognised


@dataclass(eq=False)
class Node:
    """An operation, or a module's call, and what takes its outputs."""

    name: str
    module: nn.Module | None = None
    weighted: bool = False  # by a matrix or a kernel of the model
    mixes: bool = False  # takes other values too than those of one operation and the model's own
    children: list[Node] = field(default_factory=list)

    def following(self) -> Iterator[Node]:
        """All nodes that its outputs reach."""
        seen: set[int] = set()
        waiting = list(self.children)
        while waiting:
            node = waiting.pop()
            if id(node) not in seen:
                seen.add(id(node))
                waiting += node.children
                yield node


@dataclass
class Trace:
    """What one forward pass did.

    calls: the nodes of each layer's calls, in the order of the first; read: layers whose parameters
    were used outside of their own forward method.
    """

    calls: dict[nn.Module, list[Node]] = field(default_factory=dict)
    read: set[nn.Module] = field(default_factory=set)


OUTPUT = "the output"  # name of the node that stands for what the model returns


def trace(model: nn.Module, layers: Collection[nn.Module], example: object) -> Trace:
    """Run a model once on an example, watching these of its layers.

    example: see `afnlab.autorot.auto_rotate`. The pass is made in the model's own mode; where that
    is training and fails, as batch normalization does with one example, in evaluation.
    RuntimeError where the model cannot be run on the example.
    """
    try:
        return _trace(model, layers, example)
    except Exception as error:
        if model.training:
            try:
                return _trace(model, layers, example, evaluation=True)
            except Exception:  # the first error is the one to tell
                pass
        said = " ".join(str(error).split())
        raise RuntimeError(
            f"auto_rotate: the model cannot be run on the example: {type(error).__name__}: {said}"
        ) from error


def _trace(
    model: nn.Module, layers: Collection[nn.Module], example: object, evaluation: bool = False
) -> Trace:
    with undisturbed(model), as_written():
        if evaluation:
            model.eval()
        watch = _Watch(model, layers)
        for module in model.modules():
            if not isinstance(module, torch.jit.ScriptModule):
                watch.wrap(module)
        with watch:
            outputs = called(model, example)
        watch.note(OUTPUT, [], tensors(outputs))
    return watch.trace


@torch.no_grad()
def not_finite(model: nn.Module, layers: Collection[nn.Module], example: object) -> str:
    """Where the values of a model cease to be finite in evaluation: a layer's name, or nothing.

    A model that runs in training only is looked at in training. Inside of transforms of torch.func
    nothing is seen; the model's outputs are looked at in any case.
    """
    try:
        return _not_finite(model, layers, example, evaluation=True)
    except Exception:
        return _not_finite(model, layers, example)


def _not_finite(
    model: nn.Module, layers: Collection[nn.Module], example: object, evaluation: bool = False
) -> str:
    names = {module: name for name, module in model.named_modules()}
    bad_layers: list[str] = []

    def look(layer: nn.Module, _: object, outputs: object) -> None:
        if not _finite(outputs):
            bad_layers.append(names[layer] or "the model itself")

    hooks = [layer.register_forward_hook(look) for layer in layers]
    try:
        with undisturbed(model), as_written():
            if evaluation:
                model.eval()
            outputs = called(model, example)
    finally:
        for hook in hooks:
            hook.remove()
    return [*bad_layers, "" if _finite(outputs) else "the output"][0]


def _finite(values: object) -> bool:
    numbers = (x for x in tensors(values) if x.is_floating_point() and not x.is_meta)
    return all(bool(x.isfinite().all()) for x in numbers if not is_functorch_wrapped_tensor(x))


def called(model: nn.Module, example: object) -> object:
    """The model's outputs for an example, a copy of which it gets, on the model's device."""
    if callable(example) and not isinstance(example, Tensor):
        return example(model)
    place = next((p.device for p in model.parameters()), None)
    inputs = tree_map_only(Tensor, lambda x: x.detach().clone().to(place or x.device), example)
    if isinstance(inputs, dict):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, (tuple, list)) else model(inputs)


@contextmanager
def as_written() -> Iterator[None]:
    """Within it nothing is compiled, and torch's transformer layers call their parts, as they do
    once one of these is rotated."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def is_norm(module: nn.Module) -> bool:
    """Whether a module is a normalization, by its name: those of other libraries are too."""
    return bool(re.search(r"Norm(\dd)?$", type(module).__name__)) and not [*module.children()]


class _Watch(TorchFunctionMode):
    """Notes, for each operation, from which operations its inputs come."""

    def __init__(self, model: nn.Module, layers: Collection[nn.Module]) -> None:
        super().__init__()
        self.trace = Trace()
        self.layers = set(layers)
        self.makers: dict[int, Node] = {}  # by the identity of a tensor
        self.alive: list[object] = []  # or a later tensor might have an earlier one's identity
        self.inside: list[nn.Module] = []  # layers and normalizations that are running
        self.owners: dict[int, list[nn.Module]] = {}  # of a parameter; tied ones have several
        for layer in layers:
            for p in layer.parameters():
                self.owners.setdefault(id(p), []).append(layer)
        # The model's own tensors, and what is made of these alone: a parametrized weight.
        self.weight_dims = {id(t): t.dim() for t in (*model.parameters(), *model.buffers())}

    def __torch_function__(
        self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        outputs = func(*args, **(kwargs or {}))
        taken, made = tensors((args, kwargs)), tensors(outputs)
        for x in taken if made else ():  # else a question, about a shape or a number
            owners = self.owners.get(id(x), [])
            if not any(layer in self.inside for layer in owners):
                self.trace.read.update(owners)
        if made and not self.inside:
            self.note(getattr(func, "__name__", "").strip("_"), made, taken)
        return outputs

    def note(
        self, name: str, made: list[Tensor], taken: list[Tensor], module: nn.Module | None = None
    ) -> Node:
        """A node for an operation, linked to those that made what it takes."""
        self.alive += [made, taken]
        makers = [self.makers[id(x)] for x in taken if id(x) in self.makers]
        weights = [self.weight_dims[id(x)] for x in taken if id(x) in self.weight_dims]
        others = [x for x in taken if id(x) not in self.makers and id(x) not in self.weight_dims]
        node = Node(name, module, max(weights, default=0) > 1)
        node.mixes = len(makers) > 1 or any(x.numel() > 1 for x in others)
        for maker in dict.fromkeys(makers):
            maker.children.append(node)
        if weights and not makers and not others and module not in self.layers:
            self.weight_dims |= {id(x): x.dim() for x in made}
        else:
            self.makers |= {id(x): node for x in made}
        return node

    def wrap(self, module: nn.Module) -> None:
        """Watch a module's forward method, until `undisturbed` takes its attributes back.

        The method and not `__call__`, since a model may call it directly.
        """
        forward = module.forward
        name = type(module).__name__
        layer = module in self.layers
        whole = layer or is_norm(module) or recognised(module)[0] is not None

        def watched(*args: object, **kwargs: object) -> object:
            if self.inside:  # a part of a layer
                return forward(*args, **kwargs)
            self.inside += [module] * whole
            try:
                outputs = forward(*args, **kwargs)
            finally:
                del self.inside[:]
            made = tensors(outputs)
            # Or made by none of torch's functions: by somebody's own kernel.
            if whole or any(not (id(x) in self.makers or id(x) in self.weight_dims) for x in made):
                node = self.note(name, made, tensors((args, kwargs)), module)
                node.weighted = not is_norm(module) and any(
                    p.dim() > 1 for p in module.parameters()
                )
                if layer:
                    self.trace.calls.setdefault(module, []).append(node)
            return outputs

        module.forward = watched


def tensors(values: object) -> list[Tensor]:
    """All tensors within what a model takes or gives."""
    return [x for x in tree_leaves(values) if isinstance(x, Tensor)]
