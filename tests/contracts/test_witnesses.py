"""What every witness keeps to: those that ship, with tiny files of their signatures, and the fake."""

import numpy as np
import pytest

from tests.support.members import WITNESSES_AT_HAND
from tests.support.pictures import drawing

SHAPES = ((40, 30), (160, 160), (224, 112), (300, 520), (7, 90))


@pytest.fixture(scope="module", params=list(WITNESSES_AT_HAND))
def witness(request, tmp_path_factory):
    return WITNESSES_AT_HAND[request.param](tmp_path_factory.mktemp("witness"))


@pytest.fixture(scope="module")
def seen(witness):
    """What it sees of drawings of all shapes."""
    return [
        witness.look(np.asarray(drawing(seed).resize((width, height)))) for seed, (height, width) in enumerate(SHAPES)
    ]


def test_of_any_picture_it_keeps_as_many_numbers(seen):
    assert {each.dtype for each in seen} == {np.dtype(np.float32)} and len({each.shape for each in seen}) == 1
    assert seen[0].ndim == 1 and all(np.isfinite(each).all() for each in seen)
    assert len({each.tobytes() for each in seen}) > 1


def test_it_sees_the_same_in_the_same_picture_and_leaves_it_as_it_was(witness, seen):
    image = np.asarray(drawing(0).resize(SHAPES[0][::-1])).copy()
    before = image.copy()
    assert np.array_equal(witness.look(image), seen[0]) and np.array_equal(image, before)


def test_a_measure_is_a_number_and_of_two_the_larger_is_never_the_better(witness, seen):
    measures = sorted(witness.measure(each, np.stack(seen)) for each in seen)
    verdicts = [witness.accepts(measure) for measure in measures]
    assert all(type(measure) is float for measure in measures) and all(type(verdict) is bool for verdict in verdicts)
    assert verdicts == sorted(verdicts, reverse=True)
    assert witness.about in ("identity", "damage")


def test_a_picture_is_the_character_that_it_shows(witness, seen):
    if witness.about == "identity":
        assert witness.accepts(witness.measure(seen[0], np.stack([seen[0]] * 3)))
