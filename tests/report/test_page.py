"""The page of a set, read as a browser reads it: what it shows, and what must never be in it."""

import base64
import getpass
import io
import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from prep.dataset.opened import Set
from prep.errors import UsageError
from prep.report.page import PARTS, page
from prep.report.thumbs import MOST
from tests.support.finished import Maker, small_set
from tests.support.pages import read_page
from tests.support.pictures import drawing, encoded

OLD = Path(__file__).parents[1] / "made_by_0_1_0" / "out"
HOSTILE = "<script>alert(1)</script>"
TURNED = "evil\u202eeman"


def shown(out: Path):
    """(the file's text, the page)"""
    text = page(Set(out))
    return text, read_page(text)


def check_private(text: str, out: Path) -> None:
    found = read_page(text)
    assert not found.all("script") and not found.all("link") and "javascript:" not in text and "http" not in (
        text.replace("http-equiv", "")
    )  # fmt: skip
    assert not [name for each in found.everything() for name in each.attributes if name.startswith("on")]
    assert {each.attributes["src"].partition(",")[0] for each in found.all("img")} <= {"data:image/webp;base64"}
    assert {each.attributes["href"][0] for each in found.all("a")} == {"#"}
    words = found.text
    for secret in (str(out), str(out.parent), str(Path.home()) + "/", socket.gethostname(), f"/{getpass.getuser()}/"):
        assert secret not in words, secret


def test_a_page_has_every_part_and_is_one_file_without_paths(made):
    text, found = shown(made.out)
    check_private(text, made.out)
    assert [each.attributes["id"] for each in found.all("section")] == [key for key, _ in PARTS]
    assert found.all("h1")[0].text == "art"
    assert "4 real" in " ".join(f"{each.all('dd')[0].text} {each.all('dt')[0].text}" for each in found.all("div")
                                if each.all("dd"))  # fmt: skip
    rows = [[cell.text for cell in row.all("td")] for row in found.one("characters").all("tr")][1:]
    assert [row[:5] for row in rows] == [["mira", "mira", "3", "0", "0"], ["noa", "noa", "1", "0", "0"]]
    pictures = found.one("characters").all("img")
    assert len(pictures) == 4 and all(each.attributes["alt"] for each in pictures)
    data = base64.b64decode(pictures[0].attributes["src"].partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (64, 48)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"mode": "fixed", "fixed": 0.4}, "one for all, 0.4"),
        ({"mode": "mcut"}, "at the largest gap"),
        ({"mode": "complexity", "simple": 0.55, "overrides": {"smile": 0.3}},
         "by complexity: simple 0.55, medium 0, complex 0; 1 tag with one of its own"),
        ({"mode": 7, "overrides": [1]}, "not known"),
        ([], "not known"),
    ],
)  # fmt: skip
def test_the_threshold_is_what_the_settings_say(tmp_path, settings, wanted):
    out = small_set(tmp_path / "out")
    table = pq.read_table(out / "manifest.parquet")
    found = {"prep.settings": json.dumps({"thresholds": settings}), "prep.version": "1"}
    pq.write_table(table.replace_schema_metadata(found), out / "manifest.parquet")
    assert wanted in shown(out)[1].text


def test_nobody_needs_the_plots(made):
    _, found = shown(made.out)
    plots = found.all("svg")
    assert plots and all(each.attributes["aria-label"] for each in plots)
    for part in found.all("section"):
        assert not part.all("svg") or part.all("table")
    assert not [each for each in found.everything() if each.tag in ("style", "defs") and each in plots]


def test_what_was_drawn_is_told_with_its_verdicts(painted):
    text, found = shown(painted.out)
    check_private(text, painted.out)
    rows = [[cell.text for cell in row.all("td")] for row in found.one("drawn").all("tr")][1:]
    drawn = [row for row in painted.rows().values() if row["origin"] == "augmentation"]
    kept = sum(row["status"] == "kept" for row in drawn)
    augmentations = next(row for row in rows if row[0] == "augmentations")
    assert augmentations[2:4] == [str(len(drawn)), str(kept)] and augmentations[5] == "not measured"
    assert "copy" in augmentations[4] and {row[0] for row in rows} == {"augmentations", "reconstructions"}
    assert "drawn and accepted" in found.one("characters").text


