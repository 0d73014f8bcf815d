"""The pictures on the page: at most MOST of them, small, inside the file itself; and which ones are worth showing."""

import base64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import chain, zip_longest
from pathlib import Path
from typing import TypeVar

from prep.dataset.linked import picture_bytes
from prep.dataset.opened import as_it_lies
from prep.dataset.thumbnails import thumbnail
from prep.errors import ImageError
from prep.report.counts import Character
from prep.report.html import Html, text
from prep.report.rows import Picture
from prep.types import RETOUCHED

T = TypeVar("T")

MOST = 200
SIDES_PX = (320, 192, 96)  # a smaller one where a picture would take more than its share of the page
MOST_LETTERS = 3_600_000  # of all of them as data URIs: with the text around them, the page stays below 5 MB
REAL, DRAWN = 24, 12  # per character


class Thumbs:
    """Makes data URIs until the page is full. `gone`: pictures that could not be read."""

    def __init__(self, out: Path, max_pixels: int, pictures: int = MOST) -> None:
        """pictures: how many there are; few ones may be larger."""
        self.out, self.max_pixels, self.wanted = out, max_pixels, min(pictures, MOST)
        self.made: dict[int, str] = {}  # Picture.at -> its URI; empty if it could not be read
        self.left = MOST_LETTERS

    @property
    def room(self) -> int:
        return MOST - sum(map(bool, self.made.values())) if self.left > 0 else 0

    @property
    def gone(self) -> int:
        return sum(not uri for uri in self.made.values())

    def image(self, picture: Picture, alt: str) -> Html:
        """An <img>; empty when the page is full or the picture cannot be read."""
        if picture.at not in self.made:
            if self.room < 1 or not picture.file:
                return Html("")
            self.made[picture.at] = self._uri(picture)
        if not (uri := self.made[picture.at]):
            return Html("")
        size = f' width="{picture.width}" height="{picture.height}"' if picture.width and picture.height else ""
        return Html(f'<img src="{uri}" alt="{text(alt)}"{size}>')

    def _uri(self, picture: Picture) -> str:
        share, uri = self.left / max(1, self.wanted - len(self.made)), ""
        try:
            for side_px in SIDES_PX:
                data = self._thumbnail(picture, side_px)
                uri = f"data:image/webp;base64,{base64.b64encode(data).decode()}"
                if len(uri) <= share:
                    break
        except (OSError, ImageError):
            return ""
        self.left -= len(uri)
        return uri

    def _thumbnail(self, picture: Picture, side_px: int) -> bytes:
        """Raises OSError, ImageError."""

        def read() -> bytes:
            return picture_bytes(as_it_lies(self.out / picture.file), picture.image_id)

        if RETOUCHED not in picture.flags:
            return thumbnail(self.out, picture.image_id, read, side_px, self.max_pixels)
        data = read()  # a user's version of it: another picture than the one that was scanned
        return thumbnail(self.out, sha256(data).hexdigest(), lambda: data, side_px, self.max_pixels)


def chosen(characters: Sequence[Character], pictures: Sequence[Picture], room: int) -> Mapping[str, list[Picture]]:
    """character -> its pictures to show: spread evenly, real ones first, and every character's first ones before any
    other's second ones.
    """
    wanted = {
        character.name: [*(pictures[at] for at in _spread(character.kept, REAL)), *_spread(character.accepted, DRAWN)]
        for character in characters
    }
    rounds = chain.from_iterable(zip_longest(*([(name, each) for each in found] for name, found in wanted.items())))
    found: dict[str, list[Picture]] = {name: [] for name in wanted}
    for name, picture in [pair for pair in rounds if pair][:room]:
        found[name].append(picture)
    return found


def _spread(pictures: Sequence[T], most: int) -> list[T]:
    step = max(1.0, len(pictures) / most)
    return [pictures[int(at * step)] for at in range(min(len(pictures), most))]
