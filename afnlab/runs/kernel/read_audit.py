"""Notes which source files a kernel's process reads, and the SHA-256 of what it reads.

It also notes which files the process opens to write them, whatever they are.

It is started before anything else is imported, so it needs the standard library alone: a new
interpreter loads it with `starter()`. `fingerprint.checking` compares what it notes with what the
run's id was made from.

Of a text that is executed (`exec(open(name).read())`) Python does not tell where it comes from. So
the files that were opened are looked through for its lines.
"""

# It is called at every event of the interpreter, where plain texts are faster than paths.
# ruff: noqa: PTH100, PTH113, PTH116, PTH119, PTH120, PTH123, PTH206

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import re
import stat
import sys
import threading
from collections import Counter, deque
from types import CodeType, FrameType
from typing import Any

VARIABLE = "AFNLAB_READ"  # names the file that takes the notes
READ, EXECUTED, MADE = "read", "executed", "made"  # what became of a file; MADE: by the run, too
WRITTEN = "written"  # or opened for it; of such a file there is no hash
_BEGUN = ("", "", READ)  # the first note
TEXTS = ("", "", EXECUTED)  # a note: code that is not installed has executed what it had as a text
_EVENTS = ("open", "compile", "exec", "import", "os.rename")
_CODE = (".py", ".pyw", ".ipy", ".ipynb", ".pyc")
_COMPILED = tuple(importlib.machinery.EXTENSION_SUFFIXES)
_KERNELS = (".cpp", ".cu", ".h")  # of afnlab's own
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = os.path.dirname(os.path.realpath(os.__file__))
_STANDARD_FOLDERS = (_STANDARD + os.sep, os.path.dirname(os.__file__) + os.sep)
_SHELLS = ("IPython", "ipykernel")  # these execute Python for others, as parts of the standard do
# How much is looked through for the lines of an executed text: the last of it.
_OPENED, _LARGEST, _LINES = 1000, 1 << 20, 50_000  # files, bytes of a file, lines
_NUMBER = re.compile(r"\b\d[\d_.]*(?:[eE][+-]?\d+)?")
_WORD, _NAME = re.compile(r"\w+"), re.compile(r"\b[^\W\d]")


def starter(then: str) -> list[str]:
    """Arguments of a new interpreter that starts the notes, and then executes a line of code.

    It does not search the current folder, which Python puts first: a json.py there is not the one
    that a kernel imports. IPython then adds that folder behind the standard library.
    """
    load = (
        "import sys; sys.flags.safe_path or sys.path.pop(0); import importlib.util as u;"
        f" s = u.spec_from_file_location({__name__!r}, {__file__!r});"
        " m = sys.modules[s.name] = u.module_from_spec(s); s.loader.exec_module(m); m.start()"
    )
    return ["-c", f"{load}; {then}"]


class _Notes:
    """What has been read, as triples: path, hash, what became of it. A file, if any, takes them.

    written: what the process has written itself. texts: by what it would execute, a file that was
    read and may be executed as a text. executed: paths. templates: paths of which something else
    than what they hold was compiled under their name.
    """

    def __init__(self) -> None:
        self.origins = _Origins()
        self.known: dict[tuple[str, str, str], None] = {}
        self.written: set[str] = set()
        self.texts: dict[tuple[object, ...], str] = {}
        self.executed: set[str] = set()
        self.templates: set[str] = set()
        self.file: int | None = None
        self.busy = threading.local()

    def put(self, path: str, content: bytes, how: str) -> None:
        one = (path, hashlib.sha256(content).hexdigest(), how)
        if one not in self.known and how == READ:
            self.texts |= dict.fromkeys(_keys_of(content), path)
        self.put_once(one)
        if how != READ:
            self.executed.add(path)

    def put_once(self, one: tuple[str, str, str]) -> None:
        if one not in self.known:
            self.known[one] = None
            self._write([one])

    def _write(self, notes: list[tuple[str, str, str]]) -> None:
        if self.file is not None and notes:
            lines = "".join(json.dumps(one) + "\n" for one in notes)
            os.write(self.file, lines.encode())

    def keep_in(self, path: str) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._write([_BEGUN, *self.known])


