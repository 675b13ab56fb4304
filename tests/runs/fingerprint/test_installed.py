"""An installed package that a parameter names: its files count, or its version if it is large."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import afnlab
from afnlab.cli import main
from afnlab.compare import select
from afnlab.runs import RunSpec, staleness
from afnlab.runs.fingerprint import Manifest, check, installed, manifest_of
from afnlab.runs.storage import runs_folder
from afnlab.runs.task_code import code_of

ACTS = """
import torch
from afnlab import Param, activation
from kitdeps import helper
from .shape import bent

@activation(a=Param(0.5))
def knee(x, a):
    return bent(x, a)
"""
FILES = {
    "__init__.py": "from .acts import knee\nfrom .data import steel\n",
    "acts.py": ACTS,
    "shape.py": "def bent(x, a):\n    return x.tanh() * a\n",
    "data.py": """
from dataclasses import replace
from afnlab import get_task
steel = replace(get_task("digits-mlp"), name="steel")
""",
    "unused.py": "1\n",
}
GIVEN = {"task": "kit:steel", "activation": "kit:knee", "seeds": 2, "epochs": 1}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def named(version: str) -> dict[str, str]:
    text = f"Metadata-Version: 2.1\nName: steel-kit\nVersion: {version}\n"
    return {f"steel_kit-{version}.dist-info/{n}": text for n in ("METADATA",)} | {
        f"steel_kit-{version}.dist-info/top_level.txt": "kit\n",
    }


def forget() -> None:
    for name in [n for n in sys.modules if n.split(".")[0] in ("kit", "kitdeps", "kitspace")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    installed._distributions.cache_clear()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages on the path, with one that has a task and an activation."""
    folder = tmp_path / "site-packages"
    write(folder / "kit", FILES)
    write(folder, named("0.1") | {"kitdeps.py": "helper = 1\n"})
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(tmp_path)
    forget()
    yield folder
    forget()


def spec(**given: object) -> RunSpec:
    forget()
    return RunSpec.make("train", GIVEN | given)


def test_what_a_package_holds_counts_as_far_as_it_is_reached(site):
    before, code = spec(), code_of("kit:steel")
    assert before.code.versions == {"steel-kit": "0.1"}
    assert {Path(n).name for n in before.code.units if n.startswith("/")} == {
        *("__init__.py", "acts.py", "shape.py", "data.py")
    }
    write(site, {"kit/unused.py": "2\n", "kitdeps.py": "helper = 2\n"})
    assert spec().id == before.id
    write(site, {"kit/shape.py": "def bent(x, a):\n    return x.sin() * a\n"})
    changed = spec()
    assert changed.id != before.id
    assert code_of("kit:steel") != code
    write(site, {"kit/shape.py": FILES["shape.py"]})
    assert spec().id == before.id


def test_an_edit_while_a_run_is_made_is_noticed(site):
    code = spec().code
    check(code, [])
    write(site, {"kit/shape.py": "def bent(x, a):\n    return x.sin() * a\n"})
    with pytest.raises(RuntimeError, match=r"kit/shape.py was edited after this run was planned"):
        check(code, [])


@pytest.mark.parametrize("ref", ["kit:knee", "kit.acts:knee", "{site}/kit/acts.py:knee"])
def test_a_record_names_the_module_and_no_path(site, ref):
    made = spec(activation=ref.format(site=site))
    assert made.parameters["activation"] == "kit.acts:knee"
    assert made.label == "steel kit.acts:knee"
    assert made.id == spec().id


def test_a_notebook_of_ones_own_that_names_a_package(site):
    content = (
        b'{"cells": [{"cell_type": "code", "metadata": {}, "source":'
        b' "afnlab.train(\'digits-mlp\', \'kit:knee\')"}], "nbformat": 4, "metadata": {}}'
    )
    before = manifest_of(site.parent / "own.ipynb", content, {})
    assert before.versions == {"steel-kit": "0.1"}
    write(site, {"kit/shape.py": "def bent(x, a):\n    return x.sin() * a\n"})
    assert manifest_of(site.parent / "own.ipynb", content, {}).digest != before.digest


def test_a_large_package_counts_by_its_version(site, monkeypatch):
    monkeypatch.setattr(installed, "MOST", 4)
    before = spec()
    assert before.code.units["steel-kit"] == "0.1"
    assert not [n for n in before.code.units if "acts.py" in n]
    write(site, {"kit/shape.py": "def bent(x, a):\n    return x.sin() * a\n"})
    assert spec().id == before.id
    code = code_of("kit:steel")
    shutil.rmtree(site / "steel_kit-0.1.dist-info")
    write(site, named("0.2"))
    assert spec().id != before.id
    assert code_of("kit:steel") != code


def test_a_package_as_large_as_torch_is_not_read():
    reached = manifest_of(Path("own.ipynb"), b"", {"f": "torch.nn.functional:silu"})
    assert reached.versions.keys() == {"torch"}
    assert not [n for n in reached.units if n.startswith("/")]


