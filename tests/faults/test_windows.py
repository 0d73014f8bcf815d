"""What only POSIX has is blocked (tests/support/windows): a set is made, killed, resumed, edited, exported and pushed.

This is not Windows: it shows that prep needs nothing that Windows lacks, and keeps to its rules for names and open
files.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hub_server import served_hub
from tests.support.pictures import drawing, save
from tests.support.processes import SMALL, awkward_art
from tests.support.pushing import WITH, environment
from tests.support.runs import captions, tree

WINDOWS = Path(__file__).parent.parent / "support" / "windows"
NEVER = re.compile(r'[<>:"|?*\\]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.I)


def blocked(drive: Path) -> dict[str, str]:
    """The environment of a process that plays Windows."""
    paths = filter(None, (str(WINDOWS), os.environ.get("PYTHONPATH")))
    return {"PYTHONPATH": os.pathsep.join(paths), "PREP_WINDOWS": str(drive)}


class Windows:
    """A drive: processes that may use nothing but what Windows has."""

    def __init__(self, drive: Path, tagger: Path) -> None:
        self.drive, self.tagger, self.more = drive, tagger, {}

    def prep(self, *arguments, code: int = 0, **more) -> str:
        """`prep ...`, which ends with that code -> what it said."""
        env = {**os.environ, **blocked(self.drive), **self.more, **more}
        command = [sys.executable, "-m", "prep", *map(str, arguments)]
        done = subprocess.run(command, env=env, cwd=self.drive, capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def run(self, *arguments, code: int = 1, **more) -> str:  # 1: a picture is damaged
        given = ("--set", f"tagger.model={self.tagger}", "--set", "generator.model=none", *SMALL)
        return self.prep("run", "art", "--out", "out", *given, *arguments, code=code, **more)


@pytest.fixture
def windows(tmp_path, tiny_tagger):
    return Windows(tmp_path / "C", tiny_tagger)


def refused(folder: Path) -> list[str]:
    """The names in it that Windows refuses: characters, devices, dots at the end, two that differ in case, length."""
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    bad = [name for name in found if any(NEVER.search(part) for part in name.split("/")) or len(name) > 200]
    return bad + [name for name in found if sum(name.lower() == other.lower() for other in found) > 1]


def test_what_is_blocked_is_blocked(windows):
    windows.drive.mkdir()
    code = (
        "import pathlib, prep.system as system\n"
        "print(system.fcntl, system.refuses_links(), hasattr(system.os, 'statvfs'))\n"
        "file = open('x', 'w'); path = pathlib.Path('x').absolute()\n"
        "other = path.with_name('y'); other.write_text('')\n"
        "for act in (path.unlink, lambda: path.replace(other), lambda: other.rename(path),\n"
        "            path.with_name('nul.txt').touch, lambda: other.with_name('l').symlink_to(other)):\n"
        "    try: act()\n"
        "    except OSError as error: print(type(error).__name__)\n"
    )
    env = {**os.environ, **blocked(windows.drive)}
    said = subprocess.run([sys.executable, "-c", code], env=env, cwd=windows.drive, capture_output=True, text=True)
    assert said.stdout.splitlines() == ["None False False", "PermissionError", "PermissionError",
                                        "FileExistsError", "OSError", "OSError"]  # fmt: skip


def test_a_run_is_killed_and_goes_on_and_edits_stay(windows):
    awkward_art(windows.drive / "art", 12)
    for name in ("CON", "Mira"):
        save(drawing(90 + len(name), 64, 64), windows.drive / "art" / name / "NUL.png")
    windows.run(code=-signal.SIGKILL, PREP_CRASH="before rename:9")
    windows.run()
    whole = tree(windows.drive / "out")
    text = next((windows.drive / "out" / "kohya").glob("*/*.txt"))
    text.write_text(text.read_text() + ", by hand")
    known = sorted((windows.drive / "out" / ".prep" / "ledger" / "export").iterdir())
    said = windows.run("--set", "thresholds.mode=fixed", "--set", "thresholds.fixed=0.4")
    # A listing has no inode there; taken for another one, it would be another picture in each run.
    assert sorted((windows.drive / "out" / ".prep" / "ledger" / "export").iterdir()) == known
    assert "by hand" in text.read_text() and "done" in said
    assert len(captions(windows.drive / "out")) == sum(name.endswith(".txt") and "kohya/" in name for name in whole)
    assert not refused(windows.drive / "out")
    said = windows.prep("run", "art", "--out", "linked", "--set", "export.link=symlink", code=2)
    assert (
        "which Windows does not let you make. Turn on Developer Mode" in said
        and not (windows.drive / "linked").exists()
    )


@pytest.mark.slow
def test_every_command_works(windows, tmp_path):
    awkward_art(windows.drive / "art", 24)
    windows.run()
    picture = next((windows.drive / "out" / "kohya").glob("*/*.png"))
    for command in (
        ("exclude", "out", picture), ("restore", "out", picture), ("tags", "out", "--add", "rain"), ("undo", "out"),
        ("tags", "out"), ("status", "out"), ("lint", "out"), ("export", "out", "--to", "onetrainer"),
        ("export", "out", "--to", "webdataset"), ("doctor",), ("models",),
    ):  # fmt: skip
        windows.prep(*command)
    windows.run()
    with served_hub() as hub:
        windows.more = environment(hub, tmp_path)
        windows.prep("push", "out", "me/set", *WITH)
        assert "README.md" in hub.files("me/set")
    assert not refused(windows.drive / "out")
