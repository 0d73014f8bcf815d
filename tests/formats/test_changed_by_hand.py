"""What a person changed in OUT/export is set aside before ours is written; nothing is written through a link."""

import json
import os
import shutil
from pathlib import Path

import pytest

from prep.aside import lying_aside
from prep.errors import UsageError
from prep.files import write_whole
from prep.ledger import Ledger
from tests.support.finished import export, files, small_set

CHANGED = "it was changed since prep wrote it"
UNKNOWN = "it is not known to be prep's own"


@pytest.fixture
def out(tmp_path):
    return small_set(tmp_path / "set")


def aside(out: Path) -> dict[str, bytes]:
    return files(out / "set_aside" / "export") if (out / "set_aside").is_dir() else {}


def whys(out: Path) -> set[str]:
    return set(lying_aside(out, Ledger(out / ".prep" / "ledger")).values())


def take_out_mira(out: Path) -> None:
    for path in (out / "kohya" / "10_mira").glob("*.[pj]*"):
        path.unlink()


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("onetrainer", "mira/*.txt"),
        ("onetrainer", "mira/*.jpg"),
        ("ai-toolkit", "test/*.png"),
        ("imagefolder", "metadata.jsonl"),
        ("simpletuner", "metadata/mira.parquet"),
        ("webdataset", "png-000000.tar"),
        ("webdataset", "README.md"),
    ],
)
def test_a_changed_file_is_set_aside_and_ours_written(out, name, pattern):
    folder, _, _ = export(out, name)
    before = files(folder)
    path = next(folder.glob(pattern))
    path.unlink()  # a picture is a link: this is how editors save
    path.write_bytes(b"theirs")
    assert export(out, name)[1].written == 1
    assert files(folder) == before and aside(out) == {f"{name}/{path.relative_to(folder)}": b"theirs"}
    assert whys(out) == {CHANGED}
    assert export(out, name)[1].written == 0


@pytest.mark.parametrize("pattern", ["mira/*.txt", "mira/*.jpg"])
def test_a_changed_file_of_a_picture_that_is_gone_is_set_aside(out, pattern):
    folder, _, _ = export(out, "onetrainer")
    path = next(folder.glob(pattern))
    path.unlink()
    path.write_bytes(b"theirs")
    take_out_mira(out)
    assert export(out, "onetrainer")[1].removed == 4
    assert not (folder / "mira").exists() and list(aside(out).values()) == [b"theirs"]


def test_what_stood_in_the_way_before_is_set_aside(out):
    (out / "export" / "imagefolder").mkdir(parents=True)
    (out / "export" / "imagefolder" / "metadata.jsonl").write_bytes(b"theirs")
    folder, _, _ = export(out, "imagefolder")
    assert aside(out) == {"imagefolder/metadata.jsonl": b"theirs"} and whys(out) == {UNKNOWN}
    assert (folder / "metadata.jsonl").read_bytes() != b"theirs"


@pytest.mark.parametrize("name", ["onetrainer", "ai-toolkit", "webdataset"])
def test_captions_and_pictures_that_change_in_kohya_set_nothing_aside(out, name):
    export(out, name)
    for path in (out / "kohya").glob("*/*.txt"):
        path.write_text("by hand")
    image = next((out / "kohya" / "30_test").glob("*.webp"))
    data = next((out / "kohya" / "10_mira").glob("*.png")).read_bytes()
    image.unlink()
    image.with_suffix(".png").write_bytes(data)
    export(out, name)
    take_out_mira(out)
    export(out, name)
    assert not aside(out)


def test_a_set_copied_elsewhere_is_known_by_its_bytes(out, tmp_path):
    for name in ("onetrainer", "webdataset", "ai-toolkit"):
        export(out, name)
    other = tmp_path / "other"
    shutil.copytree(out, other)
    for path in other.rglob("*"):
        os.utime(path, (1, 1))
    take_out_mira(other)
    for name in ("onetrainer", "webdataset", "ai-toolkit"):
        folder, summary, _ = export(other, name)
        assert summary.removed or name == "webdataset"
        assert not any("jpg" in path.suffix for path in folder.rglob("*"))
    assert not aside(other)


