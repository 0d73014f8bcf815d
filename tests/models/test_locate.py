"""Where weights are looked for, in which order, and what is remembered of them."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from prep.errors import StoppedError, UsageError, WeightsError
from prep.models import KNOWN, hashes, known, locate
from prep.models.hashes import cache_folder, remember_fetched, sha256_of
from prep.models.hub import hub_cache
from prep.models.locate import target_of
from tests.support.fetching import without_home
from tests.support.weights import written

MODEL = KNOWN["deepdanbooru-v3"]
HUB_MODEL = KNOWN["sd35-medium"]


def in_hub_cache(data: bytes = b"weights") -> Path:
    """As huggingface_hub lays a file down: a branch, its revision, and the file in there."""
    folder = hub_cache() / f"models--{HUB_MODEL.repo.replace('/', '--')}"
    written(folder / "refs" / "main", b"abc")
    return written(folder / "snapshots" / "abc" / HUB_MODEL.file, data)


def test_nothing_is_here_at_first():
    assert locate(MODEL.name) is None and locate(HUB_MODEL.name) is None


def test_the_folder_of_prep_models_comes_before_the_cache(tmp_path, monkeypatch):
    written(target_of(MODEL), b"cached")
    assert locate(MODEL.name).source == "cache"
    mine = written(tmp_path / MODEL.file, b"mine")
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
    path = written(target_of(MODEL))
    first = sha256_of(path)
    reads = []
    digest = hashes.hashlib.file_digest
    monkeypatch.setattr(hashes.hashlib, "file_digest", lambda *given: reads.append(1) or digest(*given))
    assert sha256_of(path) == first and reads == []
    written(path, b"others!")  # as long as before
    assert sha256_of(path) != first and reads == [1]


def test_a_file_just_written_is_not_remembered_by_its_time(monkeypatch):
    path = written(target_of(MODEL), age_seconds=0)
    sha256_of(path)
    assert not (cache_folder() / "hashes.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": [], "fetched": 3}', '{"files": {"x": 1}}', "\ud800"])
def test_a_broken_memory_costs_a_second_reading_no_more(text):
    path = written(target_of(MODEL))
    (cache_folder() / "hashes.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert locate(MODEL.name).sha256 == sha256_of(path)
    assert str(path) in json.loads((cache_folder() / "hashes.json").read_text())["files"]


def test_a_broken_entry_is_not_believed():
    path = written(target_of(MODEL))
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
    written(tmp_path / MODEL.file)
    assert locate(MODEL.name).bytes == 7


def test_a_file_that_changed_under_its_name_is_said_aloud():
    path = written(target_of(MODEL))
    remember_fetched(MODEL.name, path, sha256_of(path))
    assert locate(MODEL.name).note == ""
    written(path, b"others!")
    assert "changed since" in locate(MODEL.name).note


def test_a_file_that_cannot_be_read_is_one_sentence(monkeypatch):
    path = written(target_of(MODEL))

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
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
    assert all(name in caught.value.hint for name in KNOWN)


def test_no_two_models_share_a_file_name():
    """PREP_MODELS and the cache are flat folders."""
    names = [Path(model.file).name for model in KNOWN.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", KNOWN)
def test_every_model_comes_from_one_place_and_has_a_licence(name):
    model = KNOWN[name]
    assert sum((bool(model.url), bool(model.repo), model.packaged)) == 1
    assert model.licence and model.licence_url and model.megabytes > 0
