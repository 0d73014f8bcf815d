"""Thumbnails: small, upright, made once, kept where they can be, and never a reason to fail."""

import hashlib
import io
import os

import pytest
from PIL import Image

from prep.dataset.thumbnails import thumbnail
from prep.errors import ImageError
from prep.images import open_small
from tests.support.pictures import drawing, encoded

DATA = encoded(drawing(1, 640, 400))
KEY = hashlib.sha256(DATA).hexdigest()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def kept(out, key: str = KEY, side: int = 320):
    return out / ".prep" / "thumbnails" / key[:2] / f"{key}-{side}.webp"


def never() -> bytes:
    raise AssertionError("it was read")


def test_a_thumbnail_is_small_and_of_the_picture_s_shape(tmp_path):
    small = opened(thumbnail(tmp_path, KEY, lambda: DATA))
    assert small.format == "WEBP" and small.size == (320, 200)
    assert opened(thumbnail(tmp_path, KEY, lambda: DATA, side_px=64)).size == (64, 40)


def test_a_small_picture_is_not_enlarged(tmp_path):
    data = encoded(drawing(2, 50, 80))
    assert opened(thumbnail(tmp_path, hashlib.sha256(data).hexdigest(), lambda: data)).size == (50, 80)


def test_it_is_made_once(tmp_path):
    first = thumbnail(tmp_path, KEY, lambda: DATA)
    assert kept(tmp_path).read_bytes() == first
    assert thumbnail(tmp_path, KEY, never) == first


def test_a_jpeg_turned_by_its_exif_is_upright(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    data = encoded(drawing(3, 1600, 800), "JPEG", exif=turned)
    assert opened(thumbnail(tmp_path, hashlib.sha256(data).hexdigest(), lambda: data)).size == (160, 320)


def test_a_jpeg_is_decoded_at_the_smallest_scale_that_is_enough(monkeypatch):
    decoded = []
    monkeypatch.setattr("prep.images._upright", lambda image, header: (decoded.append(image.size) or image, []))
    open_small(encoded(drawing(3, 1600, 800), "JPEG"), 320)
    open_small(encoded(drawing(3, 1600, 800)), 320)
    assert decoded == [(400, 200), (1600, 800)]


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-40], lambda data: b"", lambda data: DATA],
    ids=["cut", "empty", "another picture"],
)
def test_a_damaged_one_is_made_again(tmp_path, damage):
    first = thumbnail(tmp_path, KEY, lambda: DATA)
    kept(tmp_path).write_bytes(damage(first))
    assert thumbnail(tmp_path, KEY, lambda: DATA) == first == kept(tmp_path).read_bytes()


def test_where_nothing_can_be_kept_it_is_made_all_the_same(tmp_path):
    (tmp_path / ".prep").write_bytes(b"not a folder")
    assert opened(thumbnail(tmp_path, KEY, lambda: DATA)).size == (320, 200)


def test_nothing_is_written_through_a_link(tmp_path):
    other, out = tmp_path / "other", tmp_path / "out"
    (out / ".prep").mkdir(parents=True)
    other.mkdir()
    (out / ".prep" / "thumbnails").symlink_to(other)
    assert opened(thumbnail(out, KEY, lambda: DATA)).size == (320, 200)
    assert os.listdir(other) == []  # noqa: PTH208


@pytest.mark.parametrize("key", ["", "../../../x", "A" * 64])
def test_a_key_that_is_no_hash_is_not_kept(tmp_path, key):
    assert opened(thumbnail(tmp_path, key, lambda: DATA)).size == (320, 200)
    assert not any(tmp_path.rglob("*.webp"))


def test_what_is_no_picture_is_an_error_that_says_so(tmp_path):
    with pytest.raises(ImageError, match="not an image"):
        thumbnail(tmp_path, KEY, lambda: b"hello")
    with pytest.raises(ImageError, match="more than 1,000 pixels"):
        thumbnail(tmp_path, KEY, lambda: DATA, max_pixels=1000)
    assert not any(tmp_path.rglob("*.webp"))
