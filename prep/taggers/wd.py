"""WD v3, and folders like PixAI's: Danbooru tags with categories, from an ONNX file that onnxruntime
or OpenVINO runs.

In: uint8 [H, W, 3], RGB. Inside: float32 [B, S, S, 3]; without preprocess.json WD's own way: BGR, 0-255, in the middle
of a white square, bicubic; with one: RGB, as its stages say. Out: float32 [B, T], 0-1, sigmoids that the network has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from prep.errors import WeightsError
from prep.options import TaggerOptions
from prep.taggers._stages import SIDES_PX, Stages, read_stages
from prep.taggers._tags_csv import TOGETHER, vocabulary_of
from prep.tensors.in_openvino import IN_FLIGHT, Compiled, read_onnx
from prep.tensors.onnx_file import check_onnx, has_cuda, open_onnx
from prep.tensors.onnx_signature import FLOAT, Tensor, signature
from prep.types import Vocabulary

SIDE_PX = 448  # where the file leaves it open
# A picture at a time: as fast as several on a CPU, and no score can depend on a neighbour.
CPU_BATCH = 1
OPENVINO_BATCH = 8  # pictures that are ready at once; two of them are in the network
WHAT = "a tagger such as WD v3"
SCORES = ("prediction", "output", "predictions_sigmoid")  # what published files call them; preferred in this order
NOT_SCORES = ("logit", "embedding", "feature", "initial")
SLACK = 1e-3  # of a sigmoid that was computed in half precision


@dataclass(frozen=True)
class Fit:
    """How a network is fed, and where its scores are."""

    input: str
    output: str
    batch: int  # pictures at once; 0: as many as one likes
    planes: bool  # whether channels come first
    side_px: int


def check(name: str, files: Mapping[str, Path], options: TaggerOptions) -> None:
    """Whether files are those of such a tagger and fit one another. Needs no onnxruntime. Raises WeightsError."""
    check_onnx(files["model"], WHAT)
    _fitted(files)


class Wd:
    """Implements prep.protocols.Tagger."""

    def __init__(self, name: str, files: Mapping[str, Path], options: TaggerOptions) -> None:
        """files: `model` and `tags`; `preprocess` and `thresholds` if the model has them.

        Raises WeightsError for files that do not read or do not fit each other, StoppedError without what runs it,
        SettingsError for a device that onnxruntime cannot use.
        """
        self.name = name
        self.file = files["model"].name
        self.vocabulary, self.fit, stages = _fitted(files)
        self._prepared = stages or self._on_white
        if options.backend == "openvino":
            self.at_once = self.fit.batch or 1
            self.batch_size = self.fit.batch or min(options.batch, OPENVINO_BATCH)
            self._run = self._in_openvino(files["model"])
            return
        cuda = has_cuda(options.device, "tagger.device")
        self.session = open_onnx(files["model"], cuda=cuda)
        self.batch_size = self.at_once = self.fit.batch or (options.batch if cuda else min(options.batch, CPU_BATCH))
        self._run = self._in_onnxruntime

    def prepare(self, image: np.ndarray) -> np.ndarray:
        return self._prepared(image)

    def scores(self, batch: np.ndarray) -> np.ndarray:
        """batch: float32 [b, S, S, 3], b at most batch_size -> float32 [b, T].

        Padded to one shape, since kernels may differ between shapes. Raises WeightsError for a network that does not
        run, or whose answers are no scores.
        """
        missing = -len(batch) % self.at_once
        padded = np.concatenate([batch, np.zeros((missing, *batch.shape[1:]), np.float32)]) if missing else batch
        given = np.ascontiguousarray(padded.transpose(0, 3, 1, 2) if self.fit.planes else padded)
        found = self._run(given.reshape(-1, self.at_once, *given.shape[1:]))
        if found.shape[1:] != (self.at_once, len(self.vocabulary.names)):
            raise WeightsError(f"{self.file} gives {list(found.shape[1:])}; expected a score per tag", hint=TOGETHER)
        found = found.reshape(len(padded), -1)[: len(batch)]
        if not (found.min(initial=0) >= -SLACK and found.max(initial=0) <= 1 + SLACK):  # false for NaN as well
            raise WeightsError(
                f"{self.file} gives {self.fit.output} from {found.min():.3g} to {found.max():.3g}; expected scores "
                "from 0 to 1",
                hint="use the ONNX file that the tagger is published with",
            )
        return np.clip(found, 0, 1)

    def _in_onnxruntime(self, batches: np.ndarray) -> np.ndarray:
        """float32 [n, at_once, ...] -> float32 [n, at_once, T]. Raises WeightsError."""
        try:
            found = [self.session.run([self.fit.output], {self.fit.input: batch})[0] for batch in batches]
        except Exception as error:  # onnxruntime's own kinds, of which it exports none
            reason = str(error).strip().split("\n")[0][:120]
            raise WeightsError(f"{self.file} does not run ({reason})", hint=TOGETHER) from None
        return np.stack(found).astype(np.float32, copy=False)

    def _in_openvino(self, path: Path) -> Compiled:
        """Raises WeightsError, StoppedError."""
        side, channels = [self.fit.side_px] * 2, [3]
        shape = [self.at_once, *(channels + side if self.fit.planes else side + channels)]
        network = read_onnx(path, self.fit.input, self.fit.output, shape)
        return Compiled(network, self.file, min(self.batch_size // self.at_once, IN_FLIGHT))

    def _on_white(self, image: np.ndarray) -> np.ndarray:
        """WD's own way: black margins would become tags."""
        height, width = image.shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        square = np.full((side, side, 3), 255, np.uint8)
        square[top : top + height, left : left + width] = image
        size = (self.fit.side_px, self.fit.side_px)
        small = np.asarray(Image.fromarray(square).resize(size, Image.Resampling.BICUBIC))
        return small[:, :, ::-1].astype(np.float32)


