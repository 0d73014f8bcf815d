"""Training the starter's witness end to end, for seconds: pairs, the ones broken among latents, labels, the file."""

import json

import cv2
import numpy as np
import pytest

from prep.options import Options
from prep.witnesses.starter import StarterWitness
from starter_training import train_witness
from starter_training.album import Album
from starter_training.small import choose, picture

SIZE = (64, 64)


@pytest.fixture(scope="module")
def albums():
    smalls = [picture(choose(np.random.default_rng((9, at))), (9, at, 1), SIZE) for at in range(18)]
    images, faces = np.stack([small.image for small in smalls]), np.array([small.face for small in smalls], np.int16)
    figures = np.stack([small.figure for small in smalls])
    return {SIZE: Album(images, faces, [small.tags for small in smalls], figures, [small.unseen for small in smalls])}


def test_what_is_made_and_labelled_trains_into_a_file_that_prep_reads(albums, tmp_path):
    train_witness.pairs(18, albums, train_witness.GENERATOR, tmp_path, "cpu")
    alone = train_witness.load_pairs(tmp_path)[SIZE]
    assert len(alone["label"]) == 18 * 3 and alone["label"].sum() == 18 * 2 and alone["maps"].shape[1:] == (4, 4)
    assert 0 < alone["apart"].sum() < 18
    train_witness.undone(9, albums, train_witness.GENERATOR, tmp_path, "cpu")
    piles = train_witness.load_pairs(tmp_path)
    assert piles[SIZE]["label"][18 * 3 :].tolist() == [1] * 9
    labels = {"d.png": False, "b.png": True, "c.png": False, "a.png": None}  # d.png is kept apart
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    for name in labels:
        cv2.imwrite(str(tmp_path / name), alone["images"][0][..., ::-1])
    labelled = train_witness.labelled_of(piles, tmp_path, apart=False)
    assert labelled[SIZE]["label"].tolist() == [1, 0]
    network, curve = train_witness.train(piles, labelled, 1.5, "cpu", tmp_path / "latest.pt")
    apart = train_witness.labelled_of(piles, tmp_path, apart=True)
    assert apart[SIZE]["label"].tolist() == [0]
    figures = train_witness.measure(network, piles, apart)
    own = train_witness.scores(network, apart[SIZE]["images"])
    assert figures["bound"] == round(float(own[0]), 4)  # where the labelled one passes
    assert figures["pictures"] == piles[SIZE]["apart"].sum() and (tmp_path / "latest.pt").exists()
    train_witness.write(network, 0.5, tmp_path / "w.safetensors")
    witness = StarterWitness("w", {"model": tmp_path / "w.safetensors"}, Options())
    assert witness.bound == 0.5 and witness.look(albums[SIZE].images[0]).shape == (1,)
