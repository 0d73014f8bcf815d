"""The art in examples/ with what is true of it: figures (sprites) and scenes, as labels.toml says.

Reads a clone of the repository: the art is not in the installed package. Nothing here draws.
"""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np

EXAMPLES = Path(__file__).parents[1] / "examples"

# Never trained on, so that the figures in TAGGER.md are of pictures that the network has not seen. Their tags
# all occur in the rest: one face of each of sylvie's outfits, one of eileen's, one park, one photograph.
HELD_OUT_FACES = frozenset({("sylvie_blue", "smile"), ("sylvie_green", "normal"), ("eileen", "vhappy")})
HELD_OUT_SCENES = frozenset({"bg_uni", "bg_whitehouse"})

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class Figure:
    """One person on nothing. rgba: uint8 [H, W, 4], straight alpha."""

    outfit: str
    rgba: np.ndarray
    drawn: np.ndarray  # as the artist coloured it, whatever rgba has become
    tags: dict[str, Box]  # tag -> the part of the sprite that shows it
    maybe: frozenset[str]  # tags that are neither true nor false of it
    face: Box
    eyes: tuple[Box, ...]
    mouth: Box
    views: dict[str, tuple[int, int]]  # view -> range of the frame's lower edge, in sprite pixels


@dataclass(frozen=True)
class Scene:
    """A background. rgb: uint8 [H, W, 3]."""

    name: str
    rgb: np.ndarray
    tags: frozenset[str]  # true of any part of it
    parts: dict[str, tuple[Box, ...]] = field(default_factory=dict)
    maybe: frozenset[str] = frozenset()


@cache
def labels() -> dict:
    return tomllib.loads((Path(__file__).parent / "labels.toml").read_text("utf-8"))


def faces() -> list[tuple[str, str]]:
    """All (outfit, face), 13 of them; a face without a name of its own is the empty word."""
    return [(outfit, face) for outfit, label in labels()["sprites"].items() for face in label["faces"]]


def scenes() -> list[str]:
    return list(labels()["scenes"])


def figure_path(outfit: str, face: str) -> Path:
    name = "_".join(word for word in (outfit, face) if word)
    return EXAMPLES / "characters" / labels()["sprites"][outfit]["character"] / f"{name}.png"


@cache
def figure(outfit: str, face: str) -> Figure:
    label = labels()["sprites"][outfit]
    expression = label["faces"][face]
    face_box = tuple(label["face"])
    rgba = cv2.cvtColor(_read(figure_path(outfit, face), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    views = label["views"]
    return Figure(
        outfit=outfit,
        rgba=rgba,
        drawn=rgba,
        tags={tag: tuple(box) for tag, box in label["tags"].items()} | dict.fromkeys(expression["tags"], face_box),
        maybe=frozenset(expression.get("maybe", ())),
        face=face_box,
        eyes=tuple(tuple(box) for box in label["eyes"]),
        mouth=tuple(label["mouth"]),
        views={
            "portrait": tuple(views["portrait"]),
            "upper_body": tuple(views["upper_body"]),
            "cowboy_shot": (views["cowboy_shot"], rgba.shape[0]),
        },
    )


@cache
def scene(name: str) -> Scene:
    label = labels()["scenes"][name]
    return Scene(
        name=name,
        rgb=cv2.cvtColor(_read(EXAMPLES / "scenes" / f"{name}.jpg", cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB),
        tags=frozenset(label["all"]),
        parts={tag: tuple(tuple(box) for box in boxes) for tag, boxes in label.get("parts", {}).items()},
        maybe=frozenset(label.get("maybe", ())),
    )


def _read(path: Path, flags: int) -> np.ndarray:
    # prep.images opens what people bring; these are our own files, wanted with their alpha.
    pixels = cv2.imread(str(path), flags)
    if pixels is None:
        raise FileNotFoundError(f"{path} is missing: the starter's scripts run from a clone of the repository")
    return pixels


def vocabulary() -> tuple[str, ...]:
    """Every tag that the labels, the counts and the recolourings can give, in the order of the network's answers."""
    named = {"rating:safe", "1girl", "2girls", "solo", "no_humans", "portrait", "upper_body", "cowboy_shot"}
    for label in labels()["sprites"].values():
        named |= label["tags"].keys()
        named.update(tag for face in label["faces"].values() for tag in face["tags"])
    for label in labels()["scenes"].values():
        named |= set(label["all"]) | label.get("parts", {}).keys()
    return tuple(sorted(named | set(labels()["plain"]["tags"]) | set(labels()["recoloured"]["tags"])))
