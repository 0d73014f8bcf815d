"""The clients as they stand: webuiapi itself, and what SillyTavern and open-webui send, in their order."""

import base64
import io

import pytest
import requests
import webuiapi
from PIL import Image

from tests.support.pictures import drawing

AUTH = ("ann", "secret")
UPSCALERS = 1  # where SillyTavern puts the latent ones: behind `None`


@pytest.fixture
def api(listening):
    return webuiapi.WebUIApi(baseurl=f"{listening}/sdapi/v1", username=AUTH[0], password=AUTH[1])


def test_webuiapi_reads_and_draws(api, desk):
    assert api.interrogate(drawing(1)).info.startswith("1girl")  # its model is clip
    assert api.interrogate(drawing(1), model="deepdanbooru").info.startswith("1girl")
    found = api.txt2img(prompt="1girl", seed=9, width=64, height=64)  # 47 fields
    assert found.image.size == (64, 64) and found.info["all_seeds"] == [9]
    assert found.image.info["parameters"] == found.info["infotexts"][0]
    assert desk.orders[0].sampler == "euler_a"  # its default
    mask = Image.new("L", (64, 64), 255)
    found = api.img2img([drawing(2)], prompt="smile", mask_image=mask, batch_size=2, width=64, height=64)
    assert len(found.images) == 2 and desk.orders[1].mask
    assert api.png_info(found.image).json["parameters"]["Prompt"] == "smile"


def test_webuiapi_finds_its_way_round(api):
    assert api.util_get_model_names() == ["tiny-model [0123456789]"]
    api.util_set_model("tiny")
    assert api.util_get_current_model() == "tiny-model [0123456789]"
    assert "Euler a" in api.util_get_sampler_names() and api.util_get_scheduler_names() == ["automatic"]
    api.util_wait_for_ready()
    api.set_options({"deepbooru_sort_alpha": False})
    assert api.get_options()["deepbooru_sort_alpha"] is False
    for ask in (
        api.get_cmd_flags, api.get_sd_vae, api.get_upscalers, api.get_latent_upscale_modes, api.get_loras,
        api.get_hypernetworks, api.get_face_restorers, api.get_realesrgan_models, api.get_prompt_styles,
        api.get_scripts, api.get_embeddings, api.get_memory, api.interrupt,
    ):  # fmt: skip
        assert "detail" not in ask()
    assert api.refresh_checkpoints() is api.skip() is None
    tagger = webuiapi.TaggerInterface(api)
    assert "1girl" in tagger.tagger_interrogate(drawing(1)).info
    assert tagger.tagger_interrogators() == {"models": ["table"]}


def test_a_wrong_password_is_told_as_a1111_tells_it(listening):
    found = requests.get(f"{listening}/sdapi/v1/options", auth=("ann", "guess"))
    assert (found.status_code, found.json()) == (401, {"detail": "Incorrect username or password"})
    assert found.headers["WWW-Authenticate"] == "Basic"


def test_sillytavern_finds_the_server_chooses_a_model_and_draws(listening, desk):
    def get(name):
        found = requests.get(f"{listening}/sdapi/v1/{name}", auth=AUTH)
        assert found.ok, found.text
        return found.json()

    def post(name, body=None):
        found = requests.post(f"{listening}/sdapi/v1/{name}", json=body, auth=AUTH)
        assert found.ok, found.text
        return found.json()

    get("options")  # its ping
    names = [each["name"] for each in get("upscalers")]
    names[UPSCALERS:UPSCALERS] = [each["name"] for each in get("latent-upscale-modes")]
    assert names == ["None"]
    assert [each["model_name"] for each in get("sd-vae")] == [each["model_name"] for each in get("sd-modules")] == []
    sampler = [each["name"] for each in get("samplers")][1]
    assert [each["name"] for each in get("schedulers")] == ["automatic"]
    model = get("sd-models")[0]["title"]
    post("options", {"sd_model_checkpoint": model})
    waiting = get("progress")
    assert waiting["progress"] == 0 and waiting["state"]["job_count"] == 0
    assert get("options")["sd_model_checkpoint"] == model and "forge_preset" not in get("options")
    drawn = post(
        "txt2img",
        {
            "url": listening, "auth": "ann:secret", "prompt": "1girl", "negative_prompt": "hat",
            "sampler_name": sampler, "scheduler": "automatic", "steps": 20, "cfg_scale": 7, "width": 64, "height": 64,
            "restore_faces": False, "enable_hr": False, "hr_upscaler": "Latent", "hr_scale": 2,
            "hr_additional_modules": [], "denoising_strength": 0.7, "hr_second_pass_steps": 0, "seed": None,
            "override_settings": {"CLIP_stop_at_last_layers": 1, "forge_additional_modules": []},
            "override_settings_restore_afterwards": True, "clip_skip": 1, "save_images": True, "send_images": True,
            "do_not_save_grid": False, "do_not_save_samples": False,
        },
    )  # fmt: skip
    assert Image.open(io.BytesIO(base64.b64decode(drawn["images"][0]))).format == "PNG"
    assert desk.orders[0].sampler == "euler_a"
    post("interrupt")
    assert desk.interrupted == 1


def test_open_webui_posts_the_options_back_and_draws(listening, desk):
    header = {"authorization": f"Basic {base64.b64encode(b'ann:secret').decode()}"}
    options = requests.get(f"{listening}/sdapi/v1/options", headers=header).json()
    models = requests.get(f"{listening}/sdapi/v1/sd-models", headers=header).json()
    assert [(each["title"], each["model_name"]) for each in models] == [("tiny-model [0123456789]", "tiny-model")]
    options["sd_model_checkpoint"] = models[0]["title"]
    assert requests.post(f"{listening}/sdapi/v1/options", json=options, headers=header).ok
    asked = {"prompt": "1girl", "batch_size": 2, "width": 512, "height": 512, "steps": 50, "negative_prompt": "hat"}
    drawn = requests.post(f"{listening}/sdapi/v1/txt2img", json=asked, headers=header).json()
    assert all("," not in image and base64.b64decode(image) for image in drawn["images"])
    assert len(drawn["images"]) == 2 and isinstance(drawn["info"], str)
    options["sd_model_checkpoint"] = "anything-v3"
    assert requests.post(f"{listening}/sdapi/v1/options", json=options, headers=header).status_code == 400
