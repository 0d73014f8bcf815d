"""Fixtures for fetching weights: a release page on loopback, and nobody who waits long."""

from dataclasses import replace

import pytest

from prep.models import KNOWN
from tests.support.loopback import release_page

NAME = "deepdanbooru-v3"


@pytest.fixture
def online(monkeypatch):
    """Fetching is allowed, and nobody waits long for anything."""
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("prep.models.download.PAUSE_SECONDS", 0)
    monkeypatch.setattr("prep.models.download.TIMEOUT_SECONDS", (2, 0.2))
    monkeypatch.setattr("prep.models.download.CHUNK_BYTES", 1 << 16)


@pytest.fixture
def page(online, monkeypatch):
    """DeepDanbooru's release page, on loopback, with a file of 1 MB."""
    with release_page() as served:
        monkeypatch.setitem(KNOWN, NAME, replace(KNOWN[NAME], url=served.url, megabytes=1))
        yield served
