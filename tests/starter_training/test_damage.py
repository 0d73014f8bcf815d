"""Made-up damage: where it is said to be, at the figure, the same from the same seed, and large enough to be seen."""

import json

import cv2
import numpy as np
import pytest

from starter_training import damage, label
from starter_training.drawn import WAYS, Drawn, drawn, off_grid
from starter_training.small import Choice, Small, picture
from starter_training.train_generator import GENERATOR

CHOICE = Choice("eileen", "happy", "", "upper_body", "blue")


@pytest.fixture(scope="module")
def whole() -> Small:
    return picture(CHOICE, (5, 1), (160, 160))


@pytest.fixture(scope="module")
def other() -> Small:
    return picture(Choice("sylvie_blue", "normal", "", "upper_body", "bg_meadow"), (5, 2), (160, 160))


@pytest.mark.parametrize("kind", damage.KINDS)
def test_every_kind_breaks_the_figure_visibly_and_says_where(kind, whole, other):
    for seed in range(4):
        rng = np.random.default_rng((seed, 3))
        made, where = damage.broken(whole.image, whole.face, kind, rng, other.image)
        apart = np.abs(made.astype(int) - whole.image).max(2)
        assert made.shape == whole.image.shape and made.dtype == np.uint8
        assert np.percentile(apart[where > 0.5], 50) >= 10 and apart[where < 0.02].max(initial=0) <= 12
        assert 200 < (apart > 12).sum() < 0.6 * apart.size
        middle = np.argwhere(where > 0.5).mean(0)
        assert abs(middle[1] - (whole.face[0] + whole.face[2]) / 2) < 0.3 * 160


def test_the_same_seed_breaks_alike_and_another_does_not(whole, other):
    def made(seed):
        return damage.broken(whole.image, whole.face, "torn", np.random.default_rng(seed), other.image)[0]

    assert np.array_equal(made(1), made(1)) and not np.array_equal(made(1), made(2))


def test_a_picture_that_is_moved_off_the_grid_takes_its_face_along(whole):
    moved = off_grid(whole, np.random.default_rng(4))
    left, top, right, bottom = moved.face
    assert right - left > whole.face[2] - whole.face[0] and moved.tags == whole.tags
    was = whole.image[whole.face[1] : whole.face[3], whole.face[0] : whole.face[2]]
    now = cv2.resize(moved.image[top:bottom, left:right], was.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(now.astype(int) - was).mean() < 12


def test_what_two_lists_of_numbers_agree_on_becomes_the_labels(tmp_path, monkeypatch):
    """Sheets in two orders; numbers are places on a sheet, and names are not on it."""

    def drawn(model, way, numbers, *_):
        """In another order than they were asked for."""
        image = np.zeros((64, 48, 3), np.uint8)
        return (Drawn(image, tuple, way, None, number) for number in reversed(numbers))

    monkeypatch.setattr(label, "drawn", drawn)
    label.draw(tmp_path, tmp_path / "model", 50, ["img2img", "text"], 3)
    orders = [json.loads((tmp_path / order / "order.json").read_text()) for order in label.ORDERS]
    assert len(orders[0]) == 50 and orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1])
    assert len(list((tmp_path / "first").glob("sheet-*.png"))) == 2
    broken, doubtful = orders[0][:5], orders[1][7]
    numbers = [str(orders[1].index(name) + 1) for name in broken]
    (tmp_path / "1.txt").write_text("1 2 3, 4\n5\n")
    (tmp_path / "2.txt").write_text(" ".join([*numbers, "8"] if doubtful not in broken else numbers))
    counts = label.read(tmp_path, [tmp_path / "1.txt", tmp_path / "2.txt"], tmp_path / "labelled")
    labels = json.loads((tmp_path / "labelled" / "labels.json").read_text())
    assert {name for name, said in labels.items() if said} == set(broken) and labels[doubtful] is not False
    assert counts["broken"] == 5 and sum(counts.values()) == 50
    assert {path.name for path in (tmp_path / "labelled").glob("*.jpg")} == set(labels)


def test_a_number_that_no_picture_has_is_refused(tmp_path, monkeypatch):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "order.json").write_text('["a.jpg"]')
    (tmp_path / "1.txt").write_text("1 2")
    with pytest.raises(ValueError, match="has the number 2, and the sheets have 1 to 1"):
        label.read(tmp_path, [tmp_path / "1.txt"] * 2, tmp_path / "out")


@pytest.mark.parametrize("way", [pytest.param(way, marks=() if way == "edit" else pytest.mark.slow) for way in WAYS])
def test_what_the_starter_draws_comes_from_its_number_alone(way):
    (first,) = drawn(GENERATOR, way, range(3, 4), 7, (0.3, 0.3))
    assert {one.image.shape for one in first.meant()} == {first.image.shape} and first.way == way
    assert (first.strength is None) == (way == "text")
    (other,) = drawn(GENERATOR, way, range(4, 5), 7, (0.3, 0.3))
    assert not np.array_equal(first.image[:64, :64], other.image[:64, :64])
