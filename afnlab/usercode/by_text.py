"""What code reaches by a text, so that nobody sees which value it is: a name, a path, a variable.

`getattr` is not among it, nor `locals`: the object whose attribute is taken, and what a variable
was given, are seen themselves.
"""

from __future__ import annotations

import os
import pathlib
import re
import sys
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType

from afnlab.usercode.loaded import is_own

_NAMES = re.compile(  # of functions and classes of libraries and of Python, with their modules
    r"""(?!sklearn\.datasets\.) (.*\.)? (                                    # in whatever module
        globals | eval | exec | _getframe\w* | _?current_?frames? | __import__ | import_module
        | getenvb? | expandvars | (raw_)?input
        | loadtxt | genfromtxt | from(file|regex|_file) | memmap | DataSource | PackageImporter
        | (Npz|Excel|Gzip|BZ2|LZMA)?File | FileIO | HDFStore | (open|load|read)(_.*)?
        | loadmat | mmread | imread | spec_from_file_location | \w+FileLoader
    )
    | sklearn\.datasets\..*\. (fetch_\w+ | load_(files | svmlight_files?))  # others are its own
    | importlib\.reload | pydoc\.locate
    | (os|posix|nt)\.(popen|system|listdir|scandir|f?walk|readlink|pread) | glob\.i?glob
    | inspect\.(stack|trace|getsource\w*) | gc\.get_(objects|referrers|referents)
    | ctypes\.(\w*DLL|LibraryLoader) | xml\.etree\.\w+\.(iter)?parse
    | (                                                                      # all of these modules
        argparse | configparser | dbm | fileinput | fsspec | ftplib | http\.client | imaplib
        | importlib\.(metadata|resources) | linecache | mailbox | mmap
        | multiprocessing\.(connection|shared_memory) | netrc | optparse | pkgutil | poplib
        | requests | runpy | shelve | _?socket | _?sqlite3 | subprocess | tarfile | urllib\.request
        | xmlrpc\.client | zipfile | zipimport
    )\..*""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class ByText:
    """That code reaches values by a text.

    name: of what it does so by. of_path: whether it does only if it has a path: many others have
    an attribute of that name.
    """

    name: str
    of_path: bool = False


# Names of attributes that do the same, on whatever object. A path may come from a library, so that
# nobody sees that it is one: what hardly anything else offers counts in any case.
ATTRIBUTES = {
    **{name: ByText(name) for name in ("read_bytes", "read_text", "iterdir", "rglob")},
    **{name: ByText(name, of_path=True) for name in ("open", "glob")},
    **dict.fromkeys(("__globals__", "f_globals"), ByText("globals")),
}


def by_text(value: object) -> str:
    """What this is called if it leads to values by a text; "": it does not.

    A class does if its objects do; a user's is called as the library's that it is derived from.

    Args:
        value: what code holds.

    Returns:
        Its name.
    """
    if isinstance(value, ByText):
        return value.name
    if isinstance(value, type(os.environ)):
        return "os.environ"
    for name in ("modules", "argv", "orig_argv"):
        if value is getattr(sys, name):
            return f"sys.{name}"
    if isinstance(value, type):
        return next(filter(None, map(_name, value.__mro__ if is_own(value) else [value])), "")
    if isinstance(value, MethodType):
        value = value.__func__
    return _name(value) if isinstance(value, (FunctionType, BuiltinFunctionType)) else ""


def is_path(value: object) -> bool:
    """Whether this is a class of paths, or what offers them.

    Args:
        value: what code holds.
    """
    return value is pathlib or (isinstance(value, type) and issubclass(value, pathlib.PurePath))


def _name(value: FunctionType | BuiltinFunctionType | type) -> str:
    if not _NAMES.fullmatch(f"{value.__module__}.{value.__name__}"):
        return ""
    is_users = not isinstance(value, BuiltinFunctionType) and is_own(value)
    return "" if is_users else value.__name__
