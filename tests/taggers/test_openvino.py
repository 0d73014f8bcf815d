"""Taggers that OpenVINO runs answer as torch and onnxruntime do. Skipped where openvino is not installed."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from prep.errors import WeightsError
from prep.images import open_image
from prep.models.known import PACKAGE
from prep.options import TaggerOptions
from prep.sections import Thresholds
from prep.taggers._resnet import ResNet
from prep.taggers._resnet_openvino import graph
from prep.taggers.deepdanbooru import DeepDanbooru
from prep.taggers.wd import Wd
from prep.tensors.in_openvino import Compiled, multiplies_in_bf16
from tests.support.onnx_taggers import make_pixai, make_wd
from tests.support.pictures import drawing
from tests.taggers.test_conv import SHAPES
from tests.taggers.test_wd import files_in

pytestmark = pytest.mark.skipif(not find_spec("openvino"), reason="openvino is not installed (pip install openvino)")

STARTER = PACKAGE / "tagger.safetensors"
EXAMPLES = Path(__file__).parents[2] / "examples" / "characters"
NEAR = 0.02  # of a score, 0-1, between two ways to multiply in bfloat16
FLOAT32 = 1e-5


def starter(backend: str, dtype: torch.dtype | None = None) -> DeepDanbooru:
    return DeepDanbooru("starter", {"model": STARTER}, TaggerOptions(device="cpu", backend=backend), dtype)


def wd(folder: Path, backend: str) -> Wd:
    return Wd("wd", files_in(folder), TaggerOptions(backend=backend))


def in_batches(tagger, images: np.ndarray) -> np.ndarray:
    size = tagger.batch_size
    return np.concatenate([tagger.scores(images[at : at + size]) for at in range(0, len(images), size)])


@pytest.mark.parametrize(("params", "side"), SHAPES)
@torch.inference_mode()
def test_the_graph_is_the_network(params, side):
    torch.manual_seed(0)
    plain = ResNet(params).eval()
    pictures = torch.rand(3, side, side, 3)
    compiled = Compiled(graph(params, plain.state_dict(), side), "it", bf16=False)
    found, expected = compiled(pictures.numpy()[:, None])[:, 0], plain.logits(pictures).numpy()
    assert expected.std() > 0.01 and np.abs(found - expected).max() < FLOAT32


def test_the_examples_get_the_same_tags():
    """Scores are near those of torch in the same precision; of the decisions where either says yes, 99 % are equal."""
    in_openvino = starter("openvino")
    in_torch = starter("torch", torch.bfloat16 if multiplies_in_bf16() else torch.float32)
    pictures = [
        open_image(path.read_bytes()).pixels for path in sorted(EXAMPLES.rglob("*.*")) if path.suffix != ".toml"
    ]
    images = np.stack([in_openvino.prepare(pixels) for pixels in pictures])
    found, expected = in_batches(in_openvino, images), in_batches(in_torch, images)
    assert np.abs(found - expected).max() < NEAR
    for threshold in (Thresholds().simple, Thresholds().medium, Thresholds().complex):
        either = (found >= threshold) | (expected >= threshold)
        equal = ((found >= threshold) == (expected >= threshold))[either]
        assert either.sum() > 5 * len(images) and equal.mean() >= 0.99


@pytest.mark.parametrize("make", [make_wd, make_pixai, lambda folder: make_wd(folder, batch=3)])
def test_a_network_in_onnx_answers_as_in_onnxruntime(tmp_path, make):
    make(tmp_path)
    in_openvino, in_onnxruntime = (wd(tmp_path, backend) for backend in ("openvino", "torch"))
    images = np.stack([in_openvino.prepare(np.asarray(drawing(seed))) for seed in range(5)])
    found, expected = (in_batches(tagger, images) for tagger in (in_openvino, in_onnxruntime))
    assert in_openvino.vocabulary == in_onnxruntime.vocabulary
    assert np.abs(found - expected).max() < (NEAR if multiplies_in_bf16() else FLOAT32)


def test_a_picture_scores_the_same_in_any_company_and_order():
    tagger = starter("openvino")
    images = np.stack([tagger.prepare(np.asarray(drawing(seed))) for seed in range(7)])
    alone = np.concatenate([tagger.scores(images[at : at + 1]) for at in range(7)])
    assert np.array_equal(tagger.scores(images), alone)
    assert np.array_equal(tagger.scores(images[::-1].copy())[::-1], alone)


def test_a_batch_is_as_large_as_asked_or_smaller(tmp_path):
    make_wd(tmp_path)
    sizes = [
        Wd("wd", files_in(tmp_path), TaggerOptions(backend="openvino", batch=asked)).batch_size for asked in (1, 3, 99)
    ]
    assert sizes == [1, 3, 8] and starter("openvino").batch_size == 8


def test_a_damaged_network_is_one_sentence(tmp_path):
    path = make_wd(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"Sigmoid", b"Sigmoix"))
    with pytest.raises(WeightsError, match=r"model.onnx is not an ONNX file that OpenVINO can run") as told:
        wd(tmp_path, "openvino")
    assert "\n" not in told.value.message and "tagger.backend=torch" in told.value.hint


def test_openvino_tells_nobody_that_it_is_used(tmp_path):
    """Its own package for that is looked for at every import, and would ask the network."""
    (tmp_path / "openvino_telemetry").mkdir()
    (tmp_path / "openvino_telemetry" / "__init__.py").write_text(f"open({str(tmp_path / 'told')!r}, 'w')")
    code = "import sys; sys.path.insert(0, sys.argv[1]); from prep.tensors.in_openvino import lacks; print([lacks()])"
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "['']\n" and done.stderr == "" and not (tmp_path / "told").exists()
