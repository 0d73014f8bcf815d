"""Names that a disk allows and few programs expect, from SRC to the export and back in a second run."""

import os
import tomllib
from pathlib import Path

import pytest
import toml

from tests.fakes import FakeTagger
from tests.support.pictures import drawing, save
from tests.support.processes import run_to_end
from tests.support.runs import EDIT, manifest, run_here, tree

FILES = [
    b"plain.png",
    b"caf\xe9.png",  # Latin-1
    "caf\u00e9.png".encode(),
    "cafe\u0301.png".encode(),
    b"new\nline.png",
    b"\"quotes\" and 'more'.png",
    b"-rf.png",
    b"Case.png",
    b"case.png",
    b"x" * 251 + b".png",
    b"y" * 255,  # no ending: its content says what it is
    b"100%s {name} $HOME `id`.png",
    b"\\back\\slash.png",
    b" .png",
    b"tab\there.png",
    b"a.b..c.png",
]
FOLDERS = [
    b"mira",
    b"Mira",
    b"\xff\xfe",
    "Ren\u00e9e".encode(),
    "Rene\u0301e".encode(),
    b"fate_stay night",
    b"-dash",
    b'"quoted"',
    b"new\nline",
    b"\\o",
    b"@_@",
    b"=_=",
    b"^_^",
    b"<|>_<|>",
    b"[[datasets]]",
    b"x" * 255,
    b"10_kohya",
    b"con",
    "\u521d\u97f3\u30df\u30af".encode(),
]


@pytest.fixture(autouse=True)
def _fake(monkeypatch, reads_with):
    reads_with(lambda options: FakeTagger())


def place(root: Path, folder: bytes, name: bytes, seed: int) -> None:
    path = os.path.join(os.fsencode(root), folder, name)  # noqa: PTH118 - Path cannot make some of these
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    data = save(drawing(seed), root.parent / "one.png").read_bytes()
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(data)


def images(out: Path) -> dict[str, str]:
    return {name: sha for name, sha in tree(out).items() if name.startswith("kohya/") and name.endswith(".png")}


def test_every_file_name_comes_through_and_is_known_again(tmp_path, tiny_tagger, capsys):
    for number, name in enumerate(FILES):
        place(tmp_path / "art", b"mira", name, number)
    out = tmp_path / "out"
    assert run_here(tmp_path / "art", out, tiny_tagger).exit_code == 0
    rows = manifest(out)
    assert len(rows) == len(FILES) == len(images(out)) == len({row["source"] for row in rows})
    assert all("\n" not in row["source"] for row in rows)
    assert all((out / row["file"]).with_suffix(".txt").read_text().startswith("mira, ") for row in rows)
    for row in rows:
        sidecar = (out / row["file"]).with_suffix(".txt")
        sidecar.write_text(sidecar.read_text() + EDIT)
    before = images(out)
    capsys.readouterr()
    assert run_here(tmp_path / "art", out, tiny_tagger).exit_code == 0
    assert f"0 written, {len(FILES)} unchanged, 0 removed" in capsys.readouterr().out
    assert images(out) == before and all(row["caption"].endswith(EDIT) for row in manifest(out))


def test_every_character_name_gets_a_folder_of_its_own_inside_out(tmp_path, tiny_tagger, capsys):
    for number, name in enumerate(FOLDERS):
        place(tmp_path / "art", name, b"a.png", number)
    out = tmp_path / "out"
    assert run_here(tmp_path / "art", out, tiny_tagger).exit_code == 0
    folders = [path for path in (out / "kohya").iterdir() if path.is_dir()]
    assert len(folders) == len(FOLDERS) == len(images(out))
    assert len({path.name.casefold() for path in folders}) == len(FOLDERS), "apart also where case does not count"
    assert {path.name for path in tmp_path.iterdir()} <= {"art", "out", "one.png"}
    text = (out / "kohya" / "dataset.toml").read_text()
    for loaded in (tomllib.loads(text), toml.loads(text)):
        assert {subset["image_dir"] for subset in loaded["datasets"][0]["subsets"]} == {path.name for path in folders}
    assert all("\n" not in row["caption"] and "\n" not in row["character"] for row in manifest(out))
    before = tree(out)
    capsys.readouterr()
    assert run_here(tmp_path / "art", out, tiny_tagger).exit_code == 0
    assert f"0 written, {len(FOLDERS)} unchanged, 0 removed" in capsys.readouterr().out and tree(out) == before


