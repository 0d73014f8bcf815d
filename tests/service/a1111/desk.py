"""A desk without models: it says what it is told to say, paints one colour per seed, and remembers its orders."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from prep.errors import ImageError
from prep.images import open_image
from prep.sections import Settings
from prep.service.desk import Desk
from prep.service.drawing import pictures_of
from prep.service.orders import Drawn, Order, Progress
from prep.service.pictures import unreadable
from prep.service.reading import Reading
from prep.types import TagScores, Vocabulary

SCORES = {
    "1girl": 0.99,
    "solo": 0.9,
    "long_hair": 0.9,  # as good as solo, and after it in the vocabulary
    "^_^": 0.6,
    "saber_(fate)": 0.47,
    "smile": 0.3,
    "rating:safe": 0.8,
    "rating:explicit": 0.0,
    "comic": 0.0,  # below the floor: not kept
}
CATEGORIES = {"saber_(fate)": "character"}
VOCABULARY = Vocabulary(
    "a table's",
    tuple(SCORES),
    tuple(CATEGORIES.get(name, "rating" if name.startswith("rating:") else "general") for name in SCORES),
)


class SmallCard:
    name, precision, steps, guidance = "tiny-model", "float32", 20, 5.0
    samplers = ("euler", "euler_a", "heun", "dpmpp_2m")
    quality = negative = ""
    sentences, editing = False, None

    def size(self, width: int, height: int) -> tuple[int, int]:
        return 64, 64


class TableDesk:
    def __init__(self) -> None:
        self.settings = Settings()
        self.tagger = SimpleNamespace(name="table", digest="f" * 64)
        file = SimpleNamespace(name="tiny.safetensors")
        self.generator = SimpleNamespace(
            name="tiny-model", digest="0123456789abcdef" * 4, given=(), spec=SimpleNamespace(files=(file,))
        )
        self.card = SmallCard()
        self.why_not_drawing = ""
        self.orders: list[Order] = []
        self.progress = Progress()
        self.interrupted = 0
        self.done: int | None = None  # pictures after which an order is interrupted

    def draws_nothing(self, why: str) -> None:
        self.generator = self.card = None
        self.why_not_drawing = why

    async def read(self, pictures: Sequence[bytes], client: str) -> list[Reading]:
        for data in pictures:
            try:
                open_image(data)
            except ImageError as error:
                raise unreadable(error) from None
        kept = [(at, score) for at, score in enumerate(SCORES.values()) if score > 0.02]
        kept.sort(key=lambda each: -each[1])
        index, score = zip(*kept, strict=True)
        scores = TagScores(VOCABULARY, np.array(index, np.int32), np.array(score, np.float16))
        return [Reading(scores, 0.1, "medium")] * len(pictures)

    async def draw(self, order: Order, client: str) -> Drawn:
        self.orders.append(order)
        requests = pictures_of(order, self.generator, self.card)[: self.done]
        pictures = [np.full((request.height, request.width, 3), request.seed % 256, np.uint8) for request in requests]
        return Drawn(pictures, requests, self.done is not None)

    def now(self) -> Progress:
        return replace(self.progress)

    require_card = Desk.require_card

    def interrupt(self, client: str) -> None:
        self.interrupted += 1
