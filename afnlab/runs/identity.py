"""What a run is called by: the hash of its experiment, and whole paths for what lies in files."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeGuard, TypeVar, cast

from afnlab.runs.code_folder import located
from afnlab.runs.conventions import REFERENCES
from afnlab.runs.fingerprint import Manifest
from afnlab.runs.fingerprint.modules import is_file
from afnlab.runs.fingerprint.syntax import digest
from afnlab.usercode.lookup import expanded

ID_LENGTH = 16
Value = TypeVar("Value")


def group_of(notebook: Path, code: Manifest, normal: Mapping[str, object]) -> str:
    """The id of an experiment: a notebook, its code, its parameters in their normal form."""
    return digest(notebook.name, code.digest, canonical(normal))[:ID_LENGTH]


def canonical(value: object) -> str:
    """JSON with sorted keys; TypeError for what JSON cannot hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def absolute(
    parameters: Mapping[str, Value], folders: Sequence[Path] = (Path(),)
) -> dict[str, Value]:
    """Parameters whose references to files have whole paths: a kernel may run elsewhere.

    folders: what a relative path may begin in; the last one, see `located`, where no other has
    such a file.
    """
    return _each_reference(parameters, lambda text: with_whole_path(text, folders))


def by_file_name(
    parameters: Mapping[str, object], folder: Path, files: Collection[str]
) -> dict[str, object]:
    """Parameters whose references to these files have no folder, as a training's activation has
    none in its normal form: what the files hold is in the id, and they may lie elsewhere.

    Args:
        parameters: by name.
        folder: what a relative path begins in.
        files: whole paths.
    """

    def named(text: str) -> str:
        file, _, name = with_whole_path(text, (folder,)).rpartition(":")
        return f"{Path(file).name}:{name}" if file in files else text

    return _each_reference(parameters, named)


def references(parameters: Mapping[str, object]) -> Iterator[str]:
    """The texts among parameters that may be references to files or modules."""
    for name in REFERENCES:
        value = parameters.get(name)
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if is_reference(one):
                yield one


def _each_reference(
    parameters: Mapping[str, Value], changed: Callable[[str], str]
) -> dict[str, Value]:
    """Parameters with what may be references changed, and anything else as it is."""

    def inside(value: object) -> object:
        if isinstance(value, (list, tuple)):
            return type(value)(inside(one) for one in value)
        return changed(value) if isinstance(value, str) else value

    return {n: cast("Value", inside(v)) if n in REFERENCES else v for n, v in parameters.items()}


def with_whole_path(ref: str, folders: Sequence[Path] = (Path(),)) -> str:
    """A reference to a file with its whole path, see `absolute`; any other text as it is."""
    file, _, name = ref.rpartition(":")
    if not is_in_file(ref):
        return ref
    path, (*others, last) = expanded(file), folders
    folder = next((f for f in others if is_file(f / path)), None)
    return f"{located(path, last) if folder is None else (folder / path).resolve()}:{name}"


def is_in_file(reference: str) -> bool:
    """Whether a reference is to a definition in a file: `my.py:f`."""
    return reference.rpartition(":")[0].endswith(".py")


def is_reference(value: object) -> TypeGuard[str]:
    """Whether a task or an activation is given by where it is defined, in a file or a module."""
    return isinstance(value, str) and ":" in value
