"""A scene for a composite is empty, and the place that was asked for."""

import pytest

from prep.drawing.rounds import scene_verdict
from tests.support.requests import request

KNOWN = frozenset({"no_humans", "outdoors", "beach", "1girl", "solo", "2girls"})
SCENE = request(kind="scene", asked=("no_humans", "outdoors", "beach", "starfish"), parent=None, strength=None)


@pytest.mark.parametrize(
    "read, reason",
    [
        ({"no_humans", "outdoors", "beach"}, None),
        ({"beach"}, None),  # it need not be said that nobody is there
        ({"outdoors", "beach", "1girl"}, "not_empty"),
        ({"no_humans", "beach", "solo"}, "not_empty"),
        ({"no_humans", "beach", "2girls"}, "not_empty"),
        ({"no_humans"}, "another_place"),
        (set(), "another_place"),
    ],
)
def test_somebody_in_it_or_another_place_rejects_it(read, reason):
    check = scene_verdict(SCENE, read, KNOWN)
    assert (check.reason, check.kept) == (reason, reason is None)
    assert set(check.found) == read & {*SCENE.asked} and "starfish" not in check.missing


def test_a_place_that_the_tagger_does_not_know_is_taken_if_nobody_is_there():
    unknown = request(kind="scene", asked=("starfish",), parent=None, strength=None)
    assert scene_verdict(unknown, {"outdoors"}, KNOWN).kept and not scene_verdict(unknown, {"solo"}, KNOWN).kept
