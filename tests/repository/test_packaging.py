"""The files of the distribution agree: dependencies, constraints, citation, README."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import afnlab

ROOT = Path(__file__).resolve().parents[2]
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]


def bare(requirement: str) -> str:
    return re.split(r"[<>=\[]", requirement)[0].lower()


def test_conda_gets_the_same_packages():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    names = {r: r for r in listed if isinstance(r, str)}
    expected = {f"python{PROJECT['requires-python']}", "pip"}
    for requirement in PROJECT["dependencies"]:
        name = bare(requirement)
        expected.add(requirement.replace(name, CONDA.get(name, name), 1))
    assert set(names) == expected


def test_every_package_is_pinned():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    lines = [line.partition(";")[0] for line in lines if line and not line.startswith("#")]
    pins = dict(line.split("==") for line in lines)
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    assert pins["torch"] == "2.13.0"
    extras = [
        r for name in ("dev", "docs", "ecosystem") for r in PROJECT["optional-dependencies"][name]
    ]
    wanted = [*PROJECT["dependencies"], *extras, *PYPROJECT["build-system"]["requires"]]
    assert {bare(r) for r in wanted} <= set(pins)


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["authors"] == PROJECT["authors"]
    assert (cited["version"], cited["license"]) == (afnlab.__version__, PROJECT["license"])


LINKS = {  # of the README, and of what it may come to hold
    "": None,
    "[more](docs/explore.md)": "more",
    "[how](docs/statistics.md#tuned-comparisons)": "how",
    "[CITATION.cff](CITATION.cff)": "CITATION.cff",
    "![a picture](docs/images/a.png)": "",
    '<img src="docs/images/gallery.svg" alt="All" width="100%">': "",
    "[fsspec](https://filesystem-spec.readthedocs.io)": "[fsspec](https://filesystem-spec.readthedocs.io)",
}


@pytest.mark.parametrize("link", LINKS)
def test_no_link_of_a_package_index_leads_nowhere(link):
    """The README of the distribution, as the build's plugin makes it."""
    hook = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    text = link or (ROOT / hook["fragments"][0]["path"]).read_text()
    for rule in hook["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    assert not re.search(r'\]\((?!https?:)|src="(?!https?:)', text)
    assert text == LINKS[link] if link else "Is an activation function any good?" in text
