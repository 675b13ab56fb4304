"""A search for activations: expressions evolve, and the best are judged within a campaign."""

from afnlab.search.evolve import search
from afnlab.search.grammar import Expression

__all__ = ["Expression", "search"]
