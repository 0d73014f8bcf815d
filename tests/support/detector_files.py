"""A detector in ONNX of a few kilobytes, with the signature of YOLOv8: it finds the one square of its colour."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RED, BLUE = 0, 2  # the channel that a square is of; the others are black there


def tiny_yolo(
    folder: Path, label: str = "head", channel: int = RED, side: int | None = 640, threshold: float = 0.383
) -> Path:
    """folder/model.onnx, labels.json and threshold.json. It gives three boxes: the square with a score of 0.9, the same
    a little aside with 0.6, and one that is none with 0.1; without a square all scores are 0. side: None: any size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.full((1, 3, 1, 1), -40, np.float32)
    weights[0, channel] = 40
    constants = {
        "weights": weights,
        "bias": np.full(1, -20, np.float32),
        "one": np.array(1, np.float32),
        "half": np.array(0.5, np.float32),
        "far": np.array(1e6, np.float32),
        "rows": np.array([3], np.int64),
        "columns": np.array([2], np.int64),
        "all": np.array([2, 3], np.int64),
        "across": np.array(3, np.int64),
        "down": np.array(2, np.int64),
        "shape": np.array([1, 4, 1], np.int64),
        "aside": np.array([[[0, 2, 0]], [[0, 0, 0]], [[0, 0, 0]], [[0, 0, 0]]], np.float32).reshape(1, 4, 3),
        "scores": np.array([[[0.9, 0.6, 0.1]]], np.float32),
        "flat": np.array([1, 1, 1], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Conv", ["images", "weights", "bias"], ["logits"]),
        node("Clip", ["logits", "nought", "one"], ["mask"]),
        node("ReduceMax", ["mask", "columns"], ["over_x"]),
        node("ReduceMax", ["mask", "rows"], ["over_y"]),
        node("ReduceMax", ["mask", "all"], ["any"]),
        node("Reshape", ["any", "flat"], ["is_there"]),
        node("Mul", ["scores", "is_there"], ["found"]),
    ]
    constants["nought"] = np.array(0, np.float32)
    for name, axis in (("x", "across"), ("y", "down")):
        nodes += [
            node("Mul", [f"over_{name}", "nought"], [f"none_{name}"]),
            node("Add", [f"none_{name}", "one"], [f"ones_{name}"]),
            node("CumSum", [f"ones_{name}", axis], [f"end_{name}"]),
            node("Sub", [f"end_{name}", "one"], [f"begin_{name}"]),
            node("Mul", [f"end_{name}", f"over_{name}"], [f"ends_{name}"]),
            node("ReduceMax", [f"ends_{name}", "all"], [f"high_{name}"]),
            node("Sub", ["one", f"over_{name}"], [f"outside_{name}"]),
            node("Mul", [f"outside_{name}", "far"], [f"off_{name}"]),
            node("Add", [f"begin_{name}", f"off_{name}"], [f"begins_{name}"]),
            node("ReduceMin", [f"begins_{name}", "all"], [f"low_{name}"]),
            node("Add", [f"low_{name}", f"high_{name}"], [f"sum_{name}"]),
            node("Mul", [f"sum_{name}", "half"], [f"middle_{name}"]),
            node("Sub", [f"high_{name}", f"low_{name}"], [f"size_{name}"]),
        ]
    nodes += [
        node("Concat", ["middle_x", "middle_y", "size_x", "size_y"], ["four"], axis=1),
        node("Reshape", ["four", "shape"], ["box"]),
        node("Add", ["box", "aside"], ["boxes"]),
        node("Concat", ["boxes", "found"], ["output0"], axis=1),
    ]
    sides = [side, side] if side else ["height", "width"]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *sides])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 5, "boxes"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    (folder / "labels.json").write_text(json.dumps([label]))
    (folder / "threshold.json").write_text(json.dumps({"f1_score": 0.92, "threshold": threshold}))
    return folder / "model.onnx"
