"""The first signal ends things in order, and none hits what is deferred."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from types import SimpleNamespace

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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_lock_that_is_just_being_taken_is_given_back(number):
    given_back = []
    lock = SimpleNamespace(acquire=None, release=None, __enter__=partial(signal.raise_signal, number),
                           __exit__=lambda *_: given_back.append(True))  # fmt: skip
    with pytest.raises(Interrupted) as caught, interruptible():
        with threading.Condition(lock):
            pass
        time.sleep(60)
    assert given_back == [True] and caught.value.exit_code == 128 + number


@pytest.mark.parametrize("wait", ["threading.Event().wait()", "queue.Queue().get()", "Future().result()",
                                  "wait([Future()])", "next(as_completed([Future()]))", "other.join()"])  # fmt: skip
def test_a_signal_ends_whatever_the_main_thread_waits_for(wait):
    code = (
        "import os, queue, signal, threading, time\nfrom concurrent.futures import Future, as_completed, wait\n"
        "from prep.errors import Interrupted\nfrom prep.process.signals import interruptible\n"
        "other = threading.Thread(target=time.sleep, args=(60,), daemon=True)\nother.start()\n"
        "def press():\n    time.sleep(0.2)\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=press).start()\nbegun = time.monotonic()\n"
        f"try:\n    with interruptible(): {wait}\n"
        "except Interrupted: print(time.monotonic() - begun < 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    assert done.stdout == b"True\n", done.stderr.decode()


@pytest.mark.slow
def test_a_pool_that_is_interrupted_while_it_starts_ends_each_time():
    code = (
        "import faulthandler, os, signal, sys\nfrom concurrent.futures import ThreadPoolExecutor, as_completed\n"
        "from prep.errors import Interrupted\nfrom prep.process.signals import interruptible\n"
        "sys.setswitchinterval(1e-5)\n"  # as on a busy machine: the threads begin while the pool is still filled
        "def work(at):\n    sum(range(20_000))\n    if at == 1: os.kill(os.getpid(), signal.SIGINT)\n"
        "    sum(range(20_000))\n"
        "ended = 0\n"
        "for _ in range(10_000):\n    faulthandler.dump_traceback_later(20, exit=True)\n"
        "    try:\n        with interruptible(), ThreadPoolExecutor(4) as pool:\n"
        "            list(as_completed([pool.submit(work, at) for at in range(3)]))\n"
        "            signal.pause()\n"
        "    except Interrupted: ended += 1\n"
        "print(ended)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=600)
    assert done.stdout == b"10000\n", done.stderr.decode()[-2000:]


def test_without_a_signal_nothing_happens():
    with interruptible(), deferred():
        pass
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
