"""The documentation site: `make site` builds it from the pages, the notebooks and the docstrings.

The source folder is the repository's root, so that links between README.md, docs/ and notebooks/
are the same on the site as in the repository.
"""

from __future__ import annotations

import re
import sys
import warnings
from importlib import import_module
from pathlib import Path

from docutils.nodes import SkipNode, math, math_block
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger
from sphinx.writers.html5 import HTML5Translator

import afnlab
from afnlab.runs.kernel.notebook_format import import_nbformat

import_nbformat()  # before myst_nb does, in a quarter of the time
warnings.filterwarnings("ignore", module="sphinx_external_toc")  # which looks at all of torch

project = "afnlab"
author = copyright = "the afnlab authors"
version = release = afnlab.__version__
root_doc = "README"
extensions = [
    "myst_nb",
    "sphinx_external_toc",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinxcontrib.mermaid",
]
external_toc_path = "docs/toc.yml"
external_toc_exclude_missing = True
exclude_patterns = [".*", "build", "dist", "runs", "reports", "tests", "data"]

# Pages
myst_enable_extensions = ["dollarmath", "html_image"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
html_theme = "furo"
html_title = f"afnlab {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_additional_pages = {"index": "index.html"}
templates_path = ["_templates"]
html_copy_source = False

# No page needs a network or a server: diagrams are drawn by the build, and formulas are MathML.
mermaid_cmd = str(Path(sys.executable).with_name("mermaidx"))
mermaid_output_format = "svg"
mermaid_params = ["--quiet", "--theme", "neutral"]
html_math_renderer = "mathml"
nb_ipywidgets_js: dict = {}

# The gallery; `make site-check` leaves the notebooks unexecuted.
nb_execution_mode = "cache"
nb_execution_cache_path = "build/notebooks"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600  # seconds a cell

# The reference
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
napoleon_use_rtype = False
napoleon_use_ivar = True


def mathml(self: HTML5Translator, node: math | math_block) -> None:
    """Write a formula as MathML, which browsers show without a script."""
    display = "block" if isinstance(node, math_block) else "inline"
    self.body.append(convert(node.astext(), display=display))
    raise SkipNode


def docstring(_: Sphinx, what: str, name: str, thing: object, options: object, lines: list) -> None:
    """Prepare a docstring, in which |x| is an absolute value, for reStructuredText."""
    lines[:] = [line.replace("|", r"\|") for line in lines]
    if what == "property":  # whose first words, up to a colon, napoleon takes for a type
        lines.insert(0, r"\ ")
    base = afnlab.nn.ActivationModule
    if isinstance(thing, type) and issubclass(thing, base) and thing is not base:
        del lines[len(thing.activation.__doc__.splitlines()) :]
        lines += ["", "Its further arguments are those of `ActivationModule`."]


def functions(_: Sphinx, page: str, source: list[str]) -> None:
    """Name every function on its page: autodoc sees no functions in records that can be called."""
    if page == "docs/reference/functional":
        entry = "```{{eval-rst}}\n.. autofunction:: afnlab.functional.{}\n```\n"
        source[0] += "\n".join(map(entry.format, sorted(afnlab.functional.__all__)))


def pictures(_: Sphinx, page: str, source: list[str]) -> None:
    """Have the site's own switch choose of a light and a dark picture, not the system's setting.

    The pages have `<picture>` for GitHub, which has that choice alone.
    """
    pair = r'<picture><source [^>]*srcset="([^"]+)"><img src="([^"]+)" ([^>]*)></picture>'
    both = r'<img src="\2" class="only-light" \3>\n\n<img src="\1" class="only-dark" \3>'
    source[0] = re.sub(pair, both, source[0])


def missing(_: Sphinx, env: BuildEnvironment) -> None:
    """Warn, which ends the build, of a public function or class that the reference lacks."""
    rooms = [
        "functional",
        "nn",
        "autorot",
        "stats",
        "runs",
        "compare",
        "figures",
        "live",
        "report",
        "judging",
        "search",
        "widgets",
    ]
    for part in (afnlab, *(import_module(f"afnlab.{room}") for room in rooms)):
        for name in part.__all__:
            full = f"{part.__name__}.{name}"
            if callable(getattr(part, name)) and full not in env.domains["py"].objects:
                getLogger(__name__).warning("the reference lacks %s", full)


def setup(app: Sphinx) -> None:
    """What Sphinx calls first."""
    app.connect("source-read", functions)
    app.connect("source-read", pictures)
    app.connect("env-check-consistency", missing)
    app.add_html_math_renderer("mathml", (mathml, None), (mathml, None))
    app.connect("autodoc-process-docstring", docstring, priority=400)  # napoleon has 500
