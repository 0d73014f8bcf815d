"""Which files of SRC are images, and whose: by content, at any depth, and through no hostile name or link."""

import errno
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from prep.errors import UsageError
from prep.names import printable, slugs
from prep.scan.find import find_images
from prep.scan.kinds import BACKUPS, DOWNLOADS, ENDINGS, SYSTEM_NAMES
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
    assert [each.kind.name for each in listing.passed] == ["again", "again"]  # the loop, and one of the two names
    assert told == {
        "out.png": "is a link out of SRC",
        "broken.png": "is a broken link",
        "self.png": "is a broken link",
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
        (lambda path: (path.mkdir(), (path / "notes.txt").write_text("x")), "contains no image"),
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


def kinds(listing) -> dict[str, str]:
    return {each.path: each.kind.name for each in (*listing.left, *listing.passed)}


def placed(root: Path, *paths: str) -> None:
    """Pictures at those paths, whatever they are called; all else holds some words."""
    for number, path in enumerate(paths):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(encoded(drawing(number, 40, 40)))


def test_each_file_has_one_place_and_the_numbers_add_up(tmp_path):
    placed(tmp_path, "mira/1.png", "mira/2.png", "mira/2.png~", "mira/2.kra-autosave", "mira/2.png.bak", "cover.png")
    placed(tmp_path, "mira/.3.png", "mira/@eaDir/1.png/SYNOPHOTO_THUMB_XL.jpg", ".hack/a.png", "__MACOSX/mira/1.png")
    for name in (
        "prep.toml",
        "mira/1.txt",
        "mira/2.caption",
        "mira/2.txt",
        "mira/9.txt",
        "mira/1.json",
        "mira/LICENSE",
    ):
        (tmp_path / name).write_text("words")
    for name in ("mira/.DS_Store", "mira/._1.png", "mira/Thumbs.db", "mira/4.png.crdownload", "mira/5.psd", "6.mp4"):
        (tmp_path / name).write_bytes(b"bytes")
    listing = find_images(tmp_path, tmp_path / "out")
    assert [found.path for found in listing.files] == ["mira/1.png", "mira/2.png"]
    assert listing.counted == {"caption": 2, "settings file": 1, "system file": 3}
    assert kinds(listing) == {
        "6.mp4": "video",
        "cover.png": "loose",
        "mira/.3.png": "hidden",
        "mira/1.json": "other",
        "mira/2.caption": "text",
        "mira/2.kra-autosave": "backup",
        "mira/2.png.bak": "backup",
        "mira/2.png~": "backup",
        "mira/4.png.crdownload": "unfinished",
        "mira/5.psd": "PSD",
        "mira/9.txt": "text",
        "mira/LICENSE": "other",
        ".hack/": "hidden",
        "__MACOSX/": "system",
        "mira/@eaDir/": "thumbnails",
    }
    assert not listing.problems
    assert listing.left_out == {"video": 1, "loose": 1, "hidden": 1, ".json": 1, "text": 2, "backup": 3,
                                "unfinished": 1, "PSD": 1, "other": 1}  # fmt: skip


def test_a_format_that_is_not_read_is_named_by_content_and_fails(tmp_path):
    placed(tmp_path, "mira/1.png", "mira/really_a_png.heic")
    starts = {
        "a.heic": b"\0\0\0\x18ftypheic",
        "b.jxl": b"\xff\x0a",
        "c": b"\0\0\0\x0cJXL \r\n\x87\n",
        "d.tga": b"",
        "e.nef": b"MM\0*",
        "f.dat": b"8BPS",
        "g.dat": b"\0\0\0\x18ftypisom",
    }
    for name, start in starts.items():
        (tmp_path / "mira" / name).write_bytes(start + b"\0" * 40)
    listing = find_images(tmp_path, tmp_path / "out")
    assert [found.path for found in listing.files] == ["mira/1.png", "mira/really_a_png.heic"]
    named = {path.rpartition("/")[2]: kind for path, kind in kinds(listing).items()}
    assert named == {"a.heic": "HEIF", "b.jxl": "JPEG XL", "c": "JPEG XL", "d.tga": "TGA", "e.nef": "RAW",
                     "f.dat": "PSD", "g.dat": "video"}  # fmt: skip
    assert [path for path, _ in listing.problems] == ["mira/a.heic", "mira/b.jxl", "mira/c", "mira/d.tga",
                                                          "mira/e.nef"]  # fmt: skip


def test_a_caption_may_end_in_upper_case(tmp_path):
    placed(tmp_path, "mira/P.JPG", "mira/q.png", "mira/r.png")
    for name in ("P.TXT", "q.TXT", "q.txt", "r.Caption", "r.txt"):
        (tmp_path / "mira" / name).write_text("words")
    listing = find_images(tmp_path, tmp_path / "out")
    assert listing.counted == {"caption": 3}
    assert {left.path: left.kind.message for left in listing.left} == {
        "mira/q.TXT": "is not read, since q.txt beside it counts",
        "mira/r.Caption": "is not read, since r.txt beside it counts",
    }


def test_a_mask_is_one_only_beside_its_picture(tmp_path):
    placed(tmp_path, "mira/1.png", "mira/1-masklabel.png", "mira/2-masklabel.png", "mira/mask of silver.png")
    placed(tmp_path, "mira/masks/1.png", "mira/masks/7.png", "masks/mira/1.jpg", "masks/noa/1.png")
    listing = find_images(tmp_path, tmp_path / "out")
    assert kinds(listing) == dict.fromkeys(("mira/1-masklabel.png", "mira/masks/1.png", "masks/mira/1.jpg"), "mask")
    assert {found.path for found in listing.files} == {
        "mira/1.png", "mira/2-masklabel.png", "mira/mask of silver.png", "mira/masks/7.png", "masks/noa/1.png",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["img", "image"])
def test_of_a_kohya_project_the_images_are_read_and_the_rest_is_passed_over(tmp_path, name):
    placed(tmp_path, f"{name}/10_eileen girl/1.png", f"{name}/5_noa/a.png", "reg/1_girl/r.png", "model/sample/s.png")
    placed(tmp_path, "preview.png")
    (tmp_path / "log").mkdir()
    listing = find_images(tmp_path, tmp_path / "out")
    assert {found.path: found.character for found in listing.files} == {
        f"{name}/10_eileen girl/1.png": "eileen girl",
        f"{name}/5_noa/a.png": "noa",
    }
    assert kinds(listing) == {"preview.png": "loose", "reg/": "kohya", "log/": "kohya", "model/": "kohya"}
    assert listing.numbered == ("10_eileen girl", "5_noa")


def test_a_character_may_be_called_img(tmp_path):
    placed(tmp_path, "img/a.png", "noa/b.png")
    assert set(found(tmp_path).values()) == {"img", "noa"}


def test_loose_pictures_are_one_character_only_where_no_folder_has_pictures(tmp_path):
    art = tmp_path / "mira"
    placed(art, "1.png", "2.png")
    (art / "wips").mkdir()
    (art / "wips" / "3.psd").write_bytes(b"8BPS")
    listing = find_images(art, tmp_path / "out")
    assert listing.characters == listing.expected == ["mira"]
    placed(art, "swimsuit/4.png")
    listing = find_images(art, tmp_path / "out")
    assert listing.characters == ["swimsuit"] and kinds(listing)["1.png"] == kinds(listing)["2.png"] == "loose"
    assert "mira" in listing.named  # its table in prep.toml stops no run


def test_sub_folders_of_a_character_are_counted(tmp_path):
    placed(tmp_path, "sylvie/a/1.png", "sylvie/a/deep/2.png", "sylvie/b/3.png", "sylvie/4.png", "noa/1.png")
    assert find_images(tmp_path, tmp_path / "out").nested == {"sylvie": 3}


def test_a_copy_of_a_training_set_is_no_character(tmp_path):
    placed(tmp_path, "mira/1.png", "kohya/5_mira/1-ab.png", "kohya/2_noa/2-cd.png", "noa/10_old/3.png")
    (tmp_path / "kohya" / "dataset.toml").write_text("[general]\n")
    assert found(tmp_path) == {"mira/1.png": "mira", "noa/10_old/3.png": "noa"}
    assert kinds(find_images(tmp_path, tmp_path / "out")) == {"kohya/": "training set"}
    assert set(found(tmp_path / "kohya").values()) == {"mira", "noa"}  # named alone, it is read


def test_no_set_that_prep_made_is_read_and_none_is_mixed_with_its_images(tmp_path):
    placed(tmp_path, "mira/1.png", "outputs/v1/kohya/5_mira/1.png")
    (tmp_path / "outputs" / "v1" / ".prep").mkdir()
    assert found(tmp_path) == {"mira/1.png": "mira"}
    assert kinds(find_images(tmp_path, tmp_path / "out")) == {"outputs/v1/": "set"}
    assert kinds(find_images(tmp_path, tmp_path / "outputs" / "v1")) == {}  # this run's own
    with pytest.raises(UsageError, match="is a set that prep made"):
        find_images(tmp_path / "outputs" / "v1", tmp_path / "out")
    with pytest.raises(UsageError, match="contains your images"):
        find_images(tmp_path / "mira", tmp_path / "mira")
    with pytest.raises(UsageError, match="contains no image: v1/ is a set that prep made"):
        find_images(tmp_path / "outputs", tmp_path / "out")


def test_a_folder_that_leads_out_of_src_is_a_problem(tmp_path):
    placed(tmp_path, "elsewhere/1.png", "src/mira/1.png")
    (tmp_path / "src" / "noa").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "src" / "alias").symlink_to("mira")
    listing = find_images(tmp_path / "src", tmp_path / "out")
    assert [found.path for found in listing.files] == ["mira/1.png"]
    assert kinds(listing) == {"alias/": "again", "noa/": "link"}
    assert [path for path, _ in listing.problems] == ["noa/"]