class _Origins:
    """Which of the files that were opened a text comes from, by its lines.

    opened: the last files that are not installed, not looked through yet. cells: the names that the
    notebook's cells are compiled under. Threads share it without a lock, which a fork might leave
    locked for ever.
    """

    def __init__(self) -> None:
        self.opened: deque[str] = deque(maxlen=_OPENED)
        self.cells: set[str] = set()
        self._sources: list[str] = []  # of cells and executed files
        self._seen: set[tuple[str, int, int]] = set()
        self._lines: dict[int, str] = {}  # the file of each line, by the line's hash
        self._sizes: dict[str, int] = {}  # how many lines a file has
        # What comes from a file, by the name it was compiled under: its words, and the file.
        self._origins: dict[str, list[tuple[set[str], str]]] = {}

    def add_source(self, content: str | bytes) -> None:
        """What this holds does not come from another file."""
        self._sources.append(_plain(content))

    def add(self, content: str | bytes, name: str) -> None:
        """A text that is compiled under a name."""
        lines_read = 0
        while self.opened and lines_read < _LINES:
            with contextlib.suppress(IndexError, OSError):  # another thread was faster; it is gone
                lines_read += self._look_through(os.path.realpath(self.opened.pop()))
        self.opened.clear()
        if len(self._lines) > 2 * _LINES:
            self._lines = dict([*self._lines.items()][-_LINES:])
        if not self._lines:
            return
        text = _plain(content)
        lines = _telling_lines(text)
        files = Counter(
            self._lines[hash(line)]
            for line in lines
            if hash(line) in self._lines and not any(line in s for s in self._sources)
        )
        for path, common in files.items():
            # Of an edited file some lines are left; that two have one in common means nothing.
            if 2 * common >= min(len(lines), self._sizes[path]):
                self._origins.setdefault(name, []).append((set(_WORD.findall(text)), path))

    def of(self, code: CodeType) -> str:
        """The file that code was compiled from as a text, or an empty text."""
        known = self._origins.get(code.co_filename)
        names = _names(code) if known else set()
        return next((path for words, path in known or () if names <= words), "")

    def _look_through(self, path: str) -> int:
        """Note the lines of a file; how many there are."""
        status = os.stat(path)
        one = (path, status.st_mtime_ns, status.st_size)
        if not (stat.S_ISREG(status.st_mode) and 0 < status.st_size <= _LARGEST):
            return 0
        if one in self._seen or _is_library(path):
            return 0
        self._seen.add(one)
        with open(path, "rb") as file:
            start = file.read(1024)
            lines = set() if b"\0" in start else _telling_lines(_plain(start + file.read()))
        self._sizes[path] = len(lines)
        self._lines |= {hash(line): path for line in lines}
        return len(lines)


def _names(code: CodeType) -> set[str]:
    """The names in code, functions in it too; not those that Python itself adds."""
    inner = (value for value in code.co_consts if hasattr(value, "co_code"))
    names = {name for name in (*code.co_names, *code.co_varnames) if name[:1] not in "._"}
    return names.union(*map(_names, inner))


def _telling_lines(text: str) -> set[str]:
    """The lines that say more than one word, a number or a comment."""
    lines = {line.strip() for line in text.splitlines()}
    return {
        line
        for line in lines
        if line[:1] != "#" and _NAME.search(line) and not line.rstrip(" :").isidentifier()
    }


def _plain(content: str | bytes) -> str:
    """A text with all numbers alike: where one was set to another, it is from the same file."""
    text = content if isinstance(content, str) else content.decode(errors="replace")
    return _NUMBER.sub("0", text)


_notes = _Notes()


