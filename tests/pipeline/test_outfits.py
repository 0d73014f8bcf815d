"""A sub-folder of a character is a variant of it, an outfit or a form: what that changes in a set, and what not."""

import os

import pytest
import tomlkit
from PIL import Image

from prep.errors import SettingsError
from prep.hub.rows import Source
from prep.pipeline.status import status_of
from tests.fakes import FakeTagger
from tests.support.person import small, tags
from tests.support.pictures import save
from tests.support.runs import manifest, tree

MAID = "characters.mira.variants.maid.trigger=maid_outfit"


def dressed(made, folder: str = "maid", *names: str) -> None:
    """What a person does: some of mira's pictures go into a folder below hers."""
    (made.art / "mira" / folder).mkdir(parents=True, exist_ok=True)
    for name in names or ("000", "001"):
        here = made.art / "mira" / f"{name}.png"
        here.rename(made.art / "mira" / folder / here.name)


def first(made, name: str, count: int = 2) -> list[str]:
    return tags(made.text(name))[:count]


def test_sub_folders_alone_change_no_byte_of_kohya(made):
    before = {path: digest for path, digest in tree(made.out).items() if path.startswith("kohya")}
    dressed(made, "2023")
    made.run()
    assert {path: digest for path, digest in tree(made.out).items() if path.startswith("kohya")} == before
    assert {row["source"]: row["variant"] for row in manifest(made.out)} == {
        "mira/2023/000.png": "2023",
        "mira/2023/001.png": "2023",
        "mira/002.png": None,
        "noa/000.png": None,
    }


def test_a_variants_trigger_comes_right_behind_its_characters_and_only_in_its_captions(made):
    dressed(made)
    made.run(MAID)
    assert first(made, "mira/maid/000.png") == first(made, "mira/maid/001.png") == ["mira", "maid_outfit"]
    assert "maid_outfit" not in tags(made.text("002")) + tags(made.text("noa/000.png"))
    made.run(MAID, "captions.max_tags=1")
    assert tags(made.text("mira/maid/000.png")) == ["mira", "maid_outfit"] and tags(made.text("002")) == ["mira"]
    made.run()
    assert first(made, "mira/maid/000.png", 1) == ["mira"]
    assert "maid_outfit" not in tags(made.text("mira/maid/000.png"))


def test_a_person_who_edited_the_caption_gets_the_trigger_and_may_take_it_out(made):
    made.add("000", "red scarf")
    dressed(made)
    made.run(MAID)
    path = made.text("mira/maid/000.png")
    assert first(made, "mira/maid/000.png") == ["mira", "maid_outfit"] and tags(path)[-1] == "red scarf"
    path.write_text(path.read_text().replace("maid_outfit, ", ""))
    for _ in range(2):
        made.run(MAID)
        assert "maid_outfit" not in tags(path) and tags(path)[-1] == "red scarf"
    with made.door() as edits:
        edits.undo()
    made.run(MAID)
    assert first(made, "mira/maid/000.png") == ["mira", "maid_outfit"] and tags(path)[-1] == "red scarf"


def test_captions_of_a_persons_own_without_the_variants_trigger_are_counted(made, capsys):
    dressed(made, "maid", "000")
    (made.art / "mira" / "maid" / "new.txt").write_text("mira, 1girl")
    small(20, made.art / "mira" / "maid" / "new.png")
    made.run(MAID)
    assert "1 caption of yours lacks the trigger word `maid_outfit`\n" in capsys.readouterr().out
    assert tags(made.text("mira/maid/new.png")) == ["mira", "1girl"]


def test_a_picture_that_moves_to_another_variant_takes_its_edits_along_and_changes_its_trigger(made):
    made.add("000", "red scarf")
    dressed(made)
    school = "characters.mira.variants.school.trigger=school_outfit"
    made.run(MAID)
    dressed(made, "school", "maid/000")
    made.run(MAID, school)
    assert first(made, "mira/school/000.png") == ["mira", "school_outfit"]
    there = tags(made.text("mira/school/000.png"))
    assert there[-1] == "red scarf" and "maid_outfit" not in there


def test_a_renamed_variant_is_said_with_its_new_name_before_anything_is_touched(made):
    dressed(made)
    made.run(MAID)
    (made.art / "mira" / "maid").rename(made.art / "mira" / "maids")
    before = tree(made.out)
    with pytest.raises(SettingsError, match=r"^\[characters.mira.variants.maid\]: mira has no sub-folder of that name"
                       r" with pictures. Did you mean \[characters.mira.variants.maids\]\?$"):  # fmt: skip
        made.run(MAID)
    assert tree(made.out) == before
    made.run("characters.mira.variants.Maids.trigger=maid_outfit")  # on Windows the same folder
    assert first(made, "mira/maids/000.png") == ["mira", "maid_outfit"]


def test_a_picture_in_two_variants_is_in_the_set_once(made):
    dressed(made)
    (made.art / "mira" / "school").mkdir()
    (made.art / "mira" / "school" / "same.png").write_bytes((made.art / "mira" / "maid" / "000.png").read_bytes())
    made.run(MAID, "characters.mira.variants.school.trigger=school_outfit")
    assert made.row("mira/school/same.png")["status"] == "duplicate"
    assert first(made, "mira/maid/000.png") == ["mira", "maid_outfit"]


