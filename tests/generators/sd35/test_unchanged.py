"""What an edit left alone keeps the parent's pixels."""

import math

import numpy as np
import pytest
import torch

from prep.generators.sd35 import unchanged
from prep.generators.sd35.unchanged import changed, keeping
from prep.images import covering
from tests.support import tiny
from tests.support.tiny import PARENTS, drawn, requests

EDIT = dict(manner="edit", strength=0.7, source="girl, red hair", source_guidance=2.0, guidance=4.0, own_seed=7)


def a_mouth(strength: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents of two pictures: everything drifts a little, and a mouth changes."""
    before = torch.randn(2, 12, 20, 14, generator=torch.Generator().manual_seed(1))
    after = before + 0.01 * torch.randn(before.shape, generator=torch.Generator().manual_seed(2))
    after[:, :, 6:10, 5:9] += strength
    return before, after


def test_what_hardly_changed_is_the_parents_to_the_pixel_and_what_changed_is_the_edits():
    rng = np.random.default_rng(1)
    parents, edits = (rng.integers(0, 256, (2, 160, 112, 3), np.uint8) for _ in range(2))
    share = changed(*a_mouth(), torch.tensor([0.3, 0.3]))
    found = keeping(parents, edits, share)
    assert np.array_equal(found[:, 56:72, 48:64], edits[:, 56:72, 48:64])
    outside = np.ones((160, 112), bool)
    outside[32:96, 24:88] = False
    assert np.array_equal(found[:, outside], parents[:, outside])


def test_a_weak_change_counts_as_a_strong_one_and_none_as_none():
    least = torch.tensor([0.3, 0.3])
    assert torch.allclose(changed(*a_mouth(), least), changed(*a_mouth(9.0), least), atol=0.1)
    before, _ = a_mouth()
    assert not changed(before, before, least).any()


def test_of_an_edit_that_changed_everything_nothing_is_taken():
    before, after = a_mouth()
    after[1] = torch.randn(before[1].shape, generator=torch.Generator().manual_seed(3))
    share = changed(before, after, torch.tensor([0.3, 0.3]))
    assert share[0].max() == 1 and not share[1].any()
    assert (changed(before, after, torch.tensor([0.0, 0.0])) == 1).all()


def test_without_a_share_all_is_the_edits():
    share = changed(*a_mouth(), torch.tensor([0.0, 0.3]))
    assert (share[0] == 1).all() and share[1].min() == 0 and share[1].max() == 1


@pytest.mark.usefixtures("one_thread")
def test_an_edit_lies_between_its_parent_and_what_it_would_be_without(model, encoded, monkeypatch):
    monkeypatch.setattr(unchanged, "EVERYWHERE", math.inf)  # weights made by chance change everything
    drawing = tiny.generator(model, encoded, torch.float32, batch=2)
    (whole,), (kept,) = requests(1, **EDIT), requests(1, **EDIT, unchanged=0.95)
    assert whole.key != kept.key and "unchanged" not in whole.content
    found = drawn(drawing, [whole, kept])
    whole, parent = found[whole.key], covering(PARENTS[kept.parent], kept.width, kept.height)
    kept = found[kept.key]
    assert (kept == parent).all(2).mean() > 0.05 and (kept != parent).all(2).mean() > 0.05
    low, high = np.minimum(parent, whole), np.maximum(parent, whole)
    assert ((low <= kept) & (kept <= high)).all()
