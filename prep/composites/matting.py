"""A network that finds the figure in a picture, as an ONNX file: isnetis, or one with the same input and output.

As anime-segmentation's own inference does it: the picture, reduced to fit, in the middle of a black square.
"""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from prep.errors import WeightsError
from prep.options import Options
from prep.tensors.onnx_file import open_onnx

SIDE_PX = 1024  # if the file does not say
RIGHT = "use isnetis.onnx of skytnt/anime-seg, or a network like it"


class Matting:
    def __init__(self, name: str, files: Mapping[str, Path], options: Options) -> None:
        """Raises StoppedError without onnxruntime; WeightsError for another kind of network."""
        self.name = name
        self.session = open_onnx(files["model"])
        found, self.output = self.session.get_inputs(), self.session.get_outputs()[0].name
        shape = found[0].shape
        if len(found) != 1 or len(shape) != 4 or shape[1] != 3 or found[0].type != "tensor(float)":
            raise WeightsError(f"{name} is not a matting model: it takes {_signature(found)}", hint=RIGHT)
        self.input = found[0].name
        self.side_px = shape[2] if isinstance(shape[2], int) else SIDE_PX

    def mask(self, rgb: np.ndarray) -> np.ndarray:
        """rgb: uint8 [H, W, 3] -> float32 [H, W], 0-1: the figure. Raises WeightsError for another shape."""
        side, (height, width) = self.side_px, rgb.shape[:2]
        scale = side / max(height, width)
        high, wide = max(1, int(height * scale)), max(1, int(width * scale))
        top, left = (side - high) // 2, (side - wide) // 2
        square = np.zeros((side, side, 3), np.float32)
        smaller = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        square[top : top + high, left : left + wide] = cv2.resize(
            rgb, (wide, high), interpolation=smaller
        ) / np.float32(255)
        answer = self.session.run([self.output], {self.input: square.transpose(2, 0, 1)[None]})[0]
        if answer.shape != (1, 1, side, side):
            raise WeightsError(f"{self.name} is not a matting model: it gives {list(answer.shape)}", hint=RIGHT)
        mask = np.clip(np.nan_to_num(answer[0, 0, top : top + high, left : left + wide]), 0, 1).astype(np.float32)
        mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.where(mask < 0.02, 0, np.where(mask > 0.98, 1, mask)).astype(np.float32)


def _signature(inputs: list) -> str:
    return " and ".join(f"{each.name} {each.shape}" for each in inputs) or "nothing"
