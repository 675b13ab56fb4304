"""What an activation does to a signal: the mean-field theory of wide random networks."""

from afnlab.signal.critical import Critical, critical, edge_of_chaos
from afnlab.signal.gaussian import Gaussian, Moments
from afnlab.signal.mean_field import FixedPoint, MeanField, depth_scale
from afnlab.signal.random_network import measured, predicted
from afnlab.signal.summary import summary

__all__ = [
    "Critical",
    "FixedPoint",
    "Gaussian",
    "MeanField",
    "Moments",
    "critical",
    "depth_scale",
    "edge_of_chaos",
    "measured",
    "predicted",
    "summary",
]
