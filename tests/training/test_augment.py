"""Augmentation of pictures: shifts, flips, holes, views."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from afnlab import Data
from afnlab.training.augment import Augment, Augmented, reflected, views
from tests.training.test_tasks_airbench import PICTURES, pictures


def test_shifts_flips_and_holes_are_of_the_seed_alone():
    data, augment = pictures(), Augment(flip=True, translate=2, cutout=3)
    both = Augmented(data, augment, [3, 8], torch.device("cpu"))
    alone = Augmented(data, augment, [8], torch.device("cpu"))
    index = torch.tensor([[5, 0, 7], [5, 30, 2]])
    border = F.pad(data.train_x.float(), (2, 2, 2, 2), "reflect").to(torch.uint8)
    for epoch in range(3):
        both.next_epoch()
        alone.next_epoch()
        x, hole = both.take(index), both.hole(index)
        assert torch.equal(x[1:], alone.take(index[1:]))
        assert torch.equal(hole[1:], alone.hole(index[1:]))
        assert hole.flatten(2).sum(-1).eq(9).all()
        for seed in range(2):
            for at, i in enumerate(index[seed].tolist()):
                dy, dx = both.shifts[seed, i]
                window = border[i, :, dy : dy + 9, dx : dx + 9]
                turned = (int(both.flips[seed, i]) + epoch) % 2
                assert torch.equal(x[seed, at], window.flip(-1) if turned else window)
    many = both.shifts.flatten(0, 1)
    assert (int(many.min()), int(many.max())) == (0, 4)


def test_pictures_that_are_not_square():
    x = PICTURES.to(torch.uint8)[..., :7]  # 9 high, 7 wide
    data = Data(x, torch.arange(40) % 10, x[:5], torch.arange(5))
    made = Augmented(data, Augment(translate=2, cutout=3), [0], torch.device("cpu"))
    index = torch.arange(40)[None]
    made.next_epoch()
    taken, hole = made.take(index)[0], made.hole(index)[0]
    border = F.pad(x.float(), (2, 2, 2, 2), "reflect").to(torch.uint8)
    for i in range(40):
        dy, dx = made.shifts[0, i]
        window = border[i, :, dy : dy + 9, dx : dx + 7]
        assert torch.equal(taken[i], window.flip(-1) if made.flips[0, i] else window)
    assert hole.shape == (40, 1, 9, 7)
    assert hole.flatten(1).sum(-1).eq(9).all()
    assert made.corners[0].amax(0).tolist() == [6, 4]


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (Augment(translate=9), "translate must be 0 to 8, got 9"),
        (Augment(cutout=10), "cutout must be 0 to 9, got 10"),
    ],
)
def test_an_augmentation_that_does_not_fit_the_pictures(augment, message):
    with pytest.raises(ValueError, match=message):
        Augmented(pictures(), augment, [0], torch.device("cpu"))
    rows = Data(torch.zeros(4, 9), torch.arange(4), torch.zeros(1, 9), torch.arange(1))
    with pytest.raises(ValueError, match=r"pictures \(channels, height, width\), got \(9,\)"):
        Augmented(rows, augment, [0], torch.device("cpu"))


def test_reflected_borders_and_views():
    x = torch.randn(2, 3, 6, 6)
    assert torch.equal(reflected(x, 2), F.pad(x, (2, 2, 2, 2), "reflect"))
    seen = views(x)
    assert [w for w, _ in seen] == [0.25, 0.25, 0.125, 0.125, 0.125, 0.125]
    assert torch.equal(seen[0][1], x)
    assert torch.equal(seen[1][1], x.flip(-1))
    assert torch.equal(seen[2][1][..., 1:, 1:], x[..., :-1, :-1])
    assert torch.equal(seen[4][1][..., :-1, :-1], x[..., 1:, 1:])
