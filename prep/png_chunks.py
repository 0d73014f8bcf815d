"""PNG chunks that are too large for Pillow, a colour profile or text that unpacks to more than 1 MB, or too many.

The picture beside a large profile or text is intact. Nothing here decodes it.
"""

import struct
import zlib
from collections.abc import Iterator

from PIL import PngImagePlugin

from prep.errors import ImageError

HEAD = b"\x89PNG\r\n\x1a\n"
END = b"IEND"
MOST_CHUNKS = 100_000  # 100 MB in chunks of 8 kB are 13,000; each costs Pillow some microseconds
MOST_UNPACKED_BYTES = 128_000_000  # to measure them: twice what Pillow keeps of all texts
AROUND = 12  # bytes of a chunk besides its content: length, type, checksum
FLAGS = {b"iCCP": "profile_skipped", b"tEXt": "text_skipped", b"zTXt": "text_skipped", b"iTXt": "text_skipped"}
SKIPPED = frozenset(FLAGS.values())


def without_oversized(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """-> (the bytes without those chunks, what is missing: profile_skipped, text_skipped).

    The same bytes if nothing is too large, or this is not a PNG, or its chunks are broken. The limits are Pillow's
    own in this process: for each profile and text, and for all texts together.

    Raises ImageError for more than MOST_CHUNKS.
    """
    if not data.startswith(HEAD):
        return data, ()
    parts, flags = [], set()
    kept = text_bytes = unpacked_bytes = 0
    for at, end, kind in _chunks(data):
        if kind in FLAGS:
            too_large = unpacked_bytes > MOST_UNPACKED_BYTES
            if not too_large:
                size, too_large = _unpacked(kind, data[at + 8 : end - 4])
                unpacked_bytes += size
            if kind != b"iCCP" and not too_large:
                text_bytes += size
                too_large = text_bytes > PngImagePlugin.MAX_TEXT_MEMORY
            if too_large:
                flags.add(FLAGS[kind])
                parts.append(data[kept:at])
                kept = end
    return (b"".join((*parts, data[kept:])), tuple(sorted(flags))) if parts else (data, ())


def _chunks(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(begin, end, type) of each one that Pillow reads: to the end of the picture, or to what is no chunk."""
    at = len(HEAD)
    for _ in range(MOST_CHUNKS + 1):
        if at + AROUND > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == END or not kind.isalnum():
            return
        yield at, at + AROUND + length, kind
        at += AROUND + length
    raise ImageError("damaged", f"has more than {MOST_CHUNKS:,} chunks", "save the image again")


def _unpacked(kind: bytes, content: bytes) -> tuple[int, bool]:
    """(bytes that it unpacks to, whether that is too many for Pillow)."""
    _, _, rest = content.partition(b"\0")
    if kind == b"tEXt" or kind == b"iTXt" and not rest[:1].strip(b"\0"):
        return len(content), False
    packed = rest[1:] if kind != b"iTXt" else b"\0".join(rest[2:].split(b"\0", 2)[2:])
    try:
        unpacking = zlib.decompressobj()
        size = len(unpacking.decompress(packed, PngImagePlugin.MAX_TEXT_CHUNK))
        return size, bool(unpacking.unconsumed_tail)
    except zlib.error:  # Pillow ignores it by itself
        return 0, False
