"""Damage by deepghs/ai_image_corrupted, which was trained to tell broken pictures by generators from whole ones.

Read from sdeval and imgutils, which run it: float32 [B, 3, 384, 384], RGB, squeezed to a square with a bilinear filter,
(0-1 - 0.5) / 0.5; the output is already a share for each class; meta.json's `labels` names the classes, `corrupted` and
`normal`. Assumed: should the output not sum to 1, it is logits. Neither meta.json nor the page gives a bound, so a
picture counts as broken from 0.5 on; a `threshold` in meta.json is used instead.
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
BROKEN = "corrupted"
BOUND = 0.5


class Corrupted:
    """Implements prep.protocols.Witness."""

    about = "damage"

    def __init__(self, name: str, files: Mapping[str, Path], options: Options) -> None:
        """Raises WeightsError for a file of another kind."""
        self.labels, self.bound = check(name, files, options)
        self.network = Network(files["model"])

    def look(self, image: np.ndarray) -> np.ndarray:
        """-> float32 [1]: the share of `corrupted`."""
        given = (resized(image, SIDE_PX).transpose(2, 0, 1)[None] - 0.5) / 0.5
        found = self.network(np.ascontiguousarray(given, np.float32)).reshape(-1)
        if len(found) != len(self.labels):
            raise WeightsError(
                f"{self.network.path.name} has {len(found)} outputs but {len(self.labels)} labels",
                hint="fetch both files again",
            )
        if not np.isclose(found.sum(), 1, atol=1e-2):
            powers = np.exp(found - found.max())
            found = powers / powers.sum()
        return found[self.labels.index(BROKEN)].reshape(1)

    def measure(self, seen: np.ndarray, references: np.ndarray) -> float:
        return float(seen[0])

    def accepts(self, measure: float) -> bool:
        return measure < self.bound

    def close(self) -> None:
        self.network.close()


def check(name: str, files: Mapping[str, Path], options: Options) -> tuple[list[str], float]:
    """-> (labels, the bound). Opens no network. Raises WeightsError."""
    check_onnx(files["model"], name)
    found = read_table(files["labels"])
    labels, bound = found.get("labels"), found.get("threshold", BOUND)
    if not isinstance(labels, list) or BROKEN not in labels:
        raise WeightsError(f"{files['labels'].name} has no label `{BROKEN}`", hint=f"it is the meta.json of {name}")
    known = isinstance(bound, int | float) and 0 < bound < 1
    return labels, float(bound) if known else BOUND
