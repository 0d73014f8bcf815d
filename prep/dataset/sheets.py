"""Contact sheets, one per character: its real images with their captions, then what was drawn of it, each beside its
parent, with score and verdict.

At most 24 real images and 36 drawn ones per kind, spread evenly; redrawn only when something on the sheet has changed.
"""

import contextlib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image, ImageDraw

from prep.aside import CHANGED, UNKNOWN, fingerprint, make_way
from prep.config import recipe
from prep.dataset.lettering import Lettering
from prep.dataset.sheet_texts import FAINT, INK, best_first, caption, source, verdict_on
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, read_file, real_folder, write_whole
from prep.images import encode_png, open_image
from prep.ledger import Ledger, Shelf
from prep.names import printable, quantity
from prep.run import Places
from prep.system import remove
from prep.types import Profile, Row

VERSION = 7
# subject: the character's slug; recipe: what its sheet shows. The last row counts; rows of 0.1.0 have no more fields.
SHEET = Shelf(
    "sheet",
    (
        pa.field("sha256", pa.string()),  # of sheet.png
        pa.field("before", pa.string()),  # of the sheet that it replaces, which is still there if the run was killed
    ),
)

MOST = 24  # real images per sheet
MOST_DRAWN = 36  # per kind
KINDS = (
    ("crop", "crops of the picture on the left, with their captions"),
    ("reconstruct", "reconstructions: drawn only from the tags of the picture on the left"),
    ("consistency", "consistency samples: drawn only from words, each in another situation; not trained on"),
    (
        "augmentation",
        "augmentations of the picture on the left, with verdict and what was asked; accepted ones first",
    ),
)
RAREST = "what its pictures show of all that can be varied, rarest first:"
LATIN = "only this sheet writes its names in Latin letters, since no font of this machine has theirs"
ACROSS = 4
CELL_PX, THUMB_PX, MARGIN_PX = 300, 280, 20
FONT_PX, LINE_PX, TITLE_PX = 13, 17, 26
CAPTION_LINES = 7
PAPER = (250, 250, 248)


@dataclass(frozen=True)
class About:
    """Lines about a character. shown: what its pictures show, rarest first. held: what the model holds of it."""

    shown: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


