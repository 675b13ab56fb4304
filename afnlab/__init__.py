"""afnlab: is an activation function any good?"""

from afnlab import activations as _activations  # noqa: F401  (fills the registry)
from afnlab import functional, nn
from afnlab.replacing import replace
from afnlab.spec import Activation, Param, activation, get_activation, list_activations

__version__ = "0.1.0"
__all__ = [
    "Activation",
    "Param",
    "activation",
    "functional",
    "get_activation",
    "list_activations",
    "nn",
    "replace",
]
