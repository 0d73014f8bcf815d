"""Pictures in a request: base64, a data URI, or a file of a form. Nothing is fetched, and no path is read."""

import base64
import binascii
import re

from prep.errors import ImageError
from prep.images import open_image, read_header
from prep.web.refused import Refused

DATA_URI = re.compile(r"data:[\w.+/-]*(;[\w.+=-]+)*,", re.ASCII)
ADDRESS = re.compile(r"(https?|ftp|file):", re.IGNORECASE)
BYTES_HINT = "send a smaller file"


def from_base64(text: str, most_bytes: int) -> bytes:
    """text: base64, or a data: URI with it; line breaks are allowed. Raises Refused."""
    if ADDRESS.match(text):
        raise Refused(422, "an address is no picture: prep fetches none", "send the file itself, as base64")
    if head := DATA_URI.match(text):
        if ";base64" not in head[0]:
            raise Refused(422, "a data: URI without ;base64 is no picture", "send the file itself, as base64")
        text = text[head.end() :]
    if len(text) > most_bytes * 1.5:
        raise too_large(len(text) * 3 // 4, most_bytes)
    plain = text.translate({ord(letter): None for letter in " \t\r\n"})
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(
            422, "the picture is not base64", "send the file's bytes as base64, or as a form's file"
        ) from None
    return check_bytes(data, most_bytes)


def check_bytes(data: bytes, most_bytes: int) -> bytes:
    """The same. Raises Refused for an empty one, and for more than most_bytes."""
    if not data:
        raise Refused(422, "the picture is empty", "send the file's bytes")
    if len(data) > most_bytes:
        raise too_large(len(data), most_bytes)
    return data


def check_picture(data: bytes, max_pixels: int) -> tuple[int, int]:
    """(width, height) as its header says. Raises Refused when it is no picture, or has more than max_pixels."""
    try:
        header = read_header(data)
    except ImageError as error:
        raise unreadable(error) from None
    if header.width * header.height > max_pixels:
        raise Refused(
            413,
            f"the picture has {header.width:,} x {header.height:,} pixels; at most {max_pixels:,} are read",
            "send a smaller one, or raise serve.max_pixels",
        )
    return header.width, header.height


def check_decodes(data: bytes, max_pixels: int) -> None:
    """Raises Refused when its pixels cannot be read."""
    try:
        open_image(data, max_pixels)
    except ImageError as error:
        raise unreadable(error) from None


def unreadable(error: ImageError) -> Refused:
    return Refused(
        413 if error.kind == "too_large" else 422, f"the picture cannot be read: {error.message}", error.hint
    )


def numbered(error: Refused, number: int, count: int) -> Refused:
    """The same about one of several pictures: which one, from 1."""
    which = f"picture {number} of {count}: " if count > 1 else ""
    return Refused(error.status, which + error.message, error.hint, error.headers)


def too_large(found: int, most: int) -> Refused:
    return Refused(413, f"the picture has {found:,} bytes; at most {most:,} are read", BYTES_HINT)
