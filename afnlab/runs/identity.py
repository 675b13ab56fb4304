"""What a run is called by: the hash of its experiment, and whole paths for what lies in files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from afnlab.runs.fingerprint import Manifest
from afnlab.runs.fingerprint.syntax import digest
from afnlab.usercode.lookup import expanded

ID_LENGTH = 16
REFERENCES = ("task", "activation", "activations")  # parameters that may name a file


def group_of(notebook: Path, code: Manifest, normal: Mapping[str, object]) -> str:
    """The id of an experiment: a notebook, its code, its parameters in their normal form."""
    return digest(notebook.name, code.digest, canonical(normal))[:ID_LENGTH]


def canonical(value: object) -> str:
    """JSON with sorted keys; TypeError for what JSON cannot hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def absolute(
    parameters: Mapping[str, object], folders: Sequence[Path] = (Path(),)
) -> dict[str, object]:
    """Parameters whose references to files have whole paths: a kernel may run elsewhere.

    folders: what a relative path may begin in; the last one where no other has such a file.
    """
    return {n: _absolute(v, folders) if n in REFERENCES else v for n, v in parameters.items()}


def _absolute(ref: object, folders: Sequence[Path]) -> object:
    """References to files with whole paths; anything else as it is."""
    if isinstance(ref, (list, tuple)):
        return type(ref)(_absolute(one, folders) for one in ref)
    file, _, name = ref.rpartition(":") if isinstance(ref, str) else ("", "", "")
    if not file.endswith(".py"):
        return ref
    path, (*others, last) = expanded(file), folders
    folder = next((f for f in others if (f / path).is_file()), last)
    return f"{(folder / path).resolve()}:{name}"
