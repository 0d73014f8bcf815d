"""The small pictures that the starter generator learns from, drawn once and kept on disk by size."""

import json
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from starter_training.small import SIZES, numbered


@dataclass(frozen=True)
class Album:
    """All pictures of one size. images: uint8 [N, H, W, 3]; faces: int16 [N, 4], boxes in pixels; figures: uint8
    [N, H / 8, W / 8], what they cover of each latent; unseen: tags of what the frame leaves out."""

    images: np.ndarray
    faces: np.ndarray
    tags: list[tuple[str, ...]]
    figures: np.ndarray
    unseen: list[tuple[str, ...]]


def draw(count: int, folder: Path, workers: int) -> dict[tuple[int, int], Album]:
    """(width, height) -> its pictures; `count` of them in all. Drawn anew only where the folder has another count."""
    kept = folder / f"album-{count}"
    if not (kept / "tags.json").exists():
        kept.mkdir(parents=True, exist_ok=True)
        piles = {size: ([], [], [], [], []) for size in SIZES}
        with multiprocessing.Pool(workers) as pool:
            for small in pool.imap(numbered, range(count), chunksize=32):
                told = (small.image, small.face, small.figure, small.tags, small.unseen)
                for pile, one in zip(piles[small.image.shape[1::-1]], told, strict=True):
                    pile.append(one)
        for (width, height), (images, faces, figures, _, _) in piles.items():
            np.save(kept / f"{width}x{height}-images.npy", np.stack(images))
            np.save(kept / f"{width}x{height}-faces.npy", np.array(faces, np.int16))
            np.save(kept / f"{width}x{height}-figures.npy", np.stack(figures))
        (kept / "tags.json").write_text(json.dumps([[piles[size][3], piles[size][4]] for size in SIZES]))
    tags = json.loads((kept / "tags.json").read_text())
    return {
        (width, height): Album(
            np.load(kept / f"{width}x{height}-images.npy", mmap_mode="r"),
            np.load(kept / f"{width}x{height}-faces.npy"),
            [tuple(one) for one in seen],
            np.load(kept / f"{width}x{height}-figures.npy"),
            [tuple(one) for one in unseen],
        )
        for (width, height), (seen, unseen) in zip(SIZES, tags, strict=True)
    }


def batch_order(albums: dict, batch_size: int, rng: np.random.Generator):
    """Yield (size, rows) without end: batches of one size each, sizes as often as they have pictures."""
    while True:
        batches = []
        for size, album in albums.items():
            order = rng.permutation(len(album.tags))
            batches += [(size, np.sort(order[at : at + batch_size])) for at in range(0, len(order), batch_size)]
        for at in rng.permutation(len(batches)):
            if len(batches[at][1]) == batch_size:
                yield batches[at]
