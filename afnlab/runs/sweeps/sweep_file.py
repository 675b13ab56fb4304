"""Sweep files: YAML that says which runs to make, with errors that name the line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from pathlib import Path

from afnlab import paths
from afnlab.errors import ParameterError
from afnlab.runs import file_labels, filtering, training_notebook
from afnlab.runs.conventions import REFERENCES
from afnlab.runs.fingerprint import one_look
from afnlab.runs.fingerprint.modules import is_file
from afnlab.runs.identity import absolute, is_in_file, with_whole_path
from afnlab.runs.notebook_parameters import declarations, encoding, yaml_lines
from afnlab.runs.notebook_parameters.training import PARAMS
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.sweeps import declared_metric, grid, until_decided
from afnlab.runs.sweeps.declared_metric import METRIC, DeclaredMetric
from afnlab.runs.sweeps.grid import Entry, GridError, Point, Position
from afnlab.spellings import unknown
from afnlab.training.options import seed_list
from afnlab.training.space import BUDGET, TUNE
from afnlab.training.tune import FAIR

DEFAULT = "default"  # the sweep to begin with, of those that afnlab has
_MANY = 500  # runs, from which on it is said that they are looked up
KEYS = ("title", "baseline", "notebook", "parameters", "tune", "grid", "zip", "seeds", METRIC)


class SweepError(ValueError):
    """A sweep file is not right; the message begins with its name and the line."""


@dataclass(frozen=True)
class Sweep:
    """A sweep: a notebook, parameters that all runs share, and what is to be combined.

    grid: a list or range of each name, see `sweeps.grid`; all combinations are made. zip:
    names whose lists go side by side, one mapping or several; each is one more axis of the grid.
    baseline: the label that a comparison of the runs is with, or an activation. seeds: a number, a
    list, or "until decided, at most 40" (see `until_decided`); a notebook that has no parameter
    `seeds` but one `seed` is run once for each. tune: what every run tunes before it is judged, see
    `afnlab.tune`. metric: what is compared of that which its notebook measures. folder: where
    references to files begin that are not beside the sweep file.
    """

    name: str
    notebook: str = "train"
    title: str = ""
    baseline: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    grid: Mapping[str, object] = field(default_factory=dict)
    zip: Mapping[str, object] | Sequence[Mapping[str, object]] = ()
    seeds: object = None
    tune: Mapping[str, object] = field(default_factory=dict)
    metric: DeclaredMetric | None = None
    path: Path | None = None
    lines: dict[Position, int] = field(default_factory=dict, repr=False)
    folder: Path = field(default_factory=Path.cwd, repr=False, compare=False)

    @one_look()
    def specs(
        self, *, here: bool = True, report: Callable[[str], None] | None = None, **overrides: object
    ) -> list[RunSpec]:
        """The runs, in the order of the grid; `overrides` replace shared parameters (None: do not).

        A budget makes a sweep tune that has no key `tune`: what `afnlab.tune` tunes by itself.
        here: whether the device must be this machine's. report: takes a line where there are so
        many that it takes long. SweepError, naming the line, for anything that a run may not be
        given.
        """
        overrides = {name: value for name, value in overrides.items() if value is not None}
        shared = {n: Entry(v, ("parameters", n)) for n, v in self.parameters.items()}
        if BUDGET in overrides:
            overrides[TUNE] = {**self.tuning, BUDGET: overrides.pop(BUDGET)}
        if self.tune:
            shared[TUNE] = Entry(self.tune, (TUNE,))
        axes = self._axes()
        seeds = overrides.pop("seeds", None)
        if seeds is not None:
            shared.pop("seeds", None)
        known = self.seeds if self.most_seeds is None else self.most_seeds
        entry = Entry(known, ("seeds",)) if seeds is None else Entry(seeds)
        if entry.value is not None and not self.has_one_seed:
            axes.append([{"seeds": entry}])
        elif entry.value is not None:
            try:
                listed = seed_list(entry.value)
            except ParameterError as error:
                raise self._refused(error, {"seeds": entry}) from None
            at = entry.at
            axes.append([{"seed": Entry(s, at and (*at, i))} for i, s in enumerate(listed)])
        self._counted(axes)
        number = prod(map(len, axes))
        if report is not None and number >= _MANY:
            report(f"{self.name}: {number:,} runs; looking up what each of them is")
        made: dict[str, RunSpec] = {}
        for combination in product(*axes):
            try:
                entries = grid.merged([shared, *combination])
            except GridError as error:
                raise self.wrong(str(error), *error.at) from None
            entries |= {name: Entry(value) for name, value in overrides.items()}
            parameters = {name: entry.value for name, entry in entries.items()}
            try:
                resolved = self._resolved(parameters) | absolute(_settled(overrides))
                spec = RunSpec.make(self.notebook, resolved, here=here)
                if spec.group not in made or self._names(spec):
                    made[spec.group] = spec
            except ParameterError as error:
                raise self._refused(error, entries) from None
            except ValueError as error:
                raise self.wrong(str(error), "notebook") from None
        self._check_baseline(made.values())
        return list(made.values())

    @property
    def most_seeds(self) -> int | None:
        """How many seeds a run has at most, where they are added until decided; else None."""
        return until_decided.most_seeds(self.seeds)

    @property
    def tuning(self) -> Mapping[str, object]:
        """What its runs tune if they are to: its own key `tune`, or what `afnlab.tune` tunes."""
        if not self.tune and TUNE not in self._declared():
            known = Path(self.notebook).name
            raise ValueError(f"{BUDGET} is for notebooks with a parameter 'tune'; {known} has none")
        return self.tune or FAIR

    def _counted(self, axes: Sequence[Sequence[Point]]) -> None:
        try:
            grid.counted_runs(prod(map(len, axes)))
        except GridError as error:
            sizes = " x ".join(f"{'/'.join(a[0])} {len(a):,}" for a in axes if len(a) > 1)
            where = max(axes, key=len)[0]
            at = next(iter(where.values())).at[:2]
            raise self.wrong(f"{error} ({sizes})", *at) from None

    def _refused(self, error: ParameterError, entries: Mapping[str, Entry]) -> ValueError:
        """The error that one about a parameter is, with the line where that is given.

        What is wrong with an override stands in no file.
        """
        entry = entries.get(error.name)
        inside = entries.get(PARAMS)
        if entry is None and inside is not None and error.name in inside.value:
            entry = Entry(inside.value[error.name], inside.at and (*inside.at, error.name))
        if entry is not None and not entry.at:
            return error
        return self.wrong(str(error), *((*entry.at, *error.at) if entry else ()))

    def _names(self, spec: RunSpec) -> bool:
        """Whether the baseline is this activation: of two copies of a file it is the one named."""
        name = file_labels.parted(self.baseline)[0]
        return isinstance(spec, TrainingSpec) and spec.row.activation == name

    def _check_baseline(self, specs: Iterable[RunSpec]) -> None:
        trainings = [spec for spec in specs if isinstance(spec, TrainingSpec)]
        if not self.baseline:
            return
        if not trainings:
            raise self.wrong(
                "baseline is only for notebooks that train an activation on a task, as 'train' "
                f"does; {Path(self.notebook).name} does not: leave it out",
                "baseline",
            )
        try:
            chosen = [one for _, one in until_decided.baselines(trainings, self.baseline)]
        except ParameterError as error:
            raise self.wrong(str(error), "baseline") from None
        if not any(chosen):
            labels = [
                label for one in trainings for label in (one.row.labels[0], one.row.activation)
            ]
            meant = file_labels.meant(self.baseline, labels)
            *known, asked = file_labels.shown([*labels, meant])
            raise self.wrong(unknown("baseline", asked, dict.fromkeys(known)), "baseline")

    def wrong(self, message: str, *at: object) -> SweepError:
        """The error that a message is, with the file and the line of the entry it speaks of."""
        while at and at not in self.lines:
            at = at[:-1]
        line = self.lines.get(at, 1)
        return SweepError(f"{self.path or self.name}, line {line}: {message}{self._item(at)}")

    def _item(self, at: Position) -> str:
        """Which of the entries of a list it is, where several stand on one line."""
        *holding, last = at or ("",)
        if not isinstance(last, int):
            return ""
        beside = [self.lines.get((*holding, last + step)) for step in (-1, 1)]
        return f" (item {last + 1})" if self.lines[at] in beside else ""

    @property
    def trains(self) -> bool:
        """Whether its notebook trains an activation on a task."""
        return training_notebook.trains(self._declared())

    @property
    def has_one_seed(self) -> bool:
        """Whether its notebook is run once for each of the seeds."""
        return training_notebook.has_one_seed(self._declared())

    def _declared(self) -> Mapping[str, declarations.Declared]:
        try:
            return declarations.declared(paths.find("notebooks", self.notebook, ".ipynb"))
        except ValueError as error:
            raise self.wrong(str(error), "notebook") from None

    def _axes(self) -> list[list[Point]]:
        axes: list[list[Point]] = []
        for name, values in self.grid.items():
            at: Position = ("grid", name)
            self._check_name(name, *at)
            try:
                axes.append(grid.axis(name, values, at))
            except GridError as error:
                raise self.wrong(str(error), *at, *error.at) from None
        single = isinstance(self.zip, Mapping)
        for number, lists in enumerate([self.zip] if single else self.zip):
            at = ("zip",) if single else ("zip", number)
            if not isinstance(lists, Mapping) or not lists:
                raise self.wrong("zip must be a mapping of lists, or a list of such", *at)
            for name in lists:
                self._check_name(name, *at, name)
            try:
                axes.append(grid.together(lists, at))
            except GridError as error:
                raise self.wrong(str(error), *at, *error.at) from None
        self._counted(axes)
        for name, entry in (item for axis in axes for point in axis for item in point.items()):
            self._check_name(name, *entry.at)  # of an activation's own parameters
        return axes

    def _check_name(self, name: str, *at: object) -> None:
        """Runs that differ in seeds alone are one, whose seeds stand in one place."""
        if name == "seeds":
            where = "the grid" if at[0] == "grid" else at[0]
            raise self.wrong(f"seeds stand at the top level, not in {where}", *at)

    def _resolved(self, values: Mapping[str, object]) -> dict[str, object]:
        """References with relative paths are meant from the sweep file's folder first."""
        return {**values, **absolute(_settled(values), _folders(self.path, self.folder))}


