"""Measures the starter tagger: `python -m starter_training.evaluate_tagger`. The last line is JSON.

Four piles, each from a seed that training did not use: compositions of held-out faces over held-out scenes, of the
faces and scenes it knows, of those in other colours, and strangers (drawings of nobody). 512 to 2048 px, half JPEG,
half PNG, tagged the way a run tags them.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from prep.images import edge_density, open_image
from prep.options import TaggerOptions
from prep.taggers.deepdanbooru import DeepDanbooru
from starter_training import recolour, strangers
from starter_training.compose import Picture
from starter_training.sampling import Pool, compressed, held_out_pool, known_pool, recoloured_pool, sample
from starter_training.train_tagger import TAGGER

SIZES_PX = (512, 2048)
SEED = 77  # training draws from (1, index)
THRESHOLDS = (0.35, 0.45, 0.55)
HAIR = frozenset(f"{colour}_hair" for colour in recolour.HAIR)


def compositions(pool: Pool, count: int, seed: int = SEED) -> Iterator[Picture]:
    for index in range(count):
        yield _stored(sample(pool, (seed, index), SIZES_PX), index)


def drawings(count: int, seed: int = SEED) -> Iterator[Picture]:
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        yield _stored(strangers.draw(rng, *(int(side) for side in rng.integers(*SIZES_PX, 2))), index)


def files(folder: Path) -> Iterator[Picture]:
    """Pictures of a folder, of which nothing is known."""
    for path in sorted(each for each in folder.rglob("*") if each.suffix in {".png", ".jpg", ".webp"}):
        yield Picture(open_image(path.read_bytes()).pixels, frozenset())


def measure(tagger: DeepDanbooru, pictures: Iterator[Picture]) -> dict:
    """Micro F1 by threshold, hair colours right, tags a picture. Open tags count neither way."""
    names = tagger.vocabulary.names
    judged = [name != "rating:safe" for name in names]
    counts = {bound: np.zeros((3, len(names)), int) for bound in (*THRESHOLDS, "adaptive")}  # hit, false, missed
    hair = dict.fromkeys(counts, 0)
    total = with_hair = 0
    for picture, scores in _scored(tagger, pictures):
        truth = np.array([name in picture.tags for name in names])
        known = np.array([name not in picture.unsure for name in names]) & judged
        total += 1
        colours = HAIR & picture.tags
        with_hair += bool(colours)
        for bound in counts:
            found = scores >= (bound if bound != "adaptive" else adaptive(picture.image))
            counts[bound] += np.stack([found & truth, found & ~truth, ~found & truth]) & known
            named = {name for name, hit in zip(names, found, strict=True) if hit} & HAIR
            hair[bound] += bool(colours) and named - picture.unsure == colours
    report = {"pictures": total}
    for bound, (hit, false, missed) in counts.items():
        report[str(bound)] = {
            "f1": _f1(hit.sum(), false.sum(), missed.sum()),
            "hair_right": round(hair[bound] / max(with_hair, 1), 4),
            "tags_a_picture": round(float(hit.sum() + false.sum()) / max(total, 1), 2),
            "wrong_a_picture": round(float(false.sum()) / max(total, 1), 2),
        }
    hit, false, missed = counts["adaptive"]
    worst = sorted((_f1(*row), name) for name, *row in zip(names, hit, false, missed, strict=True) if sum(row) >= 5)
    report["weakest"] = {name: score for score, name in worst[:12]}
    return report


def adaptive(image: np.ndarray) -> float:
    """The threshold that `thresholds.mode = "complexity"` gives by default."""
    density = edge_density(image)
    return 0.55 if density < 0.08 else 0.45 if density < 0.15 else 0.38


def _f1(hit: int, false: int, missed: int) -> float:
    return round(float(2 * hit / max(2 * hit + false + missed, 1)), 4)


def _stored(picture: Picture, index: int) -> Picture:
    """Every second picture goes through JPEG."""
    if index % 2:
        return picture
    image = compressed(picture.image, ".jpg", 75, 96, np.random.default_rng(index))
    return Picture(image, picture.tags, picture.unsure)


def _scored(tagger: DeepDanbooru, pictures: Iterator[Picture]) -> Iterator[tuple[Picture, np.ndarray]]:
    """Pairs of picture and float32 [tags], a batch at a time."""
    batch: list[Picture] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == tagger.batch_size:
            yield from _batch(tagger, batch)
            batch = []
    if batch:
        yield from _batch(tagger, batch)


def _batch(tagger: DeepDanbooru, batch: list[Picture]) -> Iterator[tuple[Picture, np.ndarray]]:
    scores = tagger.scores(np.stack([tagger.prepare(picture.image) for picture in batch]))
    yield from zip(batch, scores, strict=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=300, help="of each pile")
    parser.add_argument("--others", type=Path, help="a folder of other art, of which only tags are counted")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tagger = DeepDanbooru("starter-tagger", {"model": TAGGER}, TaggerOptions())
    piles = {
        "held_out": compositions(held_out_pool(), options.pictures),
        "known": compositions(known_pool(), options.pictures),
        "recoloured": compositions(recoloured_pool(), options.pictures),
        "strangers": drawings(options.pictures),
    }
    if options.others:
        piles["others"] = files(options.others)
    report = {}
    for name, pictures in piles.items():
        report[name] = measure(tagger, pictures)
        print(name, json.dumps(report[name], indent=1), flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
