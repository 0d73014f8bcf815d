"""The small routes, and the options of the process."""

import pytest

OPTIONS = "/sdapi/v1/options"
LISTS = (
    "sd-models sd-vae sd-modules samplers schedulers upscalers latent-upscale-modes loras hypernetworks face-restorers "
    "realesrgan-models prompt-styles script-info extensions"
).split()


@pytest.mark.parametrize("name", LISTS)
def test_each_list_is_one(client, name):
    found = client.get(f"/sdapi/v1/{name}")
    assert found.status_code == 200 and isinstance(found.json(), list)


@pytest.mark.parametrize("name", ["embeddings", "scripts", "cmd-flags", "memory", "options", "progress"])
def test_each_record_is_one(client, name):
    assert isinstance(client.get(f"/sdapi/v1/{name}").json(), dict)


@pytest.mark.parametrize(
    "name",
    ["refresh-checkpoints", "refresh-vae", "refresh-loras", "unload-checkpoint", "reload-checkpoint"],
)
def test_what_there_is_no_need_for_is_done_at_once(client, name):
    assert client.post(f"/sdapi/v1/{name}").status_code == 200


def test_the_ping_answers(client):
    assert client.get("/internal/ping").json() == {}


def test_the_model_is_listed_without_its_folder(client):
    assert client.get("/sdapi/v1/sd-models").json() == [
        {
            "title": "tiny-model [0123456789]",
            "model_name": "tiny-model",
            "hash": "0123456789",
            "sha256": "0123456789abcdef" * 4,
            "filename": "tiny.safetensors",
            "config": None,
        }
    ]


def test_a_model_of_the_users_own_is_listed_by_its_files_name(client, desk):
    desk.generator.given = (("vae", "/home/ann/models/vae.safetensors"), ("model", "/home/ann/models/own.safetensors"))
    found = client.get("/sdapi/v1/sd-models").json()[0]
    assert found["filename"] == "own.safetensors" and "/" not in str(found)


def test_the_samplers_are_those_that_draw_with_every_name_that_leads_to_them(client):
    found = {each["name"]: each["aliases"] for each in client.get("/sdapi/v1/samplers").json()}
    assert list(found) == ["Euler", "Euler a", "Heun", "DPM++ 2M"]
    assert "k_euler_a" in found["Euler a"] and "DDIM" in found["Euler"]


def test_the_options_are_posted_back_whole(client):
    """As open-webui switches a model."""
    found = client.get(OPTIONS).json()
    assert found["sd_model_checkpoint"] == "tiny-model [0123456789]"
    assert client.post(OPTIONS, json=found).status_code == 200
    assert client.get(OPTIONS).json() == found


def test_unknown_options_are_kept_and_given_back(client):
    client.post(OPTIONS, json={"grid_save": False, "sd_vae": None, "eta_noise_seed_delta": 31337})
    found = client.get(OPTIONS).json()
    assert (found["grid_save"], found["sd_vae"], found["eta_noise_seed_delta"]) == (False, "Automatic", 31337)


def test_another_model_is_refused_by_name_and_nothing_else_changes(client):
    found = client.post(OPTIONS, json={"sd_model_checkpoint": "anything-v3", "deepbooru_sort_alpha": False})
    assert found.status_code == 400
    assert "'anything-v3'" in found.json()["detail"] and "tiny-model [0123456789]" in found.json()["detail"]
    assert client.get(OPTIONS).json()["deepbooru_sort_alpha"] is True


def test_an_option_of_the_wrong_type_is_422(client):
    found = client.post(OPTIONS, json={"interrogate_deepbooru_score_threshold": "much"})
    assert found.status_code == 422
    assert client.get(OPTIONS).json()["interrogate_deepbooru_score_threshold"] == 0.5


@pytest.mark.parametrize("body", ['{"x": NaN}', '{"x": "\\ud800"}', '{"x": [1e400]}'])
def test_options_that_json_cannot_give_back_are_refused(client, body):
    assert client.post(OPTIONS, content=body).status_code == 422
    assert "x" not in client.get(OPTIONS).json()


def test_options_do_not_grow_without_end(client):
    assert client.post(OPTIONS, json={"notes": "x" * 1_000_001}).status_code == 413
    assert "notes" not in client.get(OPTIONS).json()


def test_an_option_may_have_any_name(client):
    client.post(OPTIONS, json={"model_dump": 1, "__class__": "x", "model_config": {}})
    assert client.get(OPTIONS).json()["__class__"] == "x"
