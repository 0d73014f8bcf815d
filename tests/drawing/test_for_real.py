"""Runs as they are typed, with a real pipeline of diffusers (tiny): killed, interrupted, and with another list."""

import os
import pty
import random
import re
import signal
import subprocess
import sys
import termios
import time

import pytest
from PIL import Image

from prep.files import TEMPORARY
from tests.support.pictures import folder_of
from tests.support.processes import finish, kill, wait_for
from tests.support.runs import manifest, run_here, tree
from tests.support.tiny import tiny_model

OPTIONS = '["smile"], ["outdoors"], ["white_shirt"], ["blue_hair"]'


class Made:
    """A folder of two images, how it is drawn, and where an uninterrupted run left it."""

    def __init__(self, root, tagger):
        (root / "model").mkdir()
        self.root, self.tagger = root, tagger
        self.model, self.art, self.vary = (
            tiny_model(root / "model"),
            folder_of(root / "art", mira=2),
            root / "vary.toml",
        )
        self.options(OPTIONS)
        self.whole = root / "whole"
        # One picture at a time in 20 steps: some 0.2 s each, so that a signal meets the drawing and not its end.
        self.sets = (
            f"generator.model={self.model}", "generator.device=cpu", "generator.batch=1", "generator.steps=20",
            f"augmentation.vary={self.vary}", "augmentation.least=6", "augmentation.tries=1",
            "thresholds.mode=fixed", "thresholds.fixed=0.3",
        )  # fmt: skip
        run_here(self.art, self.whole, tagger, *self.sets)

    def options(self, text: str) -> None:
        self.vary.write_text(f"[a]\noptions = [{text}]\n")

    def start(self, out, **options) -> subprocess.Popen:
        command = [sys.executable, "-m", "prep", "run", self.art, "--out", out, "--set", f"tagger.model={self.tagger}"]
        sets = [part for each in self.sets for part in ("--set", each)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        return subprocess.Popen([*map(str, command), *sets], **pipes)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        for name in ("PREP_CACHE", "HF_HOME"):
            patched.setenv(name, str(tmp_path_factory.mktemp("home")))
        patched.setenv("HF_HUB_OFFLINE", "1")
        from tests.support.pictures import tiny_checkpoint

        root = tmp_path_factory.mktemp("drawn")
        yield Made(root, tiny_checkpoint(root / "tagger.safetensors"))


def drawn(out):
    return [row for row in manifest(out) if row["origin"] != "source"]


def pictures(out):
    return list((out / "generated").rglob("*/*/*.png"))


def test_a_run_draws_every_kind_and_says_with_what(made):
    rows = drawn(made.whole)
    assert {row["origin"] for row in rows} == {"augmentation", "consistency", "reconstruct"}
    assert {row["generator"].split(" ")[0] for row in rows} == {made.model.stem}
    how = {(row["sampler"], row["steps"], row["guidance_scale"], row["width"] % 16, row["height"] % 16) for row in rows}
    assert how == {("euler", 20, 3.0, 0, 0)}
    assert {row["strength"] for row in rows} == {None, 0.6}


def test_a_run_that_is_killed_and_then_interrupted_ends_with_the_same_bytes(made, tmp_path, capfd):
    out, total = tmp_path / "out", len(drawn(made.whole))
    killed = made.start(out)
    wait_for(lambda: pictures(out), killed)
    kill(killed)
    assert killed.returncode == -signal.SIGKILL
    had = len(pictures(out))
    assert 1 <= had < total and not (out / "manifest.parquet").exists()

    # On a terminal of its own, which has a bar.
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = made.start(out, stderr=theirs)
    os.close(theirs)
    wait_for(lambda: len(pictures(out)) >= had + 2, process)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=300)[0]
    shown = read_all(ours)
    assert process.returncode == 130 and "Traceback" not in shown
    assert f"generate: {total - had} pictures with tiny" in said
    assert re.search(rf"draw: .*\d/{total - had} \[.*<\d\d:\d\d", shown)  # how many, and the time left
    assert "interrupted; everything finished so far is kept, run again to continue" in shown
    for path in pictures(out):
        Image.open(path).load()  # whole, each of them
    assert not [path for path in out.rglob("*") if path.name.startswith(TEMPORARY)]

    left = total - len(pictures(out))
    run_here(made.art, out, made.tagger, *made.sets)
    assert f"generate: {left} pictures with tiny" in capfd.readouterr().out
    assert tree(out) == tree(made.whole)


def test_another_list_takes_nothing_away_of_what_was_drawn(made, capfd):
    run_here(made.art, made.whole, made.tagger, *made.sets)
    assert "pictures were drawn before; no model was loaded" in capfd.readouterr().out
    before = {row["seed"]: row["image_id"] for row in drawn(made.whole)}
    stood = {path: path.stat().st_mtime_ns for path in pictures(made.whole)}
    made.vary.write_text('[b]\noptions = [["rating:safe"], ["rating:questionable"]]\n')
    run_here(made.art, made.whole, made.tagger, *made.sets)
    after = {row["seed"]: row["image_id"] for row in drawn(made.whole)}
    new = [row["prompt"] for row in drawn(made.whole) if row["seed"] not in before]
    assert len(new) == 2 and all("rating:" in prompt for prompt in new)
    assert "generate: 2 pictures with tiny" in capfd.readouterr().out
    assert {seed: after[seed] for seed in before} == before
    assert {path for path in pictures(made.whole) if stood.get(path) == path.stat().st_mtime_ns} == stood.keys()


def read_all(terminal: int) -> str:
    """What was written to a terminal whose other end is closed: Linux then answers EIO."""
    data = b""
    try:
        while part := os.read(terminal, 65536):
            data += part
    except OSError:
        pass
    os.close(terminal)
    return data.decode()


@pytest.mark.slow
def test_ten_kills_at_random_moments_end_with_the_same_bytes(made, tmp_path):
    made.options(OPTIONS)
    whole = tmp_path / "whole"  # made.whole still has what another list drew
    assert finish(made.start(whole))[0] == 0
    moments, out = random.Random(4), tmp_path / "out"
    for _ in range(10):
        had = len(pictures(out))
        process = made.start(out)
        wait_for(lambda before=had, process=process: len(pictures(out)) > before or process.poll() is not None)
        time.sleep(moments.uniform(0, 0.5))
        kill(process)
    assert finish(made.start(out))[0] == 0
    assert tree(out) == tree(whole)
