"""What a person decided follows its picture: by its bytes, its pixels, its path."""

import pytest
from PIL import Image

from prep.config import load_settings
from prep.pipeline.preview import preview
from prep.pipeline.status import _lost
from tests.edits.test_retouched import retouch
from tests.support.person import LOW, small, tags
from tests.support.pictures import save


def decide(made) -> None:
    """mira: an edited caption, a sentence, and one picture taken out."""
    made.add("000", "red scarf")
    made.text("001").write_text("A girl stands in the rain.")
    made.image("002").unlink()


def decided(made, folder: str) -> None:
    assert "red scarf" in tags(made.text(f"{folder}/000.png"))
    assert made.text(f"{folder}/001.png").read_text() == "A girl stands in the rain."
    assert made.row(f"{folder}/002.png")["status"] == "excluded"


def lost_lines(made) -> list[str]:
    settings = load_settings(made.art, None, (f"tagger.model={made.tagger}", "scan.min_side_px=40"))
    return list(_lost(preview(made.art, made.out, settings)))


@pytest.mark.parametrize("between", [True, False], ids=["after a run", "at once"])
def test_a_renamed_character_keeps_what_was_decided_there_and_back_again(made, between, capsys):
    decide(made)
    if between:
        made.run()
    folder = made.art / "mira"
    for name in ("sylvie", "mira"):
        folder = folder.rename(made.art / name)
        made.run()
        decided(made, name)
        assert "what you did to 3 pictures followed them" in capsys.readouterr().out
        assert {path.name.split("_")[1] for path in made.out.glob("kohya/*/")} == {name, "noa"}
    made.run()
    decided(made, "mira")


def test_a_renamed_character_keeps_what_was_accepted_and_rejected(made):
    small(66, made.art / "mira" / "tiny.png")
    with made.door() as edits:
        edits.accept([made.key("000")])
        edits.reject([made.key("001")])
    (made.art / "mira").rename(made.art / "sylvie")
    made.run("scan.min_side_px=50")
    found = {name: made.row(f"sylvie/{name}.png")["reason"] for name in ("000", "001", "002")}
    assert found == {"000": None, "001": "by_hand", "002": "too_small"} or found["001"] == "too_small"
    made.run()
    assert made.row("sylvie/001.png")["reason"] == "by_hand" and "_sylvie/" in made.row("sylvie/000.png")["file"]


def test_a_renamed_character_keeps_its_retouched_picture(made):
    data = retouch(made.image("000"))
    made.add("000", "red scarf")
    (made.art / "mira").rename(made.art / "sylvie")
    for _ in range(2):
        made.run()
        assert made.image("sylvie/000.png").read_bytes() == data and "retouched" in made.row("sylvie/000.png")["flags"]
        assert "_sylvie/" in made.row("sylvie/000.png")["file"] and made.problems() == ""
        assert "red scarf" in tags(made.text("sylvie/000.png"))


def test_a_picture_moved_to_another_character_takes_its_caption_along(made):
    made.add("000", "red scarf")
    made.run()
    (made.art / "mira" / "000.png").rename(made.art / "noa" / "000b.png")
    made.run()
    assert "red scarf" in tags(made.text("noa/000b.png")) and tags(made.text("noa/000b.png"))[0] == "noa"


def test_a_picture_that_both_characters_have_keeps_two_captions(made):
    made.add("000", "red scarf")
    (made.art / "noa" / "000b.png").write_bytes((made.art / "mira" / "000.png").read_bytes())
    made.run()
    made.add("noa/000b.png", "blue scarf")
    made.run()
    assert tags(made.text("000"))[-1] == "red scarf" and tags(made.text("noa/000b.png"))[-1] == "blue scarf"
    assert "red scarf" not in tags(made.text("noa/000b.png"))


