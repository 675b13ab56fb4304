"""Random values for everything that a user gives: sweep files, command lines, Python calls.

A case is one attack in a folder of its own. It returns "" if all held, else what did not: a
traceback, more than one line, a wrong line, a hang, or a value that became another.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import category

import torch

import afnlab
from afnlab import bench, cli
from afnlab.autorot import input_limits, suggested_L
from afnlab.cli import entry
from afnlab.compare import select
from afnlab.functions import check
from afnlab.paths import shared
from afnlab.runs import RunSpec
from afnlab.runs.run_spec import TrainingSpec
from afnlab.runs.sweeps import sweep_file
from afnlab.studies import parameter_scan
from afnlab.training import options
from afnlab.training.plan import configure

LONGEST = 60  # seconds of a case; one that hangs takes for ever
REFUSED = object()

# A number as it may be written in YAML 1.2, and what that means. What YAML 1.1 or Python would
# read otherwise is a text here, and so refused where a number is wanted.
NUMBERS: tuple[tuple[str, Any], ...] = (
    ("1", 1),
    ("7", 7),
    ("010", 10),
    ("0x10", 16),
    ("0o17", 15),
    ("+3", 3),
    ("2.5", 2.5),
    (".5", 0.5),
    ("1e-3", 1e-3),
    ("2E+2", 200.0),
    ("1.", 1.0),
    ("0", 0),
    ("-1", -1),
    ("-0.0", -0.0),
    ("1e400", REFUSED),
    ("1e-400", REFUSED),
    ("1_000", REFUSED),
    ("1:20", REFUSED),
    ("0b11", REFUSED),
    ("1e", REFUSED),
    ("2**64", REFUSED),
    ("1+2j", REFUSED),
    ("no", REFUSED),
    ("on", REFUSED),
    ("true", REFUSED),
    ("~", REFUSED),
    ("", REFUSED),
    ("''", REFUSED),
    ("'1'", REFUSED),
    ("[1]", REFUSED),
    ("{a: 1}", REFUSED),
    (".inf", REFUSED),
    (".nan", REFUSED),
    ("2024-01-01", REFUSED),
    ("!!python/name:os.system", REFUSED),
    ("!!binary aGk=", REFUSED),
    ("!!int abc", REFUSED),
    ("9" * 400, REFUSED),
    ("9" * 5000, REFUSED),
    ("[" * 3000, REFUSED),
    ("\N{RIGHT-TO-LEFT OVERRIDE}1", REFUSED),
    ("1\N{NO-BREAK SPACE}", REFUSED),
    ("\N{ARABIC-INDIC DIGIT ONE}", REFUSED),
)
# name: what of a number it takes.
TAKES: dict[str, Callable[[Any], bool]] = {
    "lr": lambda v: v > 0,
    "weight_decay": lambda v: v >= 0,
    "t": lambda v: v > 0,
    "batch_size": lambda v: isinstance(v, int) and v >= 1,
    "epochs": lambda v: isinstance(v, int) and v >= 0,
    "limit_train": lambda v: isinstance(v, int) and v >= 0,
}
TEXTS = (
    *(text for text, _ in NUMBERS),
    *("~nosuch/x", "~nosuch/x.py:f", "~nosuch/x.yaml", "~nosuch/x.ipynb"),
    *("\0", "a\0b.py:f", "/dev/zero", "/dev/stdin", "/dev/null", ".", "..", "/", "//", "~"),
    *("/etc/passwd:x", ":", "::", ":f", ".py:f", "x.py:", "os:path", "os.path:join", "..a:b"),
    *("\ud800", "\x1b[2J\x1b]0;owned\x07", "a\nb", "\r", "\t", "  ", "<img src=x onerror=y>"),
    *("$x$", "%s", "{0}", "=1+1", "-x", "--", "-", "'", '"', "`id`", "$(id)", "x" * 10_000),
    *("s3://", "memory://x", "nosuch://y", "file:///nosuch", "http://[", "://", "a=b", "=", "=b"),
    *("{1: 2}", "{[1]: 2}", "[1, 1]", "[-1]", "[1, a]", "[0, 18446744073709551616]"),
    *("100000000", "18446744073709551616", "-9223372036854775809", "&a [*a]", "*a", "{a: 1, a: 2}"),
    *("srelu", "relu", "train", "default", "digits-mlp", "cpu", "cuda", "none", "None", "nan"),
)


class Hangs(BaseException):
    """A case has taken too long."""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Ends what hangs, where there are alarms."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def command(argv: list[str], folder: Path) -> tuple[int, str, str, str]:
    """Exit status, stdout, stderr of a command line, and what is wrong with them."""
    out, err = io.StringIO(), io.StringIO()
    status, where, kept = -1, Path.cwd(), dict(os.environ)
    os.environ.update(AFNLAB_DATA=str(folder / "data"), AFNLAB_RUNS=str(folder / "runs"))
    os.environ.pop("AFNLAB_DEBUG", None)
    os.chdir(folder)
    wrong = ""
    try:
        with limited(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = cli.main(argv)
    except SystemExit as stop:  # --help, --version
        status = stop.code if isinstance(stop.code, int) else -1
    except Hangs:
        wrong = f"no end within {LONGEST} s"
    except BaseException as error:
        wrong = f"{type(error).__name__} got out: {error}"
    finally:
        os.chdir(where)
        os.environ.clear()
        os.environ.update(kept)
    return status, out.getvalue(), err.getvalue(), wrong or _flaw(status, out, err)


def _flaw(status: int, out: io.StringIO, err: io.StringIO) -> str:
    said, lines = out.getvalue() + err.getvalue(), err.getvalue().splitlines()
    if status not in (0, 1, 2):
        return f"exit status {status}"
    if "not foreseen" in said or "Traceback" in said:
        return "an error that nobody foresaw"
    if any(not (c.isprintable() or c == "\n" or category(c) == "Zs") for c in said):
        return "characters that a terminal acts on"
    if status == 2 and (len(lines) != 1 or not lines[0].startswith("afnlab: ") or out.getvalue()):
        return "bad input is not one line"
    return ""


def told(argv: list[str], found: tuple[int, str, str, str]) -> str:
    status, out, err, wrong = found
    if not wrong:
        return ""
    return f"{wrong}: afnlab {argv!r} ended with {status}: {(err or out)[-600:]!r}"[:3000]


# Sweep files.


def values_in_sweeps(rng: Random, folder: Path) -> str:
    """One value in a sweep file: taken as what it means, or refused at its line."""
    name = rng.choice(list(TAKES))
    text, means = rng.choice(NUMBERS)
    good = means is not REFUSED and TAKES[name](means)
    if name in ("epochs", "limit_train") and means == 0:
        means = REFUSED  # which stands for the default: no value to look for
    lines = ["title: x", "parameters:", "  task: digits-mlp", "grid:", "  activation: [srelu]"]
    place = rng.choice(("parameters", "grid", "zip", "flow") + ("own",) * (name == "t"))
    if place == "parameters":
        lines.insert(3, f"  {name}: {text}")
        at = 4
    elif place == "grid":
        lines += [f"  {name}:", "    - 3", f"    - {text}"]
        at = len(lines)
    elif place == "flow":
        lines += [f"  {name}: [3, {text or '~'}]"]
        at = len(lines)
    elif place == "own":
        lines[-1:] = ["  activation:", "    - relu", "    - srelu:", f"        t: {text or '~'}"]
        at = len(lines)
        good = good or text == "[1]"
        means = 1 if text == "[1]" else means
    else:
        lines += ["zip:", f"  {name}:", "    - 3", f"    - {text}", "  init: [source, gain]"]
        at = len(lines) - 1
    rng.random() < 0.5 and lines.append("seeds: 2")
    file = folder / "s.yaml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    argv = ["sweep", "s.yaml", "--dry-run"]
    found = command(argv, folder)
    if found[3]:
        return told(argv, found) + f" with {lines!r}"[:1500]
    if (found[0] == 0) != good:
        return f"{text[:60]!r} for {name} in {place}: status {found[0]}, {found[2]!r}"
    if not good:
        # Where brackets never close, YAML finds the fault at the end.
        elsewhere = "[[[" in text or (place == "flow" and text[:2] == "!!")
        if f"s.yaml, line {at}:" not in found[2] and not elsewhere:
            return f"{text[:60]!r} for {name} stands on line {at}: {found[2]!r}"
        return ""
    plan = sweep_file.read(file)
    runs = [spec.training for spec in plan.specs() if isinstance(spec, TrainingSpec)]
    held = [{**t.normal(), **t.normal()["options"], **t.normal()["parameters"]} for t in runs]
    if means is not REFUSED and not any(one.get(name) == means for one in held):
        return f"{text!r} for {name} became {[one.get(name) for one in held]!r}"
    return ""


def mutated_sweeps(rng: Random, folder: Path) -> str:
    """A shipped sweep file with its bytes, lines or structure disturbed."""
    source = rng.choice(sorted(shared("sweeps").glob("*.yaml"))).read_bytes()
    lines = [x for x in source.splitlines(keepends=True) if not x.startswith(b"#")]
    lines = [x for x in lines if not x.startswith(b"    - ")] + [b"    - relu\n"]
    for _ in range(rng.randint(1, 3)):
        lines = rng.choice(_DISTURBANCES)(rng, lines) or [b""]
    data = b"".join(lines)
    (folder / "s.yaml").write_bytes(data)
    argv = ["sweep", "s.yaml", "--dry-run"]
    found = command(argv, folder)
    if found[3]:
        return told(argv, found) + f" with {data[:1500]!r}"
    if found[0] == 2 and not re.match(r"afnlab: .*s\.yaml(, line \d+)?: ", found[2]):
        return f"the file is not named: {found[2]!r} with {data!r}"[:2000]
    return ""


def _flip(rng: Random, lines: list[bytes]) -> list[bytes]:
    data = bytearray(b"".join(lines))
    for _ in range(rng.randint(1, 4)):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data).splitlines(keepends=True)


def _replaced(rng: Random, lines: list[bytes]) -> list[bytes]:
    at = rng.randrange(len(lines))
    key, colon, _ = lines[at].partition(b":")
    text = rng.choice(TEXTS).encode("utf-8", "surrogatepass")
    return [*lines[:at], key + colon + b" " + text + b"\n", *lines[at + 1 :]]


def _bomb(rng: Random, lines: list[bytes]) -> list[bytes]:
    layers = [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9) if i else 'y'}]\n" for i in range(12)]
    return [*lines, *(layer.encode() for layer in layers)]


_DISTURBANCES: tuple[Callable[[Random, list[bytes]], list[bytes]], ...] = (
    _flip,
    _replaced,
    _replaced,
    _bomb,
    lambda rng, lines: rng.sample(lines, len(lines)),
    lambda rng, lines: [*lines, rng.choice(lines)],
    lambda rng, lines: lines[: rng.randrange(len(lines))],
    lambda rng, lines: [line.replace(b"  ", b"\t", 1) for line in lines],
    lambda rng, lines: [line.replace(b"\n", b"\r\n") for line in lines],
    lambda rng, lines: [b"".join(lines).decode(errors="replace").encode("utf-16")],
    lambda rng, lines: [b"\xef\xbb\xbf", *lines],
    lambda rng, lines: [*lines, b"--- \n", *lines],
    lambda rng, lines: [*lines, b"grid: {<<: *a}\n"],
    lambda rng, lines: [*lines, b"zip: " + b"{a: " * rng.choice((3, 3000)) + b"\n"],
    lambda rng, lines: [*lines, b"seeds: " + rng.choice(TEXTS).encode("utf-8", "ignore") + b"\n"],
    lambda rng, lines: [*lines, b"  lr: {from: 1, to: 1000000}\n"],
    lambda rng, lines: [*lines, b"  lr: {from: 1, to: 9000}\n  t: {from: 1, to: 9000}\n"],
    lambda rng, lines: [*lines, b"zip: [" + b"x, " * 60_000 + b"]\n"],
)


# Command lines.


def commands(rng: Random, folder: Path) -> str:
    """Random values for the arguments of one command, which trains nothing."""
    (folder / "file").touch()
    rng.random() < 0.7 and (folder / "runs").mkdir()
    words, parser = _leaf(rng)
    argv = [*words, *_given(rng, words, parser)]
    return told(argv, command(argv, folder))


def _leaf(rng: Random) -> tuple[list[str], argparse.ArgumentParser]:
    words, parser = [], entry.parser()
    while below := [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]:
        word = rng.choice(sorted(below[0].choices))
        words, parser = [*words, word], below[0].choices[word]
    return words, parser


# What keeps a command from training, fetching or starting anything, whatever else it is given.
_HARMLESS = {
    "run": ["-p", "nosuchparameter", "1"],
    "sweep": ["--dry-run"],
    "bench": ["--rounds", "0"],
    "lab": ["--folder", "file/x"],
    "doctor": ["--nosuch"],
    "data": [],
}


def _given(rng: Random, words: list[str], parser: argparse.ArgumentParser) -> list[str]:
    argv: list[str] = []
    own = _HARMLESS.get(words[0], [])
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction) or set(own) & set(action.option_strings):
            continue
        count = action.nargs if isinstance(action.nargs, int) else rng.choice((1, 1, 1, 2))
        if not action.option_strings and action.nargs is None:
            count = 1
        texts = [_text(rng, action, words) for _ in range(count)]
        if action.option_strings and rng.random() < 0.4:
            flag = rng.choice(action.option_strings)
            argv += [flag] if action.nargs == 0 else [flag, *texts]
        elif not action.option_strings and rng.random() < 0.95:
            argv = [*texts, *argv]
    return [*own, *argv]  # first: "--" among the values would end the flags


def _text(rng: Random, action: argparse.Action, words: list[str]) -> str:  # noqa: PLR0911
    if words[0] == "data" and action.dest == "action":
        return rng.choice(["list", "fetch", "verify", "x"])
    if words[0] == "data":
        return rng.choice([t for t in TEXTS if t.strip()])
    if words[0] == "sweep" and action.dest == "file":
        return rng.choice(["small", "small", "small", rng.choice(TEXTS)])
    if words[0] == "run" and action.dest == "notebook":
        return rng.choice(["train", "train", "train", rng.choice(TEXTS)])
    if action.dest == "parameter" and rng.random() < 0.5:
        names = (
            "lr",
            "t",
            "epochs",
            "seeds",
            "params",
            "record",
            "trainable",
            "task",
            "activation",
        )
        return rng.choice(names)
    if action.dest == "only" and rng.random() < 0.7:
        return f"{rng.choice(('lr', 'activation', 'id', ''))}={rng.choice(TEXTS)}"
    if action.choices and rng.random() < 0.8:
        return str(rng.choice(list(action.choices)))
    return rng.choice(TEXTS)


# Python.

LOOP: list[Any] = []
LOOP.append(LOOP)
DEEP: Any = 1
for _ in range(1000):
    DEEP = [DEEP]


class Odd:
    """Nothing that anybody expects."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


