"""Which files of SRC are images, and whose: by content, at any depth, and through no hostile name or link."""

import os
import socket
from pathlib import Path

import pytest

from prep.errors import UsageError
from prep.names import printable, slugs
from prep.scan.find import find_images
from tests.support.pictures import drawing, encoded, save


def found(src: Path, out: Path | None = None) -> dict[str, str]:
    return {each.path: each.character for each in find_images(src, out or src / "no-such-out").files}


def test_a_character_is_the_first_sub_folder_at_any_depth(tmp_path):
    for path in ("mira/a.png", "mira/old/deep/b.jpg", "noa/c.webp"):
        save(drawing(1, 40, 40), tmp_path / path)
    assert found(tmp_path) == {"mira/a.png": "mira", "mira/old/deep/b.jpg": "mira", "noa/c.webp": "noa"}


def test_images_directly_in_src_belong_to_a_character_of_its_name(tmp_path):
    save(drawing(1, 40, 40), tmp_path / "mira" / "a.png")
    assert found(tmp_path / "mira") == {"a.png": "mira"}


def test_kohya_folders_are_understood(tmp_path):
    save(drawing(1, 40, 40), tmp_path / "10_mira" / "a.png")
    save(drawing(1, 40, 40), tmp_path / "3_sks girl" / "a.png")
    assert set(found(tmp_path).values()) == {"mira", "sks girl"}
    assert set(found(tmp_path / "10_mira").values()) == {"mira"}


def test_content_counts_and_not_the_ending(tmp_path):
    (tmp_path / "picture").write_bytes(encoded(drawing(1, 40, 40), "WEBP"))
    (tmp_path / "other.dat").write_bytes(encoded(drawing(1, 40, 40), "AVIF"))
    (tmp_path / "wrong.jpg").write_bytes(encoded(drawing(1, 40, 40), "PNG"))
    (tmp_path / "claims.png").write_bytes(b"<html>")
    (tmp_path / "notes.md").write_text("# notes")
    (tmp_path / "a.txt").write_text("1girl")
    assert set(found(tmp_path)) == {"picture", "other.dat", "wrong.jpg", "claims.png"}


def test_hidden_files_and_the_out_folder_are_not_scanned(tmp_path):
    for path in (".hidden.png", "__MACOSX/a.png", "._a.png", "outputs/set/kohya/1_x/x.png", "a.png"):
        save(drawing(1, 40, 40), tmp_path / path)
    assert set(found(tmp_path, tmp_path / "outputs" / "set")) == {"a.png"}


def test_paths_come_in_byte_order(tmp_path):
    for name in ("b.png", "a.png", "Z.png", "é.png", "a b.png"):
        save(drawing(1, 40, 40), tmp_path / name)
    assert list(found(tmp_path)) == sorted(found(tmp_path), key=os.fsencode)


def test_a_folder_linked_twice_belongs_to_the_first_name(tmp_path):
    save(drawing(1, 40, 40), tmp_path / ".store" / "a.png")
    for name in ("noa", "mira", "zoe"):
        (tmp_path / name).symlink_to(".store", target_is_directory=True)
    assert found(tmp_path) == {"mira/a.png": "mira"}


def test_links_are_followed_inside_src_alone(tmp_path):
    src = tmp_path / "src"
    save(drawing(1, 40, 40), src / "mira" / "a.png")
    save(drawing(2, 40, 40), tmp_path / "secret.png")
    (src / "noa").symlink_to("mira", target_is_directory=True)
    (src / "mira" / "loop").symlink_to("..", target_is_directory=True)
    (src / "mira" / "in.png").symlink_to("a.png")
    (src / "mira" / "out.png").symlink_to(tmp_path / "secret.png")
    (src / "mira" / "broken.png").symlink_to("nowhere.png")
    (src / "mira" / "self.png").symlink_to("self.png")
    listing = find_images(src, tmp_path / "out")
    assert {each.path for each in listing.files} in ({"mira/a.png", "mira/in.png"}, {"noa/a.png", "noa/in.png"})
    told = {path.rpartition("/")[2]: problem.message for path, problem in listing.problems}
    assert told == {
        "out.png": "is a link out of SRC",
        "broken.png": "is a link that leads nowhere",
        "self.png": "is a link that leads nowhere",
    }


