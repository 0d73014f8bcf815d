"""Where a figure stands: never enlarged, its head whole, cut off only where its own picture cut it off."""

import pytest

from prep.composites.figure import Figure
from prep.composites.layout import canvas_of, layout_of
from prep.errors import ImageError

HALF = Figure(20, 10, 320, 720, ("bottom",))  # cut off at the foot
WHOLE = Figure(20, 10, 320, 700)


def placed(figure, canvas, seed, mirrored=False):
    """(left, top, right, bottom) on the canvas, its layout."""
    layout = layout_of(figure, canvas, seed, mirrored)
    wide, tall = round(figure.width * layout.scale), round(figure.height * layout.scale)
    return (layout.left, layout.top, layout.left + wide, layout.top + tall), layout


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("scene", [(1024, 1024), (832, 1216), (1216, 832)])
@pytest.mark.parametrize("figure", [HALF, WHOLE])
def test_the_canvas_lets_a_figure_keep_its_scale_and_has_the_scenes_aspect(figure, scene, turn):
    width, height = canvas_of(scene, figure, turn)
    assert width % 16 == height % 16 == 0
    assert abs(width / height / (scene[0] / scene[1]) - 1) < 0.05
    assert all(layout_of(figure, (width, height), seed).scale == 1 for seed in range(20))


def test_each_turn_gives_another_size():
    assert len({canvas_of((1024, 1024), HALF, turn) for turn in range(3)}) == 3


def test_a_scene_is_enlarged_at_most_twice_and_the_figure_reduced():
    assert canvas_of((160, 160), HALF) == (320, 320)
    (_, top, _, bottom), layout = placed(HALF, (320, 320), 5)
    assert layout.scale < 0.5 and bottom == 320 and 0.6 <= (bottom - top) / 320 <= 0.96


@pytest.mark.parametrize("seed", range(30))
def test_a_figure_cut_off_at_the_foot_stands_on_the_lower_edge_with_room_over_its_head(seed):
    (left, top, right, bottom), _ = placed(HALF, canvas_of((1024, 1024), HALF, seed), seed)
    assert bottom == canvas_of((1024, 1024), HALF, seed)[1] and top > 0 and left > 0
    assert right < canvas_of((1024, 1024), HALF, seed)[0]


@pytest.mark.parametrize("seed", range(30))
def test_a_whole_figure_is_whole(seed):
    (left, top, right, bottom), layout = placed(WHOLE, (320, 320), seed)
    assert left >= 0 and top >= 0 and right <= 320 and bottom < 320
    assert 0.5 <= (bottom - top) / 320 <= 0.92


def test_seeds_give_other_places_and_the_same_seed_the_same_and_none_mirrors():
    layouts = [layout_of(HALF, (1024, 1024), seed) for seed in range(30)]
    assert len({layout.left for layout in layouts}) > 20
    assert not any(layout.mirrored for layout in layouts)
    assert layouts == [layout_of(HALF, (1024, 1024), seed) for seed in range(30)]


@pytest.mark.parametrize("edge, other", [("left", "right"), ("right", "left")])
def test_a_figure_that_the_side_cuts_off_stays_at_the_side_also_mirrored(edge, other):
    figure = Figure(0, 40, 400, 720, (edge, "bottom"))
    for seed in range(12):
        mirrored = seed % 2 == 1
        (left, _, right, _), layout = placed(figure, (1024, 1024), seed, mirrored)
        at = other if layout.mirrored else edge
        assert (left == 0) if at == "left" else (right == 1024)


def test_a_figure_as_wide_as_its_picture_is_as_wide_as_the_canvas_and_keeps_its_head():
    figure = Figure(0, 60, 1000, 1000, ("left", "right", "bottom"))
    for turn in range(3):
        canvas = canvas_of((1024, 1024), figure, turn)
        (left, top, right, bottom), layout = placed(figure, canvas, turn)
        assert left <= 0 and right >= canvas[0] and bottom >= canvas[1] and top > 0 and layout.scale <= 1


def test_a_figure_that_is_too_small_for_the_scene_is_refused_with_both_sizes():
    small = Figure(10, 10, 60, 110, ("bottom",))
    assert canvas_of((1024, 1024), small) is None
    with pytest.raises(ImageError, match="its figure of 50x100 px is too small for a picture of 1024x1024 px"):
        layout_of(small, (1024, 1024), 1)