class Text(str):
    """A text of another type."""


VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 10**5000),
    *(0.0, -0.0, 0.5, 1.0, 1e308, 5e-324, math.inf, -math.inf, math.nan, 1 + 2j, b"x", "", " "),
    *("x", "1", "\0", "\ud800", "a\nb", "\x1b[2J", "~nosuch/x.py:f", "/dev/zero", "x" * 100_000),
    *([], [1, 1], [-1], [1.5], ["x"], (), (1, 2), {}, {1: 2}, {"x": 1}, {"lr": 10**400}, {1}),
    *(LOOP, DEEP, Odd(), object, object(), print, range(10**8), range(0), Path("x"), Text("relu")),
    *(torch.tensor(1.0), torch.ones(2), torch.tensor([]), torch.tensor(math.nan), 10.0**30),
    *("relu", "srelu", "digits-mlp", "float32", "cpu", "nosuch", "meta", iter([1, 2])),
)
X = torch.linspace(-2, 2, 5)


def _model() -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 2))


def _train(**given: Any) -> Any:
    """A training that is refused once all else is checked."""
    given = {"task": "digits-mlp", "activation": "srelu", "seeds": 1, "epochs": 1} | given
    return afnlab.train(**{"record": ["nosuch"], **given})


def _kept(module: Any, name: str, value: Any) -> None:
    got = getattr(module, name)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and got != value:
        raise AssertionError(f"{name} became {got!r}")


