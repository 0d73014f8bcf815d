"""Image files of every format that prep reads, bent where their containers are: chunks, segments, tags, sizes."""

import functools
import io
import random
import struct
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms, features
from PIL.PngImagePlugin import PngInfo

from prep.dataset.strip import stripped
from prep.errors import ImageError
from prep.images import measures, open_image, png_text, read_header
from prep.process.pictures import trust_our_own_limits
from tests.faults.fuzz import ODD_NUMBERS, several, shuffled
from tests.support.pictures import drawing, encoded

MOST_PIXELS = 1_000_000  # so that a trial takes milliseconds
KINDS = {"empty", "not_an_image", "too_large", "damaged"}
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


class Chunk(NamedTuple):
    kind: bytes
    data: bytes


@functools.cache
def seeds() -> tuple[bytes, ...]:
    picture = drawing(5, 48, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngInfo()
    text.add_text("parameters", "a smile", zip=True)
    text.add_itxt("prep", "{}", zip=True)

    def more() -> dict:
        return {"save_all": True, "append_images": [drawing(number, 48, 40) for number in range(3)]}

    deep = Image.fromarray(np.arange(48 * 40, dtype=np.uint16).reshape(40, 48) * 30)
    made = [  # of a copy each: Pillow leaves in an image what it saved it with
        encoded(picture.copy(), pnginfo=text, exif=exif, icc_profile=profile),
        encoded(picture.quantize(16), transparency=3),
        encoded(picture.convert("1")),
        encoded(picture.convert("LA")),
        encoded(deep),
        encoded(picture.copy(), **more()),
        encoded(picture.copy(), "JPEG", exif=exif, icc_profile=profile, comment=b"a comment"),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(picture.copy(), "JPEG", progressive=True, subsampling=2, restart_marker_rows=1),
        encoded(picture.copy(), "MPO", **more()),
        encoded(picture.copy(), "WEBP", exif=exif, icc_profile=profile, xmp=b"<x/>"),
        encoded(picture.convert("RGBA"), "WEBP", lossless=True),
        encoded(picture.copy(), "WEBP", **more()),
        encoded(picture.copy(), "BMP"),
        encoded(picture.quantize(4), "BMP"),
        encoded(picture.quantize(8), "GIF", transparency=2),
        encoded(picture.copy(), "GIF", **more()),
        *(encoded(picture.copy(), "TIFF", compression=name, exif=exif) for name in (None, "tiff_lzw", "tiff_deflate")),
        encoded(picture.convert("1"), "TIFF", compression="group4"),
        encoded(picture.copy(), "TIFF", **more()),
    ]
    if features.check("avif"):
        made += [encoded(picture.copy(), "AVIF"), encoded(picture.copy(), "AVIF", **more())]
    return tuple(made)


def bent_image(rng: random.Random) -> bytes:
    data = rng.choice(seeds())
    if rng.random() < 0.5:
        for head, bend in ((PNG_HEAD, _png), (b"\xff\xd8", _jpeg), (b"RIFF", _riff), (b"II", _tiff), (b"BM", _header)):
            if data.startswith(head):
                data = bend(data, rng)
                break
        if rng.random() < 0.5:
            return data
    return several(data, rng, seeds())


def _png(data: bytes, rng: random.Random) -> bytes:
    """Chunks with the checksums that belong to them, so that what is inside is read."""
    chunks, at = [], len(PNG_HEAD)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunks.append(Chunk(kind, data[at + 8 : at + 8 + length]))
        at += 12 + length
    place = rng.randrange(len(chunks))
    kind, inside = chunks[place]
    match rng.randrange(6):
        case 0:
            chunks = shuffled(chunks, rng)
        case 1:
            numbers = [*struct.unpack(">IIBBBBB", chunks[0].data)]
            field = rng.randrange(7)
            numbers[field] = rng.choice(ODD_NUMBERS) if field < 2 else rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
            chunks[0] = Chunk(b"IHDR", struct.pack(">IIBBBBB", *numbers))
        case 2:
            pixels = zlib.decompress(b"".join(each.data for each in chunks if each.kind == b"IDAT"))
            chunks = [each for each in chunks if each.kind != b"IDAT"]
            chunks.insert(-1, Chunk(b"IDAT", zlib.compress(several(pixels, rng))))
        case 3:
            bomb = zlib.compress(bytes(rng.choice((1_000, 5_000_000, 80_000_000))))
            kinds = {b"iCCP": b"x\0\0", b"zTXt": b"x\0\0", b"iTXt": b"x\0\1\0\0\0"}
            name = rng.choice(list(kinds))
            chunks.insert(1, Chunk(name, kinds[name] + bomb))
        case 4:
            chunks[place] = Chunk(several(kind, rng)[:4].ljust(4, b"x"), inside)
        case _:
            chunks[place] = Chunk(kind, several(inside, rng))
    parts = [struct.pack(">I4s", len(inside), kind) + inside + struct.pack(">I", zlib.crc32(kind + inside))
             for kind, inside in chunks]  # fmt: skip
    return PNG_HEAD + b"".join(parts)


def _jpeg(data: bytes, rng: random.Random) -> bytes:
    segments, at = [], 2
    while data[at + 1] not in (0xDA, 0xD9):
        (length,) = struct.unpack_from(">H", data, at + 2)
        segments.append(data[at : at + 2 + length])
        at += 2 + length
    if rng.random() < 0.3:
        segments = shuffled(segments, rng)
    else:
        place = rng.randrange(len(segments))
        head, inside = segments[place][:2], several(segments[place][4:], rng)[:65_000]
        segments[place] = head + struct.pack(">H", len(inside) + 2) + inside
    return data[:2] + b"".join(segments) + data[at:]


def _riff(data: bytes, rng: random.Random) -> bytes:
    chunks, at = [], 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        chunks.append(Chunk(kind, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    if rng.random() < 0.4:
        chunks = shuffled(chunks, rng)
    else:
        place = rng.randrange(len(chunks))
        chunks[place] = Chunk(chunks[place].kind, several(chunks[place].data, rng))
    parts = [struct.pack("<4sI", kind, len(inside)) + inside + bytes(len(inside) % 2) for kind, inside in chunks]
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, parts))) + b"WEBP" + b"".join(parts)


