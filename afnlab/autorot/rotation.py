"""The rotation: what all thirteen layers share.

An Auto-Rotating layer returns rho f(x), with f the plain layer (weights and bias, before any
activation) and rho = L / (|f(x_Q)| + eps) for a constant input x_Q (Saromo, Villota and Villanueva
2019). f(x_Q) depends on the weights alone, so nothing here passes over the batch a second time:
either the weights are rotated, or the output is scaled.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from math import inf
from sys import float_info
from typing import Any

import torch
from torch import Tensor, nn

from afnlab.clamping import inward_clamp
from afnlab.eager import is_plain
from afnlab.errors import shown
from afnlab.restoring import Restoring, kept, write

EPS = 1e-5
SETTINGS = ("L", "xmin_lim", "xmax_lim", "x_q", "eps", "auto_rot", "trainable_L")


class Rotation(Restoring):
    """Mixin before a torch layer, which takes these keywords beside the layer's own arguments.

    Args:
        L: limit of the dynamic region [-L, L], above 0; None only with auto_rot=False.
        xmin_lim, xmax_lim: limits of the values that enter the layer.
        x_q: the probe: "auto" for 2 xmax_lim - xmin_lim, a number, or (feed-forward layers) a
            tensor with one value per input feature.
        eps: guards the division.
        auto_rot: False gives the plain layer, bit for bit.
        trainable_L: L becomes a parameter.
        *args: what the torch layer takes.
        **kwargs: what the torch layer takes by name.

    Raises:
        ValueError: for L <= 0, xmax_lim < xmin_lim, or L=None with auto_rot on.
    """

    features: int | None = None  # size of a tensor x_q; None: no tensor is taken
    __signature__: inspect.Signature | None = None

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Give `help` one signature: the layer's arguments and the keywords below."""
        super().__init_subclass__(**kwargs)
        layer = cls.__mro__[cls.__mro__.index(Restoring) + 1]
        if "__init__" in vars(cls) or not issubclass(layer, nn.Module):
            cls.__signature__ = None
            return
        theirs = inspect.signature(layer).parameters.values()
        rest = [p for p in theirs if p.kind == p.VAR_KEYWORD]
        keywords = [
            p for p in inspect.signature(Rotation).parameters.values() if p.kind == p.KEYWORD_ONLY
        ]
        if rest:  # takes these too, and torch.nn.utils.skip_init asks the signature
            keywords += [
                inspect.Parameter(n, keywords[0].kind, default=None) for n in ("device", "dtype")
            ]
        named = [p for p in theirs if p not in rest]
        cls.__signature__ = inspect.Signature([*named, *keywords, *rest])

    def __init__(
        self,
        *args: object,
        L: float | None = 4.0,
        xmin_lim: float = 0.0,
        xmax_lim: float = 1.0,
        x_q: float | str | Tensor = "auto",
        eps: float = EPS,
        auto_rot: bool = True,
        trainable_L: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.set_rotation(L, xmin_lim, xmax_lim, x_q, eps, auto_rot, trainable_L)

    def set_rotation(
        self,
        L: float | None = 4.0,
        xmin_lim: float = 0.0,
        xmax_lim: float = 1.0,
        x_q: float | str | Tensor = "auto",
        eps: float = EPS,
        auto_rot: bool = True,
        trainable_L: bool = False,
    ) -> None:
        """Set what the constructor takes, checked.

        Args:
            L, xmin_lim, xmax_lim, x_q, eps, auto_rot, trainable_L: as in the constructor.

        Raises:
            ValueError: as the constructor.
        """
        assert isinstance(self, nn.Module)
        name = type(self).__name__
        for label, flag in (("auto_rot", auto_rot), ("trainable_L", trainable_L)):
            if not isinstance(flag, bool):
                raise ValueError(f"{name}: {label} must be true or false, got {shown(flag)}")
        if L is None and (auto_rot or trainable_L):
            raise ValueError(
                f"{name}: L is None, which needs auto_rot=False; give a number above 0"
            )
        if L is not None and not (_is_number(L) and L > 0):
            raise ValueError(f"{name}: L must be a number above 0, got {shown(L)}")
        for label, limit in (("xmin_lim", xmin_lim), ("xmax_lim", xmax_lim)):
            if not _is_number(limit):
                raise ValueError(f"{name}: {label} must be a finite number, got {shown(limit)}")
        if xmax_lim < xmin_lim:
            got = f"{shown(xmax_lim)} and {shown(xmin_lim)}"
            raise ValueError(f"{name}: xmax_lim must be at least xmin_lim, got {got}")
        if not (_is_number(eps) and eps > 0):
            raise ValueError(f"{name}: eps must be a number above 0, got {shown(eps)}")
        self._check_probe(name, x_q)
        forget(self)
        self.xmin_lim, self.xmax_lim, self.eps = xmin_lim, xmax_lim, eps
        self.auto_rot, self.trainable_L = auto_rot, trainable_L
        self._start = {"L": L} if trainable_L else {}
        if trainable_L:
            weight = next(self.parameters())
            self.L: Any = nn.Parameter(weight.new_tensor([L]))
        else:
            self.L = L
        if isinstance(x_q, Tensor):
            weight = next(self.parameters())
            self._start["x_q"] = kept(x_q)
            # Not persistent: the state's keys stay those of the plain layer.
            self.register_buffer("x_q", kept(x_q).to(weight), persistent=False)
        else:
            self.x_q: float | str | Tensor = x_q

    def _check_probe(self, name: str, x_q: object) -> None:
        if isinstance(x_q, Tensor):
            if self.features is None:
                raise ValueError(f"{name}: x_q must be a number or 'auto', a tensor is not taken")
            if x_q.shape != (self.features,):
                raise ValueError(
                    f"{name}: x_q must hold {self.features} values, one per input feature, got a"
                    f" tensor of shape {tuple(x_q.shape)}"
                )
        elif not (x_q == "auto" or _is_number(x_q)):
            raise ValueError(f"{name}: x_q must be 'auto', a number or a tensor, got {shown(x_q)}")

    @property
    def probe(self) -> float | Tensor:
        """The value of x_Q."""
        return 2 * self.xmax_lim - self.xmin_lim if isinstance(self.x_q, str) else self.x_q

    @property
    def limit(self) -> Any:
        """The value of L; a trained one is kept above 0."""
        # A number with a name would be an input to torch.compile(dynamic=True), which fails at its
        # second use.
        return inward_clamp(self.L, 1e-3, inf) if self.trainable_L else self.L

    def rho(self, f: Tensor) -> Tensor:
        """The factor for pre-activations.

        Args:
            f: the value of the pre-activations at the probe.

        Returns:
            L / (abs(f) + eps), of the shape of f; in float32 for half-precision types.
        """
        return self.limit * inverse_size(f, self.eps)

    def constant(self, like: Tensor, *shape: int) -> Tensor:
        """The probe as an input.

        Args:
            like: a tensor with the type and device of the result.
            *shape: the size of each dimension after the batch; the first is the number of features.

        Returns:
            A tensor; its shape is 1, then `shape`.
        """
        x_q = self.probe
        if isinstance(x_q, Tensor):
            return x_q.to(like.dtype).view(1, -1, *[1] * (len(shape) - 2)).expand(shape)
        return like.new_full(shape, x_q)

    def extra_repr(self) -> str:
        x_q = "tensor" if isinstance(self.x_q, Tensor) else repr(self.x_q)
        L = f"{self.L.item():.4g}" if isinstance(self.L, Tensor) else self.L
        settings = f"L={L}, xmin_lim={self.xmin_lim}, xmax_lim={self.xmax_lim}, x_q={x_q}"
        settings += f", eps={self.eps}" if self.eps != EPS else ""
        settings += "" if self.auto_rot else ", auto_rot=False"
        settings += ", trainable_L=True" if self.trainable_L else ""
        plain = super().extra_repr()  # type: ignore[misc]
        return f"{plain}, {settings}" if plain else settings

    def reset_parameters(self) -> None:
        """Draw the plain layer's parameters anew; a trained L and a tensor x_q are as they were
        given."""
        super().reset_parameters()  # type: ignore[misc]
        self._restore(self._start)

    def _restore(self, names: Iterable[str]) -> None:
        for name in names:
            write(self, name, self._start[name])

    def _load_from_state_dict(
        self: Any,
        state: Mapping[str, Tensor],
        prefix: str,
        metadata: Mapping[str, object],
        *args: object,
    ) -> None:
        """A plain layer's state holds no L, and leaves ours as it is; an older one holds it
        without dimensions.

        A layer on the meta device that takes over the tensors of a state (assign=True) lacks what
        the state does not hold.
        """
        devices = {t.device for n, t in state.items() if n.startswith(prefix)}
        if metadata.get("assign_to_params_buffers") and len(devices) == 1:
            self._join(devices.pop())
        if "L" in self._parameters:
            state = {**state, prefix + "L": state.get(prefix + "L", self.L.detach()).view(-1)}
        super()._load_from_state_dict(state, prefix, metadata, *args)  # type: ignore[misc]

    def _join(self: Any, device: torch.device) -> None:
        """Give what is on the meta device memory on another, and its start."""
        hollow = self._hollow()
        for held in (self._parameters, self._buffers):
            for name in hollow & held.keys():
                empty = torch.empty_like(held[name], device=device)
                held[name] = nn.Parameter(empty) if held is self._parameters else empty
        self._restore(hollow - self._hollow())


def _is_number(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) <= float_info.max


def forget(layer: nn.Module) -> None:
    """Remove the settings of a layer."""
    for name in (*SETTINGS, "_start"):
        if name in layer._parameters or name in layer._buffers or name in layer.__dict__:
            delattr(layer, name)


def for_any_size(x: Tensor) -> bool:
    """Whether nothing may depend on the size of x: what is exported or traced serves other sizes
    too, and nested tensors have no one size. Then the weights are rotated."""
    return not is_plain(x) or torch.compiler.is_exporting() or torch.jit.is_tracing()


def inverse_size(f: Tensor, eps: float) -> Tensor:
    """1 / (|f| + eps), which is rho / L; half types: in float32."""
    f = f.float() if f.dtype in (torch.float16, torch.bfloat16) else f
    return (f.abs() + eps).reciprocal()


def scaled(y: Tensor, rho: Tensor) -> Tensor:
    """rho y, of y's type (rho may have a wider one)."""
    return (y * rho).to(y.dtype)


def column(rho: Tensor, weight: Tensor) -> Tensor:
    """rho (rows,) as factors of a weight (rows, ...)."""
    return rho.view(-1, *[1] * (weight.dim() - 1))


def rotated(rho: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Weight (rows, ...) and bias (rows,) of a layer whose output is rho times the plain one's."""
    return scaled(weight, column(rho, weight)), None if bias is None else scaled(bias, rho)


def sum_of_row(weight: Tensor) -> Tensor:
    """Sums (rows,) of a weight (rows, ...)."""
    return torch.sum(weight.flatten(1), dim=1)
