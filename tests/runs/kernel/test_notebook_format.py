"""nbformat is imported without grammars that notebooks do not need, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from afnlab.runs.kernel.notebook_format import import_nbformat
nbformat = import_nbformat()
import papermill, nbconvert
assert nbformat is sys.modules["nbformat"]
assert not {"lark", "rfc3987_syntax"} & set(sys.modules)
nbformat.validate(nbformat.v4.new_notebook())
from jsonschema import FormatChecker
texts = "http://\\u00fc.de/a", "http://a b"
checks = [FormatChecker().conforms(text, "iri") for text in texts]
assert checks == [True, False], checks
assert "lark" in sys.modules
"""


def test_the_grammars_wait_until_they_are_needed():
    subprocess.run([sys.executable, "-W", "ignore", "-c", CODE], check=True)
