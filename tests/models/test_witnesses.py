"""Which witnesses a run has: by default those that are here, else what the settings name. Files of the wrong kind."""

import logging

import pytest

from prep.config import load_settings
from prep.errors import SettingsError, UsageError, WeightsError
from prep.models import known, witnesses
from prep.models.hashes import digest_of
from prep.models.witnesses import check_witnesses, witnesses_of
from tests.support.pictures import folder_of
from tests.support.runs import prep
from tests.support.witness_files import tiny_ccip, tiny_corrupted


@pytest.fixture
def here(tmp_path, monkeypatch):
    """PREP_MODELS, with a tiny ccip and a tiny ai-corrupted under their names."""
    folder = tmp_path / "models"
    tiny_ccip(folder / "ccip")
    tiny_corrupted(folder / "ai-corrupted")
    monkeypatch.setenv("PREP_MODELS", str(folder))
    return folder


def names(starter=False, **check):
    settings = load_settings(sets=tuple(f"check.{name}={value}" for name, value in check.items()))
    return [ref.name for ref in witnesses_of(settings, starter)]


def test_without_any_file_only_the_starters_own_pictures_have_a_witness():
    assert names() == [] and names(starter=True) == ["starter-witness"]


def test_what_is_on_this_machine_is_used_and_none_switches_it_off(here):
    assert names() == ["ccip", "ai-corrupted"] and names(starter=True) == ["ccip", "starter-witness"]
    assert names(identity="none") == ["ai-corrupted"] and names(identity="none", damage="none") == []
    assert names(starter=True, damage="ai-corrupted") == ["ccip", "ai-corrupted"]


def test_a_folder_or_a_file_is_used_in_place_of_the_name(tmp_path, here):
    tiny_ccip(tmp_path / "mine", 0.3)
    tiny_corrupted(tmp_path / "other")
    mine, other = tmp_path / "mine", tmp_path / "other" / "model.onnx"
    settings = load_settings(sets=(f"check.identity={mine}", f"check.damage={other}"))
    identity, damage = witnesses_of(settings, False)
    assert identity.make().accepts(0.29) and not identity.make().accepts(0.31)
    files = {"model": other, "labels": other.with_name("meta.json")}
    assert damage.digest == digest_of(files) and damage.make().about == "damage"


def test_the_starters_witness_judges_nothing_else(here):
    assert names(damage="starter-witness") == ["ccip"]
    assert names(starter=True, damage="starter-witness") == ["ccip", "starter-witness"]


def test_its_digest_covers_all_files(here):
    before = witnesses_of(load_settings(), False)[0].digest
    tiny_ccip(here / "ccip", 0.19)
    assert witnesses_of(load_settings(), False)[0].digest != before


def test_a_witness_that_is_here_without_onnxruntime_is_one_sentence_and_not_measured(here, monkeypatch, caplog):
    monkeypatch.setattr(witnesses, "find_spec", lambda name: None)
    with caplog.at_level(logging.INFO, "prep"):
        assert names(starter=True) == ["starter-witness"]
    (line,) = caplog.messages
    assert "ccip is on this machine, but onnxruntime is not installed" in line and "identity is not measured" in line


@pytest.mark.parametrize(
    "check, told",
    [
        ("identity=ccpi", "check.identity: no witness is called ccpi. Did you mean `ccip`"),
        ("identity=starter-tagger", "check.identity: starter-tagger is no witness"),
        ("identity=ai-corrupted", "ai-corrupted measures damage. Set check.damage=ai-corrupted"),
        ("damage=ccip", "ccip measures identity"),
        ("damage=ccip:", "check.damage: ccip: has no path"),
        ("identity=ccip", "check.identity: ccip is not on this machine"),
        ("damage=/nowhere/model.onnx", "check.damage: /nowhere/model.onnx"),
    ],
)
def test_a_name_or_path_that_is_none_is_a_sentence(check, told):
    with pytest.raises(UsageError) as error:
        check_witnesses(load_settings(sets=(f"check.{check}",)))
    assert told in str(error.value)


def test_a_file_of_the_wrong_kind_stops_a_run_before_anything_is_touched(tmp_path, here):
    tiny_ccip(tmp_path / "mine")
    (tmp_path / "mine" / "model_feat.onnx").write_bytes(b"PK\x03\x04 a zip")
    with pytest.raises(WeightsError, match="check.identity: model_feat.onnx is a zip archive"):
        check_witnesses(load_settings(sets=(f"check.identity={tmp_path / 'mine'}",)))
    (here / "ai-corrupted" / "meta.json").write_text("{}")
    with pytest.raises(WeightsError, match="check.damage: meta.json has no label") as error:
        check_witnesses(load_settings())
    assert "prep models get ai-corrupted --again" in error.value.hint
    weights = known("starter-tagger").files[0]
    tagger = witnesses.find(known("starter-tagger"))[1]["model"]
    assert weights.packaged
    with pytest.raises(WeightsError, match="is not the starter's witness"):
        check_witnesses(load_settings(sets=(f"check.damage={tagger}",)))


def test_the_command_refuses_a_wrong_file_with_exit_code_2(tmp_path):
    folder_of(tmp_path / "art", mira=1)
    (tmp_path / "page.onnx").write_text("<html>sign in</html>")
    done = prep("run", str(tmp_path / "art"), "--out", str(tmp_path / "out"),
                "--set", f"check.damage={tmp_path / 'page.onnx'}")  # fmt: skip
    assert done.returncode == 2 and "check.damage: " in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_path_may_not_leave_src_when_src_says_it(tmp_path):
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "prep.toml").write_text('[check]\nidentity = "../model.onnx"\n')
    with pytest.raises(SettingsError, match="outside its folder"):
        load_settings(tmp_path / "art")
