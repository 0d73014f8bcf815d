"""A hub on loopback, and prep push in this process."""

import io
import sys
import warnings
from types import SimpleNamespace

import huggingface_hub.constants
import pytest

from prep.cli import main
from tests.support.hub_server import TOKEN, served_hub
from tests.support.pushing import environment


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that this process's client talks to. No pause between tries takes time."""
    # The client gives files to its transport in a way that this one calls old.
    warnings.filterwarnings("ignore", "Use 'content=", DeprecationWarning)  # pytest takes it back after the test
    with served_hub() as hub:
        for name, value in environment(hub, tmp_path).items():
            monkeypatch.setenv(name, value)
        for name, value in {
            "ENDPOINT": hub.url,
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_DISABLE_TELEMETRY": True,
        }.items():
            monkeypatch.setattr(huggingface_hub.constants, name, value)
        monkeypatch.setattr("time.sleep", lambda _: None)  # between tries, the client's and ours
        yield hub
        huggingface_hub.close_session()  # the next hub has another address


@pytest.fixture
def push(monkeypatch, capsys):
    """prep push, in this process -> its output and its exit code."""

    def push(out, *arguments, repo="me/set", answer="") -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["prep", "push", str(out), repo, *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as left:
            main()
        output = capsys.readouterr()
        assert TOKEN not in output.out + output.err and "Traceback" not in output.err
        return SimpleNamespace(code=left.value.code, out=output.out, err=output.err)

    return push
