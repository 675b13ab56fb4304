"""The committed notebooks: stripped, thin, and running."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.display import Math
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from afnlab.paths import INDEX, PACKAGE, shared
from afnlab.runs import RunSpec, execute
from afnlab.runs.fingerprint.mentions import Notebook, mentions, parsed_cell
from afnlab.runs.notebook_parameters import declarations
from tests.runs.test_runs import SMALL, execute_small, kernels, small_runs

# The index has nothing to run; see lab/test_lab.py.
NOTEBOOKS = sorted(p for p in shared("notebooks").glob("*.ipynb") if p.name != INDEX)
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
LINES = 12


def code_cells(path: Path) -> list:
    return [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]


def test_they_are_there():
    assert {"train", "plot", "compare", "report"} <= {p.stem for p in NOTEBOOKS}


@every_notebook
def test_a_notebook_is_valid_and_stripped(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    for c in code_cells(path):
        assert c.outputs == []
        assert c.execution_count is None
    for c in notebook.cells:
        assert set(c.metadata) <= {"tags"}


@every_notebook
def test_a_notebook_has_one_cell_of_parameters(path):
    tagged = [
        c for c in nbformat.read(path, 4).cells if declarations.TAG in c.metadata.get("tags", [])
    ]
    assert len(tagged) == 1
    body = ast.parse(tagged[0].source).body
    assert body
    for node in body:
        assert isinstance(node, ast.AnnAssign), ast.unparse(node)
        assert isinstance(node.target, ast.Name)
        ast.literal_eval(node.value)
    assert len({node.lineno for node in body}) == len(body)
    for name, declared in declarations.declared(path).items():
        assert declared.checked(name, declared.default) == declared.default


@every_notebook
def test_a_notebook_is_thin(path):
    for c in code_cells(path):
        if c.source.startswith("%%writenew"):  # a user's file, not code of the notebook
            name = c.source.split()[1]
            assert name in {"my_idea.py", "my_task.py"}  # no parameter
            continue
        declared = "parameters" in c.metadata.get("tags", ())  # a line each
        assert len(c.source.splitlines()) <= LINES + declared, c.source
        for node in ast.walk(parsed_cell(c.source)):
            assert not isinstance(
                node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.While)
            ), c.source
            if isinstance(node, ast.For):  # a loop may show things
                assert all(
                    isinstance(n, ast.Expr) and getattr(n.value.func, "id", "") == "display"
                    for n in node.body
                ), c.source


@every_notebook
def test_a_notebook_writes_over_no_file_of_the_user_s(path):
    """Code goes into a file by `%%writenew`, which leaves one that is there as it is."""
    for c in code_cells(path):
        named = mentions(Notebook(b"", [c.source]))
        assert not named.written, c.source
        assert not {"open", "write_text", "write_bytes", "%system"} & named.names, c.source


def given(path: Path) -> dict:
    """Small parameters for a notebook."""
    small = SMALL | {"runs": str(small_runs()), "sweep": "", "limit_train": 200}
    small |= {"sizes": [4096], "dtypes": ["float32"], "rounds": 1, "depths": [2, 4]}
    small |= {"compared": ["relu", "tanh"]}
    return {n: v for n, v in small.items() if n in declarations.declared(path)}


@pytest.mark.parametrize(
    "path", [p for p in NOTEBOOKS if p.stem != "report"], ids=lambda p: p.stem
)  # report.ipynb is executed in report/test_report.py
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a notebook may write beside itself
    spec = RunSpec.make(path, given(path))
    folder = execute(spec, tmp_path / "runs", threads=1, server=kernels())
    ran = nbformat.read(folder / "notebook.ipynb", 4)
    outputs = [o for c in ran.cells if c.cell_type == "code" for o in c.outputs]
    assert outputs
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    shown = [o.data for o in outputs if "data" in o]
    assert any("image/png" in d or "<svg" in d.get("text/html", "") for d in shown)
    bare = [d["text/plain"] for d in shown if set(d) == {"text/plain"}]
    assert not [text for text in bare if text.startswith("<Figure")]


@pytest.mark.parametrize("activation", ["apec", "rrelu", "hardshrink"])
def test_plot_draws_what_it_is_given(activation, tmp_path):
    spec = RunSpec.make("plot", {"activation": activation, "span": 3.0})
    folder = execute(spec, tmp_path, threads=1, server=kernels())
    assert "image/png" in str(nbformat.read(folder / "notebook.ipynb", 4))


@pytest.mark.parametrize(("latex", "formulas"), [("x^2", ["x^2"]), ("", [])])
def test_plot_shows_a_formula_where_there_is_one(latex, formulas, tmp_path):
    head = f"from afnlab import activation\n\n@activation(latex={latex!r})\n"
    (tmp_path / "my.py").write_text(f"{head}def f(x):\n    return x * x\n")
    shown = []
    cell = code_cells(shared("notebooks") / "plot.ipynb")[1].source
    exec(cell, {"activation": f"{tmp_path / 'my.py'}:f", "display": lambda *of: shown.extend(of)})
    assert [one.data for one in shown if isinstance(one, Math)] == formulas


def test_papermill_s_training_goes_where_compare_looks():
    """By README's line, and by what the notebook says without it."""
    assert readme_s_papermill()
    compare = declarations.declared(shared("notebooks") / "compare.ipynb")
    assert compare["runs"].default == ""  # $AFNLAB_RUNS, or runs
    texts = [c.source for c in nbformat.read(shared("notebooks") / "train.ipynb", 4).cells]
    assert "AFNLAB_RUNS=runs papermill" in texts[0]


