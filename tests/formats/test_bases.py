"""Other trainers are told the base model that the captions are for."""

import json

import pytest

from prep.captions.forms import FORMS
from tests.support.finished import Maker, export
from tests.support.trainers import ai_toolkit, onetrainer


def a_set(out, base: str):
    """One character, whose trigger word is not always what its captions begin with."""
    made = Maker(out)
    told = {
        "sd15": "mira, 1girl, smile",
        "sdxl": "mira, 1girl, smile",
        "anima": "safe, 1girl, mira, smile. A girl smiles.",
    }
    made.add("Mira", told.get(base, f"{FORMS[base].head}mira, a girl smiles."))
    return made.finish(base)


@pytest.mark.parametrize("base", FORMS)
def test_ai_toolkit_gets_the_model_and_shuffles_no_sentence(tmp_path, base):
    folder, _, _ = export(a_set(tmp_path, base), "ai-toolkit")
    found = ai_toolkit.config(folder)
    assert found["datasets"][0]["shuffle_tokens"] == (base in ("sd15", "sdxl"))
    assert found["sample"]["prompts"] == [FORMS[base].head + "mira"]
    assert found["train"]["noise_scheduler"] == found["sample"]["sampler"]
    named = found["model"].get("arch", found["model"]["name_or_path"])
    assert base.replace("-", "") in named.replace("stable-diffusion-3.5-large", "sd35")


@pytest.mark.parametrize("base", FORMS)
def test_onetrainer_shuffles_no_sentence_and_is_told_its_preset(tmp_path, base):
    folder, _, told = export(a_set(tmp_path, base), "onetrainer")
    (concept,) = json.loads((folder / "concepts.json").read_text())
    assert concept["text"]["enable_tag_shuffling"] == (base in ("sd15", "sdxl")) and onetrainer.read(folder)
    assert ("does not train Lumina" if base == "lumina" else "preset `") in told[0]


@pytest.mark.parametrize(("base", "family"), [("sd15", "sd1x"), ("lumina", "lumina2"), ("z-image", "z-image")])
def test_simpletuner_is_told_the_model_family(tmp_path, base, family):
    _, _, told = export(a_set(tmp_path, base), "simpletuner")
    assert f'"model_family": "{family}"' in told[0]


def test_a_base_model_of_a_later_prep_counts_as_none(tmp_path):
    made = Maker(tmp_path)
    made.add("Mira", "mira, 1girl")
    folder, _, _ = export(made.finish("sdxxl"), "ai-toolkit")
    assert ai_toolkit.config(folder)["model"]["is_v3"]
