"""What a run is called by where its parameters refer to files."""

from __future__ import annotations

from pathlib import Path

from afnlab.runs import RunSpec
from tests.runs.test_runs import notebook

REFERS = 'activation: str = "relu"\nactivations: list = []\nother: str = ""\nseed: int = 0'


def test_a_file_that_a_notebook_is_given_counts_by_its_name_and_code(tmp_path, monkeypatch):
    """As a training's does: the run is the same wherever the folder lies."""

    def made(folder: Path, code: str = "return x", **given: object) -> RunSpec:
        folder.mkdir(exist_ok=True)
        (folder / "my.py").write_text(f"def f(x):\n    {code}\n")
        own = notebook(folder / "own.ipynb", REFERS, "1")
        monkeypatch.chdir(folder)
        return RunSpec.make(own, {"activation": "my.py:f", "activations": ["my.py:f"]} | given)

    one, other = made(tmp_path / "one"), made(tmp_path / "other")
    assert one.id == other.id
    assert one.normal["activation"] == "my.py:f"
    assert one.normal["activations"] == ["my.py:f"]
    assert one.parameters["activation"] == f"{tmp_path}/one/my.py:f"
    assert made(tmp_path / "one", "return -x").id != one.id
    gone = made(tmp_path / "one", activation="gone.py:f")  # whose code is not in the id
    assert gone.normal["activation"] == f"{tmp_path}/one/gone.py:f"
    text = made(tmp_path / "one", other="my.py:f")
    assert text.normal["other"] == "my.py:f"


def test_a_label_names_the_activation_that_was_asked_for(tmp_path):
    """Also the one that is the notebook's own, as other rows name theirs."""
    own = notebook(tmp_path / "own.ipynb", REFERS, "1")
    assert RunSpec.make(own, {"activation": "relu", "seed": 0}).label == "own(activation=relu)"
    assert RunSpec.make(own, {"activation": "gelu"}).label == "own(activation=gelu)"
    assert RunSpec.make(own, {}).label == "own"
