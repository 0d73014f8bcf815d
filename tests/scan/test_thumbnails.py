"""Thumbnails come back as they went in, also when there are more than a file takes."""

import numpy as np
import pytest

from prep.errors import StoppedError
from prep.scan import _thumbnails
from prep.scan._thumbnails import Thumbnails
from prep.types import ImageRef


def ref(number: int) -> ImageRef:
    return ImageRef(f"{number}", f"{number}", "mira", 9, 9, "png", 1, 0.1, 50.0, "0", ())


def picture(ref: ImageRef) -> np.ndarray:
    number = int(ref.sha256)
    if number == 3:
        raise FileNotFoundError(ref.path)
    return np.random.default_rng(number).integers(0, 256, (number + 1, 300, 3), np.uint8)


def test_each_comes_back_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(_thumbnails, "MOST", 4)
    decoded = []
    thumbnails = Thumbnails(lambda ref: decoded.append(ref.sha256) or picture(ref), tmp_path)
    for number in (0, 1, 2, 3, 0, 5, 3, 0, 1, 5):  # 1 is the one that is not asked for when 5 comes
        seen = thumbnails.seen(ref(number))
        assert seen.shape == () if number == 3 else np.array_equal(thumbnails.pixels(seen), picture(ref(number)))
    assert decoded == ["0", "1", "2", "3", "5", "1"]
    thumbnails.close()
    assert not [*tmp_path.iterdir()]


def test_without_room_it_says_so(tmp_path):
    with pytest.raises(StoppedError, match="thumbnails could not be written"):
        Thumbnails(picture, tmp_path / "gone").seen(ref(1))
