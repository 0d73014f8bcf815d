"""A caption against the form that its base model reads. Knows the form only of a set that prep made for that model."""

import re
from collections.abc import Iterator

from prep.lint.captions import Caption, least_tokens
from prep.lint.findings import Found, Rules
from prep.names import alike_words, printable

RULES = Rules(": ")
SENTENCE = re.compile(r"[.!?…。！？][\"')\]]*(\s|$)")


@RULES.rule(
    "caption-sentence",
    "warning",
    "a caption without a sentence, where the base model reads one",
    "a list of tags alone is not what the model learnt to read",
    "write a sentence with a full stop, or remove your caption and let prep write one",
)
def sentence(caption: Caption) -> Iterator[Found]:
    base = caption.use.base
    if base and base.reads_sentences and caption.read and not SENTENCE.search(_without_head(caption)):
        yield Found("has no sentence")


@RULES.rule(
    "caption-head",
    "warning",
    "a caption without the words that all captions for its base model begin with",
    "the model learnt its captions behind these words (the system prompt)",
    "put them in front, or set system_prompt in the file of options and remove them from the other captions",
)
def head(caption: Caption) -> Iterator[Found]:
    base = caption.use.base
    if base and base.form.head and caption.read and not _has_head(caption) and not base.options.get("system_prompt"):
        yield Found(f"does not begin with {base.form.head.strip()!r}")


@RULES.rule(
    "caption-head-twice",
    "error",
    "a caption that brings the system prompt, where system_prompt is set as well",
    "the trainer puts its own in front of each caption, so the model reads two",
    'set system_prompt = "" in the file of options',
)
def head_twice(caption: Caption) -> Iterator[Found]:
    base = caption.use.base
    if base and base.options.get("system_prompt") and _has_head(caption):
        yield Found("begins with the system prompt, and system_prompt is set")


@RULES.rule(
    "caption-safety",
    "warning",
    "a rating of Danbooru, where the base model has a word of its own",
    "the model never learnt that word as a rating",
    "write the model's word",
)
def safety(caption: Caption) -> Iterator[Found]:
    words = caption.use.base.form.safety if caption.use.base else {}
    for item in caption.read.split(",") if words else ():
        name = alike_words(SENTENCE.split(item, maxsplit=1)[0])
        if words.get(name, name) != name:
            yield Found(f"has {name!r}, and the model reads {words[name]!r}")


@RULES.rule(
    "caption-escaped",
    "warning",
    "a parenthesis with a backslash, where no CLIP reads the caption",
    "the backslash is trained as text: only prompts for CLIP need it",
    "remove the backslashes",
)
def escaped(caption: Caption) -> Iterator[Found]:
    base = caption.use.base
    if base and not base.form.clip and (found := re.search(r"\S*\\[()]\S*", caption.read)):
        yield Found(f"has {printable(found[0][:40])}")


@RULES.rule(
    "caption-cut",
    "warning",
    "more tokens than the base model's text encoder reads, by a low estimate",
    "the trainer cuts the rest off",
    "shorten the caption",
)
def cut(caption: Caption) -> Iterator[Found]:
    base = caption.use.base
    if base and base.reads_sentences and (tokens := least_tokens(caption)) > base.form.tokens:
        yield Found(f"at least {tokens:,} tokens, and {base.form.tokens:,} are read")


def _has_head(caption: Caption) -> bool:
    base = caption.use.base
    return bool(base and base.form.head) and caption.read.startswith(base.form.head.strip())


def _without_head(caption: Caption) -> str:
    return caption.read.removeprefix(caption.use.base.form.head.strip()) if caption.use.base else caption.read