def test_fifos_sockets_and_folders_with_an_images_name(tmp_path):
    os.mkfifo(tmp_path / "fifo.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.jpg"))
        save(drawing(1, 40, 40), tmp_path / "folder.png" / "a.png")
        listing = find_images(tmp_path, tmp_path / "out")
    assert [each.path for each in listing.files] == ["folder.png/a.png"]
    assert [path for path, _ in listing.problems] == ["fifo.png", "socket.jpg"]


def test_names_that_are_not_utf8_or_hostile(tmp_path):
    names = [b"\xff\xfe.png", b"new\nline.png", b"-dash.png", b"qu'o\"te.png", b"x" * 251 + b".png"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(encoded(drawing(1, 40, 40)))
    paths = found(tmp_path)
    assert {os.fsencode(path) for path in paths} == set(names)
    assert all("\n" not in printable(path) and printable(path).encode() for path in paths)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is empty"),
        (lambda path: path.write_text("x"), "is a file"),
        (lambda path: (path.mkdir(), (path / "notes.txt").write_text("x")), "holds no image"),
    ],
)
def test_a_source_without_images_is_one_sentence(tmp_path, make, told):
    make(tmp_path / "src")
    with pytest.raises(UsageError, match=told):
        find_images(tmp_path / "src", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Hatsune Miku", "hatsune_miku"),
        ("初音ミク", "初音ミク"),
        ("fate/stay_night".replace("/", ":"), "fate_stay_night"),
        (".hack", "hack"),
        ("[tag]", "tag"),
        ("sylvie", "sylvie"),
    ],
)
def test_a_slug_is_safe_and_readable(name, slug):
    assert slugs([name]) == {name: slug}


@pytest.mark.parametrize("name", ["..", "<|>_<|>", "\udcff\udcfe", "x" * 300, "a\nb", "\\o/".replace("/", "")])
def test_no_slug_leads_anywhere_or_is_empty(name):
    slug = slugs([name])[name]
    assert slug and "/" not in slug and not slug.startswith(".") and "[" not in slug and len(slug.encode()) < 220
    slug.encode("utf-8")


def test_two_characters_never_share_a_slug():
    names = ["Mira", "mira", "MIRA", "e\u0301va", "\u00e9va", "a b", "a_b"]
    made = slugs(names)
    assert len(set(made.values())) == len(names)
    assert made["mira"] == "mira" and made["a_b"] == "a_b"
    assert {name: slugs(["mira", name])[name] for name in ("MIRA",)}["MIRA"] == made["MIRA"]


def test_a_hidden_folder_that_may_be_a_character_is_named(tmp_path):
    for path in (".hack/a.png", ".git/b.png", "mira/c.png"):
        save(drawing(1, 40, 40), tmp_path / path)
    assert find_images(tmp_path, tmp_path / "out").hidden == (".hack",)


def test_what_other_trainers_left_beside_images_is_counted_by_ending(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        save(drawing(1, 40, 40), tmp_path / "mira" / name)
    for name in ("mira/a.json", "mira/b.png.json", "mira/metadata.jsonl", "mira/a.tags", "mira/c.xmp", "meta_cap.json"):
        (tmp_path / name).write_text("{}")
    for name in (
        "prep.toml",
        "words.toml",
        "filter.txt",
        "mira/a.txt",
        "mira/b.caption",
        "mira/README.md",
        "mira/LICENSE",
    ):
        (tmp_path / name).write_text("mine")
    told = find_images(tmp_path, tmp_path / "out").unread
    assert told == "6 files beside your images are not read: 3 .json, 1 .jsonl, 1 .tags, 1 .xmp"


def test_nothing_is_said_where_all_is_read(tmp_path):
    save(drawing(1, 40, 40), tmp_path / "mira" / "a.png")
    (tmp_path / "mira" / "a.txt").write_text("mira")
    assert find_images(tmp_path, tmp_path / "out").unread == ""