def test_the_same_set_gives_the_same_bytes(painted, tmp_path_factory):
    first = page(Set(painted.out))
    other = tmp_path_factory.mktemp("elsewhere") / "copied"
    shutil.copytree(painted.out, other)
    shutil.rmtree(other / ".prep" / "thumbnails")
    assert page(Set(other)) == first == page(Set(painted.out))


def test_hostile_names_are_text(tmp_path):
    maker = Maker(tmp_path / "out")
    for character in (HOSTILE, TURNED, "a&b\"'"):
        maker.add(character, f"{HOSTILE}, 1girl")
        maker.rows[-1] |= {
            "source": f"{character}/{HOSTILE}.png",
            "variant": HOSTILE,
            "tagger": HOSTILE,
            "flags": ["near_copy"],
            "near_of": maker.rows[0]["image_id"],
            "complexity": HOSTILE,
            "tags": [{"name": name, "score": 0.9, "category": "general"} for name in (HOSTILE, "x" * 10_000, TURNED)],
            "removed": [{"name": HOSTILE, "why": "trait"}],
        }
        maker.rows.append(
            maker.rows[-1] | {"origin": "consistency", "status": "rejected", "reason": HOSTILE, "manner": HOSTILE,
                              "generator": HOSTILE, "asked": [HOSTILE], "check_missing": [HOSTILE]}
        )  # fmt: skip
    out = maker.finish()
    (out / "problems.txt").write_text(f"{HOSTILE}: {HOSTILE}: {HOSTILE}; {TURNED}\nno colon at all\n: : : ;\n")
    text, found = shown(out)
    check_private(text, out)
    assert "<script" not in text and HOSTILE in found.text and len(text) < 200_000
    assert "\u202e" not in text and "\\u202e" in found.text  # it cannot turn what stands beside it around
    assert all(each.text for each in found.all("bdi")) and max(map(len, found.text.split())) < 300


def test_near_copies_are_told_with_their_sizes(tmp_path):
    maker = Maker(tmp_path / "out")
    for size, form, count in ((400, "webp", 40_400), (400, "png", 310_000), (200, "jpg", 90)):
        maker.add("mira", "mira", form)
        maker.rows[-1] |= {"width": size, "height": size, "format": form, "bytes": count}
    for row in maker.rows[1:]:
        row |= {"flags": ["near_copy"], "near_of": maker.rows[0]["image_id"]}
    rows = [[cell.text for cell in row.all("td")] for row in shown(maker.finish())[1].one("copies").all("tr")][1:]
    assert rows == [
        ["mira", "1.png", "0.webp", "of the same size (webp, 40 kB, against png, 310 kB)", "kept"],
        ["mira", "2.jpg", "0.webp", "larger", "kept"],
    ]


def test_problems_are_told_without_paths_of_this_machine(tmp_path):
    out = small_set(tmp_path / "out")
    home = Path.home()
    (out / "problems.txt").write_text(
        "mira/a.png: damaged: cannot be decoded; save the image again\n"
        f"b.png: unreadable: is a link to {home}/private/b.png, which does not exist\n"
        f"c.png: left_out: {out}/kohya/c.png could not be read\n"
        "d.png: unreadable: is a link to /srv/users/alice/pictures/d.png\n"
    )
    text, found = shown(out)
    check_private(text, out)
    rows = [[cell.text for cell in row.all("td")] for row in found.one("problems").all("tr")]
    assert ["mira/a.png", "damaged", "cannot be decoded", "save the image again"] in rows
    assert "alice" not in text and "private" not in text and "is a link to d.png" in text


def test_pictures_that_are_gone_are_counted(made):
    for path in (made.out / "kohya").glob("*/*.png"):
        path.unlink()
    _, found = shown(made.out)
    assert not found.all("img") and "4 pictures could not be shown" in found.one("characters").text


def test_a_set_without_a_picture_left_is_a_sane_page(made):
    with made.door() as edits:
        edits.exclude([made.key(name) for name in ("000", "001", "002", "noa/000.png") if "/" in name or name != "000"])
        edits.exclude([made.key("mira/000.png")])
    text, found = shown(made.out)
    check_private(text, made.out)
    assert "No picture was read." in found.text and "No caption has a tag." in found.text
    assert ["excluded", "-", "4"] in [[cell.text for cell in row.all("td")] for row in found.one("problems").all("tr")]


