"""Sentences by a language model: at an address with the API of OpenAI, or in this process from a folder."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from prep.captioners.grammar import by_grammar
from prep.options import CaptionerOptions, Text, number, whole
from prep.types import Problem, Sentence, ToDescribe


class LlmOptions(CaptionerOptions):
    costs: ClassVar[tuple[str, ...]] = ("timeout", "parallel")

    model: Text = ""
    picture: bool = False
    temperature: number(0, 2) = 0.2
    timeout: whole(1, 86_400) = 120
    parallel: whole(1, 64) = 4


class Llm:
    """Implements prep.protocols.Captioner."""

    costly = True

    def __init__(self, name: str, files: Mapping[str, str], options: LlmOptions) -> None:
        self.name = name

    def write(self, batch: Sequence[ToDescribe]) -> Iterator[Sentence | Problem]:
        yield from (by_grammar(what, "no model is asked yet") for what in batch)
