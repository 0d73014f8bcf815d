"""Bent images, settings, lists, captions and weights: each is read, or refused in a sentence.

With `-m slow` each kind is tried for PREP_FUZZ_MINUTES (10). PREP_FUZZ=17 (or 100-200) tries those numbers alone.
"""

import os
import time
from functools import partial

import pytest

from tests.faults.apart import tried
from tests.faults.fuzz_captions import caption_trial
from tests.faults.fuzz_images import image_trial
from tests.faults.fuzz_settings import settings_trial
from tests.faults.fuzz_weights import weights_trial

MINUTES = float(os.environ.get("PREP_FUZZ_MINUTES", "10"))
QUICK = 150


@pytest.fixture
def fuzz(tmp_path, figure):
    """fuzz(trial, numbers): the trials of these numbers; None: new ones until the time is over."""

    def fuzz(trial, numbers: range | None) -> None:
        first, _, last = os.environ.get("PREP_FUZZ", "").partition("-")
        if first:
            numbers = range(int(first), int(last or first) + 1)
        until = None if numbers else time.monotonic() + 60 * MINUTES
        told = tried(trial, numbers or range(1_000_000, 10**12), tmp_path, until)
        figure(told)
        assert not told.wrong, told.failures("PREP_FUZZ")
        assert first or len(told.counts) > 1  # where all is refused at once, nothing is tried

    return fuzz


def test_a_bent_image_opens_or_is_an_image_error(fuzz):
    fuzz(image_trial, range(QUICK))


@pytest.mark.slow
def test_ten_minutes_of_bent_images(fuzz):
    fuzz(image_trial, None)


def test_bent_settings_and_lists_are_read_or_refused_in_a_sentence(fuzz, tmp_path, tiny_tagger):
    fuzz(partial(settings_trial, tiny_tagger, tmp_path), range(QUICK // 3))


@pytest.mark.slow
def test_ten_minutes_of_bent_settings_and_lists(fuzz, tmp_path, tiny_tagger):
    fuzz(partial(settings_trial, tiny_tagger, tmp_path), None)


def test_bent_captions_lose_no_word(fuzz, tmp_path, tiny_tagger, begun):
    fuzz(partial(caption_trial, begun, tiny_tagger, tmp_path), range(30))


@pytest.mark.slow
def test_ten_minutes_of_bent_captions(fuzz, tmp_path, tiny_tagger, begun):
    fuzz(partial(caption_trial, begun, tiny_tagger, tmp_path), None)


def test_bent_weights_load_or_are_refused_in_a_sentence(tmp_path, tiny_tagger):
    words = [weights_trial(tiny_tagger, tmp_path, number) for number in range(QUICK // 2)]  # diffusers is loaded here
    assert set(words) == {"loaded", "refused"}


@pytest.mark.slow
def test_ten_minutes_of_bent_weights(fuzz, tmp_path, tiny_tagger):
    fuzz(partial(weights_trial, tiny_tagger, tmp_path), None)
