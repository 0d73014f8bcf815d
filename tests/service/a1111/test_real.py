"""With the starter models, over HTTP: what was asked for is what the models do."""

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import webuiapi
from PIL import Image

from tests.support.pictures import EXAMPLES

SCRIPT = Path(__file__).parent / "script.py"


@pytest.fixture
def picture() -> Image.Image:
    return Image.open(sorted(EXAMPLES.glob("characters/lucy/*.*"))[0]).convert("RGB")


@pytest.fixture
def api(served):
    return webuiapi.WebUIApi(baseurl=f"{served.url}/sdapi/v1")


@pytest.mark.slow
def test_the_script_runs_as_its_writer_left_it(served, picture, tmp_path):
    picture.save(tmp_path / "input.png")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.read_text().replace("7860", str(served.port)))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("masterpiece, best quality, 1girl, ")
    with Image.open(tmp_path / "output.png") as drawn:
        assert drawn.size == (160, 160)  # what the starter draws
        assert "Sampler: Euler a, CFG scale: 7," in drawn.info["parameters"]
        assert "Asked size: 1024x1024" in drawn.info["parameters"]


def test_a_seed_draws_the_same_picture_again(api):
    asked = {"prompt": "1girl, smile", "steps": 2, "seed": 2**32 - 1, "width": 160, "height": 160}
    first, second = (api.txt2img(**asked) for _ in range(2))
    assert first.json["images"] == second.json["images"]
    assert first.info["seed"] == 2**32 - 1 and first.info["extra_generation_params"] == {}


@pytest.mark.slow
def test_pixels_outside_the_mask_stay_the_images(api, picture):
    mask = Image.new("L", picture.size, 0)
    mask.paste(255, (0, 0, picture.width, picture.height // 2))
    asked = {"prompt": "smile", "steps": 4, "width": 160, "height": 160, "denoising_strength": 0.9, "mask_blur": 0}
    found = np.asarray(api.img2img([picture], mask_image=mask, **asked).image).astype(int)
    whole = np.asarray(picture.resize((160, 160), Image.Resampling.BOX)).astype(int)
    away = np.abs(found - whole).mean((1, 2))  # by row
    assert away[90:].mean() < 8 < away[:70].mean()


def test_a_threshold_of_0_names_the_taggers_whole_vocabulary_with_scores(served, api, picture):
    api.set_options({"interrogate_return_ranks": True, "deepbooru_sort_alpha": False, "deepbooru_escape": False})
    coded = webuiapi.webuiapi.raw_b64_img(picture)
    sent = {"image": coded, "model": "deepdanbooru", "threshold": 0}
    caption = served.post("/sdapi/v1/interrogate", json=sent).json()["caption"]
    scores = [float(score) for score in re.findall(r":(\d\.\d{3})\)(?:, |$)", caption)]
    vocabulary = served.desk.reading.vocabulary
    assert len(scores) == sum(category != "rating" for category in vocabulary.categories)
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.9
    api.set_options({"interrogate_return_ranks": False, "deepbooru_sort_alpha": True, "deepbooru_escape": True})


@pytest.mark.slow
def test_an_interrupted_order_gives_what_is_done_and_the_next_one_is_drawn(api):
    asked = {"prompt": "1girl", "width": 160, "height": 160}
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(api.txt2img, **asked, steps=8, n_iter=16)
        while not (state := api.get_progress()["state"])["job_no"]:
            assert not answer.done()
            time.sleep(0.05)
        assert state["job_count"] == 16
        api.interrupt()
        found = answer.result()
    assert 1 <= len(found.images) == len(found.info["infotexts"]) < 16
    api.util_wait_for_ready(0.05)
    assert len(api.txt2img(**asked, steps=1).images) == 1
