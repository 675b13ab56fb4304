"""The parameters cell of a notebook, read without running it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAG = "parameters"
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "str": (str,),
    "bool": (bool,),
    "list": (list, tuple),
    "dict": (dict,),
}


@dataclass(frozen=True)
class Declared:
    """A parameter as its cell declares it: `name: annotation = default`."""

    annotation: str
    default: Any

    def accepts(self, value: Any) -> bool:
        """Whether a value is of the annotated type; all are, where that is no basic type."""
        types = _TYPES.get(self.annotation)
        if types is None:
            return True
        if isinstance(value, bool):
            return bool in types
        return isinstance(value, types)


def sources(path: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    """(kind, source, tags) of a notebook's cells."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [
            (c["cell_type"], "".join(c["source"]), tuple(c["metadata"].get("tags", ())))
            for c in cells
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: is not a readable notebook ({error})") from None


def declared(path: Path) -> dict[str, Declared]:
    """The parameters that a notebook declares, by name, in order.

    ValueError if it has no cell tagged `parameters`, or one that holds anything but assignments of
    literals, one plain name each.
    """
    tagged = [source for _, source, tags in sources(path) if TAG in tags]
    if len(tagged) != 1:
        raise ValueError(f"{path}: has {len(tagged)} cells tagged {TAG!r}, must have one")
    found: dict[str, Declared] = {}
    try:
        for node in ast.parse(tagged[0]).body:
            target: ast.expr | None = None
            annotation = ""
            if isinstance(node, ast.AnnAssign):
                target, annotation = node.target, ast.unparse(node.annotation)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
            value = getattr(node, "value", None)
            if not isinstance(target, ast.Name) or value is None:
                raise ValueError(ast.unparse(node))
            found[target.id] = Declared(annotation, ast.literal_eval(value))
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            f"{path}: its parameters cell may hold only lines such as `t: float = 2.21`,"
            f" not {error}"
        ) from None
    return found


def check_types(given: Mapping[str, Any], known: Mapping[str, Declared]) -> None:
    """ValueError for a value whose type is not the one declared."""
    for name, value in given.items():
        if name in known and not known[name].accepts(value):
            raise ValueError(
                f"parameter {name!r} must be {known[name].annotation}, got {value!r}"
                f" ({type(value).__name__})"
            )
