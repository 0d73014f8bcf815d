"""In a process of prep's own, prep's limit is the one that counts."""

import warnings

from PIL import Image

from prep.images import open_image
from prep.process.pictures import trust_our_own_limits
from tests.support.pictures import encoded


def test_a_tiff_above_pillows_limit_opens_without_a_word(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with warnings.catch_warnings():
        trust_our_own_limits()
        assert open_image(encoded(Image.new("RGB", (40, 100)), "TIFF")).width == 40
        warnings.warn_explicit("of a bent file", UserWarning, "Image.py", 1, module="PIL.Image")
