"""Crops on the page: found by their origin, with what they were cut from; and whose head a bucket cuts."""

from html import escape

import pytest
from PIL import Image

from prep.report.written import report
from tests.support.cropping import portrait
from tests.support.reviewing import reviewed

SETTINGS = """[scan]\nmin_side_px = 40\n[thresholds]\nmode = "fixed"\nfixed = 0.8\n[generator]\nmodel = "none"\n
[crops]\nkinds = ["head", "upper"]\n[export]\nresolution = 96\n"""


@pytest.fixture
def page(cropped):
    (cropped.art / "prep.toml").write_text(SETTINGS)
    cropped.run()
    with reviewed(cropped.out) as page:
        page.art = cropped
        yield page


def test_crops_have_an_origin_of_their_own_and_are_not_drawn(page):
    rows = page.rows("origin:crop")
    assert len(rows) == 8 and {row["made_by"] for row in rows} == {"crop"} and page.rows("origin:drawn") == []
    assert len(page.rows("is:real")) == 4 and len(page.rows("is:trained")) == 12
    detail = page.read(f"api/picture/{rows[0]['id']}")
    assert detail["parent"]["origin"] == "source" and detail["made"]["manner"] in ("head", "upper")
    assert detail["made"]["witnesses"] == [] and detail["made"]["generator"] is None
    parent = page.read(f"api/picture/{detail['parent']['id']}")
    assert {row["origin"] for row in parent["drawn_from_it"]} == {"crop"} and len(parent["drawn_from_it"]) == 2


def test_the_next_run_would_change_no_caption_of_a_crop(page):
    page.session.next.look()
    assert {row["then"] for row in page.rows()} == {None}


def test_a_crop_that_is_excluded_here_leaves_with_the_next_run(page):
    row = page.rows("origin:crop")[0]
    with page.art.door("page") as edits:
        edits.exclude([f"{row['character']}/{page.session.board.by_id[row['id']].image_id}"])
    page.art.run()
    assert len(page.art.crops(status="kept")) == 7 and len(page.art.crops(status="excluded")) == 1


def heads(out) -> tuple[dict[str, str], list[str]]:
    """(name of a picture -> what is said of its head, the warnings) of the bucket view."""
    with reviewed(out) as page:
        datasets = page.read("api/buckets")["datasets"]
    pictures = [each for dataset in datasets for bucket in dataset["buckets"] for each in bucket["pictures"]]
    return {each["name"]: each["head"] for each in pictures}, [line for each in datasets for line in each["warnings"]]


def test_the_buckets_say_whose_head_they_cut(page):
    art = page.art
    portrait(art.art / "mira" / "high.png", 1)
    with Image.open(art.art / "mira" / "high.png") as image:  # the head is at its upper edge
        image.convert("RGB").crop((0, 50, 320, 480)).save(art.art / "mira" / "high.png")
    art.run()
    known, said = heads(art.out)
    assert known["high.png"] == "92% cut off" and known["000.png"] == "50% cut off"
    assert said[0].startswith("the crop cuts a head in 5 pictures: high.png (mira, 92% of it), ")
    assert {head for name, head in known.items() if "-" in name} == {"whole"}  # of crops
    report(art.out)
    assert escape(said[0]) in (art.out / "report.html").read_text()
    art.run("export.resolution=512", 'crops.kinds=["figure"]')
    known, said = heads(art.out)
    assert known["000.png"] == "whole" and known["high.png"] == "38% cut off"  # 430 px become 384
    assert said[0] == "the crop cuts a head in 1 picture: high.png (mira, 38% of it)"


def test_the_head_of_a_crop_that_was_edited_as_a_picture_is_not_known(page):
    art = page.art
    place = next(art.out.glob("generated/noa/crop/*.png"))
    with Image.open(place) as image:
        image.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(place, compress_level=1)
    art.run()
    known, _ = heads(art.out)
    assert sorted(head for name, head in known.items() if "-" in name).count("not measured") == 1