def test_packages_without_an_init_are_followed_where_the_module_lies(site):
    write(site, {"kitspace/inner/__init__.py": ACTS.replace(".shape", "kitspace.inner.shape")})
    write(site, {"kitspace/inner/shape.py": FILES["shape.py"], "kitspace/other/a.py": "1"})
    before = spec(activation="kitspace.inner:knee")
    assert before.parameters["activation"] == "kitspace.inner:knee"
    assert [n for n in before.code.units if n.endswith("kitspace/inner/shape.py")]
    write(site, {"kitspace/inner/shape.py": "def bent(x, a):\n    return x\n"})
    assert spec(activation="kitspace.inner:knee").id != before.id


def reached(ref: str) -> Manifest:
    """What a notebook reaches that is given this reference."""
    return manifest_of(Path("own.ipynb"), b"", {"activation": ref})


def recorded(name: str, *files: str, version: str = "0.1") -> dict[str, str]:
    """What the installer of a distribution leaves, which lists its files."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    listed = "".join(f"{file},sha256=0,1\n" for file in (*files, f"{info}/RECORD"))
    return {f"{info}/METADATA": metadata, f"{info}/RECORD": listed}


SHAPE = FILES["shape.py"]
SPREAD = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"


@pytest.mark.parametrize(
    ("ref", "files"),
    {
        "from its name": ("space.acts:knee", {"acts.py": "from space.shape import bent"}),
        "from its folder": ("space.acts:knee", {"acts.py": "from .shape import bent"}),
        "from the folder above": ("space.sub.deep:knee", {"sub/deep.py": "from ..shape import *"}),
        "by its path": ("{site}/space/acts.py:knee", {"acts.py": "import space.shape"}),
        "in a package": (
            "space.inner.ops.acts:knee",
            {"inner/__init__.py": "", "inner/ops/acts.py": "from ...shape import bent"},
        ),
    }.values(),
)
def test_a_neighbour_in_a_package_without_an_init_counts(site, ref, files):
    write(site / "space", files | {"shape.py": SHAPE, "unused.py": ""})
    before = reached(ref.format(site=site))
    write(site, {"space/unused.py": "1\n"})
    assert reached(ref.format(site=site)).digest == before.digest
    write(site, {"space/shape.py": "def bent(x, a):\n    return x\n"})
    assert reached(ref.format(site=site)).digest != before.digest
    with pytest.raises(RuntimeError, match=r"space/shape.py was edited after this run was planned"):
        check(before, [])


@pytest.mark.parametrize("line", ["from space.shape import bent", "from .shape import bent"])
@pytest.mark.parametrize("init", [None, SPREAD])
def test_a_package_may_lie_in_several_folders(site, tmp_path, monkeypatch, line, init):
    other = tmp_path / "users" / "site-packages"
    for folder in (site, other) if init else ():
        write(folder / "space", {"__init__.py": init})
    write(site / "space", {"acts.py": line})
    write(other / "space", {"shape.py": SHAPE})
    monkeypatch.setattr(sys, "path", [*sys.path, str(other)])
    before = reached("space.acts:knee")
    write(other / "space", {"shape.py": "def bent(x, a):\n    return x\n"})
    assert reached("space.acts:knee").digest != before.digest


def test_what_else_a_distribution_has_at_the_top_level_counts(site):
    write(site, {"lone.py": "from _lone import bent, kitdeps", "_lone.py": SHAPE})
    write(site, recorded("alone", "lone.py", "_lone.py"))
    before = reached("lone:knee")
    assert before.versions == {"alone": "0.1"}
    assert {Path(n).name for n in before.units if n.startswith(str(site))} == {
        "lone.py",
        "_lone.py",
    }
    write(site, {"_lone.py": "def bent(x, a):\n    return x\n"})
    assert reached("lone:knee").digest != before.digest


def test_a_compiled_module_counts_and_its_source_says_what_it_imports(site):
    compiled = f"kit/acts{EXTENSION_SUFFIXES[0]}"
    write(site, {compiled: "one"})
    before = reached("kit.acts:knee")
    assert [n for n in before.units if n.endswith("kit/shape.py")]
    write(site, {compiled: "two"})
    assert reached("kit.acts:knee").digest != before.digest


def test_the_distribution_of_a_package_is_the_one_that_lists_it(site):
    write(site, recorded("kit", "other.py", version="7") | {"other.py": ""})
    assert reached("kit:knee").versions == {"steel-kit": "0.1"}
    write(site, {"space/one.py": "", "space/two.py": "", "space/three.py": ""})
    write(site, recorded("space", "space/one.py") | recorded("more", "space/two.py", version="2"))
    assert reached("space.one:f").versions == {"space": "0.1"}
    assert reached("space.two:f").versions == {"more": "2"}
    assert reached("space.three:f").versions == {}


def test_the_version_of_an_egg(site, monkeypatch):
    egg = site / "bent-0.1.egg"
    write(egg, {"bent/__init__.py": "", "EGG-INFO/PKG-INFO": "Name: bent-egg\nVersion: 0.1\n"})
    write(egg, {"EGG-INFO/top_level.txt": "bent\n"})
    monkeypatch.syspath_prepend(str(egg))
    assert reached("bent:f").versions == {"bent-egg": "0.1"}


def test_a_large_package_that_a_followed_one_reaches_counts_by_its_version(site, monkeypatch):
    monkeypatch.setattr(installed, "MOST", 4)
    write(site / "space", {"acts.py": "from space.big import bent"})
    write(site / "space/big", {f"m{i}.py": "" for i in range(5)} | {"__init__.py": SHAPE})
    write(site, recorded("big-space", "space/acts.py", "space/big/__init__.py"))
    before = reached("space.acts:knee")
    assert before.units["big-space"] == "0.1"
    assert not [n for n in before.units if "big/" in n]
    write(site / "space/big", {"__init__.py": ""})
    assert reached("space.acts:knee").digest == before.digest
    shutil.rmtree(site / "big_space-0.1.dist-info")
    write(site, recorded("big-space", "space/acts.py", "space/big/__init__.py", version="0.2"))
    os.utime(site)  # whose time may be as coarse as a tick
    assert reached("space.acts:knee").digest != before.digest


def test_an_editable_install_counts_as_ones_own(site, tmp_path, monkeypatch):
    shutil.move(site / "kit", tmp_path / "src" / "kit")
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    before = spec()
    assert before.parameters["activation"] == f"{tmp_path}/src/kit/acts.py:knee"
    write(tmp_path / "src", {"kit/shape.py": "def bent(x, a):\n    return x\n"})
    assert spec().id != before.id


def test_a_task_in_an_archive_counts_an_activation_is_refused(site, tmp_path, monkeypatch):
    shutil.rmtree(site / "kit")
    for name, network in (("one", "digits-mlp"), ("two", "digits-arp")):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr("kit/__init__.py", FILES["__init__.py"])
            archive.writestr("kit/data.py", FILES["data.py"].replace("digits-mlp", network))
            archive.writestr("kit/acts.py", ACTS)
            archive.writestr("kit/shape.py", FILES["shape.py"])
    monkeypatch.syspath_prepend(str(tmp_path / "kit.zip"))
    ids = []
    for name in ("one", "two"):
        shutil.copy(tmp_path / f"{name}.zip", tmp_path / "kit.zip")
        sys.path_importer_cache.clear()
        ids.append(spec(activation="relu").id)
    assert len(set(ids)) == 2
    with pytest.raises(ValueError, match=r"kit.zip/kit/acts.py, inside an archive"):
        spec()


@pytest.fixture
def kept(site, monkeypatch):
    """A run of the package's task and activation, and one of its task and relu."""
    monkeypatch.setenv("AFNLAB_RUNS", str(site.parent / "runs"))
    forget()
    for activation in ("kit:knee", "relu"):
        asked = afnlab.runs.parameters(GIVEN | {"activation": activation})
        assert asked.save(asked.train()).startswith("kept as run")
    return runs_folder.records("runs")


