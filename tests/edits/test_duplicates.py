"""The same pixels in several containers are one picture, with one caption."""

import pytest

from tests.support.person import tags
from tests.support.pictures import drawing, save

SAME = ("d.bmp", "e.tif", "f.png")


@pytest.fixture
def thrice(made):
    """mira has one picture more, in three containers."""
    for name in SAME:
        save(drawing(30, 64, 48), made.art / "mira" / name)
    return made


def test_the_same_pixels_in_three_containers_are_one_picture(thrice, capsys):
    thrice.run()
    found = {name: thrice.row(f"mira/{name}") for name in SAME}
    assert [(row["status"], row["reason"]) for row in found.values()] == [
        ("kept", None), ("duplicate", "copy"), ("duplicate", "copy"),
    ]  # fmt: skip
    assert found["d.bmp"]["file"].endswith(".png") and "shared" not in found["d.bmp"]["flags"]
    assert len(list((thrice.out / "kohya").glob("*_mira/*.png"))) == 4
    assert "profile: mira: 4 images" in capsys.readouterr().out


def test_its_caption_by_hand_is_the_first_ones(thrice):
    for name in ("d", "e"):
        (thrice.art / "mira" / f"{name}.txt").write_text(f"mira, of {name}")
    result = thrice.run()
    assert result.exit_code == 0 and thrice.text("mira/d.bmp").read_text() == "mira, of d"
    assert "mira/e.tif: second_caption: is the same picture as mira/d.bmp" in thrice.problems()


def test_its_caption_by_hand_is_anothers_where_the_first_has_none(thrice, capsys):
    (thrice.art / "mira" / "f.txt").write_text("mira, of f")
    thrice.run()
    assert thrice.text("mira/d.bmp").read_text() == "mira, of f" and "second_caption" not in thrice.problems()
    assert "do not count" not in capsys.readouterr().out


def test_a_caption_edited_in_kohya_stays_when_the_file_that_counts_goes(thrice):
    thrice.run()
    thrice.add("mira/d.bmp", "red scarf")
    thrice.run()
    (thrice.art / "mira" / "d.bmp").unlink()
    thrice.run()
    assert thrice.row("mira/e.tif")["status"] == "kept" and tags(thrice.text("mira/e.tif"))[-1] == "red scarf"
