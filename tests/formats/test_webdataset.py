"""Read back with the webdataset library, and with the reader of datasets."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from prep.formats import webdataset
from tests.support.finished import Maker, captions, export, small_set
from tests.support.pictures import drawing
from tests.support.trainers.webdataset import read, samples


def test_the_library_decodes_image_caption_and_facts(tmp_path):
    import webdataset as wds

    folder, _, _ = export(small_set(tmp_path / "set"), "webdataset")
    assert [path.name for path in sorted(folder.glob("*.tar"))] == ["jpg-000000.tar", "png-000000.tar"]
    found = samples(folder, wds.decode("rgb8"))
    first = next(each for each in found if each["txt"] == "mira, 1girl, solo, smile")
    assert np.array_equal(first["png"], np.asarray(drawing(0, 32, 48)))
    assert (first["json"]["character"], first["json"]["origin"], first["json"]["repeats"]) == ("Mira", "source", 10)
    assert {each["json"]["origin"] for each in found} == {"source", "augmentation"}


@pytest.mark.parametrize("kind, count", [("png", 3), ("jpg", 1)])
def test_datasets_reads_the_shards_of_each_kind(tmp_path, kind, count):
    from datasets import load_dataset

    out = small_set(tmp_path / "set")
    folder, _, _ = export(out, "webdataset")
    rows = load_dataset(str(folder), kind, split="train", cache_dir=str(tmp_path / "cache"))
    assert len(rows) == count and set(rows["txt"]) <= set(captions(out).values())
    assert isinstance(rows[0][kind], Image.Image) and rows[0]["json"]["width"] == 32


def test_members_have_no_clock_and_no_owner(tmp_path):
    folder, _, _ = export(small_set(tmp_path / "set"), "webdataset")
    with tarfile.open(folder / "png-000000.tar") as tar:
        members = tar.getmembers()
    assert {(each.mtime, each.uid, each.gid, each.uname, each.gname, each.mode) for each in members} == {
        (0, 0, 0, "", "", 0o644)
    }
    assert [Path(each.name).suffix for each in members] == [".png", ".txt", ".json"] * 3


def test_an_edited_caption_makes_its_shard_anew_and_no_other(tmp_path):
    out = small_set(tmp_path / "set")
    folder, _, _ = export(out, "webdataset")
    jpg, png = folder / "jpg-000000.tar", folder / "png-000000.tar"
    before = jpg.read_bytes(), png.stat().st_ino
    next((out / "kohya" / "10_mira").glob("*.jpg")).with_suffix(".txt").write_text("by hand")
    assert export(out, "webdataset")[1].written == 1
    assert jpg.read_bytes() != before[0] and png.stat().st_ino == before[1]
    assert "by hand" in [text for text, _ in read(folder)]


def test_a_shard_is_full_and_goes_when_there_is_less(tmp_path, monkeypatch):
    monkeypatch.setattr(webdataset, "MOST_PICTURES", 2)
    made = Maker(tmp_path / "set")
    for number in range(5):
        made.add("mira", f"mira, {number}")
    out = made.finish()
    folder, _, _ = export(out, "webdataset")
    assert len(list(folder.glob("*.tar"))) == 3 and len(read(folder)) == 5
    for path in sorted((out / "kohya" / "10_mira").glob("*.png"))[:2]:
        path.unlink()
    assert export(out, "webdataset")[1].removed == 1
    assert len(list(folder.glob("*.tar"))) == 2 and len(read(folder)) == 3


def test_facts_say_nothing_of_the_machine(tmp_path):
    folder, _, _ = export(small_set(tmp_path / "set"), "webdataset")
    assert str(tmp_path).encode() not in b"".join(path.read_bytes() for path in folder.iterdir())
    with tarfile.open(folder / "jpg-000000.tar") as tar:
        facts = json.load(tar.extractfile(tar.getmembers()[2]))
    assert set(facts) == {"character", "origin", "image_id", "width", "height", "repeats"}
