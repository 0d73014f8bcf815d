"""A picture that a person changed is theirs: it stays, trains and is never written over."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from prep.config import load_settings
from prep.dataset.finished import read_set
from prep.hub.rows import Source
from prep.pipeline import export
from prep.pipeline.outlook import plan_lines
from tests.support.person import LOW, small


def retouch(path) -> bytes:
    """Paint something out."""
    with Image.open(path) as image:
        image.load()
    image.paste((255, 255, 255), (0, 30, 64, 48))
    image.save(path)
    return path.read_bytes()


def crop(path) -> bytes:
    with Image.open(path) as image:
        image.crop((0, 0, 50, 40)).save(path)
    return path.read_bytes()


def convert(path) -> bytes:
    """Save it under its stem as a JPEG."""
    with Image.open(path) as image:
        image.convert("RGB").save(path.with_suffix(".jpg"))
    path.unlink()
    return path.with_suffix(".jpg").read_bytes()


CHANGES = [retouch, convert]


@pytest.mark.parametrize("change", CHANGES)
def test_a_picture_changed_in_kohya_stays_trains_and_is_flagged(made, change, capsys):
    before = made.image("000")
    data = change(before)
    for sets in (LOW, ()):
        made.run(*sets)
        row = made.row("000")
        assert made.image("000").read_bytes() == data and made.image("000").stem == before.stem
        assert row["status"] == "kept" and "retouched" in row["flags"] and made.text("000").exists()
        assert len(list(before.parent.glob(f"{before.stem}.*"))) == 2 and made.problems() == ""
    assert capsys.readouterr().out.count("1 picture in kohya/ changed by hand") == 1
    assert made.image("000") in [picture.path for picture in read_set(made.out).pictures]


def test_a_picture_converted_since_the_last_run_is_exported_and_pushed(made):
    path = made.image("000")
    convert(path)
    assert path.with_suffix(".jpg") in [picture.path for picture in read_set(made.out).pictures]
    assert path.with_suffix(".jpg") in [item.picture for item in Source(made.out, rejected=False).items()]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_picture_that_leaves_the_set_is_set_aside_and_said(made, change):
    path = made.image("000")
    data = change(path)
    (made.art / "mira" / "000.png").rename(made.art.parent / "away.png")
    made.run()
    (aside,) = made.out.glob(f"set_aside/kohya/*/{path.stem}.*")
    assert aside.read_bytes() == data and not list(path.parent.glob(f"{path.stem}.*"))
    assert "was changed by hand, and its picture is no longer in the set" in made.problems()
    assert "hand edit" not in said_of(made)  # it lies in set_aside/, and waits for nothing
    (made.art.parent / "away.png").rename(made.art / "mira" / "000.png")
    made.run()
    assert not aside.exists() and made.image("000").read_bytes() == data and "retouched" in made.row("000")["flags"]


def said_of(made) -> str:
    settings = load_settings(made.art, None, (f"tagger.model={made.tagger}", "scan.min_side_px=40"))
    return "\n".join(plan_lines(made.art, made.out, settings))


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_damaged_file_is_set_aside_and_prep_s_own_written(made, ending):
    path = made.image("000")
    ours, broken = path.read_bytes(), path.with_suffix(f".{ending}")
    path.unlink()
    broken.write_bytes(ours[:200])
    made.run()
    assert path.read_bytes() == ours and made.row("000")["status"] == "kept"
    (aside,) = (made.out / "set_aside").rglob("*.*")
    assert aside.name == broken.name and aside.read_bytes() == ours[:200]
    assert f"{aside.relative_to(made.out)}: set_aside: " in made.problems()
    assert len(list(path.parent.glob(f"{path.stem}.*"))) == 2


def test_a_picture_repaired_while_the_run_goes_on_is_a_persons(made, monkeypatch):
    path = made.image("000")
    path.write_bytes(b"half")
    real, mended = export.second_look, []

    def second_look(*arguments):
        small(70, path)
        mended.append(path.read_bytes())
        return real(*arguments)

    monkeypatch.setattr(export, "second_look", second_look)
    made.run()
    assert [path.read_bytes()] == mended and "retouched" in made.row("000")["flags"]


def test_a_changed_picture_keeps_its_place_when_the_folder_is_renamed(made):
    data = retouch(made.image("000"))
    small(55, made.art / "mira" / "003.png")
    before = made.image("000").parent
    made.run(rebalance=True)
    assert made.image("000").parent != before and made.image("000").read_bytes() == data


@pytest.mark.parametrize("change", [retouch, convert])
def test_a_drawn_picture_changed_in_kohya_stays(painted, change):
    path = painted.out / painted.drawn()[0]["file"]
    data = change(path)
    for more in ((), ("generator.model=none",)):
        painted.run(*more)
        (now,) = (row for row in painted.drawn() if Path(row["file"]).stem == path.stem)
        assert (painted.out / now["file"]).read_bytes() == data and "retouched" in now["flags"]


@pytest.mark.parametrize("change", [crop, convert])
def test_a_drawn_picture_changed_in_generated_stays_with_its_caption_and_trains(painted, change):
    row = painted.drawn()[0]
    caption = (painted.out / row["file"]).with_suffix(".txt")
    caption.write_text(caption.read_text() + ", red scarf")
    file = next(path for path in painted.out.glob("generated/*/augmentation/*.png") if digest(path) == row["image_id"])
    data = change(file)
    for more in ((), ("generator.model=none",)):
        painted.run(*more)
        now = next(each for each in painted.drawn() if each["image_id"] == hashlib.sha256(data).hexdigest())
        assert (painted.out / now["file"]).exists() and "retouched" in now["flags"]
        assert "red scarf" in now["caption"].split(", ") and now["prompt"] == row["prompt"]
        assert painted.generator.drawn == [], "none is drawn in its place"
        assert [path.read_bytes() for path in file.parent.glob(f"{file.stem}.*")] == [data]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
