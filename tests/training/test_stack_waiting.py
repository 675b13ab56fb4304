"""Nothing in an epoch waits for the device: no value is read back, nothing is sent and waited for.

The device here is torch's "meta", which has no values to read but shows what comes from the CPU;
and the CPU, which shows what is made of Python's numbers. What a GPU itself says of it is in
`test_training_cuda.py`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from afnlab import Data, Task, get_activation, get_task
from afnlab.training import layout, stack
from afnlab.training.augment import Augment
from afnlab.training.convnets import airbench
from afnlab.training.data import digits_pictures
from afnlab.training.members import Member
from afnlab.training.options import resolve
from afnlab.training.plan import Plan
from afnlab.training.recorder import Recorder
from afnlab.training.stack import Stack

# Of Python's numbers, which are sent; a value is read, or the result's shape depends on values.
MADE, READ = "lift_fresh", "_local_scalar_dense"
SHAPED = ("nonzero", "masked_select", "unique", "equal", "repeat_interleave")


class Watch(TorchDispatchMode):
    """Collects the operations that a GPU would be waited for."""

    def __init__(self):
        super().__init__()
        self.waited = []

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = op._schema.name.removeprefix("aten::")
        inputs = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        masked = name.startswith("index") and any(t.dtype == torch.bool for t in inputs)
        if masked or name.startswith((MADE, READ, *SHAPED)):
            self.waited.append(name)
        out = op(*args, **kwargs)
        outputs = [t for t in tree_leaves(out) if isinstance(t, torch.Tensor)]
        # A number on the CPU goes along with a launch.
        places = {t.device for t in [*outputs, *(t for t in inputs if t.dim())]}
        if len(places) > 1 and not kwargs.get("non_blocking"):
            self.waited.append(name)
        return out


def coloured() -> Data:
    data = digits_pictures()
    parts = [(255 * x).byte().repeat(1, 3, 1, 1) for x in (data.train_x, data.test_x)]
    channels = ((0.5, 0.4, 0.3), (0.2, 0.3, 0.2))
    return Data(parts[0], data.train_y, parts[1], data.test_y, "test", *channels)


AUGMENT = Augment(flip=True, translate=1, cutout=2)
RECIPE = replace(get_task("cifar10-airbench96").recipe, augment=AUGMENT)
PICTURES = Task("pictures", coloured, airbench(8, 12), RECIPE)


def waited(task, name, place, params=None) -> list[str]:
    """What an epoch with its evaluation waits for."""
    record = get_activation(name)
    options = resolve(task, record, {"batch_size": 200} | (params or {}))
    count = 3 if "arp" in task.name or "mlp" in task.name else 1
    members = [Member(seed, options) for seed in range(count)]
    data = task.data().limited(400, 100)
    stack = Stack.build(Plan(task, record, data, torch.device(place), torch.float32, 1), members)
    with Watch() as watch:
        stack.epoch(Recorder(range(count), stack, set()))
        stack.evaluate()
    return watch.waited


@pytest.mark.parametrize("place", ["cpu", "meta"])
@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("digits-mlp", "srelu"),
        ("digits-mlp", "rrelu"),
        ("digits-arp", "apec"),
        ("digits-convnet", "apec"),
    ],
)
def test_an_epoch_waits_for_nothing(task, name, place):
    # torch's fused optimizers are not for meta tensors.
    assert waited(get_task(task), name, place, {"optimizer": "rmsprop-keras"}) == []


@pytest.mark.parametrize(("place", "half"), [("cpu", False), ("meta", False), ("meta", True)])
def test_an_epoch_of_pictures_waits_for_nothing(place, half, monkeypatch):
    for module in (layout, stack):
        monkeypatch.setattr(module, "halved", lambda device, dtype, wanted: wanted and half)
    assert waited(PICTURES, "srelu", place) == []


@pytest.mark.parametrize(
    ("how", "operation", "place"),
    [
        (lambda x: x * torch.tensor([2.0]).to(x.device), "_to_copy", "meta"),
        (lambda x: x * x.new_tensor([2.0]), "lift_fresh", "cpu"),
        (lambda x: x * x.sum().item(), "_local_scalar_dense", "cpu"),
        (lambda x: x if (x > 0).all() else -x, "_local_scalar_dense", "cpu"),
        (lambda x: x.masked_select(x > 0), "masked_select", "cpu"),
        (lambda x: x[x > 0], "index", "cpu"),
    ],
)
def test_waiting_would_be_seen(how, operation, place):
    with Watch() as watch:
        how(torch.ones(4, 10, device=place))
    assert operation in watch.waited