NOBODY = """
import os, sys
from pathlib import Path
from prep.scan.find import find_images
os.setgid(65534), os.setuid(65534)
found = find_images(Path(sys.argv[1]), Path("/nowhere"))
print([each.path for each in found.files])
for path, problem in found.problems: print(path, problem.kind, problem.message)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_what_nobody_may_read_is_a_problem_and_not_the_end(tmp_path):
    with tempfile.TemporaryDirectory(dir="/tmp") as base:  # pytest's own folders are for their owner alone
        Path(base).chmod(0o755)
        src = Path(base, "src")
        placed(src, "mira/1.png", "mira/stray", "noa/2.png")
        (src / "mira" / "stray").chmod(0)
        (src / "noa").chmod(0)
        done = subprocess.run([sys.executable, "-c", NOBODY, src], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "['mira/1.png']",
        "mira/stray unreadable cannot be read (Permission denied)",
        "noa/ unreadable cannot be read (Permission denied)",
    ]


def test_a_stray_file_that_gives_an_error_is_a_problem(tmp_path, monkeypatch):
    placed(tmp_path, "mira/1.png", "mira/stray")

    def broken(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr("prep.scan.walk._kind_of_content", broken)
    assert [problem.message for _, problem in find_images(tmp_path, tmp_path / "out").problems] == [
        "cannot be read (Input/output error)"
    ]


def test_characters_called_images_and_model_are_no_kohya_project(tmp_path):
    for name in ("images", "model", "miku"):
        save(drawing(1), tmp_path / "src" / name / "1.png")
    found = find_images(tmp_path / "src", tmp_path / "out")
    assert found.characters == ["images", "miku", "model"] and not found.passed


def test_no_ending_that_prep_knows_is_a_backup_s():
    """kind_of_name asks for a known ending first."""
    assert not [ending for ending in ENDINGS if ending.endswith((*BACKUPS, *DOWNLOADS))]
    assert not [name for name in SYSTEM_NAMES if Path(name).suffix in ENDINGS]


PNG = encoded(drawing(1, 40, 40))


def test_the_first_folder_below_a_characters_is_a_variant_of_it(tmp_path):
    (tmp_path / ".store" / "linked").mkdir(parents=True)
    for name in ("10_mira/1.png", "10_mira/5_maid/2.png", "10_mira/maid/deep/er/3.png", "noa/x/4.png", "noa/x/5.jxl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PNG)
    (tmp_path / "noa" / "y").mkdir()
    (tmp_path / "noa" / "y" / "6.psd").write_bytes(b"8BPS")
    (tmp_path / ".store" / "linked" / "7.png").write_bytes(PNG)
    (tmp_path / "noa" / "linked").symlink_to(tmp_path / ".store" / "linked")
    (tmp_path / "noa" / "out").symlink_to(tmp_path.parent)
    found = find_images(tmp_path, tmp_path / "out")
    assert {file.path: (file.character, file.variant) for file in found.files} == {
        "10_mira/1.png": ("mira", ""),
        "10_mira/5_maid/2.png": ("mira", "maid"),
        "10_mira/maid/deep/er/3.png": ("mira", "maid"),
        "noa/x/4.png": ("noa", "x"),
        "noa/x/5.jxl": ("noa", "x"),
        "noa/linked/7.png": ("noa", "linked"),
    }
    assert found.variants == {"mira": ["maid"], "noa": ["linked", "x", "y"]}  # y may be named in the settings
    assert "noa/out/" in {each.path for each in found.passed}


def test_a_picture_in_src_itself_has_no_variant(tmp_path):
    (tmp_path / "1.png").write_bytes(PNG)
    assert [file.variant for file in find_images(tmp_path, tmp_path / "out").files] == [""]


def test_the_characters_of_a_kohya_project_have_variants_below_img(tmp_path):
    for name in ("img/10_mira/1.png", "img/10_mira/maid/2.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PNG)
    assert [file.variant for file in find_images(tmp_path, tmp_path / "out").files] == ["", "maid"]
