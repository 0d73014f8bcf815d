"""What holds for every format: nothing lost, nothing written twice, nothing outside; names and captions of any kind."""

import os
import shutil
import tempfile
from collections import Counter
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from prep.dataset.finished import read_set
from prep.errors import UsageError
from prep.formats import FORMATS, load_format
from prep.formats._view import View
from prep.ledger import Ledger
from tests.support.finished import Maker, export, files, small_set, stamps
from tests.support.hostile import HOSTILE_NAMES, HOSTILE_TAGS
from tests.support.trainers import READERS

every_format = pytest.mark.parametrize("name", list(FORMATS.members))

names = st.sampled_from(HOSTILE_NAMES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# A caption with a NUL in it is no text.
tags = st.sampled_from(HOSTILE_TAGS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
)


def pixels(data: bytes) -> tuple:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        with Image.open(file) as image:
            return image.size, image.convert("RGB").tobytes()


def stands(text: str) -> str:
    """A caption as it is read from a .txt."""
    return text.encode().decode("utf-8-sig").replace("\r\n", "\n").strip()


@every_format
def test_every_picture_and_caption_comes_back(tmp_path, name):
    out = small_set(tmp_path / "set")
    folder, summary, told = export(out, name)
    wanted = [(each.caption, pixels(each.path.read_bytes())) for each in read_set(out).pictures]
    found = [(text, pixels(data)) for text, data in READERS[name](folder)]
    assert Counter(found) == Counter(wanted) and len(found) == 4
    assert summary.written == summary.images and told


@every_format
def test_a_second_run_writes_nothing_and_a_rebuilt_one_is_the_same_bytes(tmp_path, name):
    out = small_set(tmp_path / "set")
    folder, _, _ = export(out, name)
    before, content, state = stamps(folder), files(folder), stamps(out / ".prep")
    assert export(out, name)[1].written == 0
    assert stamps(folder) == before and stamps(out / ".prep") == state
    shutil.rmtree(folder)
    shutil.rmtree(out / ".prep")
    (out / ".prep").mkdir()
    export(out, name)
    assert files(folder) == content


@every_format
def test_a_set_elsewhere_gives_the_same_bytes_but_for_its_own_path(tmp_path, name):
    here, there = (small_set(tmp_path / place / "set") for place in ("here", "there"))
    one, other = (files(export(out, name)[0]) for out in (here, there))
    assert {key: data.replace(os.fsencode(here), os.fsencode(there)) for key, data in one.items()
            if not key.endswith(".parquet")} == {key: data for key, data in other.items()
            if not key.endswith(".parquet")}  # fmt: skip
    assert set(one) == set(other)


@every_format
def test_what_a_person_did_in_kohya_is_what_the_trainer_sees(tmp_path, name):
    out = small_set(tmp_path / "set")
    export(out, name)
    edited, emptied, lost, removed = sorted((out / "kohya").glob("*/*.txt"))
    edited.write_text("a sentence, by hand", encoding="utf-8-sig")
    emptied.write_text("")
    lost.unlink()
    next(path for path in removed.parent.glob(f"{removed.stem}.*") if path.suffix != ".txt").unlink()
    (out / "kohya" / "10_mira").rename(out / "kohya" / "7_mira")
    folder, summary, _ = export(out, name)
    texts = sorted(text for text, _ in READERS[name](folder))
    wanted = ["", "a sentence, by hand", "mira, 1girl, outdoors"]
    assert texts == (wanted[1:] if name == "simpletuner" else wanted)
    assert summary.removed or name == "webdataset"
    assert {group.name: group.repeats for group in read_set(out).groups} == {"mira": 7, "mira-drawn": 2}
    assert not any("test" in path.name for path in folder.rglob("*"))


@every_format
def test_what_prep_did_not_put_there_stays(tmp_path, name):
    out = small_set(tmp_path / "set")
    folder, _, _ = export(out, name)
    caches = [folder / "_latent_cache" / "x.safetensors", folder / "mira" / "_latent_cache" / "x.safetensors"]
    for path in caches:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"theirs")
    for path in (out / "kohya" / "10_mira").glob("*.[pj]*"):
        path.unlink()
    export(out, name)
    assert all(path.read_bytes() == b"theirs" for path in caches)


@every_format
def test_a_kill_leaves_nothing_that_the_next_run_does_not_know(tmp_path, name):
    out = small_set(tmp_path / "set")

    def dies(items):
        for number, item in enumerate(items):
            if number == 1:
                raise KeyboardInterrupt
            yield item

    found = read_set(out)
    view = View(found, name)
    load_format(name)(found, view)
    with pytest.raises(KeyboardInterrupt):
        view.write(Ledger(out / ".prep" / "ledger"), lambda what, items, total: dies(items))
    (view.folder / ".prep-0123abcd-123-4").write_bytes(b"half")
    for path in (out / "kohya" / "10_mira").glob("*.[pj]*"):
        path.unlink()
    folder, _, _ = export(out, name)
    assert len(READERS[name](folder)) == 2 and not (view.folder / ".prep-0123abcd-123-4").exists()
    shutil.rmtree(out / "export")
    assert sorted(files(export(out, name)[0])) == sorted(files(folder))


