"""A picture's bytes without metadata: EXIF, GPS, XMP, comments, prompts, thumbnails, appended data.

JPEG, PNG and still WebP keep their pixels: only parts of the container are left out, and nothing is decoded.
An animated WebP, a picture rotated by EXIF, one whose colours are not sRGB and one with a broken container are decoded
and rewritten as PNG.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import ImageCms

from prep.images import encode_png, open_image, read_header

VERSION = 1  # of what is removed: a new version checks every picture again

# Only the chunks that affect pixels, each with its length where that is fixed: excess bytes could hide anything.
# Without acTL, fcTL and fdAT, an animated PNG is its first picture.
PNG_KEPT = {
    b"IHDR": 13,
    b"PLTE": 0,
    b"tRNS": 0,
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"cICP": 4,
    b"IDAT": 0,
    b"IEND": 0,
}
PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt")
PNG_TURNS = (b"Raw profile type exif", b"XML:com.adobe.xmp")  # texts that may contain the orientation
WEBP_KEPT = {b"VP8X", b"ALPH", b"VP8 ", b"VP8L"}
WEBP_PICTURE = {b"VP8 ", b"VP8L"}
WEBP_METADATA = 0x20 | 0x08 | 0x04 | 0x02  # flags of VP8X: ICC, EXIF, XMP, animation
WEBP_CANVAS_BYTES = 10  # of VP8X
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
JPEG_HEAD = b"\xff\xd8\xff"
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
JPEG_KEPT = {*JPEG_FRAMES, 0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD}  # and tables, scans, number of lines, restarts
JPEG_LINES, JPEG_LINES_BYTES = 0xDC, 6
JFIF_BYTES = 14  # of the APP0 payload, before its thumbnail
ADOBE_BYTES = 12  # of the APP14 payload: how colours are stored
ICC_HEAD, ICC_HEAD_BYTES = b"ICC_PROFILE\0", 14
MOST_PROFILE_BYTES = 16_000_000
NOT_DATA = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # a marker that ends a scan


class _OddError(Exception):
    """The container violates its standard, or contains more than a still picture."""


@dataclass
class _Found:
    """The result of walking through a container."""

    parts: list[bytes] = field(default_factory=list)  # what is kept
    profile: bytes = b""  # ICC
    may_turn: bool = False  # there is metadata that may contain the orientation


def stripped(data: bytes) -> tuple[bytes, str]:
    """-> (bytes, suffix without its dot); the same bytes if there is nothing to remove.

    Raises ImageError when data is not an image.
    """
    for head, suffix, walk in ((JPEG_HEAD, "jpg", _jpeg), (PNG_HEAD, "png", _png), (b"RIFF", "webp", _webp)):
        if data.startswith(head):
            try:
                found = walk(data)
            except (_OddError, struct.error, IndexError, zlib.error):
                break
            if found.may_turn and read_header(data).orientation not in (0, 1):
                break
            # Without their profile, colours that are not sRGB would be wrong.
            if found.profile and not _srgb(found.profile) and "profile" in open_image(data).flags:
                break
            return b"".join(found.parts), suffix
    return encode_png(open_image(data).pixels), "png"


def _srgb(profile: bytes) -> bool:
    """Whether a profile says that it is sRGB. images.py asks the same, after it has decoded the picture."""
    try:
        return "srgb" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).lower()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return False


def _png(data: bytes) -> _Found:
    found, at, kinds = _Found([PNG_HEAD]), len(PNG_HEAD), set()
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        critical = kind[0] & 0x20 == 0
        if end > len(data) or critical and kind not in PNG_KEPT or not kinds and kind != b"IHDR":
            raise _OddError
        if kind in (b"fcTL", b"fdAT") and b"IDAT" not in kinds and not _whole_frame(data, at):
            raise _OddError  # what is shown first is not what would be kept
        if kind in PNG_KEPT:
            right = length == PNG_KEPT[kind] or kind in (b"IDAT", b"PLTE", b"tRNS")
            if critical and not right:
                raise _OddError
            if right:
                found.parts.append(data[at:end])
        elif kind == b"iCCP" and not found.profile:
            found.profile = _inflated(data[at + 8 : end - 4])
        elif kind == b"eXIf" or kind in PNG_TEXT and data.startswith(PNG_TURNS, at + 8):
            found.may_turn = True
        kinds.add(kind)
        at = end
        if kind == b"IEND":
            if b"IDAT" not in kinds:
                raise _OddError
            return found


def _whole_frame(data: bytes, at: int) -> bool:
    """Whether the chunk at this place makes the picture that follows, all of it, a frame of an animated PNG."""
    kind, width, height, x, y = struct.unpack_from(">4s4x4I", data, at + 4)
    return kind == b"fcTL" and (width, height, x, y) == (*struct.unpack_from(">2I", data, len(PNG_HEAD) + 8), 0, 0)


def _inflated(payload: bytes) -> bytes:
    """The profile of an iCCP chunk, which follows a name and a method number."""
    return zlib.decompressobj().decompress(payload.partition(b"\0")[2][1:], MOST_PROFILE_BYTES)


def _jpeg(data: bytes) -> _Found:
    found, at, framed, scanned = _Found([data[:2]]), 2, False, False
    profile: list[bytes] = []
    while True:
        if data[at] != 0xFF:
            raise _OddError
        while data[at + 1] == 0xFF:  # markers may be padded
            at += 1
        marker = data[at + 1]
        if marker == 0xD9:
            if not (framed and scanned):
                raise _OddError
            found.parts.append(b"\xff\xd9")
            found.profile = b"".join(part[ICC_HEAD_BYTES:] for part in sorted(profile))
            return found
        noted = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if not noted and marker not in JPEG_KEPT:
            raise _OddError
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(data) or marker == JPEG_LINES and length + 2 != JPEG_LINES_BYTES:
            raise _OddError
        if marker == 0xE2 and data.startswith(ICC_HEAD, at + 4):
            profile.append(data[at + 4 : end])
        found.may_turn |= marker == 0xE1
        framed, scanned = framed or marker in JPEG_FRAMES, scanned or marker == 0xDA
        found.parts += _kept_note(marker, data[at + 4 : end]) if noted else [data[at:end]]
        if marker == 0xDA:
            stop = NOT_DATA.search(data, end)
            if not stop:
                raise _OddError
            found.parts.append(data[end : stop.start()])
            end = stop.start()
        at = end


def _kept_note(marker: int, payload: bytes) -> Iterator[bytes]:
    """What decoders need of application segments and comments: JFIF without its thumbnail, Adobe's colour transform."""
    if marker == 0xE0 and payload.startswith(b"JFIF\0") and len(payload) >= JFIF_BYTES:
        yield b"\xff\xe0" + struct.pack(">H", JFIF_BYTES + 2) + payload[: JFIF_BYTES - 2] + b"\0\0"
    elif marker == 0xEE and payload.startswith(b"Adobe") and len(payload) >= ADOBE_BYTES:
        yield b"\xff\xee" + struct.pack(">H", ADOBE_BYTES + 2) + payload[:ADOBE_BYTES]


