"""The sentences that captions lack: kept from before, or asked of the captioner, each once."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from prep.captioners.grammar import by_grammar
from prep.jobs.describe import DescribeJob, SentenceBook, ToWrite, describe_recipe, looks, sentence_key
from prep.ledger import Ledger
from prep.models.captioners import is_grammar
from prep.models.ref import ModelRef
from prep.protocols import Outcome
from prep.types import Problem, Sentence, ToDescribe


class Asked(NamedTuple):
    """A caption that needs a sentence."""

    what: ToDescribe
    image_id: str
    picture: Path


class Sentences:
    """Of the captions asked for, by their place among them."""

    def __init__(self, ledger: Ledger, captioner: ModelRef, asked: Sequence[Asked], retry: bool = False) -> None:
        """retry: count as missing what the captioner could not be asked for."""
        self.ledger, self.captioner, self.asked = ledger, captioner, asked
        self.keys: list[str] = []
        self.missing: dict[str, int] = {}  # key -> the first place
        if not is_grammar(captioner):
            self.sees, self.recipe = looks(captioner), describe_recipe(captioner)
            self.keys = [sentence_key(each.what, each.image_id if self.sees else "") for each in asked]
            self.book = SentenceBook(ledger, self.recipe)
            for at, name in enumerate(self.keys):
                if name not in self.book or retry and self.book.failed(name):
                    self.missing.setdefault(name, at)

    def write(
        self, carry: Callable[[DescribeJob, Sequence[ToWrite]], Iterator[Outcome]], max_pixels: int
    ) -> dict[int, Problem]:
        """Ask for what is missing -> place -> why the captioner could not be asked. carry: runs a job."""
        work = [
            ToWrite(name, self.asked[at].what, self.asked[at].picture if self.sees else None)
            for name, at in self.missing.items()
        ]
        job = DescribeJob(self.ledger, self.captioner, max_pixels)
        problems = {self.missing[done.subject]: done.problem for done in carry(job, work) if done.problem}
        self.book = SentenceBook(self.ledger, self.recipe)
        return problems

    def new(self) -> list[Sentence]:
        """Those that were missing, once they are written."""
        return [self[at] for at in self.missing.values()]

    def __getitem__(self, at: int) -> Sentence:
        """The grammar's where there is none yet."""
        kept = self.book.get(self.keys[at]) if self.keys else None
        return kept or by_grammar(self.asked[at].what)
