"""What is new is decoded once: the scan hands it to the tagger, whose answers are those of the tag stage."""

import _thread
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from prep.config import load_settings
from prep.errors import StoppedError
from prep.images import fitted
from prep.jobs.tag import TAG, TagJob
from prep.ledger import Ledger
from prep.pipeline import road
from prep.run import Options
from prep.runners.local import LocalRunner
from prep.scan.measure import SCAN
from prep.taggers.deepdanbooru import DeepDanbooru
from tests.fakes import FakeTagger
from tests.support.pictures import drawing, folder_of, save, tiny_checkpoint
from tests.support.runs import manifest, older, prep, tree


def run(src, out, tagger, *sets, **options):
    settings = load_settings(src, None, (f"tagger.model={tagger}", "generator.model=none", *sets), out)
    return road.run(src, out, settings, Options(**options), LocalRunner(1))


def scores_of(out):
    rows = Ledger(out / ".prep" / "ledger").rows(TAG)
    return {sha256: (row["recipe"], row["index"], row["score"]) for sha256, row in rows.items()}


@pytest.fixture
def never_again(monkeypatch):
    """Fails where the tag stage decodes a picture itself."""

    def run(self, items):
        raise AssertionError(f"decoded again: {[item.path for item in items]}")

    monkeypatch.setattr(TagJob, "run", run)


@pytest.mark.parametrize("size", [(64, 64), (640, 480), (333, 1000), (7, 900), (1, 1), (63, 65)])
def test_a_fitted_picture_is_prepared_as_the_whole_one(size, tmp_path, weights_options):
    tagger = DeepDanbooru("tiny", {"model": tiny_checkpoint(tmp_path / "tiny.pt")}, weights_options)
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    small = fitted(pixels, tagger.fitted_px)
    assert max(small.shape) == 64 and np.array_equal(tagger.prepare(small), tagger.prepare(pixels))


@pytest.fixture
def weights_options():
    from prep.options import TaggerOptions

    return TaggerOptions(device="cpu")


