"""A picture's bytes without what people do not want to publish."""

import io
import struct
import zlib

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


def test_an_animation_whose_still_comes_last_becomes_what_is_shown_first():
    """Against the standard, and Pillow shows it: the still that would be kept is not the first picture."""
    frames = [drawing(number, 70, 50) for number in range(3)]
    data = encoded(frames[0], save_all=True, append_images=frames[1:])
    still = data.index(b"IDAT") - 4
    length = 12 + int.from_bytes(data[still : still + 4], "big")
    at = data.index(b"IEND") - 4
    moved = data[:still] + data[still + length : at] + data[still : still + length] + data[at:]
    clean, _ = stripped(moved)
    assert np.array_equal(open_image(clean).pixels, open_image(moved).pixels)


def test_an_animation_whose_first_frame_is_smaller_than_its_canvas_becomes_what_is_shown_first():
    """Against the standard as well: the still is as large as its frame, and alone it would be half a picture."""
    frames = [drawing(number, 70, 50) for number in range(3)]
    data = encoded(frames[0], save_all=True, append_images=frames[1:])
    wider = chunk(b"IHDR", struct.pack(">II", 128, 50) + data[24:29])
    bent = data[:8] + wider + data[8 + len(wider) :]
    clean, _ = stripped(bent)
    assert np.array_equal(open_image(clean).pixels, open_image(bent).pixels)


def test_a_turned_picture_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    clean, form = stripped(encoded(drawing(1, 60, 40), "JPEG", exif=exif))
    with Image.open(io.BytesIO(clean)) as image:
        assert form == "png" and image.size == (40, 60) and not image.info


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def segment(marker, payload):
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def chunk(kind, payload):
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def part(kind, payload):
    return kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def hidden_in_jpeg():
    data = encoded(drawing(5, 70, 50), "JPEG")
    thumbnail = b"JFIF\0\1\2\0\0\1\0\1\2\1" + b"canary"
    for marker, payload in (
        (0xE0, thumbnail), (0xE0, b"JFXX\0\x10canary"), (0xE1, b"http://ns.adobe.com/xap/1.0/\0canary"),
        (0xE2, b"MPF\0canary"), (0xED, b"Photoshop 3.0\x008BIM\4\4canary"), (0xEE, b"Adobe\0\x64\0\0\0\0\1canary"),
        (0xEB, b"canary"), (0xFE, b"canary"),
    ):  # fmt: skip
        yield f"{marker:x} {payload[:8]}", data[:2] + segment(marker, payload) + data[2:]
    scan = data.index(b"\xff\xda")
    yield "a number of lines, too long", data[:scan] + segment(0xDC, b"canary") + data[scan:]
    yield "behind the end", data + b"canary"
    more = [drawing(number, 70, 50) for number in (6, 7)]
    for image in more:
        image.encoderinfo = {"comment": b"canary"}
    yield "more pictures", encoded(drawing(5, 70, 50), "MPO", save_all=True, append_images=more) + b"canary"


def hidden_in_png():
    data = encoded(drawing(5, 70, 50))
    for kind, payload in (
        (b"tEXt", b"parameters\0canary"), (b"zTXt", b"canary\0\0" + zlib.compress(b"x")), (b"tIME", b"canary!"),
        (b"iTXt", b"x\0\0\0\0\0canary"), (b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0canary"), (b"prVt", b"canary"),
        (b"caBX", b"canary"), (b"gAMA", b"\0\0\xb1\x8fcanary"), (b"sRGB", b"\0canary"),
    ):  # fmt: skip
        yield f"{kind}", data[:33] + chunk(kind, payload) + data[33:]
        yield f"{kind} at the end", data[:-12] + chunk(kind, payload) + data[-12:]
    yield "in the end", data[:-12] + chunk(b"IEND", b"canary")
    yield "behind the end", data + chunk(b"tEXt", b"parameters\0canary")


def hidden_in_webp():
    data = encoded(drawing(5, 70, 50), "WEBP", lossless=True)
    exif = Image.Exif()
    exif[0x013B] = "canary"
    canvas = struct.pack("<B3xHBHB", 0x0C, 69, 0, 49, 0)
    whole = [
        ("EXIF", part(b"VP8X", canvas), part(b"EXIF", exif.tobytes())),
        ("XMP", part(b"VP8X", canvas), part(b"XMP ", b"canary")),
        ("unknown", b"", part(b"what", b"canary")),
        ("a second picture", b"", part(b"VP8 ", b"canary")),
    ]
    for what, before, after in whole:
        content = b"WEBP" + before + data[12:] + after
        yield what, b"RIFF" + struct.pack("<I", len(content)) + content
    yield "behind the size", data + part(b"EXIF", b"canary")


HIDDEN = [*hidden_in_jpeg(), *hidden_in_png(), *hidden_in_webp()]


@pytest.mark.parametrize("data", [data for _, data in HIDDEN], ids=[what for what, _ in HIDDEN])
def test_nothing_stays_hidden_wherever_it_was(data):
    assert b"canary" in data
    clean, suffix = stripped(data)
    assert b"canary" not in clean and stripped(clean) == (clean, suffix)
    assert np.array_equal(open_image(clean).pixels, open_image(data).pixels)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_with_nothing_to_take_out_is_the_same_bytes_and_no_pixel_is_decoded(form, monkeypatch):
    monkeypatch.setattr("prep.dataset.strip.open_image", None)
    monkeypatch.setattr("prep.dataset.strip.read_header", None)
    data = encoded(drawing(5, 70, 50), form)
    assert stripped(data)[0] == data
    noted = encoded(drawing(5, 70, 50), form, icc_profile=SRGB)
    assert stripped(noted)[0] != noted and len(stripped(noted)[0]) < len(noted)


def test_what_has_no_picture_in_it_is_an_image_error():
    for data in (b"", b"text", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""),
                 b"RIFF\x12\0\0\0WEBP" + part(b"VP8X", bytes(10))):  # fmt: skip
        with pytest.raises(ImageError):
            stripped(data)


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
