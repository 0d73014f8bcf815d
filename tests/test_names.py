"""Names of folders, triggers and pictures: safe everywhere, and once given they stay."""

import hashlib
import random
import unicodedata

import pytest

from prep.dataset.layout import layout_of
from prep.edits.placed import EXPORT, Placed, read_placement
from prep.ledger import Ledger
from prep.names import slugs, stem_slug
from tests.support.person import tags
from tests.support.pictures import drawing, encoded

NFC, NFD = (unicodedata.normalize(form, "Élodie") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(("first", "second"), [("Miku", "miku"), ("a,b", "a b"), ("É", "é"), (NFC, NFD), ("ß", "SS")])
def test_a_name_once_given_stays_whoever_joins(first, second):
    known = slugs([first])
    both = slugs(sorted((first, second)), known)
    assert both[first] == known[first] and both[second] != known[first]


@pytest.mark.parametrize(("before", "after"), [("Miku", "miku"), (NFC, NFD), (NFD, NFC), ("miku", "MIKU")])
def test_a_folder_renamed_only_in_case_or_unicode_form_keeps_its_name(before, after):
    known = slugs([before])
    assert slugs([after], known) == {after: known[before]}


def test_names_are_each_ones_own_whatever_comes_goes_and_returns():
    rng = random.Random(0)
    names = ["Miku", "miku", "MIKU", "a,b", "a b", "a_b", NFC, NFD, "!!", "??", "x-drawn", "a_b-1eb7"]
    for _ in range(200):
        known: dict[str, str] = {}
        for _ in range(6):
            there = sorted(rng.sample(names, rng.randint(1, 5)))
            found = slugs(there, known)
            assert len(set(found.values())) == len(there) and not any(
                slug.endswith("-drawn") for slug in found.values()
            )
            assert all(found[name] == known[name] for name in there if name in known)
            known = {name: slug for name, slug in known.items() if slug not in found.values()} | found


def test_a_character_that_joins_takes_no_folder_and_no_trigger(made):
    before = made.image("000")
    (made.art / "Mira").mkdir()
    (made.art / "Mira" / "1.png").write_bytes(encoded(drawing(71, 64, 48)))
    for _ in range(2):
        made.run()
        assert made.image("000") == before and tags(made.text("000"))[0] == "mira"
        assert tags(made.text("Mira/1.png"))[0].startswith("mira-")


def test_a_folder_that_comes_back_beside_its_namesake_does_not_share_its_name(made):
    """Mira becomes MIRA, and another mira joins: two characters, two folders."""
    (made.art / "mira").rename(made.art / "MIRA")
    made.run()
    assert "_mira/" in made.row("MIRA/000.png")["file"]
    (made.art / "mira").mkdir()
    (made.art / "mira" / "1.png").write_bytes(encoded(drawing(72, 64, 48)))
    made.run()
    folders = {made.row(name)["file"].split("/")[1] for name in ("MIRA/000.png", "mira/1.png")}
    assert len(folders) == 2 and "_mira/" in made.row("MIRA/000.png")["file"]


STEMS = {
    "000": "000",
    "Miku (1) final": "miku_1_final",
    "水着の絵": "水着の絵",
    "!!!": "image",
    "x" * 80: "x" * 24,
    "a, b": "a_b",
    "-._-": "image",
    "e\u0301te": "éte",
    "a\x1b[31mb": "a_x1b_31mb",
}


@pytest.mark.parametrize("stem", STEMS)
def test_a_picture_s_name_begins_as_its_source_s(stem):
    assert stem_slug(stem) == STEMS[stem] and len(STEMS[stem]) <= 24


def test_names_in_kohya_are_the_source_s_and_the_hash_of_what_lies_there(made):
    for number, stem in enumerate(("水着の絵", "!!!", "y" * 200)):
        (made.art / "mira" / f"{stem}.png").write_bytes(encoded(drawing(80 + number, 64, 48)))
    made.run()
    for row in made.rows().values():
        path = made.out / row["file"]
        begin, _, digest = path.stem.rpartition("-")
        assert begin == stem_slug(row["source"].rpartition("/")[2].rpartition(".")[0])
        assert digest == hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    before = sorted(path.name for path in (made.out / "kohya").rglob("*.*"))
    made.run()
    assert sorted(path.name for path in (made.out / "kohya").rglob("*.*")) == before


def test_an_out_that_0_1_0_began_keeps_its_names_and_its_metadata(tmp_path):
    ledger = Ledger(tmp_path / ".prep" / "ledger")
    ledger.write(EXPORT, [Placed("mira-0123456789ab.png", "00", 1, "placed", "mira").row("mira/00")])
    old = layout_of(ledger, read_placement(tmp_path / "kohya", ledger), "auto")
    assert not old.readable and not old.strip
    new = layout_of(
        Ledger(tmp_path / "new" / ".prep" / "ledger"), read_placement(tmp_path / "x", Ledger(tmp_path)), "auto"
    )
    assert new.readable and new.strip
