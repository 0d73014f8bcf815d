"""One holder a lock: the second is told who, a kill frees it, and a file that was left behind means nothing."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from prep.errors import StoppedError
from prep.process.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from prep.process.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path):
    (tmp_path / "out" / ".prep").mkdir(parents=True)
    return tmp_path / "out" / ".prep" / "lock"


@pytest.fixture
def holder(lock):
    """Another process that holds it."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_is_told_the_process_and_host_of_the_first(lock, holder, tmp_path):
    with pytest.raises(StoppedError) as told, locked(lock):
        raise AssertionError("two hold it")
    assert told.value.message == (f"{tmp_path / 'out'} is in use by process {holder.pid} on {socket.gethostname()}")
    assert told.value.hint == "wait for it, or stop it"


def test_asking_in_vain_leaves_the_name_for_the_next(lock, holder):
    for _ in range(2):
        with pytest.raises(StoppedError, match=f"process {holder.pid} on"), locked(lock):
            pass


def test_a_kill_frees_the_lock(lock, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert str(holder.pid) in lock.read_text()
    with locked(lock):
        assert lock.read_text() == f"process {os.getpid()} on {socket.gethostname()}"


def test_a_file_left_behind_is_no_lock(lock):
    lock.write_text("process 1 on another host, whose name is longer than the one that takes its place")
    with locked(lock):
        assert lock.read_text() == f"process {os.getpid()} on {socket.gethostname()}"


def test_one_process_cannot_hold_it_twice(lock):
    with locked(lock), pytest.raises(StoppedError, match=f"process {os.getpid()} on"), locked(lock):
        pass


def test_it_is_free_again_however_the_holder_left(lock):
    with pytest.raises(KeyError), locked(lock):
        raise KeyError
    with locked(lock):
        pass


def test_a_full_disk_costs_the_name_and_not_the_lock(lock, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with locked(lock):
        monkeypatch.undo()
        with pytest.raises(StoppedError, match="is in use by another process"), locked(lock):
            pass
