"""A picture's bytes without what people do not want to publish: EXIF, GPS, XMP, comments, prompts, thumbnails, tails.

JPEG, PNG and still WebP keep their pixels: only parts of the container are left out. An animated WebP, a picture that
EXIF turns, one whose colours are not sRGB and one with a broken container are decoded and written anew as PNG.
"""

import re
import struct
from collections.abc import Iterator

from prep.images import encode_png, open_image, read_header

# The chunks that shape pixels, and no other. Without acTL, fcTL and fdAT, an animated PNG is its first picture.
PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"IDAT", b"IEND"}
WEBP_KEPT = {b"VP8X", b"ALPH", b"VP8 ", b"VP8L"}
WEBP_METADATA = 0x20 | 0x08 | 0x04 | 0x02  # flags of VP8X: ICC, EXIF, XMP, animation
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
JPEG_HEAD = b"\xff\xd8\xff"
JFIF_BYTES = 14  # of the APP0 payload, before its thumbnail
ADOBE_BYTES = 12  # of the APP14 payload: how colours are stored
NOT_DATA = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # a marker that ends a scan


class _OddError(Exception):
    """The container does not follow its standard."""


def stripped(data: bytes) -> tuple[bytes, str]:
    """-> (bytes, suffix). Raises ImageError when data is no image."""
    header = read_header(data)
    try:
        if header.orientation in (0, 1) and not (header.animated and header.format == "webp"):
            for head, suffix, walk in ((JPEG_HEAD, "jpg", _jpeg), (PNG_HEAD, "png", _png), (b"RIFF", "webp", _webp)):
                if data.startswith(head) and suffix == header.format:
                    parts, profile = walk(data)
                    # Without their profile, colours that are not sRGB would be shown wrongly.
                    if not profile or "profile" not in open_image(data).flags:
                        return b"".join(parts), suffix
    except (_OddError, struct.error, IndexError):
        pass
    return encode_png(open_image(data).pixels), "png"


def _png(data: bytes) -> tuple[list[bytes], bool]:
    parts, profile, at = [PNG_HEAD], False, len(PNG_HEAD)
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise _OddError
        if kind in PNG_KEPT:
            parts.append(data[at:end])
        elif kind[0] & 0x20 == 0:  # a critical chunk that we do not know
            raise _OddError
        profile |= kind == b"iCCP"
        at = end
        if kind == b"IEND":
            return parts, profile


def _jpeg(data: bytes) -> tuple[list[bytes], bool]:
    parts, profile, at = [data[:2]], False, 2
    while True:
        if data[at] != 0xFF:
            raise _OddError
        while data[at + 1] == 0xFF:  # markers may be padded
            at += 1
        marker = data[at + 1]
        if marker == 0xD9:
            parts.append(b"\xff\xd9")
            return parts, profile
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            raise _OddError
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(data):
            raise _OddError
        profile |= marker == 0xE2 and data.startswith(b"ICC_PROFILE\0", at + 4)
        parts += _kept_segment(marker, data[at:end])
        if marker == 0xDA:
            found = NOT_DATA.search(data, end)
            if not found:
                raise _OddError
            parts.append(data[end : found.start()])
            end = found.start()
        at = end


def _kept_segment(marker: int, segment: bytes) -> Iterator[bytes]:
    payload = segment[4:]
    if marker == 0xE0 and payload.startswith(b"JFIF\0") and len(payload) >= JFIF_BYTES:
        yield b"\xff\xe0" + struct.pack(">H", JFIF_BYTES + 2) + payload[: JFIF_BYTES - 2] + b"\0\0"  # no thumbnail
    elif marker == 0xEE and payload.startswith(b"Adobe") and len(payload) >= ADOBE_BYTES:
        yield b"\xff\xee" + struct.pack(">H", ADOBE_BYTES + 2) + payload[:ADOBE_BYTES]
    elif not 0xE0 <= marker <= 0xEF and marker != 0xFE:
        yield segment


def _webp(data: bytes) -> tuple[list[bytes], bool]:
    parts, profile, at = [], False, 12
    (size,) = struct.unpack_from("<I", data, 4)
    stop = min(len(data), size + 8)
    while at + 8 <= stop:
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        if at + 8 + length > len(data):
            raise _OddError
        if kind == b"VP8X":
            parts.append(data[at : at + 8] + bytes([data[at + 8] & ~WEBP_METADATA]) + data[at + 9 : end])
        elif kind in WEBP_KEPT:
            parts.append(data[at:end].ljust(end - at, b"\0"))
        profile |= kind == b"ICCP"
        at = end
    if not parts:
        raise _OddError
    return [b"RIFF", struct.pack("<I", 4 + sum(map(len, parts))), b"WEBP", *parts], profile
