"""kill -9 at random moments of a real run in real processes; then one run to the end."""

import random
import time

import pytest

from tests.support.processes import awkward_art, kill, run_to_end, start
from tests.support.runs import manifest, tree


def killed_and_finished(root, tagger, times: int, seed: int) -> None:
    """Kill as many runs, each at a moment of its own, and compare what a last one ends with to an untouched OUT."""
    art = awkward_art(root / "art", 120)
    started = time.monotonic()
    code, _, told = run_to_end(art, root / "whole", tagger)
    seconds = time.monotonic() - started
    assert code == 1, told  # some images are damaged on purpose
    whole, rng, killed = tree(root / "whole"), random.Random(seed), 0
    for number in range(times):
        # A fresh OUT now and then, so that all stages are hit and not the last alone.
        out = root / f"out{number // 4}"
        process = start(art, out, tagger)
        time.sleep(seconds * rng.uniform(0.15, 0.9))
        killed += process.poll() is None
        kill(process)
        if number % 4 == 3 or number == times - 1:
            assert run_to_end(art, out, tagger)[0] == 1
            assert tree(out) == whole
            assert {row["caption_source"] for row in manifest(out)} <= {"machine", None}
    assert killed


def test_three_kills_end_with_the_bytes_of_an_uninterrupted_run(tmp_path, tiny_tagger):
    killed_and_finished(tmp_path, tiny_tagger, times=3, seed=3)


@pytest.mark.slow
def test_a_hundred_kills_end_with_the_bytes_of_an_uninterrupted_run(tmp_path, tiny_tagger):
    killed_and_finished(tmp_path, tiny_tagger, times=100, seed=100)
