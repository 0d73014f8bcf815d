"""Where weights are looked for, in which order, and what is remembered of them."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from prep.errors import StoppedError, UsageError, WeightsError
from prep.models import all_known, hashes, known, locate
from prep.models.hashes import cache_folder, digest_of, remember_fetched, sha256_of
from prep.models.hub import hub_cache
from prep.registry import ModelFile, ModelSpec
from prep.taggers import TAGGERS
from tests.support.fetching import without_home
from tests.support.weights import basename, target, written

MODEL = known("deepdanbooru-v3")
HUB_MODEL = known("sd35-medium")


def in_hub_cache(data: bytes = b"weights") -> Path:
    """As huggingface_hub lays a file down: a branch, its revision, and the file in there."""
    folder = hub_cache() / f"models--{HUB_MODEL.files[0].repo.replace('/', '--')}"
    written(folder / "refs" / "main", b"abc")
    return written(folder / "snapshots" / "abc" / HUB_MODEL.files[0].name, data)


def test_nothing_is_here_at_first():
    assert locate(MODEL.name) is None and locate(HUB_MODEL.name) is None


def test_the_folder_of_prep_models_comes_before_the_cache(tmp_path, monkeypatch):
    written(target(MODEL.name), b"cached")
    assert locate(MODEL.name).source == "cache"
    mine = written(tmp_path / basename(MODEL.name), b"mine")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    assert (locate(MODEL.name).source, locate(MODEL.name).path) == ("PREP_MODELS", mine)


def test_the_packages_own_give_way_to_prep_models_too(tmp_path, monkeypatch):
    assert locate("starter").source == "package"
    written(tmp_path / "tagger.safetensors")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    assert locate("starter").source == "PREP_MODELS"


def test_the_hubs_own_cache_is_used():
    path = in_hub_cache()
    assert (locate(HUB_MODEL.name).source, locate(HUB_MODEL.name).path) == ("cache", path)


def test_the_hubs_client_says_where_its_cache_is(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert in_hub_cache().is_relative_to(tmp_path) and locate(HUB_MODEL.name)


def test_without_a_home_folder_only_the_package_is_looked_in(monkeypatch):
    without_home(monkeypatch)
    assert locate(MODEL.name) is None and locate(HUB_MODEL.name) is None and locate("starter")
    with pytest.raises(StoppedError, match="no home folder"):
        cache_folder()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep caches elsewhere")
def test_the_cache_is_prep_in_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("PREP_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "prep" and not cache_folder().exists()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "prep"
    monkeypatch.setenv("PREP_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_a_hash_is_read_once_and_again_when_the_file_changes(monkeypatch):
    path = written(target(MODEL.name))
    first = sha256_of(path)
    reads = []
    digest = hashes.hashlib.file_digest
    monkeypatch.setattr(hashes.hashlib, "file_digest", lambda *given: reads.append(1) or digest(*given))
    assert sha256_of(path) == first and reads == []
    written(path, b"others!")  # as long as before
    assert sha256_of(path) != first and reads == [1]


def test_a_file_just_written_is_not_remembered_by_its_time(monkeypatch):
    path = written(target(MODEL.name), age_seconds=0)
    sha256_of(path)
    assert not (cache_folder() / "hashes.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": [], "fetched": 3}', '{"files": {"x": 1}}', "\ud800"])
def test_a_broken_memory_costs_a_second_reading_no_more(text):
    path = written(target(MODEL.name))
    (cache_folder() / "hashes.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert locate(MODEL.name).digest == sha256_of(path)
    assert str(path) in json.loads((cache_folder() / "hashes.json").read_text())["files"]


def test_a_broken_entry_is_not_believed():
    path = written(target(MODEL.name))
    right = sha256_of(path)
    memory = json.loads((cache_folder() / "hashes.json").read_text())
    for wrong in (None, 3, [], ["x"], {"sha256": "x"}):
        memory["files"][str(path)] = wrong
        (cache_folder() / "hashes.json").write_text(json.dumps(memory))
        assert sha256_of(path) == right


def test_a_cache_that_cannot_be_written_costs_a_second_reading_no_more(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PREP_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    written(tmp_path / basename(MODEL.name))
    assert locate(MODEL.name).path.stat().st_size == 7


def test_a_file_that_changed_under_its_name_is_said_aloud():
    path = written(target(MODEL.name))
    remember_fetched(MODEL.name, "model", path, sha256_of(path))
    assert locate(MODEL.name).note == ""
    written(path, b"others!")
    assert "changed since" in locate(MODEL.name).note


def test_a_file_that_cannot_be_read_is_one_sentence(monkeypatch):
    path = written(target(MODEL.name))

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("prep.models.hashes.open_file", refuse)
    with pytest.raises(WeightsError, match="Permission denied"):
        locate(MODEL.name)
    assert path.is_file()


def test_a_link_into_the_hubs_cache_that_leads_nowhere_is_not_here():
    path = in_hub_cache()
    shutil.move(path, path.with_suffix(".gone"))
    path.symlink_to("nowhere")
    assert locate(HUB_MODEL.name) is None


def test_the_nearest_name_is_named():
    with pytest.raises(UsageError) as caught:
        known("deepdanboru")
    assert "deepdanbooru-v3" in caught.value.hint and caught.value.exit_code == 2
    with pytest.raises(UsageError) as caught:
        known("zzz")
    assert all(name in caught.value.hint for name in (spec.name for spec in all_known()))


def another(monkeypatch, name: str, *files: ModelFile) -> ModelSpec:
    """A model that prep knows for the length of a test."""
    spec = ModelSpec(name, "tagger", "tests.fakes:fake_tagger", files)
    monkeypatch.setitem(TAGGERS.members, name, spec)
    return spec


def test_two_models_whose_files_have_one_name_do_not_collide(tmp_path, monkeypatch):
    files = ModelFile("model.onnx", 1, url="http://x/"), ModelFile("selected_tags.csv", 1, "tags", url="http://x/")
    one, other = (another(monkeypatch, name, *files) for name in ("one", "other"))
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    for spec in (one, other):
        for file in files:
            written(tmp_path / spec.name / file.basename, f"{spec.name} {file.part}".encode())
    found = {spec.name: locate(spec.name) for spec in (one, other)}
    assert found["one"].path.read_text() == "one model" and found["other"].path.read_text() == "other model"
    assert found["one"].digest != found["other"].digest
    # Bare in the folder it could be either's, and is nobody's.
    shutil.rmtree(tmp_path / "other")
    written(tmp_path / "model.onnx")
    written(tmp_path / "selected_tags.csv")
    assert locate("other") is None and locate("one").path == tmp_path / "one" / "model.onnx"


def test_a_changed_second_file_is_another_model(tmp_path, monkeypatch):
    files = ModelFile("m.onnx", 1, url="http://x/"), ModelFile("m.csv", 1, "tags", url="http://x/")
    another(monkeypatch, "two-files", *files)
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    written(tmp_path / "m.onnx", b"weights")
    assert locate("two-files") is None
    written(tmp_path / "m.csv", b"tags")
    before = locate("two-files").digest
    written(tmp_path / "m.csv", b"more")
    assert locate("two-files").digest != before
    written(tmp_path / "m.csv", b"tags")
    assert locate("two-files").digest == before


def test_the_digest_of_one_file_is_its_sha256_and_parts_come_by_name(tmp_path):
    """As 0.1.0 had it: keys of pictures that took hours are made of it."""
    model, vae = written(tmp_path / "model", b"model"), written(tmp_path / "vae", b"vae")
    one, other = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (model, vae))
    assert digest_of({"model": model}) == one
    assert digest_of({"model": model, "vae": vae}) == hashlib.sha256(f"{one}\nvae {other}".encode()).hexdigest()


def test_a_file_that_0_1_0_fetched_is_found_where_it_lies():
    path = written(cache_folder() / "models" / basename(MODEL.name), b"fetched long ago")
    assert locate(MODEL.name).path == path


@pytest.mark.parametrize("spec", all_known(), ids=lambda spec: spec.name)
def test_every_file_of_a_model_comes_from_one_place_and_has_a_licence(spec):
    for file in spec.files:
        assert sum((bool(file.url), bool(file.repo), file.packaged)) == 1
        assert file.megabytes > 0 or file.name.endswith((".json", ".csv"))  # less than half
    assert spec.licence and spec.licence_url and spec.what and spec.runs_on
