"""The tag stage's job: whatever lies in one batch, each picture gets its own scores."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from prep.jobs import tag
from prep.jobs.read import above_floor
from prep.ledger import Ledger
from prep.models import ModelRef
from prep.models.hashes import digest_of
from prep.models.residency import MEMORY
from prep.options import TaggerOptions
from prep.taggers import TAGGERS
from prep.types import ImageRef
from tests.fakes import FakeTagger


def drawn(folder, count):
    """PNGs of one grey each, and what the scan would say of them."""
    folder.mkdir()
    refs = []
    for number in range(count):
        path = folder / f"{number}.png"
        Image.new("RGB", (8, 8), (20 * number,) * 3).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        refs.append(ImageRef(digest, path.name, "mira", 8, 8, "png", path.stat().st_size, 0.1, 1.0, "0", ()))
    return refs


def tagged(folder, refs, out, tagger, reads_with, asked=None):
    """sha256 -> the row that the job kept. asked: the batch that the settings ask for, when not the tagger's own."""
    reads_with(lambda options: tagger)
    ledger = Ledger.begin(out)
    weights = folder.parent / "weights"
    weights.write_bytes(b"made up")
    files = {"model": weights}
    options = TaggerOptions(device="cpu", batch=asked or tagger.batch_size)
    given = (("model", str(weights)),)
    work = tag.TagJob(
        folder, ledger, ModelRef(TAGGERS.members["file"], "file", digest_of(files), options, given), 10**6
    )
    work.open("main")
    outcomes = list(work.run(refs))
    work.close()
    MEMORY.clear()
    rows = ledger.rows(tag.TAG)
    assert [outcome.subject for outcome in outcomes] == [ref.sha256 for ref in refs]
    return outcomes, {sha256: (row["index"], row["score"]) for sha256, row in rows.items()}


@pytest.mark.parametrize("batch", [1, 2, 3, 12])
def test_a_picture_has_the_same_scores_in_any_batch(batch, tmp_path, reads_with):
    refs = drawn(tmp_path / "art", 11)
    _, found = tagged(tmp_path / "art", refs, tmp_path / "out", FakeTagger(batch), reads_with)
    assert len({str(row) for row in found.values()}) == 11
    alone = FakeTagger(1)
    for number, ref in enumerate(refs):
        grey = np.full((1, 8, 8, 3), 20 * number / 255, np.float32)
        expected = above_floor(alone.vocabulary, alone.scores(grey)[0])
        assert found[ref.sha256] == (expected.index.tolist(), expected.score.tolist())


def test_a_tagger_that_takes_fewer_than_asked_gets_fewer(tmp_path, monkeypatch, reads_with):
    refs = drawn(tmp_path / "art", 7)
    tagger, sizes = FakeTagger(2), []
    scores = tagger.scores
    monkeypatch.setattr(tagger, "scores", lambda batch: sizes.append(len(batch)) or scores(batch))
    _, found = tagged(tmp_path / "art", refs, tmp_path / "out", tagger, reads_with, asked=8)
    assert sizes == [2, 2, 2, 1] and len(found) == 7


def test_a_picture_that_changed_leaves_the_others_their_scores(tmp_path, reads_with):
    refs = drawn(tmp_path / "art", 6)
    _, whole = tagged(tmp_path / "art", refs, tmp_path / "whole", FakeTagger(2), reads_with)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "art" / "2.png")
    (tmp_path / "art" / "3.png").unlink()
    outcomes, found = tagged(tmp_path / "art", refs, tmp_path / "out", FakeTagger(2), reads_with)
    assert [outcome.problem and outcome.problem.kind for outcome in outcomes] == [
        None,
        None,
        "changed",
        "gone",
        None,
        None,
    ]
    assert found == {ref.sha256: whole[ref.sha256] for at, ref in enumerate(refs) if at not in (2, 3)}
