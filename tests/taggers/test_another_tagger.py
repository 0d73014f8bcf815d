"""A tagger of another make fits without a change outside its own file: 448 px, BGR, white margins, categories."""

import cv2
import numpy as np
import pytest

from prep.errors import SettingsError
from prep.registry import ModelSpec
from prep.taggers import TAGGERS
from prep.types import Vocabulary
from tests.support.pictures import folder_of
from tests.support.runs import manifest, run_here


class WdStyle:
    """Built as WD taggers are; its weights are one number."""

    vocabulary = Vocabulary(
        "wd", ("1girl", "hatsune_miku", "general", "sensitive"), ("general", "character", "rating", "rating")
    )

    def __init__(self, name, files, options) -> None:
        self.batch_size = options.batch
        self.bias = float(files["model"].read_text())

    def prepare(self, image: np.ndarray) -> np.ndarray:
        side = max(image.shape[:2])
        square = np.full((side, side, 3), 255, np.uint8)
        top, left = (side - image.shape[0]) // 2, (side - image.shape[1]) // 2
        square[top : top + image.shape[0], left : left + image.shape[1]] = image
        return cv2.resize(square, (448, 448), interpolation=cv2.INTER_AREA)[:, :, ::-1].astype(np.float32)

    def scores(self, batch: np.ndarray) -> np.ndarray:
        assert batch.shape[1:] == (448, 448, 3)
        blue = batch[..., 0].mean((1, 2)) / 255
        return np.stack([0 * blue + 0.9, 0 * blue + self.bias, blue / 2, 1 - blue / 2], 1).astype(np.float32)


@pytest.fixture
def wd(tmp_path, monkeypatch):
    monkeypatch.setitem(TAGGERS.members, "wd-style", ModelSpec("wd-style", "tagger", f"{__name__}:WdStyle"))
    (tmp_path / "wd.weights").write_text("0.8")
    return tmp_path / "wd.weights"


def test_it_reads_a_whole_set(tmp_path, wd):
    run_here(folder_of(tmp_path / "art", mira=3), tmp_path / "out", f"wd-style:{wd}")
    for row in manifest(tmp_path / "out"):
        assert row["tagger"] == "wd-style" and row["rating"] in ("general", "sensitive")
        assert {tag["name"]: tag["category"] for tag in row["tags"]} == {
            "1girl": "general",
            "hatsune_miku": "character",
        }
        assert row["caption"] == "mira, 1girl, hatsune miku"


def test_a_second_run_needs_neither_it_nor_its_weights(tmp_path, wd, capsys):
    art = folder_of(tmp_path / "art", mira=3)
    run_here(art, tmp_path / "out", f"wd-style:{wd}")
    capsys.readouterr()
    wd.unlink()
    run_here(art, tmp_path / "out", "auto")
    assert "no model was loaded" in capsys.readouterr().out


def test_an_unknown_tagger_is_one_sentence(tmp_path, wd):
    with pytest.raises(SettingsError, match="no tagger is called nobody"):
        run_here(folder_of(tmp_path / "art", mira=1), tmp_path / "out", f"nobody:{wd}")