def _tiff(data: bytes, rng: random.Random) -> bytes:
    """One field of one entry of its first directory."""
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entry = at + 2 + 12 * rng.randrange(count)
    fields = {0: ("<H", 0x140), 2: ("<H", 19), 4: ("<I", 0), 8: ("<I", 0)}  # tag, type, count, value
    offset, (form, most) = rng.choice(list(fields.items()))
    number = rng.randrange(most) if most else rng.choice((*ODD_NUMBERS, len(data), at))
    size = struct.calcsize(form)
    return data[: entry + offset] + struct.pack(form, number) + data[entry + offset + size :]


def _header(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(2, 54, 2)
    return data[:at] + struct.pack("<I", rng.choice(ODD_NUMBERS)) + data[at + 4 :]


def image_trial(number: int) -> str:
    """A trial for `apart.tried`: what the door says of a bent image, and whether stripping it changes a pixel."""
    trust_our_own_limits()
    data = bent_image(random.Random(number))
    for door in (read_header, functools.partial(png_text, key="parameters")):
        _asked(door, data)
    picture = _asked(functools.partial(open_image, max_pixels=MOST_PIXELS), data)
    if picture is None:
        return "refused"
    assert picture.pixels.dtype == np.uint8 and picture.pixels.shape[2:] == (3,) and picture.pixels.size
    assert (
        _asked(functools.partial(open_image, max_pixels=MOST_PIXELS), data).pixels.tobytes() == picture.pixels.tobytes()
    )
    measures(picture.pixels, 1024)
    clean = _asked(stripped, data)
    if clean is not None:
        assert np.array_equal(open_image(clean[0]).pixels, picture.pixels), "stripping it changed its pixels"
        with Image.open(io.BytesIO(clean[0])) as image:
            assert not {"parameters", "prep", "exif", "comment", "xmp", "icc_profile"} & set(image.info), image.info
    return "opened"


def _asked(door, data: bytes):
    """None: refused, in one sentence that is the same each time."""
    try:
        return door(data)
    except ImageError as error:
        assert error.kind in KINDS, error.kind
        assert "\n" not in str(error) and "object at 0x" not in str(error), str(error)
        return None
