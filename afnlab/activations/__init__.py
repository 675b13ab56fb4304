"""The definitions, by family. A function added to one of these files is everywhere at once."""

from afnlab.activations import bounded, curvature, gated, rectified, shrink, simplex
from afnlab.registry import Activation, register

for _family in (rectified, gated, shrink, bounded, curvature, simplex):
    register(value for value in vars(_family).values() if isinstance(value, Activation))
