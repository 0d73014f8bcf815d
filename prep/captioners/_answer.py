"""What a language model is asked, and what it answers, wherever it runs."""

from typing import NamedTuple


class Question(NamedTuple):
    system: str
    user: str
    tags: int  # how many tags the answer should name
    attempt: int = 1  # the second may get another answer
    picture: bytes | None = None  # a JPEG


class UnusableError(ValueError):
    """Why there is no sentence in an answer, as the end of a sentence."""


class Answer(NamedTuple):
    text: str
    cut: bool  # it ended because it may not be longer
