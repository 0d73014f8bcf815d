"""Labels for the witness to learn from, without a person: `python -m starter_training.compared FOLDER --count 3000`.

What the starter was asked to draw is a composition that can be made, so what it drew is compared with that: where a
figure differs much from all that it may be, with any expression, it is broken. What differs neither much nor little is
left out. FOLDER holds the pictures, labels.json as label.py writes it, and apart.json: how far each is. The pictures
that the witness is measured on are labelled by people (label.py).
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from starter_training.drawn import WAYS, Drawn, drawn
from starter_training.label import OFF_GRID, STRENGTHS
from starter_training.small import Small
from starter_training.train_generator import GENERATOR

SEED = 910  # nothing else draws from it
CELL_PX, STEP_PX = 20, 5  # a hand or an eye of most figures; cells overlap
SOFT_PX = 1.2  # both are blurred by so much first: the autoencoder's softness is no damage
COVERED = 0.6  # share of a cell that the figure covers, if it counts
WHOLE, BROKEN = 14.0, 21.0  # of 255: mean difference in the worst cell, at most and at least


def apart(one: Drawn) -> float:
    """Mean difference of 255 in the worst cell of the figure, to the composition that is nearest."""
    return min(_worst(one.image, each) for each in one.meant)


def _worst(image: np.ndarray, meant: Small) -> float:
    soft = [cv2.GaussianBlur(each.astype(np.float32), (0, 0), SOFT_PX) for each in (image, meant.image)]
    differs = np.abs(soft[0] - soft[1]).mean(2)
    covered = cv2.resize(meant.figure, image.shape[1::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    cell = (CELL_PX, CELL_PX)
    inside = cv2.blur(covered, cell)[::STEP_PX, ::STEP_PX]
    found = cv2.blur(differs * covered, cell)[::STEP_PX, ::STEP_PX] / np.maximum(inside, COVERED)
    return float(found[inside >= COVERED].max(initial=0.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=GENERATOR)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    far = {}
    for place, way in enumerate(options.ways):
        share = range(place * 10_000, place * 10_000 + options.count // len(options.ways))
        for one in drawn(options.model, way, share, options.seed, STRENGTHS, OFF_GRID):
            name = f"{way}-{options.seed}-{one.number}.png"
            cv2.imwrite(str(options.folder / name), one.image[..., ::-1])
            far[name] = round(apart(one), 1)
    labels = {name: None if WHOLE < value < BROKEN else value >= BROKEN for name, value in far.items()}
    (options.folder / "apart.json").write_text(json.dumps(far, indent=0) + "\n")
    (options.folder / "labels.json").write_text(json.dumps(labels, indent=0) + "\n")
    counts = {str(label): [*labels.values()].count(label) for label in (True, False, None)}
    print(json.dumps({"broken": counts["True"], "whole": counts["False"], "left out": counts["None"]}))


if __name__ == "__main__":
    main()
