"""Contact sheets: a page a character to look at, with every picture's caption under it.

At most 24 pictures a page, spread evenly over the set; drawn anew only when something on it has changed.
"""

import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from prep.config import recipe
from prep.errors import ImageError
from prep.files import write_whole
from prep.images import encode_png, open_image
from prep.ledger import Ledger, Shelf
from prep.names import printable
from prep.types import Profile, Row

VERSION = 1
SHEET = Shelf("sheet", ())  # subject: the character's slug; recipe: what its sheet shows

MOST = 24  # pictures a sheet
ACROSS = 4
CELL_PX, THUMB_PX, MARGIN_PX = 300, 280, 20
FONT_PX, LINE_PX, TITLE_PX = 13, 17, 26
CAPTION_LINES, LINE_CHARACTERS = 7, 46
INK, FAINT, PAPER = (30, 30, 34), (120, 120, 128), (250, 250, 248)


class Sheets:
    def __init__(self, src: Path, ledger: Ledger, slugs: dict[str, str], profiles: dict[str, Profile],
                 counts: Counter[str], spelt: Callable[[str], str], max_pixels: int) -> None:  # fmt: skip
        self.src = src
        self.counts = counts  # character -> images kept
        self.ledger = ledger
        self.slugs = slugs
        self.profiles = profiles
        self.spelt = spelt
        self.max_pixels = max_pixels
        self.pages: dict[str, list[Row]] = defaultdict(list)
        self.seen: Counter[str] = Counter()

    def watched(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows as they come, while those for the sheets are kept: evenly over a character, at most MOST."""
        for row in rows:
            character = row.ref.character
            if row.status == "kept":
                # Of n rows, number k is shown where k * MOST / n passes a whole number.
                place, total = self.seen[character], max(self.counts[character], MOST)
                if place * MOST // total != (place - 1) * MOST // total:
                    self.pages[character].append(row)
                self.seen[character] += 1
            yield row

    def write(self, folder: Path) -> None:
        """folder: generated/, which gets <character>/sheet.png."""
        drawn = {(entry["subject"], entry["recipe"]) for entry in self.ledger.table(SHEET).to_pylist()}
        for character, page in self.pages.items():
            slug, title = self.slugs[character], self._title(character)
            shown = sorted(page, key=lambda row: row.ref.path)
            path = folder / slug / "sheet.png"
            key = recipe("sheet", VERSION, title, [[row.ref.sha256, _caption(row)] for row in shown])
            if (slug, key) not in drawn or not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, self._page(title, shown))
                self.ledger.write(SHEET, [{"subject": slug, "recipe": key}])

    def _title(self, character: str) -> list[str]:
        profile = self.profiles[character]
        traits = ", ".join(self.spelt(name) for name in profile.tags if profile.tags[name].trait) or "none yet"
        return [
            f"{printable(character)}: {profile.images:,} images, trigger word: {profile.trigger}",
            f"left to the trigger word: {traits}",
        ]

    def _page(self, title: list[str], rows: list[Row]) -> bytes:
        cells = [self._cell(row) for row in rows]
        lines = [cells[at : at + ACROSS] for at in range(0, len(cells), ACROSS)]
        heights = [max(cell.height for cell in line) for line in lines]
        top = MARGIN_PX + TITLE_PX + LINE_PX + MARGIN_PX
        size = (2 * MARGIN_PX + ACROSS * CELL_PX, top + sum(heights) + MARGIN_PX * len(lines))
        sheet = Image.new("RGB", size, PAPER)
        draw = ImageDraw.Draw(sheet)
        draw.text((MARGIN_PX, MARGIN_PX), title[0], INK, ImageFont.load_default(TITLE_PX - 6))
        draw.text((MARGIN_PX, MARGIN_PX + TITLE_PX), title[1], FAINT, ImageFont.load_default(FONT_PX))
        for line, height in zip(lines, heights, strict=True):
            for place, cell in enumerate(line):
                sheet.paste(cell, (MARGIN_PX + place * CELL_PX, top))
            top += height + MARGIN_PX
        return encode_png(sheet)

    def _cell(self, row: Row) -> Image.Image:
        thumb = self._thumb(row)
        told = [f"{printable(row.ref.path)[-44:]}", f"{row.complexity}, threshold {row.caption.threshold:.2f}"]
        text = textwrap.wrap(_caption(row), LINE_CHARACTERS)
        if len(text) > CAPTION_LINES:
            text = [*text[: CAPTION_LINES - 1], text[CAPTION_LINES - 1][: LINE_CHARACTERS - 2] + " ..."]
        height = thumb.height + 8 + LINE_PX * (len(told) + len(text))
        cell = Image.new("RGB", (CELL_PX, height), PAPER)
        cell.paste(thumb, (0, 0))
        draw, font, y = ImageDraw.Draw(cell), ImageFont.load_default(FONT_PX), thumb.height + 6
        for ink, line in [*((INK, line) for line in text), *((FAINT, line) for line in told)]:
            draw.text((0, y), line, ink, font)
            y += LINE_PX
        return cell

    def _thumb(self, row: Row) -> Image.Image:
        try:
            picture = Image.fromarray(open_image((self.src / row.ref.path).read_bytes(), self.max_pixels).pixels)
        except (ImageError, OSError):
            return Image.new("RGB", (THUMB_PX, THUMB_PX // 2), FAINT)
        picture.thumbnail((THUMB_PX, round(THUMB_PX * 1.4)), Image.Resampling.LANCZOS)
        return picture


def _caption(row: Row) -> str:
    return row.final_text if row.final_text is not None else "(its caption cannot be read)"
