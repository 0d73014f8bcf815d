"""Writing sentences as a job: a captioner gets each set of tags once, and what it wrote is kept by content."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from prep.captioners import PROMPT_VERSION
from prep.captioners.grammar import by_grammar
from prep.captions import described, faithful
from prep.config import recipe
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, read_file
from prep.images import encode_jpeg, open_small
from prep.ledger import Ledger, Shelf, Writer
from prep.models.captioners import is_grammar
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.process.spans import spent_on_each
from prep.protocols import Captioner, Needs, Outcome
from prep.types import Problem, Sentence, ToDescribe

VERSION = 1
BATCH = 16
SENT_PX = 768  # most of a picture's longer side: models that see read about that

SENTENCE = Shelf(
    "sentence",
    (
        pa.field("text", pa.string()),
        pa.field("by", pa.string()),
        pa.field("why", pa.string()),
        pa.field("kind", pa.string()),  # of the problem that it fell back for; empty: it is settled
    ),
    made_again=True,
)


class ToWrite(NamedTuple):
    """An item of the job."""

    key: str  # by sentence_key
    what: ToDescribe  # without the picture: the job reads it
    path: Path | None = None  # of the picture, for a captioner that looks


def sentence_key(what: ToDescribe, picture: str = "") -> str:
    """By what a sentence is kept. picture: sha256 of the picture that the captioner looks at; empty: at none."""
    parts = [what.tags, sorted(what.dropped), what.triggers, what.length, picture]
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def describe_recipe(captioner: ModelRef) -> str:
    """What a sentence follows from beside its key: the captioner, its model, its options, its prompt and the guard."""
    if is_grammar(captioner):
        return recipe("describe", VERSION, captioner.name, described.VERSION)
    more = [captioner.own_options] if captioner.own_options else []
    return recipe("describe", VERSION, captioner.name, captioner.digest, PROMPT_VERSION, faithful.VERSION, *more)


def looks(captioner: ModelRef) -> bool:
    """Whether it is sent the picture: then a sentence is kept by picture, and items need a path."""
    return bool(getattr(captioner.options, "picture", False))


class DescribeJob:
    """Not isolated: pictures that crash a decoder were found by the scan."""

    name = "describe"
    isolated = False

    def __init__(self, ledger: Ledger, captioner: ModelRef, max_pixels: int = 100_000_000) -> None:
        self.ledger = ledger
        self.captioner = captioner
        self.recipe = describe_recipe(captioner)
        self.max_pixels = max_pixels
        self.batch = BATCH
        remote = captioner.spec.remote
        self.needs = Needs(cpus=1, gpu=bool(captioner.given) and not remote, elsewhere=remote)

    def open(self, worker: str) -> None:
        self.borrowed = ExitStack()
        self.writes: Captioner = self.borrowed.enter_context(MEMORY.lend(self.captioner))
        self.writer: Writer = self.ledger.writer(SENTENCE, worker)

    def run(self, items: Sequence[ToWrite]) -> Iterator[Outcome]:
        shown = [self._with_picture(item) for item in items]
        asked = [what for what in shown if isinstance(what, ToDescribe)]
        answers = spent_on_each("describe", self.writes.write(asked))
        for item, what in zip(items, shown, strict=True):
            yield self._kept(item, what if isinstance(what, Problem) else next(answers))
        self.writer.flush()

    def lost(self, item: ToWrite) -> Outcome:
        return Outcome(item.key, Problem("describe", "crash", "describing it crashed", "run again"))

    def close(self) -> Mapping[str, Any]:
        self.writer.flush()
        self.borrowed.close()
        del self.writes  # it may know a key, and a job can be pickled
        return {}

    def _with_picture(self, item: ToWrite) -> ToDescribe | Problem:
        if item.path is None:
            return item.what
        try:
            data = read_file(item.path, PICTURE_BYTES, follow=True)
            pixels = open_small(data, SENT_PX, self.max_pixels)
        except OSError as error:
            return Problem("describe", "gone", f"can no longer be read ({error.strerror})", "run again")
        except ImageError as error:
            return Problem("describe", error.kind, error.message, error.hint)
        return item.what._replace(picture=encode_jpeg(pixels))

    def _kept(self, item: ToWrite, answer: Sentence | Problem) -> Outcome:
        problem = answer if isinstance(answer, Problem) else None
        found = by_grammar(item.what, f"could not be asked: {problem.message}") if problem else answer
        row = {"subject": item.key, "recipe": self.recipe, **found._asdict()}
        self.writer.append(row | {"kind": problem.kind if problem else ""})
        return Outcome(item.key, problem)


class SentenceBook:
    """Kept sentences of one recipe, by key."""

    def __init__(self, ledger: Ledger, recipe: str) -> None:
        self.book = ledger.book(SENTENCE, recipe)

    def __contains__(self, key: str) -> bool:
        return key in self.book

    def get(self, key: str) -> Sentence | None:
        row = self.book.get(key)
        return Sentence(row["text"], row["by"], row["why"]) if row else None

    def failed(self, key: str) -> bool:
        """Whether the grammar's sentence is kept because the captioner could not be asked: `--retry` asks again."""
        row = self.book.get(key)
        return bool(row and row["kind"])
