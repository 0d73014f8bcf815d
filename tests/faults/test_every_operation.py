"""Killed before every single operation on files: a run, and each command that writes. Then it is typed again."""

import shutil
import signal
import sys
from itertools import count

import pytest

from tests.faults.scenes import SCENES, Trial
from tests.support.examples import ROOT
from tests.support.hub_server import served_hub
from tests.support.published import published
from tests.support.pushing import WITH, apart

QUICK = ("prep undo",)  # of runs, test_crash_points.py tries some


@pytest.fixture
def trial(tmp_path, begun, begun_drawn, tiny_tagger):
    return lambda scene: Trial(SCENES[scene], tmp_path, begun, begun_drawn, tiny_tagger)


@pytest.mark.parametrize("scene", QUICK)
def test_a_kill_before_some_operation_leaves_nothing_half_done(trial, scene):
    tried = trial(scene)
    count = tried.operations()
    for number in (count // 3, count - 4):
        tried.survives(number)


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_a_kill_before_every_operation_leaves_nothing_half_done(trial, scene, figure):
    tried = trial(scene)
    count, wrong = tried.operations(), []
    for number in range(1, count + 1):
        try:
            tried.survives(number)
        except AssertionError as error:
            wrong.append(str(error))
    figure(f"{count} operations, {len(wrong)} failures")
    assert not wrong, "\n".join(wrong[:10])


@pytest.mark.slow
def test_a_push_killed_before_every_operation_leaves_the_repo_as_it_was_or_whole(tmp_path, figure):
    whole = None
    made, out = published(tmp_path / "made"), tmp_path / "out"
    for number in count():  # the first is not killed
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(made, out)
        push = [sys.executable, "-m", "tests.faults.operations", number, out, "push", out, "me/set", *WITH]
        with served_hub() as hub:
            done = apart(push, hub, tmp_path, cwd=ROOT)
            if whole is None:
                assert done.returncode == 0, done.stderr
                whole = hub.repos["me/set"].files
                continue
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL, done.stderr
            there = hub.repos["me/set"].files if hub.repos else {}
            assert set(there) <= {".gitattributes"} or there == whole, number
            push[3] = 0
            assert apart(push, hub, tmp_path, cwd=ROOT).returncode == 0 and hub.repos["me/set"].files == whole, number
    figure(f"{number - 1} operations, 0 failures")
    assert number > 5
