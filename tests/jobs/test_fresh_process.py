"""Every job goes to a process that has nothing but its pickle and the folders of models, and its rows come back."""

import hashlib
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest

from prep.jobs.draw import DRAW, DrawJob
from prep.jobs.tag import TAG, VOCABULARY, TagJob
from prep.ledger import Ledger
from prep.models.choose import by_path
from prep.models.choose_models import ref_of
from prep.options import GeneratorOptions, TaggerOptions
from prep.registry import load
from prep.scan.find import find_images
from prep.scan.measure import SCAN, ScanJob
from prep.types import ImageRef
from tests.strangers import onnx_tagger, palette_generator
from tests.support.onnx_files import tiny_onnx
from tests.support.pictures import folder_of
from tests.support.tiny import requests

# Once all code is found, what is asked for comes by the pickle alone.
ALONE = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
job, items = pickle.load(sys.stdin.buffer)
job.open("alone")
subjects = [outcome.subject for outcome in job.run(items) if outcome.problem is None]
print("\\n".join(subjects), dict(job.close()), sep="\\n")
"""


def alone(job, items) -> list[str]:
    """Subjects that went well, then the notes."""
    carried = pickle.dumps(list(filter(None, sys.path)) + [os.getcwd()]) + pickle.dumps((job, items))  # noqa: PTH109
    environment = {
        name: os.environ[name] for name in ("PREP_MODELS", "PREP_CACHE", "LD_LIBRARY_PATH") if name in os.environ
    }
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE], input=carried, capture_output=True, env=environment, cwd="/", timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


@pytest.fixture
def art(tmp_path):
    return folder_of(tmp_path / "art", mira=2)


@pytest.fixture
def ledger(tmp_path):
    return Ledger.begin(tmp_path / "ledger")


def sound(needs) -> bool:
    """What it needs is said, so that a scheduler can give it a place."""
    return needs.cpus >= 1 and isinstance(needs.gpu, bool) and needs.memory_bytes > 0


def test_scanning(tmp_path, art, ledger):
    found = find_images(art, tmp_path / "out").files
    job = ScanJob(art, ledger, 10**8, 1024, 8)
    assert sound(job.needs) and not job.needs.gpu
    assert alone(job, found) == [each.path for each in found] + ["{}"]
    rows = ledger.rows(SCAN, job.recipe)
    assert {row["width"] for row in rows.values()} == {320} and len(rows) == 2


def test_tagging_with_what_prep_models_has(tmp_path, art, ledger, monkeypatch):
    """The path that a person gave is not there on the other machine: the folder of models has the files."""
    path = tiny_onnx(tmp_path / "here")
    tagger = ref_of(by_path("tagger", onnx_tagger.SPEC, path), load(onnx_tagger.SPEC.options)(device="cpu"))
    (tmp_path / "models").mkdir()
    (tmp_path / "here").rename(tmp_path / "models" / "wd-onnx")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path / "models"))
    images = [
        ImageRef(
            hashlib.sha256(path.read_bytes()).hexdigest(), path.name, "mira", 320, 400, "png", 1, 0.1, 1.0, "0", ()
        )
        for path in sorted((art / "mira").iterdir())
    ]
    job = TagJob(art / "mira", ledger, tagger, 10**8)
    assert sound(job.needs) and not job.needs.gpu
    anywhere = replace(tagger, options=TaggerOptions())  # on an accelerator, where there is one
    assert TagJob(art, ledger, anywhere, 10**8).needs.gpu
    assert alone(job, images) == [image.sha256 for image in images] + ["{}"]
    assert ledger.rows(TAG, job.recipe).keys() == {image.sha256 for image in images}
    assert len(ledger.rows(VOCABULARY)) == 1


def test_drawing_from_text_and_from_a_parent(tmp_path, art, ledger):
    palette = tmp_path / "palette.txt"
    palette.write_text("#102030\n#f0e0d0\n")
    generator = ref_of(
        by_path("generator", palette_generator.SPEC, palette), load(palette_generator.SPEC.options)(device="cpu")
    )
    parents = {"a": art / "mira" / "000.png", "b": art / "mira" / "001.png"}
    asked = [*requests(1, sampler="rows"), *requests(2, sampler="rows", strength=0.5)]
    job = DrawJob(tmp_path / "out", ledger, generator, parents, {"mira": "mira"}, 1024, 10**8, asked)
    assert sound(job.needs) and not job.needs.gpu and isinstance(generator.options, GeneratorOptions)
    *subjects, notes = alone(job, asked)
    assert sorted(subjects) == sorted(request.key for request in asked) and "'drawn': 3" in notes
    rows = ledger.rows(DRAW)
    assert rows.keys() == set(subjects)
    for key in subjects:
        data = (tmp_path / "out" / "generated" / "mira" / "consistency" / f"{key}.png").read_bytes()
        assert hashlib.sha256(data).hexdigest() == rows[key]["sha256"]