def start() -> None:
    """Note from now on what this process reads; into the file that the environment names, if any.

    What is not installed is compiled from its source each time: a compiled copy is taken for that
    of its source if the source was last edited in the same second and is as long.
    """
    loader = importlib.machinery.SourceFileLoader
    plain = loader.get_code

    def get_code(self: Any, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        if _is_library(os.path.realpath(path)):
            return plain(self, fullname)
        return self.source_to_code(self.get_data(path), path)

    loader.get_code = get_code  # type: ignore[method-assign]
    sys.addaudithook(_heard)
    if path := os.environ.pop(VARIABLE, ""):
        _notes.keep_in(path)


def keep_in(path: str) -> None:
    """Have a file take what has been noted and what will be; for a process that was forked."""
    _notes.keep_in(path)


def notes(file: str | int) -> list[tuple[str, str, str]]:
    """The path and the SHA-256 of each file that a process has read, and what became of it.

    file: the path of its notes, or a descriptor, which stays open.

    ValueError if it has not even told that it began.
    """
    ours = isinstance(file, str)
    with open(file, encoding="utf-8", errors="replace", closefd=ours) as lines:
        notes_read = [(name, code, how) for name, code, how in map(json.loads, lines)]
    if not notes_read:
        raise ValueError("the kernel does not tell which files it has read")
    return notes_read[1:]


def _heard(event: str, arguments: tuple) -> None:
    """What the interpreter calls at each event (`sys.audit`)."""
    if event not in _EVENTS or getattr(_notes.busy, "now", False):
        return
    _notes.busy.now = True
    try:
        _note(event, arguments)
    except (OSError, ValueError, TypeError):  # there is no such file: nothing is read
        pass
    finally:
        _notes.busy.now = False


def _note(event: str, arguments: tuple) -> None:
    if event == "compile":  # of what a file held, in the very bytes
        content, name = arguments
        if isinstance(content, bytes):
            _compiled(content, name)
    elif event == "exec":  # of a file that was compiled in another way, or read as a text
        code = arguments[0]
        path = _executed_file(code)
        if path and path not in _notes.executed and not _is_template(path):
            _read(path, MADE if path in _notes.written else EXECUTED)
        _executed(code)
    elif event == "os.rename":
        _notes.put_once((_path(arguments[1]), "", WRITTEN))
        if _path(arguments[0]) in _notes.written:
            _notes.written.add(_path(arguments[1]))
    elif event == "import":  # of a compiled module; others are opened
        _read(_noted(arguments[1], _COMPILED), EXECUTED)
    else:
        _opened(*arguments)


def _opened(name: object, mode: str | None, flags: int) -> None:
    if flags & (os.O_WRONLY | os.O_RDWR):
        _notes.put_once((_path(name), "", WRITTEN))
    if _is_new(mode, flags):
        _notes.written.add(_path(name))
        return
    _read(_noted(name, _CODE) or _noted(name, _KERNELS))
    if _takes_code_out():
        _read(_noted(name, ("",)), EXECUTED)
    if isinstance(name, (str, bytes, os.PathLike)):
        path = os.path.abspath(os.fsdecode(name))
        if not _is_library(path) and not path.startswith(_PACKAGE + os.sep):
            _notes.origins.opened.append(path)


def _compiled(content: bytes, name: object) -> None:
    """What is compiled is a file, a cell of the notebook, or a text of any origin."""
    if path := _code(name):
        with open(path, "rb") as file:
            held = file.read()
        if content.splitlines() == held.splitlines():  # a text has other line ends than its file
            content = held
        else:
            _notes.templates.add(path)
        if not _is_template(path):
            _notes.put(path, content, MADE if path in _notes.written else EXECUTED)
        _notes.origins.add_source(content)
    elif isinstance(name, str) and not _is_library(name):
        if _is_in(_caller(), _SHELLS) and not _is_within_a_cell():
            _notes.origins.cells.add(name)
            _notes.origins.add_source(content)
        else:
            _notes.origins.add(content, name)


def _executed(code: CodeType) -> None:
    """Note the file that code was read from as a text. What a library executes is its own."""
    frame = _caller()
    name = "" if frame is None else frame.f_code.co_filename
    standard = name.startswith(("<frozen", *_STANDARD_FOLDERS)) and not _is_in(frame, _INSTALLED)
    if not (standard or _is_in(frame, _SHELLS)):
        if not name or name.startswith(_PACKAGE + os.sep) or _is_library(name):
            return
        _notes.put_once(TEXTS)
    path = _notes.origins.of(code)
    if path and path not in _notes.executed:
        _read(path, MADE if path in _notes.written else EXECUTED)


def _executed_file(code: CodeType) -> str:
    """The file that code comes from; an empty text: it is no file's, or was noted already.

    A module of compiled code alone names the file that it was compiled from, wherever that was.
    """
    loader = _loader()
    if isinstance(loader, importlib.machinery.SourcelessFileLoader):
        return _noted(loader.path, ("",), written=True)
    if type(loader).__module__ == "zipimport":
        return ""
    return _code(code.co_filename) or _notes.texts.get(_key(code), "")


def _loader() -> object:
    """What executes the module whose import raised the event; None: it is no import's."""
    frame = _caller()
    while frame is not None and frame.f_code.co_filename.startswith("<frozen "):
        if frame.f_code.co_name == "exec_module":
            return frame.f_locals.get("self")
        frame = frame.f_back
    return None


def _takes_code_out() -> bool:
    """Whether Python opens an archive for the code of a module in it, whatever it is called.

    It also opens each one on its path to list what is in it.
    """
    frame = _caller()
    while frame is not None and frame.f_code.co_filename == "<frozen zipimport>":
        if frame.f_code.co_name == "_get_module_code":
            return True
        frame = frame.f_back
    return False


def _caller() -> FrameType | None:
    """The frame in which the event arose."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename == _heard.__code__.co_filename:
        frame = frame.f_back
    return frame


def _is_in(frame: FrameType | None, folders: tuple[str, ...]) -> bool:
    """Whether a frame's code lies in a folder of one of these names."""
    return frame is not None and any(
        f"{os.sep}{folder}{os.sep}" in frame.f_code.co_filename for folder in folders
    )


def _is_within_a_cell() -> bool:
    frame = _caller()
    while frame is not None and frame.f_code.co_filename not in _notes.origins.cells:
        frame = frame.f_back
    return frame is not None


def _is_template(path: str) -> bool:
    """Whether a library executes, under the name of a file, what it made of it: Jinja, say."""
    frame = _caller()
    if frame is None or not _is_in(frame, _INSTALLED) or _is_in(frame, _SHELLS):
        return False
    return path in _notes.templates or not path.endswith(_CODE)


def _read(path: str, how: str = READ) -> None:
    if path and os.path.isfile(path):
        with open(path, "rb") as file:
            _notes.put(path, file.read(), how)


def _keys_of(content: bytes) -> list[tuple[object, ...]]:
    """The keys of the code that a file's text is compiled to; none if it does nothing."""
    try:
        code = compile(content, "<text>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it is no Python
        return []
    return [_key(code)] if code.co_names else []


def _key(code: CodeType) -> tuple[object, ...]:
    """What is the same of a text's code, under whatever name it is compiled."""
    values = (value for value in code.co_consts if not hasattr(value, "co_code"))
    return (code.co_code, code.co_names, *values)


def _code(name: object) -> str:
    """The file, whatever its name's ending, that code was compiled from, if it is no library's."""
    if isinstance(name, str) and name[:1] == "<" and name[-1:] == ">":
        return ""  # <string>: the name of no file
    path = _noted(name, ("",), written=True)
    return path if os.path.isfile(path) else ""


def _is_new(mode: str | None, flags: int) -> bool:
    """Whether a file that is opened so begins empty: what it then holds is the run's own doing."""
    if mode is not None:
        return mode[:1] in ("w", "x")
    return bool(flags & (os.O_TRUNC | os.O_EXCL)) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _path(name: object) -> str:
    return (
        os.path.realpath(os.fsdecode(name)) if isinstance(name, (str, bytes, os.PathLike)) else ""
    )


def _noted(name: object, endings: tuple[str, ...], written: bool = False) -> str:
    """The file that a name means, if it is code whose reading counts; else an empty text.

    written: also if this process has written it.
    """
    if not isinstance(name, (str, bytes, os.PathLike)):
        return ""
    text = os.fsdecode(name)
    if not text.lower().endswith(endings):
        return ""
    path = os.path.realpath(text)
    if endings is _KERNELS and not path.startswith(_PACKAGE + os.sep):
        return ""
    if _is_compiled_copy(path):
        return ""  # a library's: what is not installed has no compiled copies, see `start`
    return "" if (path in _notes.written and not written) or _is_library(path) else path


def _is_compiled_copy(path: str) -> bool:
    """Whether it lies where Python keeps the compiled copies of sources."""
    prefix = sys.pycache_prefix
    apart = bool(prefix) and path.startswith(os.path.realpath(str(prefix)) + os.sep)
    return apart or os.path.basename(os.path.dirname(path)) == "__pycache__"


def _is_library(path: str) -> bool:
    """Whether a file belongs to what is installed, and not to afnlab."""
    if path.startswith(_PACKAGE + os.sep):
        return False
    return path.startswith(_STANDARD_FOLDERS) or any(
        part in _INSTALLED for part in path.split(os.sep)
    )
