"""`afnlab bench`."""

from __future__ import annotations

import argparse

from afnlab.cli.flags import examples

# Each is a module of `afnlab.bench` with a `measure`; and so is "tune", which is `train --tuned`.
NAMES = ("activations", "autorot", "report", "runs", "train", "widgets")


def add_bench(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("bench", "train", "train --tuned", "activations --json runs/speed.json")
    sub.set_defaults(command=_bench)
    sub.add_argument("name", choices=NAMES, help="what to measure")
    sub.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    sub.add_argument(
        "--rounds", type=int, default=15, help="repetitions of each measurement (default 15)"
    )
    sub.add_argument("--json", metavar="FILE", help="write the figures and the machine there too")
    sub.add_argument("--compile", action="store_true", help="activations: torch.compile as well")
    sub.add_argument(
        "--beside",
        action="append",
        metavar="REF",
        help="activations: third-party ones as well, my.py:thing or package.module:thing",
    )
    tasks = "names-gpt, cifar100-convnet or cifar10-airbench94"
    sub.add_argument("--task", metavar="TASK", help=f"train: {tasks} (else MNIST)")
    text = "train: candidates and seeds in one stack, of digits-mlp and mnist-mlp, or of --task"
    sub.add_argument("--tuned", action="store_true", help=text)


def _bench(a: argparse.Namespace) -> int:
    from afnlab import bench

    chosen = {"compiled": True} if a.compile else {}
    chosen |= {"beside": a.beside} if a.beside else {}
    if chosen and a.name != "activations":
        raise ValueError("bench: --compile and --beside are for activations")
    if (a.task or a.tuned) and a.name != "train":
        raise ValueError("bench: --task and --tuned are for train")
    if a.task:
        chosen["task"] = a.task
    bench.main("tune" if a.tuned else a.name, a.device, a.rounds, a.json, **chosen)
    return 0
