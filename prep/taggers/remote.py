"""Another machine's tagger, through the HTTP API of AUTOMATIC1111's web UI and its relatives.

In: uint8 [H, W, 3], RGB. Sent: a PNG of the picture, its longer side at most 1024 px. Out: float32 [B, T], 0-1; scores
below the threshold that the server is asked for do not exist there, and are 0 here. Its vocabulary is what it answers
about one fixed picture; that answer also tells whether it is still the same model.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import ClassVar, Literal

import cv2
import numpy as np

from prep.errors import StoppedError
from prep.images import encode_png
from prep.options import TaggerOptions, Text, number, whole
from prep.remote import Server, other_model
from prep.taggers._routes import MOST_NAMES, Route, route_of
from prep.types import Vocabulary

SENT_PX = 1024  # most of the longer side; taggers read 512 px or less
AT_ONCE = 4  # pictures; servers queue them
ASKED_AGAIN = 32  # batches between two looks at the fixed picture
BEST_TAGS = 16  # of the fixed picture's tags: the best ones are part of the digest
TOLERANCE = 0.05  # of a score: kernels and other batches move it by 0.01 at most
KEPT_BACK = 0.1  # a server whose lowest score is above it keeps tags back
TRIES = 3  # when another client puts the server's options back meanwhile
BASE = 40  # hex digits of the digest that name the route, the model and its tags


class RemoteOptions(TaggerOptions):
    costs: ClassVar[tuple[str, ...]] = ("timeout",)

    route: Literal["auto", "interrogate", "tagger", "wd14"] = "auto"
    model: Text = ""
    threshold: number(0, 0.5) = 0.02
    timeout: whole(1, 86_400) = 300


class Remote:
    """Implements prep.protocols.Tagger. Made, it has asked the server what it can."""

    def __init__(self, name: str, files: Mapping[str, str], options: RemoteOptions) -> None:
        """files: `url`, the address. Raises StoppedError for a server that cannot read tags with scores."""
        self.name = name
        self.options = options
        self.server = Server(files["url"], options.timeout)
        self.route: Route = route_of(self.server, options.route, options.model)
        self.batch_size = options.batch
        self.batches = 0
        answer = self._all_tags()
        names = tuple(sorted(answer))
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
        categories = tuple("rating" if each.startswith("rating:") else "general" for each in names)
        self.vocabulary = Vocabulary(digest, names, categories)
        self.index = {each: at for at, each in enumerate(names)}
        self.digest = self._base + _packed([answer[each] for each in names])

    @property
    def about(self) -> str:
        """What it can, for one line of a run."""
        return (
            f"{self.server.address} reads with {self.route.model} by {self.route.path}, "
            f"{len(self.vocabulary.names):,} tags; scores below {self.options.threshold} do not exist"
        )

    @property
    def kept(self) -> str:
        """As of a generator: what the server says about itself."""
        return json.dumps({"model": self.route.model})

    def is_model(self, digest: str) -> bool:
        """Whether this digest, of an earlier look at it, is of the model that it has now."""
        return digest[:BASE] == self._base and _answers_like(digest[BASE:], self.digest[BASE:])

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """-> an array without a shape that contains the bytes of a PNG: arrays of them can be stacked."""
        height, width = image.shape[:2]
        scale = SENT_PX / max(height, width)
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        found = np.empty((), object)
        found[()] = encode_png(image)
        return found

    def scores(self, batch: np.ndarray) -> np.ndarray:
        """batch: object [B], as prepared -> float32 [B, T]. Raises StoppedError, also when the model is another."""
        if self.batches % ASKED_AGAIN == ASKED_AGAIN - 1:
            self._check_model()
        self.batches += 1
        found = np.zeros((len(batch), len(self.vocabulary.names)), np.float32)
        for row, answer in zip(found, self._read(list(batch)), strict=True):
            for name, score in answer.items():
                if name not in self.index:
                    raise other_model(self.server.address)
                row[self.index[name]] = min(max(score, 0.0), 1.0)
        return found

    def close(self) -> None:
        self.server.close()

    @cached_property
    def _base(self) -> str:
        """Of the digest: nothing about where the server is."""
        parts = ["a1111", self.route.name, self.route.model, self.vocabulary.id]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:BASE]

    def _all_tags(self) -> dict[str, float]:
        for _ in range(TRIES):
            if answer := self.route.all_tags(_sent(encode_png(fixed_picture()))):
                break
        else:
            raise self._without_scores()
        if len(answer) >= MOST_NAMES or not all(name.isprintable() and name.strip() for name in answer):
            raise StoppedError(f"{self.server.address} names its tags in no readable way", hint="use another server")
        if min(answer.values()) > KEPT_BACK:
            raise StoppedError(
                f"{self.server.address}{self.route.path} keeps tags below {min(answer.values()):.2f} back",
                hint="lower `Interrogate: deepbooru score threshold` to 0 in its settings",
            )
        return answer

    def _read(self, batch: Sequence[bytes]) -> list[dict[str, float]]:
        """What the server says about each picture. An entry that is no picture has a problem of its own: nothing."""
        threshold = self.options.threshold
        waiting = {at: _sent(data) for at, data in enumerate(batch) if isinstance(data, bytes)}
        found: dict[int, dict[str, float]] = {}
        for _ in range(TRIES):
            if not waiting:
                break
            with self.route.asking(threshold), ThreadPoolExecutor(AT_ONCE, "ask") as threads:
                asked = {at: threads.submit(self.route.read, image, threshold) for at, image in waiting.items()}
                try:
                    answers = {at: each.result() for at, each in asked.items()}
                finally:
                    threads.shutdown(cancel_futures=True)
            found |= {at: answer for at, answer in answers.items() if answer is not None}
            waiting = {at: image for at, image in waiting.items() if at not in found}
        if waiting:
            raise self._without_scores()
        return [found.get(at, {}) for at in range(len(batch))]

    def _check_model(self) -> None:
        (answer,) = self._read([encode_png(fixed_picture())])
        told, names = _tags(self.digest[BASE:]), self.vocabulary.names
        # A score below the threshold does not exist here, and may be as large as that.
        least = self.options.threshold
        off = (abs(score - max(answer.get(names[at], 0), min(score, least))) for at, score in told.items())
        if answer.keys() - self.index.keys() or max(off) > TOLERANCE:
            raise other_model(self.server.address)

    def _without_scores(self) -> StoppedError:
        return StoppedError(
            f"{self.server.address}{self.route.path} answers without a score for each tag",
            hint="prep needs AUTOMATIC1111 or Forge (interrogate_return_ranks), SD.Next, or a second `prep serve`",
        )


def fixed_picture() -> np.ndarray:
    """uint8 [512, 512, 3]: a face as a few ellipses on a gradient; the same on every machine."""
    y, x = np.mgrid[0:512, 0:512]
    picture = np.stack([x // 4 + 100, y // 4 + 110, 255 - x // 8], 2).astype(np.uint8)
    for middle, size, colour in (
        ((256, 250), (170, 190), (70, 90, 200)),  # hair
        ((256, 290), (115, 130), (250, 222, 205)),  # face
        ((210, 280), (22, 32), (40, 60, 160)),  # eyes
        ((302, 280), (22, 32), (40, 60, 160)),
        ((256, 365), (30, 8), (200, 90, 90)),  # mouth
        ((256, 520), (150, 90), (245, 245, 250)),  # shirt
    ):
        inside = ((x - middle[0]) / size[0]) ** 2 + ((y - middle[1]) / size[1]) ** 2 <= 1
        picture[inside] = colour
    return picture


def _sent(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _packed(scores: Sequence[float]) -> str:
    """scores: of the fixed picture -> the places and scores of its best tags, 8 hex digits each."""
    best = np.argsort(-np.asarray(scores, np.float64), kind="stable")[:BEST_TAGS]
    return "".join(f"{at:06x}{round(255 * min(max(scores[at], 0.0), 1.0)):02x}" for at in best)


def _tags(told: str) -> dict[int, float]:
    each = (told[at : at + 8] for at in range(0, len(told), 8))
    return {int(tag[:6], 16): int(tag[6:], 16) / 255 for tag in each}


def _answers_like(one: str, other: str) -> bool:
    """Whether both are of one model: a tag that only one of them tells is no better than the other's worst."""
    first, second = _tags(one), _tags(other)
    least = max(min(first.values(), default=0), min(second.values(), default=0))
    return all(
        abs(first.get(at, least) - second.get(at, least)) <= TOLERANCE
        for at in first.keys() | second.keys()
        if max(first.get(at, 0), second.get(at, 0)) > least + TOLERANCE or (at in first and at in second)
    )
