"""What one activation function is, numerically: its derivatives, its profile, its soundness."""

from afnlab.functions import check, derivatives, profile

__all__ = ["check", "derivatives", "profile"]
