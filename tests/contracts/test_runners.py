"""What every runner keeps to: those that ship, the fake, and one that prep does not have."""

from collections import Counter

import pytest

from prep.errors import WeightsError
from prep.protocols import Notes, Outcome
from prep.types import Problem
from tests.support.members import RUNNERS_AT_HAND
from tests.support.writing_job import WritingJob


@pytest.fixture(params=list(RUNNERS_AT_HAND))
def runner(request):
    return RUNNERS_AT_HAND[request.param]()


def happened(folder) -> list[str]:
    return [line for path in folder.glob("*.txt") for line in path.read_text().splitlines()]


def test_every_item_has_one_outcome_and_the_notes_come_after(runner, tmp_path):
    found = list(runner.map(WritingJob(tmp_path), ["a", "odd", "c", "d", "e"]))
    assert [each.subject for each in found[:5]] == ["a", "odd", "c", "d", "e"]
    assert found[1].problem == Problem("write", "odd", "is odd") and found[0].problem is None
    assert len(found) == 6 and isinstance(found[5], Notes) and found[5].found["worker"]
    assert happened(tmp_path) == ["open", "run 2", "run 2", "run 1", "close"]


def test_an_isolated_job_has_one_outcome_an_item_too(runner, tmp_path):
    found = [
        each for each in runner.map(WritingJob(tmp_path, isolated=True), list("abcde")) if isinstance(each, Outcome)
    ]
    assert Counter(each.subject for each in found) == Counter("abcde")


def test_without_work_nothing_is_opened(runner, tmp_path):
    assert list(runner.map(WritingJob(tmp_path), [])) == [] and happened(tmp_path) == []


def test_an_error_in_a_job_closes_it_and_is_raised_as_it_was(runner, tmp_path):
    found = []
    with pytest.raises(WeightsError) as caught:
        found += runner.map(WritingJob(tmp_path), ["a", "b", "bad", "d"])
    assert (caught.value.message, caught.value.hint) == ("it is bad", "take another")
    assert happened(tmp_path) == ["open", "run 2", "run 2", "close"]


def test_who_stops_asking_leaves_the_job_closed(runner, tmp_path):
    outcomes = runner.map(WritingJob(tmp_path), list("abcdef"))
    assert next(outcomes).subject == "a"
    outcomes.close()
    assert happened(tmp_path) == ["open", "run 2", "close"]
