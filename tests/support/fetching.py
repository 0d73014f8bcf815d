"""Fixtures for fetching weights: a release page on loopback, and nobody who waits long; and a user without a home."""

import pwd

import pytest
from huggingface_hub import constants

from tests.support.loopback import release_page
from tests.support.weights import change_file

NAME = "deepdanbooru-v3"


def allow_fetching(monkeypatch):
    """In this process and in those that it starts."""
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def without_home(monkeypatch):
    """No variable names a folder, and the system knows no home of this user."""
    for name in ("PREP_CACHE", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "~/.cache/huggingface/hub")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "~/.cache/huggingface/token")


@pytest.fixture
def online(monkeypatch):
    """Fetching is allowed, and nobody waits long for anything."""
    allow_fetching(monkeypatch)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("prep.models.download.PAUSE_SECONDS", 0)
    monkeypatch.setattr("prep.models.download.TIMEOUT_SECONDS", (2, 0.2))
    monkeypatch.setattr("prep.models.download.CHUNK_BYTES", 1 << 16)


@pytest.fixture
def page(online, monkeypatch):
    """DeepDanbooru's release page, on loopback, with a file of 1 MB."""
    with release_page() as served:
        change_file(monkeypatch, NAME, url=served.url, megabytes=1, sha256="")
        yield served
