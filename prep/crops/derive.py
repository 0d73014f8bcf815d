"""From what was found in a picture to its crops. Pure: boxes in, boxes out; nothing here has seen a pixel.

A head is cut as waifuc cuts it: about one and a half times as large, nearly squared. An upper body ends at about the
waist, counted in heads from the crown. Each is then given a size that fits a bucket (fit.py). Nothing is enlarged; what
is nearly the whole picture, or too small to train on, is no crop.
"""

from collections.abc import Sequence
from typing import NamedTuple

from prep.crops.fit import fitted, overlap, shared
from prep.types import Box, Detected, Part

PARTS: tuple[Part, ...] = ("head", "upper", "figure")
HEAD = 1.5  # side of the square, per the head's longer side
UPPER_HEADS, UPPER_WIDE, ABOVE = 2.6, 2.5, 0.2  # heads from its crown, width in heads, and the part of one above it
UPPER_LEAST, WIDE_LEAST = 2.3, 1.8  # of an upper body, in heads: what must be in its crop, from the crown
MARGIN = 0.05  # of a half body's or person's sides, around it
SMALLEST = 0.6  # share of the resolution: the side of a square of the least area
LARGEST = 0.8  # share of the picture's area
ALIKE = 0.8  # share of the union of two crops from which on one of them is enough
FACE_WIDE, FACE_ABOVE, FACE_BELOW = 1.5, 0.7, 0.1  # a head per face: its width, and what is above and below


class Crop(NamedTuple):
    """A part of a picture, in its pixels after EXIF rotation."""

    part: Part
    box: Box


class NoCrop(NamedTuple):
    """Why there is none, as a clause."""

    why: str


class Cropped(NamedTuple):
    """The crops of a picture, and of each other part that was wanted why there is none, as a clause."""

    crops: tuple[Crop, ...]
    without: dict[Part, str]


def head_in(found: Sequence[Detected]) -> Box | None:
    """The head of the only person: as it was found, or around its face. None: no head, or several."""
    if _persons(found) > 1:
        return None
    for each in found:
        if each.label == "head":
            return each.box
    return next((_around(each.box) for each in found if each.label == "face"), None)


def heads_in(found: Sequence[Detected]) -> list[Box]:
    """All heads, also of several persons."""
    heads = [each.box for each in found if each.label == "head"]
    return heads or [_around(each.box) for each in found if each.label == "face"]


def crops_in(
    found: Sequence[Detected], width: int, height: int, parts: Sequence[Part], most: int, resolution: int
) -> Cropped | NoCrop:
    """found: the best first. width, height: of the picture, pixels. parts: what is wanted. resolution: of the training,
    pixels.
    """
    if _persons(found) > 1:
        return NoCrop("it shows several persons")
    shown = {part: _shown(part, found, width, height) for part in PARTS if part in parts}
    if not any(shown.values()):
        return NoCrop("no head or body was found in it")
    least, largest = (SMALLEST * resolution) ** 2, LARGEST * width * height
    whole, small = "it is nearly such a crop itself", f"its crops would be too small for {resolution} px"
    chosen: list[tuple[Crop, Box]] = []  # with the box that was wanted
    without: dict[Part, str] = {}
    for part, boxes in shown.items():
        if not boxes:
            without[part] = "none was found in it"
        elif boxes[0].area > largest:
            without[part] = whole
        elif boxes[0].area < least:
            without[part] = small
        else:
            crop = Crop(part, fitted(*boxes, width, height, resolution, (least, largest)))
            if any(max(overlap(crop.box, other.box), overlap(boxes[0], box)) >= ALIKE for other, box in chosen):
                without[part] = "another crop of it is nearly the same"
            elif len(chosen) == most:
                without[part] = f"crops.most is {most}"
            else:
                chosen.append((crop, boxes[0]))
    if not chosen:
        return NoCrop(small if small in without.values() else whole)
    return Cropped(tuple(crop for crop, _ in chosen), without)


def cuts(head: Box, stays: tuple[float, float, float, float], width: int, height: int) -> float:
    """The share of the head, 0-1, that is lost if only this part of the picture stays (left, top, right, bottom, as
    shares of its sides).
    """
    left, top, right, bottom = stays
    kept = Box(round(left * width), round(top * height), round(right * width), round(bottom * height))
    return 1 - shared(head, kept) / max(1, head.area)


def within(head: Box, crop: Box) -> Box | None:
    """What a crop has of a head, in the crop's own pixels. Both are of one picture. None: nothing."""
    left, top = max(head.left, crop.left), max(head.top, crop.top)
    right, bottom = min(head.right, crop.right), min(head.bottom, crop.bottom)
    if left >= right or top >= bottom:
        return None
    return Box(left - crop.left, top - crop.top, right - crop.left, bottom - crop.top)


def _persons(found: Sequence[Detected]) -> int:
    labels = [each.label for each in found]
    return max(labels.count(label) for label in ("head", "face", "person"))


def _shown(part: Part, found: Sequence[Detected], width: int, height: int) -> tuple[Box, Box] | None:
    """(the box wanted for its crop, what must be in the crop whole: the head, the body, or the body to the waist)."""
    head = head_in(found)
    label = {"head": "head", "upper": "halfbody", "figure": "person"}[part]
    own = head if part == "head" else next((each.box for each in found if each.label == label), None)
    if own and part == "head":
        box = _squared(own, width, height)
    elif own:
        box = _inside(*_grown(own, MARGIN), width, height)
    elif head and part == "upper":
        box = _upper(head, UPPER_WIDE, ABOVE, UPPER_HEADS, width, height)
        own = _upper(head, WIDE_LEAST, 0, UPPER_LEAST, width, height)
    else:
        return None
    core = Box(max(own.left, box.left), max(own.top, box.top), min(own.right, box.right), min(own.bottom, box.bottom))
    return box, core


def _around(face: Box) -> Box:
    """The head that a face belongs to, by the proportions of anime faces."""
    middle, half = (face.left + face.right) / 2, FACE_WIDE * face.width / 2
    top, bottom = face.top - FACE_ABOVE * face.height, face.bottom + FACE_BELOW * face.height
    return Box(max(0, round(middle - half)), max(0, round(top)), round(middle + half), round(bottom))


def _squared(head: Box, width: int, height: int) -> Box:
    """A square around the head, moved into the picture; narrower than a square only where the picture is."""
    side = round(HEAD * max(head.width, head.height))
    wide, tall = min(side, width), min(side, height)
    left = _moved((head.left + head.right - wide) / 2, wide, width)
    top = _moved((head.top + head.bottom - tall) / 2, tall, height)
    return _inside(left, top, left + wide, top + tall, width, height)


def _upper(head: Box, wide: float, above: float, below: float, width: int, height: int) -> Box:
    """wide, above, below: the box's width, and its upper and lower end from the crown, in heads."""
    tall = max(head.width, head.height)
    across = min(round(wide * tall), width)
    left = _moved((head.left + head.right - across) / 2, across, width)
    return _inside(left, head.top - above * tall, left + across, head.top + below * tall, width, height)


def _grown(box: Box, share: float) -> tuple[float, float, float, float]:
    across, up = share * box.width, share * box.height
    return box.left - across, box.top - up, box.right + across, box.bottom + up


def _moved(begin: float, length: int, whole: int) -> int:
    """Where it begins so that it is inside."""
    return max(0, min(round(begin), whole - length))


def _inside(left: float, top: float, right: float, bottom: float, width: int, height: int) -> Box:
    return Box(max(0, round(left)), max(0, round(top)), min(width, round(right)), min(height, round(bottom)))
