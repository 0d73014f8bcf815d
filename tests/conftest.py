from dataclasses import replace

import pytest
from huggingface_hub import constants

from prep.models.residency import MEMORY
from prep.taggers import TAGGERS
from tests.support.pictures import tiny_checkpoint


@pytest.fixture(autouse=True)
def _at_home(tmp_path_factory, monkeypatch):
    """No test sees this user's models, cache or token, or asks the network for anything."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("PREP_CACHE", str(home / "cache"))
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # The client has read its variables already; a process that a test starts reads them anew.
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hf" / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "hf" / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name in ("PREP_MODELS", "HF_TOKEN", "HF_ENDPOINT", "PREP_CRASH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def tiny_tagger(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture(autouse=True)
def _nothing_in_memory():
    yield
    MEMORY.clear()


@pytest.fixture
def reads_with(monkeypatch):
    """reads_with(make): what make(options) gives reads instead of any checkpoint file."""

    def reads_with(make) -> None:
        monkeypatch.setattr("tests.fakes._make", make)
        fake = replace(TAGGERS.members["file"], maker="tests.fakes:fake_tagger")
        monkeypatch.setitem(TAGGERS.members, "file", fake)

    return reads_with
