"""The first signal ends things in order, and none hits what is deferred."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from prep.errors import Interrupted
from prep.process.signals import deferred, interruptible


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_raises_interrupted_with_its_exit_code(number, code):
    with pytest.raises(Interrupted) as caught, interruptible():
        signal.raise_signal(number)
    assert caught.value.exit_code == code


def test_afterwards_signals_are_answered_as_before():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_second_signal_leaves_at_once():
    code = (
        "import signal\nfrom prep.process.signals import interruptible\n"
        "with interruptible():\n"
        "    try: signal.raise_signal(signal.SIGINT)\n"
        "    finally: signal.raise_signal(signal.SIGTERM)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 143 and done.stderr == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_deferred_is_finished_first(number):
    done = []
    with pytest.raises(Interrupted) as caught, interruptible(), deferred():
        os.kill(os.getpid(), number)
        done.append("whole")
    assert done == ["whole"] and caught.value.exit_code == 128 + number


def test_what_another_thread_was_handed_is_deferred_too():
    done, begin = [], threading.Event()
    other = threading.Thread(target=lambda: begin.wait() and signal.raise_signal(signal.SIGINT))
    other.start()  # before: within, it would inherit that SIGINT waits
    with pytest.raises(Interrupted), interruptible(), deferred():
        begin.set()
        other.join()
        done.append("whole")
    assert done == ["whole"]


def test_without_a_signal_nothing_happens():
    with interruptible(), deferred():
        pass
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
