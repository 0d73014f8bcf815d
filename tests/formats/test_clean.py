"""No view and no archive has a picture's metadata; a picture is read once, and its pixels stay."""

import io
import os
import tarfile

import numpy as np
import pytest
from PIL import Image, ImageOps

from prep.dataset.finished import read_set
from prep.errors import StoppedError, UsageError
from prep.formats import FORMATS
from prep.formats._clean import Cleaner
from prep.formats.views import write_views
from prep.ledger import Ledger
from tests.support.finished import Maker, export, files, small_set
from tests.support.published import CANARIES, with_canaries
from tests.support.trainers import READERS


def bars(what, items, total):
    return iter(items)


def noted_set(out):
    """A picture of each format with metadata in all places, one more without, and one that EXIF turns."""
    made = Maker(out)
    for number, form in enumerate(("jpg", "png", "webp")):
        with_canaries(made.add("mira", f"mira, {form}", form), number)
    made.add("mira", "mira, plain", "png")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = made.add("mira", "mira, turned", "jpg")
    with Image.open(turned) as image:
        image.load()
    image.save(turned, exif=exif, comment=b"canary-person")
    return made.finish()


@pytest.mark.parametrize("name", list(FORMATS.members))
def test_no_view_has_metadata_and_every_pixel_is_there(tmp_path, name):
    out = noted_set(tmp_path / "set")
    before = {picture.caption: picture.path.read_bytes() for picture in read_set(out).pictures}
    folder, _, _ = export(out, name)
    written = b"".join(files(folder).values())
    assert not [canary for canary in CANARIES if canary.encode() in written]
    assert not [sign for sign in (b"Exif", b"eXIf", b"EXIF", b"http://ns.adobe", b"tEXt", b"iTXt") if sign in written]
    found = dict(READERS[name](folder))
    assert found.keys() == before.keys()
    for caption, data in found.items():
        with Image.open(io.BytesIO(data)) as after, Image.open(io.BytesIO(before[caption])) as old:
            assert np.array_equal(
                np.asarray(after.convert("RGB")), np.asarray(ImageOps.exif_transpose(old).convert("RGB"))
            )
    assert {picture.caption: picture.path.read_bytes() for picture in read_set(out).pictures} == before
    assert export(out, name)[1].written == 0


def test_archives_have_no_metadata_in_their_members(tmp_path):
    folder, _, _ = export(noted_set(tmp_path / "set"), "webdataset")
    for path in folder.glob("*.tar"):
        with tarfile.open(path) as tar:
            members = b"".join(tar.extractfile(member).read() for member in tar)
        assert not [canary for canary in CANARIES if canary.encode() in members]


def test_a_picture_that_had_to_become_png_is_called_so(tmp_path):
    folder, _, _ = export(noted_set(tmp_path / "set"), "onetrainer")
    with Image.open(
        next(path for path in folder.glob("mira/*.png") if "turned" in path.with_suffix(".txt").read_text())
    ) as image:
        assert image.format == "PNG" and image.size == (48, 32)
    assert len(list(folder.glob("mira/*.jpg"))) == 1


def test_pictures_without_metadata_stay_links_and_the_others_do_not(tmp_path):
    out = noted_set(tmp_path / "set")
    folder, _, _ = export(out, "onetrainer")
    linked = {path.with_suffix(".txt").read_text() for path in folder.glob("mira/*.[pjw]*") if path.stat().st_nlink > 1}
    assert linked == {"mira, plain"}


def test_a_link_of_0_1_0_to_a_picture_with_metadata_is_replaced_and_not_followed(tmp_path):
    out = noted_set(tmp_path / "set")
    folder, _, _ = export(out, "onetrainer")
    source = next((out / "kohya" / "10_mira").glob("*.webp"))
    before, link = source.read_bytes(), folder / "mira" / source.name
    link.unlink()
    link.hardlink_to(source)
    assert export(out, "onetrainer")[1].written == 1
    assert source.read_bytes() == before != link.read_bytes() and not (out / "set_aside").exists()


def test_each_picture_is_looked_at_once_for_all_formats_and_runs(tmp_path, monkeypatch):
    out = small_set(tmp_path / "set")
    said, looks = [], []

    def counted(data):
        looks.append(len(data))
        return data, {b"\x89": "png", b"\xff": "jpg"}.get(data[:1], "webp")

    monkeypatch.setattr("prep.formats._clean.stripped", counted)
    for _ in range(2):
        names = ["imagefolder", "onetrainer", "ai-toolkit", "simpletuner"]
        assert write_views(out, names, Ledger.begin(out / ".prep" / "ledger"), said.append, bars) == {}
    assert len(looks) == 4
    image = next(out.glob("kohya/10_mira/*.jpg"))
    image.write_bytes(image.read_bytes() + b"tail")
    write_views(out, names, Ledger.begin(out / ".prep" / "ledger"), said.append, bars)
    assert len(looks) == 5


def test_a_picture_that_is_broken_is_left_out_and_said(tmp_path):
    out = small_set(tmp_path / "set")
    broken = next(out.glob("kohya/10_mira/*.jpg"))
    broken.write_bytes(broken.read_bytes()[:200])
    ledger = Ledger.begin(out / ".prep" / "ledger")
    left_out = write_views(out, ["onetrainer"], ledger, print, bars)
    assert (
        list(left_out) == [str(broken.relative_to(out))]
        and "cannot be decoded" in left_out[str(broken.relative_to(out))]
    )
    assert len(READERS["onetrainer"](out / "export" / "onetrainer")) == 3
    for path in out.glob("kohya/*/*.[pjw]*"):
        path.write_bytes(b"none")
    with pytest.raises(UsageError, match="no image that can be read"):
        write_views(out, ["onetrainer"], ledger, print, bars)


def test_a_picture_that_changes_under_our_hands_stops_with_a_sentence(tmp_path):
    out = noted_set(tmp_path / "set")
    for path in out.glob("kohya/10_mira/*.[pjw]*"):
        cleaner = Cleaner()
        cleaner.look(path)
        before = path.stat()
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(StoppedError, match=r"changed while prep was running|cannot be decoded"):
            cleaner.data(path)
