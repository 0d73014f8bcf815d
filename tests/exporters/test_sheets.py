"""Contact sheets: every picture with its caption, bounded, and drawn anew only when something on it changed."""

import numpy as np
from PIL import Image

from prep.exporters.sheets import CELL_PX, MOST
from tests.pictures import folder_of
from tests.run_helpers import manifest, run_here


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
