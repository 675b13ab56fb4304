"""Make afnlab's activations known to other libraries, which choose theirs by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from types import ModuleType
from typing import Any

from afnlab.errors import shown
from afnlab.nn import module_class
from afnlab.registry import Activation, get_activation, list_activations

# Where a package keeps its activations by name: module, attribute, and whether as functions.
_TABLES: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "transformers": (("transformers.activations", "ACT2FN", False),),
    "timm": (
        ("timm.layers.create_act", "_ACT_LAYER_DEFAULT", False),
        ("timm.layers.create_act", "_ACT_FN_DEFAULT", True),
    ),
}


def register(
    library: ModuleType | MutableMapping[str, Any],
    *refs: str | Activation,
    **named: str | Activation | tuple[str | Activation, Mapping[str, Any]],
) -> list[str]:
    """Make activations known to a library by name: `hidden_act="srelu"` in a configuration.

    Args:
        library: The module `transformers` or `timm`, or any mapping of names to classes.
        *refs: Activations under their own names; without any, all of afnlab's that are elementwise
            and whose name is not taken: what a name has meant it goes on to mean.
        **named: Activations under another name, srelu15=("srelu", {"t": 1.5}), with parameters or
            without.

    Returns:
        The names that were added.

    Raises:
        TypeError: library is neither.
        ValueError: A name is taken, or an activation unknown; then nothing is added.
    """
    tables = _tables(library)
    entries: dict[str, tuple[Activation, Mapping[str, Any]]] = {}
    for name, value in [*((None, ref) for ref in refs), *named.items()]:
        ref, params = value if isinstance(value, tuple) else (value, {})
        record = get_activation(ref)
        module_class(record)(**params)  # says at once what is wrong with them
        entries[name or record.name] = record, params
    taken = {name for table, _ in tables for name in table} - _added(library)
    for name in taken & entries.keys():
        raise ValueError(
            f"register: the name {name!r} is taken there; give another, my_{name}={name!r}"
        )
    if not entries:
        records = map(get_activation, list_activations())
        entries = {f.name: (f, {}) for f in records if f.elementwise and f.name not in taken}
    for name, (record, params) in entries.items():
        for table, functions in tables:
            table[name] = _entry(record if functions else module_class(record), params)
    _added(library).update(entries)
    return list(entries)


_ADDED: dict[int, tuple[object, set[str]]] = {}  # by the identity of a library, which is kept


def _added(library: object) -> set[str]:
    """The names that a library has from here; these may be registered again."""
    return _ADDED.setdefault(id(library), (library, set()))[1]


def _entry(what: Callable[..., Any], params: Mapping[str, Any]) -> Callable[..., Any]:
    return partial(what, **params) if params else what


def _tables(library: Any) -> list[tuple[MutableMapping[str, Any], bool]]:
    """The mappings of a library, and whether they hold functions."""
    if isinstance(library, MutableMapping):
        return [(library, False)]
    name = library.__name__ if isinstance(library, ModuleType) else ""
    if name not in _TABLES:
        known = " or ".join(_TABLES)
        raise TypeError(
            f"register: library must be the module {known}, or a mapping of names to classes, got"
            f" {shown(library)}"
        )
    return [
        (getattr(importlib.import_module(module), attribute), functions)
        for module, attribute, functions in _TABLES[name]
    ]
