"""Files of data that a user's code names: what they hold counts, as the code does.

A path may be put together of several texts, `Path(__file__).parent / "tables" / "a.csv"`. What a
source only writes (a log, a picture) follows from the code and does not count, see `writes`.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from afnlab.runs.fingerprint.mentions import Notebook, mentions
from afnlab.runs.fingerprint.modules import is_file, is_folder, packages
from afnlab.runs.fingerprint.syntax import Source, is_text
from afnlab.runs.fingerprint.writes import written_texts

LARGEST = 64 << 20  # bytes of a file that is read for an id
_DEEPEST = 3  # folders that a path may name one by one
_LONGEST = 500  # characters of a text that may name a file
_STATE = re.compile(r"\.(log|lock|tmp|db|sqlite3?)(-\w+)?", re.IGNORECASE)  # written, by its ending
OTHER_NAME = "write it under a name that ends in .tmp, .log or .db"  # what to do about a result
_SAY = ("print", "warn")  # what they are called with is a message


def data_files(sources: Mapping[Path, Source], notebook: Source, here: Path) -> Iterator[Path]:
    """The files that sources may read by names that stand in them, as often as they name them.

    sources: by their paths; what is named in notebooks does not count. notebook: what uses them.
    here: the folder in which it is executed.
    """
    plain = {path: one for path, one in sources.items() if not isinstance(one, Notebook)}
    named = {path: _named_files(source, path, here) for path, source in plain.items()}
    if not any(named.values()):
        return
    written = written_texts([notebook, *sources.values()])
    for files in named.values():
        yield from (file for file, texts in files.items() if not texts <= written)


def _named_files(source: Source, path: Path, here: Path) -> dict[Path, set[ast.Constant]]:
    """The files that the source at a path names, with the texts that name them."""
    texts = {text: set(nodes) for text, nodes in _texts(source).items()}
    for text in [one for one in texts if one.startswith("/")]:  # f"{folder}/a.csv"
        texts.setdefault(text.lstrip("/"), set()).update(texts[text])
    inside = packages(path)[-1:]
    above = path.parents[1:3] if "__file__" in mentions(source).names else ()
    last = list(dict.fromkeys([path.parent, here, *above, *(p.parent for p in inside)]))
    folders = dict.fromkeys(last)
    for _ in range(_DEEPEST):
        within = [_at(f, t) for text in texts for t in _as_folders(text) for f in last]
        last = [f for f in map(Path.resolve, filter(is_folder, within)) if f not in folders]
        folders |= {f: None for f in last if f != f.parent}
    files: dict[Path, set[ast.Constant]] = {}
    for text, nodes in texts.items():
        for place in (*(_at(folder, text) for folder in folders), *_beside(path, text)):
            if _is_read(place):
                files.setdefault(place.resolve(), set()).update(nodes)
    return files


@lru_cache(maxsize=4096)
def _texts(source: Source) -> Mapping[str, list[ast.Constant]]:
    """The texts of a source that may name a file or a folder, with where they stand."""
    texts: dict[str, list[ast.Constant]] = {}
    waiting: list[ast.AST] = [*source.trees]
    for node in waiting:
        if isinstance(node, ast.Constant):
            text = node.value
            if isinstance(text, str) and 0 < len(text) <= _LONGEST and "\n" not in text:
                texts.setdefault(text, []).append(node)
        else:
            waiting += _parts(node)
    return texts


def _parts(node: ast.AST) -> Iterable[ast.AST]:
    """The parts of a node but texts that name no file: what is said to a reader, and keys."""
    match node:
        case ast.Raise(exc=ast.Call() as call):
            return _but_messages(call)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _SAY:
            return _but_messages(node)
        case ast.Assert(msg=ast.Constant()):
            return [node.test]
        case ast.Subscript(slice=key) if _is_word(key):
            return [node.value]
        case ast.Dict(keys=keys, values=values):
            return [*(key for key in keys if key and not _is_word(key)), *values]
    return [] if is_text(node) else ast.iter_child_nodes(node)


def _but_messages(call: ast.Call) -> list[ast.AST]:
    return [call.func, *(a for a in call.args if not isinstance(a, ast.Constant)), *call.keywords]


def _is_word(node: ast.AST) -> bool:
    """Whether it is a text without an ending, as keys are: `{"data": x}`."""
    value = getattr(node, "value", None)
    return isinstance(value, str) and value.isidentifier()


def _as_folders(text: str) -> Iterator[str]:
    """The folders that a text may name; that of a package stands with dots."""
    yield text
    if "." in text and all(part.isidentifier() for part in text.split(".")):
        yield text.replace(".", "/")


def _at(folder: Path, text: str) -> Path:
    return folder / os.path.expanduser(text)  # noqa: PTH111  (which raises no error)


def _beside(path: Path, text: str) -> Iterator[Path]:
    """`Path(__file__).with_suffix(".json")`."""
    if text.startswith("."):
        with suppress(ValueError):
            yield path.with_suffix(text)


def _is_read(path: Path) -> bool:
    """Whether it is a file that is read for an id; those of the system's own state have no size."""
    if _STATE.fullmatch(path.suffix):
        return False
    return is_file(path) and 0 < path.stat().st_size <= LARGEST
