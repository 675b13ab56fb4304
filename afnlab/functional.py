"""One function per activation: `functional.srelu(x, t=2.21)`.

Each is the `Activation` record itself: call it with a floating-point tensor of any shape, and
parameters as numbers or as tensors that broadcast against it.
"""

from typing import TYPE_CHECKING

from afnlab import activations as _activations  # noqa: F401  (fills the registry)
from afnlab.registry import ALIASES, get_activation, list_activations

if TYPE_CHECKING:
    from afnlab.registry import Activation

    def __getattr__(name: str) -> Activation: ...


def __dir__() -> list[str]:
    """The activations, for completion."""
    return sorted(__all__)


globals().update({name: get_activation(name) for name in (*list_activations(), *ALIASES)})
__all__ = [*list_activations(), *ALIASES]  # noqa: PLE0604
