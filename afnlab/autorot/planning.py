"""Which layers of a model to rotate, and why not the others.

With an example the model is run once and watched; without one, the order of registration stands for
the order of the calls.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from math import inf

from torch import nn
from torch.nn.parameter import is_lazy

from afnlab.autorot.probing import divided_out
from afnlab.autorot.rotation import Rotation
from afnlab.autorot.tracing import OUTPUT, Node, Trace, is_norm, trace
from afnlab.recognition import BY_NAME, recognised
from afnlab.registry import Activation

# Operations, and modules of these names, that hand a positive factor of a channel on: what they
# make of rho f is rho times what they make of f.
_SHAPES = (
    *("chunk", "clone", "contiguous", "detach", "expand", "flatten", "flip", "fold", "get"),
    *("getitem", "identity", "index_select", "movedim", "moveaxis", "narrow", "pad", "permute"),
    *("repeat", "reshape", "reshape_as", "roll", "select", "split", "squeeze", "swapaxes"),
    *("swapdims", "t", "tile", "transpose", "unbind", "unflatten", "unfold", "unsqueeze", "view"),
    *("view_as", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle"),
)
_TYPES = ("bfloat16", "cpu", "cuda", "double", "float", "half", "to", "type", "type_as")
_POOLS = ("adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "max_pool", "lp_pool", "max_unpool")
_SCALES = (
    *("dropout", "feature_dropout", "interpolate", "upsample", "relu", "leaky_relu", "prelu"),
    *("neg", "mul", "rmul", "imul", "multiply", "div", "truediv", "idiv", "itruediv"),
    *("divide", "true_divide"),
)
_HANDS_ON = frozenset((*_SHAPES, *_TYPES, *_POOLS, *_SCALES))
# These do so for each channel by itself: what they add, and stand beside it, is not scaled.
_JOINS = ("cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack")
_SHIFTS = ("add", "sub", "subtract", "radd", "rsub", "iadd", "isub")
_NORMS = (
    *("batch_norm", "instance_norm", "layer_norm", "group_norm", "rms_norm", "normalize"),
    *("native_batch_norm", "native_layer_norm", "native_group_norm"),
)
_KEEP = {
    *(nn.Identity, nn.Flatten, nn.Unflatten, nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.PixelShuffle),
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, nn.Upsample),
    *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
}


@dataclass(frozen=True)
class LayerDecision:
    """What becomes of one layer, or has.

    notable: whether the user is to hear that it stays plain; follows: the activations that take its
    outputs first, as far as an example has shown.
    """

    layer: nn.Module
    name: str
    rotate: bool
    why: str
    notable: bool = False
    follows: tuple[str, ...] = ()


def decide(
    model: nn.Module,
    kinds: Collection[type],
    example: object = None,
    output_layer: bool = False,
    saturating: bool = False,
) -> list[LayerDecision]:
    """For every layer that has an Auto-Rotating form, whether to rotate it and why.

    kinds: the types of such layers, exactly; example: see `afnlab.autorot.auto_rotate`.
    """
    names = {module: name for name, module in model.named_modules()}
    candidates = list(outermost(model, kinds))
    layers = [m for m in candidates if type(m) in kinds]
    rotated = [m for m in candidates if isinstance(m, Rotation)]
    if example is not None and any(is_lazy(p) for p in model.parameters()):
        raise ValueError("auto_rotate: the model has lazy parameters; run it once before")
    reasons: dict[nn.Module, LayerDecision] = {}

    watched = None if example is None else trace(model, [*layers, *rotated], example)
    behind = {layer: _behind(watched, layer) if watched else set() for layer in candidates}

    def say(layer: nn.Module, why: str, rotate: bool = False, notable: bool = True) -> None:
        follows = tuple(sorted(record.label for record in behind[layer]))
        decision = LayerDecision(layer, names[layer], rotate, why, notable and not rotate, follows)
        reasons.setdefault(layer, decision)

    for layer in candidates:
        if (decided := _of_itself(layer, kinds)) is not None:
            say(layer, *decided)
    for layer in layers if watched else ():
        if layer not in watched.calls:  # type: ignore[union-attr]
            reads = layer in watched.read  # type: ignore[union-attr]
            how = "reads its parameters itself" if reads else "does not use it"
            say(layer, f"the model never calls it and {how}")
    free = [layer for layer in layers if layer not in reasons]
    last = _last_called(watched, free) if watched else layers[-1:]
    for layer in last if not output_layer else ():
        say(layer, "its output is the model's", notable=False)
    outer = [n for n in free if not isinstance(n, nn.RNNBase)]  # these rotate within: rho stays
    norms = {n: _norm_called(watched, n) if watched else _norm_registered(model, n) for n in outer}
    tried = [n for n in outer if not norms[n] and n not in reasons]
    scales = set() if example is None else divided_out(model, tried, example)
    for layer in outer if saturating else ():
        if not any(saturates(record) for record in behind[layer]):
            say(layer, "no activation that saturates on both sides follows", notable=False)
    for layer in free:
        norm = norms.get(layer)
        if norm is not None:
            say(layer, _cancels(norm, names))
        elif layer in scales:
            say(layer, "what follows divides its scale out, as a normalisation does")
        else:
            say(layer, _called(watched, layer), rotate=True)
    return [reasons[layer] for layer in candidates]


def _of_itself(layer: nn.Module, kinds: Collection[type]) -> tuple[str, bool, bool] | None:
    """What is said of a layer whatever the model does with it: why, whether it is rotated, and
    whether a warning names it."""
    if isinstance(layer, Rotation):
        why = f"rotated, L={float(layer.L):.4g}" if layer.auto_rot else "its auto_rot is off"
        return why, layer.auto_rot, False
    if any(is_lazy(p) for p in layer.parameters()):
        return "it is lazy, and has no weights yet", False, True
    if type(layer) not in kinds:
        why = f"its class is {type(layer).__name__}, not torch's or afnlab's"
        return why, False, False
    if "forward" in vars(layer):
        why = "its forward method has been replaced, so its class does not count"
        return why, False, True
    return None


def saturates(record: Activation) -> bool:
    """Whether an activation is flat far out on both sides."""
    return all(abs(end) < inf for end in record.range)


def _behind(watched: Trace, layer: nn.Module) -> set[Activation]:
    """The activations that take a layer's outputs first, directly or after what hands them on."""
    records: set[Activation] = set()
    waiting = list(watched.calls.get(layer, ()))
    seen: set[int] = set()
    while waiting:
        for child in waiting.pop().children:
            record = activation_of(child)
            if record is not None:
                records.add(record)
            elif id(child) not in seen and (_hands_on(child) or child.name in _SHIFTS):
                seen.add(id(child))
                waiting.append(child)
    return records


