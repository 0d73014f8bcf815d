"""A figure keeps its pixels before its scene, and nothing of its old background shows."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from prep.composites.cut import Cut, cut_out
from prep.composites.layout import Layout, canvas_of, layout_of
from prep.composites.place import composed, eroded
from prep.images import covering
from tests.support.figures_cut import BLUE, SPRITES, WHITE, flattened, whole_figure
from tests.support.pictures import EXAMPLES, encoded

CAVE, WASHINGTON = (EXAMPLES / "scenes" / f"bg_{name}.jpg" for name in ("cave", "washington"))
NIGHT = np.random.default_rng(2).normal((14, 18, 34), 5, (768, 768, 3)).clip(0, 255).astype(np.uint8)


def scene(path, side_px: int = 768) -> np.ndarray:
    with Image.open(path) as image:
        return covering(np.asarray(image), side_px, side_px)


def on_canvas(pixels: np.ndarray, layout: Layout, cut: Cut) -> np.ndarray:
    """What was cut out, at scale 1, where the layout puts it; 0 elsewhere."""
    inside = pixels[cut.figure.box]
    inside = inside[:, ::-1] if layout.mirrored else inside
    canvas = np.zeros((layout.height, layout.width, *pixels.shape[2:]), pixels.dtype)
    canvas[layout.top : layout.top + inside.shape[0], layout.left : layout.left + inside.shape[1]] = inside
    return canvas


def lightness(pixels: np.ndarray) -> np.ndarray:
    """uint8 [..., 3] -> float32, 0-100."""
    rows = pixels.reshape(-1, 1, 3).astype(np.float32) / 255
    return cv2.cvtColor(rows, cv2.COLOR_RGB2LAB)[:, 0, 0].reshape(pixels.shape[:-1])


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("data", [SPRITES[2].read_bytes(), flattened(SPRITES[3], WHITE)], ids=["alpha", "plain"])
def test_inside_its_edge_every_pixel_is_the_parents(data, mirrored):
    cut = cut_out(data)
    size = canvas_of((768, 768), cut.figure)
    layout = layout_of(cut.figure, size, 0, mirrored)
    assert layout.scale == 1 and layout.mirrored == mirrored
    result = composed(cut, scene(CAVE), layout)
    with Image.open(io.BytesIO(data)) as image:
        parent = np.asarray(image)[..., :3]
    inside = eroded(on_canvas(cut.mask, layout, cut))
    assert inside.mean() > 0.15
    assert (result[inside] == on_canvas(parent, layout, cut)[inside]).all()


@pytest.mark.parametrize("parent", [SPRITES[0], SPRITES[3]], ids=lambda path: path.stem)
def test_no_white_halo_before_a_night(parent):
    """A 2-px ring around the figure is as dark as the night outside or as the figure inside."""
    cut = cut_out(flattened(parent, WHITE))
    layout = layout_of(cut.figure, canvas_of((768, 768), cut.figure), 3)
    light = lightness(composed(cut, NIGHT, layout))
    solid = (on_canvas(cut.mask, layout, cut) > 0.5).astype(np.uint8)
    solid[-6:] = 0
    out, far, inward = (cv2.dilate(solid, np.ones((size, size), np.uint8)) for size in (5, 11, 1))
    outside, beyond = (out > 0) & (solid == 0), (far > 0) & (out == 0)
    outside[-10:] = beyond[-10:] = False
    inside = (inward > 0) & (cv2.erode(solid, np.ones((5, 5), np.uint8)) == 0)
    inside[-10:] = False
    assert light[outside].mean() - light[beyond].mean() < 4
    assert light[inside].mean() < lightness(cut.rgb[cut.mask > 0.5]).mean() + 4


def test_of_a_blue_screen_nothing_is_left_along_the_edge():
    cut = cut_out(flattened(SPRITES[0], BLUE))
    layout = layout_of(cut.figure, canvas_of((768, 768), cut.figure), 3)
    grey = np.full((768, 768, 3), 128, np.uint8)
    result = composed(cut, grey, layout).astype(int)
    by_alpha = cut_out(SPRITES[0].read_bytes())
    shown = on_canvas(by_alpha.mask, layout, cut)
    ring = (shown > 0.02) & (cv2.erode(shown, np.ones((5, 5), np.uint8)) < 0.5)
    blue = result[..., 2] - (result[..., 0] + result[..., 1]) / 2
    assert np.mean(blue[ring] > 70) < 0.005


@pytest.mark.parametrize("path", [CAVE, WASHINGTON], ids=lambda path: path.stem)
def test_the_scene_comes_a_part_of_the_way_to_the_figures_light_and_keeps_its_hues(path):
    cut = cut_out(SPRITES[3].read_bytes())
    layout = layout_of(cut.figure, canvas_of((768, 768), cut.figure), 3)
    own = covering(scene(path), layout.width, layout.height)
    ground = on_canvas(cut.mask, layout, cut) == 0
    before, after = own[ground], composed(cut, scene(path), layout)[ground]
    figure = lightness(cut.rgb[cut.mask > 0.5]).mean()
    gap, left = (abs(figure - lightness(pixels).mean()) for pixels in (before, after))
    assert 0.6 * gap < left < 0.95 * gap or gap < 3
    vivid = before.max(1).astype(int) - before.min(1) > 60
    hues = [cv2.cvtColor(pixels[vivid][None], cv2.COLOR_RGB2HSV)[0, :, 0].astype(int) * 2 for pixels in (before, after)]
    turned = np.abs((hues[0] - hues[1] + 180) % 360 - 180)
    assert np.percentile(turned, 90) < 12


def test_a_bright_figure_does_not_turn_night_into_day():
    cut = cut_out(SPRITES[0].read_bytes())
    layout = layout_of(cut.figure, canvas_of((768, 768), cut.figure), 3)
    ground = on_canvas(cut.mask, layout, cut) == 0
    light = lightness(composed(cut, NIGHT, layout))[ground].mean()
    assert lightness(NIGHT).mean() + 8 < light < 25  # of 100


def test_a_whole_figure_stands_on_its_shadow_and_one_that_is_cut_off_has_none():
    cut = cut_out(encoded(whole_figure()))
    layout = layout_of(cut.figure, (320, 320), 4)
    plain = np.full((320, 320, 3), 170, np.uint8)
    result = lightness(composed(cut, plain, layout))
    feet = round(layout.top + cut.figure.height * layout.scale)
    middle = round(layout.left + cut.figure.width * layout.scale / 2)
    assert result[feet + 1, middle] < result[20, 20] - 8
    assert np.ptp(result[:20]) < 1


def test_a_reduced_figure_has_no_dark_rim():
    """Transparent pixels of a sprite are black; none of that is mixed in."""
    cut = cut_out(encoded(whole_figure()))
    layout = Layout(160, 160, 0.5, 50, 20, False)
    result = composed(cut, np.full((160, 160, 3), 230, np.uint8), layout)
    upper = result[20:100, 45:95].reshape(-1, 3).astype(int)
    assert upper.min(0)[0] >= 58  # red of the darker of the figure's two colours is 60


def test_the_same_request_gives_the_same_pixels():
    cut = cut_out(SPRITES[1].read_bytes())
    layout = layout_of(cut.figure, (512, 512), 9)
    assert (composed(cut, scene(CAVE), layout) == composed(cut, scene(CAVE), layout)).all()
