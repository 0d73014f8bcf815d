"""Figures are cut out where that is certain, and elsewhere it is said why not."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from prep.composites.cut import Cut, NoCut, cut_out, sharpened
from prep.composites.matting import Matting
from prep.errors import ImageError, WeightsError
from prep.options import Options
from tests.support.figures_cut import (
    BLUE,
    GREY,
    SPRITES,
    WHITE,
    alpha_of,
    flattened,
    girl_in_white,
    matting_onnx,
    whole_figure,
)
from tests.support.onnx_files import tiny_onnx
from tests.support.pictures import EXAMPLES, encoded

SCENES = sorted((EXAMPLES / "scenes").iterdir())
WITH_SCENES = sorted((EXAMPLES / "characters").glob("*/*_1.*"))


def overlap(mask: np.ndarray, alpha: np.ndarray) -> float:
    """Intersection over union."""
    return np.sum((mask > 0.5) & (alpha > 0.5)) / np.sum((mask > 0.5) | (alpha > 0.5))


@pytest.mark.parametrize("path", SPRITES, ids=lambda path: path.stem)
def test_a_sprite_is_cut_out_by_its_alpha_with_its_own_colours(path):
    cut = cut_out(path.read_bytes())
    own = np.asarray(Image.open(path))
    assert cut.how == "alpha" and (cut.rgb == own[..., :3]).all()
    assert overlap(cut.mask, alpha_of(path)) > 0.999
    assert cut.figure.edges == ("bottom",)


@pytest.mark.parametrize("quality", [95, 75])
@pytest.mark.parametrize("colour", [BLUE, GREY, WHITE], ids=["blue", "grey", "white"])
@pytest.mark.parametrize("path", [SPRITES[0], SPRITES[3]], ids=lambda path: path.stem)
def test_the_same_sprite_on_one_colour_has_the_same_outline(path, colour, quality):
    cut = cut_out(flattened(path, colour, quality))
    assert cut.how == "plain" and overlap(cut.mask, alpha_of(path)) > 0.98
    assert cut.figure.edges == ("bottom",)


def test_the_background_leaves_the_colours_along_the_edge():
    """Blue behind a red hand: half transparent pixels are the hand's red again."""
    image = whole_figure((220, 320))
    red = np.asarray(image).copy()
    red[..., :3] = (210, 60, 40)
    image = Image.fromarray(red).resize((110, 160), Image.Resampling.LANCZOS)
    ground = Image.new("RGBA", image.size, (*BLUE, 255))
    ground.alpha_composite(image)
    cut = cut_out(encoded(ground.convert("RGB")))
    edge = (cut.mask > 0.3) & (cut.mask < 0.95)
    before = np.asarray(ground.convert("RGB"))[edge]
    assert edge.sum() > 50 and before[:, 2].mean() > 90
    assert abs(cut.rgb[edge].astype(int) - (210, 60, 40)).mean() < 8


@pytest.mark.parametrize("quality", [95, 75, 60])
def test_a_white_dress_on_white_is_not_eaten(quality):
    cut = cut_out(girl_in_white(quality))
    assert cut.how == "plain" and cut.figure.edges == ("bottom",)
    assert (cut.mask[200:, 145:175] == 1).all()
    assert (cut.mask[:, :40] == 0).all()


def test_small_gaps_in_an_outline_let_nothing_in():
    image = Image.open(io.BytesIO(girl_in_white(95)))
    ImageDraw.Draw(image).rectangle((90, 300, 110, 301), fill="white")
    cut = cut_out(encoded(image))
    assert cut.how == "plain" and (cut.mask[200:, 145:175] == 1).all()


def test_a_sprite_with_gaps_on_white_is_not_half_cut_out():
    """Her hair and arms enclose background, and it is as white as clothes."""
    assert "its background may go on inside its figure" in cut_out(flattened(SPRITES[2], WHITE)).why


def arm_akimbo(ground) -> bytes:
    """A figure with a hole of the background's colour between arm and body."""
    image = Image.new("RGB", (320, 400), ground)
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((90, 60, 240, 399), 40, fill=(70, 90, 60), outline="black", width=3)
    draw.ellipse((110, 160, 150, 240), fill=ground, outline="black", width=3)
    return encoded(image, "JPEG", quality=90)


def test_between_arm_and_body_the_background_of_a_colour_goes_on():
    cut = cut_out(arm_akimbo(BLUE))
    assert cut.how == "plain" and cut.mask[200, 130] == 0 and cut.mask[300, 150] == 1


@pytest.mark.parametrize("colour", [WHITE, GREY, (250, 240, 220)], ids=["white", "grey", "cream"])
def test_what_is_white_inside_a_figure_on_white_may_be_clothes_so_nothing_is_certain(colour):
    assert "its background may go on inside its figure" in cut_out(arm_akimbo(colour)).why


def test_a_face_on_cream_has_no_holes():
    """Skin is the background's colour."""
    found = cut_out(flattened(SPRITES[0], (252, 236, 218)))
    assert isinstance(found, NoCut) or found.mask[100:200, 130:180].min() == 1


@pytest.mark.parametrize("room", range(1, 6))
def test_the_background_goes_on_where_a_figure_nearly_touches_the_picture_s_side(room):
    """Below a sleeve's tip, between it and the edge, it is the background's colour: it is not cut out with her."""
    image = Image.new("RGB", (320, 400), "white")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((110, 60, 240, 410), 40, fill=(70, 90, 60), outline="black", width=3)
    draw.polygon([(room, 300), (120, 270), (120, 330)], fill=(70, 90, 60), outline="black")
    cut = cut_out(encoded(image))
    assert cut.how == "plain" and cut.mask[350:, 2:60].max() == 0 and cut.mask[300, 60] == 1


