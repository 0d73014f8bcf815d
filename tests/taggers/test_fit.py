"""How far our preparation is from DeepDanbooru's own: exact area weights, then a bilinear shift with edge pixels."""

import numpy as np
import pytest

from prep.taggers._fit import fit_square


def area_weights(inputs: int, outputs: int) -> np.ndarray:
    """float64 [outputs, inputs]: the share of each input pixel under each output pixel."""
    step = inputs / outputs
    left = np.arange(outputs)[:, None] * step
    pixel = np.arange(inputs)[None, :]
    return np.clip(np.minimum(left + step, pixel + 1) - np.maximum(left, pixel), 0, None) / step


def shifted(values: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    low = np.floor(positions).astype(int)
    share = (positions - low).reshape([-1 if dim == axis else 1 for dim in range(3)])
    last = values.shape[axis] - 1
    first, second = (np.take(values, np.clip(low + step, 0, last), axis) for step in (0, 1))
    return first * (1 - share) + second * share


def reference(image: np.ndarray, side: int) -> np.ndarray:
    height, width = image.shape[:2]
    scale = min(side / width, side / height)
    small_height, small_width = round(height * scale), round(width * scale)
    small = np.einsum("ih,hwc->iwc", area_weights(height, small_height), image.astype(np.float64), optimize=True)
    small = np.einsum("jw,iwc->ijc", area_weights(width, small_width), small, optimize=True)
    rows = np.arange(side) - (side - small_height) / 2
    columns = np.arange(side) - (side - small_width) / 2
    return shifted(shifted(small, rows, 0), columns, 1) / 255


@pytest.mark.parametrize("size", [(1000, 700), (720, 321), (2000, 1001), (512, 512), (1024, 1024), (20, 2000)])
def test_shrinking_is_within_rounding_of_the_reference(size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert np.abs(fit_square(image, 512) - reference(image, 512)).max() <= 0.51 / 255


@pytest.mark.parametrize("size", [(100, 77), (64, 300), (333, 512)])
def test_enlarging_is_within_a_grey_level_of_the_reference(size):
    image = np.random.default_rng(2).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert np.abs(fit_square(image, 512) - reference(image, 512)).max() <= 0.8 / 255


def test_margins_repeat_the_edge_and_are_not_black():
    image = np.full((100, 40, 3), 200, np.uint8)
    image[:, :5] = (250, 10, 10)
    square = fit_square(image, 64)
    assert square.shape == (64, 64, 3) and square.dtype == np.float32
    np.testing.assert_allclose(square[32, 0] * 255, (250, 10, 10), atol=1)
    np.testing.assert_allclose(square[32, -1] * 255, 200, atol=1)


def test_a_picture_of_one_pixel_fills_the_square():
    assert np.all(fit_square(np.full((1, 1, 3), 7, np.uint8), 32) == np.float32(7 / 255))
