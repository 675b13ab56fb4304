"""The activations and tasks of afnlab by name, read from their sources: torch is not needed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from afnlab.paths import PACKAGE
from afnlab.runs.fingerprint.remembered import remembered
from afnlab.runs.fingerprint.syntax import Source, read

_DECORATOR = "activation"


@lru_cache
def activations() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The module in which every activation is defined, and the names of its classes."""
    defined = {}
    for path in sorted((PACKAGE / "activations").glob("*.py")):
        for name, words in _activations(read(path)).items():
            defined[name] = (f"afnlab.activations.{path.stem}", tuple(words))
    return defined


@remembered
def _activations(source: Source) -> dict[str, list[str]]:
    """The activations that a file defines, each with the names of its classes."""
    defined = {}
    for node in (n for tree in source.trees for n in tree.body):
        if isinstance(node, ast.FunctionDef):
            for words in _classes(node):
                defined[node.name] = list(words)
    return defined


def _classes(function: ast.FunctionDef) -> Iterator[tuple[str, ...]]:
    """The names of an activation's classes, as its decorator says; nothing for other functions."""
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(words)), *_]):
                if name == _DECORATOR:
                    yield tuple(words.split())
            case ast.Call(func=ast.Name(id=name)) | ast.Name(id=name):
                if name == _DECORATOR:
                    yield ("".join(word.capitalize() for word in function.name.split("_")),)


def aliases() -> dict[str, str]:
    """The further names of activations, each with the activation's own."""
    return {
        other.lower(): name for name, (_, words) in activations().items() for other in words[1:]
    }


def classes() -> dict[str, str]:
    """The classes of `afnlab.nn` that are activations, with the activation's name."""
    return {word: name for name, (_, words) in activations().items() for word in words}


@lru_cache
def tasks() -> frozenset[str]:
    """The names of the built-in tasks."""
    return frozenset(_tasks(read(PACKAGE / "training" / "tasks.py")))


@remembered
def _tasks(source: Source) -> list[str]:
    calls = (node for tree in source.trees for node in ast.walk(tree))
    return [name for call in calls for name in _task(call)]


def _task(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id="Task"), args=[ast.Constant(value=str(name)), *_]):
            yield name
