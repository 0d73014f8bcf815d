"""A tagger in ONNX of a few hundred bytes: it reads the first tag off every picture, the others off its colours."""

import csv
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE_PX = 448
ROWS = (
    ("1girl", "0"), ("solo", "0"), ("smile", "0"), ("outdoors", "0"), ("blue_hair", "0"), ("hatsune_miku", "4"),
    ("general", "9"), ("sensitive", "9"),
)  # fmt: skip


def tiny_onnx(folder: Path, bias: float = 1.0, rows: tuple[tuple[str, str], ...] = ROWS) -> Path:
    """folder/model.onnx with selected_tags.csv beside it: means of the channels, one layer, a sigmoid."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.random.default_rng(3).normal(0, 4, (3, len(ROWS))).astype(np.float32) / 255
    weights[:, 0] = 0
    weights[:, 2] = (0.05, 0, -0.05)  # smile: more blue than red
    weights[:, 3] = -weights[:, 2]  # outdoors: more red than blue
    biases = np.array([bias] + [0] * (len(ROWS) - 1), np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["picture", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["tags"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tagger",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", SIDE_PX, SIDE_PX, 3])],
        [helper.make_tensor_value_info("tags", TensorProto.FLOAT, ["n", len(ROWS)])],
        [
            numpy_helper.from_array(np.array([1, 2], np.int64), "axes"),
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(biases, "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    write_tags(folder / "selected_tags.csv", rows)
    return folder / "model.onnx"


def write_tags(path: Path, rows: tuple[tuple[str, str], ...]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("tag_id", "name", "category", "count"))
        writer.writerows((at, name, category, 1000 - at) for at, (name, category) in enumerate(rows))
