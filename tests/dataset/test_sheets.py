"""Contact sheets: every picture with its caption, bounded, and drawn anew only when something on it changed."""

import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from prep.aside import lying_aside
from prep.dataset.sheet_texts import BAD, GOOD, verdict_on
from prep.dataset.sheets import CELL_PX, KINDS, MOST, SHEET, Sheets
from prep.errors import StoppedError
from prep.files import write_whole
from prep.ledger import Ledger, Shelf
from prep.run import Places
from prep.types import Check, ImageRef, Made, Profile, Row, Seen
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


def test_what_was_drawn_stands_below_with_its_parent_and_itsverdict_on(tmp_path, tiny_tagger, generator, sets):  # noqa: F811
    art, out = folder_of(tmp_path / "art", mira=3), tmp_path / "out"
    run_here(art, out, tiny_tagger, *sets)
    page, rows = pixels_of(out), [row for row in manifest(out) if row["origin"] != "source"]
    accepted = [row["status"] == "kept" for row in rows]
    assert (
        {row["origin"] for row in rows} == {kind for kind, _ in KINDS} - {"crop"}
        and any(accepted)
        and not all(accepted)
    )
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
    sheets = Sheets(None, None, {}, str, 0, {})
    sheets.choose(rows)
    shown = [(row.made.check.score, row.made.check.reason) for row in sheets._spread("mira", "augmentation")]
    assert shown == [(0.8, None), (0.3, None), (0.9, "copy"), (0.5, "copy")]
    told = [text for _, text in verdict_on(rows[1])]
    assert told == ["0.90 copy (img2img)", "asked: open mouth", "missing: blue hair", "unwanted: red eyes, hat"]


def test_a_consistency_sample_names_the_situation_that_it_was_asked_for():
    asked = request(kind="consistency", changes=(), asked=("1girl", "orange_hair", "portrait", "classroom"))
    core = {name: Seen(4, 4, 0.6, True, False, False, "") for name in ("1girl", "orange_hair")}
    row = drawn_row(0.8, None)
    row = row._replace(origin="consistency", made=Made("generator", None, asked.key, asked, row.made.check))
    sheets = Sheets(None, None, {"mira": Profile("mira", "mira", 4, core)}, str, 0, {})
    assert sheets._told(row)[:2] == ["0.80 accepted", "asked: portrait, classroom"]


class Page(Sheets):
    """Sheets whose page is made of the captions alone: what is tested is when it is written."""

    def page(self, character):
        return " | ".join(row.final_text for row in self.pages[character]).encode()


def write_sheet(out, *captions, character="mira"):
    """One run's sheets -> what the character's says."""
    profile = Profile(character, character, len(captions), {})
    rows = [
        Row(ImageRef(f"{text}.png", text, character, 1, 1, "png", 1, 0, 0, "0", ()), "source", final_text=text)
        for text in captions
    ]
    places = Places(out / "src", out, {character: character})
    sheets = Page(places, Ledger.begin(out / ".prep" / "ledger"), {character: profile}, str, 0, {})
    sheets.choose(rows)
    sheets.write(out / "generated")
    return sheet(out, character).read_text()


def aside(out):
    """What lies set aside, by its place."""
    return {str(path.relative_to(out / "set_aside")): path.read_bytes() for path in out.glob("set_aside/**/*.*")}


def test_a_sheet_shows_what_stands_after_a_setting_was_changed_and_changed_back(tmp_path):
    assert [write_sheet(tmp_path, text) for text in ("a", "b", "a", "b")] == ["a", "b", "a", "b"]
    assert not aside(tmp_path)


def test_a_sheet_that_a_person_drew_on_is_set_aside_before_ours_is_written(tmp_path):
    write_sheet(tmp_path, "a")
    sheet(tmp_path).write_bytes(b"drawn on")
    assert write_sheet(tmp_path, "a") == "a" and aside(tmp_path) == {"generated/mira/sheet.png": b"drawn on"}
    write_sheet(tmp_path, "b")
    sheet(tmp_path).write_bytes(b"a")  # one of before: only the last one is ours
    assert write_sheet(tmp_path, "b") == "b" and aside(tmp_path)["generated/mira/sheet-2.png"] == b"a"
    assert set(lying_aside(tmp_path, Ledger(tmp_path / ".prep" / "ledger")).values()) == {
        "it was changed since prep wrote it"
    }


def test_a_sheet_behind_a_link_is_neither_followed_nor_lost(tmp_path):
    write_sheet(tmp_path, "a")
    theirs = tmp_path / "theirs.png"
    sheet(tmp_path).rename(theirs)
    sheet(tmp_path).symlink_to(theirs)
    assert write_sheet(tmp_path, "b") == "b" and theirs.read_text() == "a" and not sheet(tmp_path).is_symlink()
    shutil.move(tmp_path / "generated" / "mira", tmp_path / "elsewhere")
    (tmp_path / "generated" / "mira").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoppedError, match="mira is a link"):
        write_sheet(tmp_path, "a")
    assert (tmp_path / "elsewhere" / "sheet.png").read_text() == "b"


@pytest.mark.parametrize("point", ["before rename", "after rename"])
def test_a_run_killed_around_a_sheet_sets_nothing_aside(tmp_path, point, monkeypatch):
    def dies(path, data, sync=False):
        if point == "after rename":
            write_whole(path, data)
        raise KeyboardInterrupt

    write_sheet(tmp_path, "a")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("prep.dataset.sheets.write_whole", dies)
        write_sheet(tmp_path, "b")
    assert [write_sheet(tmp_path, text) for text in ("b", "c")] == ["b", "c"] and not aside(tmp_path)


def test_the_sheet_of_a_character_that_is_gone_goes_unless_it_was_changed(tmp_path):
    write_sheet(tmp_path, "a")
    write_sheet(tmp_path, "b", character="noa")
    assert not sheet(tmp_path).parent.exists() and sheet(tmp_path, "noa").exists()
    sheet(tmp_path, "noa").write_bytes(b"drawn on")
    write_sheet(tmp_path, "a")
    assert sheet(tmp_path, "noa").read_bytes() == b"drawn on" and not aside(tmp_path)


def test_a_sheet_of_0_1_0_stays_while_it_stands_and_is_set_aside_when_it_does_not(tmp_path):
    write_sheet(tmp_path, "a")
    ledger = Ledger.begin(tmp_path / ".prep" / "ledger")
    (row,) = ledger.rows(SHEET).values()
    shutil.rmtree(ledger.folder)
    ledger.write(Shelf("sheet", ()), [{"subject": "mira", "recipe": row["recipe"]}])
    before = sheet(tmp_path).stat().st_ino
    assert write_sheet(tmp_path, "a") == "a" and sheet(tmp_path).stat().st_ino == before
    assert write_sheet(tmp_path, "b") == "b" and list(aside(tmp_path).values()) == [b"a"]
    assert write_sheet(tmp_path, "c") == "c" and len(aside(tmp_path)) == 1
