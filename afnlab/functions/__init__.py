"""What one activation function is, numerically: its profile, its soundness."""

from afnlab.functions import check, profile

__all__ = ["check", "profile"]
