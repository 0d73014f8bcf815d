"""Identity by CCIP: how different the characters of two pictures are (deepghs/ccip_onnx, three files).

`model_feat.onnx` takes float32 [B, 3, 384, 384], RGB, normalised with CLIP's mean and deviation, and gives 768 numbers
per picture; `model_metrics.onnx` takes such numbers stacked, [N, 768], and gives the differences of all pairs, [N, N].
`metrics.json` has the threshold up to which two pictures show the same character: 0.1785 for the variant that prep
knows. Read from the model's page and from how imgutils runs it; there, pictures are squeezed to a square.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from prep.errors import WeightsError
from prep.options import Options
from prep.tensors.onnx_file import check_onnx
from prep.tensors.onnx_network import Network, read_table
from prep.witnesses._onnx import resized

SIDE_PX = 384
MEAN = np.array((0.48145466, 0.4578275, 0.40821073), np.float32)
SPREAD = np.array((0.26862954, 0.26130258, 0.27577711), np.float32)


class Ccip:
    """Implements prep.protocols.Witness."""

    about = "identity"

    def __init__(self, name: str, files: Mapping[str, Path], options: Options) -> None:
        """Raises WeightsError for a file of another kind."""
        self.bound = check(name, files, options)
        self.features, self.differences = Network(files["model"]), Network(files["metrics"])

    def look(self, image: np.ndarray) -> np.ndarray:
        """-> float32 [768]."""
        given = ((resized(image, SIDE_PX) - MEAN) / SPREAD).transpose(2, 0, 1)[None]
        return self.features(np.ascontiguousarray(given)).reshape(-1)

    def measure(self, seen: np.ndarray, references: np.ndarray) -> float:
        """The median difference to the references: one odd picture of a character decides nothing."""
        found = self.differences(np.concatenate([seen[None], references]).astype(np.float32))
        count = len(references) + 1
        if found.shape != (count, count):
            raise WeightsError(
                f"{self.differences.path.name} gives {list(found.shape)} for {count} pictures; "
                f"expected their differences, {[count, count]}",
                hint="fetch it again, or name another file",
            )
        return float(np.median(found[0, 1:]))

    def accepts(self, measure: float) -> bool:
        return measure <= self.bound

    def close(self) -> None:
        self.features.close()
        self.differences.close()


def check(name: str, files: Mapping[str, Path], options: Options) -> float:
    """-> the threshold. Opens no network. Raises WeightsError."""
    for part in ("model", "metrics"):
        check_onnx(files[part], name)
    bound = read_table(files["threshold"]).get("threshold")
    if not isinstance(bound, int | float) or not 0 < bound <= 1:
        raise WeightsError(
            f"{files['threshold'].name} has no threshold from 0 to 1", hint=f"it is the metrics.json of {name}"
        )
    return float(bound)
