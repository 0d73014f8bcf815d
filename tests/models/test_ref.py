"""A model where a job takes it: its files are found there, and are those that the run began with."""

import pickle
from dataclasses import replace

import pytest

from prep.errors import WeightsError
from prep.models.choose import by_path
from prep.models.choose_models import ref_of
from prep.models.ref import ModelRef
from prep.options import TaggerOptions
from prep.registry import ModelFile, ModelSpec
from prep.taggers import TAGGERS
from tests.support.weights import written

FILES = (ModelFile("model.onnx"), ModelFile("selected_tags.csv", part="tags"))
SPEC = ModelSpec("two-files", "tagger", "tests.fakes:fake_tagger", FILES)


@pytest.fixture
def given(tmp_path, monkeypatch):
    """As a person gave it: two-files:HERE/model.onnx."""
    monkeypatch.setitem(TAGGERS.members, "two-files", SPEC)
    written(tmp_path / "here" / "selected_tags.csv", b"tags")
    path = written(tmp_path / "here" / "model.onnx", b"network")
    return ref_of(by_path("tagger", SPEC, path), TaggerOptions())


def elsewhere(ref: ModelRef) -> ModelRef:
    """As a job brings it to another process."""
    return pickle.loads(pickle.dumps(ref))


def test_it_travels_and_finds_its_files(given, tmp_path):
    there = elsewhere(given)
    assert there == given and hash(there) == hash(given)
    assert {part: path.read_bytes() for part, path in there.files().items()} == {"model": b"network", "tags": b"tags"}
    assert there.make().vocabulary


def test_a_file_that_is_gone_is_one_sentence(given, tmp_path):
    (tmp_path / "here" / "selected_tags.csv").unlink()
    with pytest.raises(
        WeightsError, match=r"selected_tags.csv is missing. Put it back, or into the folder that PREP_MODELS"
    ):
        elsewhere(given).make()


@pytest.mark.parametrize("name", ["model.onnx", "selected_tags.csv"])
def test_a_file_that_changed_is_one_sentence(given, tmp_path, name):
    written(tmp_path / "here" / name, b"others!")
    with pytest.raises(
        WeightsError, match="two-files is a different file here than the one that the run began with"
    ) as caught:
        elsewhere(given).make()
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


@pytest.mark.parametrize("folder", ["", "two-files"])
def test_on_another_machine_prep_models_has_it(given, tmp_path, monkeypatch, folder):
    (tmp_path / "there" / folder).mkdir(parents=True)
    for name in ("model.onnx", "selected_tags.csv"):
        (tmp_path / "here" / name).rename(tmp_path / "there" / folder / name)
    monkeypatch.setenv("PREP_MODELS", str(tmp_path / "there"))
    assert {path.parent for path in elsewhere(given).files().values()} == {tmp_path / "there" / folder}


def test_another_model_of_the_same_file_names_is_not_taken_for_it(given, tmp_path, monkeypatch):
    for name in ("model.onnx", "selected_tags.csv"):
        (tmp_path / "here" / name).unlink()
        written(tmp_path / "there" / name, b"another's")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path / "there"))
    with pytest.raises(WeightsError, match="is a different file here"):
        elsewhere(given).files()


def test_a_model_by_name_is_looked_for_where_it_is_needed(given, tmp_path, monkeypatch):
    ref = replace(given, given=())
    with pytest.raises(
        WeightsError,
        match="two-files is not on this machine. Run `prep models get two-files`, or put it into the folder",
    ):
        ref.files()
    (tmp_path / "here").rename(tmp_path / "two-files")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    assert ref.files()["model"] == tmp_path / "two-files" / "model.onnx"


def test_a_changed_second_file_is_another_digest(given, tmp_path):
    written(tmp_path / "here" / "selected_tags.csv", b"more")
    assert ref_of(by_path("tagger", SPEC, tmp_path / "here" / "model.onnx"), TaggerOptions()).digest != given.digest


class Listing(TaggerOptions):
    words: list[str] = ["a"]
    more: dict[str, int] = {}


def test_options_may_hold_lists_and_only_what_was_set_shapes_a_recipe(given):
    bare, other = replace(given, options=Listing()), replace(given, options=Listing(words=["b"]))
    assert hash(bare) == hash(other) and bare != other
    assert bare.own_options == {} and other.own_options == {"words": ["b"]}
