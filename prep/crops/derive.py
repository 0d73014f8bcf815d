"""From what was found in a picture to its crops. Pure: boxes in, boxes out; nothing here has seen a pixel.

A head is cut as waifuc cuts it: one and a half times as large, squared. An upper body ends at about the waist, counted
in heads from the crown. Nothing is enlarged; what is nearly the whole picture, or too small to train on, is no crop.
"""

from collections.abc import Sequence
from typing import NamedTuple

from prep.types import Box, Detected, Part

VERSION = 1
PARTS: tuple[Part, ...] = ("head", "upper", "figure")
HEAD = 1.5  # side of the square, per the head's longer side
UPPER_HEADS, UPPER_WIDE, ABOVE = 2.6, 2.5, 0.2  # heads from its crown, width in heads, and the part of one above it
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
) -> tuple[Crop, ...] | NoCrop:
    """found: the best first. width, height: of the picture, pixels. parts: what is wanted. resolution: of the training,
    pixels.
    """
    if _persons(found) > 1:
        return NoCrop("it shows several persons")
    wanted = [(part, box) for part in PARTS if part in parts and (box := _box(part, found, width, height))]
    if not wanted:
        return NoCrop("no head or body was found in it")
    fitting = [Crop(part, box) for part, box in wanted if box.area <= LARGEST * width * height]
    if not fitting:
        return NoCrop("it is nearly such a crop itself")
    large = [crop for crop in fitting if crop.box.area >= (SMALLEST * resolution) ** 2]
    if not large:
        return NoCrop(f"its crops would be too small for {resolution} px")
    chosen: list[Crop] = []
    for crop in large:
        if len(chosen) < most and all(overlap(crop.box, other.box) < ALIKE for other in chosen):
            chosen.append(crop)
    return tuple(chosen)


def cuts(head: Box, stays: tuple[float, float, float, float], width: int, height: int) -> float:
    """The share of the head, 0-1, that is lost if only this part of the picture stays (left, top, right, bottom, as
    shares of its sides).
    """
    left, top, right, bottom = stays
    kept = Box(round(left * width), round(top * height), round(right * width), round(bottom * height))
    return 1 - shared(head, kept) / max(1, head.area)


def overlap(one: Box, other: Box) -> float:
    """The share of their union that both have, 0-1."""
    both = shared(one, other)
    return both / max(1, one.area + other.area - both)


def shared(one: Box, other: Box) -> int:
    """Pixels that are in both."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0, width) * max(0, height)


def _persons(found: Sequence[Detected]) -> int:
    labels = [each.label for each in found]
    return max(labels.count(label) for label in ("head", "face", "person"))


def _box(part: Part, found: Sequence[Detected], width: int, height: int) -> Box | None:
    head = head_in(found)
    if part == "head":
        return _squared(head, width, height) if head else None
    label = "halfbody" if part == "upper" else "person"
    own = next((each.box for each in found if each.label == label), None)
    if own:
        return _inside(*_grown(own, MARGIN), width, height)
    return _upper(head, width, height) if head and part == "upper" else None


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


def _upper(head: Box, width: int, height: int) -> Box:
    tall = max(head.width, head.height)
    wide = min(round(UPPER_WIDE * tall), width)
    left = _moved((head.left + head.right - wide) / 2, wide, width)
    return _inside(left, head.top - ABOVE * tall, left + wide, head.top + UPPER_HEADS * tall, width, height)


def _grown(box: Box, share: float) -> tuple[float, float, float, float]:
    across, up = share * box.width, share * box.height
    return box.left - across, box.top - up, box.right + across, box.bottom + up


def _moved(begin: float, length: int, whole: int) -> int:
    """Where it begins so that it is inside."""
    return max(0, min(round(begin), whole - length))


def _inside(left: float, top: float, right: float, bottom: float, width: int, height: int) -> Box:
    return Box(max(0, round(left)), max(0, round(top)), min(width, round(right)), min(height, round(bottom)))
