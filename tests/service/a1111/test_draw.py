"""txt2img and img2img: what is ordered for a request, and what is said of the pictures."""

import base64
import json

import numpy as np
import pytest

from prep.images import encode_png, open_image, png_text
from prep.service.a1111.infotext import parsed
from prep.service.orders import Progress

TEXT, IMAGE = "/sdapi/v1/txt2img", "/sdapi/v1/img2img"


def drawn(client, route=TEXT, **asked) -> dict:
    found = client.post(route, json=asked)
    assert found.status_code == 200, found.text
    return found.json() | {"info": json.loads(found.json()["info"])}


def pixels(coded: str) -> np.ndarray:
    return open_image(base64.b64decode(coded)).pixels


def coded(pixels: np.ndarray) -> str:
    return base64.b64encode(encode_png(pixels)).decode()


def test_a_bare_request_is_drawn_with_the_defaults_of_a1111(client, desk):
    found = drawn(client, prompt="1girl", width=64, height=64)
    order = desk.orders[0]
    assert (order.steps, order.guidance, order.sampler, order.manner) == (50, 7.0, "euler", "text")
    assert 0 <= order.seeds[0] < 2**32
    assert found["parameters"]["sampler_index"] == "Euler" and found["parameters"]["n_iter"] == 1
    assert found["info"]["extra_generation_params"] == {}


def test_seeds_count_up_from_the_first(client, desk):
    found = drawn(client, seed=2**32 - 2, batch_size=2, n_iter=2, width=64, height=64)
    assert desk.orders[0].seeds == (2**32 - 2, 2**32 - 1, 0, 1)
    assert found["info"]["all_seeds"] == [*desk.orders[0].seeds]
    assert [int(pixels(each)[0, 0, 0]) for each in found["images"]] == [254, 255, 0, 1]


def test_no_two_random_seeds_are_alike(client, desk):
    for _ in range(4):
        drawn(client)
    assert len({order.seeds for order in desk.orders}) == 4


def test_null_is_the_default_and_unknown_fields_are_ignored(client, desk):
    drawn(client, seed=None, steps=None, sampler_name=None, scheduler="automatic", mood="gloomy", hr_upscaler="Latent")
    assert desk.orders[0].steps == 50


def test_steps_and_guidance_stay_within_what_is_drawn(client, desk):
    drawn(client, steps=100_000, cfg_scale=-3)
    drawn(client, steps=0, cfg_scale=1e9)
    assert [(order.steps, order.guidance) for order in desk.orders] == [(150, 0.0), (1, 30.0)]


def test_what_was_drawn_otherwise_than_asked_is_in_info(client):
    found = drawn(client, width=1024, height=1024, sampler_name="DPM++ 2M Karras", steps=200, enable_hr=True)["info"]
    assert (found["width"], found["height"], found["sampler_name"], found["steps"]) == (64, 64, "DPM++ 2M", 150)
    assert found["extra_generation_params"] == {
        "Asked size": "1024x1024",
        "Asked steps": "200",
        "Asked sampler": "DPM++ 2M Karras",
        "Ignored": "hires fix",
    }


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("Euler", "euler"), ("Euler a", "euler_a"), ("k_euler_ancestral", "euler_a"), ("euler_a", "euler_a"),
        ("Heun", "heun"), ("DPM++ 2M", "dpmpp_2m"), ("DPM++ 2M Karras", "dpmpp_2m"), ("DDIM", "euler"),
        ("LMS", "euler"), ("UniPC", "dpmpp_2m"), ("DPM++ SDE Exponential", "euler_a"), ("euler A", "euler_a"),
    ],
)  # fmt: skip
def test_every_sampler_of_a1111_leads_to_one_that_draws(client, desk, name, own):
    drawn(client, sampler_index=name)
    assert desk.orders[0].sampler == own


def test_sampler_name_comes_before_sampler_index(client, desk):
    drawn(client, sampler_name="Heun", sampler_index="Euler a")
    assert desk.orders[0].sampler == "heun"


@pytest.mark.parametrize("name", ["Euler a", "euler_a", "k_euler_ancestral", " EULER A "])
def test_another_name_of_the_same_sampler_is_no_difference(client, name):
    assert "Asked sampler" not in drawn(client, sampler_name=name)["info"]["extra_generation_params"]


def test_a_generator_with_one_sampler_draws_them_all(client, desk):
    desk.card.samplers = ("euler",)
    found = drawn(client, sampler_name="Euler a")
    assert desk.orders[0].sampler == "euler"
    assert found["info"]["extra_generation_params"]["Asked sampler"] == "Euler a"


def test_emphasis_and_networks_are_not_drawn_as_text(client, desk):
    prompt = r"masterpiece, (blue hair:1.3), [hat], ((smile)), saber \(fate\), :), <lora:neon:0.8> ^ ^"
    found = drawn(client, prompt=prompt, negative_prompt="(bad hands:1.4)")
    assert desk.orders[0].prompt == "masterpiece, blue hair, hat, smile, saber (fate), :),  ^ ^"
    assert desk.orders[0].negative == "bad hands"
    assert found["info"]["prompt"] == prompt


