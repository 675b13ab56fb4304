"""Static figures, drawn with matplotlib."""

from afnlab.figures.function_curves import function, gallery, training

__all__ = ["function", "gallery", "training"]
