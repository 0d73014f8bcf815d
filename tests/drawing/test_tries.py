"""Which augmentations are tried, from what is known of each picture: a pure function of that."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.drawing.tries import ACCEPTED, Bounds, Known, apart, tried
from prep.drawing.wants import Attempt, Want
from tests.support.requests import request


def want(number: int, *ways: str) -> Want:
    """ways: `draw`, or `composite` with a scene of its own."""
    attempts = []
    for place, way in enumerate(ways or ("draw",)):
        scene = request(kind="scene", index=number, prompt=f"scene {place}") if way == "composite" else None
        more = {"manner": "composite", "strength": None, "scene": scene.key} if scene else {}
        attempts.append(Attempt(request(index=number, prompt=f"way {place}", **more), scene))
    return Want(("smile",), tuple(attempts))


def endless(*ways: str) -> Known:
    return Known(want(number, *ways) for number in count())


def played(wants: Known, bounds: Bounds, says, before=frozenset()) -> list:
    """All requests of a run that judges each round's pictures: says(request) is the reason, or ACCEPTED."""
    known = {}
    for _ in range(200):
        found = tried(wants, bounds, before, 0, known.get)
        new = [each for each in found if each.key not in known]
        if not new:
            return found
        known |= {each.key: says(each) for each in new}
    raise AssertionError("it never ends")


def test_nothing_is_tried_beyond_what_is_wanted():
    assert len(played(endless(), Bounds(4, 8, 16, 1), lambda each: ACCEPTED)) == 4


def test_another_way_is_tried_after_a_copy_and_none_after_another_character():
    two = endless("draw", "draw")
    found = played(two, Bounds(1, 2, 4, 0), lambda each: "copy" if each.prompt == "way 0" else ACCEPTED)
    assert [each.prompt for each in found] == ["way 0", "way 1"]
    off = played(endless("draw", "draw"), Bounds(1, 2, 3, 0), lambda each: "off_character")
    assert [each.prompt for each in off] == ["way 0"] * 3


def test_a_composite_waits_for_its_scene_and_a_scene_with_somebody_in_it_is_replaced():
    says = lambda each: "not_empty" if each.kind == "scene" else ACCEPTED  # noqa: E731
    found = played(endless("composite", "draw"), Bounds(3, 6, 12, 1), says)
    assert [each.kind for each in found if each.manner == "draw" and each.kind != "scene"] == ["augmentation"] * 3
    assert not [each for each in found if each.manner == "composite"]
    found = played(endless("composite", "draw"), Bounds(3, 6, 12, 1), lambda each: ACCEPTED)
    assert sum(each.manner == "composite" for each in found) >= 1


@pytest.mark.parametrize("target", [1, 3, 6, 10])
def test_accepted_composites_stay_within_a_third(target):
    bounds = Bounds(target, 2 * target, 4 * target, target // 3)
    found = played(endless("composite", "draw"), bounds, lambda _: ACCEPTED)
    accepted = [each for each in found if each.kind != "scene"]
    assert sum(each.manner == "composite" for each in accepted) == target // 3 and len(accepted) == target


def test_it_ends_where_nothing_can_be_drawn_in_any_way():
    assert played(endless("composite"), Bounds(2, 4, 8, 0), lambda each: ACCEPTED) == []
    found = played(
        endless("composite"), Bounds(9, 9, 36, 3), lambda each: "not_empty" if each.kind == "scene" else ACCEPTED
    )
    assert 0 < len(found) <= 36 and {each.kind for each in found} == {"scene"}


def test_what_an_earlier_run_accepted_counts():
    assert tried(endless(), Bounds(2, 4, 8, 0), frozenset({"a", "b"}), 0, lambda key: None) == []
    assert len(played(endless(), Bounds(2, 4, 8, 0), lambda _: ACCEPTED, frozenset({"a"}))) == 1


@given(st.lists(st.sampled_from([ACCEPTED, "copy", "off_character", "contradiction"]), min_size=40, max_size=40),
       st.integers(1, 6), st.integers(0, 60))  # fmt: skip
def test_a_run_that_was_stopped_tries_what_a_whole_one_tries(verdicts, target, stopped):
    bounds = Bounds(target, 2 * target, 4 * target, 0)
    keys: dict[str, int] = {}

    def says(each):
        return verdicts[keys.setdefault(each.key, int(each.key, 16) % 40)]

    whole = [each.key for each in played(endless("draw", "draw"), bounds, says)]
    # Stopped after some pictures: these have been judged, and the next run begins anew with what is known of them.
    known = {key: verdicts[keys[key]] for key in whole[:stopped]}
    wants = endless("draw", "draw")
    for _ in range(200):
        found = tried(wants, bounds, frozenset(), 0, known.get)
        new = [each for each in found if each.key not in known]
        if not new:
            break
        known |= {each.key: says(each) for each in new}
    assert [each.key for each in found] == whole


@given(st.lists(st.sampled_from([ACCEPTED, "copy", "off_character"]), min_size=40, max_size=40), st.integers(1, 8))
def test_no_more_is_drawn_nor_accepted_than_is_allowed(verdicts, target):
    bounds = Bounds(target, target, 3 * target, 0)
    found = played(endless("draw", "draw"), bounds, lambda each: verdicts[int(each.key, 16) % 40])
    accepted = [each for each in found if verdicts[int(each.key, 16) % 40] == ACCEPTED]
    assert len(found) <= bounds.tries and len(accepted) <= bounds.most


def again(wants: Known, bounds: Bounds, says, found: list) -> list:
    """All requests of the next run over a set where `found` was drawn and judged."""
    said = {each.key: says(each) for each in found}
    stays = frozenset(each.key for each in found if says(each) == ACCEPTED and each.kind != "scene")
    composites = frozenset(each.key for each in found if each.manner == "composite")
    others = apart(wants, bounds, said, stays, composites)
    assert not others  # all of it is what these wants lead to
    return played(wants, bounds, says, others)


@given(st.lists(st.sampled_from([ACCEPTED, "copy", "damaged", "off_character"]), min_size=8, max_size=40))
def test_a_second_run_tries_nothing_more_although_too_few_were_accepted(verdicts):
    bounds = Bounds(4, 8, 16, 1)
    says = lambda each: verdicts[int(each.key[:6], 16) % len(verdicts)]  # noqa: E731 - as a scene: off_character too
    found = played(endless("composite", "draw", "draw"), bounds, says)
    assert again(endless("composite", "draw", "draw"), bounds, says, found) == found


def test_what_other_settings_drew_counts_from_the_start():
    said = {"a": ACCEPTED, "b": "damaged"}
    assert apart(endless(), Bounds(2, 4, 8, 0), said, frozenset({"a"}), frozenset()) == {"a"}
