"""Pictures that the starter generator drew, told whole or broken by a person who sees no name.

    python -m starter_training.label draw FOLDER --count 480
    python -m starter_training.label read FOLDER first.txt second.txt --out tests/starter/labelled

`draw` makes FOLDER/first/ and FOLDER/second/: sheets of 40 numbered pictures, the same pictures in two orders. A list
holds the numbers of the broken ones, in any form: `3 17 24`. `read` keeps what both lists agree on, and says of the
rest that it is unsure (null in labels.json). Broken: a face, a hand or a shoulder that nobody would draw so, or a
person smeared; not a soft background, nor another expression than the one asked for.
"""

import argparse
import json
import re
from pathlib import Path

import cv2
import numpy as np

from starter_training.drawn import WAYS, drawn
from starter_training.train_generator import GENERATOR

SEED = 900  # nothing else draws from it; labels to train with have another
ORDERS = ("first", "second")
A_SHEET, ACROSS, CELL_PX = 40, 8, 200
STRENGTHS = (0.45, 0.9)
OFF_GRID = 0.6  # share of parents
JPEG_QUALITY = 92


def draw(folder: Path, model: Path, count: int, ways: list[str], seed: int) -> None:
    """FOLDER/pictures/, and the sheets of both orders with order.json: the name of each number."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for place, way in enumerate(ways):
        share = range(place * 10_000, place * 10_000 + count * (place + 1) // len(ways) - count * place // len(ways))
        for one in drawn(model, way, share, seed, STRENGTHS, OFF_GRID):
            path = pictures / f"{way}-{seed}-{one.number}.jpg"
            cv2.imwrite(str(path), one.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    names = sorted(path.name for path in pictures.glob("*.jpg"))
    for place, order in enumerate(ORDERS):
        home = folder / order
        home.mkdir(exist_ok=True)
        mixed = [names[at] for at in np.random.default_rng((seed, place)).permutation(len(names))]
        (home / "order.json").write_text(json.dumps(mixed))
        for sheet in range(0, len(mixed), A_SHEET):
            images = [cv2.imread(str(pictures / name)) for name in mixed[sheet : sheet + A_SHEET]]
            cv2.imwrite(str(home / f"sheet-{sheet // A_SHEET + 1:02d}.png"), _sheet(images, sheet + 1))


def _sheet(images: list[np.ndarray], first: int) -> np.ndarray:
    """BGR: each at most CELL_PX wide and high, enlarged, with its number below."""
    tall = CELL_PX + 24
    sheet = np.full((-(-len(images) // ACROSS) * tall, ACROSS * CELL_PX, 3), 255, np.uint8)
    for at, image in enumerate(images):
        scale = (CELL_PX - 4) / max(image.shape[:2])
        shown = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        top, left = at // ACROSS * tall, at % ACROSS * CELL_PX
        sheet[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
        place = (left + 4, top + tall - 7)
        cv2.putText(sheet, str(first + at), place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return sheet


def read(folder: Path, lists: list[Path], out: Path) -> dict:
    """Keep the pictures and labels.json in `out`: name -> whether it is broken, null where the lists differ."""
    said = [_broken(path, folder / order) for path, order in zip(lists, ORDERS, strict=True)]
    names = sorted(json.loads((folder / ORDERS[0] / "order.json").read_text()))
    labels = {name: name in said[0] if (name in said[0]) == (name in said[1]) else None for name in names}
    out.mkdir(parents=True, exist_ok=True)
    for name in labels:
        (out / name).write_bytes((folder / "pictures" / name).read_bytes())
    (out / "labels.json").write_text(json.dumps(labels, indent=0) + "\n")
    counts = {str(label): list(labels.values()).count(label) for label in (True, False, None)}
    return {"broken": counts["True"], "whole": counts["False"], "unsure": counts["None"]}


def _broken(path: Path, home: Path) -> set[str]:
    """The names of the numbers in a list. Raises ValueError for a number that no picture has."""
    order = json.loads((home / "order.json").read_text())
    numbers = {int(text) for text in re.findall(r"\d+", path.read_text())}
    if wrong := [number for number in sorted(numbers) if not 1 <= number <= len(order)]:
        raise ValueError(f"{path.name} has the number {wrong[0]}, and the sheets have 1 to {len(order)}")
    return {order[number - 1] for number in numbers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw")
    drawing.add_argument("folder", type=Path)
    drawing.add_argument("--model", type=Path, default=GENERATOR)
    drawing.add_argument("--count", type=int, default=480)
    drawing.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    drawing.add_argument("--seed", type=int, default=SEED)
    reading = commands.add_parser("read")
    reading.add_argument("folder", type=Path)
    reading.add_argument("lists", type=Path, nargs=2)
    reading.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "draw":
        draw(options.folder, options.model, options.count, options.ways, options.seed)
    else:
        print(json.dumps(read(options.folder, options.lists, options.out)))


if __name__ == "__main__":
    main()
