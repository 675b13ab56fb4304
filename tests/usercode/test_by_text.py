"""What code reaches by a text."""

from __future__ import annotations

import importlib
import os
import sys
from argparse import Namespace
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FunctionType
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from afnlab.usercode.made_of import made_of, seen

HEAD = """
import importlib, importlib.machinery, importlib.resources, importlib.util
import glob, inspect, io, linecache, mmap, os, pathlib, sqlite3
import subprocess, sys, tarfile, urllib.request, zipfile
from os import environ
from pathlib import Path
from sys import argv

import numpy as np
import pandas as pd
import scipy.io
import sklearn.datasets
import torch

K, taken = 1.0, globals
"""
UNSEEN = {  # the body of a function, and what it is that nobody sees
    "globals()['K']": "globals",
    "taken()['K']": "globals",
    "f.__globals__['K']": "globals",
    "[globals()['K'] for _ in x]": "globals",
    "eval('K')": "eval",
    "exec('K')": "exec",
    "open('k.txt')": "open",
    "Path('k.txt').read_text()": "read_text",
    "np.load('k.npy')": "load",
    "torch.load('k.pt')": "load",
    "os.environ['K']": "os.environ",
    "environ['K']": "os.environ",
    "os.getenv('K')": "getenv",
    "sys.modules['__main__'].K": "sys.modules",
    "sys._getframe().f_back": "_getframe",
    "importlib.import_module('m').K": "import_module",
    "__import__('m').K": "__import__",
}
UNSEEN |= {
    "np.memmap('k')": "memmap",
    "np.fromregex('k', x)": "fromregex",
    "np.loadtxt('k')": "loadtxt",
    "pd.read_csv('k')": "read_csv",
    "pd.HDFStore('k')": "HDFStore",
    "torch.from_file('k')": "from_file",
    "torch.jit.load('k')": "load",
    "zipfile.ZipFile('k').read('k')": "ZipFile",
    "tarfile.open('k')": "open",
    "io.FileIO('k')": "FileIO",
    "mmap.mmap(0, 1)": "mmap",
    "linecache.getline('k', 1)": "getline",
    "importlib.resources.files('k')": "files",
    "importlib.util.spec_from_file_location('k', 'k.py')": "spec_from_file_location",
    "importlib.machinery.SourceFileLoader('k', 'k.py')": "SourceFileLoader",
    "importlib.reload(K)": "reload",
    "scipy.io.loadmat('k')": "loadmat",
    "sklearn.datasets.load_svmlight_file('k')": "load_svmlight_file",
    "sqlite3.connect('k')": "connect",
    "urllib.request.urlopen('k')": "urlopen",
    "subprocess.run(['k'])": "run",
    "subprocess.Popen(['k'])": "Popen",
    "os.popen('k')": "popen",
    "os.listdir('k')": "listdir",
    "glob.glob('k')": "glob",
    "os.path.expandvars('$K')": "expandvars",
    "inspect.stack()": "stack",
    "input()": "input",
    "sys.argv[1]": "sys.argv",
    "argv[1]": "sys.argv",
    "Path('k.txt').read_bytes()": "read_bytes",
    "x.joinpath('k').read_text()": "read_text",  # a path that a library hands out
    "(x / 'k').read_bytes()": "read_bytes",
    "[*x.iterdir()]": "iterdir",
    "[*x.rglob('k')]": "rglob",
    "pathlib.Path('k.txt').open()": "open",
    "[*Path('k').glob('*')]": "glob",
}
INSIDE = {  # statements, for imports inside the function
    "import os\n return os.environ['K']": "os.environ",
    "import os.path, sys as s\n return os.environ['K']": "os.environ",
    "import os.path, sys as s\n return s.modules": "sys.modules",
    "from os import getenv as g\n return g('K')": "getenv",
    "from zipfile import ZipFile\n return ZipFile('k')": "ZipFile",
    "from pathlib import Path\n return Path('k').open()": "open",
}


class Archive(ZipFile):
    pass


class Mapped(np.memmap):
    def __array_finalize__(self, of):
        super().__array_finalize__(of)


class Config(Namespace):
    def __init__(self, **values):
        super().__init__(**values)


