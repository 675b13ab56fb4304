"""Which files Python executes when it imports a module."""

from __future__ import annotations

import sys
import zipfile
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, ModuleSpec
from pathlib import Path

import pytest

from afnlab.runs.fingerprint.modules import editable, modules_in, portions, walk


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def test_a_package_without_an_init_goes_on_in_a_folder_and_in_an_archive(tmp_path):
    write(tmp_path, "one/space/acts.py")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("space/", "")  # by which older versions of Python find it
        archive.writestr("space/shape.py", "")
    for order in (["one", "two.zip"], ["two.zip", "one"]):
        places = [tmp_path / name for name in order]
        reached = set(walk(["space", "acts"], places, ()))
        assert reached == {tmp_path / "two.zip", tmp_path / "one/space/acts.py"}


def test_a_package_with_an_init_hides_parts_without_one(tmp_path):
    write(tmp_path, "one/space/acts.py", "two/space/__init__.py", "two/space/acts.py")
    places = [tmp_path / "one", tmp_path / "two"]
    assert list(walk(["space", "acts"], places, ())) == [
        tmp_path / "two/space/__init__.py",
        tmp_path / "two/space/acts.py",
    ]


def test_of_a_compiled_module_the_source_counts_too(tmp_path):
    compiled = f"acts{EXTENSION_SUFFIXES[-1]}"
    write(tmp_path, "acts.py", compiled, f"acts{BYTECODE_SUFFIXES[0]}")
    assert [p.name for p in modules_in(tmp_path, "acts")] == [compiled, "acts.py"]


@pytest.mark.parametrize("init", [False, True])
def test_the_other_folders_of_a_package(tmp_path, monkeypatch, init):
    write(tmp_path, "one/a/space/acts.py", "two/a/space/shape.py", "three/space/no.py")
    monkeypatch.setattr(sys, "path", [str(tmp_path / n) for n in ("one", "two", "three")])
    folder = tmp_path / "one/a/space"
    if init:
        write(folder, "__init__.py")
    assert list(portions(folder, tmp_path)) == ([] if init else [tmp_path / "two/a/space"])


def test_an_editable_install_of_a_package_without_an_init(tmp_path, monkeypatch):
    """As setuptools makes it: a place on the path whose hook says where the sources lie."""
    write(tmp_path, "src/space/acts.py")
    place = "__editable__.space-0.1.finder.__path_hook__"

    class Finder:
        @classmethod
        def find_spec(cls, name: str, target: object = None) -> ModuleSpec | None:
            if name != "space":
                return None
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(tmp_path / "src/space"), place]
            return spec

    def hook(path: str) -> type[Finder]:
        if path != place:
            raise ImportError
        return Finder

    monkeypatch.setattr(sys, "path", [*sys.path, place])
    monkeypatch.setattr(sys, "path_hooks", [*sys.path_hooks, hook])
    assert editable("space") == [tmp_path / "src"]
    assert editable("other") == []
