"""What JupyterLab would write into a notebook as soon as it is opened, written before."""

from __future__ import annotations

import json
import sys

import nbformat

from afnlab.lab.kernel_metadata import completed, metadata
from afnlab.paths import shared


def test_a_notebook_is_given_what_its_kernel_says():
    said = metadata()
    assert said["kernelspec"]["name"] == "python3"
    assert said["language_info"]["version"] == sys.version.partition(" ")[0]
    assert {"mimetype", "codemirror_mode", "file_extension"} < set(said["language_info"])


def test_all_else_stays_as_it_is():
    for path in shared("notebooks").glob("*.ipynb"):
        made = completed(path.read_bytes())
        before, after = json.loads(path.read_bytes()), json.loads(made)
        assert after["metadata"] == before["metadata"] | metadata()
        assert after | {"metadata": 0} == before | {"metadata": 0}
        nbformat.validate(after)
        assert completed(made) == made
