"""Measures the starter generator: `python -m starter_training.evaluate_generator [FILE...]`. The last line is JSON.

Draws from text alone what compositions like those of its training show: 40 of combinations that it was shown, and 20
of combinations of outfit, expression, view and place that it never was. The starter tagger reads them back, under
adaptive thresholds: recall is the share of the prompts' tags that are read. Each FILE by itself, such as the same
weights in bfloat16, which training leaves in outputs/starter/.
"""

import argparse
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch

from prep.generators.sd35.generator import SD35
from prep.generators.sd35.options import SD35Options
from prep.options import TaggerOptions
from prep.taggers.deepdanbooru import DeepDanbooru
from prep.types import GenerationRequest
from starter_training import words
from starter_training.evaluate_tagger import adaptive
from starter_training.small import SIZE_CHANCES, SIZES, choose, picture
from starter_training.train_generator import GENERATOR
from starter_training.train_tagger import TAGGER

SEED = 77  # training draws from (1, number)
SHOWN, NEVER_SHOWN = 40, 20


def requests(generator: SD35, count: int, held_out: bool) -> list[GenerationRequest]:
    """What a composition shows, asked for as a consistency sample is: its tags behind the words of quality."""
    found = []
    for number in range(count):
        rng = np.random.default_rng((SEED, held_out, number))
        width, height = SIZES[rng.choice(len(SIZES), p=SIZE_CHANCES)]
        tags = picture(choose(rng, held_out), (SEED, held_out, number, 1), (width, height)).tags
        found.append(
            GenerationRequest(
                kind="consistency",
                character="",
                prompt=", ".join((*words.QUALITY, *(tag.replace("_", " ") for tag in tags))),
                negative=", ".join(words.NEGATIVE),
                width=width,
                height=height,
                steps=generator.card.steps,
                guidance=generator.card.guidance,
                sampler="euler",
                strength=None,
                parent=None,
                index=number,
                asked=tags,
                changes=(),
                generator=generator.card.name,
                weights="",  # the same noise for each file
                precision="",
            )
        )
    return found


def read_back(tagger: DeepDanbooru, asked: list[GenerationRequest], pictures: dict[str, np.ndarray]) -> dict:
    """Recall over all asked tags, and the tags that are found least."""
    hit: dict[str, list[bool]] = {}
    for request in asked:
        image = pictures[request.key]
        scores = tagger.scores(tagger.prepare(image)[None])[0]
        read = {tag for tag, score in zip(tagger.vocabulary.names, scores, strict=True) if score >= adaptive(image)}
        for tag in request.asked:
            hit.setdefault(tag, []).append(tag in read)
    every = [each for found in hit.values() for each in found]
    weakest = sorted((round(float(np.mean(found)), 2), tag) for tag, found in hit.items() if len(found) >= 3)
    return {"recall": round(float(np.mean(every)), 4), "tags": len(every), "weakest": weakest[:8]}


def page(asked: list[GenerationRequest], pictures: dict[str, np.ndarray], path: Path) -> None:
    """All of them side by side, to look at."""
    across, cell = 10, (200, 232)
    sheet = np.full((-(-len(asked) // across) * cell[1], across * cell[0], 3), 255, np.uint8)
    for place, request in enumerate(asked):
        top, left = place // across * cell[1] + 4, place % across * cell[0] + 4
        sheet[top : top + request.height, left : left + request.width] = pictures[request.key]
    cv2.imwrite(str(path), sheet[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, default=[GENERATOR])
    parser.add_argument("--page", type=Path, help="a PNG of all that was drawn by the first file")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tagger, report = DeepDanbooru("starter-tagger", {"model": TAGGER}, TaggerOptions()), {}
    for file in options.files:
        with tempfile.TemporaryDirectory() as encoded:
            generator = SD35(file.stem, {"model": file}, SD35Options())
            piles = {
                "shown": requests(generator, SHOWN, False),
                "never_shown": requests(generator, NEVER_SHOWN, True),
            }
            asked = [request for pile in piles.values() for request in pile]
            pictures = dict(generator.draw(asked, {}, Path(encoded)))
            generator.close()
        report[file.name] = {name: read_back(tagger, pile, pictures) for name, pile in piles.items()}
        report[file.name]["all"] = read_back(tagger, asked, pictures)
        print(file.name, json.dumps(report[file.name], indent=1), flush=True)
        if options.page and file == options.files[0]:
            page(asked, pictures, options.page)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
