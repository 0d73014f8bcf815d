"""kill -9 at random moments of real runs that draw, and of pushes, in real processes; then each is done to its end."""

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.hub_server import Hub, served_hub
from tests.support.installed import palette
from tests.support.processes import SMALL, alive, awkward_art, children, wait_for
from tests.support.pushing import WITH, environment
from tests.support.runs import manifest, tree

STAGE = re.compile(r"^(scan|tag|profile|caption|generate|check|export|push): ", re.M)
RUNS, PUSHES = 4, 3  # kills of each per OUT, so that all stages are hit and not the last alone


@dataclass
class Killer:
    """Kills commands at moments of its own choice, and counts in which stage each was."""

    root: Path
    tagger: Path
    rng: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)  # command -> within which it is killed

    def __post_init__(self) -> None:
        self.art = awkward_art(self.root / "art", 40)
        self.environment, self.sets = palette(self.root)

    def run(self, out: Path) -> list[str]:
        sets = [word for each in (f"tagger.model={self.tagger}", *self.sets) for word in ("--set", each)]
        return ["run", str(self.art), "--out", str(out), *SMALL, *sets]

    def push(self, out: Path) -> list[str]:
        return ["push", str(out), "me/set", *WITH]

    def start(self, command: list[str], hub: Hub | None = None) -> subprocess.Popen:
        env = os.environ | self.environment | (environment(hub, self.root) if hub else {})
        with (self.root / "said").open("wb") as said:
            return subprocess.Popen([sys.executable, "-m", "prep", *command], stdout=said, stderr=said, env=env)

    def to_the_end(self, command: list[str], hub: Hub | None = None) -> None:
        started = time.monotonic()
        code = self.start(command, hub).wait(300)
        assert code in (0, 1), self.said()  # some images are damaged on purpose
        self.seconds.setdefault(command[0], time.monotonic() - started)

    def kill(self, command: list[str], hub: Hub | None = None) -> int:
        """Kill it at some moment -> 1, or 0 where it had come to its end. There is less to do each time."""
        process = self.start(command, hub)
        time.sleep(self.seconds[command[0]] * self.rng.uniform(0.1, 1))
        workers, ended = children(process), process.poll()
        process.kill()
        process.wait()
        wait_for(lambda: not any(map(alive, workers)))
        if ended is not None:
            self.seconds[command[0]] *= 0.8
            return 0
        self.seconds[command[0]] *= 1.04
        stages = STAGE.findall(self.said())
        self.killed[f"of {command[0]} {f'after {stages[-1]}' if stages else 'before it said anything'}"] += 1
        return 1

    def said(self) -> str:
        return (self.root / "said").read_text(errors="backslashreplace")


def killed_and_finished(killer: Killer, times: int, pushes: int = PUSHES) -> None:
    """Kill as many processes, and compare what each OUT and its repo end with to an untouched one.

    pushes: to be killed per OUT; 0: none is pushed.
    """
    whole = killer.root / "whole"
    killer.to_the_end(killer.run(whole))
    assert {row["origin"] for row in manifest(whole)} > {"source", "augmentation"}
    if pushes:
        with served_hub() as hub:
            killer.to_the_end(killer.push(whole), hub)
            files = dict(hub.repos["me/set"].files)
    number, left = 0, times
    while left:
        out, number = killer.root / f"out{number}", number + 1
        for _ in range(min(left, RUNS)):
            left -= killer.kill(killer.run(out))
        killer.to_the_end(killer.run(out))
        assert tree(out) == tree(whole)
        assert {row["caption_source"] for row in manifest(out)} <= {"machine", None}
        if not pushes:
            continue
        with served_hub() as hub:
            for _ in range(min(left, pushes)):
                left -= killer.kill(killer.push(out), hub)
                there = hub.repos["me/set"].files if "me/set" in hub.repos else {}
                assert set(there) <= {".gitattributes"} or there == files, "half a set was published"
            killer.to_the_end(killer.push(out), hub)
            assert hub.repos["me/set"].files == files
    assert killer.killed.total() == times


@pytest.fixture
def killer(tmp_path, tiny_tagger):
    return lambda seed: Killer(tmp_path, tiny_tagger, random.Random(seed))


def test_two_kills_end_with_the_bytes_of_an_uninterrupted_run(killer):
    killed_and_finished(killer(3), times=2, pushes=0)


@pytest.mark.slow
def test_a_hundred_kills_while_it_draws_and_pushes_end_with_the_bytes_of_an_uninterrupted_run(killer, figure):
    hundred = killer(100)
    killed_and_finished(hundred, times=100)
    figure(f"100 kills, 0 failures ({', '.join(f'{count} {stage}' for stage, count in hundred.killed.most_common())})")
