"""Letters of any script: in a font that has them, else in Latin ones. fonts/three_letters.ttf has エ, ル and フ alone,
made for this test.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from prep.dataset import lettering
from prep.dataset.lettering import Lettering
from tests.support.pictures import folder_of
from tests.support.runs import run_here, tree

FONT = Path(__file__).with_name("fonts") / "three_letters.ttf"


@pytest.fixture
def fonts(tmp_path, monkeypatch):
    """The folder of this machine's fonts; empty."""
    folder = tmp_path / "fonts"
    folder.mkdir()
    monkeypatch.setattr(lettering, "font_folders", lambda: [folder])
    return folder


@pytest.fixture
def letters(fonts):
    return Lettering(13)


def drawn(text: str) -> bytes:
    image = Image.new("L", (200, 20), 255)
    Lettering(13).draw(ImageDraw.Draw(image), (0, 0), text, 0)
    return image.tobytes()


def test_a_name_is_drawn_in_a_font_of_this_machine_that_has_its_letters(fonts, letters):
    shutil.copy(FONT, fonts)
    (fonts / "damaged.ttf").write_bytes(b"no font")
    assert letters.fonts(["エルフ: 3 images", "smile"]) == ["three_letters.ttf"]
    assert drawn("エル") != drawn("ルエ") != drawn("e ru")
    assert letters.width("エルフ") == 3 * 13


def test_without_such_a_font_it_is_drawn_in_latin_letters_and_never_in_boxes(fonts, letters):
    assert drawn("エルフ") == drawn("eruhu")  # by their names in Unicode
    assert drawn("Ёлка") == drawn("ioelkaa")
    assert drawn("田ł") == drawn("U+7530l")
    assert letters.fonts(["エルフ"]) == []


def test_a_line_is_as_wide_as_it_is_drawn_and_none_is_wider_than_the_column(fonts, letters):
    shutil.copy(FONT, fonts)
    text = "looking at viewer, MMMMMMMMMM WWWWWWWWW, " + "エルフ" * 40 + ", smile"
    lines = letters.lines(text, 280)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(letters.width(line) <= 280 for line in lines) and len(lines) > 6
    short = letters.lines(text, 280, 3)
    assert short[:2] == lines[:2] and short[2].endswith(" ...") and letters.width(short[2]) <= 280
    assert letters.lines("a, b", 280, 3) == ["a, b"] and letters.lines("", 280) == []


def test_the_end_of_a_path_is_what_has_room(letters):
    assert letters.end_of("art/" * 40 + "mira/3.png", 200).endswith("mira/3.png")
    assert letters.end_of("mira/3.png", 200) == "mira/3.png"


def test_a_sheet_is_drawn_anew_once_its_letters_are_to_be_had_and_not_again(fonts, tmp_path, tiny_tagger):
    art, out = folder_of(tmp_path / "art", **{"エルフ": 1}), tmp_path / "out"
    sheet = out / "generated" / "エルフ" / "sheet.png"
    run_here(art, out, tiny_tagger)
    before = sheet.read_bytes()
    shutil.copy(FONT, fonts)
    run_here(art, out, tiny_tagger)
    after, all_of_it = sheet.read_bytes(), tree(out)
    run_here(art, out, tiny_tagger)
    assert after != before and tree(out) == all_of_it
    with Image.open(sheet) as image:
        assert np.asarray(image).shape[2] == 3


def test_of_a_text_without_end_only_what_has_room_is_looked_at(letters, monkeypatch):
    measured = []
    width = Lettering.width
    monkeypatch.setattr(Lettering, "width", lambda self, text: measured.append(len(text)) or width(self, text))
    assert len(letters.lines("x" * 1_000_000, 280, 7)) == 7
    assert letters.end_of("x" * 1_000_000, 280).startswith("...x")
    assert max(measured) < 3_000


def test_a_sheet_says_that_it_writes_a_name_in_other_letters(letters, fonts):
    assert letters.lacks(["mira", "エルフ"]) and not letters.lacks(["mira"])
    assert drawn("ィ") == drawn("i")  # KATAKANA LETTER SMALL I
