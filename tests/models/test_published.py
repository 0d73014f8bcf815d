"""The published sha256 of a model's file, held against a download and against what a person put there."""

import pytest

from prep.errors import StoppedError
from prep.models import all_known, fetch, known, locate
from prep.models.choose import choose_generator, choose_tagger
from prep.models.hashes import sha256_of
from tests.support.weights import basename, change_file, target, written

NAME, HUB = "deepdanbooru-v3", "sd35-large-fp8"
OTHER = "ab" * 32


def test_a_download_that_two_places_know_otherwise_is_refused_and_removed(page, monkeypatch):
    change_file(monkeypatch, NAME, sha256=OTHER)
    with pytest.raises(
        StoppedError, match=rf"its sha256 is {page.sha256}, the published one is {OTHER}; it was removed"
    ):
        fetch(NAME)
    assert [path.name for path in target(NAME).parent.iterdir() if path.suffix != ".lock"] == []


def test_what_was_there_before_stays_until_a_right_one_comes(page, monkeypatch):
    change_file(monkeypatch, NAME, sha256=page.sha256)
    assert fetch(NAME).note == ""
    page.body = page.body[::-1]
    with pytest.raises(
        StoppedError, match="`prep models get deepdanbooru-v3 --again`.*or download .*any file is used there"
    ):
        fetch(NAME, again=True)
    assert sha256_of(target(NAME)) == known(NAME).files[0].sha256


def test_one_that_one_place_alone_knows_otherwise_is_said_and_used(page, monkeypatch):
    change_file(monkeypatch, NAME, sha256=OTHER, confirmed=False)
    note = f"its sha256 is {page.sha256}, the published one is {OTHER}, according to one page only"
    assert note in fetch(NAME).note
    said: list[str] = []
    choose_tagger(NAME, False, "error", said.append)
    assert note in said[0]


def test_what_a_person_put_there_is_said_and_never_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    for name, choose in ((NAME, lambda say: choose_tagger(NAME, False, "error", say)),
                         (HUB, lambda say: choose_generator(HUB, True, say))):  # fmt: skip
        path = written(tmp_path / basename(name))
        change_file(monkeypatch, name, sha256=OTHER)
        said: list[str] = []
        assert choose(said.append).digest == sha256_of(path)
        assert f"{basename(name)} is not the published file: its sha256 is {sha256_of(path)}" in said[0]
        change_file(monkeypatch, name, sha256=sha256_of(path))
        assert locate(name).note == ""


def test_a_file_of_the_hub_is_held_against_it_too(online, tmp_path, monkeypatch):
    blob, link = tmp_path / "hub" / "blob", tmp_path / "hub" / "snapshot.safetensors"

    def download(*_, **__) -> str:
        written(blob)
        link.symlink_to(blob)
        return str(link)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr("prep.models.hub.check_room", lambda *_: None)
    change_file(monkeypatch, HUB, sha256=OTHER)
    with pytest.raises(StoppedError, match=f"the published one is {OTHER}; it was removed"):
        fetch(HUB)
    assert not blob.exists() and not link.is_symlink()
    change_file(monkeypatch, HUB, sha256=sha256_of(written(tmp_path / "same")))
    assert fetch(HUB).path == link


def test_which_are_confirmed():
    """DeepDanbooru and large by two places each, the others by one; nothing is known of what ships."""
    assert {spec.name for spec in all_known() if spec.files[0].confirmed} == {NAME, HUB}
