"""Sweep files: YAML that says which runs to make, with errors that name the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from afnlab import paths
from afnlab.loading import unknown
from afnlab.runs import linedyaml
from afnlab.runs.spec import RunSpec
from afnlab.spec import get_activation, list_activations

KEYS = ("title", "notebook", "parameters", "grid", "seeds")
ELEMENTWISE = "elementwise"


class SweepError(ValueError):
    """A sweep file is not right; the message begins with its name and the line."""


@dataclass(frozen=True)
class Sweep:
    """A sweep: a notebook, parameters that all runs share, and a grid of lists.

    In the grid, `activation: elementwise` stands for every elementwise activation, and an item
    `{name: {parameter: value or list}}` of `activation` gives an activation parameters of its own.
    """

    name: str
    notebook: str = "train"
    title: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, list[Any]] = field(default_factory=dict)
    seeds: Any = None
    path: Path | None = None
    lines: dict[tuple, int] = field(default_factory=dict, repr=False)

    def specs(self, **overrides: Any) -> list[RunSpec]:
        """The runs, in the order of the grid; `overrides` replace shared parameters (None: do not).

        SweepError, naming the line, for anything that a run may not be given.
        """
        overrides = {name: value for name, value in overrides.items() if value is not None}
        shared = dict(self.parameters)
        if self.seeds is not None:
            shared["seeds"] = self.seeds
        shared |= overrides
        made: dict[str, RunSpec] = {}
        for at, chosen in self._points():
            given = {**shared, **{n: v for n, v in chosen.items() if n not in overrides}}
            try:
                spec = RunSpec.make(self.notebook, self._resolved(given))
                made.setdefault(spec.group, spec)
            except ValueError as error:
                raise SweepError(f"{self._where(at, str(error))}: {error}") from None
        return list(made.values())

    def _points(self) -> Iterator[tuple[list[tuple], dict[str, Any]]]:
        axes = []
        for name, values in self.grid.items():
            axis: list[tuple[tuple, dict[str, Any]]] = []
            for i, value in enumerate(values):
                options = _activation_items(value) if name == "activation" else [{name: value}]
                axis += [(("grid", name, i), option) for option in options]
            axes.append(axis)
        for combination in product(*axes):
            merged: dict[str, Any] = {}
            for _, option in combination:
                merged |= option
            yield [at for at, _ in combination], merged

    def _resolved(self, given: dict[str, Any]) -> dict[str, Any]:
        """References with relative paths are meant from the sweep file's folder first."""
        for name in ("task", "activation"):
            ref = given.get(name)
            if isinstance(ref, str) and ".py:" in ref and self.path is not None:
                file, _, attribute = ref.rpartition(":")
                beside = self.path.parent / file
                given[name] = f"{beside.resolve()}:{attribute}" if beside.is_file() else ref
        return given

    def _where(self, grid_keys: list[tuple], message: str) -> str:
        """The file and the line of the entry that an error message speaks of."""

        def named(key: tuple) -> bool:
            name = re.escape(str(key[-1]))
            said = rf"'{name}'|(^|[ :]){name}( must|:| ')|unknown {name} "
            return isinstance(key[-1], str) and re.search(said, message) is not None

        own = [k for k in self.lines if any(k[: len(g)] == g for g in grid_keys) and named(k)]
        values = [k for k in grid_keys if repr(self.grid[k[1]][k[2]]) in message]
        rest = [k for k in self.lines if k and k[0] in ("parameters", "seeds") and named(k)]
        key = next(iter([*own, *values, *rest, *grid_keys]), ())
        return f"{self.path or self.name}, line {self.lines.get(key, 1)}"


def _activation_items(item: Any) -> list[dict[str, Any]]:
    """The grid points of one item of `activation`."""
    if not isinstance(item, Mapping):
        return [{"activation": item}]
    points = []
    for name, own in item.items():
        lists = {k: v if isinstance(v, list) else [v] for k, v in (own or {}).items()}
        points += [
            {"activation": name, **dict(zip(lists, values, strict=True))}
            for values in product(*lists.values())
        ]
    return points


def read(ref: str | Path) -> Sweep:
    """The sweep in a file, a path or the name of one of afnlab's own; SweepError names the line."""
    path = paths.find("sweeps", ref, ".yaml")
    try:
        content, lines = linedyaml.read(path)
    except linedyaml.LinedError as error:
        raise SweepError(str(error)) from None

    def wrong(message: str, *key: Any) -> SweepError:
        return SweepError(f"{path}, line {lines.get(key, 1)}: {message}")

    if not isinstance(content, dict):
        raise wrong(f"must be a mapping with the keys {', '.join(KEYS)}")
    for key in content:
        if key not in KEYS:
            raise wrong(unknown("key", key, KEYS), key)
    for key, kind in (("parameters", dict), ("grid", dict), ("notebook", str), ("title", str)):
        if key in content and not isinstance(content[key], kind):
            raise wrong(f"{key} must be a {'mapping' if kind is dict else 'text'}", key)
    grid = {name: _axis(name, v, wrong) for name, v in content.get("grid", {}).items()}
    notebook = content.get("notebook", "train")
    beside = path.parent / notebook
    try:
        found = paths.find("notebooks", beside if beside.is_file() else notebook, ".ipynb")
    except ValueError as error:
        raise wrong(str(error), "notebook") from None
    rest = {k: content[k] for k in ("title", "parameters", "seeds") if k in content}
    return Sweep(path.stem, str(found), **rest, grid=grid, path=path, lines=lines)


def _axis(name: str, values: Any, wrong: Callable[..., SweepError]) -> list[Any]:
    """The entries of one name in the grid."""
    if name == "activation" and values == ELEMENTWISE:
        return [n for n in list_activations() if get_activation(n).elementwise]
    if not isinstance(values, list) or not values:
        word = f", or {ELEMENTWISE}" if name == "activation" else ""
        raise wrong(f"{name!r} must be a list with entries{word}", "grid", name)
    if name == "seeds":
        raise wrong("seeds stand at the top level, not in the grid", "grid", name)
    for i, item in enumerate(values if name == "activation" else ()):
        for own, parameters in item.items() if isinstance(item, Mapping) else ():
            if parameters is not None and not isinstance(parameters, Mapping):
                example = f"{{{own}: {{parameter: [1, 2]}}}}"
                message = f"{own!r} must be followed by parameters, such as {example}"
                raise wrong(f"{message}, got {parameters!r}", "grid", name, i)
            for parameter, listed in (parameters or {}).items():
                if listed == []:
                    raise wrong(f"{parameter!r} must not be an empty list", "grid", name, i)
    return values
