"""Detectors by YOLO, versions 8 and 11, as deepghs trained them on anime art. Knows boxes, and nothing of crops.

Read from ultralytics and imgutils, which run them: float32 [1, 3, H, W], RGB, 0-1; the picture is scaled to fit, grey
(114) beside it; sides are multiples of 32, the longer one 640. The output is float32 [1, 4 + classes, N]: centre,
width and height in pixels of the input, then a score 0-1 per class. labels.json lists the classes; threshold.json has
the score at which precision and recall are balanced best (F1).
"""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from prep.errors import WeightsError
from prep.options import Options
from prep.tensors.onnx_file import check_onnx
from prep.tensors.onnx_network import Network, read_beside, read_table
from prep.types import Box, Detected

SIDE_PX = 640
STEP_PX = 32
GREY = 114
OVERLAP = {"anime-person": 0.5}  # of two boxes (IoU) from which on they are one; as imgutils has it
OVERLAP_ELSE = 0.7
LABELS = ("head", "face", "halfbody", "person")
RIGHT = "fetch its files again"


class Yolo:
    """Implements prep.protocols.Detector."""

    def __init__(self, name: str, files: Mapping[str, Path], options: Options) -> None:
        """Raises WeightsError for files of another kind."""
        self.name = name
        self.labels, self.bound = check(name, files, options)
        self.overlap = OVERLAP.get(name, OVERLAP_ELSE)
        self.network = Network(files["model"])

    def find(self, image: np.ndarray) -> list[Detected]:
        """image: uint8 [H, W, 3], RGB -> what is found, the best first. Raises StoppedError, WeightsError."""
        given, scale, (left, top) = _fitted(image, self._size(*image.shape[:2]))
        answer = self.network(given)
        if answer.ndim != 3 or answer.shape[:2] != (1, 4 + len(self.labels)):
            raise WeightsError(
                f"{self.name} is no detector of {', '.join(self.labels)}: it gives {list(answer.shape)}; "
                f"expected [1, {4 + len(self.labels)}, N]",
                hint=RIGHT,
            )
        boxes, scores = answer[0, :4].T, answer[0, 4:].T
        best = scores.max(1)
        boxes, scores, best = (each[best >= self.bound] for each in (boxes, scores, best))
        half = boxes[:, 2:] / 2
        corners = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], 1) - (left, top, left, top)
        corners = (corners / scale).clip(0, np.tile(image.shape[1::-1], 2))
        kept = separate(corners, best, self.overlap)
        return [
            Detected(self.labels[int(scores[at].argmax())], Box(*map(int, corners[at].round())), float(best[at]))
            for at in kept
            if (corners[at].round()[2:] > corners[at].round()[:2]).all()
        ]

    def close(self) -> None:
        self.network.close()

    def _size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of the input: what the file says; where it leaves them open, as little grey as possible."""
        inputs = self.network.opened().get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            shapes = [each.shape for each in inputs]
            raise WeightsError(f"{self.name} is no detector: it takes {shapes}; expected [1, 3, H, W]", hint=RIGHT)
        scale = SIDE_PX / max(height, width)
        fitted = (max(1, -(-round(side * scale) // STEP_PX)) * STEP_PX for side in (height, width))
        return tuple(
            own if isinstance(own, int) else each for own, each in zip(inputs[0].shape[2:], fitted, strict=True)
        )


def separate(corners: np.ndarray, scores: np.ndarray, overlap: float) -> list[int]:
    """corners: float [N, 4], left, top, right, bottom; scores: [N] -> the places of those that overlap no better one
    by more than this share of their union, the best first.
    """
    order = np.lexsort((np.arange(len(scores)), -scores))
    areas = (corners[:, 2:] - corners[:, :2]).prod(1)
    kept: list[int] = []
    while len(order):
        at, order = order[0], order[1:]
        kept.append(int(at))
        low, high = np.maximum(corners[at, :2], corners[order, :2]), np.minimum(corners[at, 2:], corners[order, 2:])
        both = (high - low).clip(0).prod(1)
        order = order[both <= overlap * np.maximum(areas[at] + areas[order] - both, 1e-9)]
    return kept


def check(name: str, files: Mapping[str, Path], options: Options) -> tuple[list[str], float]:
    """-> (labels, the bound). Opens no network. Raises WeightsError."""
    check_onnx(files["model"], name)
    labels, table = read_beside(files["labels"]), read_table(files["threshold"])
    if not isinstance(labels, list) or not labels or not all(isinstance(each, str) for each in labels):
        raise WeightsError(f"{files['labels'].name} is no list of labels", hint=f"it is the labels.json of {name}")
    if not set(labels) & set(LABELS):
        raise WeightsError(
            f"{files['labels'].name} has none of the labels {', '.join(LABELS)}",
            hint=f"it is the labels.json of {name}",
        )
    bound = table.get("threshold")
    if not isinstance(bound, int | float) or not 0 < bound < 1:
        raise WeightsError(
            f"{files['threshold'].name} has no threshold from 0 to 1", hint=f"it is the threshold.json of {name}"
        )
    return labels, float(bound)


def _fitted(image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, float, tuple[int, int]]:
    """size: (height, width) -> (float32 [1, 3, H, W], pixels of it per pixel of the picture, where the picture begins
    in it: left, top).
    """
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    high, wide = (max(1, min(whole, round(side * scale))) for whole, side in zip(size, image.shape, strict=False))
    top, left = (size[0] - high) // 2, (size[1] - wide) // 2
    canvas = np.full((*size, 3), GREY, np.uint8)
    smaller = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top : top + high, left : left + wide] = cv2.resize(image, (wide, high), interpolation=smaller)
    return (canvas.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32), scale, (left, top)
