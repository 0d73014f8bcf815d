"""Every way a download can go, against a real server: whole at the end under its name, or not under its name."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from prep.errors import NetworkError, NoRoomError, StoppedError, UsageError
from prep.models import fetch, hashes, locate
from prep.process.lock import locked
from tests.support import weights

NAME = "deepdanbooru-v3"


def target() -> Path:
    return weights.target(NAME)


def left_over() -> list[str]:
    return sorted(path.name for path in target().parent.glob("*") if path.suffix in (".part", ".etag"))


def test_a_file_is_fetched_whole_and_its_hash_remembered(page, monkeypatch):
    found = fetch(NAME)
    assert found.path.read_bytes() == page.body and found.digest == page.sha256
    assert (found.source, found.path.stat().st_size, found.note, left_over()) == ("cache", len(page.body), "", [])
    monkeypatch.setattr(hashes.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert locate(NAME) == found == fetch(NAME)
    assert len(page.asked) == 1 and "authorization" not in page.asked[0]


def test_what_was_cut_off_is_gone_on_from(page):
    page.faults = ["cut"]
    assert fetch(NAME).digest == page.sha256
    assert "range" not in page.asked[0]
    begin = int(page.asked[1]["range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < begin <= len(page.body) // 2 and page.asked[1]["if-range"] == '"one"'
    assert target().read_bytes() == page.body and len(page.asked) == 2


def test_a_later_call_goes_on_too(page):
    page.faults = ["cut"] + ["busy"] * 4
    with pytest.raises(NetworkError, match="503"):
        fetch(NAME)
    assert not target().exists() and left_over() == [target().stem + ".etag", target().stem + ".part"]
    assert fetch(NAME).digest == page.sha256 and "range" in page.asked[-1]


def test_a_server_that_ignores_range_gives_the_whole_file_again(page):
    page.faults = ["cut", "whole"]
    assert fetch(NAME).digest == page.sha256 and "range" in page.asked[1]
    assert target().read_bytes() == page.body


def test_a_server_that_sends_another_range_is_not_believed(page):
    page.faults = ["cut", "shifted"]
    assert fetch(NAME).digest == page.sha256
    assert ["range" in asked for asked in page.asked] == [False, True, False]


def test_another_file_at_the_same_address_is_begun_anew(page):
    page.faults = ["cut"] + ["busy"] * 4
    with pytest.raises(NetworkError):
        fetch(NAME)
    page.body, page.etag = page.body[::-1], '"two"'
    assert fetch(NAME).digest == page.sha256 and page.asked[-1]["if-range"] == '"one"'
    assert target().read_bytes() == page.body


@pytest.mark.parametrize("etag", ["", 'W/"one"'])
def test_without_a_strong_etag_a_part_is_not_gone_on_from(page, etag):
    page.etag, page.faults = etag, ["cut"]
    assert fetch(NAME).digest == page.sha256
    assert not any("range" in asked for asked in page.asked)


def test_a_part_that_is_as_long_as_the_file_is_thrown_away(page):
    target().parent.mkdir(parents=True)
    target().with_suffix(".part").write_bytes(b"x" * len(page.body))
    target().with_suffix(".etag").write_text(page.etag)
    assert fetch(NAME).digest == page.sha256 and len(page.asked) == 2


def test_silence_is_given_up_in_one_sentence(page, monkeypatch):
    page.faults = ["silent"] * 5
    with pytest.raises(NetworkError, match="does not answer") as caught:
        fetch(NAME)
    assert len(page.asked) == 5 and "PREP_MODELS" in caught.value.hint and "\n" not in str(caught.value)


def test_a_file_that_is_gone_is_not_asked_for_twice(page):
    page.status = 404
    with pytest.raises(NetworkError, match="404"):
        fetch(NAME)
    assert len(page.asked) == 1 and left_over() == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_not_asked_for_twice(page, status):
    page.status = status
    with pytest.raises(NetworkError, match=str(status)):
        fetch(NAME)
    assert len(page.asked) == 1


def test_a_busy_server_is_asked_again(page):
    page.faults = ["busy", "busy"]
    assert fetch(NAME).digest == page.sha256 and len(page.asked) == 3


def test_a_length_that_is_wrong_never_gets_the_name(page):
    page.faults = ["long"] * 5
    with pytest.raises(NetworkError):
        fetch(NAME)
    assert not target().exists()


def test_a_login_page_in_the_files_place_is_seen(page):
    page.body = b"<html>please log in</html>"
    with pytest.raises(NetworkError, match="login page"):
        fetch(NAME)
    assert len(page.asked) == 1 and not target().exists()


def test_no_room_is_told_before_anything_is_written(page, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Disk", "total used free")(10, 10, 10))
    with pytest.raises(NoRoomError, match="0.00 GB is free") as caught:
        fetch(NAME)
    assert "PREP_CACHE" in caught.value.hint and left_over() == []


def test_only_the_rest_needs_room(page, monkeypatch):
    page.faults = ["cut"] + ["busy"] * 4
    with pytest.raises(NetworkError):
        fetch(NAME)
    free = len(page.body) - target().with_suffix(".part").stat().st_size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Disk", "total used free")(free, 0, free))
    assert fetch(NAME).digest == page.sha256


def test_a_folder_that_is_a_file_is_one_sentence(page, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PREP_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoppedError, match="cannot be written") as caught:
        fetch(NAME)
    assert "PREP_CACHE" in caught.value.hint and page.asked == []


def test_two_do_not_write_one_file(page):
    target().parent.mkdir(parents=True)
    with locked(target().with_suffix(".lock")), pytest.raises(StoppedError, match="process"):
        fetch(NAME)
    assert page.asked == []


def test_again_fetches_a_broken_file_anew(page):
    fetch(NAME)
    target().write_bytes(b"broken")
    broken = locate(NAME)
    assert "changed since" in broken.note and fetch(NAME) == broken
    mended = fetch(NAME, again=True)
    assert mended.digest == page.sha256 and mended.note == "" and len(page.asked) == 2


def test_again_keeps_the_old_file_until_the_new_one_is_whole(page):
    fetch(NAME)
    page.status = 404
    with pytest.raises(NetworkError):
        fetch(NAME, again=True)
    assert target().read_bytes() == page.body


def test_again_does_not_hide_behind_prep_models(page, monkeypatch, tmp_path):
    (tmp_path / target().name).write_bytes(b"by hand")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    with pytest.raises(UsageError, match="PREP_MODELS"):
        fetch(NAME, again=True)
    assert page.asked == []


def test_offline_asks_nobody(page, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(StoppedError, match="HF_HUB_OFFLINE") as caught:
        fetch(NAME)
    assert page.asked == [] and "PREP_MODELS" in caught.value.hint


def test_packaged_weights_are_not_fetched(online):
    with pytest.raises(StoppedError, match="comes with prep"):
        fetch("starter-tagger", again=True)
