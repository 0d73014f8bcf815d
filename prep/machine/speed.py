"""How fast a tagger reads on this machine: one small batch of it, timed. `prep doctor` says so."""

import time
from dataclasses import dataclass

import numpy as np

from prep.models.choose_models import options_of
from prep.models.locate import Weights
from prep.registry import load
from prep.sections import Settings

PICTURES = 2  # on a CPU: a full batch of a large network would take seconds
ENOUGH_SECONDS = 0.7  # what took longer is not timed again
SIDE_PX = 64  # of the picture; the tagger makes its own square of it


@dataclass(frozen=True)
class Speed:
    images_per_second: float  # of the network; decoding is done meanwhile
    by: str  # torch | onnxruntime | openvino


def timed(weights: Weights, settings: Settings, on_gpu: bool) -> Speed:
    """Loads the tagger, with a backend that is settled, and frees it.

    Raises WeightsError, StoppedError, SettingsError; whatever torch raises when a batch fails.
    """
    options = options_of("tagger", weights.spec, settings)
    if not on_gpu:
        options = options.model_copy(update={"batch": min(options.batch, PICTURES)})
    tagger = load(weights.spec.maker, weights.name)(weights.name, weights.files, options)
    picture = tagger.prepare(np.full((SIDE_PX, SIDE_PX, 3), 127, np.uint8))
    batch = np.repeat(picture[None], tagger.batch_size, 0)
    seconds = _seconds(tagger, batch)  # the first one also orders the weights
    if seconds < ENOUGH_SECONDS:
        seconds = min(_seconds(tagger, batch) for _ in range(2))
    by = options.backend if options.backend == "openvino" else weights.spec.needs or "torch"
    return Speed(len(batch) / seconds, by)


def _seconds(tagger, batch: np.ndarray) -> float:
    started = time.perf_counter()
    tagger.scores(batch)
    return time.perf_counter() - started
