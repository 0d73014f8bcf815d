"""New pictures over HTTP: from words, by img2img, by an edit, and before a drawn scene."""

import io

import numpy as np
import pytest
from PIL import Image

from prep.config import load_settings
from prep.images import encode_png, png_text, read_header
from prep.service.captions import changed
from tests.support.examples import CHARACTERS
from tests.support.serving import served_here

SYLVIE = CHARACTERS / "sylvie" / "sylvie_blue_smile.png"
FEW = {"steps": 2, "wait": True}


def drawn(served, **body) -> list[dict]:
    files = {name: body.pop(name) for name in ("image", "mask") if name in body}
    fields = {name: str(value) for name, value in {**FEW, **body}.items()}
    answer = served.post("/v1/draw", files=files, data=fields) if files else served.post("/v1/draw", json=FEW | body)
    assert answer.status_code == 200 and answer.json()["status"] == "done", answer.text
    return answer.json()["result"]["pictures"]


def pixels(served, told: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(served.get(told["url"]).content)).convert("RGB"))


def test_words_become_pictures_and_equal_seeds_equal_ones(served):
    two = drawn(served, prompt="1girl, orange hair", seed=7, count=2)
    assert [each["seed"] for each in two] == [7, 8] and {each["manner"] for each in two} == {"text"}
    assert [(each["width"], each["height"]) for each in two] == 2 * [(160, 160)]
    (again,) = drawn(served, prompt="1girl, orange hair", seed=8)
    assert (pixels(served, again) == pixels(served, two[1])).all()
    assert (pixels(served, two[0]) != pixels(served, two[1])).any()
    text = png_text(served.get(again["url"]).content, "parameters")
    assert text.startswith("1girl, orange hair\nNegative prompt: low quality") and "Seed: 8," in text


@pytest.mark.slow
def test_a_size_that_the_model_cannot_draw_becomes_its_nearest(served):
    (told,) = drawn(served, prompt="1girl", width=1024, height=1024)
    assert (told["width"], told["height"]) == (160, 160)
    (told,) = drawn(served, prompt="1girl", width=1200, height=900)
    assert (told["width"], told["height"]) == (176, 144)


def test_a_picture_alone_is_drawn_from_its_tags(served):
    (told,) = drawn(served, image=SYLVIE.read_bytes(), strength=0.3, seed=1)
    assert told["manner"] == "img2img" and told["strength"] == 0.3
    assert told["prompt"].startswith("masterpiece, best quality") and "orange hair" in told["prompt"]


@pytest.mark.slow
def test_the_least_strength_takes_a_step(served):
    for manner in ("img2img", "edit"):
        (told,) = drawn(served, prompt="1girl", image=SYLVIE.read_bytes(), manner=manner, strength=0.01, steps=1)
        assert (told["strength"], told["steps"]) == (0.01, 1)


