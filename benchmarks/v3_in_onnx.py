"""DeepDanbooru v3 as an ONNX file, for kohya's way of running a tagger: the network of prep/taggers/_resnet.py in
float32, any number of pictures [n, 512, 512, 3], RGB, 0-1 -> scores.
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper, numpy_helper

from prep.taggers._checkpoint import read_checkpoint


class _Graph:
    def __init__(self, state: dict) -> None:
        self.state = state
        self.nodes: list = []
        self.weights: list = []

    def add(self, op: str, *inputs: str, **attributes: object) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [*inputs], [name], **attributes))
        return name

    def conv(self, x: str, name: str, stride: int = 1, before: int = 0, after: int = 0, relu: bool = False) -> str:
        given = [f"{name}.{kind}" for kind in ("weight", "bias") if f"{name}.{kind}" in self.state]
        for key in given:
            self.weights.append(numpy_helper.from_array(self.state[key].float().numpy(), key))
        pads = [before, before, after, after]
        y = self.add("Conv", x, *given, strides=[stride, stride], pads=pads)
        return self.add("Relu", y) if relu else y

    def block(self, x: str, name: str, stride: int, project: bool) -> str:
        inner = self.conv(x, f"{name}.reduce", relu=True)
        inner = self.conv(inner, f"{name}.spatial", stride, before=0 if stride == 2 else 1, after=1, relu=True)
        shortcut = self.conv(x, f"{name}.project", stride) if project else x
        return self.add("Relu", self.add("Add", self.conv(inner, f"{name}.expand"), shortcut))


def write(path: Path, weights: Path) -> Path:
    checkpoint = read_checkpoint(weights)
    graph, side = _Graph(checkpoint.state), checkpoint.image_px
    x = graph.add("Transpose", "picture", perm=[0, 3, 1, 2])
    x = graph.conv(x, "stem", 2, before=2, after=3, relu=True)
    x = graph.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    for place, stage in enumerate(checkpoint.params.stages):
        for index in range(stage.blocks):
            stride = 2 if index == 0 and place > 0 else 1
            x = graph.block(x, f"stages.{place}.{index}", stride, project=index == 0)
    x = graph.add("Flatten", graph.conv(graph.add("GlobalAveragePool", x), "head"))
    graph.nodes.append(helper.make_node("Sigmoid", [x], ["scores"]))
    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", side, side, 3])
    found = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", checkpoint.params.tags])
    made = helper.make_graph(graph.nodes, "v3", [given], [found], graph.weights)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path