def test_a_set_of_0_1_0_has_a_page(tmp_path):
    out = tmp_path / "out"
    shutil.copytree(OLD, out)
    text, found = shown(out)
    check_private(text, out)
    assert len(found.one("characters").all("tr")) > 1


def test_what_is_no_finished_set_is_a_sentence(tmp_path, made):
    (tmp_path / "foreign").mkdir()
    with pytest.raises(UsageError, match="was not made by prep"):
        page(Set(tmp_path / "foreign"))
    (tmp_path / "begun" / ".prep").mkdir(parents=True)
    with pytest.raises(UsageError, match="has no manifest"):
        page(Set(tmp_path / "begun"))
    manifest = made.out / "manifest.parquet"
    manifest.write_bytes(manifest.read_bytes()[:-100])
    with pytest.raises(UsageError, match="cannot be read"):
        page(Set(made.out))


def test_the_buckets_are_those_of_the_file_as_it_lies(made):
    toml = made.out / "kohya" / "dataset.toml"
    _, found = shown(made.out)
    assert "Dataset 1: 1024×1024, 4 pictures" in found.one("buckets").text
    text = toml.read_text()
    toml.write_text(text.replace("resolution = 1024", "resolution = 64").replace("256", "64").replace("2048", "128"))
    _, found = shown(made.out)
    assert "Dataset 1: 64×64" in found.one("buckets").text and "sd-scripts stops there" in found.one("buckets").text
    toml.write_text("resolution = ")
    assert "Not known: dataset.toml" in shown(made.out)[1].one("buckets").text
    toml.unlink()
    assert "Not known: dataset.toml" in shown(made.out)[1].one("buckets").text


def test_a_crop_that_takes_much_is_drawn_on_the_picture(made):
    toml = made.out / "kohya" / "dataset.toml"
    toml.write_text(toml.read_text().replace("enable_bucket = true", "enable_bucket = false"))
    crops = [each for each in shown(made.out)[1].one("buckets").all("figure") if each.attributes["class"] == "crop"]
    assert len(crops) == 4 and "loses 25%" in crops[0].text  # 64x48 to a square
    frame = next(each for each in crops[0].all("span") if each.attributes["class"] == "stays")
    assert frame.attributes["style"].startswith("left:12.") and "height:100.00%" in frame.attributes["style"]


def test_three_hundred_characters_fit_on_a_page(tmp_path):
    maker = Maker(tmp_path / "out")
    maker.add("mira", "mira, 1girl")
    template = maker.rows[0]
    maker.rows += [template | {"character": f"c{number:03}", "caption": f"c{number:03}, x"} for number in range(300)]
    text, found = shown(maker.finish())
    assert len(text) < 5_000_000 and "and 1 more" in found.one("characters").text
    assert len(found.all("img")) == MOST


@pytest.mark.slow  # a thousand pictures to make
def test_a_page_of_a_thousand_pictures_stays_below_5_mb(tmp_path):
    maker = Maker(tmp_path / "out")
    noise = np.random.default_rng(0).integers(0, 256, (160, 120, 3), np.uint8)
    rough = encoded(Image.fromarray(noise).resize((480, 640)))  # hardly smaller as WebP
    for number in range(1000):
        maker.add(f"c{number % 10}", f"c{number % 10}, 1girl", repeats=1).write_bytes(rough)
    text, found = shown(maker.finish())
    assert 1_000_000 < len(text.encode()) < 5_000_000 and len(found.all("img")) == MOST


def test_a_retouched_picture_is_shown_as_it_is_now(made):
    image = made.image("001")
    drawing(77, 90, 30).save(image)
    made.run()
    _, found = shown(made.out)
    sizes = [Image.open(io.BytesIO(base64.b64decode(each.attributes["src"].partition(",")[2]))).size
             for each in found.one("characters").all("img")]  # fmt: skip
    assert (90, 30) in sizes


def test_the_readme_s_set_has_a_page(examples, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(examples[0], out)
    text, found = shown(out)
    check_private(text, out)
    assert "TRIAL." in found.text and len(text.encode()) < 5_000_000
    assert "Always together" in found.one("together").text and "of 12" in found.one("coverage").text
    assert len(found.all("svg")) >= 5 and len(found.one("characters").all("img")) == 39
