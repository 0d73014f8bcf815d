"""The one door through which images are opened: everything comes out upright, RGB, on white, or as ImageError."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from PIL.PngImagePlugin import PngInfo

from prep import png_chunks
from prep.dataset.strip import stripped
from prep.errors import ImageError
from prep.images import (
    edge_density,
    encode_png,
    measures,
    open_image,
    open_with_alpha,
    perceptual_hash,
    png_text,
    read_header,
    sharpness,
)
from prep.png_chunks import without_oversized
from tests.support.pictures import EXAMPLES, drawing, encoded


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A 1-bit PNG of any size in some kilobytes."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_every_format_is_told_by_its_content(form):
    picture = open_image(encoded(drawing(1), form))
    assert picture.format == {"JPEG": "jpg", "TIFF": "tif"}.get(form, form.lower())
    assert picture.pixels.shape == (400, 320, 3) and picture.pixels.dtype == np.uint8
    assert np.abs(picture.pixels.astype(int) - np.asarray(drawing(1)).astype(int)).mean() < 12


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_becomes_rgb(mode):
    image = Image.new("L", (20, 10), 128)
    image = Image.fromarray(np.full((10, 20), 128 * 257, np.uint16)) if mode == "I;16" else image.convert(mode)
    form = {"CMYK": "JPEG", "F": "TIFF", "I": "TIFF"}.get(mode, "PNG")
    pixels = open_image(encoded(image, form)).pixels
    assert pixels.shape == (10, 20, 3)
    expected = 127 if mode != "1" else pixels[0, 0, 0]
    assert np.abs(pixels.astype(int) - expected).max() <= 2 or mode == "1"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_baked_in(orientation):
    upright = drawing(3, 60, 40)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpose that stores it turned
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = open_image(encoded(stored, "PNG", exif=exif))
    assert (picture.width, picture.height) == (60, 40)
    assert np.array_equal(picture.pixels, np.asarray(upright))
    assert ("rotated" in picture.flags) is (orientation > 1)


def test_transparency_is_white_also_under_a_palette():
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert open_image(encoded(clear)).pixels.min() == 255
    palette = Image.new("P", (8, 8), 0)
    assert open_image(encoded(palette, "GIF", transparency=0)).pixels.min() == 255
    assert open_image(encoded(palette, "PNG", transparency=0)).flags == ("alpha",)


def test_an_alpha_channel_that_hides_nothing_is_no_reason_to_write_anew():
    assert open_image(encoded(drawing(4).convert("RGBA"))).flags == ()


def test_half_transparent_pixels_mix_with_white():
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert abs(int(open_image(encoded(half)).pixels[0, 0, 0]) - 127) <= 1


def test_a_profile_is_converted_to_srgb_and_srgb_is_left_alone():
    image = Image.new("RGB", (8, 8), (200, 30, 30))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert open_image(encoded(image, icc_profile=srgb)).flags == ()
    assert np.array_equal(open_image(encoded(image, icc_profile=srgb)).pixels, np.asarray(image))
    assert open_image(encoded(image, icc_profile=lab)).pixels.shape == (8, 8, 3)
    assert open_image(encoded(image, icc_profile=b"garbage")).pixels.shape == (8, 8, 3)


def test_of_an_animation_the_first_frame_is_taken_and_it_is_said():
    frames = [drawing(seed, 30, 20) for seed in (5, 6, 7)]
    picture = open_image(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))
    assert picture.flags == ("animated",)
    assert np.array_equal(picture.pixels, np.asarray(frames[0]))


def test_a_bomb_is_refused_before_it_is_decoded():
    data = bomb(12_000, 9_000)
    assert len(data) < 20_000
    with pytest.raises(ImageError, match="12000x9000 is more than 100,000,000 pixels") as caught:
        open_image(data)
    assert caught.value.kind == "too_large"
    assert open_image(bomb(1200, 900)).width == 1200


WHOLE = encoded(drawing(8), "PNG")
JPEG = encoded(drawing(8), "JPEG")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"<html><body>404</body></html>", "not_an_image"),
        (b"\0" * 1000, "not_an_image"),
        (WHOLE[: len(WHOLE) // 2], "damaged"),
        (JPEG[: len(JPEG) // 2], "damaged"),
        (WHOLE[:20], "damaged"),
        (b"GIF89a" + b"\xff" * 50, "not_an_image"),
        (b"RIFF\x10\0\0\0WEBPVP8 garbage", "damaged"),
    ],
)
def test_what_cannot_be_read_is_an_image_error_with_its_kind(data, kind):
    with pytest.raises(ImageError) as caught:
        open_image(data)
    assert caught.value.kind == kind


def test_an_animation_is_told_by_its_second_frame_in_every_format_that_has_them():
    frames = [drawing(seed, 30, 20) for seed in (5, 6, 7)]
    for form in ("PNG", "WEBP", "GIF", "AVIF", "TIFF"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
        assert read_header(data).animated is (form != "TIFF"), form  # of a TIFF, these are pages
        assert not read_header(encoded(frames[0], form)).animated, form


def test_the_frames_of_an_animation_are_not_counted():
    """To count 120,000 of them would take more reads than a file is given."""
    first, second = (encoded(Image.new("L", (1, 1), grey), "GIF") for grey in (0, 255))
    frame = second[second.index(b",", 13 + 3) : -1]
    data = first[:-1] + 120_000 * frame
    assert read_header(data).animated and open_image(data).flags == ("animated",)


PARTS = 550_000  # more than any picture has


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (WHOLE[:33] + 110_000 * chunk(b"tEXt", b"") + WHOLE[33:], "has more than 100,000 chunks"),
        (WHOLE[:33] + 110_000 * chunk(b"IDAT", b"") + WHOLE[33:], "has more than 100,000 chunks"),
        (WHOLE[:-12] + 110_000 * chunk(b"zTXt", b"") + WHOLE[-12:], "has more than 100,000 chunks"),
        (JPEG[:2] + PARTS // 2 * b"\xff\xfe\0\x02" + JPEG[2:], "consists of too many small parts"),
        (JPEG[:2] + PARTS * b"\xff" + JPEG[2:], "consists of too many small parts"),
        (JPEG[:3] + PARTS * b"\0", "consists of too many small parts"),
        (b"GIF89a\x01\0\x01\0\0\0\0" + PARTS // 2 * b"!\xfe\0" + b";", "consists of too many small parts"),
    ],
    ids=["text", "pixels", "text at the end", "comments", "padding", "junk", "gif"],
)
def test_a_file_of_more_parts_than_any_picture_has_is_damaged_at_every_door(data, said):
    for door in (read_header, open_image, lambda data: png_text(data, "prep")):
        with pytest.raises(ImageError, match=said) as caught:
            door(data)
        assert caught.value.kind == "damaged" and "\n" not in str(caught.value)


def test_a_png_of_many_chunks_and_what_follows_its_end_are_read():
    """As of 100 MB in chunks of 8 kB; behind its end, nothing is a chunk."""
    data = WHOLE[:33] + 13_000 * chunk(b"IDAT", b"") + WHOLE[33:]
    assert open_image(data).flags == () and read_header(data).width == 320
    for tail in (WHOLE[-12:] + bytes(12 * 110_000), bytes(12 * 110_000)):
        assert np.array_equal(open_image(WHOLE[:-12] + tail).pixels, open_image(WHOLE).pixels)


def test_of_many_large_texts_and_profiles_only_some_are_unpacked_to_measure_them(monkeypatch):
    monkeypatch.setattr(png_chunks, "MOST_UNPACKED_BYTES", 3_000_000)
    unpacked, unpacking = [], zlib.decompressobj
    monkeypatch.setattr(png_chunks.zlib, "decompressobj", lambda: unpacked.append(1) or unpacking())
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2_000_000)))
    profile = chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(2_000_000)))
    assert without_oversized(WHOLE[:33] + 20 * (text + profile) + WHOLE[33:]) == (
        WHOLE,
        ("profile_skipped", "text_skipped"),
    )
    assert len(unpacked) == 3  # of 1 MB each


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_no_bent_byte_gets_past_the_door_as_another_error(form):
    data = bytearray(encoded(drawing(9, 40, 30), form))
    rng = np.random.default_rng(1)
    for _ in range(60):
        bent = bytearray(data)
        for place in rng.integers(0, len(bent), 8):
            bent[place] = rng.integers(0, 256)
        try:
            open_image(bytes(bent[: rng.integers(1, len(bent) + 1)]))
        except ImageError as error:
            assert error.kind in ("empty", "not_an_image", "too_large", "damaged")


def test_the_header_is_known_without_decoding():
    header = read_header(encoded(drawing(1).convert("RGBA")))
    assert (header.width, header.height, header.format, header.alpha, header.orientation) == (320, 400, "png", True, 1)


def test_edge_density_is_the_share_of_canny_edges():
    flat = np.full((300, 200, 3), 90, np.uint8)
    assert edge_density(flat) == 0
    grey = cv2.cvtColor(np.asarray(drawing(2)), cv2.COLOR_RGB2GRAY)
    assert edge_density(np.asarray(drawing(2))) == np.count_nonzero(cv2.Canny(grey, 100, 200)) / grey.size


def test_the_same_art_at_two_sizes_has_one_density():
    art = open_image((EXAMPLES / "scenes" / "bg_club.jpg").read_bytes()).pixels
    double = cv2.resize(art, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    assert abs(edge_density(art) - edge_density(double)) < 0.01
    assert abs(edge_density(art, 0) - edge_density(double, 0)) > 0.03


def test_blur_lowers_sharpness():
    art = open_image((EXAMPLES / "scenes" / "bg_club.jpg").read_bytes()).pixels
    assert sharpness(cv2.GaussianBlur(art, (0, 0), 6)) < 15 < sharpness(art)


def test_sharpness_is_the_laplacians_variance():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    edges = cv2.Laplacian(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.CV_64F)
    assert sharpness(pixels) == pytest.approx(edges.var(), rel=1e-9)


@pytest.mark.parametrize("measure_px", [0, 700, 1024])
def test_measures_together_are_those_taken_one_by_one(measure_px):
    pixels = np.asarray(drawing(3).resize((1500, 1100)))
    found = measures(pixels, measure_px)
    assert found["edge_density"] == edge_density(pixels, measure_px) and found["sharpness"] == sharpness(pixels)


def test_perceptual_hash_survives_encoding_and_tells_pictures_apart():
    def apart(one, other):
        return (int(one, 16) ^ int(other, 16)).bit_count()

    art = drawing(11)
    original = perceptual_hash(np.asarray(art))
    assert len(original) == 16
    assert apart(original, perceptual_hash(open_image(encoded(art, "JPEG", quality=60)).pixels)) <= 4
    assert apart(original, perceptual_hash(np.asarray(art.resize((160, 200))))) <= 4
    assert apart(original, perceptual_hash(np.asarray(drawing(12)))) > 12


def test_an_encoded_png_holds_the_pixels_and_nothing_else():
    data = encode_png(np.asarray(drawing(1)))
    assert np.array_equal(open_image(data).pixels, np.asarray(drawing(1)))
    assert not any(name in data for name in (b"tEXt", b"eXIf", b"tIME", b"iCCP"))


def tall(form: str) -> bytes:
    """A white picture of 40x100 pixels."""
    return encoded(Image.new("RGB", (40, 100), "white"), form)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "AVIF"])
def test_pillows_own_limit_is_neither_asked_nor_changed(form, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2100)  # 4,000 pixels: a warning
    data = tall(form)
    assert open_image(data).width == read_header(data).width == 40
    assert Image.MAX_IMAGE_PIXELS == 2100
    with pytest.raises(Image.DecompressionBombWarning):  # others are warned as before
        Image.open(io.BytesIO(data))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "AVIF"])
def test_nor_is_twice_pillows_limit(form, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert open_image(tall(form)).height == 100


@pytest.mark.parametrize("form", ["WEBP", "TIFF"])
def test_where_pillow_asks_its_limit_while_it_decodes_the_error_says_so(form, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageError, match="more than Pillow decodes here") as caught:
        open_image(tall(form))
    assert caught.value.kind == "too_large" and "PIL.Image.MAX_IMAGE_PIXELS" in caught.value.hint


def test_a_tiff_above_pillows_limit_opens_with_pillows_warning(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2100)
    with pytest.warns(Image.DecompressionBombWarning):
        assert open_image(tall("TIFF")).width == 40


def test_a_warning_that_is_an_error_is_an_image_error(monkeypatch):
    def warned(*_):
        raise UserWarning("Corrupt EXIF data")

    monkeypatch.setattr(Image.Image, "getexif", warned)
    with pytest.raises(ImageError, match="Corrupt EXIF data"):
        open_image(WHOLE)


def large_profile(size: int = 1_200_000) -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()).ljust(size, b"\0")
    profile[:4] = len(profile).to_bytes(4, "big")
    return bytes(profile)


def with_text(*texts: tuple[str, str, bool]) -> PngInfo:
    """texts: (key, text, whether it is packed)."""
    notes = PngInfo()
    for key, text, packed in texts:
        notes.add_itxt(key, text, zip=packed)
    return notes


def test_a_png_whose_profile_is_too_large_for_pillow_is_a_good_picture():
    image = drawing(8, 40, 30)
    data = encoded(image, icc_profile=large_profile())
    picture = open_image(data)
    assert picture.flags == ("profile_skipped",) and np.array_equal(picture.pixels, np.asarray(image))
    assert (read_header(data).width, read_header(data).height) == (40, 30)
    clean, suffix = stripped(data)
    assert suffix == "png" and np.array_equal(open_image(clean).pixels, picture.pixels)


@pytest.mark.parametrize(
    "texts",
    [
        [("workflow", "{} " * 400_000, True)],
        [("workflow", "{} " * 400_000, True), ("prep", "small", False)],
        [(f"k{at}", "x" * 4_000, at % 2 == 0) for at in range(7)],
    ],
    ids=["packed", "beside a small one", "many"],
)
def test_a_png_whose_text_is_too_large_for_pillow_is_a_good_picture(texts, monkeypatch):
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_MEMORY", 20_000)  # of all together; 64 MB where nobody changes it
    image = drawing(8, 40, 30)
    data = encoded(image, pnginfo=with_text(*texts))
    picture = open_image(data)
    assert picture.flags == ("text_skipped",) and np.array_equal(picture.pixels, np.asarray(image))
    assert png_text(data, "prep") == ("small" if texts[-1][0] == "prep" else None)


def test_what_is_not_too_large_stays_as_it_is_to_the_byte():
    data = encoded(drawing(8, 40, 30), icc_profile=large_profile(900_000), pnginfo=with_text(("a", "b" * 900, True)))
    for given in (data, data[:100], data + b"tail", b"", encoded(drawing(1, 40, 30), "JPEG")):
        assert without_oversized(given) == (given, ())


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "TIFF", "AVIF"])
def test_other_containers_may_have_large_profiles(form):
    assert open_image(encoded(drawing(8, 40, 30), form, icc_profile=large_profile())).flags == ()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_with_its_alpha_every_mode_becomes_rgba(mode):
    image = Image.new("L", (20, 10), 128)
    image = Image.fromarray(np.full((10, 20), 128 * 257, np.uint16)) if mode == "I;16" else image.convert(mode)
    form = {"CMYK": "JPEG", "F": "TIFF", "I": "TIFF"}.get(mode, "PNG")
    pixels = open_with_alpha(encoded(image, form))
    assert pixels.shape == (10, 20, 4) and pixels.dtype == np.uint8 and (pixels[..., 3] == 255).all()
    assert (pixels[..., :3] == open_image(encoded(image, form)).pixels).all()


def test_with_its_alpha_a_picture_keeps_the_colours_that_white_would_dilute():
    image = Image.new("RGBA", (20, 10), (200, 40, 10, 100))
    data = encoded(image)
    assert (open_with_alpha(data) == (200, 40, 10, 100)).all() and (open_image(data).pixels[..., 1] > 150).all()


def test_with_its_alpha_a_picture_is_upright_and_its_limits_are_the_same():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_with_alpha(encoded(Image.new("RGBA", (20, 10)), exif=exif)).shape == (20, 10, 4)
    with pytest.raises(ImageError, match="more than 100 pixels"):
        open_with_alpha(encoded(Image.new("RGBA", (20, 10))), 100)
    with pytest.raises(ImageError, match="empty"):
        open_with_alpha(b"")
