"""A picture's bytes without what people do not want to publish."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from prep.dataset.strip import stripped
from prep.errors import ImageError
from prep.images import open_image
from tests.support.pictures import drawing, encoded
from tests.support.published import CANARIES, with_canaries


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_stripping_leaves_every_pixel_and_nothing_else(tmp_path, suffix):
    data = with_canaries(tmp_path / f"a.{suffix}", 3).read_bytes()
    clean, form = stripped(data)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(clean)) as after:
        assert form == suffix and np.array_equal(np.asarray(before), np.asarray(after))
        assert not after.getexif() and not {"exif", "xmp", "comment", "parameters", "prep"} & set(after.info)
    assert not [canary for canary in CANARIES if canary.encode() in clean] and len(clean) < len(data)
    assert stripped(clean) == (clean, form)


@pytest.mark.parametrize(
    ("mode", "form", "options"),
    [
        ("RGB", "JPEG", {"progressive": True}),
        ("RGB", "JPEG", {"restart_marker_rows": 1, "dpi": (300, 300)}),
        ("CMYK", "JPEG", {}),
        ("L", "JPEG", {}),
        ("P", "PNG", {"transparency": 3}),
        ("I;16", "PNG", {}),
        ("RGBA", "PNG", {"dpi": (300, 300)}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "WEBP", {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}),
    ],
)
def test_every_kind_of_picture_keeps_its_pixels(mode, form, options):
    picture = drawing(5, 70, 50)
    picture = picture.convert("L").convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)
    exif = Image.Exif()
    exif[0x013B] = "canary-artist"
    data = encoded(picture, form, exif=exif, **options)
    clean, _ = stripped(data)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(clean)) as after:
        assert after.mode == before.mode and after.format == form
        assert np.array_equal(np.asarray(before), np.asarray(after)) and not {"exif", "icc_profile"} & set(after.info)
    assert b"canary" in data and b"canary" not in clean


def test_colours_of_its_own_are_brought_to_srgb():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"----"), (b"gXYZ", b"rXYZ"), (b"----", b"gXYZ")):  # red and green change places
        own = own.replace(old, new)
    own = own.replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be"))
    for form in ("PNG", "JPEG", "WEBP"):
        data = encoded(drawing(5, 70, 50), form, icc_profile=own)
        clean, suffix = stripped(data)
        with Image.open(io.BytesIO(clean)) as image, Image.open(io.BytesIO(data)) as before:
            assert suffix == "png" and not image.info
            assert np.array_equal(np.asarray(image), open_image(data).pixels)
            assert not np.array_equal(np.asarray(image), np.asarray(before.convert("RGB")))


def test_what_moves_becomes_its_first_picture():
    clips = [drawing(number, 40, 30) for number in range(3)]
    for form in ("WEBP", "PNG"):
        data = encoded(clips[0], form, save_all=True, append_images=clips[1:], lossless=True)
        with Image.open(io.BytesIO(stripped(data)[0])) as image:
            assert getattr(image, "n_frames", 1) == 1
            assert np.array_equal(np.asarray(image.convert("RGB")), np.asarray(clips[0]))


def test_a_turned_picture_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    clean, form = stripped(encoded(drawing(1, 60, 40), "JPEG", exif=exif))
    with Image.open(io.BytesIO(clean)) as image:
        assert form == "png" and image.size == (40, 60) and not image.info


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.integers(0, 10**6), st.binary(max_size=4))
def test_a_damaged_picture_is_an_image_error_or_a_picture(form, place, damage):
    data = bytearray(encoded(drawing(1, 40, 30), form))
    place %= len(data)
    data[place : place + len(damage)] = damage
    try:
        clean, _ = stripped(bytes(data))
    except ImageError:
        return
    assert clean
