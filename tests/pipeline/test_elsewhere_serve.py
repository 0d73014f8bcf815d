"""A second prep, which serves, reads and draws for the first one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from prep.generators.remote import Remote as Generator
from prep.generators.remote import RemoteOptions as GeneratorOptions
from prep.models.known import PACKAGE
from prep.taggers import TAGGERS
from prep.taggers.remote import Remote, RemoteOptions
from tests.support.members import made
from tests.support.pictures import drawing
from tests.support.processes import wait_for
from tests.support.requests import request
from tests.support.runs import manifest, prep, tree
from tests.support.serving import served_here, served_process

EXAMPLES = Path(__file__).parents[2] / "examples" / "characters"


@pytest.mark.parametrize("route", ["auto", "tagger", "wd14"])
def test_it_reads_through_every_route_what_its_tagger_reads(tmp_path, route):
    spec = TAGGERS.members["starter-tagger"]
    own = made(spec, {"model": PACKAGE / spec.files[0].name}, device="cpu")
    picture = np.asarray(drawing(3, 200, 150))
    (wanted,) = own.scores(own.prepare(picture)[None])
    with served_here(tmp_path, "generator.model=none") as served:
        model = "" if route == "auto" else "starter-tagger"
        tagger = Remote("a1111", {"url": served.url}, RemoteOptions(route=route, model=model))
        (found,) = tagger.scores(np.stack([tagger.prepare(picture)]))
        assert served.get("/sdapi/v1/options").json()["interrogate_return_ranks"] is False
    place = {name: at for at, name in enumerate(own.vocabulary.names)}
    for name, score in zip(tagger.vocabulary.names, found, strict=True):
        there = float(wanted[place[name]])
        assert score == pytest.approx(there, abs=1e-3) if there > 0.0205 else score < 0.0215
    without = {name for name in place if route == "auto" and name.startswith("rating:")}  # as A1111
    assert tagger.route.model == "starter-tagger" and set(tagger.vocabulary.names) == place.keys() - without


def test_it_draws_the_same_picture_of_the_same_seed(tmp_path):
    with served_here(tmp_path) as served:
        generator = Generator("a1111", {"url": served.url}, GeneratorOptions())
        own, card = served.desk.card, generator.card
        assert (card.steps, card.guidance, card.size(1, 1)) == (own.steps, own.guidance, own.size(1, 1))
        assert (card.quality, card.negative) == (own.quality, own.negative)
        assert generator.card.name == "starter-generator" and len(generator.found.hash) == 64
        width, height = generator.card.size(100, 100)
        asked = request(strength=None, parent=None, width=width, height=height)
        ((_, first),) = generator.draw([asked], {}, tmp_path)
        ((_, second),) = generator.draw([asked], {}, tmp_path)
    assert first.shape == (height, width, 3) and np.array_equal(first, second)


@pytest.mark.slow
def test_the_examples_survive_a_serve_that_is_killed_and_comes_back_at_another_address(tmp_path):
    out = tmp_path / "out"

    def command(url: str) -> list[str]:
        sets = (f"tagger.model=a1111:{url}", f"generator.model=a1111:{url}", "generator.resolution=160",
                "generator.steps=16", "generator.guidance=3.0")  # fmt: skip
        return ["run", str(EXAMPLES), "--out", str(out), *(word for each in sets for word in ("--set", each))]

    def drawn() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in out.glob("generated/*/*/*.png")}

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with served_process(tmp_path / "one") as served:
        run = subprocess.Popen([sys.executable, "-m", "prep", *command(served.url)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
        wait_for(lambda: len(drawn()) >= 3, run)
        served.process.kill()
        said = run.communicate(timeout=120)
        assert run.returncode == 3 and "does not answer" in said[1] and "Traceback" not in said[1], said
    before = drawn()
    with served_process(tmp_path / "two") as served:
        done = prep(*command(served.url))
        assert done.returncode == 0, done.stdout + done.stderr
        assert before.items() <= drawn().items() and "TRIAL: read by the starter tagger" in done.stdout
        whole = tree(out)
        assert prep(*command(served.url)).returncode == 0 and tree(out) == whole
    rows = manifest(out)
    assert {row["tagger"] for row in rows} == {"a1111"}
    assert {row["generator"] for row in rows} == {None, "starter-generator a1111"}
    lint = prep("lint", out / "kohya")
    assert lint.returncode == 0, lint.stdout
