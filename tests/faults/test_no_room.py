"""A disk that is full, or has no inode left, at each step of runs and commands; then there is room again.

The quick ones are in test_disk.py.
"""

import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.apart import typed_apart
from tests.faults.scenes import SCENES, Trial, tree

PAGE = 4096  # of a tmpfs
ROOM = "remount,size=64m,nr_inodes=100000"
STEP = 2  # pages or inodes more from one trial to the next
LONG = (
    "a first run that draws", "a person's work and another threshold", "pictures that moved, left and came",
    "foreign bytes, set aside", "sidecars in SRC", "prep exclude", "prep tags", "prep lint --fix",
    "prep export --to imagefolder", "prep export --to webdataset",
)  # fmt: skip


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, with nothing on it; and how to mount it anew with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "none", folder]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this user may not mount a file system")

    mount("size=64m")
    yield folder, mount
    subprocess.run(["umount", folder], check=True)


class OnADisk(Trial):
    """A scene on a disk with so much room left."""

    def __init__(self, scene, disk, begun, drawn, tagger) -> None:
        self.folder, self.mount = disk
        super().__init__(scene, self.folder.parent, begun, drawn, tagger)

    def copy(self) -> Path:
        self.mount(ROOM)
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self.root / "made", self.folder, dirs_exist_ok=True)
        return self.folder

    def without_room(self, what: str, left: int) -> str:
        """Type the command with so many pages or inodes left; then with room -> the stage that it stopped in."""
        self.copy()
        disk = os.statvfs(self.folder)
        used = {"size": (disk.f_blocks - disk.f_bfree) * PAGE, "nr_inodes": disk.f_files - disk.f_ffree}[what]
        self.mount(f"remount,{what}={used + left * (PAGE if what == 'size' else 1)}")
        said = typed_apart(*self.filled(self.scene.command, self.folder))
        assert said.code in (0, 1, 3), said
        if said.code == 3:
            assert len(said.err.splitlines()) == 1 and "could not be written" in said.err, said.err
            assert "free" in said.err and ("inode" in said.err or what == "size"), said.err
        half = [path for path in self.folder.rglob(".prep-*")]
        assert not half, f"half written: {half}"
        self.mount(ROOM)
        assert typed_apart(*self.filled(self.scene.again, self.folder)).code in (0, 1)
        found = tree(self.folder)
        nearest = min(self.whole, key=lambda whole: len(whole.items() ^ found.items()))
        assert found in self.whole, sorted(nearest.items() ^ found.items())
        if said.code != 3:
            return ""
        stages = re.findall(r"^(\w+): ", said.out, re.M)
        return f"after {stages[-1]}" if stages else "at its beginning"


@pytest.fixture
def trial(disk, begun, begun_drawn, tiny_tagger):
    return lambda scene: OnADisk(SCENES[scene], disk, begun, begun_drawn, tiny_tagger)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["size", "nr_inodes"])
@pytest.mark.parametrize("scene", LONG)
def test_no_room_at_any_step_tears_nothing(trial, scene, what, figure):
    tried, stops, wrong, left, whole = trial(scene), Counter(), [], 0, 0
    while whole < 2:  # what is written at the end may take less room than what was written before it
        try:
            stage = tried.without_room(what, left)
        except AssertionError as error:
            wrong.append(f"{left} left: {error}")
            stage = "wrong"
        stops[stage] += 1
        whole = 0 if stage else whole + 1
        left += STEP
        assert left < 500
    del stops[""]
    where = ", ".join(f"{count} {stage}" for stage, count in stops.items())
    figure(f"{left // STEP} trials, {len(wrong)} failures; stopped: {where or 'never'}")
    assert not wrong, "\n".join(wrong[:10])
