"""Static figures, drawn with matplotlib."""

from afnlab.figures.function_curves import function, gallery
from afnlab.figures.learning_curves import training

__all__ = ["function", "gallery", "training"]
