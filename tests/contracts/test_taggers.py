"""What every tagger keeps to: those that ship, the fake, and one that prep does not have."""

import numpy as np
import pytest

from tests.support.members import TAGGERS_AT_HAND
from tests.support.pictures import drawing

SHAPES = ((40, 30), (300, 520), (64, 64), (7, 90), (256, 200), (90, 7))


@pytest.fixture(scope="module", params=list(TAGGERS_AT_HAND))
def tagger(request, tmp_path_factory):
    return TAGGERS_AT_HAND[request.param](tmp_path_factory.mktemp("weights"), 4)


@pytest.fixture(scope="module")
def prepared(tagger):
    """float32 [6, S, S, 3], of a remote one object [6]: drawings of all shapes."""
    images = [np.asarray(drawing(seed).resize((width, height))) for seed, (height, width) in enumerate(SHAPES)]
    return np.stack([tagger.prepare(image) for image in images])


def test_a_picture_of_any_shape_becomes_one_square(tagger, prepared):
    if prepared.dtype == object:
        assert prepared.shape == (len(SHAPES),)
        return
    assert prepared.dtype == np.float32 and prepared.ndim == 4 and prepared.shape[3] == 3
    assert prepared.shape[1] == prepared.shape[2] and np.isfinite(prepared).all()


def test_preparing_leaves_the_picture_as_it_was(tagger):
    image = np.asarray(drawing(3, 50, 40)).copy()
    before = image.copy()
    assert np.array_equal(tagger.prepare(image), tagger.prepare(image)) and np.array_equal(image, before)


def test_scores_are_shares_one_for_each_name_of_the_vocabulary(tagger, prepared):
    scores = tagger.scores(prepared[: tagger.batch_size])
    names, categories = tagger.vocabulary.names, tagger.vocabulary.categories
    assert scores.dtype == np.float32 and scores.shape == (tagger.batch_size, len(names))
    assert (scores >= 0).all() and (scores <= 1).all()
    assert len(categories) == len(names) == len(set(names)) and tagger.vocabulary.id


def test_it_takes_as_many_at_once_as_it_was_asked_for_or_fewer(tagger):
    assert 1 <= tagger.batch_size <= 4


def test_a_picture_has_the_same_scores_alone_and_in_any_batch(tagger, prepared):
    alone = np.concatenate([tagger.scores(prepared[at : at + 1]) for at in range(len(prepared))])
    for size in range(1, tagger.batch_size + 1):
        for first in (0, 1):
            order = np.roll(np.arange(len(prepared)), first)
            parts = [order[at : at + size] for at in range(0, len(order), size)]
            found = np.concatenate([tagger.scores(prepared[part]) for part in parts])
            assert np.array_equal(found, alone[order])


def test_scores_of_other_pictures_are_others(tagger, prepared):
    alone = [tagger.scores(prepared[at : at + 1]).tobytes() for at in range(len(prepared))]
    assert len(set(alone)) == len(alone)
