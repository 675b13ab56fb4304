"""A cell's text goes into a file, and never over another one."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from afnlab.runs import RunSpec, execute
from afnlab.usercode import writenew
from tests.runs.test_runs import means, notebook

TEXT = "def mine(x):\n    return x\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_cell_is_written_where_there_is_no_file(here, capsys):
    shell = InteractiveShell()
    writenew.load_ipython_extension(shell)
    shell.run_cell(f"%%writenew my_idea.py\n{TEXT}").raise_error()
    assert (here / "my_idea.py").read_text() == TEXT
    assert "wrote my_idea.py" in capsys.readouterr().out


def test_another_file_stays_as_it_is(here, capsys):
    (here / "my_idea.py").write_text("# mine\n")
    writenew.writenew("my_idea.py", TEXT)
    assert (here / "my_idea.py").read_text() == "# mine\n"
    assert capsys.readouterr().out == (
        "my_idea.py is there already, and stays as it is: edit that file, not this cell\n"
    )


def test_what_may_not_be_read_stays_too(here):
    (here / "folder.py").mkdir()
    (here / "link.py").symlink_to("nowhere")
    for name in ("folder.py", "link.py"):
        writenew.writenew(name, TEXT)
    assert (here / "folder.py").is_dir()
    assert not (here / "nowhere").exists()


def test_a_file_needs_a_name():
    with pytest.raises(ValueError, match="takes the name of a file; got ' '"):
        writenew.writenew(" ", TEXT)


@pytest.mark.parametrize("name", ["made.py", "as made.py", "'as made.py'"])
def test_the_file_counts_where_it_is_the_user_s_own(here, name):
    """What the notebook would write is a part of it; what is there in its place is not."""
    file = here / name.strip("'")
    path = notebook(
        *(here / "own.ipynb", "x: float = 1.0", f"%%writenew {name}\n{TEXT}"),
        f"exec(open({file.name!r}).read())",
    )
    first = RunSpec.make(path, {}).id
    file.write_text(TEXT)
    assert RunSpec.make(path, {}).id == first
    file.write_text("def mine(x):\n    return 2 * x\n")
    assert RunSpec.make(path, {}).id != first


def test_a_name_with_blanks_is_that_of_the_whole_line(here):
    for line, name in (("my file.py", "my file.py"), (" 'your file.py' ", "your file.py")):
        writenew.writenew(line, TEXT)
        assert (here / name).read_text() == TEXT


def test_a_run_reads_what_is_there_already(here):
    """The same text, of which the run's id knows, and another, which is the user's own."""
    code = f"%load_ext afnlab.usercode.writenew\n%%writenew made.py\n{TEXT}".split("\n", 1)
    path = notebook(here / "own.ipynb", "x: float = 1.0", *code, "import made\nmade.mine(x)")
    for text in (TEXT, "def mine(x):\n    return 2 * x\n"):
        (here / "made.py").write_text(text)
        execute(RunSpec.make(path, {}), here / "runs", means())
        assert (here / "made.py").read_text() == text
