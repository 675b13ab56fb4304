"""Write what follows from the code: the pages of the activations and of the parameters of a
training, the picture of the activations, and the floors.

docs/activations.md and docs/images/gallery.svg come from the definitions of the activations,
docs/parameters.md from those of the parameters and of the tasks; the picture of the floors in
docs/design.md comes from tests/repository/test_layers.py, which holds imports to it.

python docs/generate.py            write them
python docs/generate.py --check    exit with 1 if one of them is not what would be written
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable
from functools import cache
from itertools import zip_longest
from pathlib import Path

import afnlab
from afnlab.bibliography import REFERENCES
from afnlab.native import kernels
from afnlab.registry import Activation
from afnlab.runs.notebook_parameters import reference
from afnlab.training.initial import network
from afnlab.training.options import resolve

PAGE = Path(__file__).with_name("activations.md")
PARAMETERS = Path(__file__).with_name("parameters.md")
GALLERY = Path(__file__).parent / "images" / "gallery.svg"
DESIGN = Path(__file__).with_name("design.md")
LAYERS = Path(__file__).parents[1] / "tests" / "repository" / "test_layers.py"
PICTURE = re.compile(r"```mermaid\nblock-beta\n.*?```\n", re.DOTALL)
HEAD = """# The activations

This page is generated from the definitions by `python docs/generate.py`; edit those, not this page.

Every function is `afnlab.functional.NAME` and `afnlab.nn.Module`. The last columns of the table of
parameters give the defaults of others, "-" where there is none: *document* is what the source's
text states or shows in an example, *code* what its published code uses, *torch* what `torch.nn`
uses. Where they differ from afnlab's, the reason is given below the table, and more in
[sources.md](sources.md). *Computed by*: a kernel of torch, a compiled kernel of afnlab (compiled
when it is first used; where that is not possible, the expression is used, with the same values), or
an expression of torch's operations.

![All elementwise functions and their slopes](images/gallery.svg)
"""
PARAMETERS_HEAD = """# The parameters of a training

This page is generated from the code by `python docs/generate.py`; edit that, not this page.

Every parameter is given by its name: `afnlab run train -p lr 0.01`, a key of `parameters` or `grid`
in a [sweep file](batch.md), a line in the first cell of `train.ipynb`. In Python those of the
recipe, of the activation and of the task are in `params`, and the others are arguments:
`afnlab.train("digits-mlp", "relu", params={"lr": 0.01, "init": "gain"}, seeds=12)`. At the command
line `afnlab list parameters` and `afnlab list tasks --long` show what is here.

