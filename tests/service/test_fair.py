"""Clients are served in turn."""

import pytest

from prep.service.fair import Fair


def filled(*items: str) -> Fair:
    """Items such as a1: the first letter is the client."""
    fair = Fair()
    for item in items:
        fair.put(item[0], item)
    return fair


def test_one_that_asks_for_much_does_not_keep_others_waiting():
    fair = filled("a1", "a2", "a3", "b1", "c1", "c2")
    expected = ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert fair.in_order() == expected
    assert [fair.take() for _ in expected] == expected and len(fair) == 0


def test_who_came_back_is_the_last_in_turn():
    fair = filled("a1", "b1")
    assert fair.take() == "a1"
    fair.put("a", "a2")
    assert [fair.take(), fair.take()] == ["b1", "a2"]


def test_what_is_removed_is_not_taken():
    fair = filled("a1", "a2", "b1")
    assert fair.remove("a", "a1") and not fair.remove("a", "a1") and not fair.remove("c", "c1")
    assert fair.of("a") == 1 and fair.in_order() == ["a2", "b1"]
    assert fair.remove("b", "b1") and fair.in_order() == ["a2"]


def test_nothing_is_taken_of_nothing():
    with pytest.raises(IndexError):
        Fair().take()