def activation_of(node: Node) -> Activation | None:
    """The activation that a node of a trace is."""
    if node.module is not None:
        return recognised(node.module)[0]
    return BY_NAME.get(node.name)


def _called(watched: Trace | None, layer: nn.Module) -> str:
    if watched is None:
        return "assumed to be called"
    also = "; the model also reads its parameters itself, plain" * (layer in watched.read)
    return f"called{also}"


def describe_plain_layers(decisions: Iterable[LayerDecision]) -> str:
    """A sentence about the layers that are left plain and might have been expected not to be."""
    groups: dict[str, list[str]] = {}
    for d in decisions:
        if d.notable:
            groups.setdefault(re.sub(r" \(.*?\)", "", d.why), []).append(d.name or "the model")
    parts = []
    for why, names in groups.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        parts.append(f"{', '.join(names[:3])}{more} ({why})")
    return "; ".join(parts)


def outermost(model: nn.Module, kinds: Collection[type]) -> Iterator[nn.Module]:
    """Modules of these types or of subclasses, each once; what one of them holds belongs to it."""
    inside: set[nn.Module] = set()
    for module in model.modules():
        if module not in inside and isinstance(module, tuple(kinds)):
            if type(module) in kinds or isinstance(module, Rotation):
                inside |= set(module.modules())
            yield module


def _cancels(norm: Node, names: dict[nn.Module, str]) -> str:
    place = f" ({names[norm.module]})" if norm.module in names else ""
    return f"{norm.name}{place} follows and divides {'rho' if _per_channel(norm) else 'L'} out"


def _per_channel(norm: Node) -> bool:
    """Whether a normalization divides each channel by its own size."""
    return norm.name.lower().replace("_", "").startswith(("batchnorm", "instancenorm"))


def _last_called(watched: Trace, layers: list[nn.Module]) -> list[nn.Module]:
    """The layers whose outputs reach the model's output, and no other weights on the way; the last
    that is called, where the output cannot be traced back to any."""
    after = {layer: [n for c in watched.calls[layer] for n in c.following()] for layer in layers}
    reaching = [layer for layer in layers if any(n.name == OUTPUT for n in after[layer])]
    if not reaching:
        return [layer for layer in [*watched.calls][-1:] if layer in layers]
    return [layer for layer in reaching if not any(n.weighted for n in after[layer])]


def _norm_called(watched: Trace, layer: nn.Module) -> Node | None:
    """The normalization that all uses of a layer's outputs come to, directly or nearly so."""
    norms = [_next_norm(node) for node in watched.calls[layer]]
    return norms[0] if all(norms) else None


def _next_norm(node: Node, per_channel: bool = False) -> Node | None:
    """per_channel: only a normalization of that kind counts, after a sum or beside others."""
    children = [c for c in node.children if _reaches_output(c)] or node.children
    norms: list[Node | None] = []
    for child in children:
        if child.name in _NORMS or (child.module is not None and is_norm(child.module)):
            norms.append(child if _per_channel(child) or not per_channel else None)
        elif _hands_on(child):
            norms.append(_next_norm(child, per_channel or child.name in (*_JOINS, *_SHIFTS)))
        else:
            return None
    return norms[0] if norms and all(norms) else None


def _hands_on(node: Node) -> bool:
    """Whether a positive factor of a channel of the input is one of the output."""
    if node.weighted or (node.mixes and node.name not in _JOINS):
        return False
    if node.module is not None:
        record = recognised(node.module)[0]
        return type(node.module) in _KEEP or (record is not None and record.name in _SCALES)
    name = re.sub(r"(_?\dd)?(_with_indices)?$", "", node.name)
    return name in _HANDS_ON or name in (*_JOINS, *_SHIFTS)


def _reaches_output(node: Node) -> bool:
    return node.name == OUTPUT or any(n.name == OUTPUT for n in node.following())


def _norm_registered(model: nn.Module, layer: nn.Module) -> Node | None:
    """The normalization of its size that is registered next after a layer, in the same module.

    Outside of nn.Sequential these must be convolutions and a normalization of channels: linear
    layers are registered beside normalizations that come after a sum.
    """
    for parent in model.modules():
        children = [child for child in parent._modules.values() if child is not None]
        if layer not in children:
            continue
        chain = isinstance(parent, nn.Sequential)
        rest = children[children.index(layer) + 1 :]
        norm = next((child for child in rest if type(child) not in _KEEP), None)
        if norm is None:
            return _norm_registered(model, parent) if chain and parent is not model else None
        channels = getattr(norm, "num_features", getattr(norm, "num_channels", None))
        fits = chain or (channels is not None and channels == getattr(layer, "out_channels", 0))
        return Node(type(norm).__name__, norm) if is_norm(norm) and fits else None
    return None
