"""What lies in kohya/ of a new OUT: pixels, and nothing else that a camera or a program wrote into the file."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from prep.dataset.layout import LAYOUT
from prep.edits.placed import Placement
from prep.ledger import Ledger
from tests.support.person import tags
from tests.support.pictures import drawing

SECRET = b"SECRET-52.5N-13.4E"


def with_metadata(form: str) -> bytes:
    """A picture with GPS, XMP, a comment and a trailer, each with the secret."""
    picture, stream = drawing(90 + ord(form[0]), 64, 48), io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[0x001D] = SECRET.decode()
    if form == "PNG":
        text = PngInfo()
        text.add_text("parameters", SECRET.decode())
        text.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET.decode()}</x>")
        picture.save(stream, form, pnginfo=text, exif=exif)
    elif form == "JPEG":
        picture.save(stream, form, exif=exif, comment=SECRET, xmp=SECRET, quality=90)
    else:
        picture.save(stream, form, exif=exif, xmp=SECRET, lossless=True)
    return stream.getvalue() + SECRET


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture
def given(made):
    """mira has three pictures more, with metadata."""
    for form, ending in (("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")):
        data = with_metadata(form)
        assert SECRET in data
        (made.art / "mira" / f"shot.{ending}").write_bytes(data)
        made.given = {**getattr(made, "given", {}), f"mira/shot.{ending}": data}
    return made


def check(made, secret: bool) -> None:
    for name, data in made.given.items():
        found = made.image(name).read_bytes()
        assert (SECRET in found) == secret and np.array_equal(pixels(found), pixels(data))
        assert made.image(name).stem.endswith(hashlib.sha256(found).hexdigest()[:12])
        assert (found == data) == secret and (made.art / name).read_bytes() == data
        assert made.text(name).read_text() == made.row(name)["caption"]


def test_a_new_out_holds_no_metadata_and_the_same_pixels(given):
    given.run()
    check(given, secret=False)


def test_metadata_stays_where_it_was_asked_for(given):
    given.run("export.metadata=keep")
    check(given, secret=True)


def older(made) -> None:
    """As 0.1.0 began it."""
    row = {"subject": "kohya", "recipe": "", "names": "character", "metadata": "keep"}
    Ledger.begin(made.out / ".prep" / "ledger").write(LAYOUT, [row])


def test_an_older_out_keeps_its_files_until_it_is_asked(given):
    older(given)
    given.run()
    check(given, secret=True)
    assert given.image("mira/shot.jpg").name.startswith("mira-")
    given.add("mira/shot.jpg", "red scarf")
    untouched = given.image("000")
    given.run("export.metadata=strip")
    check(given, secret=False)
    assert given.image("000") == untouched and given.image("mira/shot.jpg").name.startswith("mira-")
    assert tags(given.text("mira/shot.jpg"))[-1] == "red scarf" and given.problems() == ""
    assert len(list(untouched.parent.iterdir())) == 12  # six pictures, six captions
    given.run()  # and so it stays
    check(given, secret=False)


def test_a_run_that_was_cut_off_while_it_strips_is_ended_by_the_next(given, monkeypatch):
    given.run("export.metadata=keep")
    real = Placement.update

    def update(self, placed):
        real(self, dict(list(placed.items())[:1]))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Placement, "update", update)
        given.run("export.metadata=strip")
    given.run("export.metadata=strip")
    check(given, secret=False)
    assert given.problems() == "" and len(list(given.image("000").parent.glob("*.*"))) == 12


def test_a_picture_that_a_person_changed_is_not_stripped(given):
    given.run("export.metadata=keep")
    path = given.image("mira/shot.png")
    data = with_metadata("PNG")[: -len(SECRET)]
    path.write_bytes(data)
    given.run("export.metadata=strip")
    assert given.image("mira/shot.png").read_bytes() == data and "retouched" in given.row("mira/shot.png")["flags"]


def test_prompts_of_drawn_pictures_stay_in_generated_alone(painted):
    for row in painted.drawn():
        with Image.open(painted.out / row["file"]) as image:
            assert image.info == {}
    for path in painted.out.glob("generated/*/augmentation/*.png"):
        with Image.open(path) as image:
            assert "prep" in image.info and "parameters" in image.info