def test_a_run_is_stale_when_the_package_was_edited(kept, site, capsys):
    knee = kept[0]
    assert knee["given"]["activation"] == "kit.acts:knee"
    assert knee["versions"]["steel-kit"] == "0.1"
    assert {staleness.state(r) for r in kept} == {"current"}
    assert main(["run", "train", *words("kit:knee")]) == 0
    assert "exists already" in capsys.readouterr().out
    write(site, {"kit/shape.py": "def bent(x, a):\n    return x.sin() * a\n"})
    assert {staleness.state(r) for r in kept} == {"changed"}  # the package is imported as a whole
    assert "shape.py" in staleness.what_changed(knee)
    main(["runs", "list"])
    assert capsys.readouterr().out.count("stale") == 2


def words(activation: str) -> list[str]:
    pairs = (GIVEN | {"activation": activation}).items()
    return [word for name, value in pairs for word in ("-p", name, str(value))]


@pytest.mark.parametrize("name", ["kit:knee", "kit.acts:knee"])
def test_the_baseline_may_be_called_as_in_the_grid(kept, site, name):
    (one,) = select("runs", baseline=name)
    assert one.baseline == "kit.acts:knee"
    assert list(one.rows) == ["kit.acts:knee", "relu"]
    text = f'parameters: {{task: "kit:steel", epochs: 1}}\nseeds: 2\nbaseline: "{name}"\n'
    Path("mine.yaml").write_text(f'{text}grid: {{activation: [relu, "kit:knee"]}}\n')
    (one,) = select("runs", "mine.yaml")
    assert one.baseline == "kit.acts:knee"
    assert len(one.table) == 2
