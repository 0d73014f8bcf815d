"""Witnesses in ONNX of a few kilobytes, with the signatures of the published ones: they see the mean colour."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH = 768


def tiny_ccip(folder: Path, threshold: float = 0.2) -> Path:
    """folder/model_feat.onnx, model_metrics.onnx and metrics.json: two pictures differ as their mean colours do."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.zeros((3, WIDTH), np.float32)
    weights[0, :256] = weights[1, 256:512] = weights[2, 512:] = 0.25
    nodes = [
        helper.make_node("ReduceMean", ["input", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["output"]),
    ]
    constants = {"axes": np.array([2, 3], np.int64), "weights": weights}
    _save(folder / "model_feat.onnx", nodes, ("input", ["n", 3, 384, 384]), ("output", ["n", WIDTH]), constants)
    nodes = [
        helper.make_node("Unsqueeze", ["input", "one"], ["rows"]),
        helper.make_node("Unsqueeze", ["input", "nought"], ["columns"]),
        helper.make_node("Sub", ["rows", "columns"], ["apart"]),
        helper.make_node("Abs", ["apart"], ["far"]),
        helper.make_node("ReduceMean", ["far", "two"], ["output"], keepdims=0),
    ]
    constants = {name: np.array([at], np.int64) for at, name in enumerate(("nought", "one", "two"))}
    _save(folder / "model_metrics.onnx", nodes, ("input", ["n", WIDTH]), ("output", ["n", "n"]), constants)
    (folder / "metrics.json").write_text(json.dumps({"f1_score": 0.94, "threshold": threshold}))
    return folder / "model_feat.onnx"


def tiny_corrupted(folder: Path, **meta: object) -> Path:
    """folder/model.onnx and meta.json: a dark picture is corrupted, a light one normal."""
    folder.mkdir(parents=True, exist_ok=True)
    nodes = [
        helper.make_node("ReduceMean", ["input", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["output"]),
    ]
    weights = np.array([[-1.0, 1.0]] * 3, np.float32)
    constants = {"axes": np.array([2, 3], np.int64), "weights": weights}
    _save(folder / "model.onnx", nodes, ("input", ["n", 3, 384, 384]), ("output", ["n", 2]), constants)
    (folder / "meta.json").write_text(json.dumps({"labels": ["corrupted", "normal"], **meta}))
    return folder / "model.onnx"


def _save(path: Path, nodes: list, given: tuple, found: tuple, constants: dict[str, np.ndarray]) -> None:
    graph = helper.make_graph(
        nodes,
        "witness",
        [helper.make_tensor_value_info(given[0], TensorProto.FLOAT, given[1])],
        [helper.make_tensor_value_info(found[0], TensorProto.FLOAT, found[1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
