"""Runs random attacks for a while and says what did not hold: `python -m tests.fuzz --seed 0`.

Exit status 1 if there was any fault. A fault is repeated with `--seed S --only KIND --index I`.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

Case = Callable[[random.Random, Path], str]
MODULES = ("folders", "inputs")
PATIENCE = 300  # seconds that a case may take; then all threads' tracebacks, and the end
SHOWN = 20  # faults


def kinds() -> dict[str, Case]:
    """All kinds of attack, by module and name."""
    found: dict[str, Case] = {}
    for name in MODULES:
        if Path(__file__).with_name(f"{name}.py").is_file():
            module = importlib.import_module(f".{name}", __package__)
            found |= {f"{name}.{kind}": case for kind, case in module.KINDS.items()}
    return found


def attack(case: Case, seed: int, kind: str, index: int) -> str:
    """The fault that one case finds, or nothing."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)
    try:
        folder = tempfile.TemporaryDirectory(prefix="afnlab-fuzz-")
        with folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return case(random.Random(f"{seed} {kind} {index}"), Path(folder.name))
    except Exception:
        return traceback.format_exc()
    finally:
        faulthandler.cancel_dump_traceback_later()


def run(seed: int, seconds: float, least: int, chosen: dict[str, Case]) -> tuple[Counter, list]:
    """Go round the kinds until the time is up and there were enough cases."""
    end, counts, faults = time.monotonic() + seconds, Counter[str](), []
    for index in count():
        for kind, case in chosen.items():
            if time.monotonic() > end and sum(counts.values()) >= least:
                return counts, faults
            counts[kind] += 1
            if found := attack(case, seed, kind, index):
                faults.append((kind, index, found))
    raise AssertionError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--least", type=int, default=2000, help="cases, however long they take")
    parser.add_argument("--only", metavar="KIND", help="only this kind, or those of this module")
    parser.add_argument("--index", type=int, help="only this case of it")
    a = parser.parse_args()
    chosen = {k: v for k, v in kinds().items() if not a.only or k.startswith(a.only)}
    if not chosen:
        parser.error(f"--only: there are {', '.join(kinds())}")
    if a.index is not None:
        counts = Counter(list(chosen))
        faults = [
            (k, a.index, f) for k, v in chosen.items() if (f := attack(v, a.seed, k, a.index))
        ]
    else:
        counts, faults = run(a.seed, a.seconds, a.least, chosen)
    failed = Counter(kind for kind, _, _ in faults)
    for kind, number in counts.items():
        print(f"{kind:32}{number:8}{failed[kind]:8} faults")
    print(f"{'all':32}{sum(counts.values()):8}{len(faults):8} faults")
    for kind, index, found in faults[:SHOWN]:
        print(f"\n--seed {a.seed} --only {kind} --index {index}\n{found}", file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
