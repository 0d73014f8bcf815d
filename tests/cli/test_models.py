"""`prep models`, as a person calls it."""

import logging

import pytest
from click.testing import CliRunner

from prep.cli.models import command
from prep.errors import NetworkError, StoppedError, UsageError
from prep.models import all_known, fetch
from tests.support.fetching import NAME, without_home
from tests.support.weights import basename, change_file, target


def models(*arguments):
    """What is printed; errors come out as they are raised."""
    return CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False).output


def entry(name):
    """The lines about one model."""
    return next(block for block in models().split("\n\n") if block.startswith(name))


def test_every_model_has_its_size_licence_and_a_way_to_get_it():
    for model in all_known():
        told = entry(model.name)
        assert model.licence in told and model.licence_url in told and model.what in told
        assert model.packaged or (model.size in told and f"prep models get {model.name}" in told and model.page in told)


def test_starter_is_in_the_package():
    assert "package: " in entry("starter-tagger")


def test_what_comes_with_prep_says_so_instead_of_naming_a_page():
    assert "starter-tagger comes with prep: " in models("get", "starter")
    done = CliRunner().invoke(command, ["get", "starter-tagger", "--again"], standalone_mode=False)
    assert isinstance(done.exception, StoppedError) and done.output == ""


def test_table_reads_at_100_columns():
    """But for the addresses, which no terminal should break."""
    for line in models().splitlines():
        assert len(line) <= 100 or line.strip().startswith("https://") or "/" in line.split()[-1], line


def test_file_in_prep_models_is_shown_where_it_is(tmp_path, monkeypatch):
    (tmp_path / basename("sd35-medium")).write_bytes(b"x" * 3_000_000)
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    assert f"3 MB  PREP_MODELS: {tmp_path}" in entry("sd35-medium")
    assert "(PREP_MODELS), then " in models()


def test_listing_reads_no_file_that_was_put_there_by_hand(tmp_path, monkeypatch):
    (tmp_path / basename(NAME)).write_bytes(b"by hand")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    monkeypatch.setattr("prep.models.listing.sha256_of", lambda path: pytest.fail("read"))
    assert "PREP_MODELS: " in entry(NAME)


def test_half_a_download_is_told(page, monkeypatch):  # noqa: F811
    monkeypatch.setattr("prep.models.download.TRIES", 1)
    page.faults = ["cut"]
    with pytest.raises(NetworkError):
        fetch(NAME)
    assert "0 MB have arrived" in entry(NAME)


def test_no_home_folder_is_told_not_traced(monkeypatch):
    without_home(monkeypatch)
    assert "no home folder" in models()


def test_get_says_the_licence_then_where_the_file_is(page):  # noqa: F811
    told = models("get", NAME)
    assert told.index("licence: MIT") < told.index(f"is in {target(NAME)}, sha256 {page.sha256}")
    assert "licence" not in models("get", NAME)
    assert len(page.asked) == 1


def test_changed_file_is_said_and_again_mends_it(page):  # noqa: F811
    models("get", NAME)
    target(NAME).write_bytes(b"other")
    assert f"CHANGED since it was fetched: `prep models get {NAME} --again`" in entry(NAME)
    assert "--again` fetches it again" in models("get", NAME)
    assert page.sha256 in models("get", NAME, "--again")
    assert "CHANGED" not in entry(NAME)


def test_typo_gets_the_nearest_name():
    with pytest.raises(UsageError, match="deepdanbooru-3") as caught:
        models("get", "deepdanbooru-3")
    assert caught.value.hint == f"did you mean `{NAME}`?" and caught.value.exit_code == 2


def test_password_in_a_mirrors_address_is_not_shown(online, monkeypatch, capfd):  # noqa: F811
    def refused(*_, **asked):
        logging.getLogger("huggingface_hub.utils").warning("Connection refused by %s, retrying", asked["endpoint"])
        raise ConnectionError(f"refused by {asked['endpoint']}")

    monkeypatch.setenv("HF_ENDPOINT", "https://me:hf_canary@mirror.example")
    monkeypatch.setattr("prep.models.hub.check_room", lambda *_: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", refused)
    with pytest.raises(NetworkError, match="from mirror.example: ConnectionError") as caught:
        models("get", "sd35-medium")
    assert "hf_canary" not in str(caught.value) + "".join(capfd.readouterr())


def test_failed_get_leaves_with_what_to_do_by_hand(page, monkeypatch):  # noqa: F811
    change_file(monkeypatch, NAME, url="http://127.0.0.1:9/model.pt")
    with pytest.raises(NetworkError) as caught:
        models("get", NAME)
    assert "by hand" in caught.value.hint and caught.value.exit_code == 3