@dataclass
class Record:
    array: np.memmap | None
    w: float = 1.0


def with_default(x, kind=ZipFile):
    return kind(x)


def enclosing(value):
    def function(x):
        return value, x

    return function


HOLDING = {  # a class whose objects read files, otherwise than by its name in code
    "a default": with_default,
    "a closure": enclosing(ZipFile),
    "a table": enclosing({"z": ZipFile}),
    "a partial": enclosing(partial(ZipFile, "k")),
    "a class of a user's": enclosing(Archive),
    "an attribute": enclosing(type("A", (), {"kind": ZipFile})),
}
SEEN = ["getattr(torch, x)", "locals()['x']", "vars(x)", "x.load()", "os.path.join(x)", "K"]
SEEN += ["x.open()", "x.glob()", "torch.stack(x)", "np.frombuffer(x)", "Path(x)"]
SEEN += ["sklearn.datasets.load_digits()"]


def function(body: str) -> FunctionType:
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(f"{HEAD}\ndef f(x):\n {body}", "/cell.py", "exec"), names)
    return names["f"]


@pytest.mark.parametrize("body", [*UNSEEN, *INSIDE])
def test_code_that_reaches_values_by_a_text_is_not_seen_wholly(body):
    made = function(body if body in INSIDE else f"return {body}")
    name = (UNSEEN | INSIDE)[body]
    assert seen(made)[1] == f"its code uses {name}, and what that leads to is not seen"


@pytest.mark.parametrize("body", SEEN)
def test_other_code_is(body):
    assert seen(function(f"return {body}"))[1] == ""


@pytest.mark.parametrize("user_s", ["", "\n  def read_text(self):\n   pass"])
def test_an_attribute_of_a_user_s_object_is_none_of_a_path(user_s):
    """Unless there are paths too: whose it is nobody sees."""
    body = f"class Door:\n  def open(self):\n   return {{}}{user_s}\n return Door().open()"
    assert seen(function(body.format("1")))[1] == ""
    assert "its code uses open" in seen(function(body.format("Path('k')")))[1]
    assert "its code uses open" in seen([function("return x.open()"), Path("k")])[1]


def test_an_object_that_is_there_is_seen_whatever_made_it(tmp_path):
    """A file's numbers, say: they are in it."""
    texts = []
    for number in (1, 2):
        mapped = np.memmap(tmp_path / f"{number}", np.uint8, "w+", shape=(2,))
        mapped[:] = number
        text, unseen = seen(mapped)
        assert unseen == ""
        texts.append(text)
    assert texts[0] != texts[1]


@pytest.mark.parametrize("how", HOLDING)
def test_a_class_that_reads_files_counts_wherever_it_is_held(how):
    assert "its code uses ZipFile" in seen(HOLDING[how])[1]


@pytest.mark.parametrize(
    "value",
    [Namespace(w=1), Config(w=1), np.zeros(2).view(Mapped), Record(None), Record],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_but_not_as_the_type_of_an_object_or_of_a_field(value):
    """Code that uses such an object makes none of its type; of a class, it may."""
    assert seen(enclosing(value))[1] == ""


@pytest.mark.parametrize("kind", [Mapped, np.memmap])
def test_an_object_does_not_hide_that_its_class_is_held_too(kind):
    made = np.zeros(2).view(kind)
    for both in ([made, kind], [kind, made]):
        assert "its code uses memmap" in seen(both)[1]


@pytest.mark.parametrize("value", [os.environ, sys.modules, partial(open, "k"), Path.read_text])
def test_so_is_an_object_that_holds_such(value):
    assert seen([value])[1].startswith("its code uses ")
    assert seen(importlib)[1] == ""


@pytest.mark.parametrize("body", ["return torch.my_k * x", "import torch as t\n return t.my_k"])
def test_what_a_user_has_put_into_a_library_s_module_counts(body, monkeypatch):
    made = []
    for value in (1.0, 2.0, function("return x"), function("return 2 * x")):
        monkeypatch.setattr(torch, "my_k", value, raising=False)
        made.append(made_of(function(body)))
    assert len(set(made)) == 4
