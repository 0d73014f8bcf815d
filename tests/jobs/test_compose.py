"""Requests become pictures of the parent's figure before the scene; what is wrong names the parent or the scene."""

import pickle

import numpy as np
import pytest
from PIL import Image

from prep.composites.cut import cut_out
from prep.composites.layout import canvas_of, layout_of
from prep.images import open_image, png_text
from prep.jobs.compose import ComposeJob
from prep.jobs.draw import DRAW, places
from prep.ledger import Ledger
from prep.runners.local import LocalRunner
from tests.jobs.test_cut import matting
from tests.support.figures_cut import SPRITES, matting_onnx, whole_figure
from tests.support.pictures import EXAMPLES, encoded
from tests.support.requests import request

PARENT, SCENE = "ab" * 32, "0123456789abcdef"
SLUGS = {"mira": "mira"}


@pytest.fixture
def composing(tmp_path):
    """composing(requests, parent=, scene=, model=): (outcomes, OUT) of a job that arrived by pickle."""

    def composing(requests, parent=None, scene=None, model=None):
        out = tmp_path / "out"
        own, ground = tmp_path / "lucy.png", tmp_path / "scene.png"
        own.write_bytes(parent or SPRITES[1].read_bytes())
        with Image.open(EXAMPLES / "scenes" / "bg_cave.jpg") as image:
            ground.write_bytes(encoded(image.resize((160, 160))) if scene is None else scene)
        job = ComposeJob(out, Ledger.begin(out / "ledger"), model, {PARENT: own}, {SCENE: ground}, SLUGS, 1024, 10**8)
        return list(LocalRunner(1).map(pickle.loads(pickle.dumps(job)), requests)), out

    return composing


def composite(**other):
    return request(**{"manner": "composite", "strength": None, "parent": PARENT, "scene": SCENE, "cut": "alpha",
                      "width": 320, "height": 320} | other)  # fmt: skip


def test_a_composite_is_written_as_any_drawn_picture_with_its_request_inside(composing):
    asked = [composite(index=index) for index in range(3)]
    outcomes, out = composing(asked)
    assert [(outcome.subject, outcome.problem) for outcome in outcomes] == [(each.key, None) for each in asked]
    rows = Ledger(out / "ledger").rows(DRAW)
    for each in asked:
        data = (out / places(each, "mira")[0]).read_bytes()
        assert open_image(data).pixels.shape == (320, 320, 3)
        assert rows[each.key]["bytes"] == len(data)
        assert '"manner": "composite"' in png_text(data, "prep") and SCENE in png_text(data, "prep")


def test_the_seed_of_the_request_decides_where_the_figure_stands(composing):
    figure = cut_out(SPRITES[1].read_bytes()).figure
    assert canvas_of((160, 160), figure) == (320, 320)
    asked = [composite(index=index) for index in range(4)]
    assert len({layout_of(figure, (320, 320), each.seed).left for each in asked}) > 2
    _, out = composing(asked)
    pixels = [open_image((out / places(each, "mira")[0]).read_bytes()).pixels for each in asked]
    assert len({picture.tobytes() for picture in pixels}) == 4


@pytest.mark.parametrize(
    "changes, files, kind, message",
    [
        ({}, {"parent": b"no picture"}, "not_an_image", "its parent lucy.png: not an image"),
        ({}, {"scene": b"no picture"}, "not_an_image", f"its scene {SCENE}: not an image"),
        ({"cut": "plain"}, {}, "not_cut_out", "its parent lucy.png: its figure is cut out in another way"),
        (
            {"cut": "ef" * 32},
            {"parent": encoded(Image.new("RGB", (90, 90)))},
            "not_cut_out",
            "its figure cannot be cut out: it has",
        ),
        ({"width": 1024, "height": 1024}, {}, "too_small", "its scene 0123456789abcdef: its 160x160 px would be"),
        (
            {"width": 960, "height": 960},
            {"parent": encoded(whole_figure()), "scene": encoded(Image.new("RGB", (960, 960)))},
            "too_small",
            "its parent lucy.png: its figure of 81x251 px is too small for a picture of 960x960 px",
        ),
    ],
    ids=["broken parent", "broken scene", "other way", "no figure", "small scene", "small parent"],
)
def test_what_cannot_be_composed_is_a_sentence_that_names_the_file(composing, changes, files, kind, message):
    outcomes, out = composing([composite(**changes)], **files)
    assert outcomes[0].problem.kind == kind and message in outcomes[0].problem.message
    assert not list(out.glob("generated/**/*.png"))


def test_a_missing_parent_does_not_stop_the_others(composing, tmp_path):
    out = tmp_path / "other"
    parents = {PARENT: tmp_path / "gone.png", "cd" * 32: SPRITES[0]}
    scene = EXAMPLES / "scenes" / "bg_club.jpg"
    job = ComposeJob(out, Ledger.begin(out / "ledger"), None, parents, {SCENE: scene}, SLUGS, 1024, 10**8)
    asked = [composite(), composite(parent="cd" * 32, width=640, height=640)]
    gone, done = LocalRunner(1).map(job, asked)
    assert gone.problem.message.startswith("its parent gone.png can no longer be read") and done.problem is None


def test_a_figure_of_a_matting_model_is_composed_with_the_same_model(composing, tmp_path):
    model = matting(matting_onnx(tmp_path / "reds.onnx"))
    pixels = np.random.default_rng(1).integers(0, 120, (300, 200, 3)).astype(np.uint8)
    pixels[..., 2] += 120
    pixels[60:240, 60:140] = (220, 60, 40)
    outcomes, out = composing([composite(cut=model.digest)], encoded(Image.fromarray(pixels)), model=model)
    assert outcomes[0].problem is None
    picture = open_image((out / places(composite(cut=model.digest), "mira")[0]).read_bytes()).pixels
    assert ((picture == (220, 60, 40)).all(-1)).mean() > 0.08
