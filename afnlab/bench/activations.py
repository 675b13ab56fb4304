"""What the activations cost: compiled kernels beside torch's kernels and torch expressions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from statistics import median
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from afnlab.bench.timing import laps_in_turn, turns
from afnlab.native import kernels
from afnlab.nn import make
from afnlab.registry import get_activation, list_activations
from afnlab.training.memory import keep_freed_memory
from afnlab.training.progress import bar
from afnlab.usercode.lookup import load

PEERS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "silu": F.silu,
    "gelu": F.gelu,
    "mish": F.mish,
}
DTYPES = {"cpu": ("float32",), "cuda": ("float32", "bfloat16")}
TRAINED = ("apec", "mapec", "srelu")
INPUTS = {"normal": 2.0, "saturated": 50.0}  # standard deviations of the inputs
SIZES = {"cpu": (64 * 128, 4 << 20, 16 << 20), "cuda": (64 * 128, 256 << 20)}
SATURATED_SIZE = {"cpu": 4 << 20, "cuda": 256 << 20}
TRAFFIC = {"forward": 2, "backward": 3, "both": 5}  # tensors read and written, at the least
COLUMNS = ("dtype", "elements", "input", "function", "way", "pass", "seconds")
SCATTER = "scatter"  # a further column: the slowest round over the quickest, less 1

Pass = Callable[[], object]


@keep_freed_memory()
def measure(
    device: str = "cpu",
    rounds: int = 15,
    sizes: Iterable[int] = (),
    dtypes: Iterable[str] = (),
    compiled: bool = False,
    beside: Iterable[str] = (),
    progress: bool | None = None,
) -> pd.DataFrame:
    """Median seconds, one row per function, way and pass; those of one size and dtype in turn; and
    their scatter, by how much the slowest round is above the quickest, as a share of that.

    way: "kernel" (ours), "trained" (with the gradients of trained parameters), "expression" (the
        definition in torch, eager), "compiled" (that by torch.compile, if asked for), "torch"
        (torch's own kernel; and "copy", the limit: a clone of the input). The activations without
        a kernel of ours are measured as their modules compute them. "beside": what `beside` names,
        third-party module classes that need no arguments, or functions of a tensor, as
        `path/my.py:thing` or `package.module:thing`; ValueError if there is none. One that cannot
        compute with a dtype is left out there, with a warning.
    pass: "forward", "backward" or "both". The inputs are normal, with a standard deviation of 2,
        and at one size also of 50, where nearly all of them are saturated. Freed memory is kept,
        see `afnlab.training.memory`.
    progress: show a progress bar; None means in a terminal or a notebook only.
    """
    kind = torch.device(device).type
    others = {ref: load(ref, object, "") for ref in beside}
    cases = [
        (name, size, kind_of_input)
        for name in tuple(dtypes) or DTYPES[kind]
        for size in tuple(sizes) or SIZES[kind]
        for kind_of_input in (INPUTS if size == SATURATED_SIZE[kind] else ("normal",))
    ]
    rows: list[tuple] = []
    with bar(len(cases) * turns(rounds), "", progress, "round") as shown:
        for name, size, kind_of_input in cases:
            shown.name(f"{size:,} elements, {name}, {kind_of_input}")
            x, grad = _inputs(size, INPUTS[kind_of_input], getattr(torch, name), device)
            rivals = _rivals(x, grad, compiled and kind_of_input == "normal")
            _beside(rivals, others, x, grad)
            with _room_to_compile():
                laps = laps_in_turn(rivals, rounds, device=device, done=shown.step)
            rows += [
                (name, size, kind_of_input, *key, median(t), max(t) / min(t) - 1)
                for key, t in laps.items()
            ]
            del x, grad, rivals  # which take tens of GiB on a GPU
    return pd.DataFrame(rows, columns=[*COLUMNS, SCATTER])


def _room_to_compile() -> AbstractContextManager[object]:
    """All expressions are one method to torch.compile, which gives up at the eighth form of one."""
    return torch._dynamo.config.patch(recompile_limit=256)


def _inputs(size: int, deviation: float, dtype: torch.dtype, device: str) -> tuple[Tensor, Tensor]:
    draws = torch.Generator(device).manual_seed(0)
    x = torch.empty(size, device=device, dtype=dtype).normal_(0, deviation, generator=draws)
    grad = torch.empty_like(x).normal_(generator=draws)
    return x.requires_grad_(), grad


def _rivals(x: Tensor, grad: Tensor, compiled: bool) -> dict[tuple[str, str, str], Pass]:
    rivals: dict[tuple[str, str, str], Pass] = {("copy", "torch", "forward"): x.detach().clone}
    for name, f in PEERS.items():
        _passes(rivals, name, "torch", f, x, grad)
    for name in kernels.names():
        record = get_activation(name)
        _passes(rivals, name, "kernel", record, x, grad)
        expression = _expression(name)
        rivals[name, "expression", "both"] = _both(expression, x, grad)
        if compiled:
            # With fullgraph, what cannot be compiled is an error and not the expression once more.
            once = torch.compile(expression, fullgraph=True, dynamic=False)
            rivals[name, "compiled", "both"] = _both(once, x, grad)
    others = [n for n in list_activations() if get_activation(n).elementwise]
    modules = {name: make(name, trainable=True, device=x.device) for name in TRAINED}
    modules |= {n: make(n, device=x.device) for n in others if n not in kernels.names()}
    for name, module in modules.items():
        parameters = tuple(module.parameters())
        way = "trained" if parameters else "expression"
        rivals[name, way, "both"] = _both(module, x, grad, *parameters)
    return rivals


def _beside(rivals: dict, others: Mapping[str, Any], x: Tensor, grad: Tensor) -> None:
    for ref, thing in others.items():
        module = isinstance(thing, type) and issubclass(thing, nn.Module)
        f = thing().to(x.device, x.dtype) if module else thing
        name = ref.rpartition(":")[2]
        try:
            torch.autograd.grad(f(x), x, grad)
        except Exception as error:  # it is somebody else's code
            reason = str(error).partition("\n")[0]
            warnings.warn(f"{ref} is left out of {x.dtype}: {reason}", stacklevel=3)
            continue
        _passes(rivals, name, "beside", f, x, grad)


def _expression(name: str) -> Callable[[Tensor], Tensor]:
    record = get_activation(name)
    return partial(record.fn, **record.complete({}))


def _passes(
    rivals: dict, name: str, way: str, f: Callable[[Tensor], Tensor], x: Tensor, grad: Tensor
) -> None:
    rivals[name, way, "forward"] = partial(f, x.detach())
    y = f(x)
    rivals[name, way, "backward"] = partial(torch.autograd.grad, y, x, grad, retain_graph=True)
    rivals[name, way, "both"] = _both(f, x, grad)


def _both(f: Callable[[Tensor], Tensor], x: Tensor, grad: Tensor, *others: Tensor) -> Pass:
    return lambda: torch.autograd.grad(f(x), [x, *others], grad)


def summary(times: pd.DataFrame) -> pd.DataFrame:
    """One row per function, dtype and size: both passes beside torch's ReLU, SiLU and GELU.

    "above relu, us": the absolute difference, which is what counts for small tensors. "of copy":
    the least memory traffic of both passes over the time, as a share of what a copy achieves; and
    that of either pass.
    """
    rows: list[dict[str, object]] = []
    for (dtype, size, kind_of_input), part in times.groupby(
        ["dtype", "elements", "input"], sort=False
    ):
        t = part.set_index(["function", "way", "pass"]).seconds
        bandwidth = 2 / t["copy", "torch", "forward"]
        shown = ("torch", "kernel", "trained", "beside")
        ways = [key for key in t.index if key[2] == "both" and key[1] in shown]
        for name, way, _ in sorted(ways, key=lambda key: t[key]):
            median = t[name, way, "both"]
            row = {
                "function": name,
                "by": way,
                "dtype": dtype,
                "elements": size,
                "input": kind_of_input,
            }
            row |= {"ms": 1000 * median}
            row |= {f"/ {p}": median / t[p, "torch", "both"] for p in ("relu", "silu", "gelu")}
            row["above relu, us"] = 1e6 * (median - t["relu", "torch", "both"])
            row["of copy"] = TRAFFIC["both"] / median / bandwidth
            for one in ("forward", "backward"):
                if (name, way, one) in t.index:
                    row[f"of copy, {one}"] = TRAFFIC[one] / t[name, way, one] / bandwidth
            for rival in ("expression", "compiled"):
                if way == "kernel" and (name, rival, "both") in t.index:
                    row[f"{rival} / kernel"] = t[name, rival, "both"] / median
            rows.append(row)
    return pd.DataFrame(rows)


def share_of_copy(times: pd.DataFrame) -> pd.DataFrame:
    """The rows with a column "share": the bandwidth achieved, as a share of a copy's."""
    at = ["dtype", "elements", "input"]
    copies = times[times.function == "copy"].set_index(at).seconds
    table = times[times.function != "copy"].copy()
    copy = copies.reindex(pd.MultiIndex.from_frame(table[at])).to_numpy()
    table["share"] = table["pass"].map(TRAFFIC) / table.seconds / (2 / copy)
    return table.reset_index(drop=True)
