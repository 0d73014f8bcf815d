"""The README's first command, with everything read and drawn by a web UI that is killed in the middle."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import kill, wait_for
from tests.support.runs import manifest, prep, tree

EXAMPLES = Path(__file__).parents[2] / "examples" / "characters"


def started(port: int, seeds: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.support.starter_web_ui", str(port), str(seeds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n", process.communicate()
    return process


@pytest.mark.slow
def test_the_examples_survive_a_server_that_is_killed_and_nothing_is_drawn_twice(tmp_path):
    src, out, seeds = tmp_path / "characters", tmp_path / "out", tmp_path / "seeds.txt"
    shutil.copytree(EXAMPLES, src)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    there = f"a1111:http://127.0.0.1:{port}"
    sets = (f"tagger.model={there}", f"generator.model={there}", "generator.resolution=160", "generator.steps=16",
            "generator.guidance=3.0")  # fmt: skip
    arguments = ["run", src, "--out", out, *(word for each in sets for word in ("--set", each))]
    server = started(port, seeds)
    run = subprocess.Popen(
        [sys.executable, "-m", "prep", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: seeds.exists() and len(seeds.read_text().splitlines()) >= 3, run)
    kill(server)
    said = run.communicate(timeout=120)
    assert run.returncode == 3 and "does not answer" in said[1] and "Traceback" not in said[1], said
    server = started(port, seeds)
    try:
        done = prep(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        drawn = seeds.read_text().splitlines()
        # The one that was on its way when the server died may have been drawn, and never arrived.
        assert len(drawn) - len(set(drawn)) <= 1 and len(drawn) > 10
        before = tree(out)
        assert prep(*arguments).returncode == 0
        assert tree(out) == before and seeds.read_text().splitlines() == drawn
    finally:
        kill(server)
    rows = manifest(out)
    assert {row["tagger"] for row in rows} == {"a1111"} and any(
        row["status"] == "kept" and row["generator"] for row in rows
    )
    lint = prep("lint", out / "kohya")
    assert lint.returncode == 0, lint.stdout
