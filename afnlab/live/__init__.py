"""Figures that are drawn once and then updated many times a second."""

from afnlab.live.decision_surface import learned
from afnlab.live.function_overlay import overlay

__all__ = ["learned", "overlay"]
