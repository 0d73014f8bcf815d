"""What a card computes, in which batches, and in how much of its memory; the card is emulated."""

import pickle

import numpy as np
import pytest
import torch

from prep.config import load_settings
from prep.errors import StoppedError
from prep.models.choose_models import options_of
from prep.options import TaggerOptions
from prep.taggers import TAGGERS
from prep.taggers._card import IN_FLIGHT, MOST, card_batch, picture_bytes
from prep.taggers._params import V3, ResNetParams, Stage
from prep.taggers._resnet import ResNet
from prep.taggers.deepdanbooru import DeepDanbooru
from tests.support.emulated_card import a_card

GB = 1 << 30


def tagger_of(weights, dtype=None, **options) -> DeepDanbooru:
    return DeepDanbooru("tiny", {"model": weights}, TaggerOptions(**options), dtype)


def batch(count: int, side: int = 64) -> np.ndarray:
    return np.random.default_rng(0).random((count, side, side, 3), np.float32)


def test_a_batch_follows_from_the_size_of_the_card_and_of_the_network():
    small, starter = ResNetParams(8, (Stage(8, 16, 1),), 5), 320
    # A card reports a little less than it is sold with.
    sizes = (int(0.98 * size * GB) for size in (2, 4, 8, 12, 24, 141))
    assert [card_batch(size, V3, 512) for size in sizes] == [8, 16, 32, 64, 64, MOST]
    assert card_batch(8 * GB, small, starter) == MOST and card_batch(1000, V3, 512) == IN_FLIGHT


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "share"), [(torch.float32, 1), (torch.float16, 0.5)])
def test_the_largest_network_takes_no_more_than_is_reckoned(dtype, share, monkeypatch):
    with torch.device("meta"):
        network = ResNet(V3)
    hollow = {name: torch.zeros(1).expand(value.shape) for name, value in network.state_dict().items()}
    network.load_state_dict(hollow, assign=True)
    with a_card(monkeypatch, hollow_from=1) as card, torch.inference_mode():
        network.to(card.device, dtype, memory_format=torch.channels_last)
        pictures = torch.zeros(1).expand(4, 512, 512, 3).to(card.device, dtype)
        before = card.held
        network.logits(pictures)
    taken, reckoned = (card.peak - before) / 4, picture_bytes(V3, 512) * share
    assert reckoned / 2 < taken < reckoned


@pytest.fixture
def on_card(tiny_tagger, monkeypatch):
    """Made on an emulated card of 24 GB, with options."""

    def made(**options) -> DeepDanbooru:
        return tagger_of(tiny_tagger, torch.float32, **options)

    with a_card(monkeypatch):
        yield made


def test_a_card_scores_as_the_cpu_does_whatever_the_batch(on_card, tiny_tagger):
    pictures = batch(7)
    there = on_card(batch=6)
    found = np.concatenate([there.scores(pictures[at : at + 6]) for at in (0, 6)])
    exact = tagger_of(tiny_tagger, torch.float32, device="cpu", batch=1)
    assert there.device.type == "cuda" and (there.batch_size, there.at_once) == (6, 3)
    assert np.abs(found - np.concatenate([exact.scores(each[None]) for each in pictures])).max() < 1e-5
    assert np.array_equal(there.scores(pictures[6:]), found[6:])
    assert np.array_equal(there.scores(pictures[2:4]), found[2:4])


def test_without_a_batch_in_the_settings_the_card_decides(on_card, tmp_path):
    spec = TAGGERS.spec("deepdanbooru-v3")
    unset, eight = (options_of("tagger", spec, load_settings(sets=sets)) for sets in ((), ("tagger.batch=8",)))
    assert unset.batch == eight.batch == 8
    assert on_card(**unset.model_dump(exclude_unset=True)).batch_size == MOST
    assert on_card(**eight.model_dump(exclude_unset=True)).batch_size == 8
    assert "batch" not in pickle.loads(pickle.dumps(unset)).model_fields_set  # as a job takes it along


def test_a_full_card_is_a_sentence(on_card):
    tagger = on_card(batch=8)
    tagger.scores(batch(1))

    def full(pictures):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    tagger.network.logits = full
    with pytest.raises(StoppedError, match="a batch of 8 did not fit") as told:
        tagger.scores(batch(8))
    assert told.value.hint.endswith("tagger.batch=4")


def test_a_picture_beyond_float16_is_computed_again_on_the_card(on_card, tiny_tagger, monkeypatch):
    tagger = DeepDanbooru("tiny", {"model": tiny_tagger}, TaggerOptions(batch=2), torch.float16)
    own, pictures = tagger.network.logits, batch(2)
    alone = tagger.scores(pictures)
    lost = iter([False, True])

    def overflows(values):
        found = own(values)
        return found * torch.inf if values.dtype == torch.float16 and next(lost) else found

    monkeypatch.setattr(tagger.network, "logits", overflows)
    found = tagger.scores(pictures)
    assert np.array_equal(found[0], alone[0]) and np.abs(found[1] - alone[1]).max() < 2e-3