def test_an_image_taken_out_of_a_folder_with_a_hard_name_stays_out(tmp_path, tiny_tagger):
    for number in range(2):
        place(tmp_path / "art", b"\xff\xfe", b"%d.png" % number, number)
    out = tmp_path / "out"
    run_here(tmp_path / "art", out, tiny_tagger)
    (out / manifest(out)[0]["file"]).unlink()
    for _ in range(2):
        run_here(tmp_path / "art", out, tiny_tagger)
        assert sorted(row["status"] for row in manifest(out)) == ["excluded", "kept"]


@pytest.mark.parametrize("name", [b"\xff\xfe", b"-rf ' $(id)\nnew line"])
def test_a_real_run_over_a_src_with_a_hard_name(tmp_path, tiny_tagger, name):
    src = tmp_path / os.fsdecode(name)
    place(src, b"", b"a.png", 1)
    place(src, b"", b"\xff.png", 2)
    (src / "cut.png").write_bytes(b"")
    code, said, told = run_to_end(src, tmp_path / "out" / src.name, tiny_tagger)
    assert code == 1 and told == "", told
    assert len(manifest(tmp_path / "out" / src.name)) == 3 and "done, with problems" in said


def test_links_pipes_and_folders_named_like_images(tmp_path, tiny_tagger):
    art = tmp_path / "art" / "mira"
    save(drawing(1), art / "a.png")
    save(drawing(2), tmp_path / "outside.png")
    (art / "inside.png").symlink_to("a.png")
    (art / "outside.png").symlink_to(tmp_path / "outside.png")
    (art / "nowhere.png").symlink_to("nothing")
    (art / "round.png").symlink_to("round.png")
    (art / "loop").symlink_to("..")
    os.mkfifo(art / "pipe.png")
    os.mkfifo(art / "pipe")
    (art / "folder.png").mkdir()
    (tmp_path / "art" / "alias").symlink_to("mira")  # sorts before the folder that it leads to
    assert run_here(tmp_path / "art", tmp_path / "out", tiny_tagger).exit_code == 1
    rows = {row["source"]: (row["status"], row["reason"]) for row in manifest(tmp_path / "out")}
    assert rows == {"mira/a.png": ("kept", None), "mira/inside.png": ("duplicate", "copy")}
    lines = (tmp_path / "out" / "problems.txt").read_text().splitlines()
    told = {line.split(": ")[0]: line.split(": ")[1] for line in lines}
    assert told == {
        "mira/outside.png": "link",
        "mira/nowhere.png": "link",
        "mira/round.png": "link",
        "mira/pipe.png": "not_a_file",
        "mira/pipe": "other",
        "mira/inside.png": "copy",
        "alias/": "again",
        "mira/loop/": "again",
    }


def test_a_file_that_goes_while_the_folder_is_listed_was_never_there(tmp_path, tiny_tagger, monkeypatch):
    art = tmp_path / "art"
    for name in ("a", "b", "c"):
        save(drawing(1), art / name / f"{name}.png")
    (art / "b" / "text").write_text("x")

    class Vanishing:
        def __init__(self, folder):
            self.folder = folder

        def __enter__(self):
            with scandir(self.folder) as entries:
                found = list(entries)
            if Path(self.folder).name == "art":
                (art / "c" / "c.png").unlink()
                (art / "c").rmdir()
            if Path(self.folder).name == "b":
                (art / "b" / "b.png").unlink()
                (art / "b" / "text").unlink()
            return iter(found)

        def __exit__(self, *_):
            pass

    from prep.scan import find

    scandir = os.scandir
    with monkeypatch.context() as patch:
        patch.setattr(find.os, "scandir", Vanishing)
        listing = find.find_images(art, tmp_path / "out")
    assert [found.path for found in listing.files] == ["a/a.png"]
