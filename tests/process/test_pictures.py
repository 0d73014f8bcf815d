"""In a process of prep's own, prep's limit is the one that counts."""

import subprocess
import sys
import warnings

import pytest
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


DAMAGED = """
import io, sys
from PIL import Image
from prep.errors import ImageError
from prep.images import open_image
from prep.process.pictures import trust_our_own_limits
if sys.argv[1:]: trust_our_own_limits()
stream = io.BytesIO()
Image.effect_noise((64, 64), 90).save(stream, "TIFF", compression="tiff_lzw")
data = bytearray(stream.getvalue())
data[200:260] = bytes(byte ^ 0x5A for byte in data[200:260])
try: open_image(bytes(data))
except ImageError as error: print(error.kind)
"""


@pytest.mark.parametrize("asked", [(), ("quiet",)])
def test_libtiff_says_nothing_on_stderr_where_the_process_is_preps(asked):
    done = subprocess.run([sys.executable, "-c", DAMAGED, *asked], capture_output=True, text=True, check=True)
    assert done.stdout == "damaged\n"
    assert asked == () or done.stderr == ""
