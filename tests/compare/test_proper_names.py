"""Names of activations as the field writes them."""

from __future__ import annotations

import pytest

from afnlab.compare.proper_names import proper_name
from afnlab.registry import list_activations

NAMES = {
    "selu": "SELU",
    "leaky_relu": "Leaky ReLU",
    "double_relu": "Double ReLU",
    "relu_squared": "ReLU Squared",
    "gelu_tanh": "GELU Tanh",
    "swish": "Swish",
    "pilu": "PiLU",
    "log_softmax": "Log Softmax",
    "relu(lr=0.01)": "ReLU(lr=0.01)",
    "srelu(t=1.5)": "SReLU(t=1.5)",
    "my.py:relu": "my.py:relu",
    "relu.py:relu": "relu.py:relu",
    "SwiGLU(lr=0.01)": "SwiGLU(lr=0.01)",
    "mine": "mine",
    "relu gated": "relu gated",
    "": "",
}


@pytest.mark.parametrize("label", NAMES)
def test_proper_names(label):
    assert proper_name(label) == NAMES[label]


def test_no_two_activations_share_a_proper_name():
    names = list_activations()
    assert len({proper_name(name) for name in names}) == len(names)
