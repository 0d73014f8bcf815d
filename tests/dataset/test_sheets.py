"""Contact sheets: every picture with its caption, bounded, and drawn anew only when something on it changed."""

import cv2
import numpy as np
from PIL import Image

from prep.dataset.sheets import BAD, CELL_PX, GOOD, KINDS, MOST, Sheets, _verdict
from prep.types import Check, ImageRef, Made, Row
from tests.support.pictures import folder_of
from tests.support.requests import request
from tests.support.runs import manifest, run_here


def drawn_row(score, reason):
    check = Check(score, reason is None, reason, missing=("blue_hair",), unwanted=("red_eyes", "hat"))
    ref = ImageRef(f"{score}", "x.png", "mira", 64, 64, "png", 1, 0.1, 1.0, "0", ())
    asked = request(changes=("open_mouth",))
    return Row(ref, "augmentation", made=Made("generator", asked.parent, asked.key, asked, check))


def sheet(out, slug="mira"):
    return out / "generated" / slug / "sheet.png"


def test_every_character_gets_a_sheet_with_its_pictures(tmp_path, tiny_tagger):
    run_here(folder_of(tmp_path / "art", mira=5, noa=1), tmp_path / "out", tiny_tagger)
    with Image.open(sheet(tmp_path / "out")) as image:
        pixels = np.asarray(image)
        assert image.width > 4 * CELL_PX and image.height > 2 * CELL_PX
        assert len(np.unique(pixels[:, :, 0])) > 50  # pictures, not paper alone
    assert sheet(tmp_path / "out", "noa").is_file()


def test_a_sheet_is_drawn_again_only_when_what_it_shows_changed(tmp_path, tiny_tagger):
    art = folder_of(tmp_path / "art", mira=2, noa=2)
    run_here(art, tmp_path / "out", tiny_tagger)
    stamps = [sheet(tmp_path / "out", slug).stat().st_mtime_ns for slug in ("mira", "noa")]
    run_here(art, tmp_path / "out", tiny_tagger)
    assert [sheet(tmp_path / "out", slug).stat().st_mtime_ns for slug in ("mira", "noa")] == stamps
    row = next(row for row in manifest(tmp_path / "out") if row["character"] == "mira")
    caption = (tmp_path / "out" / row["file"]).with_suffix(".txt")
    caption.write_text(caption.read_text() + ", red scarf")
    run_here(art, tmp_path / "out", tiny_tagger)
    after = [sheet(tmp_path / "out", slug).stat().st_mtime_ns for slug in ("mira", "noa")]
    assert after[0] != stamps[0] and after[1] == stamps[1]


def test_a_sheet_shows_no_more_than_a_page(tmp_path, tiny_tagger):
    art = folder_of(tmp_path / "art", mira=MOST + 10)
    run_here(art, tmp_path / "out", tiny_tagger)
    with Image.open(sheet(tmp_path / "out")) as image:
        many = image.height
    for path in sorted((art / "mira").iterdir())[MOST:]:
        path.unlink()
    run_here(art, tmp_path / "out", tiny_tagger)
    with Image.open(sheet(tmp_path / "out")) as image:
        assert abs(image.height - many) < CELL_PX


def pixels_of(out):
    with Image.open(sheet(out)) as image:
        return np.asarray(image).astype(int)


def inked(pixels, ink):
    """How many pixels have that ink's colour, to the last digit: text has no other like it."""
    return np.count_nonzero((pixels == ink).all(2))


def test_what_was_drawn_stands_below_with_its_parent_and_its_verdict(tmp_path, tiny_tagger, generator, sets):  # noqa: F811
    art, out = folder_of(tmp_path / "art", mira=3), tmp_path / "out"
    run_here(art, out, tiny_tagger, *sets)
    page, rows = pixels_of(out), [row for row in manifest(out) if row["origin"] != "source"]
    accepted = [row["status"] == "kept" for row in rows]
    assert {row["origin"] for row in rows} == {kind for kind, _ in KINDS} and any(accepted) and not all(accepted)
    assert inked(page, GOOD) and inked(page, BAD)
    for row in rows:
        # Each is of one colour, and noise: its mean, as the sheet shows it, is found somewhere on the page.
        with Image.open(out / row["file"]) as image:
            colour = np.asarray(image).reshape(-1, 3).mean(0)
        blurred = cv2.blur(page.astype(np.float32), (41, 41))
        assert np.abs(blurred - colour).max(2).min() < 6, row["file"]
    # Under a bound that hardly one reaches: another sheet, with less in green.
    run_here(art, out, tiny_tagger, *sets[1:], "check.bound=1.0", "augmentation.tries=1")
    after = pixels_of(out)
    assert inked(after, GOOD) < inked(page, GOOD) and inked(after, BAD) > inked(page, BAD)


def test_the_best_of_what_was_accepted_comes_first():
    rows = [drawn_row(score, reason) for score, reason in ((0.3, None), (0.9, "copy"), (0.8, None), (0.5, "copy"))]
    sheets = Sheets(None, None, {}, str, 0)
    sheets.choose(rows)
    shown = [(row.made.check.score, row.made.check.reason) for row in sheets._spread("mira", "augmentation")]
    assert shown == [(0.8, None), (0.3, None), (0.9, "copy"), (0.5, "copy")]
    told = [text for _, text in _verdict(rows[1])]
    assert told == ["0.90 copy", "asked: open mouth", "missing: blue hair", "unwanted: red eyes, hat"]
