"""Interrogate, as A1111, SD.Next and the extension answer it."""

import base64

import pytest

from tests.service.a1111.desk import SCORES

INTERROGATE = "/sdapi/v1/interrogate"


def caption(client, picture, **more) -> str:
    found = client.post(INTERROGATE, json={"image": picture, "model": "deepdanbooru", **more})
    assert found.status_code == 200, found.text
    return found.json()["caption"]


def test_tags_from_the_threshold_on_are_sorted_by_name_and_without_ratings(client, picture):
    assert caption(client, picture) == "1girl, ^ ^, long hair, solo"


def test_a_threshold_in_the_request_rules(client, picture):
    assert caption(client, picture, threshold=0.45) == r"1girl, ^ ^, long hair, saber \(fate\), solo"


@pytest.mark.parametrize("model", ["deepdanbooru", "deepbooru", "clip", "table"])
def test_the_tagger_answers_for_every_name_and_says_who_it_is(client, picture, model):
    found = client.post(INTERROGATE, json={"image": f"data:image/png;base64,{picture}", "model": model})
    assert found.json()["caption"].startswith("1girl")
    assert found.headers["X-Prep-Tagger"] == "table"


def test_the_options_spell_sort_and_filter(client, picture):
    options = {"deepbooru_sort_alpha": False, "deepbooru_use_spaces": False, "deepbooru_escape": False}
    client.post("/sdapi/v1/options", json={**options, "deepbooru_filter_tags": "long hair, 1girl"})
    assert caption(client, picture, threshold=0.45) == "solo, ^_^, saber_(fate)"
    client.post("/sdapi/v1/options", json={"interrogate_deepbooru_score_threshold": 0.95, "deepbooru_filter_tags": ""})
    assert caption(client, picture) == "1girl"


def test_a_threshold_of_0_with_ranks_names_the_whole_vocabulary_best_first(client, picture):
    options = {"deepbooru_sort_alpha": False, "deepbooru_use_spaces": False, "interrogate_return_ranks": True}
    client.post("/sdapi/v1/options", json=options)
    found = caption(client, picture, threshold=0).split(", ")
    assert found[:3] == ["(1girl:0.990)", "(solo:0.900)", "(long_hair:0.900)"]
    assert found[-1] == "(comic:0.000)"
    assert len(found) == sum(not name.startswith("rating:") for name in SCORES)


@pytest.mark.parametrize(
    ("sent", "status", "detail"),
    [
        ({"image": None}, 404, "Image not found"),
        ({}, 404, "Image not found"),
        ({"image": "no base64!"}, 500, "Invalid encoded image"),
        ({"image": base64.b64encode(b"no picture").decode()}, 500, "Invalid encoded image"),
        ({"image": ""}, 500, "Invalid encoded image"),
        ({"image": "https://example.com/a.png"}, 500, "Requests not allowed"),
        ({"image": "QUJD", "model": "blip"}, 404, "Model not found"),
    ],
)
def test_what_cannot_be_read_gets_the_answers_of_a1111(client, sent, status, detail):
    found = client.post(INTERROGATE, json=sent)
    assert (found.status_code, found.json()["detail"]) == (status, detail)


def test_a_picture_that_is_too_large_is_said_to_be(client, desk, picture):
    section = desk.settings.serve.model_copy(update={"picture_mb": 0})
    desk.settings = desk.settings.model_copy(update={"serve": section})
    found = client.post(INTERROGATE, json={"image": picture})
    assert found.status_code == 413 and "at most 0 are read" in found.json()["detail"]


def test_a_threshold_that_is_no_number_is_422(client, picture):
    assert client.post(INTERROGATE, json={"image": picture, "threshold": "much"}).status_code == 422


def test_json_without_a_content_type_is_read_as_a1111_does(client, picture):
    found = client.post(INTERROGATE, content=f'{{"image": "{picture}"}}')
    assert found.status_code == 200


def test_sd_next_gives_characters_their_own_threshold(client, picture):
    asked = {"image": picture, "threshold": 0.4}
    assert client.post("/sdapi/v1/tagger", json=asked).json() == {"tags": "1girl, solo, long_hair, ^_^", "scores": None}
    more = {**asked, "character_threshold": 0.4, "include_rating": True, "exclude_tags": "1girl, long hair"}
    found = client.post("/sdapi/v1/tagger", json={**more, "use_spaces": True, "show_scores": True}).json()
    assert found["tags"] == r"(solo:0.90), (rating:safe:0.80), (^ ^:0.60), (saber \(fate\):0.47)"
    assert found["scores"]["solo"] == pytest.approx(0.9, abs=1e-3)
    few = client.post("/sdapi/v1/tagger", json={**asked, "max_tags": 3, "sort_alpha": True}).json()
    assert few["tags"] == "1girl, long_hair, solo"


def test_the_extension_gives_scores_by_tag_and_all_ratings(client, picture):
    found = client.post("/tagger/v1/interrogate", json={"image": picture, "threshold": 0.95}).json()["caption"]
    assert list(found) == ["rating:safe", "rating:explicit", "1girl"]
    everything = client.post("/tagger/v1/interrogate", json={"image": picture, "threshold": 0}).json()["caption"]
    assert set(everything) == set(SCORES) and everything["comic"] == 0


def test_each_interrogator_lists_the_one_tagger(client, picture):
    assert client.get("/tagger/v1/interrogators").json() == {"models": ["table"]}
    assert client.get("/sdapi/v1/tagger/models").json() == [{"name": "table", "type": "deepbooru"}]
    for route in ("/tagger/v1/interrogate", "/sdapi/v1/tagger"):
        assert client.post(route, json={"image": picture, "model": "blip"}).json()["detail"] == "Model not found"
        assert client.post(route, json={"image": None}).json()["detail"] == "Image not found"
