"""WD v3, and folders like PixAI's: Danbooru tags with categories, from an ONNX file that onnxruntime runs.

In: uint8 [H, W, 3], RGB. Inside: float32 [B, S, S, 3]; without preprocess.json WD's own way: BGR, 0-255, in the middle
of a white square, bicubic; with one: RGB, as its stages say. Out: float32 [B, T], 0-1, sigmoids that the network has.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from prep.errors import WeightsError
from prep.options import TaggerOptions
from prep.taggers._stages import read_stages
from prep.taggers._tags_csv import TOGETHER, vocabulary_of
from prep.tensors.onnx_file import check_onnx, has_cuda, open_onnx

SIDE_PX = 448  # where the file leaves it open
# A picture at a time: as fast as several on a CPU, and no score can depend on a neighbour.
CPU_BATCH = 1
WHAT = "a tagger such as WD v3"
SCORES = ("prediction", "output", "predictions_sigmoid")  # what published files call them; preferred in this order
NOT_SCORES = ("logit", "embedding", "feature", "initial")
SLACK = 1e-3  # of a sigmoid that was computed in half precision


def check(name: str, files: Mapping[str, Path], options: TaggerOptions) -> None:
    """Whether files are those of such a tagger, by their tables and first bytes. Raises WeightsError."""
    check_onnx(files["model"], WHAT)
    vocabulary_of(files["tags"], files.get("thresholds"))
    if "preprocess" in files:
        read_stages(files["preprocess"])


class Wd:
    """Implements prep.protocols.Tagger."""

    def __init__(self, name: str, files: Mapping[str, Path], options: TaggerOptions) -> None:
        """files: `model` and `tags`; `preprocess` and `thresholds` if the model has them.

        Raises WeightsError for files that do not read or do not fit each other, StoppedError without onnxruntime,
        SettingsError for a device that onnxruntime cannot use.
        """
        self.name = name
        self.file = files["model"].name
        self.vocabulary = vocabulary_of(files["tags"], files.get("thresholds"))
        stages = read_stages(files["preprocess"]) if "preprocess" in files else None
        cuda = has_cuda(options.device, "tagger.device")
        self.session = open_onnx(files["model"], cuda=cuda)
        self.input, self.fixed, self.planes, self.side_px = self._entry(self.session.get_inputs(), stages is not None)
        self.output = self._answer(self.session.get_outputs(), files["tags"].name)
        self.batch_size = self.fixed or (options.batch if cuda else min(options.batch, CPU_BATCH))
        self._prepared = stages or self._on_white
        shape = self._prepared(np.zeros((7, 10, 3), np.uint8)).shape
        if shape != (self.side_px, self.side_px, 3):
            raise WeightsError(
                f"preprocess.json makes pictures of {shape[1]} x {shape[0]} px; {self.file} takes "
                f"{self.side_px} x {self.side_px}",
                hint=TOGETHER,
            )

    def prepare(self, image: np.ndarray) -> np.ndarray:
        return self._prepared(image)

    def scores(self, batch: np.ndarray) -> np.ndarray:
        """batch: float32 [b, S, S, 3], b at most batch_size -> float32 [b, T].

        Padded to one shape, since kernels may differ between shapes. Raises WeightsError for a network that does not
        run, or whose answers are no scores.
        """
        missing = self.batch_size - len(batch)
        padded = np.concatenate([batch, np.zeros((missing, *batch.shape[1:]), np.float32)]) if missing else batch
        given = padded.transpose(0, 3, 1, 2) if self.planes else padded
        try:
            (found,) = self.session.run([self.output], {self.input: np.ascontiguousarray(given)})
        except Exception as error:  # onnxruntime's own kinds, of which it exports none
            reason = str(error).strip().split("\n")[0][:120]
            raise WeightsError(f"{self.file} does not run ({reason})", hint=TOGETHER) from None
        found = np.asarray(found, np.float32)
        if found.shape != (self.batch_size, len(self.vocabulary.names)):
            raise self._misfit(found.shape[-1])
        found = found[: len(batch)]
        if not (found.min(initial=0) >= -SLACK and found.max(initial=0) <= 1 + SLACK):  # false for NaN as well
            raise WeightsError(
                f"{self.file} gives {self.output} from {found.min():.3g} to {found.max():.3g}; expected scores from 0 "
                "to 1",
                hint="use the ONNX file that the tagger is published with",
            )
        return np.clip(found, 0, 1)

    def _on_white(self, image: np.ndarray) -> np.ndarray:
        """WD's own way: black margins would become tags."""
        height, width = image.shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        square = np.full((side, side, 3), 255, np.uint8)
        square[top : top + height, left : left + width] = image
        size = (self.side_px, self.side_px)
        small = np.asarray(Image.fromarray(square).resize(size, Image.Resampling.BICUBIC))
        return small[:, :, ::-1].astype(np.float32)

    def _entry(self, inputs: Sequence[Any], staged: bool) -> tuple[str, int, bool, int]:
        """(name, batch or 0 for any, whether channels come first, side in px) of what the network takes."""
        shape = list(inputs[0].shape) if len(inputs) == 1 and inputs[0].type == "tensor(float)" else []
        planes = len(shape) == 4 and shape[1] == 3
        height, width = (shape[2:] if planes else shape[1:3]) if len(shape) == 4 else (0, 1)
        sides = [side for side in (height, width) if isinstance(side, int)]
        if len(shape) != 4 or 3 not in (shape[1], shape[3]) or len({*sides}) > 1 or (planes and not staged):
            taken = " and ".join(f"{each.shape} ({each.type})" for each in inputs) or "nothing"
            beside = "" if staged or not planes else "; one that takes channels first needs preprocess.json beside it"
            raise WeightsError(
                f"{self.file} is another network: it takes {taken}; expected pictures of [n, {SIDE_PX}, {SIDE_PX}, 3], "
                f"tensor(float){beside}",
                hint="name the ONNX file of a tagger such as WD v3",
            )
        fixed = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else 0
        return inputs[0].name, fixed, planes, sides[0] if sides else SIDE_PX

    def _answer(self, outputs: Sequence[Any], tags: str) -> str:
        """The name of the output that has a score per tag."""
        count = len(self.vocabulary.names)
        flat = [each for each in outputs if len(each.shape) == 2]
        fits = [each.name for each in flat if each.shape[1] == count or not isinstance(each.shape[1], int)]
        likely = [name for name in fits if not any(word in name.lower() for word in NOT_SCORES)]
        if found := next((name for name in SCORES if name in fits), None) or (likely[0] if len(likely) == 1 else None):
            return found
        if not fits and (widths := [each.shape[1] for each in flat if each.name in SCORES] or [
            each.shape[1] for each in flat if len(flat) == 1
        ]):  # fmt: skip
            raise self._misfit(widths[0], tags)
        given = ", ".join(f"{each.name} {each.shape}" for each in outputs)[:200]
        raise WeightsError(
            f"{self.file} gives {given}; expected one output of [n, {count}] scores, called {SCORES[0]} or {SCORES[1]}",
            hint="use the ONNX file that the tagger is published with",
        )

    def _misfit(self, width: int, tags: str = "selected_tags.csv") -> WeightsError:
        names = len(self.vocabulary.names)
        return WeightsError(f"{self.file} scores {width:,} tags, but {tags} names {names:,}", hint=TOGETHER)
