"""A second reader to try things with: the starter tagger with noise in its last layer, as a checkpoint of its own.

python -m tests.support.perturbed made_up.safetensors
"""

import sys
from pathlib import Path

import torch

import prep
from prep.taggers._checkpoint import read_checkpoint, write_checkpoint

STARTER = Path(prep.__file__).parent / "starter" / "tagger.safetensors"
NOISE = 0.5  # of the standard deviation of the layer's own weights


def perturbed(path: Path, seed: int = 0, noise: float = NOISE) -> Path:
    """Write it -> its path."""
    found = read_checkpoint(STARTER)
    weight = found.state["head.weight"]
    added = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
    write_checkpoint(
        path, {**found.state, "head.weight": weight + noise * weight.std() * added}, found.tags, found.image_px
    )
    return path


if __name__ == "__main__":
    print(perturbed(Path(sys.argv[1])))
