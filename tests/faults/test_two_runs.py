"""One OUT, two runs: the second stops at once and names the first, whose lock dies with it."""

import os
import signal
import socket

from tests.support.processes import awkward_art, kill, run_to_end, start, wait_for
from tests.support.runs import tree


def test_the_second_run_stops_and_names_the_first_and_a_kill_frees_the_lock(tmp_path, tiny_tagger):
    art, out = awkward_art(tmp_path / "art", 30), tmp_path / "out"
    first = start(art, out, tiny_tagger)
    lock = out / ".prep" / "lock"
    wait_for(lambda: lock.exists() and lock.read_text(), first)
    os.kill(first.pid, signal.SIGSTOP)  # it holds the lock for as long as this test likes
    code, _, told = run_to_end(art, out, tiny_tagger)
    assert code == 3 and len(told.splitlines()) == 1
    assert f"process {first.pid} on {socket.gethostname()}" in told
    kill(first)
    assert run_to_end(art, out, tiny_tagger)[0] == 1
    assert run_to_end(art, tmp_path / "whole", tiny_tagger)[0] == 1
    assert tree(out) == tree(tmp_path / "whole")
