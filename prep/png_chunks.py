"""PNG chunks that are too large for Pillow: a colour profile or text that unpacks to more than 1 MB.

The picture in such a file is intact. Nothing here decodes it.
"""

import struct
import zlib

from PIL import PngImagePlugin

HEAD = b"\x89PNG\r\n\x1a\n"
AROUND = 12  # bytes of a chunk besides its content: length, type, checksum
FLAGS = {b"iCCP": "profile_skipped", b"tEXt": "text_skipped", b"zTXt": "text_skipped", b"iTXt": "text_skipped"}
SKIPPED = frozenset(FLAGS.values())


def without_oversized(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """-> (the bytes without those chunks, what is missing: profile_skipped, text_skipped).

    The same bytes if nothing is too large, or this is not a PNG, or its chunks are broken. The limits are Pillow's
    own in this process: for each profile and text, and for all texts together.
    """
    if not data.startswith(HEAD):
        return data, ()
    parts, flags = [], set()
    at, kept, text_bytes = len(HEAD), 0, 0
    while at + AROUND <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + AROUND + length
        if kind in FLAGS:
            size, too_large = _unpacked(kind, data[at + 8 : end - 4])
            if kind != b"iCCP" and not too_large:
                text_bytes += size
                too_large = text_bytes > PngImagePlugin.MAX_TEXT_MEMORY
            if too_large:
                flags.add(FLAGS[kind])
                parts.append(data[kept:at])
                kept = end
        at = end
    return (b"".join((*parts, data[kept:])), tuple(sorted(flags))) if parts else (data, ())


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
