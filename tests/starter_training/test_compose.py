"""The starter's pictures: what a tag needs to be true, and what training may not see. Reads the art in examples/."""

import numpy as np
import pytest

from starter_training import art, recolour, skies, strangers
from starter_training.compose import Plain, View, compose, fit_window, stand
from starter_training.sampling import held_out_pool, known_pool, sample, training_pool, worn

WHITE = Plain((255, 255, 255), (255, 255, 255), frozenset({"simple_background", "white_background"}))


def standing(outfit: str, face: str, lower: float, background=WHITE, across: float = 0.5):
    return compose([stand(art.figure(outfit, face), 400, 600, lower, 0.05, across)], background, 400, 600)


def test_a_portrait_shows_no_skirt():
    picture = standing("sylvie_blue", "normal", lower=220)
    assert {"portrait", "orange_hair", "blue_eyes", "smile"} <= picture.tags
    assert not {"skirt", "brown_skirt", "arms_behind_back", "cowboy_shot"} & picture.tags


def test_further_away_the_skirt_comes_into_the_frame():
    picture = standing("sylvie_blue", "normal", lower=650)
    assert {"cowboy_shot", "skirt", "brown_skirt", "sash", "arms_behind_back", "long_hair"} <= picture.tags
    assert "portrait" not in picture.tags


def test_closed_eyes_have_no_colour():
    picture = standing("sylvie_green", "giggle", lower=450)
    assert "closed_eyes" in picture.tags
    assert not [tag for tag in picture.tags | picture.unsure if tag in ("blue_eyes", "red_eyes")]


def test_a_person_outside_the_frame_has_no_face():
    picture = standing("eileen", "happy", lower=500, across=-0.4)
    assert not {"smile", "blue_eyes", "upper_body"} & picture.tags


def test_whoever_stands_behind_loses_what_is_covered():
    behind = stand(art.figure("sylvie_blue", "normal"), 400, 600, 650, 0.05, 0.5)
    before = stand(art.figure("lucy_mad", ""), 400, 600, 400, 0.05, 0.5)
    picture = compose([behind, before], WHITE, 400, 600)
    assert "2girls" in picture.tags and "solo" not in picture.tags
    assert "blue_shirt" not in picture.tags


def test_a_scene_names_only_the_parts_in_the_frame():
    scene = art.scene("bg_meadow")
    road = compose([], View(scene, (0, 420, 400, 720)), 400, 300).tags
    sky = compose([], View(scene, (800, 0, 1200, 160)), 400, 160).tags
    assert {"outdoors", "day", "road", "no_humans"} <= road and "cloud" not in road
    assert {"outdoors", "sky", "cloud"} <= sky and "road" not in sky


def test_mirroring_changes_no_tag():
    figure, scene = art.figure("sylvie_green", "smile"), art.scene("bg_club")
    window = fit_window(scene, 600, 400, 1.0, 0.5, 0.5)
    plain, mirrored = (
        compose([stand(figure, 600, 400, 450, 0.1, across, flip)], View(scene, window, flip), 600, 400)
        for across, flip in ((0.4, False), (0.6, True))
    )
    assert plain.tags == mirrored.tags
    assert np.abs(plain.image.astype(int) - mirrored.image[:, ::-1]).mean() < 6


def test_the_same_seed_draws_the_same_picture():
    for index in range(12):
        first, second = (sample(training_pool(), (5, index), (200, 300)) for _ in range(2))
        assert first.tags == second.tags and first.unsure == second.unsure
        worn_twice = [worn(first, np.random.default_rng(index)).image for _ in range(2)]
        assert np.array_equal(first.image, second.image) and np.array_equal(*worn_twice)


def test_every_tag_is_in_the_vocabulary():
    vocabulary = set(art.vocabulary())
    assert 50 <= len(vocabulary) <= 90
    for index in range(60):
        picture = sample(training_pool(), (6, index), (120, 160))
        assert picture.tags | picture.unsure <= vocabulary
        assert not picture.tags & picture.unsure