@pytest.mark.parametrize("how", ["edited", "in another container"])
def test_a_picture_changed_in_src_keeps_caption_and_exclusion_there_and_back(made, how):
    decide(made)
    made.run()
    for name, seed in (("000", 60), ("002", 61)):
        path = made.art / "mira" / f"{name}.png"
        before = path.read_bytes()
        if how == "edited":
            small(seed, path)
            where = f"mira/{name}.png"
        else:
            with Image.open(path) as image:
                save(image, path.with_name(f"other{name}.bmp"))
            path.unlink()
            where = f"mira/other{name}.bmp"
        made.run()
        assert made.row(where)["status"] == ("excluded" if name == "002" else "kept")
        if name == "000":
            assert "red scarf" in tags(made.text(where))
        (made.art / where).unlink()
        path.write_bytes(before)
        made.run()
    decided(made, "mira")


def test_a_picture_that_takes_another_ones_name_does_not_take_its_caption(made):
    made.add("000", "red scarf")
    made.run()
    away = (made.art / "mira" / "000.png").rename(made.art.parent / "away.png")
    (made.art / "mira" / "001.png").rename(made.art / "mira" / "000.png")
    made.run()
    assert "red scarf" not in tags(made.text("000")) and made.row("000")["caption_source"] == "machine"
    away.rename(made.art / "mira" / "back.png")
    made.run()
    assert "red scarf" in tags(made.text("mira/back.png"))


def test_what_has_no_picture_is_counted_listed_and_back_when_the_picture_is(made, capsys):
    decide(made)
    made.run()
    away = made.art.parent / "away"
    (made.art / "mira").rename(away)
    capsys.readouterr()
    made.run()
    assert "3 hand edits have no picture" in capsys.readouterr().out
    lines = lost_lines(made)
    assert lines[0] == "hand edits without a picture:" and "  mira/002.png: excluded" in lines
    assert "  mira/001.png: 'A girl stands in the rain.'" in lines and len(lines) == 4
    away.rename(made.art / "mira")
    made.run()
    decided(made, "mira")
    assert lost_lines(made) == []


def test_undo_finds_a_picture_that_was_moved_since(made):
    made.add("000", "red scarf")
    made.run()
    (made.art / "mira").rename(made.art / "sylvie")
    made.run()
    with made.door() as edits:
        (step,) = edits.undo()
        assert step.by == "files"
    assert "red scarf" not in tags(made.text("sylvie/000.png"))
    made.run()
    assert made.row("sylvie/000.png")["caption_source"] == "machine"


def test_what_prep_wrote_beside_an_image_is_prep_s_in_another_folder_too(made):
    made.run("captions.sidecars=source")
    (made.art / "mira").rename(made.art / "sylvie")
    for _ in range(2):
        made.run("captions.sidecars=source")
        row = made.row("sylvie/000.png")
        assert row["caption_source"] == "machine" and tags(made.text("sylvie/000.png"))[0] == "sylvie"
        assert (made.art / "sylvie" / "000.txt").read_text() == row["caption"]


def test_a_folder_renamed_in_case_there_and_back_keeps_taking_edits(made):
    made.image("002").unlink()
    made.run()
    (made.art / "mira").rename(made.art / "MIRA")
    made.run()
    (made.art / "MIRA").rename(made.art / "mira")
    made.run()
    made.add("000", "red scarf")
    made.run()
    assert "red scarf" in tags(made.text("000")) and made.row("000")["caption_source"] == "hand"
    made.run(*LOW)
    assert "red scarf" in tags(made.text("000")) and made.row("000")["caption_source"] == "merged"
    assert made.row("002")["status"] == "excluded"
    (made.art / "mira").rename(made.art / "sylvie")
    made.run()
    assert "red scarf" in tags(made.text("sylvie/000.png"))


def test_two_broken_files_with_the_same_bytes_are_one_picture_that_stays_as_it_is(made):
    for name in ("cut1", "cut2"):
        (made.art / "mira" / f"{name}.png").write_bytes((made.art / "mira" / "000.png").read_bytes()[:200])
    made.run()
    parts = sorted((made.out / ".prep" / "ledger" / "picture").iterdir())
    made.run()
    assert sorted((made.out / ".prep" / "ledger" / "picture").iterdir()) == parts