def _settled(values: Mapping[str, object]) -> dict[str, object]:
    """Those of the values that may be references to files."""
    return {n: encoding.settle(n, values[n]) for n in REFERENCES if n in values}


def _folders(path: Path | None, folder: Path = Path()) -> list[Path]:
    """Where references to files may begin: beside a sweep file, if there is one; else here."""
    return [folder] if path is None else [path.parent, folder]


def read(ref: str | Path | Mapping[str, object]) -> Sweep:
    """The sweep in a file, a path or the name of one of afnlab's own, or in a mapping.

    SweepError names the line.
    """
    if isinstance(ref, Mapping):
        return _checked(dict(ref), "sweep", None, {})
    path = paths.find("sweeps", ref, ".yaml")
    try:
        content, lines = yaml_lines.read(path)
    except yaml_lines.LinedError as error:
        raise SweepError(str(error)) from None
    return _checked(content, path.stem, path, lines)


def _checked(content: object, name: str, path: Path | None, lines: dict[Position, int]) -> Sweep:
    wrong = Sweep(name, path=path, lines=lines).wrong
    if not isinstance(content, dict):
        raise wrong(f"must be a mapping with the keys {', '.join(KEYS)}")
    for key in content:
        if key not in KEYS:
            raise wrong(unknown("key", key, KEYS), key)
    kinds: dict[str, type | tuple[type, ...]] = {"parameters": dict, "grid": dict, "tune": dict}
    kinds |= {"title": str, "baseline": str, "notebook": (str, Path), "zip": (dict, list)}
    for key, kind in kinds.items():
        if key in content and not isinstance(content[key], kind):
            word = {dict: "mapping", (dict, list): "mapping of lists"}.get(kind, "text")
            raise wrong(f"{key} must be a {word}", key)
    seeds = content.get("seeds")
    if isinstance(seeds, str) and until_decided.most_seeds(seeds) is None:
        form = f"a number, a list, or {until_decided.FORM!r}"
        raise wrong(f"seeds must be {form}; got {seeds!r}", "seeds")
    notebook = str(content.get("notebook", "train"))
    beside = (path.parent if path else Path()) / notebook
    try:
        notebook_path = paths.find("notebooks", beside if beside.is_file() else notebook, ".ipynb")
    except ValueError as error:
        raise wrong(str(error), "notebook") from None
    rest = {k: content[k] for k in KEYS if k in content and k != "notebook"}
    rest["baseline"] = _located(rest.get("baseline", ""), _folders(path))
    if METRIC in rest:
        rest[METRIC] = declared_metric.declared(rest[METRIC], wrong)
    plan = Sweep(name, str(notebook_path), **rest, path=path, lines=lines)
    if plan.metric is not None and plan.trains:
        raise wrong(
            f"{METRIC} is only for notebooks that measure something of yours, and"
            f" {notebook_path.name} trains: its task says what it is judged by",
            METRIC,
        )
    plan._axes()  # what is wrong in the grid is said when the file is read
    return plan


def _located(baseline: str, folders: Sequence[Path]) -> str:
    """A baseline with the whole path of its file, which is where an entry of the grid means it.

    A label, which may say less of the path, stays one: a name without a folder is not looked for
    in the current folder.
    """
    reference, settings = file_labels.parted(baseline)
    file = reference.rpartition(":")[0]
    whole = with_whole_path(reference, folders if Path(file).name != file else folders[:1])
    there = is_in_file(whole) and is_file(Path(whole.rpartition(":")[0]))
    return whole + settings if there else baseline


def chosen(specs: Sequence[RunSpec], only: filtering.Only) -> list[RunSpec]:
    """The specs that have these values, see `filtering.chosen`.

    A key is a parameter's name, or `id` or `label`.
    """
    return filtering.chosen(specs, facts, only)


def facts(spec: RunSpec) -> dict[str, object]:
    """What a run is chosen by, see `filtering.facts`."""
    return filtering.facts(spec.id, spec.label, spec.normal, spec.parameters)
