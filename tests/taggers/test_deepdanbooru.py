import json
import math

import numpy as np
import pytest
import torch

from prep.errors import WeightsError
from prep.options import TaggerOptions
from prep.taggers._checkpoint import published_names, read_checkpoint, write_checkpoint
from prep.taggers._params import V3, ResNetParams, Stage, network_shapes
from prep.taggers._resnet import ResNet
from prep.taggers.deepdanbooru import DeepDanbooru, _device, best_dtype, vocabulary_of
from prep.taggers.look import look
from tests.support.emulated_card import show_cards
from tests.support.pictures import TAGS, tiny_checkpoint
from tests.support.reference import entry, headed


def tagger_of(weights, batch: int = 4, dtype: torch.dtype | None = None) -> DeepDanbooru:
    return DeepDanbooru("tiny", {"model": weights}, TaggerOptions(device="cpu", batch=batch), dtype)


def batch(count: int, side: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, side, side, 3), np.float32)


def in_batches(tagger: DeepDanbooru, images: np.ndarray) -> np.ndarray:
    size = tagger.batch_size
    return np.concatenate([tagger.scores(images[at : at + size]) for at in range(0, len(images), size)])


def test_answers_one_probability_a_tag(tiny_tagger):
    scores = in_batches(tagger_of(tiny_tagger), batch(3))
    assert scores.shape == (3, len(TAGS)) and scores.dtype == np.float32
    assert 0 < scores.min() < scores.max() < 1


def test_a_batch_is_as_large_as_asked_or_smaller(tiny_tagger):
    assert [tagger_of(tiny_tagger, asked).batch_size for asked in (1, 2, 8)] == [1, 2, 2]


def test_a_picture_scores_the_same_in_any_company(tiny_tagger):
    tagger = tagger_of(tiny_tagger)
    images = batch(4)
    together = in_batches(tagger, images)
    assert np.array_equal(in_batches(tagger, images[::-1].copy())[::-1], together)
    assert np.array_equal(np.concatenate([tagger.scores(images[at : at + 1]) for at in range(4)]), together)


def test_bfloat16_is_near_float32(tiny_tagger):
    exact = in_batches(tagger_of(tiny_tagger, dtype=torch.float32), batch(4))
    quick = in_batches(tagger_of(tiny_tagger, dtype=torch.bfloat16), batch(4))
    assert np.abs(exact - quick).max() < 0.05


def test_v3_has_the_published_size():
    with torch.device("meta"):
        network = ResNet(V3)
    assert sum(parameter.numel() for parameter in network.parameters()) == 160_956_544


def test_published_names_cover_the_module():
    names = dict(published_names())
    with torch.device("meta"):
        modules = {key.rpartition(".")[0] for key in ResNet(V3).state_dict()}
    assert len(names) == 179 and set(names.values()) == modules
    assert names["n_Conv_1"] == "stages.0.0.project"  # before the block's own convolutions
    assert names["n_Conv_100"] == "stages.3.0.project"  # but in stage 4 behind them


def published(path, tags=TAGS, change=lambda content: None):
    """A file of the published form, with tensors that take no room."""
    with torch.device("meta"):
        state = ResNet(V3).state_dict()
    content = {}
    for theirs, ours in published_names():
        for kind in ("weight", "bias"):
            if f"{ours}.{kind}" in state:
                content[f"{theirs}.{kind}"] = torch.zeros(1).expand(state[f"{ours}.{kind}"].shape)
    content["tags"] = list(tags)
    change(content)
    torch.save(content, path)
    return path


def test_the_published_form_is_read_with_its_tags(tmp_path):
    names = [f"tag_{number}" for number in range(9176)]
    checkpoint = read_checkpoint(published(tmp_path / "model-resnet_custom_v3.pt", names))
    assert checkpoint.params == V3 and checkpoint.tags == tuple(names) and checkpoint.image_px == 512
    with torch.device("meta"):
        ResNet(checkpoint.params).load_state_dict(checkpoint.state, strict=True, assign=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content.pop("n_Conv_7.weight"), "n_Conv_7.weight"),
        (lambda content: content.update(extra=torch.zeros(1)), "extra"),
        (lambda content: content.pop("tags"), "tags"),
    ],
)
def test_a_file_that_is_not_v3_is_refused(tmp_path, change, told):
    with pytest.raises(WeightsError, match=told):
        read_checkpoint(published(tmp_path / "m.pt", [""] * 9176, change))


def test_tags_and_outputs_must_agree(tmp_path):
    with pytest.raises(WeightsError, match="has 9176 outputs but 3 tag names"):
        read_checkpoint(published(tmp_path / "m.pt", ["a", "b", "c"]))


