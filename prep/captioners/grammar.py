"""Sentences by the grammar of prep/captions/described.py: no model, no network, the same for the same tags."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from prep.captions.described import described
from prep.names import alike_words
from prep.options import CaptionerOptions
from prep.types import Sentence, ToDescribe

NAME = "grammar"


class Grammar:
    """Implements prep.protocols.Captioner."""

    name = NAME
    costly = False

    def __init__(self, name: str, files: Mapping[str, Path], options: CaptionerOptions) -> None:
        pass

    def write(self, batch: Sequence[ToDescribe]) -> Iterator[Sentence]:
        yield from map(by_grammar, batch)


def by_grammar(what: ToDescribe, why: str = "") -> Sentence:
    """why: as of a Sentence, when it takes the place of another captioner's."""
    unsaid = {*map(alike_words, what.dropped), *map(alike_words, what.triggers)}
    return Sentence(described([tag for tag in what.tags if alike_words(tag) not in unsaid], what.length), NAME, why)
