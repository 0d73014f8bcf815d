import gc
import os

# Before torch is imported. Two workers share two cores, and threads that wait for one another would spin.
os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from huggingface_hub import constants

from prep.models.residency import MEMORY
from prep.taggers import TAGGERS
from tests.support import figures
from tests.support.commands import typed  # noqa: F401 - fixtures
from tests.support.counting import generator, sets  # noqa: F401 - fixtures
from tests.support.cropping import begun_cropped, cropped, tagging  # noqa: F401 - fixtures
from tests.support.examples import make_examples
from tests.support.figures import figure  # noqa: F401 - a fixture
from tests.support.person import begun, begun_drawn, made, painted  # noqa: F401 - fixtures
from tests.support.pictures import tiny_checkpoint
from tests.support.second import other  # noqa: F401 - a fixture

UNSET = ("PREP_MODELS", "HF_TOKEN", "HF_ENDPOINT", "PREP_CRASH")


def at_home(patch: pytest.MonkeyPatch, home) -> None:
    """Nothing sees this user's models, cache or token, or asks the network for anything."""
    for name, value in {"PREP_CACHE": home / "cache", "HF_HOME": home / "hf", "HF_HUB_OFFLINE": 1}.items():
        patch.setenv(name, str(value))
    # The client has read its variables already; a process that a test starts reads them anew.
    patch.setattr(constants, "HF_HUB_CACHE", str(home / "hf" / "hub"))
    patch.setattr(constants, "HF_TOKEN_PATH", str(home / "hf" / "token"))
    patch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name in UNSET:
        patch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _at_home(tmp_path_factory, monkeypatch):
    at_home(monkeypatch, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def tiny_tagger(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture(autouse=True)
def _auto_is_torch(monkeypatch):
    """Whatever is installed: `tagger.backend = auto` finds no OpenVINO in this process."""
    monkeypatch.setattr("prep.models.backend.lacks", lambda: "openvino is not installed")


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


@pytest.fixture(scope="session")
def examples(tmp_path_factory, worker_id) -> tuple[Path, str]:
    """(OUT, what was said) of the README's first command. Made once for all workers: copy OUT before you change it."""
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent
    with FileLock(root / "examples.lock"), pytest.MonkeyPatch.context() as patched:
        at_home(patched, tmp_path_factory.mktemp("home"))
        return make_examples(root / "examples")


def pytest_collection_modifyitems(items):
    """What takes half a minute comes first, so that no worker waits for the other at the end."""
    items.sort(key=lambda item: "examples" not in item.fixturenames)


def pytest_collection_finish():
    """Modules and tests live to the end: unfrozen, each gc.collect() looks through them all, a third of a second."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter):
    """What the long trials counted, with any number of workers."""
    for line in figures.lines(terminalreporter):
        terminalreporter.write_line(line)
