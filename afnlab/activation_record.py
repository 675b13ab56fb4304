"""The record of an activation function: its properties, and how it is computed.

It is made by the decorator of `afnlab.registry`.
"""

from __future__ import annotations

import inspect
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from afnlab.errors import shown
from afnlab.param import Number, Param
from afnlab.spellings import unknown
from afnlab.symbolic import is_symbol, recorded
from afnlab.usercode.loaded import PRIVATE, is_installed

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


@dataclass(frozen=True, eq=False)
class Activation:
    """An activation function: a pure function of tensors, and all that is known about it.

    Call it as `f(x, *params, **params)` with a floating-point tensor of any shape; parameters may
    be numbers or tensors that broadcast against x. The result has x's shape and dtype. An integer,
    complex or 8-bit x is a TypeError; an unknown or out-of-domain parameter an error that names it.
    A stochastic one takes `noise`, uniform on [0, 1) and of x's shape; None means its mean.
    `inplace` is accepted for torch's sake, and is only a hint: x is never overwritten. A function
    across a dimension takes `dtype`, to which it converts x first, as torch's do.

    Attributes:
        fn: `fn(x, **params)`, written in torch.
        module: the name of its class in `afnlab.nn`; further words are other names of it.
        params: its parameters by name.
        latex: the formula.
        reference: a key of `afnlab.bibliography`.
        range: the closed hull of its values at the default parameters.
        kinks: where a first or second derivative jumps: numbers, or a function of the parameters.
        elementwise: whether a value depends on its own input alone.
        fused: whether torch has a single kernel for it whose values and slopes in half precision
            are rounded once; all others are evaluated in float32 there and rounded once.
    """

    fn: Callable[..., Tensor]
    module: str
    params: Mapping[str, Param] = field(default_factory=dict)
    latex: str = ""
    reference: str = ""
    range: tuple[float, float] = (-inf, inf)
    kinks: tuple[float, ...] | Callable[..., tuple[float, ...]] = ()
    elementwise: bool = True
    fused: bool = False

    def __post_init__(self) -> None:
        signature = inspect.signature(self.fn)
        names = [n for n in signature.parameters if n != "noise"][1:]
        if names != list(self.params):
            raise TypeError(
                f"@activation {self.name}: the function takes {names} after x, "
                f"but Params are given for {list(self.params)}"
            )
        noise = [inspect.Parameter("noise", inspect.Parameter.KEYWORD_ONLY, default=None)]
        parameters = [
            inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=p.default)
            for n, p in self.params.items()
        ]
        x = inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        shown = inspect.Signature([x, *parameters, *(noise if self.stochastic else [])])
        object.__setattr__(self, "__signature__", shown)
        object.__setattr__(self, "__name__", self.name)
        object.__setattr__(self, "__module__", self.fn.__module__)
        object.__setattr__(self, "__doc__", self._documented())

    def _documented(self) -> str:
        """What `help` shows: the function's own words, and its parameters in Google's style."""
        summary = inspect.cleandoc(self.fn.__doc__ or f"{self.name}.")
        entries = [f"    {name}: {p.description}" for name, p in self.params.items()]
        return "\n\n".join([summary, "\n".join(["Args:", *entries])] if entries else [summary])

    @property
    def name(self) -> str:
        return self.fn.__name__

    @cached_property
    def stochastic(self) -> bool:
        """True if it is random in training."""
        return "noise" in inspect.signature(self.fn).parameters

    @cached_property
    def as_torch_in_place(self) -> bool:
        """True if torch's module of the same name takes inplace, as its last argument."""
        torchs = [getattr(torch.nn, word, None) for word in self.module.split()]
        return any(m is not None and "inplace" in inspect.signature(m).parameters for m in torchs)

    @cached_property
    def trainable(self) -> tuple[str, ...]:
        """The parameters that can be trained: those by which it has a gradient anywhere.

        Found by evaluating it once, so it holds for a user's own too.
        """
        names = [name for name, p in self.params.items() if not p.fixed]
        # In a thread of its own, where no transform or mode of the caller's is at work.
        with ThreadPoolExecutor(1) as alone:
            return tuple(name for name in names if alone.submit(_has_gradient, self, name).result())

    @property
    def file(self) -> str:
        """Path of the source file that defines it."""
        return inspect.unwrap(self.fn).__code__.co_filename

    @property
    def built_in(self) -> bool:
        """True if it is one of afnlab's own, which its name alone identifies."""
        return BUILT_IN.get(self.name) is self

    @property
    def home(self) -> str:
        """The place of its definition: its file, or the module of an installed package, which any
        machine with that package can import."""
        module = str(getattr(inspect.unwrap(self.fn), "__globals__", {}).get("__name__", ""))
        importable = is_installed(self.file) and not module.startswith((PRIVATE, "__main__"))
        return module if importable and module else self.file

    @property
    def key(self) -> str:
        """The key by which `get_activation` finds it: its name or `path:name` of a user's own."""
        return self.name if self.built_in else f"{self.home}:{self.name}"

    def lasting_key(self) -> str:
        """The key, by which another process finds it too.

        ValueError for one that cannot be found again: of a notebook's cell, of an interactive
        session, of `exec`, or one that its file does not hold under this name.
        """
        if self.built_in:
            return self.name
        names = getattr(inspect.unwrap(self.fn), "__globals__", {})
        there = Path(self.file)
        if there.suffix != ".py" or not there.is_file() or "__file__" not in names:
            home = "a notebook's cell or an interactive session"
            if any(map(zipfile.is_zipfile, there.parents)):
                home = f"{there}, inside an archive"
        elif names.get(self.name) is not self:
            home = f"{there}, but not as {self.name} at its top level"
        else:
            home = self.home if self.home != self.file else str(there.resolve())
            return f"{home}:{self.name}"
        raise ValueError(
            f"{self.name}: is defined in {home}, where no other process finds it;"
            f" put it into a file (my.py) and refer to it as my.py:{self.name}"
        )

    @property
    def label(self) -> str:
        """Its name in tables and figures; with its file (`file.py:name`) for a user's own, or the
        module (`package.module:name`) of an installed package."""
        return self.name if self.built_in else f"{Path(self.home).name}:{self.name}"

    def kinks_at(self, **params: Number) -> tuple[float, ...]:
        """The kinks at these parameters.

        Args:
            **params: values by name; the others are at their defaults.

        Returns:
            The points, ascending.
        """
        kinks = self.kinks(**self.complete(params)) if callable(self.kinks) else self.kinks
        return tuple(sorted(kinks))

    def complete(self, given: Mapping[str, object]) -> dict[str, Any]:
        """All parameters of the function.

        Args:
            given: values by name or alias.

        Returns:
            The given ones under their own names, checked, the others by default.

        Raises:
            TypeError, ParameterError: for an unknown name, or a value that is not allowed.
        """
        values: dict[str, object] = {name: p.default for name, p in self.params.items()}
        for name, value in given.items():
            parameter = self.canonical(name)
            values[parameter] = self.params[parameter].check(f"{self.name}: {name}", value)
        return values

    def bind(self, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:
        """The parameters of a call by their own names.

        A Boolean behind them is torch's inplace, `LeakyReLU(0.2, True)`, and none of them.

        Args:
            args: by position, after x.
            kwargs: by name or alias.

        Raises:
            TypeError: for one given twice, or one too many.
        """
        if args and isinstance(args[-1], bool) and self.as_torch_in_place:
            args = args[:-1]
        if len(args) > len(self.params):
            raise TypeError(f"{self.name}: takes {list(self.params)} after x, got {len(args)} more")
        values = dict(zip(self.params, args, strict=False))
        for name, value in kwargs.items():
            parameter = self.canonical(name)
            if parameter in values:
                raise TypeError(f"{self.name}: parameter {name!r} is given twice")
            values[parameter] = value
        return values

    def canonical(self, name: str) -> str:
        """The parameter's own name.

        Args:
            name: a name or an alias.

        Raises:
            TypeError: for any other, which lists them.
        """
        if name in self.params:
            return name
        for parameter, p in self.params.items():
            if name in p.aliases:
                return parameter
        raise TypeError(unknown("parameter", name, self.params, of=self.name))

    def __call__(
        self,
        x: Tensor,
        *args: object,
        noise: Tensor | None = None,
        inplace: bool = False,
        dtype: torch.dtype | None = None,
        **kwargs: object,
    ) -> Tensor:
        if is_symbol(x):
            settings = {"noise": noise, "dtype": dtype}
            settings = {name: value for name, value in settings.items() if value is not None}
            return recorded(self, x, *args, **kwargs, **settings)
        if not isinstance(inplace, bool):
            raise TypeError(f"{self.name}: inplace must be True or False, got {shown(inplace)}")
        if dtype is not None and isinstance(x, Tensor):
            x = self._converted(x, dtype)
        if not isinstance(x, Tensor) or x.dtype not in DTYPES:
            got = x.dtype if isinstance(x, Tensor) else type(x).__name__
            how = "dequantize" if isinstance(x, Tensor) and x.is_quantized else "float"
            raise TypeError(
                f"{self.name}: x must be a tensor of a floating-point dtype of 16 bits or more, got"
                f" {got} (convert it first, for example with x.{how}())"
            )
        values = self.complete(self.bind(args, kwargs))
        if noise is not None:
            if not self.stochastic:
                raise TypeError(f"{self.name}: is not stochastic and takes no noise")
            if not isinstance(noise, Tensor):
                raise TypeError(f"{self.name}: noise must be a tensor, got {shown(noise)}")
            values["noise"] = noise
        return self._compute(x, values)

    def _converted(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        if self.elementwise:
            raise TypeError(
                f"{self.name}: takes no dtype, the result has that of x; write x.to(dtype)"
            )
        if dtype not in DTYPES:
            kinds = ", ".join(map(str, DTYPES))
            raise TypeError(f"{self.name}: dtype must be among {kinds}; got {shown(dtype)}")
        return x.to(dtype)

    def _compute(self, x: Tensor, values: dict[str, Tensor | float]) -> Tensor:
        for backend in BACKENDS:
            y = backend(self, x, values)
            if y is not None:
                return y
        if x.dim() == 0 and not any(isinstance(v, Tensor) and v.dim() for v in values.values()):
            # The tangent of a product of numbers without dimensions would be one of float64.
            return self._evaluate(x.view(1), values).view(())
        return self._evaluate(x, values)

    def _evaluate(self, x: Tensor, values: dict[str, Tensor | float]) -> Tensor:
        """By the definition."""
        half = x.dtype in (torch.float16, torch.bfloat16)
        tensors = any(isinstance(v, Tensor) for v in values.values())
        # Half types: one rounding at the end instead of one in every operation.
        work = x.float() if half and (tensors or not self.fused) else x
        if tensors:
            values = {
                n: v.to(work.dtype) if isinstance(v, Tensor) else v for n, v in values.items()
            }
        y = self.fn(work, **values)
        if not isinstance(y, Tensor) or not y.is_floating_point():
            got = f"a tensor of {y.dtype}" if isinstance(y, Tensor) else type(y).__name__
            raise TypeError(f"{self.label}: must return a floating-point tensor, returned {got}")
        plain = not (tensors or x.is_nested or torch.jit.is_tracing())  # whose shape can be asked
        if plain and y.shape != x.shape:
            raise ValueError(
                f"{self.label}: must return a tensor of x's shape {tuple(x.shape)},"
                f" returned one of {tuple(y.shape)}"
            )
        # float64 out of less is a constant's doing; other types may be autocast's.
        return y.to(x.dtype) if work is not x or y.dtype == torch.float64 else y

    def __deepcopy__(self, memo: dict) -> Activation:
        return self

    def __repr__(self) -> str:
        return f"<activation {self.label}{self.__signature__}>"  # type: ignore[attr-defined]


def _has_gradient(record: Activation, name: str) -> bool:
    """Whether the gradient by this parameter differs from zero anywhere on a grid of inputs and
    values; True where that cannot be told, since the function raises an error."""
    p = record.params[name]
    low, high = (
        end if abs(end) < inf else p.default + step for end, step in ((p.low, -1), (p.high, 1))
    )
    near = torch.linspace(-8.03, 7.91, 192, dtype=torch.float64, device="cpu")
    far = torch.logspace(-9, 6, 64, dtype=torch.float64, device="cpu")  # and very near
    x = torch.cat([near, far, -far]).view(-1, 2)
    weights = torch.linspace(1, 2, x.numel(), dtype=torch.float64, device="cpu").view_as(x)
    for value in (p.default, *(low + part * (high - low) for part in (0.3, 0.5, 0.8))):
        leaf = torch.tensor(value, dtype=torch.float64, device="cpu", requires_grad=True)
        try:
            y = record.fn(x, **record.complete({}) | {name: leaf})
            total = (y * weights).sum()  # not all the same: slopes of both signs may cancel
            grads = torch.autograd.grad(total, leaf, allow_unused=True) if y.requires_grad else ()
        except Exception:  # it may be somebody else's code; the call itself will say
            return True
        if any(g is not None and g.any() for g in grads):
            return True
    return False


# What computes an activation in place of its definition, from x and the values of its parameters,
# the noise among them. None: not this one, not here.
Backend = Callable[[Activation, Tensor, Mapping[str, Tensor | float]], Tensor | None]
BACKENDS: list[Backend] = []

BUILT_IN: dict[str, Activation] = {}  # afnlab's own, by name
