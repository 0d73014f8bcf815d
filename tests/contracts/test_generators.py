"""What every generator keeps to: those that ship, the one that counts, and one that prep does not have."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.support.members import GENERATORS_AT_HAND
from tests.support.tiny import PARENTS, REQUEST, requests

SHAPES = ((320, 400), (400, 320), (64, 64), (1000, 100))


@pytest.fixture(scope="module", params=list(GENERATORS_AT_HAND))
def generator(request, tmp_path_factory):
    found = GENERATORS_AT_HAND[request.param](tmp_path_factory.mktemp("weights"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Encoded prompts stay between the tests of a generator, as between runs."""
    return tmp_path_factory.mktemp("prompts")


def asked(generator, strength=None) -> list:
    """Three pictures of a size that its card gives."""
    width, height = generator.card.size(48, 64)
    about = {"generator": generator.card.name, "precision": generator.card.precision, "steps": 2}
    own = {
        "width": width,
        "height": height,
        "sampler": generator.card.samplers[-1],
        "guidance": generator.card.guidance,
    }
    return requests(3, **about, **own, strength=strength)


def test_its_card_says_how_it_is_used(generator):
    card = generator.card
    assert card.name and isinstance(card.name, str) and card.precision and isinstance(card.precision, str)
    assert isinstance(card.steps, int) and card.steps >= 1 and card.guidance >= 0
    assert card.samplers and all(isinstance(name, str) for name in card.samplers)


@pytest.mark.parametrize("shape", SHAPES, ids="{0[0]}x{0[1]}".format)
def test_sizes_are_divisible_by_sixteen_and_of_a_size_comes_the_same_size(generator, shape):
    width, height = generator.card.size(*shape)
    assert width % 16 == height % 16 == 0 and width > 0 < height
    assert generator.card.size(*shape) == (width, height) == generator.card.size(width, height)


@pytest.mark.parametrize("strength", [None, 0.6], ids=["from-text", "from-a-picture"])
def test_each_picture_comes_once_of_the_size_asked_for_and_the_same_alone(generator, kept, strength):
    pictures = asked(generator, strength)
    generator.encode(pictures, kept)
    drawn = list(generator.draw(pictures, PARENTS, kept))
    assert sorted(key for key, _ in drawn) == sorted(picture.key for picture in pictures)
    for _, pixels in drawn:
        assert pixels.dtype == np.uint8 and pixels.shape == (pictures[0].height, pictures[0].width, 3)
    alone = list(generator.draw(pictures[1:2], PARENTS, kept))
    assert [key for key, _ in alone] == [pictures[1].key]
    assert np.array_equal(alone[0][1], dict(drawn)[pictures[1].key])


def test_another_seed_is_another_picture(generator, kept):
    first = asked(generator)[0]
    pictures = [first, replace(first, index=9)]
    one, other = (pixels for _, pixels in generator.draw(pictures, PARENTS, kept))
    assert not np.array_equal(one, other)


def test_of_nothing_nothing_is_drawn(generator, kept):
    generator.encode([], kept)
    assert list(generator.draw([], {}, kept)) == []


def test_its_notes_are_json(generator):
    assert isinstance(json.loads(json.dumps(generator.notes)), dict)


def test_it_may_be_closed_twice_and_draws_again_after(generator, kept):
    picture = asked(generator)[:1]
    before = dict(generator.draw(picture, {}, kept))
    generator.close()
    generator.close()
    assert np.array_equal(dict(generator.draw(picture, {}, kept))[picture[0].key], before[picture[0].key])


def test_a_request_is_what_it_is_whoever_draws():
    assert replace(REQUEST).key == REQUEST.key
