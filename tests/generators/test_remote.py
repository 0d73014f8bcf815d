"""A generator on another machine: what is asked of it, what its card says, and what stops a run."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from prep import remote
from prep.errors import SettingsError, StoppedError
from prep.generators.remote import Remote, RemoteOptions, absent
from prep.generators.words import ANIME_QUALITY
from tests.support.requests import request
from tests.support.web_ui import web_ui

PARENT = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
PARENTS = {"ab" * 32: PARENT}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0)


def made(ui, **options) -> Remote:
    return Remote("a1111", {"url": ui.url}, RemoteOptions(**options))


def drawn(generator: Remote, *pictures, kept=None) -> dict[str, np.ndarray]:
    return dict(generator.draw(pictures, PARENTS, kept))


def test_its_card_is_what_the_server_has():
    with web_ui() as ui:
        card = made(ui).card
        assert (card.name, card.steps, card.guidance, card.precision) == ("anime", 28, 7.0, "a1111")
        assert card.samplers == ("euler_a", "euler", "dpmpp_2m", "UniPC") and card.quality == ANIME_QUALITY
        assert card.size(300, 400) == (896, 1152) and made(ui, resolution=256).card.size(300, 400) == (224, 288)
    assert absent("a1111", RemoteOptions()).name == "a1111"


def test_from_words_and_from_a_picture_with_the_seed_of_the_request():
    with web_ui() as ui:
        first, second = request(strength=None, parent=None, sampler="euler_a"), request(sampler="UniPC")
        pixels = drawn(made(ui), first, second)
        assert {each.shape for each in pixels.values()} == {(64, 64, 3)} and ui.drawn == [first.seed, second.seed]
        (text,), (image,) = ui.posts("/sdapi/v1/txt2img"), ui.posts("/sdapi/v1/img2img")
        told = {"prompt": "1girl, smile", "negative_prompt": "blurry", "seed": first.seed, "steps": 2, "cfg_scale": 3.0}
        assert told.items() <= text.items() and "init_images" not in text and text["sampler_name"] == "Euler a"
        sent = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["init_images"][0]))))
        assert np.array_equal(sent, PARENT) and (image["denoising_strength"], image["sampler_name"]) == (0.6, "UniPC")
        assert not ui.posts("/sdapi/v1/options")


def test_brackets_of_a_tag_are_no_emphasis_and_a_weight_that_somebody_wrote_is():
    with web_ui() as ui:
        drawn(made(ui), request(prompt=r"(best:1.2), a (b), :), \(c\), [d]", strength=None, parent=None))
        assert ui.posts("/sdapi/v1/txt2img")[0]["prompt"] == r"(best:1.2), a \(b\), :\), \(c\), \[d\]"


def test_a_checkpoint_is_switched_only_when_it_is_asked_for():
    with web_ui() as ui:
        before = made(ui).digest
        other = made(ui, checkpoint="other")
        assert other.card.name == "other" and other.digest != before and other.found.hash == "02" * 32
        assert ui.posts("/sdapi/v1/options") == [{"sd_model_checkpoint": "other.safetensors"}]
        drawn(other, request())
        assert len(ui.posts("/sdapi/v1/options")) == 1 and made(ui, checkpoint="other").digest == other.digest
        with pytest.raises(SettingsError, match=r"has no othre. Did you mean `other`\?"):
            made(ui, checkpoint="othre")


def test_the_digest_is_of_the_model_and_what_shapes_its_pictures_and_not_of_the_address():
    with web_ui() as one, web_ui() as two:
        assert made(one).digest == made(two).digest == made(two, timeout=9).digest
        two.options["CLIP_stop_at_last_layers"] = 1
        assert made(one).digest != made(two).digest


def test_made_from_what_was_kept_it_asks_nobody_until_it_draws():
    with web_ui() as ui:
        first = made(ui)
        asked = len(ui.asked)
        again = Remote("a1111", {"url": ui.url, "found": first.kept}, RemoteOptions())
        assert len(ui.asked) == asked and again.card == first.card and again.is_model(first.digest)
        drawn(again, request())
        ui.options["sd_model_checkpoint"] = "other.safetensors"
        with pytest.raises(StoppedError, match="has another model now than when the run began"):
            drawn(again, request(index=1))
        assert len(ui.drawn) == 1


def test_a_model_that_is_changed_between_two_pictures_stops_the_run():
    with web_ui() as ui:
        pictures = made(ui).draw([request(), request(index=1)], PARENTS, None)
        next(pictures)
        ui.options["sd_model_checkpoint"] = "other.safetensors"
        with pytest.raises(StoppedError, match="has another model now"):
            next(pictures)


def test_a_picture_of_another_size_is_kept_as_it_comes_and_said_once(caplog):
    with web_ui() as ui, caplog.at_level("INFO"):
        ui.side_px = 96
        pixels = drawn(made(ui), request(), request(index=1))
        assert {each.shape for each in pixels.values()} == {(96, 96, 3)}
        assert caplog.text.count("draws 96 x 96 px where 64 x 64 px were asked for") == 1


def test_a_server_without_lists_is_drawn_with_as_it_is():
    with web_ui() as ui:
        ui.get = lambda path: {} if path == "/sdapi/v1/options" else 404  # as small servers have it
        generator = made(ui)
        assert generator.card.name == "unnamed" and generator.card.samplers[0] == "euler"


@pytest.mark.parametrize("answer", [{}, [], {"images": []}, {"images": ["%%%"]}, {"images": [None]}, {"images": [
    base64.b64encode(b"no picture").decode()]}], ids=str)  # fmt: skip
def test_an_answer_without_a_picture_is_one_sentence(answer):
    with web_ui() as ui:
        generator, posts = made(ui), ui.post
        ui.post = lambda path, body: answer if "2img" in path else posts(path, body)
        with pytest.raises(StoppedError) as caught:
            drawn(generator, request())
        assert ui.url in str(caught.value) and "\n" not in str(caught.value)


def test_a_sampler_that_it_does_not_know_is_told_as_it_says_it():
    with web_ui() as ui, pytest.raises(StoppedError, match="/sdapi/v1/txt2img"):
        drawn(made(ui), request(strength=None, parent=None, sampler="nothing"))


def test_a_failure_in_between_is_asked_again_with_the_same_seed():
    with web_ui() as ui:
        ui.faults += ["500", "cut"]
        drawn(made(ui), replace(request(), index=3))
        assert ui.drawn == [request(index=3).seed] and not ui.faults


def test_names_from_a_server_are_one_line_without_its_folders():
    with web_ui() as ui:
        ui.models[0] |= {"model_name": "C:\\models\\my\nmodel.safetensors [abc]"}
        assert made(ui).card.name == "my\\nmodel" and json.loads(made(ui).kept)
