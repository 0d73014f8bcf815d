"""Real `prep run` processes over a set of tiny images with everything in it: started, waited for, killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.support.pictures import drawing, save

SMALL = ("--set", "scan.min_side_px=16")


def awkward_art(root: Path, count: int) -> Path:
    """count tiny images of three characters; some to bake, some unreadable, one exact copy. An hour old."""
    for number in range(count):
        folder = root / ("mira", "noa", "tam")[number % 3]
        image = drawing(number, 64 + number % 30, 64 + number % 37)
        if number % 10 == 3:
            save(image.convert("CMYK"), folder / f"{number:03d}.jpg")
        elif number % 10 == 6:
            save(image, folder / f"{number:03d}.bmp")
        elif number % 20 == 9:
            path = save(image, folder / f"{number:03d}.png")
            path.write_bytes(path.read_bytes()[:200])
        else:
            save(image, folder / f"{number:03d}.png")
    shutil.copy(root / "mira" / "000.png", root / "mira" / "copy.png")
    past = time.time() - 3600
    for path in root.rglob("*.*"):
        os.utime(path, (past, past))
    return root


def start(src: Path, out: Path, tagger: Path, *arguments: str, group: bool = False) -> subprocess.Popen:
    """`prep run` as a process; group: at the head of a group of its own, as a shell starts it."""
    command = [sys.executable, "-m", "prep", "run", src, "--out", out, "--set", f"tagger.model={tagger}", *SMALL]
    return subprocess.Popen(
        [*map(str, command), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        errors="backslashreplace",
        start_new_session=group,
    )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    """-> (exit code, stdout, stderr)."""
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def run_to_end(*arguments) -> tuple[int, str, str]:
    return finish(start(*arguments))


def wait_for(condition, process: subprocess.Popen | None = None) -> None:
    """Until condition() is true. Fails when the process ends first, or after a minute."""
    for _ in range(6000):
        if condition():
            return
        assert process is None or process.poll() is None, "it ended too soon: " + str(process.communicate())
        time.sleep(0.01)
    raise AssertionError("it never happened")


def kill(process: subprocess.Popen) -> None:
    """kill -9, and what belongs to the process seen to leave."""
    workers = children(process)
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()
    wait_for(lambda: not any(map(alive, workers)))


def children(process: subprocess.Popen) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def interrupt(process: subprocess.Popen, number: int = signal.SIGINT) -> None:
    """As a terminal does: to the whole group."""
    os.killpg(process.pid, number)