def test_compare_shows_every_setting():
    code = "".join(c.source for c in code_cells(shared("notebooks") / "compare.ipynb"))
    assert "for part in chosen:\n    display(sections.frame(part." in code
    assert "chosen[" not in code


def test_compare_needs_runs(tmp_path):
    with pytest.raises(Exception, match="no such folder; execute runs first"):
        execute_compare(tmp_path)


def execute_compare(tmp_path: Path) -> None:
    spec = RunSpec.make("compare", {"runs": str(tmp_path / "nowhere")})
    execute(spec, tmp_path / "runs", threads=1, server=kernels())


def papermill(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """Plain papermill, as anyone would call it."""
    notebook = shared("notebooks") / "train.ipynb"
    command = [sys.executable, "-m", "papermill", str(notebook), "out.ipynb", "-k", "python3"]
    env = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    return subprocess.run(
        [*command, *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def readme_s_papermill() -> list[str]:
    """The words of the README's command, which keeps a run, after the names of the notebooks."""
    text = (PACKAGE.parent / "README.md").read_text().replace("\\\n", "")
    (line,) = re.findall(r"^AFNLAB_RUNS=runs \.venv/bin/papermill (.*)$", text, re.MULTILINE)
    return shlex.split(line, comments=True)[2:]


@pytest.mark.slow
def test_plain_papermill(tmp_path):
    words = [*readme_s_papermill(), "-p", "epochs", "1", "-p", "seeds", "2"]
    done = papermill(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "unknown parameter" not in done.stderr
    ran = nbformat.read(tmp_path / "out.ipynb", 4)
    assert "not saved: neither the parameter `out` nor $AFNLAB_RUNS is set" in str(
        ran.cells[-1].outputs
    )
    outputs = str([c.outputs for c in ran.cells if c.cell_type == "code"])
    assert "<th>t</th><td>1.5</td>" in outputs
    assert "image/png" in outputs
    assert [p.name for p in tmp_path.iterdir()] == ["out.ipynb"]


def test_plain_papermill_with_a_typo():
    """The notebook as papermill makes it, whose second cell says so; no kernel need start."""
    content = load_notebook_node(str(shared("notebooks") / "train.ipynb"))
    typo = parameterize_notebook(content, {"activatoin": "srelu"}, kernel_name="python3")
    first, injected, second, *_ = (c.source for c in typo.cells if c.cell_type == "code")
    assert 'activatoin = "srelu"' in injected
    scope: dict[str, object] = {}
    exec(first + "\n" + injected, scope)
    with pytest.raises(
        ValueError, match="unknown parameter 'activatoin'; did you mean 'activation"
    ):
        exec(second, scope)


def test_a_typo_never_reaches_a_kernel(tmp_path):
    with pytest.raises(ValueError, match="'activatoin'; did you mean 'activation'"):
        execute_small(tmp_path, activatoin="srelu")
    assert not list(tmp_path.iterdir())
