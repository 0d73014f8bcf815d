"""A tagger that runs an ONNX file, as WD taggers are published: the network, and selected_tags.csv beside it.

In: uint8 [H, W, 3], RGB. Inside: float32 [B, S, S, 3], BGR, 0-255, a square with margins. Out: float32 [B, T], 0-1.
A package adds it with one entry point: `wd-onnx = "its_module:SPEC"` in the group `prep.taggers`.
"""

import csv
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import onnxruntime

from prep.errors import WeightsError
from prep.options import TaggerOptions
from prep.registry import ModelFile, ModelSpec
from prep.types import Vocabulary

CATEGORIES = {"0": "general", "4": "character", "9": "rating"}  # as Danbooru numbers them


class OnnxOptions(TaggerOptions):
    """[tagger.wd-onnx] of the settings."""

    margin: Literal["white", "edge"] = "white"


class OnnxTagger:
    """Implements prep.protocols.Tagger."""

    def __init__(self, name: str, files: Mapping[str, Path], options: OnnxOptions) -> None:
        """files: `model` and `tags`. Raises WeightsError for files that do not read, or do not fit each other."""
        self.name = name
        self.margin = options.margin
        self.batch_size = options.batch
        self.vocabulary = _vocabulary(files["tags"])
        try:
            self.session = onnxruntime.InferenceSession(files["model"], providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no class in common
            raise WeightsError(f"{files['model'].name} is no ONNX network that runs here: {error}") from error
        (entry,), (answer,) = self.session.get_inputs(), self.session.get_outputs()
        self.entry, self.side_px = entry.name, entry.shape[1]
        if answer.shape[1] != len(self.vocabulary.names):
            raise WeightsError(
                f"{files['model'].name} scores {answer.shape[1]} tags, {files['tags'].name} names "
                f"{len(self.vocabulary.names)}",
                hint="take both files from one release",
            )

    def prepare(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        around = (top, side - height - top, left, side - width - left)
        how = cv2.BORDER_CONSTANT if self.margin == "white" else cv2.BORDER_REPLICATE
        square = cv2.copyMakeBorder(image, *around, how, value=(255, 255, 255))  # on white: black edges would be tags
        smaller = cv2.resize(square, (self.side_px, self.side_px), interpolation=cv2.INTER_AREA)
        return smaller[:, :, ::-1].astype(np.float32)

    def scores(self, batch: np.ndarray) -> np.ndarray:
        """One picture at a time: a network of a fixed batch runs too, and no score depends on what else is in it."""
        return np.concatenate([self.session.run(None, {self.entry: batch[at : at + 1]})[0] for at in range(len(batch))])


def _vocabulary(path: Path) -> Vocabulary:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        names = tuple(row["name"] for row in rows)
        categories = tuple(CATEGORIES.get(row["category"], "general") for row in rows)
    except KeyError as error:
        raise WeightsError(f"{path.name} has no column {error}", hint="take it from the release of the model") from None
    # Over the categories too: scores of one id are read with them.
    digest = hashlib.sha256("\n".join(map(" ".join, zip(names, categories, strict=True))).encode()).hexdigest()
    return Vocabulary(digest[:16], names, categories)


SPEC = ModelSpec(
    "wd-onnx",
    "tagger",
    f"{__name__}:OnnxTagger",
    (ModelFile("model.onnx"), ModelFile("selected_tags.csv", part="tags")),
    options=f"{__name__}:OnnxOptions",
    what="a tagger in ONNX with selected_tags.csv beside it, used by its path",
)