class Hostile:
    def __init__(self, marker) -> None:
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    marker = tmp_path / "ran"
    torch.save({"n_Conv_0.weight": Hostile(marker), "tags": []}, tmp_path / "m.pt")
    with pytest.raises(WeightsError):
        read_checkpoint(tmp_path / "m.pt")
    assert not marker.exists()


@pytest.mark.parametrize("name", ["m.pt", "m.safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\0" * 100])
def test_a_file_that_is_no_checkpoint_is_a_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        read_checkpoint(tmp_path / name)


def test_a_cut_file_is_a_sentence(tmp_path):
    whole = tiny_checkpoint(tmp_path / "tiny.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"cut\.safetensors"):
        read_checkpoint(tmp_path / "cut.safetensors")


def test_our_own_form_tells_its_shape(tiny_tagger):
    checkpoint = read_checkpoint(tiny_tagger)
    assert checkpoint.params == ResNetParams(8, (Stage(8, 16, 1), Stage(8, 32, 1)), len(TAGS))
    assert checkpoint.tags == TAGS and checkpoint.image_px == 64


def test_ratings_are_told_by_their_prefix():
    assert vocabulary_of(("rating:safe", "rating", "smile")).categories == ("rating", "general", "general")


def test_a_card_reads_in_float16_and_an_old_one_in_float32(tiny_tagger, monkeypatch):
    for capability, wanted in (((8, 6), torch.float16), ((7, 5), torch.float16), ((6, 1), torch.float32)):
        show_cards(monkeypatch, [("A card", 8 * 10**9)], capability)
        assert best_dtype(torch.device("cuda", 0)) == wanted


def test_the_largest_card_reads(tiny_tagger, monkeypatch):
    show_cards(monkeypatch, [("small", 8 * 10**9), ("large", 24 * 10**9)])
    assert _device("auto") == _device("cuda") == torch.device("cuda", 1)
    assert _device("cpu") == torch.device("cpu")


def test_float16_is_near_float32(tiny_tagger):
    images = batch(4)
    half, exact = (in_batches(tagger_of(tiny_tagger, dtype=each), images) for each in (torch.float16, torch.float32))
    assert np.abs(half - exact).max() < 2e-3


def test_a_picture_beyond_float16_is_read_in_float32_and_its_neighbours_are_not(tiny_tagger, monkeypatch):
    tagger, exact = (tagger_of(tiny_tagger, batch=2, dtype=each) for each in (torch.float16, torch.float32))
    images = batch(2)
    alone = tagger.scores(images)
    own = tagger.network.logits

    def overflows(values):
        found = own(values)
        return found if values.dtype == torch.float32 else found.index_fill(0, torch.tensor([1]), torch.inf)

    monkeypatch.setattr(tagger.network, "logits", overflows)
    found = tagger.scores(images)
    assert np.isfinite(found).all() and np.array_equal(found[0], alone[0])
    assert np.abs(found[1] - exact.scores(images)[1]).max() < 2e-3
    assert next(tagger.network.parameters()).dtype == torch.float16


def test_the_shapes_are_those_of_the_network():
    params = ResNetParams(8, (Stage(8, 16, 2), Stage(4, 32, 1)), 5)
    assert network_shapes(params) == {key: tuple(value.shape) for key, value in ResNet(params).state_dict().items()}


@pytest.mark.parametrize("shape", [[], [7], [0], [2, 0], [10**15, 0], [1, 1, 1], [1, 0, 10**18, 1], None])
def test_a_tensor_that_is_missing_or_of_another_shape_is_named_by_the_header(shape, tiny_tagger, tmp_path):
    data = tiny_tagger.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    path = tmp_path / "bent.safetensors"
    for name in [key for key in header if key != "__metadata__"]:
        entries, end = {"__metadata__": header["__metadata__"]}, 0
        for key, each in header.items():
            if key == "__metadata__" or key == name and shape is None:
                continue
            found = shape if key == name else each["shape"]
            size = 4 * math.prod(found)
            entries[key] = entry("F32", found, (end, end + size))
            end += size
        path.write_bytes(headed(entries, bytes(end)))
        with pytest.raises(WeightsError) as told:
            look("bent", {"model": path}, TaggerOptions())
        assert "bent.safetensors" in str(told.value) and name in str(told.value)


def test_a_side_that_halving_does_not_fit_is_refused(tiny_tagger, tmp_path):
    checkpoint = read_checkpoint(tiny_tagger)
    write_checkpoint(tmp_path / "odd.safetensors", checkpoint.state, checkpoint.tags, 66)
    with pytest.raises(WeightsError, match="reads pictures of 66 px; 16 to 4096 px can be read, in steps of 8"):
        look("odd", {"model": tmp_path / "odd.safetensors"}, TaggerOptions())
