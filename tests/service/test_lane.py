"""The lane: one after the other, and nobody who left is in the way."""

import threading

import pytest

from prep.service.lane import Lane, Task
from prep.service.work import Halted, Work
from prep.web.refused import Refused


@pytest.fixture
def lane():
    found = Lane(4)
    yield found
    found.close()


def task(lane: Lane, run=lambda work: "done", client: str = "me") -> Task:
    return Task(client, run, Work("x", 60, lane.stopping))


def test_who_gave_its_task_up_is_passed_over(lane):
    gone, stays = task(lane), task(lane)
    lane.put(gone)
    lane.put(stays)
    assert gone.future.cancel()
    lane.start()
    assert stays.future.result(20) == "done" and gone.work.started == 0
    assert lane.remove(gone) is False
    while lane.current:
        pass
    assert lane.now().id == ""


def test_a_task_that_was_given_up_is_removed_and_refused_without_an_error(lane):
    first, second = task(lane), task(lane)
    for each in (first, second):
        lane.put(each)
        each.future.cancel()
    assert lane.remove(first) is True and first.work.halted == "cancelled"
    lane.stop()
    with pytest.raises(Refused, match="the server is stopping"):
        lane.put(task(lane))


def test_what_fails_does_not_end_the_lane_and_what_takes_too_long_ends(lane):
    def fail(work):
        raise KeyError("x")

    def long(work):
        work.seconds = 0.01
        while True:
            threading.Event().wait(0.02)
            work.check()

    tasks = [task(lane, fail), task(lane, long), task(lane)]
    for each in tasks:
        lane.put(each)
    lane.start()
    with pytest.raises(KeyError):
        tasks[0].future.result(20)
    with pytest.raises(Halted, match="too_long"):
        tasks[1].future.result(20)
    assert tasks[2].future.result(20) == "done"
