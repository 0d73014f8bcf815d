"""Which matting model is used: the one that the settings name; by default isnetis, if it is on this machine."""

import pickle

import pytest

from prep.config import load_settings
from prep.errors import SettingsError, StoppedError, UsageError, WeightsError
from prep.models import matting
from prep.models.check import check_models
from prep.models.matting import matting_of, matting_told
from tests.support.figures_cut import matting_onnx


def settings(value: str):
    return load_settings(sets=(f"augmentation.matting={value}",))


@pytest.fixture
def isnetis(tmp_path, monkeypatch):
    """On this machine, as if it had been downloaded by hand."""
    path = matting_onnx(tmp_path / "models" / "isnetis.onnx")
    monkeypatch.setenv("PREP_MODELS", str(path.parent))
    return path


def test_by_default_none_is_used_until_isnetis_is_here():
    assert matting_of(load_settings()) is None
    assert matting_told(load_settings()) == (
        "isnetis is not on this machine: only figures with alpha or a plain background get another place",
        "`prep models get isnetis` (176 MB)",
    )


def test_isnetis_is_used_once_it_is_here_unless_it_is_switched_off(isnetis):
    found = matting_of(load_settings())
    assert found.name == "isnetis" and pickle.loads(pickle.dumps(found)).make().side_px == 64
    assert matting_of(settings("none")) is None
    assert matting_told(load_settings())[1] == "" and "is none" in matting_told(settings("none"))[0]


def test_another_file_is_used_by_its_path(tmp_path):
    found = matting_of(settings(str(matting_onnx(tmp_path / "mine.onnx"))))
    assert found.name == "mine" and found.make().side_px == 64


@pytest.mark.parametrize(
    "value, error, message",
    [
        ("isnetsi", SettingsError, "augmentation.matting: no matting model is called isnetsi. Did you mean `isnetis`?"),
        ("isnetis", StoppedError, "isnetis is not on this machine. Run `prep models get isnetis`."),
        ("/nowhere/mine.onnx", UsageError, "augmentation.matting: /nowhere/mine.onnx does not exist"),
        ("file", SettingsError, "augmentation.matting: file needs a path"),
    ],
)
def test_what_was_asked_for_and_is_not_here_stops_before_anything_is_touched(value, error, message):
    with pytest.raises(error) as caught:
        check_models(settings(value))
    assert message in str(caught.value)


@pytest.mark.parametrize("content, what", [(b"\x89PNG\r\n", "a picture"), (b"<html>", "a web page"), (b"", "empty")])
def test_a_file_of_another_kind_stops_before_anything_is_touched(tmp_path, content, what):
    path = tmp_path / "mine.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"augmentation.matting: mine.onnx is {what}"):
        check_models(settings(str(path)))


def test_without_onnxruntime_the_default_does_without_and_a_named_model_says_what_to_install(isnetis, monkeypatch):
    monkeypatch.setattr(matting, "find_spec", lambda name: None)
    assert matting_of(load_settings()) is None
    assert matting_told(load_settings()) == (
        "isnetis is on this machine, but onnxruntime is not installed",
        "pip install onnxruntime",
    )
    with pytest.raises(StoppedError, match="isnetis needs onnxruntime, which is not installed"):
        check_models(settings("isnetis"))