def test_the_png_says_how_it_was_drawn_as_a1111_writes_it(client):
    found = drawn(client, prompt="1girl,\nsmile", negative_prompt="hat", seed=7, steps=20, width=64, height=64)
    text = png_text(base64.b64decode(found["images"][0]), "parameters")
    assert text == found["info"]["infotexts"][0]
    assert text.startswith(
        "1girl,\nsmile\nNegative prompt: hat\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 7, Size: 64x64, "
        "Model hash: 0123456789, Model: tiny-model, Version: prep"
    )


def test_png_info_reads_back_what_was_written(client):
    asked = {"prompt": "a, b", "negative_prompt": "c", "seed": 3, "sampler_name": "DDIM", "tiling": True}
    image = drawn(client, **asked, restore_faces=True)["images"][0]
    found = client.post("/sdapi/v1/png-info", json={"image": f"data:image/png;base64,{image}"}).json()
    read = found["parameters"]
    assert (read["Prompt"], read["Negative prompt"], read["Seed"], read["Size-1"]) == ("a, b", "c", "3", "64")
    assert (read["Sampler"], read["Asked sampler"]) == ("Euler", "DDIM")
    assert read["Ignored"] == "face restoration; tiling" and found["info"].startswith("a, b\nNegative prompt: c\n")


def test_a_prompt_alone_is_read_as_one():
    assert parsed("1girl, solo: a film") == {"Prompt": "1girl, solo: a film", "Negative prompt": ""}


def test_a_quoted_value_keeps_its_commas():
    found = parsed('x\nSteps: 1, Seed: 2, Hashes: "a: 1, \\"b\\": 2", Model: m')
    assert (found["Hashes"], found["Model"]) == ('a: 1, "b": 2', "m")


def test_a_picture_without_text_has_no_info(client, picture):
    assert client.post("/sdapi/v1/png-info", json={"image": picture}).json() == {
        "info": "",
        "items": {},
        "parameters": {},
    }


def test_images_are_left_out_when_nobody_wants_them(client, desk):
    found = drawn(client, send_images=False)
    assert found["images"] == [] and len(found["info"]["infotexts"]) == 1


def test_an_interrupted_order_gives_the_pictures_that_are_done(client, desk):
    desk.done = 1
    assert len(drawn(client, batch_size=3)["images"]) == 1
    desk.done = 0
    found = drawn(client, batch_size=3, seed=5)
    assert found["images"] == [] and found["info"]["seed"] == 5


@pytest.mark.parametrize(
    ("asked", "status", "detail"),
    [
        ({"sampler_name": "Brush"}, 404, "Sampler not found"),
        ({"script_name": "X/Y/Z plot"}, 422, "Script 'X/Y/Z plot' not found"),
        ({"batch_size": 4, "n_iter": 5}, 422, "20 pictures; at most 16"),
        ({"override_settings": {"sd_model_checkpoint": "anything-v3"}}, 400, "does not have the model 'anything-v3'"),
    ],
)
def test_what_cannot_be_drawn_is_said(client, desk, asked, status, detail):
    found = client.post(TEXT, json=asked)
    assert found.status_code == status and detail in found.json()["detail"]
    assert desk.orders == []


@pytest.mark.parametrize("asked", [{"steps": "many"}, {"width": 0}, {"width": 10**9}, {"seed": 0.5}, {"batch_size": 0}])
def test_wrong_types_are_422(client, asked):
    assert client.post(TEXT, json=asked).status_code == 422


@pytest.mark.parametrize("body", ['{"steps": NaN}', '{"prompt": "\\ud800"}', '{"init_images": "AAAA"}', "{", "[1]"])
def test_a_wrong_field_is_named_and_not_sent_back(client, body):
    found = client.post(IMAGE, content=body)
    assert found.status_code == 422
    assert [set(each) for each in found.json()["detail"]] == [{"type", "loc", "msg"}]


def test_json_that_is_nested_too_deeply_is_refused(client):
    assert client.post(TEXT, content='{"eta":' + "[" * 200_000).status_code == 400


@pytest.mark.parametrize("route", [TEXT, IMAGE])
def test_without_a_generator_one_sentence_says_why(client, desk, picture, route):
    desk.draws_nothing("sd35-large-fp8 is not on this machine")
    found = client.post(route, json={"init_images": [picture]})
    assert found.status_code == 503 and "sd35-large-fp8 is not on this machine" in found.json()["detail"]
    assert client.get("/sdapi/v1/sd-models").json() == client.get("/sdapi/v1/samplers").json() == []


def test_the_loaded_model_may_be_named(client, desk):
    for name in ("tiny-model", "tiny-model [0123456789]", "tiny.safetensors", "0123456789"):
        drawn(client, override_settings={"sd_model_checkpoint": name, "CLIP_stop_at_last_layers": 2})
    assert len(desk.orders) == 4


