"""Small helpers for HTML: where a command may break."""

from __future__ import annotations

import re
from html import unescape

import pytest

from afnlab.report.sections.html import sentence, typed

COMMANDS = {  # a command or a line of a file, and what of it stays together
    "afnlab sweep idea.yaml --seeds 10": ["afnlab sweep idea.yaml", "--seeds 10"],
    "afnlab run train -p epochs 5 --jobs 2": ["afnlab run train", "-p epochs 5", "--jobs 2"],
    "afnlab sweep 'my sweep.yaml' --only lr=0.1": ["afnlab sweep 'my sweep.yaml'", "--only lr=0.1"],
    "tune: {lr: {from: 3e-5, to: 0.1}, budget: 6}": [
        *("tune:", "{lr:", "{from: 3e-5,", "to: 0.1},", "budget: 6}")
    ],
    "a<b": ["a<b"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_breaks_before_a_flag_and_reads_as_it_is_typed(command):
    made = typed(command)
    assert list(map(unescape, re.findall("<span>(.*?)</span>", made))) == COMMANDS[command]
    assert unescape(re.sub("<[^>]*>", "", made)) == command


def test_a_flag_in_a_sentence_is_not_broken():
    told = sentence("Go on with --most 16, or (--few) <b>--x; a--b and -- are none")
    assert re.findall("<span class=flag>(.*?)</span>", told) == ["--most", "--few", "--x"]
    plain = unescape(re.sub("</?span[^>]*>", "", told))
    assert plain == "Go on with --most 16, or (--few) <b>--x; a--b and -- are none"


def test_a_command_in_a_sentence_is_shown_as_code_and_a_label_as_it_is():
    told = sentence("`afnlab bench --beside FILE.py:NAME` times `a <b`")
    flag = "<span class=flag>--beside</span>"
    assert told == f"<code>afnlab bench {flag} FILE.py:NAME</code> times `a &lt;b`"