def test_a_set_has_the_bytes_of_one_that_was_scanned_first(tmp_path):
    art = folder_of(tmp_path / "art", mira=5, rin=4)
    older(art)
    tagger = tiny_checkpoint(tmp_path / "tiny.pt")
    run(art, tmp_path / "out", tagger, to="scan")
    assert not scores_of(tmp_path / "out")
    run(art, tmp_path / "out", tagger)
    apart, found = tree(tmp_path / "out"), scores_of(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    run(art, tmp_path / "out", tagger)
    assert len(found) == 9 and scores_of(tmp_path / "out") == found
    assert tree(tmp_path / "out") == apart


def test_new_pictures_are_decoded_once_and_others_not_at_all(tmp_path, never_again, capsys):
    art = folder_of(tmp_path / "art", mira=5)
    older(art)
    tagger = tiny_checkpoint(tmp_path / "tiny.pt")
    run(art, tmp_path / "out", tagger)
    assert "tag: 5 images with file (0 done before)" in capsys.readouterr().out
    save(drawing(77), art / "mira" / "new.png")
    run(art, tmp_path / "out", tagger)
    assert "tag: 1 images with file (5 done before)" in capsys.readouterr().out
    run(art, tmp_path / "out", tagger)
    assert "tag: all 6 images were tagged before; no model was loaded" in capsys.readouterr().out


def test_what_the_rules_leave_out_and_a_second_file_of_a_picture_are_not_tagged(tmp_path, reads_with, never_again):
    art = folder_of(tmp_path / "art", mira=3)
    shutil.copy(art / "mira" / "000.png", art / "mira" / "again.png")
    save(drawing(5).resize((20, 20)), art / "mira" / "small.png")
    tagger = FakeTagger()
    tagger.fitted_px = 64
    reads_with(lambda options: tagger)
    tiny_checkpoint(tmp_path / "weights.pt")
    run(art, tmp_path / "out", tmp_path / "weights.pt", "scan.min_side_px=32")
    assert tagger.prepared == tagger.scored == 3


def test_a_tagger_that_needs_pictures_whole_reads_them_whole(tmp_path, reads_with):
    art = folder_of(tmp_path / "art", mira=3)
    tagger = FakeTagger()
    reads_with(lambda options: tagger)
    tiny_checkpoint(tmp_path / "weights.pt")
    shapes = []
    tagger.prepare = lambda image: shapes.append(image.shape) or FakeTagger.prepare(tagger, image)
    run(art, tmp_path / "out", tmp_path / "weights.pt")
    assert {*shapes} == {np.asarray(drawing(0)).shape} and tagger.scored == 3


@pytest.mark.parametrize("count", [40, 1])
def test_a_tagger_that_fails_ends_the_run_and_what_was_scanned_is_kept(count, tmp_path, reads_with):
    """Also in the last batch, which is not full."""
    art = folder_of(tmp_path / "art", mira=count)
    older(art)
    tagger = FakeTagger(2)
    tagger.fitted_px = 64
    reads_with(lambda options: tagger)
    tiny_checkpoint(tmp_path / "weights.pt")

    def no_memory(batch):
        raise StoppedError("the card is out of memory", hint="lower tagger.batch")

    tagger.scores = no_memory
    with pytest.raises(StoppedError, match="out of memory"):
        run(art, tmp_path / "out", tmp_path / "weights.pt")
    assert Ledger(tmp_path / "out" / ".prep" / "ledger").rows(SCAN)
    del tagger.scores
    run(art, tmp_path / "out", tmp_path / "weights.pt")
    assert len(scores_of(tmp_path / "out")) == count


@pytest.fixture
def slow_tagger(tmp_path, reads_with):
    """Its batches are of two; `when` is called with the number of each."""
    tagger = FakeTagger(2)
    tagger.fitted_px, tagger.when, numbers = 64, lambda number: None, itertools.count()
    tagger.scores = lambda batch: tagger.when(next(numbers)) or FakeTagger.scores(tagger, batch)
    reads_with(lambda options: tagger)
    tiny_checkpoint(tmp_path / "weights.pt")
    return tagger


def test_a_picture_that_changes_meanwhile_is_read_again_and_one_that_is_renamed_is_found(tmp_path, slow_tagger, capsys):
    art = folder_of(tmp_path / "art", mira=6)
    older(art)

    def change(number):
        if number == 2:  # all were read
            save(drawing(70), art / "mira" / "000.png")
            (art / "mira" / "001.png").rename(art / "mira" / "renamed.png")
            (art / "mira" / "002.png").unlink()

    slow_tagger.when = change
    assert run(art, tmp_path / "out", tmp_path / "weights.pt").exit_code == 0
    assert "some images changed while prep was running and are read again" in capsys.readouterr().out
    rows = {row["source"]: row["status"] for row in manifest(tmp_path / "out")}
    assert rows == {f"mira/{name}.png": "kept" for name in ("000", "003", "004", "005", "renamed")}


@pytest.fixture
def interrupts():
    """As in a shell's foreground: a process that was started in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_an_interrupt_keeps_what_is_tagged(tmp_path, slow_tagger):
    art = folder_of(tmp_path / "art", mira=6)
    slow_tagger.when = lambda number: number == 2 and _thread.interrupt_main()
    with pytest.raises(KeyboardInterrupt):
        run(art, tmp_path / "out", tmp_path / "weights.pt")
    assert len(scores_of(tmp_path / "out")) == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_goes_on_to_the_same_bytes(number, tmp_path):
    art = folder_of(tmp_path / "art", mira=60)
    older(art)
    tagger = tiny_checkpoint(tmp_path / "tiny.pt")
    sets = ("--set", f"tagger.model={tagger}", "--set", "generator.model=none", "--set", "tagger.device=cpu")
    command = [sys.executable, "-m", "prep", "run", art, "--out", tmp_path / "out", *sets]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    parts = tmp_path / "out" / ".prep" / "ledger" / "scan"
    deadline = time.monotonic() + 60
    while not (parts.is_dir() and any(parts.glob("*.parquet"))) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, number)
    assert process.wait(60) in (130, -number)
    assert prep("run", art, "--out", tmp_path / "out", *sets).returncode == 0
    stopped = tree(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    assert prep("run", art, "--out", tmp_path / "out", *sets).returncode == 0
    assert tree(tmp_path / "out") == stopped
