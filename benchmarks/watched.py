"""A command under watch: how long it takes, and how much memory its processes hold together at most."""

import subprocess
import threading
import time

import psutil

LOOK_SECONDS = 0.02


def run(command: list[str], env: dict[str, str] | None = None) -> tuple[float, float]:
    """-> (seconds, peak resident megabytes of it and its children together). What it prints is dropped."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env)
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    process.wait()
    seconds = time.perf_counter() - started
    watcher.join()
    assert process.returncode == 0
    return seconds, peak[0] / 1e6


def _watch(process: subprocess.Popen, peak: list[int]) -> None:
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        try:
            for each in [parent, *parent.children(recursive=True)]:
                total += each.memory_info().rss
        except psutil.NoSuchProcess:
            pass
        peak[0] = max(peak[0], total)
        time.sleep(LOOK_SECONDS)
