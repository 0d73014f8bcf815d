"""YOLO's boxes as they are in the picture, whatever its shape; and files of another kind."""

import json

import numpy as np
import pytest

from prep.detectors.yolo import Yolo, check, separate
from prep.errors import WeightsError
from prep.options import Options
from prep.types import Box
from tests.support.detector_files import BLUE, tiny_yolo
from tests.support.onnx_files import tiny_onnx

PARTS = {"model": "model.onnx", "labels": "labels.json", "threshold": "threshold.json"}


def files(folder) -> dict:
    return {part: folder / name for part, name in PARTS.items()}


def with_square(width: int, height: int, box: Box | None, colour=(255, 0, 0)) -> np.ndarray:
    image = np.full((height, width, 3), 90, np.uint8)
    if box:
        image[box.top : box.bottom, box.left : box.right] = colour
    return image


def near(one: Box, other: Box, px: float) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= px


@pytest.mark.parametrize("side", [640, None], ids=["fixed", "open"])
@pytest.mark.parametrize("size", [(640, 640), (2000, 1000), (300, 900), (50, 40)], ids="{0[0]}x{0[1]}".format)
def test_a_square_is_found_once_and_where_it_is(tmp_path, side, size):
    tiny_yolo(tmp_path, side=side)
    width, height = size
    box = Box(width // 4, height // 5, width // 2, height // 2)
    (found,) = Yolo("anime-head", files(tmp_path), Options()).find(with_square(width, height, box))
    assert found.label == "head" and found.score == pytest.approx(0.9)
    assert near(found.box, box, max(1.5, max(size) / 640 * 1.5))


def test_of_a_picture_without_a_square_nothing_is_found(tmp_path):
    tiny_yolo(tmp_path)
    assert Yolo("anime-head", files(tmp_path), Options()).find(with_square(300, 400, None)) == []


def test_what_is_below_the_bound_of_its_file_is_not_found(tmp_path):
    tiny_yolo(tmp_path, threshold=0.95)
    assert Yolo("anime-head", files(tmp_path), Options()).find(with_square(300, 400, Box(9, 9, 99, 99))) == []


def test_of_boxes_that_overlap_the_best_stays():
    corners = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 4], [50, 50, 60, 60]], float)
    assert separate(corners, np.array([0.6, 0.8, 0.7, 0.5]), 0.5) == [1, 2, 3]
    assert separate(corners, np.array([0.6, 0.8, 0.7, 0.5]), 0.9) == [1, 2, 0, 3]
    assert separate(np.zeros((0, 4)), np.zeros(0), 0.5) == []


def test_another_colour_is_another_detector(tmp_path):
    tiny_yolo(tmp_path, "person", BLUE)
    yolo = Yolo("anime-person", files(tmp_path), Options())
    assert yolo.find(with_square(300, 400, Box(9, 9, 99, 99))) == []
    assert yolo.find(with_square(300, 400, Box(9, 9, 99, 99), (0, 0, 255)))[0].label == "person"


def told(call, *arguments) -> str:
    with pytest.raises(WeightsError) as caught:
        call(*arguments)
    return str(caught.value)


def test_files_of_another_kind_are_named(tmp_path):
    tiny_yolo(tmp_path)
    found = files(tmp_path)
    (tmp_path / "threshold.json").write_text("[1]")
    assert "threshold.json is not a table" in told(check, "anime-head", found, Options())
    (tmp_path / "threshold.json").write_text(json.dumps({"threshold": "high"}))
    assert "threshold.json has no threshold from 0 to 1" in told(check, "anime-head", found, Options())
    (tmp_path / "labels.json").write_text(json.dumps(["cat"]))
    assert "has none of the labels head, face, halfbody, person" in told(check, "anime-head", found, Options())
    (tmp_path / "labels.json").unlink()
    assert "labels.json is missing" in told(check, "anime-head", found, Options())
    (tmp_path / "model.onnx").write_bytes(b"nothing of the kind" * 10)
    assert "model.onnx is " in told(check, "anime-head", found, Options())


def test_another_network_and_another_number_of_labels_are_named(tmp_path):
    tiny_yolo(tmp_path)
    (tmp_path / "labels.json").write_text(json.dumps(["head", "face"]))
    yolo = Yolo("anime-head", files(tmp_path), Options())
    assert "it gives [1, 5, 3]; expected [1, 6, N]" in told(yolo.find, with_square(64, 64, None))
    tiny_yolo(tmp_path / "tagger")
    tiny_onnx(tmp_path / "tagger")
    yolo = Yolo("anime-head", files(tmp_path / "tagger"), Options())
    assert "model.onnx" in told(yolo.find, with_square(64, 64, None))
