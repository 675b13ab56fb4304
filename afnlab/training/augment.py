"""Random augmentation of training images, per seed, and the views of a test image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from afnlab.errors import shown
from afnlab.training.data import MASKED, Data
from afnlab.training.streams import generator, sent


@dataclass(frozen=True)
class Augment:
    """How training images (channels, height, width) are augmented.

    Attributes:
        flip: mirrored left to right in alternate epochs; which half of them is mirrored first is
            drawn once (Jordan 2024: every two epochs see both).
        translate: shifted by up to so many pixels in each direction, over a reflected border.
        cutout: a square of this size is set to 0, the mean colour.
    """

    flip: bool = True
    translate: int = 0
    cutout: int = 0


class Augmented:
    """The training examples of a data set on a device, augmented by a stream of each seed."""

    def __init__(
        self, data: Data, augment: Augment | None, seeds: Sequence[int], device: torch.device
    ) -> None:
        self.x, self.y = data.train_x.to(device), data.train_y.to(device)
        self.count, self.augment, self.epoch = len(self.y), augment, -1
        self.counted = counted(data.train_y, device)
        if augment is None:
            return
        if self.x.dim() != 4:
            shape = tuple(self.x.shape[1:])
            raise ValueError(f"augment: is for pictures (channels, height, width), got {shape}")
        self.size = height, width = self.x.shape[-2:]
        most = min(self.size)
        limits = {"translate": most - 1, "cutout": most}  # a border mirrors what lies beside it
        for name, limit in limits.items():
            if not 0 <= (value := getattr(augment, name)) <= limit:
                raise ValueError(f"augment: {name} must be 0 to {limit}, got {shown(value)}")
        self.draws = [generator(s, "augment") for s in seeds]
        self.member = torch.arange(len(seeds), device=device).unsqueeze(1)
        self.flips = self._draw(0, 2, ())
        # Every shift of every picture is a window on the bordered ones: (N, C, dy, dx, H, W).
        padded = reflected(self.x, augment.translate)
        self.windows = padded.unfold(2, height, 1).unfold(3, width, 1)

    def __len__(self) -> int:
        return self.count

    def _draw(self, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        """Whole numbers from low to below high, (seeds, examples, *shape)."""
        size = (self.count, *shape)
        drawn = [torch.randint(low, high, size, generator=g) for g in self.draws]
        return sent(torch.stack(drawn), self.x.device)

    def next_epoch(self) -> None:
        self.epoch += 1
        if self.augment is not None:
            self.shifts = self._draw(0, 2 * self.augment.translate + 1, (2,))
            rows, columns = (self._draw(0, n - self.augment.cutout + 1, ()) for n in self.size)
            self.corners = torch.stack([rows, columns], -1)

    def targets(self, index: Tensor) -> Tensor:
        return self.y[index]

    def weight(self, index: Tensor) -> Tensor | int:
        """How many targets the mean loss of each seed's batch is over, or of how many examples."""
        return index.shape[1] if self.counted is None else self.counted[index].sum(1)

    def take(self, index: Tensor) -> Tensor:
        """The examples (seeds, batch, ...) of these indices, as they are stored."""
        flat = index.reshape(-1)
        if self.augment is None:
            return self.x.index_select(0, flat).view(*index.shape, *self.x.shape[1:])
        shift = self.shifts[self.member, index].flatten(0, 1)
        x = self.windows[flat, :, shift[:, 0], shift[:, 1]]
        if self.augment.flip:
            mirrored = (self.flips[self.member, index].flatten() + self.epoch) % 2 == 1
            x = torch.where(mirrored.view(-1, 1, 1, 1), x.flip(-1), x)
        return x.view(*index.shape, *x.shape[1:])

    def hole(self, index: Tensor) -> Tensor | None:
        """Where the examples are cut out, (seeds, batch, 1, H, W); None if nowhere."""
        if self.augment is None or not self.augment.cutout:
            return None
        corner = self.corners[self.member, index].unsqueeze(-1)
        inside = []
        for dim, size in enumerate(self.size):
            first, line = corner[:, :, dim], torch.arange(size, device=corner.device)
            inside.append((line >= first) & (line < first + self.augment.cutout))
        return (inside[0].unsqueeze(-1) & inside[1].unsqueeze(-2)).unsqueeze(2)


def counted(targets: Tensor, device: torch.device) -> Tensor | None:
    """How many targets of each example are not masked, on a device; None if none is masked."""
    if targets.is_floating_point():
        return None
    known = (targets != MASKED).flatten(1) if targets.dim() > 1 else (targets != MASKED)[:, None]
    return None if bool(known.all()) else known.sum(1).to(device)


def reflected(x: Tensor, border: int) -> Tensor:
    """Images (..., H, W) with a reflected border, of any dtype."""
    if not border:
        return x
    for dim in (-2, -1):
        line = torch.arange(x.shape[dim], device=x.device)
        before, after = line[1 : border + 1].flip(0), line[-border - 1 : -1].flip(0)
        x = x.index_select(dim, torch.cat([before, line, after]))
    return x


def views(x: Tensor) -> list[tuple[float, Tensor]]:
    """Test images (batch, C, H, W) and their mirror images, unshifted and shifted by one pixel.

    Returns:
        Six views with their weights: a half for the unshifted images, a quarter for each of the two
        diagonal shifts, shared with the mirror images.
    """
    height, width = x.shape[-2:]
    border = F.pad(x, (1, 1, 1, 1), "reflect")
    moved = [(0.25, border[..., :height, :width]), (0.25, border[..., 2:, 2:])]
    both = [(0.5, x), *moved]
    return [
        (w / 2, v) for weight, view in both for w, v in ((weight, view), (weight, view.flip(-1)))
    ]
