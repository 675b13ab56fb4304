"""Pictures as the usual training loop reads them, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from afnlab.training.data import Data


class Items(Dataset):
    """Pictures one by one, each through Pillow, scaled and standardized when it is asked for.

    What torchvision's data sets do with the transforms ToTensor and, with a mean and deviation for
    each channel, Normalize. Where there is no Pillow they are spared the detour.
    """

    def __init__(
        self, data: Data, mean: Sequence[float] = (0.1307,), std: Sequence[float] = (0.3081,)
    ) -> None:
        x = data.train_x
        x = x.permute(0, 2, 3, 1) if x.dim() == 4 else x.view(-1, 28, 28)  # colours come last
        self.x, self.y = x.contiguous().numpy(), data.train_y.tolist()
        self.mean, self.std = mean, std
        self.picture: Callable[[np.ndarray], object] = lambda x: x
        with suppress(ImportError):
            from PIL import Image  # noqa: PLC0415

            self.picture = Image.fromarray

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        picture = torch.from_numpy(np.array(self.picture(self.x[i]), copy=True))
        channels = picture.unsqueeze(0) if picture.dim() == 2 else picture.permute(2, 0, 1)
        x = channels.contiguous().float().div(255)
        if self.mean:
            mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (self.mean, self.std))
            x = x.clone().sub_(mean).div_(std)
        return x, self.y[i]