def test_img2img_orders_the_image_at_the_size_that_is_drawn(client, desk, picture):
    found = drawn(client, IMAGE, init_images=[picture], width=64, height=80, prompt="smile")
    order = desk.orders[0]
    assert (order.manner, order.strength, order.mask) == ("img2img", 0.75, None)
    assert open_image(order.image).pixels.shape == (80, 64, 3)
    assert found["parameters"]["init_images"] is None
    assert found["info"]["denoising_strength"] == 0.75 and "Denoising strength: 0.75" in found["info"]["infotexts"][0]


def test_a_strength_of_0_is_one_step(client, desk, picture):
    found = drawn(client, IMAGE, init_images=[picture], denoising_strength=0)
    assert desk.orders[0].strength == found["info"]["denoising_strength"] == 0.01


def test_what_is_sent_back_is_json_for_everybody(client):
    found = client.post(TEXT, content='{"eta": NaN, "script_args": [1e400], "width": 64, "height": 64}')
    assert json.loads(found.text, parse_constant=pytest.fail)["parameters"]["script_args"] == [None]


def test_the_initial_images_come_back_on_demand(client, picture):
    found = drawn(client, IMAGE, init_images=[picture, picture], include_init_images=True)
    assert found["parameters"]["init_images"] == [picture, picture]
    assert found["info"]["extra_generation_params"]["Ignored"] == "further initial images"


@pytest.mark.parametrize("sent", [{}, {"init_images": None}, {"init_images": []}])
def test_img2img_without_an_image_is_404(client, sent):
    found = client.post(IMAGE, json=sent)
    assert (found.status_code, found.json()["detail"]) == (404, "Init image not found")


@pytest.mark.parametrize("field", ["init_images", "mask"])
def test_an_image_or_a_mask_that_is_none_is_said_to_be(client, picture, field):
    sent = {"init_images": [picture], field: ["QUJD"] if field == "init_images" else "QUJD"}
    assert client.post(IMAGE, json=sent).json()["detail"] == "Invalid encoded image"


def test_each_resize_mode_keeps_another_part_of_a_wide_image(client, desk):
    wide = np.zeros((64, 192, 3), np.uint8)
    wide[:, :64, 0], wide[:, 64:128, 1], wide[:, 128:, 2] = 255, 255, 255  # red, green, blue
    rows = {}
    for mode in range(3):
        drawn(client, IMAGE, init_images=[coded(wide)], width=64, height=64, resize_mode=mode)
        rows[mode] = open_image(desk.orders[-1].image).pixels
    assert [rows[0][32, x].argmax() for x in (5, 32, 58)] == [0, 1, 2]  # all of it, squeezed
    assert [rows[1][32, x].argmax() for x in (5, 32, 58)] == [1, 1, 1]  # the middle
    assert [rows[2][y, x].argmax() for y in (2, 32, 61) for x in (5, 32, 58)] == [0, 1, 2] * 3  # all, edges repeated


def test_a_mask_is_white_where_something_new_is_drawn(client, desk, picture):
    half = np.zeros((64, 64, 3), np.uint8)
    half[:, 32:] = 200
    see_through = np.full((64, 64, 4), 255, np.uint8)
    see_through[:, :32, 3] = 0
    for mask, inverted in ((half, 0), (half, 1), (see_through, 0)):
        sent = {"init_images": [picture], "mask": coded(mask), "inpainting_mask_invert": inverted, "mask_blur": 2}
        drawn(client, IMAGE, **sent, width=64, height=64)
    found = [open_image(order.mask).pixels[32, (5, 60), 0].tolist() for order in desk.orders]
    assert found == [[0, 255], [255, 0], [0, 255]]
    assert desk.orders[0].mask_blur == 2


def test_progress_is_what_clients_wait_for(client, desk):
    idle = client.get("/sdapi/v1/progress?skip_current_image=true").json()
    assert (idle["progress"], idle["state"]["job_count"], idle["current_image"]) == (0, 0, None)
    desk.progress = Progress("a", picture=1, pictures=4, step=5, steps=10, started=0.001, waiting=2)
    busy = client.get("/sdapi/v1/progress").json()
    assert busy["progress"] == 0.375 and busy["eta_relative"] > 0 and busy["textinfo"] == "2 waiting"
    state = {name: busy["state"][name] for name in ("job", "job_count", "job_no", "sampling_step", "sampling_steps")}
    assert state == {"job": "a", "job_count": 4, "job_no": 1, "sampling_step": 5, "sampling_steps": 10}


def test_interrupt_and_skip_stop_what_is_drawn(client, desk):
    assert client.post("/sdapi/v1/interrupt").json() == {} and client.post("/sdapi/v1/skip").json() is None
    assert desk.interrupted == 2


@pytest.mark.parametrize(
    "field", ["prompt", "script_name", "sampler_name", "sampler_index", "alwayson_scripts", "styles"]
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(client, desk, field):
    half = {"alwayson_scripts": {"\ud800": {}}, "styles": ["\ud800"]}.get(field, "\ud800")
    body = json.dumps({"width": 64, "height": 64, field: half})
    found = client.post(TEXT, content=body, headers={"content-type": "application/json"})
    assert found.status_code == 422 and field in found.json()["detail"][0]["loc"] and not desk.orders
