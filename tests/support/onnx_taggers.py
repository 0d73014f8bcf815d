"""Taggers in ONNX of a few hundred bytes, with the signatures of the published ones: WD v3, and the folders of PixAI,
Camie and animetimm. They score a picture by its mean colour.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE_PX = 32
GENERAL, ARTIST, SERIES, CHARACTER, META, RATING = "0", "1", "3", "4", "5", "9"


class Scored(NamedTuple):
    """A tag whose score is sigmoid(bias + red * R + green * G + blue * B), of the mean colour, 0-1."""

    name: str
    category: str = GENERAL
    bias: float = -4.0
    red: float = 0.0
    green: float = 0.0
    blue: float = 0.0


RATINGS = (
    Scored("general", RATING, 1),
    Scored("sensitive", RATING, -1, red=3),
    Scored("questionable", RATING, -3),
    Scored("explicit", RATING, -4),
)
# 0.35 is passed at a logit of -0.62, 0.45 at -0.2, 0.85 at 1.73.
WD_TAGS = (
    *RATINGS,
    Scored("1girl", bias=3),
    Scored("solo", bias=2),
    Scored("smile", bias=-1, red=3, blue=-1),
    Scored("open_mouth", bias=-2, red=4, green=-2),
    Scored("closed_mouth", bias=-2, blue=4, green=-2),
    Scored("long_hair", bias=1, red=-1),
    Scored("short_hair", bias=-3, red=3),
    Scored("blue_hair", bias=-2, red=-4, blue=6),
    Scored("red_hair", bias=-2, red=6, blue=-4),
    Scored("grey_hair", bias=-5, red=2, green=2, blue=2),
    Scored("blue_eyes", bias=-1, red=-3, blue=4),
    Scored("red_eyes", bias=-1, red=4, blue=-3),
    Scored("looking_at_viewer", bias=1),
    Scored("hand_on_own_hip", bias=-1, green=2),
    Scored("standing", bias=-1, green=3),
    Scored("upper_body", bias=-2, green=3),
    Scored("simple_background", bias=-5, red=2, green=2, blue=2),
    Scored("white_background", bias=-5, red=2, green=2, blue=2),
    Scored("outdoors", bias=-2, green=4, red=-1),
    Scored("dress", bias=-1, red=1, blue=1),
    Scored("hatsune_miku", CHARACTER, -2, red=-4, blue=8),
    Scored("hakurei_reimu", CHARACTER, -2, red=8, blue=-4),
)
# A family that also knows who drew it, what it is from, and what the file is like.
WIDE_TAGS = (
    *WD_TAGS,
    Scored("some_artist", ARTIST, 3),
    Scored("vocaloid", SERIES, 3),
    Scored("highres", META, 3),
)
PIXAI_TAGS = tuple(each for each in WD_TAGS if each.category != RATING)  # it has no ratings
STAGES = (
    {"type": "resize", "size": [SIDE_PX, SIDE_PX], "interpolation": "bilinear", "max_size": None, "antialias": True},
    {"type": "maybe_to_tensor"},
    {"type": "normalize", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
)


def make_wd(
    folder: Path, tags: Sequence[Scored] = WD_TAGS, side_px: int = SIDE_PX, batch: str | int = "batch_size"
) -> Path:
    """folder/model.onnx and selected_tags.csv, as WD v3 has them: NHWC, BGR, 0-255. batch: an int if it is fixed."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.array([(each.blue, each.green, each.red) for each in tags], np.float32).T / 255
    nodes, constants = _scoring(weights, [each.bias for each in tags], axes=(1, 2), output="output")
    _save(folder / "model.onnx", nodes, [batch, side_px, side_px, 3], {"output": len(tags)}, constants)
    write_tags(folder / "selected_tags.csv", tags)
    return folder / "model.onnx"


def make_pixai(
    folder: Path,
    tags: Sequence[Scored] = PIXAI_TAGS,
    stages: Sequence[dict] = STAGES,
    thresholds: Sequence[tuple[str, str, float]] = ((GENERAL, "general", 0.3), (CHARACTER, "character", 0.85)),
    side_px: int = SIDE_PX,
) -> Path:
    """folder/model.onnx, selected_tags.csv, preprocess.json and thresholds.csv, as PixAI v0.9 has them: NCHW, RGB,
    normalised to -1 to 1, with three outputs. thresholds: (category, its name, threshold).
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Of a mean m from -1 to 1 the colour is (m + 1) / 2.
    weights = np.array([(each.red, each.green, each.blue) for each in tags], np.float32).T / 2
    biases = [each.bias + (each.red + each.green + each.blue) / 2 for each in tags]
    nodes, constants = _scoring(weights, biases, axes=(2, 3), output="prediction")
    outputs = {"embedding": 3, "logits": len(tags), "prediction": len(tags)}
    _save(folder / "model.onnx", nodes, ["batch", 3, side_px, side_px], outputs, constants)
    write_tags(folder / "selected_tags.csv", tags, ips=True)
    (folder / "preprocess.json").write_text(json.dumps({"stages": list(stages)}))
    rows = (f"{category},{name},{threshold}" for category, name, threshold in thresholds)
    (folder / "thresholds.csv").write_text("\n".join(("category,name,threshold", *rows)) + "\n")
    return folder / "model.onnx"


def write_tags(path: Path, tags: Sequence[Scored], ips: bool = False) -> None:
    """As published; with a column `ips`, the series of each character as JSON."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("tag_id", "name", "category", "count", *(["ips"] if ips else [])))
        for at, each in enumerate(tags):
            series = json.dumps(["vocaloid"] if each.name == "hatsune_miku" else [])
            writer.writerow((at, each.name, each.category, 1000 - at, *([series] if ips else [])))


def _scoring(weights: np.ndarray, biases: Sequence[float], axes: tuple[int, int], output: str):
    """Nodes and constants from `input` over `embedding` and `logits` to the output. weights: float32 [3, T]."""
    nodes = [
        helper.make_node("ReduceMean", ["input", "axes"], ["embedding"], keepdims=0),
        helper.make_node("MatMul", ["embedding", "weights"], ["product"]),
        helper.make_node("Add", ["product", "biases"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], [output]),
    ]
    constants = {"axes": np.array(axes, np.int64), "weights": weights, "biases": np.array(biases, np.float32)}
    return nodes, constants


def _save(path: Path, nodes: list, given: list, outputs: dict[str, int], constants: dict[str, np.ndarray]) -> None:
    graph = helper.make_graph(
        nodes,
        "tagger",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [given[0], width]) for name, width in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
