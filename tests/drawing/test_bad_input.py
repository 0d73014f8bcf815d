"""What a person can get wrong about drawing: one sentence that says what to do, and the tagging half stays done."""

import re
from collections import namedtuple
from types import SimpleNamespace

import pytest
from huggingface_hub.errors import GatedRepoError

from prep.config import load_settings
from prep.errors import NoRoomError, SettingsError, StoppedError, UsageError, WeightsError
from tests.support.fetching import allow_fetching
from tests.support.pictures import folder_of
from tests.support.runs import manifest, run_here
from tests.support.tiny import tiny_model


@pytest.fixture
def art(tmp_path):
    return folder_of(tmp_path / "art", mira=2)


def stopped(error, match: str, exit_code: int, art, tagger, reads_with, *sets: str) -> None:  # noqa: F811
    """A run that ends so; then one that draws nothing ends well, and no tagger is loaded for it."""
    out = art.parent / "out"
    with pytest.raises(error, match=match) as caught:
        run_here(art, out, tagger, *sets)
    assert caught.value.exit_code == exit_code and "\n" not in str(caught.value)
    reads_with(lambda options: pytest.fail("tagged again"))
    assert run_here(art, out, tagger, "generator.model=none").exit_code == 0
    assert [row["status"] for row in manifest(out)] == ["kept", "kept"]


def refused(error, match: str, art, tagger, *sets: str) -> None:
    """A run that ends before it touches anything."""
    with pytest.raises(error, match=match) as caught:
        run_here(art, art.parent / "out", tagger, *sets)
    assert caught.value.exit_code == 2 and not (art.parent / "out").exists()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("generator.resolution=1000", "`generator.resolution` is 1000; expected a multiple of 16"),
        ("augmentation.strength=1.5", "`augmentation.strength` is 1.5; expected a number from 0 to 1"),
        ("augmentation.strength=0.0", "`augmentation.strength` is 0.0; expected greater than 0"),
        ("generator.batch=8", "`generator.batch` is 8; expected a whole number from 1 to 4"),
    ],
)
def test_a_setting_that_cannot_be_drawn_with_stops_before_anything_is_touched(setting, says):
    with pytest.raises(SettingsError) as caught:
        load_settings(None, None, (setting,))
    assert says in str(caught.value) and caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("generator.sampler=ddim", "sd35-large-fp8 has no sampler ddim. Use one of euler, euler_a, heun, dpmpp_2m."),
        ("generator.model=sd35-larg-fp8", "no generator is called sd35-larg-fp8. Did you mean `sd35-large-fp8`?"),
        ("generator.model=/gone.safetensors", "/gone.safetensors does not exist."),
    ],
)
def test_a_generator_that_is_not_stops_before_anything_is_touched(setting, says, art, tiny_tagger):
    with pytest.raises(UsageError, match=re.escape(says)) as caught:
        run_here(art, art.parent / "out", tiny_tagger, setting)
    assert caught.value.exit_code == 2 and not (art.parent / "out").exists()


def test_a_truncated_model(art, tiny_tagger, tmp_path):
    model = tiny_model(tmp_path)
    model.write_bytes(model.read_bytes()[:-1000])
    said = "generator.model: tiny.safetensors is cut off: .* bytes are here. Fetch the file again"
    refused(WeightsError, said, art, tiny_tagger, f"generator.model={model}")


def test_no_room_for_a_download(art, tiny_tagger, monkeypatch, reads_with):
    allow_fetching(monkeypatch)
    full = namedtuple("usage", "total used free")(10**10, 9 * 10**9, 10**9)
    monkeypatch.setattr("prep.models.download.shutil.disk_usage", lambda _: full)
    said = "needs 14.90 GB, but only 1.00 GB is free in .*Free some space, or set PREP_CACHE .HF_HOME"
    stopped(NoRoomError, said, 3, art, tiny_tagger, reads_with, "generator.model=sd35-large-fp8")


def test_a_gated_model_without_a_token(art, tiny_tagger, monkeypatch, reads_with):
    allow_fetching(monkeypatch)
    monkeypatch.setattr("prep.models.hub.check_room", lambda *_: None)

    def gate(*_, **__):
        answer = SimpleNamespace(status_code=403, headers={}, request=None)
        raise GatedRepoError("gated", response=answer)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", gate)
    said = "behind a licence that you have to accept .*auth login.*sd35-large-fp8 needs neither"
    stopped(StoppedError, said, 3, art, tiny_tagger, reads_with, "generator.model=sd35-large-turbo-fp8")


def test_a_part_that_is_named_and_not_there(art, tiny_tagger, tmp_path):
    said = "generator.sd35.vae: .*none.safetensors does not exist. Name the file that contains vae"
    sets = (f"generator.model={tiny_model(tmp_path)}", f"generator.vae={tmp_path / 'none.safetensors'}")
    refused(UsageError, said, art, tiny_tagger, *sets)


def test_a_character_with_one_image_is_drawn_from_that_one(tmp_path, tiny_tagger, generator, sets, capfd):  # noqa: F811
    art, out = folder_of(tmp_path / "art", mira=1), tmp_path / "out"
    assert run_here(art, out, tiny_tagger, *sets).exit_code == 0
    assert (
        "generate: mira is known from one picture, so all its tags count as the character's" in capfd.readouterr().out
    )
    assert {row["parent_id"] for row in manifest(out) if row["origin"] == "augmentation"} == {
        row["image_id"] for row in manifest(out) if row["origin"] == "source"
    }


def test_a_character_without_core_tags_gets_no_consistency_samples(tmp_path, tiny_tagger, generator, sets, capfd):  # noqa: F811
    art, out = folder_of(tmp_path / "art", mira=2), tmp_path / "out"
    run_here(art, out, tiny_tagger, *sets, "thresholds.fixed=1.0")
    said = "mira has no core tags, so no consistency samples are drawn: add images .*or lower profile.core_share"
    assert re.search(said, capfd.readouterr().out)
    assert "consistency" not in {row["origin"] for row in manifest(out)}


def test_words_of_quality_and_the_trigger_keep_to_their_places(tmp_path, tiny_tagger, generator, sets):  # noqa: F811
    """Quality in each prompt and in no caption; the trigger in each caption and in no prompt."""
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    card = generator.card
    run_here(art, out, tiny_tagger, *sets, "characters.mira.trigger=mira_q")
    for row in manifest(out):
        if row["origin"] != "source":
            assert row["prompt"].startswith(f"{card.quality}, ") and "mira" not in row["prompt"]
            assert row["negative_prompt"] == card.negative
        if row["caption"]:
            assert row["caption"].startswith("mira_q, ")
            assert not any(word in row["caption"].lower() for word in card.quality.split(", "))
    texts = [path.read_text() for path in (out / "kohya").rglob("*.txt")]
    assert texts and not any("quality" in text or "masterpiece" in text for text in texts)