## Of every training
"""
OWN_HEAD = """Beside these there are the parameters of the chosen activation ([the
list](activations.md#parameters); [how they are set and
trained](own.md#an-activations-own-parameters)) and those of the task (below). `init` is explained
in [signal](signal.md), `record` in [the reference](reference/training.md), `tune` in
[batch](batch.md#tuning).

## The tasks and their recipes

What a training uses where nothing else is given. *Size* is the number of parameters of the network
with ReLU. [experiments.md](experiments.md) says where the tasks are from. A task of your own has
the recipe that [its file](own.md) states.
"""


def page() -> str:
    records = [afnlab.get_activation(name) for name in afnlab.list_activations()]
    parts = [HEAD, _functions(records), _parameters(records), _notes(records), _bibtex(records)]
    return "\n".join(parts)


def _functions(records: list[Activation]) -> str:
    lines = [
        "| name | module | formula | what it is | kinks | computed by | reference |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in records:
        summary = " ".join((r.fn.__doc__ or "").split("\n\n")[0].split())
        kinks = ", ".join(f"{k:g}" for k in r.kinks_at()) or "-"
        own = "afnlab's kernel" if r.name in kernels.names() else "expression"
        kernel = "torch's kernel" if r.fused else own
        cite = REFERENCES[r.reference].cite()
        modules = ", ".join(f"`{m}`" for m in r.module.split())
        formula = r.latex.replace("|", r"\lvert ", 1).replace("|", r"\rvert ", 1)
        while "|" in formula:
            formula = formula.replace("|", r"\lvert ", 1).replace("|", r"\rvert ", 1)
        lines.append(
            f"| `{r.name}` | {modules} | ${formula}$ | {summary} | {kinks} | {kernel} | {cite} |"
        )
    return "## Functions\n\n" + "\n".join(lines) + "\n"


def _parameters(records: list[Activation]) -> str:
    lines = [
        "| function | parameter | afnlab | trained | allowed | kept within | also called"
        " | document | code | torch |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in records:
        for name, p in r.params.items():
            cells = [
                f"`{r.name}`",
                f"`{name}`",
                _number(p.default),
                _trained(r, name),
                p.domain or "any number",
                f"[{p.bounds[0]:g}, {p.bounds[1]:g}]" if p.bounds else "-",
                ", ".join(f"`{a}`" for a in p.aliases) or "-",
                *(_number(v) for v in (p.document, p.code, p.torch)),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "## Parameters\n\n" + "\n".join(lines) + "\n"


def _trained(record: Activation, name: str) -> str:
    """Whether a module trains the parameter."""
    p = record.params[name]
    if p.fixed or name not in record.trainable:
        return "setting" if p.fixed else "no: without a gradient"
    return "yes" if p.trainable else "on request"


def _notes(records: list[Activation]) -> str:
    lines = [
        f"- `{r.name}`, `{name}`: {p.why}."
        for r in records
        for name, p in r.params.items()
        if p.why and not _same_as_before(r, name)
    ]
    return "## Why these defaults\n\n" + "\n".join(lines) + "\n"


def _same_as_before(record: Activation, name: str) -> bool:
    names = list(record.params)
    at = names.index(name)
    return at > 0 and record.params[names[at - 1]].why == record.params[name].why


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)


def _bibtex(records: list[Activation]) -> str:
    keys = sorted({r.reference for r in records})
    entries = "\n\n".join(REFERENCES[k].bibtex(f"afnlab-{k}") for k in keys)
    return f"## BibTeX\n\n```bibtex\n{entries}\n```\n"


def parameters() -> str:
    """The page of the parameters of a training, and of the recipes of the tasks."""
    tasks = [afnlab.get_task(name) for name in afnlab.list_tasks()]
    given = [(f"`{p.name}`", p.usual or "-", p.allowed, p.meaning) for p in reference.parameters()]
    parts = [
        PARAMETERS_HEAD,
        _table(("name", "default", "what it may be", "meaning"), given),
        OWN_HEAD,
        _table(("task", "what it is", "size", *RECIPE, "minimized", "judged by"), _recipes(tasks)),
        "A few recipes say more, which a run cannot change, but for `sites`:\n",
        _table(("setting", "meaning", "value (tasks)"), _rare(tasks)),
        "## Parameters of single tasks\n",
        _table(("name", "what it may be", "meaning", "default (tasks)"), _own(tasks)),
    ]
    return "\n".join(parts)


RECIPE = ("epochs", "batch_size", "lr", "weight_decay", "optimizer")


def _recipes(tasks: list[afnlab.Task]) -> list[tuple[str, ...]]:
    return [
        (
            f"`{task.name}`",
            task.summary,
            f"{_size(task.name):,}",
            *(reference.recipe(task)[name] for name in RECIPE),
            task.loss.name,
            ", ".join(metric.name for metric in task.metrics),
        )
        for task in tasks
    ]


def _rare(tasks: list[afnlab.Task]) -> list[tuple[str, ...]]:
    """The settings that few recipes have, what they mean, and which tasks have which."""
    said = inspect.getdoc(afnlab.Recipe).partition("Attributes:\n")[2]
    meanings = dict(re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", said, re.MULTILINE))
    meanings |= {p.name: p.meaning for p in reference.parameters()}
    values = [
        (name, task.name, value)
        for task in tasks
        for name, value in reference.recipe(task).items()
        if name not in RECIPE
    ]
    return [
        (f"`{name}`", " ".join(meanings[name].rstrip(".").split()), _by_value(its))
        for name, its in _grouped(values, lambda row: row[0])
    ]


def _own(tasks: list[afnlab.Task]) -> list[tuple[str, ...]]:
    """The parameters that some tasks have of their own, with the defaults there."""
    values = [
        (one, task.name, one.usual) for task in tasks for one in reference.parameters_of(task)
    ]
    return [
        (f"`{name}`", allowed, meaning, _by_value(its))
        for (name, allowed, meaning), its in _grouped(
            values, lambda row: (row[0].name, row[0].allowed, row[0].meaning)
        )
    ]


def _grouped(rows: list[tuple], key: Callable[[tuple], object]) -> list[tuple]:
    groups: dict[object, list[tuple]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.items())


def _by_value(rows: list[tuple]) -> str:
    """Rows that end with a task and a value, by value: 0.2 (`digits-mlp`, `digits-rnn`)."""
    groups = _grouped(rows, lambda row: row[-1])
    return "; ".join(f"{v} ({', '.join(f'`{row[-2]}`' for row in its)})" for v, its in groups)


@cache
def _size(name: str) -> int:
    task, record = afnlab.get_task(name), afnlab.get_activation("relu")
    model = network(task, record, resolve(task, record, {}), seed=0)
    return sum(p.numel() for p in model.parameters())


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def gallery() -> str:
    """The README's picture: ink in a grey that is readable on light and dark pages."""
    from afnlab.figures import function_curves, style  # noqa: PLC0415

    names = [n for n in afnlab.list_activations() if afnlab.get_activation(n).elementwise]
    with style.styled():
        figure = function_curves.small_multiples(names, columns=8)
        svg = style.to_svg(figure, "Small graphs of the activation functions and their slopes")
    if "xmlns=" in svg[:400]:
        return svg
    return svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)


def floors() -> list[tuple[str, ...]]:
    """The floors of the package from the ground up, as tests/repository/test_layers.py has them."""
    for node in ast.parse(LAYERS.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS":
            return list(ast.literal_eval(node.value))
    raise ValueError(f"{LAYERS}: there is no FLOORS")


def design() -> str:
    """The page on the design, with the picture of the floors as they are today."""
    rows = [f"  block\n    {' '.join(floor)}\n  end" for floor in reversed(floors())]
    lines = ["```mermaid", "block-beta", "  columns 1", *rows, "```", ""]
    text, found = PICTURE.subn("\n".join(lines), DESIGN.read_text(encoding="utf-8"))
    if found != 1:
        raise ValueError(f"{DESIGN}: must have one block diagram, has {found}")
    return text


def same(old: str, new: str) -> bool:
    """Whether two texts are equal, but for last digits, in which processors differ: numbers by less
    than 0.01 (a hundredth of a pixel), and the names that matplotlib makes of them."""
    texts = (re.sub(r"\b[mp][0-9a-f]{10}\b", "", text) for text in (old, new))
    number = r"(-?\d+\.\d+)"
    parts = zip_longest(*(re.split(number, text) for text in texts))
    return all(
        a == b or (i % 2 and None not in (a, b) and abs(float(a) - float(b)) < 0.01)
        for i, (a, b) in enumerate(parts)
    )


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = 0
    plain = str.__eq__
    for path, made, equal in (
        (PAGE, page, plain),
        (PARAMETERS, parameters, plain),
        (DESIGN, design, plain),
        (GALLERY, gallery, same),
    ):
        old, new = path.read_text(encoding="utf-8") if path.is_file() else "", made()
        if equal(old, new):
            continue
        stale += 1
        if check:
            print(f"{path} is stale; run make docs", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(new, encoding="utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
