"""CCIP and ai-corrupted from real ONNX files of their signatures, run by the real onnxruntime."""

import json
import subprocess
import sys

import numpy as np
import pytest

from prep.errors import WeightsError
from prep.options import Options
from prep.witnesses.ccip import Ccip
from prep.witnesses.corrupted import Corrupted
from tests.support.witness_files import tiny_ccip, tiny_corrupted


def colour(*rgb: int) -> np.ndarray:
    return np.full((60, 40, 3), rgb, np.uint8)


def ccip_files(folder, threshold=0.2):
    path = tiny_ccip(folder, threshold)
    return {"model": path, "metrics": folder / "model_metrics.onnx", "threshold": folder / "metrics.json"}


def corrupted_files(folder, **meta):
    return {"model": tiny_corrupted(folder, **meta), "labels": folder / "meta.json"}


def test_the_same_colours_are_the_same_character_and_others_are_not(tmp_path):
    ccip = Ccip("ccip", ccip_files(tmp_path), Options())
    real = np.stack([ccip.look(colour(200, 40, shade)) for shade in (30, 40, 50)])
    near, far = (ccip.measure(ccip.look(picture), real) for picture in (colour(205, 42, 40), colour(20, 90, 200)))
    assert real.dtype == np.float32 and real.shape == (3, 768)
    assert ccip.accepts(near) and not ccip.accepts(far) and near < far


def test_one_odd_picture_of_a_character_decides_nothing(tmp_path):
    ccip = Ccip("ccip", ccip_files(tmp_path), Options())
    seen = ccip.look(colour(200, 40, 40))
    alike, odd = [ccip.look(colour(200, 40, 40 + at)) for at in range(4)], ccip.look(colour(0, 255, 255))
    assert ccip.measure(seen, np.stack([*alike, odd])) == pytest.approx(ccip.measure(seen, np.stack(alike)), abs=0.01)


def test_the_threshold_is_the_one_in_metrics_json_and_belongs_to_the_same_character(tmp_path):
    ccip = Ccip("ccip", ccip_files(tmp_path, 0.1785), Options())
    assert ccip.accepts(0.1785) and not ccip.accepts(0.1786)


def test_a_dark_picture_is_corrupted_to_this_network_and_a_light_one_is_not(tmp_path):
    corrupted = Corrupted("ai-corrupted", corrupted_files(tmp_path), Options())
    dark, light = (corrupted.look(colour(*rgb)) for rgb in ((10, 10, 10), (240, 240, 240)))
    none = np.empty((0, 1), np.float32)
    assert dark.shape == (1,) and not corrupted.accepts(corrupted.measure(dark, none))
    assert corrupted.accepts(corrupted.measure(light, none))


def test_labels_say_which_output_it_is_and_a_threshold_in_meta_json_counts(tmp_path):
    files = corrupted_files(tmp_path / "turned", labels=["normal", "corrupted"], threshold=0.9)
    turned = Corrupted("ai-corrupted", files, Options())
    assert turned.look(colour(10, 10, 10))[0] < 0.5 < turned.look(colour(240, 240, 240))[0]
    assert turned.accepts(0.89) and not turned.accepts(0.9)


@pytest.mark.parametrize(
    "name, data, told",
    [
        ("model_feat.onnx", b"<!DOCTYPE html><html>", "is a web page"),
        ("model_feat.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "ccip is an ONNX model"),
        ("model_metrics.onnx", b"", "is empty"),
        ("metrics.json", b"{", "metrics.json is not JSON"),
        ("metrics.json", b"[]", "metrics.json is not a table"),
        ("metrics.json", b'{"threshold": "much"}', "has no threshold"),
        ("metrics.json", b'{"threshold": NaN}', "has no threshold"),
    ],
)
def test_a_file_of_another_kind_is_a_sentence_before_anything_is_opened(tmp_path, name, data, told):
    files = ccip_files(tmp_path)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(WeightsError, match=told):
        Ccip("ccip", files, Options())


@pytest.mark.parametrize("meta", [{"labels": ["yes", "no"]}, {"labels": "corrupted"}])
def test_labels_without_corrupted_are_a_sentence(tmp_path, meta):
    with pytest.raises(WeightsError, match="has no label `corrupted`"):
        Corrupted("ai-corrupted", corrupted_files(tmp_path, **meta), Options())


def test_another_network_of_the_right_kind_is_a_sentence_when_it_is_run(tmp_path):
    files, other = ccip_files(tmp_path), corrupted_files(tmp_path / "other")
    swapped = Ccip("ccip", files | {"model": files["metrics"]}, Options())
    with pytest.raises(WeightsError, match="is another network"):
        swapped.look(colour(1, 2, 3))
    with pytest.raises(WeightsError, match="expected their differences"):
        ccip = Ccip("ccip", files | {"metrics": _one("Identity", tmp_path / "identity.onnx")}, Options())
        ccip.measure(np.zeros(768, np.float32), np.zeros((2, 768), np.float32))
    (tmp_path / "other" / "meta.json").write_text(json.dumps({"labels": ["corrupted"]}))
    with pytest.raises(WeightsError, match="has 2 outputs but 1 labels"):
        Corrupted("ai-corrupted", other, Options()).look(colour(1, 2, 3))
    damaged = files["model"].read_bytes()
    files["model"].write_bytes(damaged[: len(damaged) // 2])
    with pytest.raises(WeightsError, match="is not an ONNX file that onnxruntime can run"):
        Ccip("ccip", files, Options()).look(colour(1, 2, 3))


def test_numbers_that_are_not_finite_are_a_sentence_and_no_verdict(tmp_path):
    files = ccip_files(tmp_path) | {"metrics": _one("Log", tmp_path / "log.onnx")}
    with pytest.raises(WeightsError, match=r"log\.onnx answers with numbers that are not finite"):
        Ccip("ccip", files, Options()).measure(np.full(768, -1, np.float32), np.ones((767, 768), np.float32))


def test_without_onnxruntime_looking_says_what_to_install(tmp_path):
    ccip_files(tmp_path)
    code = """
import sys
from pathlib import Path
sys.modules["onnxruntime"] = None
import numpy as np
from prep.options import Options
from prep.witnesses.ccip import Ccip
folder = Path(sys.argv[1])
files = {"model": folder / "model_feat.onnx", "metrics": folder / "model_metrics.onnx"}
try:
    Ccip("ccip", files | {"threshold": folder / "metrics.json"}, Options()).look(np.zeros((8, 8, 3), np.uint8))
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("StoppedError") and "pip install onnxruntime" in done.stdout


def _one(operation, path):
    import onnx
    from onnx import TensorProto, helper

    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 768]) for name in ("input", "output")]
    graph = helper.make_graph([helper.make_node(operation, ["input"], ["output"])], "same", value[:1], value[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path
