"""Figures that are drawn once and then updated many times a second."""
