"""The recipe of cifar10-airbench and the network of apec-afn, against what their sources say."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import afnlab
from afnlab import Data, get_activation, get_task
from afnlab.training import layout, stack
from afnlab.training.augment import Augment, views
from afnlab.training.convnets import airbench
from afnlab.training.members import Member
from afnlab.training.optimizers import Airbench, OptimizerSettings
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack

PICTURES = torch.randint(0, 256, (40, 3, 9, 9), generator=torch.Generator().manual_seed(1))


def pictures() -> Data:
    x, y = PICTURES.to(torch.uint8), torch.arange(40) % 10
    return Data(x, y, x[:10], y[:10], mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.3))


def count(task: str, name: str = "gelu") -> tuple[int, int]:
    """All parameters, and those that are trained."""
    record = get_activation(name)
    network = get_task(task).model(lambda: afnlab.nn.make(record))
    sizes = [(p.numel(), p.requires_grad) for p in network.parameters()]
    return sum(n for n, _ in sizes), sum(n for n, trained in sizes if trained)


def test_sizes_of_the_networks():
    # Counted in the networks of the original scripts.
    assert count("cifar10-airbench94") == (1_972_792, 1_971_352)
    assert count("cifar100-convnet") == (459_680, 459_680)
    assert count("cifar100-convnet", "apec")[0] == 459_680 + 9 * 3  # nine sites of their own


@pytest.mark.parametrize(
    ("task", "facts"),
    [
        ("cifar10-airbench94", (9.9, 11.5, 0.0153, (0.2, 0.23, 0.07), Augment(True, 2, 0))),
        ("cifar10-airbench95", (15, 10.0, 0.0153, (0.2, 0.23, 0.07), Augment(True, 2, 0))),
        ("cifar10-airbench96", (37, 9.0, 0.012, (0.2, 0.1, 0.0), Augment(True, 4, 12))),
    ],
)
def test_recipes(task, facts):
    recipe = get_task(task).recipe
    got = (recipe.epochs, recipe.lr, recipe.weight_decay, recipe.schedule, recipe.augment)
    assert got == facts
    assert (recipe.batch_size, recipe.label_smoothing, recipe.drop_last) == (1024, 0.2, True)
    network = get_task(task).model(afnlab.nn.GELU)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    last = task.endswith("96")
    assert {n.momentum for n in norms} == {0.1 if last else 0.4}
    assert len(norms) == (9 if last else 6)
    assert sum(isinstance(m, afnlab.nn.GELU) for m in network.modules()) == 4


def test_the_network_starts_whitened_and_as_the_identity():
    network = airbench(16, 20)(afnlab.nn.ReLU)
    x = pictures().inputs
    network.start_from(x)
    half = network.whiten.weight[:12]
    assert torch.equal(network.whiten.weight[12:], -half)
    patches = F.unfold(x, 2).movedim(1, -1).flatten(0, 1)
    seen = patches @ half.flatten(1).T
    assert_close(seen.T @ seen / len(seen), torch.eye(12), atol=0.02, rtol=0)
    conv = network.blocks[1].conv1.weight
    assert torch.equal(conv[:16, :, 1, 1], torch.eye(16))
    assert not network.whiten.weight.requires_grad
    assert network.whiten.bias.requires_grad


def test_the_optimizer_against_its_formulas():
    torch.manual_seed(0)
    start = {"whiten.bias": torch.randn(3), "norms.bias": torch.randn(3), "head": torch.randn(3)}
    start = {n: p.double() for n, p in start.items()}
    mine = {n: p.clone().requires_grad_() for n, p in start.items()}
    running = torch.ones(2, dtype=torch.float64)
    setting = OptimizerSettings(
        mine, {"mean": running}, 11.5, 0.0153, 512, 4, 17, (0.2, 0.23, 0.07)
    )
    optimizer = Airbench(setting)
    scale = 1024 * (1 + 1 / (1 - 0.85))
    slow, speed = {n: p.clone() for n, p in start.items()}, dict.fromkeys(start, 0.0)
    fast, slow_running = {n: p.clone() for n, p in start.items()}, running.clone()
    for step in range(17):
        grads = torch.autograd.grad(sum(p.square().sum() for p in mine.values()), [*mine.values()])
        for p, grad in zip(mine.values(), grads, strict=True):
            p.grad = grad
        running += 1.0
        before = running.clone()
        optimizer.step()
        rise = int(17 * 0.23)
        share = 0.2 + 0.8 * step / rise if step < rise else 1 - 0.93 * (step - rise) / (17 - rise)
        for n, p in fast.items():
            if n == "whiten.bias" and step >= 12:  # three epochs of four steps
                continue
            rate = 11.5 / scale * (64 if "norm" in n else 1)
            decay = 0.0153 * 512 / scale / rate
            grad = 2 * p + decay * p
            speed[n] = 0.85 * speed[n] + grad
            fast[n] = p - share * rate * (grad + 0.85 * speed[n])
        if (step + 1) % 5 == 0:
            keep = 0.95**5 * ((step + 1) / 17) ** 3
            slow = {n: keep * slow[n] + (1 - keep) * fast[n] for n in slow}
            fast = dict(slow)
            slow_running = keep * slow_running + (1 - keep) * before
            assert_close(running, slow_running)
    assert_close({n: p.detach() for n, p in mine.items()}, slow)


def test_steps_of_a_part_of_an_epoch():
    task = get_task("cifar10-airbench94")
    small = afnlab.Task("small", pictures, airbench(14, 16), task.recipe)
    record = get_activation("gelu")
    config = configure(small, record, params={"batch_size": 16})
    how, options = plan(config), config.options
    assert how.epochs == 9.9
    stack = Stack.build(how, [Member(0, options)])
    assert stack.steps_per_epoch == 2  # 40 examples, the last 8 left out
    assert stack.steps_left == 20  # 19.8 rounded up
    result = afnlab.train(small, "gelu", seeds=1, params={"batch_size": 16})
    assert result.history.epoch.max() == 10
    assert not result.history.diverged.any()
    with pytest.raises(ValueError, match="epochs must be a whole number"):
        afnlab.train(small, "gelu", seeds=1, epochs=2.5)


def test_views_are_averaged_after_the_last_step_only():
    task = afnlab.Task("small", pictures, airbench(14, 16), get_task("cifar10-airbench94").recipe)
    record = get_activation("gelu")
    config = configure(task, record, params={"batch_size": 16}, epochs=2)
    how, options = plan(config), config.options
    stack = Stack.build(how, [Member(0, options)])
    recorder = Recorder([0], stack, set())
    for by_views in (False, True):
        stack.epoch(recorder)
        found = stack.evaluate()[0]  # in evaluation mode
        x = how.data.floats(stack.test_x)
        seen = views(x) if by_views else [(1.0, x)]
        with torch.no_grad():
            logits = sum(weight * stack.logits(view, each=False) for weight, view in seen)
        assert_close(found.float(), F.cross_entropy(logits[0], stack.test_y)[None])


def test_half_precision_as_on_a_gpu(monkeypatch):
    for module in (layout, stack):
        monkeypatch.setattr(module, "halved", lambda device, dtype, half: half)
    task, options = get_task("digits-airbench"), {"limit_train": 192, "epochs": 1, "seeds": [3]}
    result = afnlab.train(task, "gelu", keep_weights=True, **options)
    kinds = {("norm" in n): t.dtype for n, t in result.weights.items() if t.is_floating_point()}
    assert kinds == {True: torch.float32, False: torch.float16}
    monkeypatch.undo()
    whole = afnlab.train(task, "gelu", **options).final
    assert_close(result.final.train_loss[3], whole.train_loss[3], rtol=5e-3, atol=0)
    right = result.model(3)(task.data().test_x).argmax(1) == task.data().test_y
    assert abs(float(right.float().mean()) - result.final.test_accuracy[3]) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("task", ["digits-convnet", "digits-airbench"])
def test_the_twins_learn(task):
    result = afnlab.train(task, "gelu", seeds=2)
    assert result.summary().test_accuracy > 0.8


def test_adam_decays_the_coefficients_too():
    task = get_task("digits-convnet")
    small = {"epochs": 1, "limit_train": 64, "limit_test": 64, "seeds": 1, "record": ["parameters"]}
    tables = [
        afnlab.train(task, "mapec", params={"weight_decay": w}, **small).parameters
        for w in (0.0, 100.0)
    ]
    assert not tables[0].equals(tables[1])
    ends = [t[t.epoch == 1].reset_index(drop=True) for t in tables]
    start = tables[0][tables[0].epoch == 0].reset_index(drop=True)
    pulled = ends[1][ends[1].parameter == "gamma"].value.abs()
    assert (pulled < start[start.parameter == "gamma"].value.abs()).all()
    assert len(pulled) == 7  # two a block, one per pixel, two hidden layers
    pd.testing.assert_frame_equal(
        ends[0].drop(columns="value"), ends[1].drop(columns="value"), check_exact=True
    )
