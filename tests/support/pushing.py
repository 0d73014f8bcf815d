"""What the tests of a push share: its usual options, a process that pushes, and readers of what the hub then has."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from prep.hub.card import END
from prep.hub.card_yaml import FRONT
from tests.support.hub_server import TOKEN, Hub

WITH = ("--with-images", "--yes", "--license", "cc-by-nc-4.0")
HOSTILE = ["fate/stay_night", ".hack//", "<|>_<|>", "../x", "a\"b'c", "line\nbreak", "---", "#x", "`|`", END, "a: b",
           "{x}", "$x$", "\u202e"]  # fmt: skip


def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """The environment of a push to that hub."""
    return {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "PREP_TOKEN_TO_MIRROR": "1", "HF_HUB_OFFLINE": "0",
            "NO_PROXY": "127.0.0.1", "HF_HOME": str(tmp_path / "hf")}  # fmt: skip


def apart(command: list, hub: Hub, tmp_path: Path, cwd: Path | None = None, **more) -> subprocess.CompletedProcess:
    """Run the command in another process, with that hub as its hub."""
    env = {**os.environ, **environment(hub, tmp_path), **more}
    command = list(map(str, command))
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, cwd=cwd)


@contextlib.contextmanager
def running(out: Path, hub: Hub, tmp_path: Path) -> Iterator[subprocess.Popen]:
    """A push in another process, which a test may signal. It is gone afterwards."""
    command = [sys.executable, "-m", "prep", "push", str(out), "me/set", *WITH]
    env = {**os.environ, **environment(hub, tmp_path)}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def card(hub: Hub, name: str = "me/set") -> str:
    return hub.read(name, "README.md").decode()


def front(text: str) -> dict:
    return yaml.safe_load(FRONT.match(text)[1])


def shard(hub: Hub, path: str, name: str = "me/set") -> list[dict]:
    return pq.read_table(io.BytesIO(hub.read(name, path))).to_pylist()
