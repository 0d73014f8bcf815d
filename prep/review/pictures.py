"""The pictures themselves: thumbnails, kept under .prep/, and whole ones in a format that browsers show.

An OUT may come from anybody: only pictures inside SRC and OUT are sent, and nothing but pictures.
"""

from pathlib import Path

from prep.dataset.opened import as_it_lies
from prep.dataset.thumbnails import thumbnail
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, read_file
from prep.images import encode_png, open_image, read_header
from prep.review.items import Item
from prep.web.refused import Refused

SIDE_PX = 320
SHOWN = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}  # by browsers, as they are


class Pictures:
    def __init__(self, out: Path, src: Path, max_pixels: int) -> None:
        self.out = out
        self.src = src
        self.max_pixels = max_pixels

    def thumbnail(self, item: Item) -> bytes:
        """WebP, the longer side at most SIDE_PX. Raises Refused, 404, when the picture is gone or cannot be read."""

        try:
            return thumbnail(self.out, self.key(item), lambda: self._read(item), SIDE_PX, self.max_pixels)
        except ImageError as error:
            raise Refused(404, f"{item.name} {error.message}", "see Problems") from None

    def key(self, item: Item) -> str:
        """Of its thumbnail: another one once the picture was retouched."""
        return item.retouched or item.image_id

    def whole(self, item: Item) -> tuple[bytes, str]:
        """-> (bytes, media type). Raises Refused like `thumbnail`."""
        data = self._read(item)
        try:
            header = read_header(data)
            if header.format in SHOWN and header.width * header.height <= self.max_pixels:
                return data, SHOWN[header.format]
            return encode_png(open_image(data, self.max_pixels).pixels), "image/png"
        except ImageError as error:
            raise Refused(404, f"{item.name} {error.message}", "see Problems") from None

    def _read(self, item: Item) -> bytes:
        for folder, place in ((self.out, item.file), (self.src, item.source)):
            if place is None:
                continue
            path = as_it_lies(folder / place)
            try:
                # Also a link, as export.link makes them: to a picture in SRC.
                there = path.resolve(strict=True)
                if there.is_relative_to(folder.resolve()) or there.is_relative_to(self.src.resolve()):
                    return read_file(there, PICTURE_BYTES)
            except (OSError, RuntimeError, ValueError):
                continue
        raise Refused(404, f"{item.name} is gone: it is neither in kohya/ nor in the image folder", "run prep again")
