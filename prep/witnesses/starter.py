"""Damage in what the starter generator drew: a small network of our own (prep/starter/WITNESS.md), and nothing else's.

It has learnt from pictures of about 160 x 160 px by that generator's own autoencoder, so it looks at that scale: a
picture is resized to that area, with sides divisible by 16. In a composite the figure may be smaller than that
generator draws it; its pixels are the parent's, and what may be broken is where it meets the scene.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from prep.errors import WeightsError
from prep.options import Options
from prep.tensors.file import WeightFile

AREA_PX = 160 * 160
STEP_PX = 16
KIND = "starter"  # in the file's metadata
READS = "prep reads its own witness.safetensors, which comes with it"


class StarterWitness:
    """Implements prep.protocols.Witness."""

    about = "damage"

    def __init__(self, name: str, files: Mapping[str, Path], options: Options) -> None:
        """Raises WeightsError for another file."""
        self.path = files["model"]
        self.bound = check(name, files, options)
        self.network: Any = None

    def look(self, image: np.ndarray) -> np.ndarray:
        """-> float32 [1]: how broken it is, 0-1."""
        import torch

        if self.network is None:
            self.network = _load(self.path)
        given = torch.from_numpy(at_scale(image).astype(np.float32) / 255).permute(2, 0, 1)[None]
        with torch.inference_mode():
            answer, _ = self.network(given.contiguous(memory_format=torch.channels_last))
        # In float64: float32's sigmoid may differ in its last bit from one machine to another.
        return torch.sigmoid(answer.double()).float().numpy()

    def measure(self, seen: np.ndarray, references: np.ndarray) -> float:
        return float(seen[0])

    def accepts(self, measure: float) -> bool:
        return measure < self.bound

    def close(self) -> None:
        self.network = None


def at_scale(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] of any size -> one of about AREA_PX pixels, sides divisible by 16; such a one stays as it is."""
    import cv2

    height, width = image.shape[:2]
    scale = (AREA_PX / (height * width)) ** 0.5
    if abs(scale - 1) < 0.05 and not (height % STEP_PX or width % STEP_PX):
        return np.ascontiguousarray(image)
    size = [max(STEP_PX, STEP_PX * round(side * scale / STEP_PX)) for side in (width, height)]
    smaller = scale < 1
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def check(name: str, files: Mapping[str, Path], options: Options) -> float:
    """-> the bound. Reads the header only. Raises WeightsError."""
    file = WeightFile(files["model"])
    if file.metadata.get("witness") != KIND:
        first = next(iter(file.entries), "nothing")
        raise WeightsError(f"{files['model'].name} is not the starter's witness; it begins with {first}", hint=READS)
    try:
        bound = float(file.metadata["bound"])
    except (KeyError, TypeError, ValueError):
        bound = -1.0
    if not 0 < bound < 1:
        raise WeightsError(f"{files['model'].name}: `bound` in its metadata is not a number from 0 to 1", hint=READS)
    return bound


def _load(path: Path) -> Any:
    """The network with the file's weights. Raises WeightsError when they do not fit."""
    import torch

    from prep.witnesses._network import WitnessNetwork

    file, network = WeightFile(path), WitnessNetwork()
    state = {name: file.read(name) for name in file.entries}
    own = {name: value for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    wrong = own.keys() ^ state.keys() or {name for name in own if own[name].shape != state[name].shape}
    if wrong:
        raise WeightsError(f"{path.name} does not fit the starter's witness: {min(wrong)}", hint=READS)
    network.load_state_dict(state, strict=False)
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
