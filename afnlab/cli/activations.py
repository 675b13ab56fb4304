"""`afnlab list`, `afnlab check` and `afnlab signal`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator

import afnlab
from afnlab.cli.flags import examples
from afnlab.cli.terminal import BOLD, GAP, columns, formula, shortened
from afnlab.messages import say
from afnlab.paths import INDEX, shared


def add_list(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("list", "", "parameters", "tasks --long")
    sub.set_defaults(command=_list)
    sub.add_argument(
        "list", nargs="?", choices=tuple(_LISTS), help="list only these (default: all)"
    )
    sub.add_argument(
        "-l",
        "--long",
        action="store_true",
        help="list the parameters of the activations, the recipes of the tasks and the meaning of"
        " the parameters too",
    )


def _list(a: argparse.Namespace) -> int:
    for number, what in enumerate([a.list] if a.list else _LISTS):
        if number:
            say()
        say(f"{what}:", styles={what: BOLD})
        rows = [("", *row) for row in _LISTS[what](a.long)]
        before = max((len(name) for _, name, _ in rows), default=0) + 2 * len(GAP)
        for line in columns([(*row, shortened(text, before)) for *row, text in rows]):
            say(line)
    return 0


def _activations(long: bool) -> Iterator[tuple[str, str]]:
    for name in afnlab.list_activations():
        record = afnlab.get_activation(name)
        yield name, formula(record.latex)
        if long:
            params = (f"{n}={p.default:g}" for n, p in record.params.items())
            yield "", f"nn.{record.module.split()[0]}({', '.join(params)})"


def _tasks(long: bool) -> Iterator[tuple[str, str]]:
    from afnlab.runs.notebook_parameters import reference

    for name in afnlab.list_tasks():
        task = afnlab.get_task(name)
        yield name, task.summary
        if long:
            settings = [(one.name, one.usual) for one in reference.parameters_of(task)]
            yield (
                "",
                ", ".join(" ".join(pair) for pair in (*reference.recipe(task).items(), *settings)),
            )


def _parameters(long: bool) -> Iterator[tuple[str, str]]:
    """Those of every training; the chosen activation and task have others beside them."""
    from afnlab.runs.notebook_parameters import reference

    for one in reference.parameters():
        yield one.name, f"{one.allowed} (default: {one.usual})" if one.usual else one.allowed
        if long:
            yield "", one.meaning


def _sweeps(_: bool) -> Iterator[tuple[str, str]]:
    import yaml

    for path in sorted(shared("sweeps").glob("*.yaml")):
        yield path.stem, yaml.safe_load(path.read_text(encoding="utf-8")).get("title", "")


def _notebooks(_: bool) -> Iterator[tuple[str, str]]:
    from afnlab.runs.kernel.notebook_format import import_nbformat

    nbformat = import_nbformat()
    for path in sorted(shared("notebooks").glob("*.ipynb")):
        if path.name != INDEX:  # which has nothing to be run
            notebook = nbformat.read(path, 4)
            texts = (c.source for c in notebook.cells if c.cell_type == "markdown")
            heading = next(texts, "").partition("\n")[0].lstrip("# ")
            yield path.stem, notebook.metadata.get("title", heading)


_LISTS: dict[str, Callable[[bool], Iterable[tuple[str, str]]]] = {
    "activations": _activations,
    "tasks": _tasks,
    "parameters": _parameters,
    "sweeps": _sweeps,
    "notebooks": _notebooks,
}


def add_check(sub: argparse.ArgumentParser) -> None:
    words = ("srelu gelu", "my_idea.py:softer torch.nn:SiLU torch_activation")
    sub.epilog = examples("check", *words)
    sub.set_defaults(command=_check)
    sub.add_argument(
        "refs",
        nargs="*",
        metavar="REF",
        help="a name, my.py:thing (my.py alone, if it holds one), package.module:thing, or a"
        " package (default: all of afnlab's)",
    )


def _check(a: argparse.Namespace) -> int:
    from afnlab.functions import check

    table = check.check(a.refs)
    for line in (*check.lines(table), check.summary(table)):
        say(line)
    return int(check.faulty(table) or check.unchecked(table, a.refs))


def add_signal(sub: argparse.ArgumentParser) -> None:
    sub.epilog = examples("signal", "gelu", "srelu -p t 0.5 --sigma-w 1.4 --sigma-b 0.4")
    sub.set_defaults(command=_signal)
    sub.add_argument("refs", nargs="+", metavar="REF", help="an activation: a name, or my.py:thing")
    sub.add_argument(
        "-p",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a parameter of the activations",
    )
    help_w = "standard deviation of the weights times sqrt(inputs) (default: the gain)"
    sub.add_argument("--sigma-w", type=float, metavar="S", help=help_w)
    sub.add_argument(
        "--sigma-b", type=float, default=0.0, metavar="S", help="that of the biases (default 0)"
    )


def _signal(a: argparse.Namespace) -> int:
    from afnlab.signal import summary

    params = {name: _float(name, value) for name, value in a.p}
    for i, ref in enumerate(a.refs):
        try:
            facts = summary(ref, a.sigma_w, a.sigma_b, **params)
        except TypeError as error:  # a parameter that it has not
            raise ValueError(str(error)) from error
        if i:
            say()
        say(facts.name)
        wide = max(map(len, facts.index))
        for name, text in facts.items():
            say(f"  {name:{wide}}  {text}")
    return 0


def _float(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"-p {name} must be a number, got {text!r}") from None
