"""Sweep files: YAML that says which runs to make, with errors that name the line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from afnlab import paths
from afnlab.loading import unknown
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
        shared = dict(self.parameters)
        if self.seeds is not None:
            shared["seeds"] = self.seeds
        shared |= {name: value for name, value in overrides.items() if value is not None}
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
        named = [k for k in self.lines if len(k) > 1 and f"'{k[-1]}'" in message]
        chosen = [k for k in grid_keys if repr(self._value(k)) in message]
        key = next(iter([*named, *chosen, *grid_keys]), ())
        return f"{self.path or self.name}, line {self.lines.get(key, 1)}"

    def _value(self, key: tuple) -> Any:
        return self.grid[key[1]][key[2]]


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
    lines: dict[tuple, int] = {}
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        raise SweepError(f"{path}{at}: {getattr(error, 'problem', error)}") from None
    content = _plain(node, (), lines, path) if node is not None else {}

    def wrong(key: str, message: str) -> SweepError:
        return SweepError(f"{path}, line {lines.get((key,), 1)}: {message}")

    if not isinstance(content, dict):
        raise SweepError(f"{path}, line 1: must be a mapping with the keys {', '.join(KEYS)}")
    for key in content:
        if key not in KEYS:
            raise wrong(key, unknown("key", key, KEYS))
    for key, kind in (("parameters", dict), ("grid", dict), ("notebook", str), ("title", str)):
        if key in content and not isinstance(content[key], kind):
            raise wrong(key, f"{key} must be a {'mapping' if kind is dict else 'text'}")
    grid = content.get("grid", {})
    for name, values in grid.items():
        if name == "activation" and values == ELEMENTWISE:
            grid[name] = [n for n in list_activations() if get_activation(n).elementwise]
        elif not isinstance(values, list) or not values:
            line = lines.get(("grid", name), 1)
            word = f", or {ELEMENTWISE}" if name == "activation" else ""
            raise SweepError(f"{path}, line {line}: {name!r} must be a list with entries{word}")
    notebook = content.get("notebook", "train")
    beside = path.parent / notebook
    try:
        found = paths.find("notebooks", beside if beside.is_file() else notebook, ".ipynb")
    except ValueError as error:
        raise wrong("notebook", str(error)) from None
    return Sweep(path.stem, str(found), **_rest(content), grid=grid, path=path, lines=lines)


def _rest(content: dict[str, Any]) -> dict[str, Any]:
    return {k: content[k] for k in ("title", "parameters", "seeds") if k in content}


def _plain(node: yaml.Node, key: tuple, lines: dict[tuple, int], path: Path) -> Any:
    """The value of a YAML node, noting the line of every entry."""
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        values: dict[Any, Any] = {}
        for name_node, value_node in node.value:
            name = _plain(name_node, (*key, "?"), {}, path)
            line = name_node.start_mark.line + 1
            if not isinstance(name, str):
                raise SweepError(f"{path}, line {line}: the key {name!r} must be a text")
            if name in values:
                raise SweepError(f"{path}, line {line}: the key {name!r} stands twice")
            lines[(*key, name)] = line
            values[name] = _plain(value_node, (*key, name), lines, path)
        return values
    if isinstance(node, yaml.SequenceNode):
        return [_plain(n, (*key, i), lines, path) for i, n in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node)
    except yaml.YAMLError as error:
        line = node.start_mark.line + 1
        raise SweepError(f"{path}, line {line}: {error}") from None
