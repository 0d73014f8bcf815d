"""Composites: pictures a second, cut out and set before a scene, against img2img with the starter generator.

    python benchmarks/bench_composites.py [--pictures 16]

Parents are the sprites in examples/, scenes those beside them, reduced to 160 px as the starter draws them. Drawing the
scenes is not counted: several composites share one. Where the starter's weights are not here, a tiny model of the tests
takes their place. One thread. `ratio` is what counts. The last line is JSON.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"  # of torchvision, which nothing needs
import cv2
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.composites.cut import cut_out
from prep.composites.layout import canvas_of, layout_of
from prep.composites.place import composed
from prep.generators.sd35.generator import SD35
from prep.generators.sd35.options import SD35Options
from prep.images import covering, open_image
from prep.models import locate
from tests.support.figures_cut import SPRITES
from tests.support.pictures import EXAMPLES
from tests.support.tiny import REQUEST, tiny_model

SCENE_PX = 160
SCENES = sorted((EXAMPLES / "scenes").iterdir())


def composites(count: int) -> dict[str, float]:
    """Seconds per picture, by step."""
    seconds = dict.fromkeys(("cut", "compose"), 0.0)
    scenes = [covering(open_image(path.read_bytes()).pixels, SCENE_PX, SCENE_PX) for path in SCENES]
    for at in range(count):
        begin = time.perf_counter()
        cut = cut_out(SPRITES[at % len(SPRITES)].read_bytes())
        middle = time.perf_counter()
        size = canvas_of((SCENE_PX, SCENE_PX), cut.figure, at)
        composed(cut, scenes[at % len(scenes)], layout_of(cut.figure, size, at))
        seconds["cut"] += (middle - begin) / count
        seconds["compose"] += (time.perf_counter() - middle) / count
    return seconds


def img2img(count: int, model: Path) -> float:
    """Seconds per picture."""
    drawing = SD35(model.stem, {"model": model}, SD35Options(device="cpu", batch=4, offline=True))
    card = drawing.card
    width, height = card.size(1, 1)
    manner = dict(width=width, height=height, steps=card.steps, guidance=card.guidance, strength=0.6, parent="a")
    asked = [replace(REQUEST, index=at, **manner) for at in range(count)]
    with tempfile.TemporaryDirectory() as kept:
        drawing.encode(asked, Path(kept))
        list(drawing.draw(asked[:1], parents(width, height), Path(kept)))  # loads it
        begin = time.perf_counter()
        list(drawing.draw(asked, parents(width, height), Path(kept)))
        seconds = time.perf_counter() - begin
    drawing.close()
    return seconds / count


def parents(width: int, height: int) -> dict:
    return {"a": covering(open_image(SPRITES[0].read_bytes()).pixels, width, height)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=16)
    count = parser.parse_args().pictures
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    starter = locate("starter-generator")
    with tempfile.TemporaryDirectory() as folder:
        drawn = img2img(count, starter.path if starter else tiny_model(Path(folder) / "tiny.safetensors"))
    steps = composites(count)
    composite = sum(steps.values())
    print(f"composites: {1 / composite:.1f} pictures/s ({steps['cut'] * 1000:.0f} ms to cut out, "
          f"{steps['compose'] * 1000:.0f} ms to compose)")  # fmt: skip
    print(f"img2img:    {1 / drawn:.1f} pictures/s")
    print(json.dumps({"benchmark": "composites", "composites_per_second": round(1 / composite, 2),
                      "img2img_per_second": round(1 / drawn, 2), "ratio": round(drawn / composite, 1)}))  # fmt: skip


if __name__ == "__main__":
    main()
