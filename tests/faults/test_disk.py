"""A disk that fills up, and one that cannot be written."""

import errno
import subprocess

import pytest

from prep.errors import NoRoomError, StoppedError
from prep.files import cannot_write, move, real_folder, write_whole
from tests.support.pictures import folder_of
from tests.support.processes import SMALL, awkward_art
from tests.support.runs import prep, tree


@pytest.fixture
def disk(tmp_path):
    """A small file system, and how to mount it anew with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("this user may not mount a file system")

    mount("size=1m")
    yield folder, mount
    subprocess.run(["umount", folder], check=True)


def go(src, out, tagger):
    return prep("run", src, "--out", out, "--set", f"tagger.model={tagger}", *SMALL)


def test_a_full_disk_stops_cleanly_and_the_run_goes_on_when_there_is_room(tmp_path, tiny_tagger, disk):
    folder, mount = disk
    art = awkward_art(tmp_path / "art", 60)
    whole = tmp_path / "whole"
    assert go(art, whole, tiny_tagger).returncode == 1
    stops = 0
    # A little more room each time, so that the disk is full in the scan, in a flush of tags, in the export, at its end.
    for kilobytes in (4, 64, 128, 256):
        mount(f"remount,size={kilobytes}k")
        done = go(art, folder / "out", tiny_tagger)
        if done.returncode != 1:
            assert done.returncode == 3, done.stderr
            assert len(done.stderr.splitlines()) == 1 and " MB are free" in done.stderr, done.stderr
            stops += 1
        parts = [path for path in folder.rglob("*") if path.is_file() and path.name.startswith(".prep-")]
        assert not parts
    mount("remount,size=8m")
    done = go(art, folder / "out", tiny_tagger)
    assert done.returncode == 1, done.stderr
    assert tree(folder / "out") == tree(whole) and stops > 2


def test_an_out_that_cannot_be_written_is_found_before_a_model_loads(tmp_path, tiny_tagger, disk):
    folder, mount = disk
    art = folder_of(tmp_path / "art", mira=1)
    mount("remount,ro")
    done = prep("run", art, "--out", folder / "out", "--set", f"tagger.model={tiny_tagger}")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "cannot be written (Read-only file system)" in done.stderr and "scan" not in done.stdout
    mount("remount,rw")
    assert prep("run", art, "--out", folder / "out", "--set", f"tagger.model={tiny_tagger}").returncode == 0
    mount("remount,ro")
    done = prep("run", art, "--out", folder / "out", "--set", f"tagger.model={tiny_tagger}")
    assert done.returncode == 2 and "Read-only" in done.stderr


def test_a_disk_that_another_program_filled_is_told_at_once(tmp_path, tiny_tagger, disk):
    folder, _ = disk
    art = folder_of(tmp_path / "art", mira=1)
    with (folder / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"\0" * 4096)
    done = prep("run", art, "--out", folder / "out", "--set", f"tagger.model={tiny_tagger}")
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1 and "disk is full" in done.stderr


def test_a_disk_without_inodes_is_not_said_to_lack_megabytes(tmp_path, made, disk):
    folder, mount = disk
    mount("remount,nr_inodes=8")
    with pytest.raises(NoRoomError) as full:
        for number in range(9):
            write_whole(folder / f"{number}.txt", b"mira")
    assert "MB are free, but there are no inodes left. Free some space" in str(full.value)
    with pytest.raises(NoRoomError, match="ledger could not be written; .* there are no inodes left"):
        real_folder(folder, "ledger")
    assert all(path.name[0].isdigit() and path.read_bytes() == b"mira" for path in folder.iterdir())


def test_a_quota_is_named_and_a_folder_that_is_gone_is_no_traceback(tmp_path):
    gone = tmp_path / "gone" / "a.txt"
    assert str(cannot_write(gone, OSError(errno.EDQUOT, "Disk quota exceeded"))).startswith("your quota on this disk")
    assert "a.txt could not be written" in str(cannot_write(gone, OSError(errno.ENOSPC, "No space left on device")))


def test_a_file_and_a_folder_move_to_another_disk(tmp_path, disk):
    folder, _ = disk
    (tmp_path / "10_mira").mkdir()
    (tmp_path / "10_mira" / "a.txt").write_text("mira")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("10_mira", "link"):
        move(tmp_path / name, folder / name)
    assert (folder / "10_mira" / "a.txt").read_text() == "mira" and (folder / "link").readlink().name == "nowhere"
    assert not (tmp_path / "10_mira").exists() and not (tmp_path / "link").is_symlink()


def test_hard_links_to_another_disk_are_a_sentence(made, disk):
    folder, mount = disk
    mount("remount,size=20m")
    made.out = folder / "out"
    with pytest.raises(
        StoppedError, match=r"a hardlink to .* \(it is on another disk\)\. Set export.link to another value"
    ):
        made.run("export.link=hardlink")
    assert made.run("export.link=symlink").exit_code == 0
    assert made.image("000").is_symlink()


def test_what_a_person_changed_is_set_aside_although_kohya_lies_on_another_disk(made, disk):
    folder, mount = disk
    mount("remount,size=20m")
    made.out = made.out.with_name("new")
    made.run(f"export.kohya={folder}")
    made.text("001").write_bytes(b"\xff\xfe\xff")  # no caption in any encoding
    made.run(f"export.kohya={folder}")
    [aside] = [path for path in (made.out / "set_aside").rglob("*.txt")]
    assert aside.read_bytes() == b"\xff\xfe\xff" and made.text("001").read_text().startswith("mira")
