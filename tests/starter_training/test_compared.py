"""Drawn pictures are compared with the compositions that their words describe."""

import numpy as np
import pytest

from starter_training import damage
from starter_training.compared import apart
from starter_training.drawn import Drawn, expressions
from starter_training.small import choose, picture

SIZE = (160, 160)


def meant(number: int):
    return tuple(picture(one, (number,), SIZE) for one in expressions(choose(np.random.default_rng(number))))


def drawn(image: np.ndarray, found) -> Drawn:
    return Drawn(image, lambda: found, "text", None, 0)


@pytest.mark.parametrize("number", range(3))
def test_any_expression_is_near_and_nobody_is_far(number):
    found = meant(number)
    assert len(found) >= 5 and apart(drawn(found[-1].image, found)) == 0
    grey = np.full_like(found[0].image, 128)
    assert apart(drawn(grey, found)) > 40


def test_most_damage_is_far():
    broken, found = [], meant(1)
    rng = np.random.default_rng(5)
    for kind in damage.KINDS:
        image, _ = damage.broken(found[0].image, found[0].face, kind, rng, meant(2)[0].image)
        broken.append(apart(drawn(image, found)) > 14)
    assert sum(broken) >= 5
