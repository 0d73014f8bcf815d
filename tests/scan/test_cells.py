"""Cells never say more than the pixels do, and say enough about sprites."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.scan._cells import cells_of, least_difference
from prep.scan.copies import COPY_BELOW, difference, thumbnail_of
from tests.support.pictures import EXAMPLES


@settings(max_examples=200, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40), st.integers(1, 255), st.integers(1, 9), st.integers(0, 2**32))
def test_the_least_difference_is_never_more_than_the_difference(height, width, most, coarse, seed):
    rng = np.random.default_rng(seed)
    one = rng.integers(0, 256, (height, width, 3))
    patch = rng.integers(-most, most + 1, (height // coarse + 1, width // coarse + 1, 3))
    apart = patch.repeat(coarse, 0).repeat(coarse, 1)[:height, :width]
    one, other = one.astype(np.uint8), (one + apart).clip(0, 255).astype(np.uint8)
    assert least_difference(cells_of(one), cells_of(other)) <= difference(one, other)


@pytest.mark.parametrize("outfit", ["sylvie_blue", "sylvie_green", "eileen"])
def test_cells_tell_the_faces_of_a_sprite_apart(outfit):
    faces = "giggle normal smile surprised concerned happy vhappy".split()
    paths = [path for path in EXAMPLES.glob(f"characters/*/{outfit}_*.png") if path.stem.split("_")[-1] in faces]
    cells = [cells_of(thumbnail_of(path.read_bytes(), 10**8)) for path in paths]
    apart = [least_difference(one, other) for one, other in combinations(cells, 2)]
    assert apart and min(apart) > COPY_BELOW


def test_pictures_below_a_block_have_no_cells():
    assert cells_of(np.zeros((7, 300, 3), np.uint8)) is None
    assert cells_of(np.zeros((8, 8, 3), np.uint8)).shape == (3, 2, 2)
