"""What prep did not make, or cannot read: said, kept, and never trained unseen."""

import hashlib

import pytest

from tests.support.person import small, tags
from tests.support.pictures import drawing, encoded

FOREIGN = {
    "gbk": "蓝色头发".encode("gbk"),
    "shift-jis": "水着".encode("shift-jis"),
    "cp1252": "café by hand".encode("cp1252"),
}


def test_a_picture_dropped_into_a_folder_of_kohya_is_said_and_stays(made, capsys):
    dropped = small(50, made.image("000").with_name("mine.jpg"))
    of_noa = small(51, made.image("noa/000.png").with_name("also.png"))
    before = dropped.read_bytes()
    (made.art / "noa").rename(made.art.parent / "away")
    for _ in range(2):
        made.run()
        assert dropped.read_bytes() == before and of_noa.exists()
        said = capsys.readouterr().out
        assert "2 pictures or folders in kohya/ are not prep's" in said
        assert f"kohya/{dropped.parent.name}/mine.jpg: not_in_set: " in made.problems()
        assert f"kohya/{of_noa.parent.name}/also.png: not_in_set: " in made.problems()
    assert len(made.rows()) == 3


def test_a_folder_that_prep_did_not_make_is_said_and_stays(made):
    picture = small(52, made.out / "kohya" / "5_extra" / "1.png")
    assert made.run().exit_code == 0  # it is theirs to have
    assert picture.exists() and "kohya/5_extra: not_in_set: " in made.problems()
    assert "extra" not in (made.out / "kohya" / "dataset.toml").read_text()


def test_a_picture_that_a_killed_run_left_goes_and_one_with_such_a_name_stays(made):
    folder = made.image("000").parent
    left = (made.art / "mira" / "000.png").read_bytes()
    left_path = folder / f"mira-{hashlib.sha256(left).hexdigest()[:12]}.png"
    left_path.write_bytes(left)
    mine = encoded(drawing(53, 64, 48))
    own = folder / f"mira-{hashlib.sha256(mine).hexdigest()[:12]}.png"
    own.write_bytes(mine)
    made.run()
    assert own.exists() and not left_path.exists()


def test_a_caption_that_says_how_it_is_written_is_read(made):
    paths = [made.text(name) for name in ("000", "001", "002")]
    for path, form in zip(paths, ("utf-8-sig", "utf-16", "utf-32"), strict=True):
        path.write_bytes((path.read_text() + ", ruban café").encode(form))
    (made.art / "noa" / "000.txt").write_bytes("noa, 水着".encode("utf-16"))
    made.run()
    assert all(tags(path)[-1] == "ruban café" and path.read_bytes()[:4] == b"mira" for path in paths)
    assert made.row("001")["caption_source"] == "hand" and made.text("noa/000.png").read_text() == "noa, 水着"


@pytest.mark.parametrize("fate", ["rebalanced", "leaves", "is excluded", "gets another slug"])
def test_an_unreadable_caption_whose_picture_moves_or_leaves_is_set_aside(made, fate, monkeypatch):
    data = FOREIGN["gbk"]
    path, picture = made.text("000"), made.image("000")
    path.write_bytes(data)
    options = {}
    if fate == "rebalanced":
        small(54, made.art / "mira" / "003.png")
        options = {"rebalance": True}
    elif fate == "leaves":
        (made.art / "mira" / "000.png").unlink()
    elif fate == "is excluded":
        picture.unlink()
    else:
        monkeypatch.setattr(
            "prep.pipeline.stages.known_slugs", lambda run, found: {name: f"{name}_2" for name in found}
        )
    made.run(**options)
    aside = made.out / "set_aside" / path.relative_to(made.out)
    assert aside.read_bytes() == data
    assert f"{aside.relative_to(made.out)}: set_aside: its caption is not UTF-8" in made.problems()
    assert not any(each.read_bytes() == data for each in (made.out / "kohya").rglob("*.txt"))
    if fate in ("rebalanced", "gets another slug"):
        assert made.text("000").parent != path.parent and made.text("000").read_text() == made.row("000")["caption"]


def test_a_caption_in_src_that_cannot_be_read_is_not_touched_and_its_picture_waits(made):
    beside = {made.art / "mira" / f"00{number}.txt": data for number, data in enumerate(FOREIGN.values())}
    for path, data in beside.items():
        path.write_bytes(data)
    written = made.text("000")
    assert made.run("captions.sidecars=source").exit_code == 1
    assert all(path.read_bytes() == data for path, data in beside.items()) and not written.exists()
    for name in ("000", "001", "002"):
        row = made.row(name)
        assert (row["status"], row["reason"], row["file"]) == ("rejected", "caption", None)
        assert f"mira/{name}.png: caption: its caption {name}.txt is not UTF-8" in made.problems()
    for path in beside:
        path.write_text("mira, ribbon")
    assert made.run().exit_code == 0 and made.text("000").read_text() == "mira, ribbon"


def test_a_dot_caption_file_counts_where_there_is_no_txt(made):
    for name in ("000", "001"):
        (made.art / "mira" / f"{name}.caption").write_text("mira, from the caption file")
    (made.art / "mira" / "001.txt").write_text("mira, from the text file")
    made.run()
    assert made.text("000").read_text() == "mira, from the caption file"
    assert made.text("001").read_text() == "mira, from the text file"