def test_a_run_killed_between_file_and_state_sets_nothing_aside(out, monkeypatch):
    export(out, "onetrainer")
    for text in ("one", "two"):
        next((out / "kohya" / "10_mira").glob("*.txt")).write_text(text)

        def dies(path, data, sync=False):
            write_whole(path, data)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("prep.formats._view.write_whole", dies)
            export(out, "onetrainer")
    next((out / "kohya" / "10_mira").glob("*.txt")).write_text("three")
    folder, _, _ = export(out, "onetrainer")
    assert not aside(out) and "coming" not in json.loads((out / ".prep/export/onetrainer.json").read_text())
    assert "three" in {path.read_text() for path in folder.glob("mira/*.txt")}


def state_of_0_1_0(out: Path, name: str) -> None:
    """As that version kept it: what a file was made of, and its size."""
    path = out / ".prep" / "export" / f"{name}.json"
    found = json.loads(path.read_text())["files"]
    for each, (made_of, _, _) in found.items():
        found[each] = f"{made_of}; {(out / 'export' / name / each).stat().st_size}"
    path.write_text(json.dumps({"files": found}))


@pytest.mark.parametrize("name", ["onetrainer", "ai-toolkit", "webdataset", "imagefolder"])
def test_a_view_of_0_1_0_is_known_by_what_its_state_says(out, name):
    folder, _, _ = export(out, name)
    state_of_0_1_0(out, name)
    assert export(out, name)[1].written == 0
    state_of_0_1_0(out, name)
    take_out_mira(out)
    export(out, name)
    # Of a small file, the size alone is not enough.
    small = {"onetrainer": 2, "ai-toolkit": 2, "webdataset": 1, "imagefolder": 1}
    assert len(aside(out)) == small[name] and not list(folder.rglob("*.jpg"))


@pytest.mark.parametrize("place", ["export", "export/onetrainer", "export/onetrainer/mira", ".prep/export"])
def test_a_folder_that_is_a_link_is_refused_with_a_sentence(out, tmp_path, place):
    export(out, "onetrainer")
    shutil.move(out / place, tmp_path / "elsewhere")
    (out / place).symlink_to(tmp_path / "elsewhere")
    before = files(tmp_path / "elsewhere")
    next((out / "kohya" / "10_mira").glob("*.txt")).write_text("other")
    with pytest.raises(UsageError, match="is a link: prep reads and writes only inside"):
        export(out, "onetrainer")
    assert files(tmp_path / "elsewhere") == before


def test_nothing_is_removed_or_swept_beyond_a_link(out, tmp_path):
    folder, _, _ = export(out, "onetrainer")
    shutil.move(folder / "mira", tmp_path / "elsewhere")
    (folder / "mira").symlink_to(tmp_path / "elsewhere")
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / ".prep-0123abcd-1-1").write_bytes(b"theirs")
    before = files(tmp_path / "elsewhere")
    take_out_mira(out)
    with pytest.raises(UsageError, match="is a link"):
        export(out, "onetrainer")
    assert files(tmp_path / "elsewhere") == before


def test_a_link_in_the_place_of_a_file_is_moved_as_a_link(out, tmp_path):
    folder, _, _ = export(out, "onetrainer")
    caption = next(folder.glob("mira/*.txt"))
    text = caption.read_text()
    (tmp_path / "theirs.txt").write_text("theirs")
    caption.unlink()
    caption.symlink_to(tmp_path / "theirs.txt")
    export(out, "onetrainer")
    assert caption.read_text() == text and not caption.is_symlink()
    assert (tmp_path / "theirs.txt").read_text() == "theirs"
    assert (out / "set_aside" / caption.relative_to(out)).is_symlink()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"files": 1}', b'{"files": {"a": [1]}}', b"\xff", b"[" * 100_000,
     b'{"files": {"\\u0000": ""}}',
     b'{"files": {"../../manifest.parquet": "x; 1", "/etc/passwd": "x; 1", "": "x; 1", "\\ud800": "x; 1"}}'],
)  # fmt: skip
def test_a_broken_state_is_no_traceback_and_costs_nothing(out, content):
    folder, _, _ = export(out, "onetrainer")
    before, state = files(folder), out / ".prep" / "export" / "onetrainer.json"
    state.write_bytes(content)
    assert export(out, "onetrainer")[1].written == 0 and files(folder) == before
    assert not aside(out) and (out / "manifest.parquet").is_file()


def test_a_state_that_is_no_file_is_not_waited_for(out):
    export(out, "onetrainer")
    state = out / ".prep" / "export" / "onetrainer.json"
    state.unlink()
    os.mkfifo(state)
    with pytest.raises(UsageError, match="is neither a file nor a folder"):
        export(out, "onetrainer")
