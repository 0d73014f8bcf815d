import pytest
import torch

from tests.sd35.make_checkpoint import SIZES
from tests.support import tiny


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A whole SD3.5 in one file, to be read only."""
    return tiny.tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def encoded(tmp_path_factory):
    """Where its prompts are kept once they are encoded."""
    return tmp_path_factory.mktemp("encoded")


@pytest.fixture
def medium_width(monkeypatch):
    """Five blocks of medium's width, two with dual attention: all of it, twice in float32, would take 20 GB."""
    fewer = {"num_layers": 5, "dual_attention_layers": [0, 1], "pos_embed_max_size": 96}
    monkeypatch.setitem(SIZES, "medium-5", {**SIZES["medium"], **fewer})
    return "medium-5"


@pytest.fixture
def one_thread():
    """Tiny models only wait for a second thread; beside other work, for seconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