class Sheets:
    def __init__(self, places: Places, ledger: Ledger | None, profiles: dict[str, Profile],
                 caption_text: Callable[[str], str], max_pixels: int, about: dict[str, About]) -> None:  # fmt: skip
        self.places = places
        self.ledger = ledger
        self.profiles = profiles
        self.caption_text = caption_text
        self.max_pixels = max_pixels
        self.about = about
        self.titles, self.headings, self.text = Lettering(TITLE_PX - 6), Lettering(FONT_PX + 2), Lettering(FONT_PX)
        self.pages: dict[str, list[Row]] = defaultdict(list)
        self.drawn: dict[str, list[Row]] = defaultdict(list)
        self.parents: dict[tuple[str, str], Row] = {}  # (character, sha256) -> the real image

    def choose(self, rows: Sequence[Row]) -> None:
        """The rows that the sheets show: at most MOST real images per character, evenly spread."""
        kept, passed = Counter(), Counter()  # real images, by character
        for row in rows:
            if row.made:
                self.drawn[row.ref.character].append(row)
            elif row.status == "kept":
                kept[row.ref.character] += 1
        wanted = {(row.ref.character, row.made.parent) for drawn in self.drawn.values() for row in drawn}
        for row in (row for row in rows if not row.made):
            character = row.ref.character
            if row.status == "kept":
                # Of n rows, row k is shown if k * MOST / n passes a whole number there.
                at, total = passed[character], max(kept[character], MOST)
                if at * MOST // total != (at - 1) * MOST // total:
                    self.pages[character].append(row)
                passed[character] += 1
            if (character, row.ref.sha256) in wanted:
                self.parents[character, row.ref.sha256] = row

    def write(self, folder: Path) -> None:
        """folder: generated/, which gets <character>/sheet.png. Removes prep's sheet of a character that is gone."""
        out, known = folder.parent, self.ledger.rows(SHEET)
        done = []
        for character in self.pages:
            slug = self.places.slugs[character]
            title, texts = [*self._title(character), *self._about(character).held], self._texts(character)
            fonts = self.text.fonts([*title, *(text for each in texts for text in each)])
            key = recipe("sheet", VERSION, title, texts, fonts)
            if row := self._write(out, folder, slug, character, key, known.get(slug)):
                done.append(row)
        if done:
            self.ledger.write(SHEET, done)
        for slug in known.keys() - {self.places.slugs[character] for character in self.pages}:
            _remove(folder, slug, known[slug])

    def _write(
        self, out: Path, folder: Path, slug: str, character: str, key: str, row: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        """-> the row to keep once the sheet is written; None if it was there before."""
        path = folder / slug / "sheet.png"
        found = None if folder.is_symlink() or path.parent.is_symlink() else fingerprint(path)
        if row and row["recipe"] == key and found is not None and found == (row["sha256"] or found):
            return _row(slug, key, found) if row["before"] else None
        data = self.page(character)
        real_folder(out, folder.name, slug)
        ours = _ours(row)
        digest = hashlib.sha256(data).hexdigest()
        self.ledger.write(SHEET, [_row(slug, key, digest, found if found in ours else None)])
        make_way(out, path, ours | {digest}, CHANGED if ours else UNKNOWN, self.ledger)
        write_whole(path, data)
        return _row(slug, key, digest)

    def _texts(self, character: str) -> list[list[str]]:
        """All texts on the sheet, by picture."""
        shown, drawn = self._shown(character)
        rows = [*shown, *(row for some in drawn.values() for row in some)]
        return [[row.ref.sha256, caption(row), *source(row), *self._told(row)] for row in rows]

    def _told(self, row: Row) -> list[str]:
        return [text for _, text in verdict_on(row, self._situation(row))]

    def _situation(self, row: Row) -> tuple[str, ...]:
        """What was asked of a consistency sample beyond what the character always has."""
        if row.origin != "consistency":
            return ()
        tags = self.profiles[row.ref.character].tags
        return tuple(tag for tag in row.made.request.asked if tag not in tags or not tags[tag].core)

    def page(self, character: str) -> bytes:
        """The character's sheet, as PNG."""
        return self._page(self._title(character), self._about(character).held, *self._shown(character))

    def _shown(self, character: str) -> tuple[list[Row], dict[str, list[Row]]]:
        """(real images, drawn ones by kind) that the sheet has room for."""
        real = sorted(self.pages[character], key=lambda row: row.ref.path)
        return real, {kind: self._spread(character, kind) for kind, _ in KINDS}

    def _spread(self, character: str, kind: str) -> list[Row]:
        """At most MOST_DRAWN per kind; accepted ones first, the best first."""
        rows = [row for row in self.drawn[character] if row.origin == kind]
        rows.sort(key=best_first)
        step = max(1, len(rows) / MOST_DRAWN)
        return [rows[int(at * step)] for at in range(min(len(rows), MOST_DRAWN))]

    def _title(self, character: str) -> list[str]:
        profile, trigger = self.profiles[character], self.profiles[character].trigger
        traits = ", ".join(self.caption_text(name) for name in profile.tags if profile.tags[name].trait) or "none yet"
        return [
            f"{printable(character)}: {quantity(profile.images, 'image')}, trigger word: {trigger}",
            f"left to the trigger word: {traits}" + (f"; {LATIN}" if self.text.lacks([character, trigger]) else ""),
            *((RAREST, *shown) if (shown := self._about(character).shown) else ()),
        ]

    def _about(self, character: str) -> About:
        return self.about.get(character, About())

    def _page(self, title: list[str], held: Sequence[str], shown: list[Row], drawn: dict[str, list[Row]]) -> bytes:
        parts = [([], [self._cell(row) for row in shown])]
        for kind, heading in KINDS:
            if drawn[kind]:
                about = [heading, *(held if kind == "consistency" else ())]
                parts.append((about, [self._drawn_cell(row) for row in drawn[kind]]))
        lines = []  # (the lines above it, cells)
        for about, cells in parts:
            for at in range(0, len(cells), ACROSS):
                lines.append((about if not at else [], cells[at : at + ACROSS]))
        heights = [max(cell.height for cell in cells) + _above_px(about) for about, cells in lines]
        top = MARGIN_PX + TITLE_PX + LINE_PX * (len(title) - 1) + MARGIN_PX
        size = (2 * MARGIN_PX + ACROSS * CELL_PX, top + sum(heights) + MARGIN_PX * len(lines))
        sheet = Image.new("RGB", size, PAPER)
        draw = ImageDraw.Draw(sheet)
        self._line(draw, self.titles, title[0], MARGIN_PX, INK)
        for at, text in enumerate(title[1:]):
            self._line(draw, self.text, text, MARGIN_PX + TITLE_PX + LINE_PX * at, FAINT)
        for (about, cells), height in zip(lines, heights, strict=True):
            for at, text in enumerate(about):
                below = TITLE_PX - LINE_PX + LINE_PX * at if at else 0
                self._line(draw, self.text if at else self.headings, text, top + below, FAINT if at else INK)
            for place, cell in enumerate(cells):
                sheet.paste(cell, (MARGIN_PX + place * CELL_PX, top + _above_px(about)))
            top += height + MARGIN_PX
        return encode_png(sheet)

    def _line(self, draw: ImageDraw.ImageDraw, letters: Lettering, text: str, y: int, ink: tuple) -> None:
        (line,) = letters.lines(text, ACROSS * CELL_PX, most=1)
        letters.draw(draw, (MARGIN_PX, y), line, ink)

    def _drawn_cell(self, row: Row) -> Image.Image:
        parent = self.parents.get((row.ref.character, row.made.parent))
        pictures = [self._thumb(each, THUMB_PX // (2 if parent else 1) - 2) for each in (parent, row) if each]
        tall = max(picture.height for picture in pictures)
        verdict = verdict_on(row, self._situation(row))
        lines = [(ink, line) for ink, text in verdict for line in self.text.lines(text, THUMB_PX, CAPTION_LINES)]
        lines.append((FAINT, self.text.end_of(Path(row.ref.path).name, THUMB_PX)))
        cell = Image.new("RGB", (CELL_PX, tall + 8 + LINE_PX * len(lines)), PAPER)
        left = 0
        for picture in pictures:
            cell.paste(picture, (left, 0))
            left += THUMB_PX // 2
        draw = ImageDraw.Draw(cell)
        for number, (ink, line) in enumerate(lines):
            self.text.draw(draw, (0, tall + 6 + LINE_PX * number), line, ink)
        return cell

    def _cell(self, row: Row) -> Image.Image:
        thumb = self._thumb(row)
        place = [self.text.end_of(line, THUMB_PX) for line in source(row)]
        text = self.text.lines(caption(row), THUMB_PX, CAPTION_LINES)
        height = thumb.height + 8 + LINE_PX * (len(place) + len(text))
        cell = Image.new("RGB", (CELL_PX, height), PAPER)
        cell.paste(thumb, (0, 0))
        draw, y = ImageDraw.Draw(cell), thumb.height + 6
        for ink, line in [*((INK, line) for line in text), *((FAINT, line) for line in place)]:
            self.text.draw(draw, (0, y), line, ink)
            y += LINE_PX
        return cell

    def _thumb(self, row: Row, width: int = THUMB_PX) -> Image.Image:
        """Scaled to the given width, or to 1.4 times that in height; small ones are enlarged."""
        try:
            data = read_file(self.places.file(row), PICTURE_BYTES, follow=True)
            picture = Image.fromarray(open_image(data, self.max_pixels).pixels)
        except (ImageError, OSError):
            return Image.new("RGB", (width, width // 2), FAINT)
        scale = min(width / picture.width, width * 1.4 / picture.height)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        return picture.resize(size, Image.Resampling.LANCZOS)


def _above_px(about: list[str]) -> int:
    """The height of the lines above the first row of a part."""
    return TITLE_PX + LINE_PX * (len(about) - 1) if about else 0


def _row(slug: str, key: str, digest: str, before: str | None = None) -> dict[str, Any]:
    return {"subject": slug, "recipe": key, "sha256": digest, "before": before}


def _ours(row: dict[str, Any] | None) -> set[str]:
    """sha256 of what prep wrote. Empty for a row of 0.1.0, which has none."""
    return {digest for digest in (row["sha256"], row["before"]) if digest} if row else set()


def _remove(folder: Path, slug: str, row: dict[str, Any]) -> None:
    path = folder / slug / "sheet.png"
    if not folder.is_symlink() and not path.parent.is_symlink() and fingerprint(path) in _ours(row):
        remove(path)
        with contextlib.suppress(OSError):  # other pictures of the character are still there
            path.parent.rmdir()
