"""Text on sheets: in the default font, else in one on this machine that has the letters, else in Latin letters.

Knows fonts and pixels, and nothing about the text's meaning.
"""

import contextlib
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain, groupby
from pathlib import Path

from PIL import ImageDraw, ImageFont

from prep.system import font_folders

SUFFIXES = {".ttf", ".otf", ".ttc"}
# Among fonts with the letters, prefer one that reads well when small. The first two show a box or nothing at all.
NEVER = ("lastresort", "blank")
LATER = ("bold", "italic", "oblique", "light", "thin", "black", "condensed", "mono", "serif", "math", "emoji")
NOBODY = "\U0010ffff"  # not a letter: a font draws its placeholder for missing letters
BREAK = " "


class Lettering:
    """Draws text of one size."""

    def __init__(self, size_px: int) -> None:
        self.size_px = size_px
        self._by_char: dict[str, ImageFont.FreeTypeFont | None] = {}

    def width(self, text: str) -> float:
        """Pixels."""
        return sum(font.getlength(run) for run, font in self._runs(text))

    def draw(self, draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, ink: tuple[int, int, int]) -> None:
        """place: of the top left corner."""
        left, top = place
        base = self._default.getmetrics()[0]
        for run, font in self._runs(text):
            draw.text((left, top + base), run, ink, font, anchor="ls")
            left += font.getlength(run)

    def lines(self, text: str, width_px: int, most: int | None = None) -> list[str]:
        """Broken between words, or within a word wider than a line; text that does not fit ends in ` ...`."""
        if most is not None:  # no letter is narrower than a pixel: the rest has no room
            text = text[: (most + 1) * width_px]
        lines = [""]
        for word in text.split(BREAK):
            for at, part in enumerate(self._parts(word, width_px)):
                joined = f"{lines[-1]}{BREAK}{part}" if lines[-1] and not at else part
                if not at and self.width(joined) <= width_px:
                    lines[-1] = joined
                else:
                    lines.append(part)
        lines = [line for line in lines if line]
        if most is not None and len(lines) > most:
            last = lines[most - 1]
            while last and self.width(f"{last} ...") > width_px:
                last = last[:-1]
            lines = [*lines[: most - 1], f"{last} ..."]
        return lines

    def end_of(self, text: str, width_px: int) -> str:
        """As much of the text's end as fits, after `...` if that is not all of it."""
        shown = text if len(text) <= width_px else f"...{text[-width_px:]}"
        text = text[-width_px:]
        while text and self.width(shown) > width_px:
            text = text[1:]
            shown = f"...{text}"
        return shown

    def lacks(self, texts: Iterable[str]) -> bool:
        """Whether some of the letters are written in Latin ones, since no font has them."""
        return any(self._font(char) is None for text in texts for char in text)

    def fonts(self, texts: Iterable[str]) -> list[str]:
        """The fonts of this machine that the texts are drawn in, besides the default one."""
        found = {font.path for text in texts for _, font in self._runs(text) if isinstance(font.path, str)}
        return sorted(Path(path).name for path in found)

    def _parts(self, word: str, width_px: int) -> Iterator[str]:
        while self.width(word) > width_px and len(word) > 1:
            fits = next((at for at in range(1, len(word)) if self.width(word[: at + 1]) > width_px), len(word))
            yield word[:fits]
            word = word[fits:]
        yield word

    def _runs(self, text: str) -> Iterator[tuple[str, ImageFont.FreeTypeFont]]:
        """(text, its font) runs. Letters that no font has are written in Latin letters."""
        for font, chars in groupby(text, self._font):
            run = "".join(chars)
            yield (run, font) if font else ("".join(map(_latin, run)), self._default)

    def _font(self, char: str) -> ImageFont.FreeTypeFont | None:
        if char not in self._by_char:
            used = dict.fromkeys(font for font in self._by_char.values() if font)
            fonts = chain([self._default], used, self._system_fonts())
            self._by_char[char] = next((font for font in fonts if char.isspace() or _has(font, char)), None)
        return self._by_char[char]

    @cached_property
    def _default(self) -> ImageFont.FreeTypeFont:
        return ImageFont.load_default(self.size_px)

    @cached_property
    def _font_files(self) -> list[Path]:
        """The font files of this machine and its user, the most legible first."""
        found = (
            Path(folder, name)
            for top in font_folders()
            for folder, _, names in os.walk(top)
            for name in names
            if Path(name).suffix.lower() in SUFFIXES and not any(word in name.lower() for word in NEVER)
        )
        return sorted(found, key=lambda path: (sum(word in path.name.lower() for word in LATER), path.name))

    def _system_fonts(self) -> Iterator[ImageFont.FreeTypeFont]:
        for path in self._font_files:
            with contextlib.suppress(OSError, ValueError):  # damaged, or a bitmap font of one size
                yield ImageFont.truetype(str(path), self.size_px)


def _has(font: ImageFont.FreeTypeFont, char: str) -> bool:
    mask, nobody = font.getmask(char), font.getmask(NOBODY)
    return (mask.size, bytes(mask)) != (nobody.size, bytes(nobody))


def _latin(char: str) -> str:
    """By its Unicode name: `KATAKANA LETTER RU` is `ru`; other characters become U+ and their number."""
    plain = unicodedata.normalize("NFKD", char)[0]
    if plain.isascii():
        return plain
    found = re.search(r"(?:LETTER|SYLLABLE) (?:SMALL )?(\w+)", unicodedata.name(char, ""))
    return found[1].lower() if found else f"U+{ord(char):04X}"
