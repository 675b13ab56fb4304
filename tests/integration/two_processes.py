"""Trains small models with afnlab's modules in two processes, by three of torch's ways to do so.

python two_processes.py FOLDER    # compares with the same training in one process
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

from afnlab import autorot
from afnlab import nn as ours

RANKS = 2


def network(*middle: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), *middle, nn.Linear(8, 4)).double()


def apec() -> nn.Sequential:
    return network(ours.APEC(std=0.0), ours.PReLU(8), ours.SReLU(trainable=True))


def rotated() -> nn.Sequential:
    model = network(ours.PReLU(), nn.Linear(8, 8), ours.Tanh())
    model[2] = autorot.AutoRotLinear(8, 8, L=2.0, trainable_L=True).double()
    return model


def sharded(model: nn.Module) -> nn.Module:
    for layer in model:
        fully_shard(layer)
    return fully_shard(model)


def tensor_parallel(model: nn.Module) -> nn.Module:
    mesh = init_device_mesh("cpu", (RANKS,))
    return parallelize_module(model, mesh, {"0": ColwiseParallel(), "2": RowwiseParallel()})


def between() -> nn.Sequential:
    """Its activation sees half of the features in each process: what is trained there would get
    half of its gradient, torch's own PReLU too."""
    return network(ours.SReLU(t=1.5))


# How it is shared, of what, and whether each process has its own half of the batch.
WAYS = {
    "DDP": (DistributedDataParallel, apec, True),
    "DDP rotated": (DistributedDataParallel, rotated, True),
    "FSDP2": (sharded, apec, True),
    "FSDP2 rotated": (sharded, rotated, True),
    "tensor parallel": (tensor_parallel, between, False),
}


def train(model: nn.Module, x: Tensor, y: Tensor) -> list[float]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def run(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=RANKS
    )
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(8, n, generator=generator, dtype=torch.float64) for n in (6, 4))
    for way, (share, build, halves) in WAYS.items():
        alone, together = build(), share(build())
        part = slice(4 * rank, 4 * rank + 4) if halves else slice(None)
        train(alone, x, y)
        train(together, x[part], y[part])
        got = {n.removeprefix("module."): whole(p) for n, p in together.state_dict().items()}
        torch.testing.assert_close(got, dict(alone.state_dict()), msg=lambda m, w=way: f"{w}: {m}")
        if rank == 0:
            print(way, "agrees", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":  # by fork: what takes long is what was imported above
    arguments = (str(Path(sys.argv[1]).resolve()),)
    torch.multiprocessing.start_processes(run, arguments, nprocs=RANKS, start_method="fork")
