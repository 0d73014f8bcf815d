"""What every detector keeps to: those that ship, with tiny weights, and the fake."""

import numpy as np
import pytest

from tests.support.members import DETECTORS_AT_HAND

SIZES = ((640, 640), (333, 1000), (70, 40))


@pytest.fixture(params=list(DETECTORS_AT_HAND))
def detector(request, tmp_path):
    found = DETECTORS_AT_HAND[request.param](tmp_path)
    yield found
    found.close()


def picture(width: int, height: int) -> np.ndarray:
    image = np.full((height, width, 3), 60, np.uint8)
    image[height // 4 : height // 2, width // 4 : width // 2] = (255, 0, 0)
    return image


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_what_it_finds_is_in_the_picture_and_the_same_each_time(detector, size):
    image = picture(*size)
    before = image.copy()
    (found,) = detector.find(image)
    assert found.label in ("head", "face", "halfbody", "person") and 0 < found.score <= 1
    left, top, right, bottom = found.box
    assert all(isinstance(side, int) for side in found.box)
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    assert detector.find(image) == [found] and (image == before).all()


def test_in_a_blank_picture_it_finds_nothing(detector):
    assert detector.find(np.full((200, 300, 3), 60, np.uint8)) == []


def test_it_may_be_closed_twice_and_finds_again(detector):
    found = detector.find(picture(200, 300))
    detector.close()
    detector.close()
    assert detector.find(picture(200, 300)) == found
