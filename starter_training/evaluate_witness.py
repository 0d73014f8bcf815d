"""Measures the starter's witness: `python -m starter_training.evaluate_witness`. The last line is JSON.

Compositions from seeds that training did not use, whole and broken in each way, through the autoencoder; and the
pictures in tests/starter/labelled, which the starter generator drew and two people labelled.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch

from prep.generators.sd35.vae import load_vae
from prep.witnesses.starter import StarterWitness
from starter_training import damage
from starter_training.drawn import off_grid
from starter_training.small import SIZE_CHANCES, SIZES, choose, picture
from starter_training.train_generator import GENERATOR
from starter_training.train_witness import WITNESS, round_trip

SEED = 5077
EACH = 96
LABELLED = Path(__file__).parents[1] / "tests" / "starter" / "labelled"


def measured(witness: StarterWitness, image: np.ndarray) -> float:
    seen = witness.look(np.ascontiguousarray(image))
    return witness.measure(seen, np.empty((0, len(seen)), np.float32))


def made_up(witness: StarterWitness, kind: str, vae) -> float:
    """The share that is accepted. kind: of damage.KINDS, or `whole`."""
    accepted = 0
    for number in range(EACH):
        rng = np.random.default_rng((SEED, number))
        size = SIZES[rng.choice(len(SIZES), p=SIZE_CHANCES)]
        small, other = (picture(choose(rng), (SEED, number, at), size) for at in (1, 2))
        small = off_grid(small, rng) if rng.random() < 1 / 3 else small
        image = small.image
        if kind != "whole":
            image, _ = damage.broken(image, small.face, kind, rng, other.image)
        accepted += witness.accepts(measured(witness, round_trip(vae, image[None])[0]))
    return accepted / EACH


def labelled(witness: StarterWitness) -> dict:
    """Shares of what is broken that is rejected and of what is whole that is accepted; area: under the curve."""
    labels = json.loads((LABELLED / "labels.json").read_text())
    sure = {name: label for name, label in labels.items() if label is not None}
    found = np.array([measured(witness, cv2.imread(str(LABELLED / name))[..., ::-1]) for name in sure])
    broken = np.array([*sure.values()])
    passed = np.array([witness.accepts(each) for each in found])
    area = (found[broken][:, None] > found[~broken][None]).mean()
    return {
        "broken": int(broken.sum()),
        "whole": int((~broken).sum()),
        "unsure": len(labels) - len(sure),
        "broken_rejected": round(float((~passed[broken]).mean()), 3),
        "whole_accepted": round(float(passed[~broken].mean()), 3),
        "area": round(float(area), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, default=WITNESS)
    options = parser.parse_args()
    witness = StarterWitness("starter-witness", {"model": options.file}, None)
    vae = load_vae(GENERATOR, torch.bfloat16)
    kinds = {kind: round(made_up(witness, kind, vae), 3) for kind in ("whole", *damage.KINDS)}
    print(json.dumps({"accepted": kinds, "labelled": labelled(witness)}))


if __name__ == "__main__":
    main()
