"""Columns, numbers and rows of a table of anybody's."""

from __future__ import annotations

import pandas as pd
import pytest

from afnlab.compare import compare_table, foreign_csv

ROWS = [(m, s, a + s / 100) for m, a in (("relu", 0.5), ("tanh", 0.6)) for s in range(3)]


@pytest.fixture
def compared(tmp_path):
    def comparing(text: str, **options):
        (tmp_path / "t.csv").write_text(text)
        return compare_table(tmp_path / "t.csv", label="method", value="acc", **options)

    return comparing


def lines(head="method,seed,acc", form="{},{},{}") -> str:
    return "\n".join([head, *(form.format(*row) for row in ROWS), ""])


@pytest.mark.parametrize("label", ["None", "NA", "nan", "null", "0.10", "007", "True"])
def test_a_method_may_be_called_anything(compared, label):
    one = compared(lines().replace("tanh", label))
    assert set(one.final) == {"relu", label}


def test_labels_that_are_equal_as_numbers_are_two(compared):
    one = compared(lines().replace("tanh", "0.1").replace("relu", "0.10"))
    assert set(one.final) == {"0.1", "0.10"}


@pytest.mark.parametrize("form", ["{:02d}", "{}.0", " {}", "{} "])
def test_seeds_are_paired_by_what_they_are(compared, form):
    rows = [(m, form.format(s) if m == "tanh" else s, a) for m, s, a in ROWS]
    text = "\n".join(["method,seed,acc", *("{},{},{}".format(*row) for row in rows)])
    assert compared(text).table.pairs["tanh"] == 3


def test_seeds_that_are_words_or_too_large_for_a_float_stay_apart(compared):
    for form in ("fold {} ", "900719925474099{}", "1{}e30"):
        rows = [f"{m},{form.format(2 + s)},{a}" for m, s, a in ROWS]
        assert compared("\n".join(["method,seed,acc", *rows])).table.pairs["tanh"] == 3


@pytest.mark.parametrize("word", ["", "NaN", "None", "n/a", " NULL "])
def test_a_word_for_nothing_is_no_seed(compared, word):
    with pytest.raises(ValueError, match=r"seed is empty in row 3$"):
        compared(lines().replace("relu,1,", f"relu,{word},"))


@pytest.mark.parametrize("head", ["acc,method,seed,acc", "method,seed,acc,acc"])
def test_two_columns_of_one_name_are_refused_wherever_they_are(compared, head):
    order = [("method", "seed", "acc").index(title) for title in head.split(",")]
    text = "\n".join([head, *(",".join(str(row[i]) for i in order) for row in ROWS)])
    with pytest.raises(ValueError, match="has several columns acc; rename all but one"):
        compared(text)
    frame = pd.DataFrame([[row[i] for i in order] for row in ROWS], columns=head.split(","))
    with pytest.raises(ValueError, match="has several columns acc; rename all but one"):
        compare_table(frame, label="method", value="acc")


def test_two_columns_that_nobody_asks_for_do_not_matter(compared):
    text = lines("method,seed,acc,State,note,State,note", "{},{},{},failed,x,finished,y")
    assert "State says failed: rows 2, 3, 4, 5, 6 and 1 more" in compared(text).unfinished
    with pytest.raises(ValueError, match="name it with --value, as --value acc"):
        foreign_csv.column("t", pd.DataFrame(ROWS, columns=["x", "x", "acc"]), "value", "value")


def test_a_truth_is_no_number(compared):
    with pytest.raises(ValueError, match="acc must be a number in every row, got 'True' in row 2"):
        compared(lines().replace("0,0.5", "0,True"))


def test_rows_are_lines_of_the_file(compared):
    text = lines().replace("relu,1,0.51", '"re\nlu",1,0.51\n').replace("0.62", "n.a.")
    with pytest.raises(ValueError, match=r"got 'n\.a\.' in row 9;"):
        compared(text)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_points_that_may_part_thousands_are_refused(compared, separator):
    values = iter(["999", "1.001", "998", "1.003", "997", "1.000"])
    text = "\n".join(["method,seed,acc", *(f"{m},{s},{next(values)}" for m, s, _ in ROWS)])
    with pytest.raises(ValueError, match=r"acc '1.001' in rows 3, 5, 7 may be .* beside '999'"):
        compared(text.replace(",", separator))
    compared(text)  # with commas between fields, points are before decimals
    for sure in ("0.998", "1.01", "1234"):
        assert compared(text.replace("998", sure).replace(",", separator)).read_as == ""


def test_points_that_are_read_as_decimal_ones_are_named(compared):
    text = lines(form="{},{},1.0{:.2f}").replace("1.00.", "1.0")
    one = compared(text.replace(",", ";"))
    assert one.notes[0].startswith("Points in acc were read as decimal ones: 1.050 is not 1050.")
    assert compared(text).read_as == ""


def test_points_between_thousands_and_millions_are_named(compared):
    with pytest.raises(ValueError, match="write numbers without points between thousands"):
        compared(lines(form="{},{},1.234.567").replace(",", ";"))
