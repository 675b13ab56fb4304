"""The benchmark of transformers trains the same network twice, and says how fast."""

from __future__ import annotations

import pytest
import torch

from afnlab import cli
from afnlab.bench import train, transformers
from afnlab.bench.nanogpt import GPT
from afnlab.nn import make
from afnlab.training.data import MASKED
from afnlab.training.tasks import get_task
from afnlab.training.transformer import transformer


@pytest.mark.parametrize("layer", transformers.LAYERS, ids=lambda layer: f"{layer[0]}-{layer[1]}")
def test_the_reference_is_the_same_network(layer):
    name, form, function = layer
    torch.manual_seed(0)
    tied = transformer(27, 14, heads=4, tied=True, padding=0)
    for build in (get_task("names-gpt").model, tied):
        ours = build(lambda: make(name), form=form, width=32, layers=2)
        for p in ours.parameters():
            p.data.mul_(3)
        data = get_task("names-gpt").data()
        x, y = data.train_x[:50], data.train_y[:50]
        known = y != MASKED
        expected = torch.nn.functional.cross_entropy(ours(x)[known], y[known])
        torch.testing.assert_close(GPT(ours, function)(x, y), expected)
        count = sum(p.numel() for p in GPT(ours, function).parameters())
        assert count == sum(p.numel() for p in ours.parameters())


def test_the_table(monkeypatch, capsys):
    monkeypatch.setattr(transformers, "STEPS", 1)
    monkeypatch.setattr(transformers, "LAYERS", transformers.LAYERS[1:])
    table = train.measure(rounds=1, task="names-gpt")
    assert table.layer.tolist() == ["ReLU squared", "SwiGLU"]
    ratio = table["reference, ms per step"] / table["12 seeds, ms per step and model"]
    torch.testing.assert_close(torch.tensor(ratio), torch.tensor(table["times faster"]))
    assert (table["losses differ by"].astype(float) < 1e-5).all()
    assert cli.main(["bench", "train", "--task", "names-gpt", "--rounds", "1"]) == 0
    assert "times faster" in capsys.readouterr().out
    assert cli.main(["bench", "train", "--task", "names"]) == 2
    assert "one of mnist-mlp" in capsys.readouterr().err
