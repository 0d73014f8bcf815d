"""How far is what the starter draws from what was asked for? `python -m starter_training.compared`. Some minutes.

What it is asked for is a composition that can be made, so what it drew can be compared with that, whatever the
expression: with the place of the figure that differs most. It says how sharply a generator has learnt, without a
person; a picture may differ and be whole (lighter, or on the grid although its parent was not), so it is no verdict.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from starter_training.drawn import WAYS, Drawn, drawn
from starter_training.small import Small
from starter_training.train_generator import GENERATOR

SEED = 910  # nothing else draws from it
CELL_PX, STEP_PX = 20, 5  # a hand or an eye of most figures; cells overlap
SOFT_PX = 1.2  # both are blurred by so much first: the autoencoder's softness is no damage
COVERED = 0.6  # share of a cell that the figure covers, if it counts
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


def apart(one: Drawn) -> float:
    """Mean difference of 255 in the worst cell of the figure, to the composition that is nearest."""
    return min(_worst(one.image, each) for each in one.meant())


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
    parser.add_argument("file", nargs="?", type=Path, default=GENERATOR)
    parser.add_argument("--count", type=int, default=64, help="pictures each way")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--off-grid", type=float, default=0.0, help="share of parents off the generator's grid")
    options = parser.parse_args()
    for way in options.ways:
        found = drawn(options.file, way, range(options.count), SEED, shifted=options.off_grid)
        far = [apart(one) for one in found]
        shares = {f"{share:.0%}": round(float(np.quantile(far, share)), 1) for share in SHARES}
        print(json.dumps({"way": way, "pictures": len(far), "below": shares}), flush=True)


if __name__ == "__main__":
    main()
