"""A disk that fills up, and one that cannot be written."""

import subprocess

import pytest

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