def _webp(data: bytes) -> _Found:
    (size,) = struct.unpack_from("<I", data, 4)
    found, at, stop, kinds = _Found(), 12, min(len(data), size + 8), set()
    while at + 8 <= stop:
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        if at + 8 + length > len(data):
            raise _OddError
        if kind == b"VP8X" and length != WEBP_CANVAS_BYTES or kind in (b"ANIM", b"ANMF"):
            raise _OddError
        first = kind not in kinds and not (kind in WEBP_PICTURE and kinds & WEBP_PICTURE)
        if kind == b"VP8X" and first:
            found.parts.append(data[at : at + 8] + bytes([data[at + 8] & ~WEBP_METADATA]) + data[at + 9 : end])
        elif kind in WEBP_KEPT and first:
            found.parts.append(data[at:end].ljust(end - at, b"\0"))
        elif kind == b"ICCP":
            found.profile = found.profile or data[at + 8 : at + 8 + length]
        found.may_turn |= kind in (b"EXIF", b"XMP ")
        kinds.add(kind)
        at = end
    if data[8:12] != b"WEBP" or not kinds & WEBP_PICTURE:
        raise _OddError
    found.parts = [b"RIFF", struct.pack("<I", 4 + sum(map(len, found.parts))), b"WEBP", *found.parts]
    return found