@every_format
@settings(max_examples=25, deadline=None)
@given(characters=st.lists(names, min_size=1, max_size=3), lines=st.lists(tags, min_size=1, max_size=4))
def test_any_name_and_any_tag_survive(name, characters, lines):
    with tempfile.TemporaryDirectory() as place:
        made = Maker(Path(place) / 'o\'ut "x" #1')
        for number, character in enumerate(characters):
            made.add(character, ", ".join(lines[number:]), ("png", "jpg", "webp")[number])
        made.add("plain", "plain, 1girl")
        out = made.finish()
        folder, _, _ = export(out, name)
        wanted = Counter(stands(row["caption"]) for row in made.rows)
        if name == "simpletuner":
            del wanted[""]
        assert Counter(text for text, _ in READERS[name](folder)) == wanted
        inside = out.resolve()
        assert all(path.resolve().is_relative_to(inside) for path in folder.rglob("*"))
        assert {path.name for path in Path(place).iterdir()} == {out.name}


def test_images_are_linked_not_copied(tmp_path):
    out = small_set(tmp_path / "set")
    (source,) = out.glob("kohya/10_mira/*.png")
    assert all((export(out, name)[0] / "mira" / source.name).samefile(source) for name in ("onetrainer", "ai-toolkit"))


def test_where_no_hard_link_can_be_made_there_is_a_relative_symlink(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    out = small_set(tmp_path / "set")
    folder, _, _ = export(out, "onetrainer")
    links = list(folder.glob("*/*.[pjw]*"))
    assert links and all(path.is_symlink() and not path.readlink().is_absolute() for path in links)
    assert export(out, "onetrainer")[1].written == 0
    assert len(READERS["onetrainer"](folder)) == 4


def test_a_kohya_of_symlinks_is_followed(tmp_path):
    out = small_set(tmp_path / "set")
    (source,) = out.glob("kohya/10_mira/*.png")
    source.rename(tmp_path / "art.png")
    source.symlink_to(os.path.relpath(tmp_path / "art.png", source.parent))
    for name in FORMATS:
        assert len(READERS[name](export(out, name)[0])) == 4


def test_what_is_no_finished_set_is_one_sentence(tmp_path):
    def sentence(out: Path) -> str:
        with pytest.raises(UsageError) as error:
            read_set(out)
        return str(error.value)

    assert "was not made by prep" in sentence(tmp_path)
    (tmp_path / "a" / ".prep").mkdir(parents=True)
    assert "is not finished: it has no manifest.parquet" in sentence(tmp_path / "a")
    (tmp_path / "a" / "manifest.parquet").write_bytes(b"no parquet")
    assert "cannot be read" in sentence(tmp_path / "a")
    out = small_set(tmp_path / "b")
    for path in out.glob("kohya/*/*.[pjw]*"):
        path.unlink()
    assert "has no image to train on" in sentence(out)
    shutil.rmtree(out / "kohya" / "30_test")
    assert "the folder of test is missing from kohya/" in sentence(out)
    for name in ("/etc/passwd", "kohya/1_x/..", "kohya/../../x.png", "kohya/x/y.png"):
        made = Maker(tmp_path / f"c{abs(hash(name))}")
        made.add("mira", "mira")
        made.rows[0]["file"] = name
        assert "names a file outside kohya/" in sentence(made.finish())


def test_a_caption_that_is_no_text_leaves_its_picture_out_and_says_so(tmp_path):
    out = small_set(tmp_path / "set")
    next(out.glob("kohya/10_mira/*.txt")).write_bytes(b"\xff\xff")
    found = read_set(out)
    assert found.images == 3 and list(found.left_out.values()) == ["its caption is not UTF-8"]


def test_an_unknown_format_says_which_there_are():
    with pytest.raises(UsageError, match="no format is called diffusers_xyz. known: kohya, imagefolder, onetrainer"):
        load_format("diffusers_xyz")


def all_captions(found, view):
    """A format: one file with every caption."""
    view.data("all.txt", "\n".join(picture.caption for picture in found.pictures).encode())
    return []


def test_a_format_of_another_package_is_found(tmp_path, monkeypatch):
    point = EntryPoint("captions", f"{__name__}:all_captions", "prep.formats")
    monkeypatch.setattr("prep.registry.entry_points", lambda group: [point] if group == "prep.formats" else [])
    folder, summary, _ = export(small_set(tmp_path / "set"), "captions")
    assert summary.written == 1 and "test, 1boy, solo" in (folder / "all.txt").read_text()
