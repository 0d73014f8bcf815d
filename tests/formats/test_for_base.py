"""prep export --for: a finished set's captions for another base model, beside the set as it stands."""

import json

import pytest
import toml

from prep.captions.forms import FORMS, LUMINA
from prep.dataset.training import TRAINERS
from tests.support.person import tags
from tests.support.runs import tree
from tests.support.trainers import kohya


def captions(folder) -> set[str]:
    return {caption for caption, _ in kohya.read(folder)}


@pytest.mark.parametrize("base", FORMS)
def test_a_set_for_each_base_model_is_what_a_run_for_it_would_write(made, typed, base):
    before = {name: digest for name, digest in tree(made.out).items() if not name.startswith((".prep", "export"))}
    assert typed("export", made.out, "--for", base).code == 0
    folder = made.out / "export" / f"kohya-{base}"
    after = {name: digest for name, digest in tree(made.out).items() if not name.startswith((".prep", "export"))}
    assert after == before, "the set stays as it is"
    assert (folder / TRAINERS[base].file).is_file()
    found = captions(folder)
    made.run(f"captions.for={base}")
    assert {path.read_text() for path in made.out.glob("kohya/*/*.txt")} == found
    theirs, ours = toml.load(folder / "dataset.toml"), toml.load(made.out / "kohya" / "dataset.toml")
    assert theirs["general"] == ours["general"]


def test_what_a_user_did_since_the_last_run_is_in_it(made, typed):
    made.add("000", "red scarf")
    sentence = "Somebody drew this in one evening."
    made.text("001").write_text(sentence)
    assert typed("export", made.out, "--for", "anima").code == 0
    found = captions(made.out / "export" / "kohya-anima")
    assert any("red scarf" in caption for caption in found)
    assert sentence in found


def test_back_to_tags_from_sentences(made, typed):
    before = {path.read_text() for path in made.out.glob("kohya/*/*.txt")}
    made.run("captions.for=flux")
    assert typed("export", made.out, "--for", "sdxl").code == 0
    assert captions(made.out / "export" / "kohya-sdxl") == before


def test_another_trainer_gets_the_captions_too(made, typed):
    assert typed("export", made.out, "--for", "lumina", "--to", "imagefolder").code == 0
    lines = (made.out / "export" / "imagefolder-lumina" / "metadata.jsonl").read_text().splitlines()
    assert len(lines) == 4 and all(json.loads(line)["text"].startswith(LUMINA) for line in lines)
    trigger = tags(made.text("000"))[0]
    told = typed("export", made.out, "--for", "lumina", "--to", "imagefolder")
    assert told.code == 0 and "0 files written" in told.out and f"--instance_prompt={trigger}" in told.out


def test_the_kin_of_a_base_model_is_that_model(made, typed):
    assert typed("export", made.out, "--for", "Illustrious", "--for", "chroma").code == 0
    assert {path.name for path in (made.out / "export").iterdir()} == {"kohya-sdxl", "kohya-flux"}
    made.run("captions.for=NoobAI")
    assert (made.out / "kohya" / "train_sdxl_lora.toml").is_file()


def test_a_name_that_is_no_base_model_is_refused(made, typed):
    told = typed("export", made.out, "--for", "sdxxl")
    assert told.code == 2 and "sdxl" in told.err
    told = typed("export", made.out)
    assert told.code == 2 and "--for" in told.err
