"""Have torch's transformer encoders call what stands inside them."""

from __future__ import annotations

from torch import nn

from afnlab.autorot.rotation import Rotation
from afnlab.nn import ActivationModule

# In evaluation a layer is one fused operation, which reads the weights of its linear layers and
# knows the activation that it was made with; an encoder packs padded batches for such layers.
_SWITCHES = {
    nn.TransformerEncoderLayer: "activation_relu_or_gelu",
    nn.TransformerEncoder: "use_nested_tensor",
}
_BEFORE = "afnlab_switched_off"


def settle_fusion(model: nn.Module) -> None:
    """Switch torch's fused paths off where they would bypass one of afnlab's modules or one that
    `replace` put in, and on again where none is left."""
    for module in model.modules():
        for kind, switch in _SWITCHES.items():
            if not isinstance(module, kind):
                continue
            bypassed = any(map(_is_put_in, module.modules()))
            if bypassed and getattr(module, switch):
                setattr(module, _BEFORE, getattr(module, switch))
                setattr(module, switch, False)
            elif not bypassed and hasattr(module, _BEFORE):
                setattr(module, switch, getattr(module, _BEFORE))
                delattr(module, _BEFORE)


def _is_put_in(module: nn.Module) -> bool:
    """Whether a module is one of afnlab's, or any that `replace` has put where it is."""
    ours = isinstance(module, (ActivationModule, Rotation))
    return ours or bool(getattr(module, "stood_before", ()))
