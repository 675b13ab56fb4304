"""Static figures, drawn with matplotlib."""

from afnlab.figures.function_curves import function, gallery
from afnlab.figures.learning_curves import training
from afnlab.figures.signal_curves import signals

__all__ = ["function", "gallery", "signals", "training"]