TASK, SRELU = afnlab.get_task("digits-mlp"), afnlab.get_activation("srelu")
CALLS: dict[str, Callable[[Any, Any], object]] = {
    "get_activation": lambda v, w: afnlab.get_activation(v),
    "get_task": lambda v, w: afnlab.get_task(v),
    "functional: x": lambda v, w: afnlab.functional.srelu(v),
    "functional: t": lambda v, w: afnlab.functional.srelu(X, t=v),
    "functional: position": lambda v, w: afnlab.functional.plu(X, v, w),
    "functional: noise": lambda v, w: afnlab.functional.rrelu(X, noise=v),
    "nn": lambda v, w: _kept(afnlab.nn.SReLU(v), "t", v),
    "nn: trainable": lambda v, w: afnlab.nn.PLU(trainable=v),
    "nn: features": lambda v, w: afnlab.nn.SReLU(trainable=True, num_features=v, std=w),
    "nn: std": lambda v, w: afnlab.nn.SReLU(trainable=True, std=v),
    "nn: bounds": lambda v, w: afnlab.nn.SReLU(trainable=True, constraints_t=(v, w)),
    "nn: bounds as": lambda v, w: afnlab.nn.SReLU(trainable=True, constraints_t=v),
    "nn: dimension": lambda v, w: afnlab.nn.SReLU(trainable=True, num_features=5, feature_dim=v)(X),
    "nn: make": afnlab.nn.make,
    "nn: make srelu": lambda v, w: afnlab.nn.make("srelu", v),
    "nn: class": lambda v, w: afnlab.nn.module_class(v),
    "Param": lambda v, w: afnlab.Param(v, low=w),
    "Param: domain": lambda v, w: afnlab.Param(1.0, domain=v),
    "replace": lambda v, w: afnlab.replace(_model(), torch.nn.ReLU, v),
    "replace: old": lambda v, w: afnlab.replace(_model(), v, "srelu"),
    "replace: model": lambda v, w: afnlab.replace(v, torch.nn.ReLU, "srelu"),
    "replace: params": lambda v, w: afnlab.replace(_model(), torch.nn.ReLU, "srelu", t=v),
    "autorot": lambda v, w: _kept(afnlab.autorot.AutoRotLinear(2, 2, L=v), "L", v),
    "autorot: limits": lambda v, w: afnlab.autorot.AutoRotLinear(2, 2, xmin_lim=v, xmax_lim=w),
    "autorot: probe": lambda v, w: afnlab.autorot.AutoRotLinear(2, 2, x_q=v, eps=w),
    "autorot: flags": lambda v, w: afnlab.autorot.AutoRotLinear(2, 2, auto_rot=v, trainable_L=w),
    "auto_rotate": lambda v, w: afnlab.autorot.auto_rotate(_model(), v),
    "auto_rotate: model": lambda v, w: afnlab.autorot.auto_rotate(v, 4.0),
    "undo_rotation": lambda v, w: afnlab.autorot.undo_rotation(v),
    "suggested_L": lambda v, w: suggested_L(v),
    "input_limits": lambda v, w: input_limits("tanh", v, w),
    "gain": lambda v, w: afnlab.gain(v),
    "gain: t": lambda v, w: afnlab.gain("srelu", t=v),
    "train: params": lambda v, w: _train(params=v),
    "train: lr": lambda v, w: _train(params={"lr": v, "weight_decay": w}),
    "train: t": lambda v, w: _train(params={"t": v, "trainable": w}),
    "train: batch": lambda v, w: _train(params={"batch_size": v, "optimizer": w}),
    "train: seeds": lambda v, w: _train(seeds=v),
    "train: seed": lambda v, w: _train(seeds=[v, w]),
    "train: epochs": lambda v, w: _train(epochs=v),
    "train: device": lambda v, w: _train(device=v, dtype=w),
    "train: limits": lambda v, w: _train(limit_train=v, limit_test=w),
    "train: group": lambda v, w: _train(group=v),
    "train: record": lambda v, w: _train(record=v, seeds=[]),
    "train: task": lambda v, w: _train(task=v),
    "train: activation": lambda v, w: _train(activation=v),
    "configure": lambda v, w: configure(TASK, SRELU, epochs=v, device="cpu", dtype=w),
    "resolve": lambda v, w: options.resolve(TASK, SRELU, v),
    "resolve: choice": lambda v, w: options.resolve(TASK, SRELU, {"init": v, "sites": w}),
    "seed_list": lambda v, w: options.seed_list(v),
    "RunSpec": lambda v, w: RunSpec.make("train", v),
    "RunSpec: notebook": lambda v, w: RunSpec.make(v, {}),
    "RunSpec: value": lambda v, w: RunSpec.make("train", {"seeds": v, "epochs": w}).id,
    "RunSpec: params": lambda v, w: RunSpec.make("train", {"params": v}).id,
    "RunSpec: name": lambda v, w: RunSpec.make("train", {v: w} if _hashable(v) else {"t": v}).id,
    "sweep": lambda v, w: sweep_file.read(v).specs(),
    "sweep: grid": lambda v, w: sweep_file.read({"grid": {"lr": v, "t": w}}).specs(),
    "sweep: lists": lambda v, w: sweep_file.read({"grid": {"lr": [0.1, v]}}).specs(),
    "sweep: own": lambda v, w: sweep_file.read({"grid": {"activation": [{"srelu": v}, w]}}).specs(),
    "sweep: range": lambda v, w: sweep_file.read({"grid": {"lr": {"from": v, "to": w}}}).specs(),
    "sweep: zip": lambda v, w: sweep_file.read({"zip": {"lr": v, "t": w}}).specs(),
    "sweep: zips": lambda v, w: sweep_file.read({"zip": v}).specs(),
    "sweep: keys": lambda v, w: sweep_file.read(
        {"title": v, "baseline": w, "seeds": v, "parameters": w}
    ).specs(),
    "sweep: seeds": lambda v, w: sweep_file.read({"seeds": v}).specs(seeds=w),
    "sweep: overrides": lambda v, w: sweep_file.read({}).specs(epochs=v, limit_train=w),
    "select": lambda v, w: select("nosuch", margin=v),
    "check": lambda v, w: check.check([v]),
    "tuning: grid": lambda v, w: parameter_scan.grid("digits-mlp", "srelu", "t", v),
    "tuning: scan": lambda v, w: parameter_scan.scan("digits-mlp", "srelu", "t", [v, "x"]),
    "tuning: name": lambda v, w: parameter_scan.scan("digits-mlp", "srelu", v, ["x"]),
    "bench": lambda v, w: bench.main(v, rounds=0),
    "bench: rounds": lambda v, w: (
        bench.main("train", device=w, rounds=-1 if v == 1 else v)
        if not (isinstance(v, int) and v > 0)
        else None
    ),
}


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def python(rng: Random, folder: Path) -> str:
    """A public function with values that it does not expect."""
    name = rng.choice(list(CALLS))
    v, w = rng.choice(VALUES), rng.choice(VALUES)
    where = Path.cwd()
    os.chdir(folder)
    wrong = ""
    try:
        with limited(), contextlib.redirect_stdout(io.StringIO()):
            CALLS[name](v, w)
    except (ValueError, TypeError, OSError) as error:
        wrong = _said(error)
    except RuntimeError as error:  # torch's own words for shapes that do not go together
        if not any(isinstance(one, torch.Tensor) for one in (v, w)):
            wrong = f"{type(error).__name__}: {str(error)[:300]}"
    except Hangs:
        wrong = f"no end within {LONGEST} s"
    except BaseException as error:
        wrong = f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        os.chdir(where)
    return f"{name}, {_shown(v)}, {_shown(w)}: {wrong}" if wrong else ""


def _said(error: Exception) -> str:
    """What is wrong with a refusal: it is one line of ours, in letters, that one can read."""
    text = str(error)
    if not text or "\n" in text or len(text) > 3000:
        return f"{type(error).__name__} with {len(text)} letters: {text[:200]!r}"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename if trace is not None else ""
    ours = file.startswith((str(Path(afnlab.__file__).parent), __file__, "<"))
    if not ours and not isinstance(error, OSError):
        return f"{type(error).__name__} of {file}: {text[:200]!r}"
    return ""


def _shown(value: Any) -> str:
    try:
        return repr(value)[:60]
    except Exception as error:
        return f"<{type(value).__name__}: {type(error).__name__}>"


KINDS: dict[str, Callable[[Random, Path], str]] = {
    "values in sweep files": values_in_sweeps,
    "mutated sweep files": mutated_sweeps,
    "command lines": commands,
    "Python calls": python,
}