def test_outside_a_mask_nothing_changes(served):
    source = SYLVIE.read_bytes()
    header = read_header(source)
    mask = Image.new("L", (header.width, header.height), 0)
    mask.paste(255, (0, 0, mask.width, mask.height // 4))
    stream = io.BytesIO()
    mask.save(stream, "PNG")
    (plain,) = drawn(served, prompt="1girl", image=source, seed=3, strength=0.9)
    (masked,) = drawn(served, prompt="1girl", image=source, seed=3, strength=0.9, mask=stream.getvalue())
    whole, part = pixels(served, plain), pixels(served, masked)
    (kept,) = drawn(served, prompt="1girl", image=source, seed=3, strength=0.9, mask=_black(mask.size))
    low = slice(whole.shape[0] // 2, None)
    assert (part[low] == pixels(served, kept)[low]).all() and (part[low] != whole[low]).any()
    assert (part[:8] != pixels(served, kept)[:8]).any()


def _black(size: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("L", size, 0).save(stream, "PNG")
    return stream.getvalue()


def test_an_edit_takes_its_source_from_the_picture(served):
    (told,) = drawn(served, image=SYLVIE.read_bytes(), manner="edit", prompt="1girl, orange hair, closed eyes")
    assert (told["manner"], told["strength"], told["guidance"]) == ("edit", 0.9, 5.0)


def test_an_edits_prompt_is_what_changes_unless_it_has_a_source():
    tags, settings = ["1girl", "orange hair", "blue eyes", "smile", "open mouth"], load_settings()
    said = changed(tags, "closed eyes, closed mouth", settings).split(", ")
    assert said[:3] == ["closed eyes", "closed mouth", "1girl"] and {"orange hair", "smile"} <= {*said}
    assert not {"open mouth", "blue eyes"} & {*said}
    assert changed(tags, "smile, hat", settings).count("smile") == 1


def test_a_failure_that_is_waited_for_is_a_refusal(served):
    noise = np.random.default_rng(0).integers(0, 256, (200, 160, 3), np.uint8)
    answer = served.post("/v1/draw", files={"image": encode_png(noise)}, data={"manner": "composite", "prompt": "cave",
                                                                              "wait": "true"})  # fmt: skip
    assert answer.status_code == 422 and "cannot be cut out" in answer.json()["detail"]
    answer = served.post("/v1/loop", files={"image": SYLVIE.read_bytes()[:2000]})
    assert answer.status_code == 422 and answer.json()["detail"].startswith("the picture cannot be read")


def test_a_composite_has_the_figure_before_a_scene(served):
    cut = next(path for path in sorted((CHARACTERS / "sylvie").glob("*.png")) if read_header(path.read_bytes()).alpha)
    (told,) = drawn(served, image=cut.read_bytes(), manner="composite", prompt="classroom", seed=4, steps=8)
    assert told["prompt"] == "classroom, no humans, scenery" and told["manner"] == "composite"
    assert served.job(told["url"].split("/")[3])["progress"] == 1.0
    text = png_text(served.get(told["url"]).content, "parameters")
    assert f"Size: {told['width']}x{told['height']}" in text and "Composite: before scene" in text


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "neither a prompt nor an image"),
        ({"prompt": "x", "manner": "img2img"}, "img2img needs an image"),
        ({"prompt": "x", "manner": "dream"}, "manner"),
        ({"prompt": "x", "sampler": "DDIM"}, "has no sampler DDIM. Use one of euler"),
        ({"prompt": "x", "seed": 2**32}, "seed"),
        ({"prompt": "x", "count": 17}, "at most 16"),
        ({"prompt": "x", "width": 1}, "width"),
        ({"prompt": "x", "strength": 0}, "strength"),
        ({"prompt": "x", "strength": 5e-324}, "strength"),  # no step at all
        ({"prompt": "x" * 20_000}, "prompt"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(served, body, says):
    answer = served.post("/v1/draw", json=body)
    assert answer.status_code == 422 and says in answer.json()["detail"], answer.text


@pytest.mark.slow
def test_a_loop_gives_tags_prompts_and_checked_pictures(served):
    answer = served.post("/v1/loop", files={"image": SYLVIE.read_bytes()}, data={"character": "Sylvie", "count": 1})
    assert answer.status_code == 202 and answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    result = served.ended(answer.json()["id"])["result"]
    assert result["caption"].startswith("sylvie, 1girl") and result["level"] == "simple"
    assert {"augmentation", "reconstruct"} <= {each["origin"] for each in result["pictures"]}
    for each in result["pictures"]:
        assert served.get(each["url"]).headers["content-type"] == "image/png"
        assert each["prompt"] and 0 <= each["check"]["score"] <= 1
        assert each["check"]["accepted"] == (each["check"]["reason"] is None)


def test_a_server_without_a_generator_says_why(tmp_path):
    with served_here(tmp_path, "generator.model=none") as served:
        for path, body in (("/v1/draw", {"prompt": "x"}), ("/v1/loop", {"image": "AA=="})):
            answer = served.post(path, json=body)
            assert answer.status_code in (422, 503), answer.text
        assert "generator.model is none" in served.post("/v1/draw", json={"prompt": "x"}).json()["detail"]
        assert served.get("/v1/models").json()["generator"] is None
