"""A model's answer without what is around the sentence: thoughts, labels, quotes, fences, line ends."""

import re

from prep.captioners._answer import Answer, UnusableError

THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
OPEN, CLOSED = re.compile(r"<(?:think|thinking|thought|reasoning)>", re.I), re.compile(r"</think(?:ing)?>", re.I)
FENCE = re.compile(r"```[a-z]*\n?(.*?)\n?```", re.DOTALL)
LABEL = re.compile(r"\A(?:caption|sentence|output|answer|description)\s*:\s*", re.IGNORECASE)
MOST_LETTERS, CAPTION_LETTERS = 30_000, 15_000  # with thoughts, of 4,096 tokens; of a sentence for 300 tags
TYPED = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\xa0": " "})


def clean(answer: Answer) -> str:
    """-> one line that ends with a full stop. Raises UnusableError."""
    if answer.cut:
        raise UnusableError("was cut off")
    if len(answer.text) > MOST_LETTERS:
        raise _too_long(answer.text)
    text = THOUGHT.sub("", answer.text)
    text = CLOSED.split(text)[-1]  # some servers keep the beginning of a thought to themselves
    if OPEN.search(text):
        raise UnusableError("thinks aloud without an end")
    text = text.translate(TYPED).replace("\u2014", ", ").strip()
    if fenced := FENCE.fullmatch(text):
        text = fenced[1]
    text = LABEL.sub("", text.strip())
    while len(text) > 1 and text[0] == text[-1] and text[0] in "\"'*_`":
        text = text[1:-1].strip()
    text = re.sub(r"\s+([,.])", r"\1", " ".join(text.split()))
    if not text:
        raise UnusableError("is empty")
    if len(text) > CAPTION_LETTERS:
        raise _too_long(text)
    return text if text[-1] in ".!?:;," else f"{text}."


def _too_long(text: str) -> UnusableError:
    return UnusableError(f"has {len(text):,} letters: no caption is so long")