def test_before_a_dark_background_outlines_do_not_hold():
    assert "its background is as dark as outlines are" in cut_out(flattened(SPRITES[1], (0, 0, 0))).why


@pytest.mark.parametrize("path", [*SCENES, *WITH_SCENES], ids=lambda path: path.stem)
def test_scenes_and_pictures_with_scenes_are_not_cut_out(path):
    assert cut_out(path.read_bytes()) == NoCut(
        "it has no alpha, its background is not of one colour, and no matting model is here"
    )


def test_a_gradient_is_not_one_colour():
    ramp = np.linspace(255, 215, 400).round().astype(np.uint8)
    pixels = np.repeat(np.repeat(ramp[:, None], 320, 1)[..., None], 3, 2).copy()
    pixels[100:, 100:220] = (90, 60, 160)
    assert "not of one colour" in cut_out(encoded(Image.fromarray(pixels))).why


def covered() -> Image.Image:
    """A gradient that is transparent in one corner."""
    image = Image.linear_gradient("L").resize((320, 400)).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 50, 50))
    return image


@pytest.mark.parametrize(
    "image, why",
    [
        (Image.new("RGBA", (200, 200), (200, 30, 30, 0)), "its alpha leaves 0% of it"),
        (covered(), "its alpha leaves 98% of it, which is no figure"),
        (Image.new("RGB", (200, 200), "white"), "not of one colour"),
        (Image.new("RGB", (1, 1)), "it has only 1x1 px"),
        (Image.new("RGBA", (1, 400)), "it has only 1x400 px"),
    ],
    ids=["all transparent", "all covered", "nothing on white", "a pixel", "a line"],
)
def test_what_cannot_be_cut_out_says_why(image, why):
    assert why in cut_out(encoded(image)).why


@pytest.mark.parametrize("share", [0.55, 0.85])
def test_a_ghost_is_not_cut_out_by_its_alpha_and_a_figure_with_a_veil_is(share):
    ghost = np.asarray(Image.open(SPRITES[0])).copy()
    ghost[..., 3] = ghost[..., 3] * share
    found = cut_out(encoded(Image.fromarray(ghost)))
    assert (
        getattr(found, "how", found) == "plain"
        or "its alpha lets the place behind show through the figure" in found.why
    )
    veiled = np.asarray(Image.open(SPRITES[0])).copy()
    low = len(veiled) * 3 // 4
    veiled[low:, :, 3] = veiled[low:, :, 3] * share
    assert cut_out(encoded(Image.fromarray(veiled))).how == "alpha"


def test_a_broken_file_is_an_image_error():
    with pytest.raises(ImageError):
        cut_out(SPRITES[0].read_bytes()[:2000])


def matting(path) -> Matting:
    return Matting("reds", {"model": path}, Options())


@pytest.mark.parametrize("side", [64, None], ids=["fixed", "any side"])
def test_a_matting_model_cuts_out_what_nothing_else_can(tmp_path, side):
    """It sees the whole picture in a square, and its mask comes back in place."""
    model = matting(matting_onnx(tmp_path / "reds.onnx", side=side))
    pixels = np.random.default_rng(1).integers(0, 120, (300, 200, 3)).astype(np.uint8)
    pixels[..., 2] += 120
    pixels[60:240, 60:140] = (220, 60, 40)
    cut = cut_out(encoded(Image.fromarray(pixels)), matting=model, digest="ab" * 32)
    assert cut.how == "ab" * 32
    expected = np.zeros((300, 200), np.float32)
    expected[60:240, 60:140] = 1
    assert overlap(cut.mask, expected) > (0.9 if side else 0.98)


def test_a_matting_model_that_finds_nothing_says_so(tmp_path):
    model = matting(matting_onnx(tmp_path / "reds.onnx"))
    found = cut_out((EXAMPLES / "scenes" / "bg_washington.jpg").read_bytes(), matting=model)
    assert isinstance(found, NoCut) and "and reds leaves 0% of it" in found.why


@pytest.mark.parametrize("make", [lambda path: tiny_onnx(path.parent), lambda path: matting_onnx(path, channels=4)])
def test_a_network_of_another_kind_is_refused(tmp_path, make):
    with pytest.raises(WeightsError, match="reds is not a matting model: it takes"):
        matting(make(tmp_path / "model.onnx"))


def test_a_sprite_with_room_below_is_cut_off_below_all_the_same():
    """It ends in a straight line, as wide as no feet are."""
    with Image.open(SPRITES[2]) as image:
        larger = Image.new("RGBA", (600, 1000))
        larger.paste(image, (120, 100))
    figure = cut_out(encoded(larger)).figure
    assert figure.edges == ("bottom",) and figure.bottom == 800


def test_a_blurred_mask_leaves_outlines_opaque():
    """A line of two pixels at the edge of a figure, and a mask blurred over three."""
    mask = cv2.GaussianBlur(np.repeat(np.arange(40) >= 20, 40).reshape(40, 40).astype(np.float32), (0, 0), 1.2)
    assert mask[21, 20] < 0.91 and (sharpened(mask)[21:] == 1).all() and (sharpened(mask)[:19] == 0).all()


def test_alpha_of_a_tiny_picture_needs_no_model():
    assert isinstance(cut_out(encoded(whole_figure())), Cut)