def _fitted(files: Mapping[str, Path]) -> tuple[Vocabulary, Fit, Stages | None]:
    """Raises WeightsError for files that are damaged or do not fit one another."""
    words = vocabulary_of(files["tags"], files.get("thresholds"))
    stages = read_stages(files["preprocess"]) if "preprocess" in files else None
    model = files["model"].name
    inputs, outputs = signature(files["model"])
    given, batch, planes, side_px = _entry(model, inputs, stages is not None)
    fit = Fit(given, _answer(model, outputs, len(words.names), files["tags"].name), batch, planes, side_px)
    if stages:
        height, width, _ = stages(np.zeros((7, 10, 3), np.uint8)).shape
        if (height, width) != (side_px, side_px):
            raise WeightsError(
                f"{files['preprocess'].name} makes pictures of {width} x {height} px; {model} takes "
                f"{side_px} x {side_px}",
                hint=TOGETHER,
            )
    return words, fit, stages


def _entry(model: str, inputs: list[Tensor], staged: bool) -> tuple[str, int, bool, int]:
    """(name, pictures at once or 0, whether channels come first, side in px) of what the network takes."""
    shape = list(inputs[0].shape) if len(inputs) == 1 and inputs[0].kind == FLOAT else []
    planes = len(shape) == 4 and shape[1] == 3
    if len(shape) == 4 and 3 in (shape[1], shape[3]) and (staged or not planes):
        sides = {side for side in (shape[2:] if planes else shape[1:3]) if isinstance(side, int) and side > 0}
        if len(sides) < 2 and max(sides, default=SIDE_PX) <= SIDES_PX[-1]:
            batch = shape[0] if isinstance(shape[0], int) else 0
            return inputs[0].name, max(batch, 0), planes, sides.pop() if sides else SIDE_PX
    taken = " and ".join(map(str, inputs)) or "nothing"
    beside = "; one that takes channels first needs preprocess.json beside it" if planes and not staged else ""
    raise WeightsError(
        f"{model} is another network: it takes {taken}; expected pictures as [n, {SIDE_PX}, {SIDE_PX}, 3]{beside}",
        hint="name the ONNX file of a tagger such as WD v3",
    )


def _answer(model: str, outputs: list[Tensor], count: int, tags: str) -> str:
    """The name of the output that has a score per tag."""
    flat = [each for each in outputs if len(each.shape) in (0, 2)]  # without a shape it may have any
    fits = [each.name for each in flat if not each.shape or each.shape[1] == count or isinstance(each.shape[1], str)]
    likely = [name for name in fits if not any(word in name.lower() for word in NOT_SCORES)]
    if found := next((name for name in SCORES if name in fits), None) or (likely[0] if len(likely) == 1 else None):
        return found
    named = [each for each in flat if each.name in SCORES] or flat
    if not fits and len(named) == 1:
        raise WeightsError(f"{model} scores {named[0].shape[1]:,} tags, but {tags} names {count:,}", hint=TOGETHER)
    raise WeightsError(
        f"{model} gives {', '.join(map(str, outputs))[:200]}; expected one output of [n, {count}] scores, called "
        f"{SCORES[0]} or {SCORES[1]}",
        hint="use the ONNX file that the tagger is published with",
    )
