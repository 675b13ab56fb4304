"""What a CSV file says, to the letter."""

from __future__ import annotations

import pytest

from afnlab.compare.csv_rows import read_file


@pytest.fixture
def read(tmp_path):
    def reading(text: str):
        (tmp_path / "t.csv").write_text(text, newline="")
        return read_file(tmp_path / "t.csv", "")

    return reading


def test_texts_stay_as_they_are(read):
    words = ["None", "NA", "nan", "0.10", "007", "True", "2024-01-02", "#5", "1e5", " a b", "'"]
    table = read("label,n\n" + "".join(f'"{one}",1\n' for one in words))
    assert list(table.label) == words


def test_titles_are_neither_renamed_nor_taken_for_an_index(read):
    table = read("acc,seed,acc,,acc.1\n1,2,3,4,5\n")
    assert list(table.columns) == ["acc", "seed", "acc", "Unnamed: 3", "acc.1"]
    assert list(table.iloc[0]) == list("12345")


@pytest.mark.parametrize("head", ["method,seed,acc", "method,seed,acc,"])
def test_a_separator_at_the_end_of_rows_is_no_column(read, head):
    table = read(f"{head}\nrelu,0,0.9,\nrelu,1,0.8, \n")
    assert list(table.columns) == ["method", "seed", "acc"]
    assert list(table.acc) == ["0.9", "0.8"]


@pytest.mark.parametrize(
    ("rows", "line"), [("relu,0,0.9,30.5\n", 3), ("relu,0,0.9\n\nrelu,1,0.9,,x\n", 5)]
)
def test_a_row_with_more_fields_than_the_head_is_refused(read, rows, line):
    """pandas takes the first column for an index, and all others move by one."""
    with pytest.raises(ValueError, match=rf": row {line} has [45] fields, and the head, row 2"):
        read("\nmethod,seed,acc\n" + rows)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_are_counted_by_lines(read, end):
    lines = ["method,seed", "", "relu,0", '"of two', 'lines",1', " ", "tanh,2"]
    table = read(end.join(lines))
    assert list(table.index) == [3, 4, 7]
    assert list(table.seed) == ["0", "1", "2"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_within_quotes_do_not_count(read, separator):
    titles = ["a;;b", "c,,d", "e\t\tf", "g||h", "i"]
    table = read(separator.join(f'"{one}"' for one in titles) + "\n" + separator.join("12345"))
    assert list(table.columns) == titles
    assert table.attrs["separator"] == separator


@pytest.mark.parametrize("row", ['"relu,0', '"relu" or so,0'])
def test_quotes_that_do_not_fit_are_named_by_line(read, row):
    with pytest.raises(ValueError, match="read as CSV: the row that begins in its line 3: "):
        read(f"method,seed\ntanh,0\n{row}\n")


def test_missing_fields_are_missing(read):
    table = read("method,seed,acc\nrelu,, \nrelu\n")
    assert table.isna().to_numpy().tolist() == [[False, True, True]] * 2
