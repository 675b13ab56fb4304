"""One torch module per activation: `nn.SReLU(t=2.21, trainable=False)`; and layers of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from afnlab.activation_module import ActivationModule, make, module_class, trained_names
from afnlab.feedforward import GLU, FeedForward
from afnlab.registry import Activation, get_activation, list_activations
from afnlab.separable import DepthwiseConv2d, SeparableConv1d, SeparableConv2d

if TYPE_CHECKING:

    def __getattr__(name: str) -> type[ActivationModule]: ...


# torch's modules that are also afnlab's, by name. Not softmax and its like, which are at home in
# output layers.
TORCHS: dict[type[nn.Module], Activation] = {
    getattr(nn, word): record
    for record in map(get_activation, list_activations())
    if record.elementwise
    for word in record.module.split()
    if hasattr(nn, word)
}

__all__ = [
    "GLU",
    "ActivationModule",
    "DepthwiseConv2d",
    "FeedForward",
    "SeparableConv1d",
    "SeparableConv2d",
    "make",
    "module_class",
    "trained_names",
]
for _name in list_activations():
    for _class_name in get_activation(_name).module.split():
        globals()[_class_name] = module_class(_name)
        __all__.append(_class_name)