def test_training_never_draws_what_is_held_out(monkeypatch):
    drawn = set()
    figure, scene = art.figure, art.scene
    monkeypatch.setattr(art, "figure", lambda *name: drawn.add(name) or figure(*name))
    monkeypatch.setattr(art, "scene", lambda name: drawn.add(name) or scene(name))
    for index in range(150):
        sample(training_pool(), (7, index), (60, 80))
        sample(known_pool(), (7, index), (60, 80))
    assert not drawn & (art.HELD_OUT_FACES | art.HELD_OUT_SCENES)
    assert drawn == set(training_pool().faces) | set(training_pool().scenes)


def test_what_is_held_out_is_one_face_an_outfit_and_two_scenes():
    assert sorted(outfit for outfit, _ in art.HELD_OUT_FACES) == ["eileen", "sylvie_blue", "sylvie_green"]
    assert set(art.HELD_OUT_FACES) <= set(art.faces()) and set(art.HELD_OUT_SCENES) <= set(art.scenes())
    assert len(art.HELD_OUT_SCENES) == 2 and set(held_out_pool().scenes) == art.HELD_OUT_SCENES


@pytest.mark.parametrize("outfit", ["sylvie_blue", "sylvie_green", "eileen", "lucy_happy", "lucy_mad"])
def test_other_hair_is_another_tag_and_other_pixels(outfit):
    figure = art.figure(*next(pair for pair in art.faces() if pair[0] == outfit))
    green = recolour.with_hair(figure, "green")
    assert [tag for tag in green.tags if tag.endswith("_hair") and tag[:-5] in recolour.HAIR] == ["green_hair"]
    changed = (green.rgba != figure.rgba).any(-1)
    assert changed.mean() > 0.03
    means = green.rgba[changed][:, :3].mean(0)
    assert means[1] > means[0] and means[1] > means[2]
    assert np.array_equal(green.rgba[..., 3], figure.rgba[..., 3])


def test_other_mouths_are_other_expressions():
    figure = recolour.with_mouth(art.figure("eileen", "concerned"), "laugh")
    assert {"smile", "open_mouth"} <= set(figure.tags) and not {"frown", "closed_mouth"} & set(figure.tags)


CHINS = {  # points of the line under a face
    "sylvie_blue": ((150, 165), (162, 170)),
    "sylvie_green": ((176, 167), (200, 167)),
    "lucy_happy": ((193, 241), (212, 247)),
    "lucy_mad": ((198, 302), (242, 305)),
}


@pytest.mark.parametrize("kind", recolour.MOUTHS)
@pytest.mark.parametrize(("outfit", "face"), [pair for pair in art.faces() if pair[0] in CHINS])
def test_another_mouth_leaves_the_chin(outfit, face, kind):
    figure = art.figure(outfit, face)
    after = recolour.with_mouth(figure, kind).rgba
    for x, y in CHINS[outfit]:
        about = slice(y - 1, y + 2), slice(x - 1, x + 2)
        assert figure.rgba[about][..., 2].min() < 160  # a line is there; skin has 225
        assert np.array_equal(after[about], figure.rgba[about])


def test_of_the_artists_mouth_nothing_is_left():
    figure = art.figure("lucy_mad", "")
    left, top, right, bottom = figure.mouth
    dark = [
        (rgba[top:bottom, left:right, 1] < 80).sum()
        for rgba in (figure.rgba, recolour.with_mouth(figure, "smile").rgba)
    ]
    assert dark[0] > 700 and dark[1] < 60


def test_weather_is_named_as_it_is_painted():
    rng = np.random.default_rng(0)
    assert "cloud" not in skies.changed(rng, art.scene("bg_meadow")).parts
    assert "cloud" in skies.changed(rng, art.scene("bg_washington")).parts


def test_nobody_is_given_clothes_or_an_expression():
    rng = np.random.default_rng(0)
    for _ in range(20):
        picture = strangers.draw(rng, 120, 90)
        assert picture.tags <= {"rating:safe", "no_humans"}
    assert not strangers.mannequin(rng, art.figure("eileen", "happy")).tags
