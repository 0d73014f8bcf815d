"""No network call that nobody asked for: an audit hook hears each, in every process; and all works without one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prep.formats import FORMATS
from tests.support.examples import ROOT
from tests.support.pictures import EXAMPLES

# Python imports a sitecustomize at the start of every process, a worker's too. A socket that is a file is no network.
HOOK = """
import os, sys

def heard(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        socket, where = arguments
        if int(socket.family) == 1:
            return
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        where = arguments
    else:
        return
    with open(os.environ["CALLS"], "a") as file:
        print(event, where, file=file)

sys.addaudithook(heard)
"""
# All commands in one process: what they import takes longer than what they do.
TYPE = """
import json, sys
from prep.cli import main

for line in json.loads(sys.argv[1]):
    sys.argv = ["prep", *line]
    try:
        main()
    except SystemExit as left:
        assert left.code in (0, 1), (line, left.code)
"""
STARTERS = ("tagger.model=starter", "generator.model=starter")
LITTLE = (
    "reconstruct.per_character=0",
    "consistency.per_character=0",
    "augmentation.least=1",
    "augmentation.share=0.1",
)


@pytest.fixture
def art(tmp_path) -> Path:
    """Two pictures of a character whom the starter models know."""
    folder = tmp_path / "art" / "eileen"
    folder.mkdir(parents=True)
    for name in ("eileen_happy.png", "eileen_vhappy.png"):
        (folder / name).write_bytes((EXAMPLES / "characters" / "eileen" / name).read_bytes())
    return tmp_path / "art"


@pytest.fixture
def heard(tmp_path, monkeypatch):
    """heard(command...): what it connects to or looks up. Nothing is offline; who asks a hub is heard and refused."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(HOOK)
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{ROOT}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)

    def heard(*command: object) -> str:
        (tmp_path / "calls").write_text("")
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=600)
        assert not done.returncode, done.stdout + done.stderr
        return (tmp_path / "calls").read_text()

    return heard


def lines(art: Path, out: Path, *sets: str, offline: Path) -> list[list[str]]:
    """Every command that has no business on a network, after a run with these settings."""
    given = [word for each in sets for word in ("--set", each)]
    image = next(art.rglob("*.png"))
    commands = [
        ("run", art, "--out", out, *given),
        ("run", art, "--out", out, *given),
        ("run", art, "--out", out, "--plan", *given),
        ("status", out),
        ("status", out, "--problems"),
        ("lint", out),
        ("export", out, *(word for name in FORMATS.members for word in ("--to", name))),
        ("tags", out, "--add", "a hat"),
        ("exclude", out, image.name),
        ("undo", out),
        ("models",),
        ("doctor", "--config", offline),
    ]
    return [list(map(str, command)) for command in commands]


@pytest.fixture
def offline(tmp_path) -> Path:
    path = tmp_path / "offline.toml"
    path.write_text("[models]\noffline = true\n")
    return path


def test_the_hook_hears_who_calls(heard):
    call = "import socket\ntry: socket.create_connection(('127.0.0.1', 9))\nexcept OSError: pass"
    assert "socket.connect ('127.0.0.1', 9)" in heard(sys.executable, "-c", call)


def test_no_command_calls_anybody_for_a_set_that_a_starter_reads_nor_a_plan(heard, art, tmp_path, offline):
    first, *told = lines(art, tmp_path / "out", STARTERS[0], "generator.model=none", offline=offline)
    told = [first, *(line for line in told if line[0] in ("status", "lint", "export", "doctor"))]
    # What the plans of these models say, nobody had to be asked for.
    (art / "prep.toml").write_text('tagger.model = "deepdanbooru-v3"\ngenerator.model = "sd35-medium"\n')
    plan = ["run", str(art), "--out", str(tmp_path / "another"), "--plan"]
    told += [plan, [*plan, "--set", "tagger.model=auto"]]
    assert heard(sys.executable, "-c", TYPE, json.dumps(told)) == ""


@pytest.mark.slow
@pytest.mark.parametrize("sets", [(*STARTERS, *LITTLE), ("models.offline=true", "generator.model=starter", *LITTLE)])
def test_no_command_calls_anybody_while_starters_draw_or_nothing_may_be_fetched(heard, art, tmp_path, offline, sets):
    told = lines(art, tmp_path / "out", *sets, offline=offline)
    given = [word for each in sets[:2] for word in ("--set", each)]
    told += [["redraw", str(next(art.rglob("*.png"))), "-n", "1", "--out", str(tmp_path / "redrawn"), *given]]
    assert heard(sys.executable, "-c", TYPE, json.dumps(told)) == ""


@pytest.mark.slow
def test_all_is_done_where_there_is_no_network(heard, art, tmp_path, offline):
    without = next((each for each in (["unshare", "-n"], ["unshare", "-rn"]) if not _tried(each)), None)
    if without is None:
        pytest.skip("this user may not take the network away from a process")
    told = lines(art, tmp_path / "out", *STARTERS, *LITTLE, offline=offline)
    assert heard(*without, sys.executable, "-c", TYPE, json.dumps(told)) == ""
    assert (tmp_path / "out" / "kohya" / "dataset.toml").is_file()


def _tried(command: list[str]) -> int:
    try:
        return subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    except FileNotFoundError:
        return 1
