"""Every example of docs/SERVE.md and docs/SERVE_A1111.md is run as it stands, but for the port."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from PIL import Image

from prep.cli import group
from prep.sections import Serve
from tests.support.examples import CHARACTERS, ROOT
from tests.support.serving import Served, served_here

PAGE, A1111S = (ROOT / "docs" / name for name in ("SERVE.md", "SERVE_A1111.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(r"(?:[^\n\\]|\\.|\\\n)+")  # a line, and those that it goes on in
JOB = re.compile(r'"id": ?"([0-9a-f]{16})"')
SHOWN = ("json", "text")  # what the block before it prints

with_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
RUN = ("--set", "tagger.model=starter", "--set", "generator.model=none")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Has the pictures that the pages name."""
    sylvie = CHARACTERS / "sylvie" / "sylvie_blue_smile.png"
    shutil.copy(sylvie, tmp_path / "sylvie.png")
    shutil.copy(sylvie, tmp_path / "input.png")
    shutil.copy(CHARACTERS / "lucy" / "lucy_club_1.jpg", tmp_path / "lucy.jpg")
    with Image.open(sylvie) as image:
        mask = Image.new("L", image.size, 0)
    mask.paste(255, (0, 0, mask.width, mask.height // 4))
    mask.save(tmp_path / "mask.png")
    return tmp_path


def blocks(page: Path, *sections: str) -> list[tuple[str, str]]:
    """(kind, text) of each block, of these sections or of all."""
    parts = page.read_text().split("\n## ")
    wanted = [part for part in parts if not sections or part.partition("\n")[0] in sections]
    return [found for part in wanted for found in BLOCK.findall(part)]


class Reader:
    """Types what a page says, one command after the other."""

    def __init__(self, folder: Path, open_to_all: Served, locked: Served | None = None) -> None:
        self.folder, self.open_to_all, self.locked = folder, open_to_all, locked
        self.job = ""

    def type(self, found: list[tuple[str, str]]) -> int:
        """-> how many blocks were run; what is shown below one is what it prints."""
        ran, printed = 0, ""
        for kind, text in found:
            if kind in SHOWN:
                check(text, printed)
            elif kind == "python":
                printed, ran = self.run([sys.executable, "-c", text]), ran + 1
            else:
                assert kind == "sh"
                printed = "".join(self.run(["bash", "-c", command]) for command in COMMAND.findall(text))
                ran += 1
        return ran

    def run(self, command: list[str]) -> str:
        served = self.locked if "-u me:secret" in command[-1] else self.open_to_all
        text = re.sub(r"\bID\b", self.job, command[-1].replace("7860", str(served.port)))
        environment = os.environ | {"PYTHONWARNINGS": "ignore"}
        done = subprocess.run([*command[:-1], text], cwd=self.folder, env=environment, capture_output=True, timeout=300)
        printed = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0, (command, printed, done.stderr)
        if jobs := JOB.findall(printed):
            self.job = jobs[-1]
        return printed


def check(shown: str, printed: str) -> None:
    """`...` stands for anything; spaces and line breaks count nowhere."""
    pieces = [re.escape("".join(piece.split())) for piece in shown.split("...")]
    assert re.fullmatch(".*?".join(pieces), "".join(printed.split())), f"{shown}\n--- is not\n{printed}"


def test_a_page_that_shows_what_is_not_printed_is_noticed():
    check('{"a": ..., "b": 1}', '{"a":"x","b":1}\n')
    for shown in ('{"a": ..., "b": 2}', '"b": 1}', '{"a": ..., "c"'):
        with pytest.raises(AssertionError):
            check(shown, '{"a":"x","b":1}')


@with_curl
def test_the_examples_of_reading_run(served, folder):
    assert Reader(folder, served).type(blocks(PAGE, "Reading")) == 3


@with_curl
def test_the_readmes_example_runs(served):
    (command,) = re.findall(r"^    (curl .*)$", (ROOT / "README.md").read_text(), re.M)
    assert '"caption":"1girl, ' in Reader(ROOT, served).run(["bash", "-c", command])


@pytest.mark.slow
@with_curl
def test_all_examples_of_the_page_run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    shutil.copytree(CHARACTERS / "lucy", folder / "art" / "characters" / "lucy")
    with (
        served_here(folder / "serve", f"serve.roots=['{folder}/art']", run=RUN) as served,
        served_here(folder / "locked", "generator.model=none", logins={"me": "secret"}) as locked,
    ):
        found = blocks(PAGE)
        assert Reader(folder, served, locked).type(found) == sum(kind not in SHOWN for kind, _ in found) >= 12
    for name in ("drawn.png", "outputs/my_set/kohya/dataset.toml"):
        assert (folder / name).is_file()
    assert len(list(folder.glob("sylvie-*.png"))) == 2


@pytest.mark.slow
def test_the_examples_of_a1111s_clients_run(served, folder):
    assert Reader(folder, served).type(blocks(A1111S)) == 2
    with Image.open(folder / "output.png") as drawn:
        assert drawn.size == (160, 160)


def test_the_commands_that_start_it_exist():
    commands = re.findall(r"(?m)^    (?:\w+=\S+ )?prep (serve.*)|`(?:\w+=\S+ )prep (serve.*?)`", PAGE.read_text())
    assert len(commands) >= 3
    for words in map(shlex.split, map("".join, commands)):
        inner = group.get_command(click.Context(group), words[0])
        inner.make_context(inner.name, words[1:])


def test_the_page_names_every_limit_with_its_default():
    text = PAGE.read_text().replace(",", "")
    for name, field in Serve.model_fields.items():
        assert f"serve.{name}" in text, name
        if isinstance(field.default, int):
            assert re.search(rf"serve\.{name}\b.*\b{field.default}\b", text), name
