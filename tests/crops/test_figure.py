"""The heads of the sprites in examples/, found without any model; and figures of which nothing is said."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from prep.composites.cut import Cut, cut_out
from prep.crops.figure import detected
from prep.types import Box
from tests.support.figures_cut import BLUE, flattened, whole_figure
from tests.support.pictures import EXAMPLES, encoded

# Both eyes and the chin of each, looked up by hand: (left, top, right, bottom) of a box that no head may miss.
FACES = {
    "eileen/eileen_happy": (100, 165, 220, 245), "eileen/eileen_concerned": (100, 165, 220, 245),
    "eileen/eileen_vhappy": (100, 165, 220, 245), "lucy/lucy_happy": (165, 165, 265, 240),
    "lucy/lucy_mad": (180, 225, 280, 305), "sylvie/sylvie_blue_normal": (110, 85, 210, 160),
    "sylvie/sylvie_blue_giggle": (110, 85, 210, 160), "sylvie/sylvie_blue_smile": (110, 85, 210, 160),
    "sylvie/sylvie_blue_surprised": (110, 85, 210, 160), "sylvie/sylvie_green_normal": (150, 85, 235, 160),
    "sylvie/sylvie_green_giggle": (150, 85, 235, 160), "sylvie/sylvie_green_smile": (150, 85, 235, 160),
    "sylvie/sylvie_green_surprised": (150, 85, 235, 160),
}  # fmt: skip


def heads(data: bytes) -> Iterator[Box]:
    cut = cut_out(data)
    assert isinstance(cut, Cut)
    return (found.box for found in detected(cut) if found.label == "head")


@pytest.mark.parametrize("name", FACES)
def test_the_head_of_each_sprite_is_found_with_all_of_its_face_and_little_else(name):
    path = EXAMPLES / "characters" / f"{name}.png"
    (head,) = heads(path.read_bytes())
    face = Box(*FACES[name])
    assert head.left <= face.left and head.top < face.top and head.right >= face.right and head.bottom >= face.bottom
    with Image.open(path) as image:
        tall = image.height
    assert head.height < 0.4 * tall and head.bottom < face.bottom + 0.35 * head.height


def test_it_is_found_before_a_plain_background_as_well():
    path = EXAMPLES / "characters" / "sylvie" / "sylvie_blue_smile.png"
    (head,), (same,) = heads(path.read_bytes()), heads(flattened(path, BLUE))
    assert max(abs(one - other) for one, other in zip(head, same, strict=True)) < 12


def test_a_figure_without_a_face_has_none_but_is_a_person():
    cut = cut_out(encoded(whole_figure()))
    assert [found.label for found in detected(cut)] == ["person"]


def test_two_figures_are_nobody():
    image = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    for left in (0, 200):
        image.alpha_composite(whole_figure(), (left, 0))
    assert detected(cut_out(encoded(image))) == []


def test_one_that_lies_has_no_head():
    path = EXAMPLES / "characters" / "sylvie" / "sylvie_blue_smile.png"
    stream = io.BytesIO()
    with Image.open(path) as image:
        image.rotate(90, expand=True).save(stream, "PNG")
    assert [found.label for found in detected(cut_out(stream.getvalue()))] == ["person"]


def test_one_that_the_upper_edge_cuts_off_has_no_head():
    with Image.open(EXAMPLES / "characters" / "sylvie" / "sylvie_blue_smile.png") as image:
        below = image.crop((0, 200, *image.size))
    labels = [found.label for found in detected(cut_out(encoded(below)))]
    assert labels == ["person"] and np.asarray(below).shape[0] == 500
