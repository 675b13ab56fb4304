"""Auto-Rotating layers: thirteen torch layers whose pre-activations are scaled by their weights.

Each takes what the torch layer takes, and L, xmin_lim, xmax_lim, x_q, eps, auto_rot, trainable_L;
see `afnlab.autorot.rotation.Rotation`. The Keras names of the source are aliases.
"""

from afnlab.autorot.convert import (
    auto_rotate,
    dynamic_region,
    rotation_plan,
    undo_rotation,
)
from afnlab.autorot.convolutions import (
    AutoRotConv1d,
    AutoRotConv2d,
    AutoRotConv3d,
    AutoRotConvTranspose1d,
    AutoRotConvTranspose2d,
    AutoRotConvTranspose3d,
    AutoRotDepthwiseConv2d,
    AutoRotSeparableConv1d,
    AutoRotSeparableConv2d,
)
from afnlab.autorot.limits import input_limits, suggested_L
from afnlab.autorot.linear import AutoRotLinear
from afnlab.autorot.recurrent import AutoRotGRU, AutoRotLSTM, AutoRotRNN
from afnlab.autorot.rotation import Rotation
from afnlab.autorot.share import inside_share, x_q_for

AutoRotDense = AutoRotLinear
AutoRotSimpleRNN = AutoRotRNN
AutoRotConv1D, AutoRotConv2D, AutoRotConv3D = AutoRotConv1d, AutoRotConv2d, AutoRotConv3d
AutoRotConv1DTranspose = AutoRotConvTranspose1d
AutoRotConv2DTranspose = AutoRotConvTranspose2d
AutoRotConv3DTranspose = AutoRotConvTranspose3d
AutoRotSeparableConv = AutoRotSeparableConv2D = AutoRotSeparableConv2d
AutoRotSeparableConv1D = AutoRotSeparableConv1d
AutoRotDepthwiseConv2D = AutoRotDepthwiseConv2d

__all__ = [
    "AutoRotConv1D",
    "AutoRotConv1DTranspose",
    "AutoRotConv1d",
    "AutoRotConv2D",
    "AutoRotConv2DTranspose",
    "AutoRotConv2d",
    "AutoRotConv3D",
    "AutoRotConv3DTranspose",
    "AutoRotConv3d",
    "AutoRotConvTranspose1d",
    "AutoRotConvTranspose2d",
    "AutoRotConvTranspose3d",
    "AutoRotDense",
    "AutoRotDepthwiseConv2D",
    "AutoRotDepthwiseConv2d",
    "AutoRotGRU",
    "AutoRotLSTM",
    "AutoRotLinear",
    "AutoRotRNN",
    "AutoRotSeparableConv",
    "AutoRotSeparableConv1D",
    "AutoRotSeparableConv1d",
    "AutoRotSeparableConv2D",
    "AutoRotSeparableConv2d",
    "AutoRotSimpleRNN",
    "Rotation",
    "auto_rotate",
    "dynamic_region",
    "input_limits",
    "inside_share",
    "rotation_plan",
    "suggested_L",
    "undo_rotation",
    "x_q_for",
]
