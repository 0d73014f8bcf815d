"""A tagger in ONNX of WD SwinV2's cost with made-up weights: SwinV2-B at 448 px, windows of 14 x 14 tokens that are not
shifted, plain softmax attention, 10,861 sigmoids. 62 GMAC per picture, 0.4 GB.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE_PX, TAGS = 448, 10_861
WIDTHS, DEPTHS, HEADS = (128, 256, 512, 1024), (2, 2, 18, 2), (4, 8, 16, 32)
WINDOW = 14


class _Graph:
    """Nodes and weights in the making. Weights are drawn from one seed, scaled so that activations keep their size."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.weights: list = []
        self.random = np.random.default_rng(1)

    def add(self, op: str, *inputs: str, **attributes: object) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [*inputs], [name], **attributes))
        return name

    def constant(self, value: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def shape(self, *sides: int) -> str:
        return self.constant(np.array(sides, np.int64))

    def linear(self, x: str, wide: int, to: int) -> str:
        weight = self.random.standard_normal((wide, to), np.float32) / np.float32(wide**0.5)
        return self.add("Add", self.add("MatMul", x, self.constant(weight)), self.constant(np.zeros(to, np.float32)))

    def norm(self, x: str, wide: int) -> str:
        one, nought = (self.constant(np.full(wide, value, np.float32)) for value in (1, 0))
        return self.add("LayerNormalization", x, one, nought)

    def block(self, x: str, side: int, wide: int, heads: int) -> str:
        """x: [n, side, side, wide]. Attention in windows, then the two layers of 4 times the width."""
        apart, tokens = side // WINDOW, WINDOW * WINDOW
        split = self.shape(0, apart, WINDOW, apart, WINDOW, wide)
        y = self.add("Transpose", self.add("Reshape", x, split), perm=[0, 1, 3, 2, 4, 5])
        y = self.linear(self.add("Reshape", y, self.shape(-1, tokens, wide)), wide, 3 * wide)
        y = self.add("Reshape", y, self.shape(-1, tokens, 3, heads, wide // heads))
        y = self.add("Transpose", y, perm=[2, 0, 3, 1, 4])
        query, key, value = (self.add("Gather", y, self.constant(np.array(at)), axis=0) for at in range(3))
        scale = self.constant(np.array((wide // heads) ** -0.5, np.float32))
        likeness = self.add("MatMul", self.add("Mul", query, scale), self.add("Transpose", key, perm=[0, 1, 3, 2]))
        y = self.add("MatMul", self.add("Softmax", likeness, axis=-1), value)
        y = self.add("Reshape", self.add("Transpose", y, perm=[0, 2, 1, 3]), self.shape(-1, tokens, wide))
        y = self.add("Reshape", self.linear(y, wide, wide), self.shape(-1, apart, apart, WINDOW, WINDOW, wide))
        y = self.add("Transpose", y, perm=[0, 1, 3, 2, 4, 5])
        x = self.add("Add", x, self.norm(self.add("Reshape", y, self.shape(-1, side, side, wide)), wide))
        y = self.add("Gelu", self.linear(x, wide, 4 * wide))
        return self.add("Add", x, self.norm(self.linear(y, 4 * wide, wide), wide))

    def merged(self, x: str, side: int, wide: int) -> str:
        """Four neighbours become one of twice the width."""
        y = self.add("Reshape", x, self.shape(-1, side // 2, 2, side // 2, 2, wide))
        y = self.add("Transpose", y, perm=[0, 1, 3, 2, 4, 5])
        return self.linear(self.add("Reshape", y, self.shape(-1, side // 2, side // 2, 4 * wide)), 4 * wide, 2 * wide)


def write(folder: Path) -> Path:
    """folder/model.onnx and selected_tags.csv."""
    graph = _Graph()
    scale = graph.constant(np.array(1 / 127.5, np.float32))
    x = graph.add("Transpose", graph.add("Mul", "input", scale), perm=[0, 3, 1, 2])
    patches = graph.constant(graph.random.standard_normal((WIDTHS[0], 3, 4, 4), np.float32) / np.float32(7))
    x = graph.add("Transpose", graph.add("Conv", x, patches, strides=[4, 4]), perm=[0, 2, 3, 1])
    side = SIDE_PX // 4
    for stage, (wide, depth, heads) in enumerate(zip(WIDTHS, DEPTHS, HEADS, strict=True)):
        for _ in range(depth):
            x = graph.block(x, side, wide, heads)
        if stage + 1 < len(WIDTHS):
            x, side = graph.merged(x, side, wide), side // 2
    x = graph.add("ReduceMean", graph.norm(x, WIDTHS[-1]), graph.shape(1, 2), keepdims=0)
    graph.nodes.append(helper.make_node("Sigmoid", [graph.linear(x, WIDTHS[-1], TAGS)], ["output"]))
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", SIDE_PX, SIDE_PX, 3])
    found = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", TAGS])
    made = helper.make_graph(graph.nodes, "wd", [given], [found], graph.weights)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), folder / "model.onnx")
    ratings = ("general", "sensitive", "questionable", "explicit")
    rows = [f"{at},{name},9,1" for at, name in enumerate(ratings)]
    rows += [f"{at},tag_{at},{4 if at % 4 == 3 else 0},1" for at in range(len(rows), TAGS)]
    (folder / "selected_tags.csv").write_text("\n".join(("tag_id,name,category,count", *rows)) + "\n")
    return folder / "model.onnx"