@pytest.mark.parametrize(
    "name", ["a\nb", "maid-drawn", '"; x = 1 #', "メイド", "maid.v2", os.fsdecode(b"m\xe9"), "x" * 200]
)
def test_a_variant_may_have_any_name_that_a_folder_can_have_and_a_table_of_that_name(made, name):
    dressed(made, name)
    exact = os.fsencode(name).decode("utf-8", "backslashreplace")  # as text: a settings file is UTF-8
    own = {"mira": {"variants": {exact: {"trigger": "outfit"}}}}
    (made.art / "prep.toml").write_text(tomlkit.dumps({"scan": {"min_side_px": 40}, "characters": own}))
    made.run()
    row = next(row for row in manifest(made.out) if row["variant"])
    assert row["variant"].isprintable() and row["variant"] in row["source"].split("/")
    assert tags((made.out / row["file"]).with_suffix(".txt"))[:2] == ["mira", "outfit"]
    line = f"  {row['variant']}: 2 images, trigger `outfit`, its own: "
    assert any(each.startswith(line) for each in status_of(made.out))


def test_a_folder_deep_below_a_variant_belongs_to_it(made):
    dressed(made, "5_maid/close-ups/2023", "000")
    made.run(MAID)
    assert made.row("mira/5_maid/close-ups/2023/000.png")["variant"] == "maid"
    assert first(made, "mira/5_maid/close-ups/2023/000.png") == ["mira", "maid_outfit"]


def test_a_sub_folders_name_is_published_only_if_the_settings_name_it(made):
    dressed(made, "maid", "000")
    dressed(made, "from Jane Doe", "001")
    made.run(MAID)
    assert {row["variant"] for row in manifest(made.out)} == {"maid", "from Jane Doe", None}
    assert {item.values["variant"] for item in Source(made.out, rejected=True).items()} == {"maid", None}


class Colours(FakeTagger):
    """Reads `white_shirt` in pictures that are bright, besides what is in all."""

    def scores(self, batch):
        found = super().scores(batch) * 0
        found[:, [0, 2]] = 0.95
        found[:, 7] = (batch.mean((1, 2, 3)) > 0.5) * 0.95
        return found


@pytest.fixture
def coloured(made, reads_with):
    """Three plain pictures of mira that are dark, and two of a variant that are bright."""
    reads_with(lambda options: Colours())
    for at, (path, grey) in enumerate({"dark/1": 10, "dark/2": 20, "3": 30, "maid/4": 200, "maid/5": 220}.items()):
        image = Image.new("RGB", (64, 64), (grey, grey, grey))
        image.paste((grey + 9, grey, grey), (at, at, at + 20, at + 40))
        save(image, made.art / "zoe" / f"{path}.png")
    return made


def test_status_names_each_variant_with_what_only_it_has(coloured):
    (coloured.art / "prep.toml").write_text(
        '[scan]\nmin_side_px = 40\n[characters.zoe.variants.maid]\ntrigger = "zmaid"\n'
    )
    coloured.run()
    lines = list(status_of(coloured.out))
    assert "  dark: 2 images, its own: none" in lines
    assert "  maid: 2 images, trigger `zmaid`, its own: white shirt" in lines


def test_what_is_set_for_a_variant_shapes_its_captions_alone(coloured):
    coloured.run(
        "characters.zoe.add=['hat']",
        "characters.zoe.variants.maid.traits=['white shirt']",
        "characters.zoe.variants.maid.remove=['hat']",
        "characters.zoe.variants.maid.add=['apron']",
    )
    assert tags(coloured.text("zoe/maid/4.png")) == ["zoe", "1girl", "apron"]
    assert tags(coloured.text("zoe/dark/1.png")) == ["zoe", "1girl", "hat"]
    row = coloured.row("zoe/maid/4.png")
    assert {"name": "white_shirt", "why": "trait"} in row["removed"]


def test_a_drawn_picture_belongs_to_the_variant_of_its_parent(painted):
    (painted.art / "mira" / "maid").mkdir()
    parents = {row["parent_id"] for row in painted.drawn() if row["character"] == "mira"}
    moved = next(row for row in manifest(painted.out) if row["image_id"] in parents and row["source"])
    name = moved["source"].rpartition("/")[2]
    (painted.art / moved["source"]).rename(painted.art / "mira" / "maid" / name)
    before = list(painted.generator.drawn)
    painted.run(MAID)
    drawn = [row for row in painted.drawn() if row["character"] == "mira"]
    for row in drawn:
        own = row["parent_id"] == moved["image_id"]
        caption = tags((painted.out / row["file"]).with_suffix(".txt"))
        assert row["variant"] == ("maid" if own else None) and ("maid_outfit" in caption) == own
        assert caption[:2] == ["mira", "maid_outfit"] or not own
    assert any(row["variant"] for row in drawn) and painted.generator.drawn == before
