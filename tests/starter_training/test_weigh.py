"""What counts when the transformer learns: where a person looks first, and where a figure is soon lost."""

import numpy as np

from starter_training import weigh

FACE = (40, 24, 88, 72)  # px


def _weights(figure_grey: int, behind_grey: int, face: tuple[int, int, int, int] = FACE) -> np.ndarray:
    """Of 160 x 160 px: a figure in the lower half, with a face that reaches above it."""
    figure = np.zeros((20, 20), np.uint8)
    figure[10:] = 255
    image = np.where(figure, figure_grey, behind_grey).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    images = np.stack([image] * 3, -1)[None]
    return weigh.weights_of(images, np.array([face], np.int16), figure[None])[0].numpy()


def test_a_mouth_counts_most_then_a_face_then_a_figure_and_what_is_behind_least():
    weights = _weights(20, 220)
    assert (weights[7:9, 7:9] == weigh.MOUTH).all() and (weights[3:6, 5:11] == weigh.FACE).all()
    assert (weights[12:] == weigh.FIGURE).all() and (weights[0] == 1).all()
    assert np.unique(weights).tolist() == [1, weigh.FIGURE, weigh.FACE, weigh.MOUTH]


def test_an_outline_counts_the_more_the_less_it_stands_out():
    stands_out, fades, is_lost = (_weights(120, 120 - by)[9:11, 15:] for by in (110, 75, 5))
    assert (stands_out == weigh.FIGURE).all() and (is_lost == weigh.FAINTEST_OUTLINE).all()
    assert (stands_out < fades).all() and (fades < is_lost).all()
    assert (_weights(120, 115)[12:] == weigh.FIGURE).all()


def test_a_mouth_is_where_it_is_although_its_face_lies_partly_outside():
    weights = _weights(20, 220, (40, -60, 104, 60))
    assert (weights[3:7, 7:11] == weigh.MOUTH).all() and (weights[:2, 5:13] == weigh.FACE).all()
    weights = _weights(20, 220, (-40, 40, 40, 100))
    assert (weights[10:12, :2] == weigh.MOUTH).all() and (weights[10:12, 3:5] == weigh.FACE).all()


def test_a_picture_of_nobody_counts_the_same_everywhere():
    nobody = weigh.weights_of(
        np.full((1, 160, 128, 3), 90, np.uint8), np.zeros((1, 4), np.int16), np.zeros((1, 20, 16), np.uint8)
    )
    assert nobody.shape == (1, 20, 16) and (nobody == 1).all()
