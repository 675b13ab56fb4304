"""What a run is called by: the hash of its experiment, and whole paths for what lies in files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
    return {
        n: cast("Value", _absolute(v, folders)) if n in REFERENCES else v
        for n, v in parameters.items()
    }


def _absolute(value: object, folders: Sequence[Path]) -> object:
    """References to files with whole paths; anything else as it is."""
    if isinstance(value, (list, tuple)):
        return type(value)(_absolute(one, folders) for one in value)
    return with_whole_path(value, folders) if isinstance(value, str) else value


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
