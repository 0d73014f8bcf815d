"""What each base model wants to read: one table, and the text of a caption by it. No file, no model.

A caption is kept as a list of tags (triggers first) and a sentence. A form says which of the two a base model reads, in
which order and spelling. `worded` makes the text of the file; `parted` takes such a text apart again.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from prep.captions.compose import PEOPLE
from prep.names import alike_words

Part = Literal["tags", "sentence"]
Length = Literal["short", "medium", "long"]
LUMINA = "You are an assistant designed to generate anime images based on textual prompts. <Prompt Start> "
# Ratings of Danbooru, old and new, as Anima was trained with them.
SAFETY = {
    "safe": "safe",
    "general": "safe",
    "sensitive": "sensitive",
    "questionable": "nsfw",
    "explicit": "explicit",
}


class Form(NamedTuple):
    """What one family of base models reads."""

    what: str  # the models, in words
    parts: tuple[Part, ...]
    head: str = ""  # in front of everything
    grouped: bool = False  # safety, people, triggers and characters, series, artists, then all other tags
    safety: Mapping[str, str] = {}  # rating -> its word, in front; empty: ratings stay out
    artist: str = ""  # in front of an artist's name
    lower: bool = False
    clip: bool = False  # read by CLIP alone: parentheses are escaped, as its prompts need them
    length: Length = "medium"  # of sentences
    tokens: int = 512  # what its text encoder reads of a caption; more is cut off by the trainer


# The one place that knows the forms. docs/CAPTIONS.md has the sources.
FORMS: Mapping[str, Form] = {
    "sd15": Form("SD 1.5 and its kin", ("tags",), clip=True, tokens=225),
    "sdxl": Form("SDXL, Illustrious, NoobAI, Pony, Animagine", ("tags",), clip=True, tokens=225),
    "sd35": Form("Stable Diffusion 3.5", ("tags", "sentence"), clip=True, tokens=256),
    "flux": Form("Flux, Chroma, Krea 2, HunyuanImage", ("sentence",), length="long"),
    "anima": Form(
        "Anima", ("tags", "sentence"), grouped=True, safety=SAFETY, artist="@", lower=True
    ),
    "lumina": Form("Lumina 2, Neta Lumina, NetaYume", ("sentence", "tags"), head=LUMINA, tokens=256),
    "z-image": Form("Z-Image", ("sentence",), length="short"),
    "qwen": Form("Qwen-Image", ("sentence",), tokens=1024),
}  # fmt: skip
PLAIN = Form("tags as they are", ("tags",), clip=True, tokens=225)  # no base model is named
_AFTER = "."  # between tags and a sentence
_SCORE = re.compile(r"score[ _]\d+([ _]up)?")  # Pony's and Anima's quality tags, which keep their underscores


_NAMES = ("character", "series", "artist")  # categories, in their order behind the people


class Item(NamedTuple):
    """A tag of a caption, as its list has it."""

    text: str
    category: str = "general"


class Parts(NamedTuple):
    """A caption's text taken apart."""

    head: bool  # whether it begins with the form's head
    tags: tuple[str, ...]  # in the text's order and spelling; of a form without tags, the triggers
    sentence: str


def form_of(name: str) -> Form:
    """The form for a base model; of no name the plain one."""
    return FORMS[name] if name else PLAIN


def parts_of(
    form: Form,
    triggers: Sequence[str],
    items: Sequence[Item],
    rating: str | None,
    sentence: str,
    without: Collection[str] = (),
) -> Parts:
    """What the text of a caption is made of. triggers: those in it. items: its other tags. sentence: empty: none.

    without: what a user removed from the text, compared as tags: it is not put in again.
    """
    removed = {*map(alike_words, without)}
    head = bool(form.head) and alike_words(form.head) not in removed
    return Parts(head, tuple(_tags(form, triggers, items, rating, removed)), sentence)


def worded(form: Form, parts: Parts, triggers: Sequence[str], as_it_is: bool = False) -> str:
    """The text of the file. triggers: words that stand before a sentence, if it comes first. as_it_is: the sentence was
    written by hand in this form, and stays to the letter.
    """
    return (form.head if parts.head else "") + _joined(form, parts, triggers, as_it_is)


def parted(form: Form, text: str, triggers: Sequence[str], known: str) -> Parts:
    """The parts of a caption's text, which somebody may have edited. triggers: the words that its beginning may have.
    known: the sentence that was in it.
    """
    head = bool(form.head) and text.startswith(form.head.strip())
    body = text[len(form.head.strip()) :].strip() if head else text.strip()
    if "sentence" not in form.parts:
        return Parts(head, _split(body), "")
    if form.parts[0] == "tags":
        return Parts(head, *_tags_first(body, known))
    words, rest = _begins(body, triggers)
    if form.parts == ("sentence",):
        sentence, tags = _with_more(rest, known)
        return Parts(head, (*words, *tags), sentence)
    sentence, tags = _sentence_first(rest, known)
    return Parts(head, (*words, *tags), sentence)


def _tags(
    form: Form, triggers: Sequence[str], items: Sequence[Item], rating: str | None, removed: Collection[str]
) -> list[str]:
    """As the form spells and orders them. Triggers are spelled as they are."""
    if "tags" not in form.parts:
        return [*triggers]
    spelled = [Item(_spelled(form, item), item.category) for item in items]
    if not form.grouped:
        return [*triggers, *(item.text for item in spelled)]
    safety = form.safety.get(rating or "", "")
    there = {*removed, *(alike_words(item.text) for item in items)}
    first = [safety] if safety and alike_words(safety) not in there else []
    first += [item.text for item in spelled if _SCORE.fullmatch(item.text)]
    people = [item.text for item in spelled if _is_people(item)]
    named = [item.text for kind in _NAMES for item in spelled if item.category == kind]
    others = {*first, *people, *named}
    return [*first, *people, *triggers, *named, *(item.text for item in spelled if item.text not in others)]


def _is_people(item: Item) -> bool:
    return bool(PEOPLE.match(item.text.replace(" ", "_")))


def _spelled(form: Form, item: Item) -> str:
    text = item.text if form.clip else item.text.replace("\\(", "(").replace("\\)", ")")
    if form.lower:
        text = text.lower()
    if _SCORE.fullmatch(text):
        return text.replace(" ", "_")
    if item.category == "artist" and form.artist and not text.startswith(form.artist):
        text = form.artist + text
    return text


def _joined(form: Form, parts: Parts, triggers: Sequence[str], as_it_is: bool) -> str:
    if form.parts[0] == "tags":
        text = ", ".join(parts.tags)
        both = text and parts.sentence and "sentence" in form.parts
        sentence = parts.sentence if as_it_is else raised(parts.sentence)
        return f"{text}{_AFTER} {sentence}" if both else text or sentence
    names = {*map(alike_words, triggers)}
    words = [tag for tag in parts.tags if alike_words(tag) in names]
    rest = [tag for tag in parts.tags if alike_words(tag) not in names]
    if not parts.sentence:
        return ", ".join(parts.tags)
    sentence = parts.sentence if as_it_is else lowered(parts.sentence) if words else raised(parts.sentence)
    return " ".join(filter(None, (", ".join(filter(None, (*words, sentence))), ", ".join(rest))))


def first_word(form: Form, text: str) -> str:
    """What stands where a caption in this form has its trigger word."""
    body = text.removeprefix(form.head.strip())
    both = "sentence" in form.parts and form.parts[0] == "tags"
    parts = _tags_first(body, "")[0] if both else _split(body)
    safety = {*form.safety.values()} if form.grouped else {}
    passed = (each for each in parts if not form.grouped or not _stands_before(each, safety))
    return next(passed, "")


def _stands_before(text: str, safety: Collection[str]) -> bool:
    return text in safety or bool(_SCORE.fullmatch(text)) or _is_people(Item(text))


def lowered(sentence: str) -> str:
    """A sentence as it goes on behind a trigger word: `sylvie, a girl is ...`."""
    first, rest = sentence[:1], sentence[1:]
    return first.lower() + rest if rest[:1].islower() or rest[:1] == " " else sentence


def raised(sentence: str) -> str:
    """A sentence that begins as one."""
    return sentence[:1].upper() + sentence[1:]


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _tags_first(body: str, known: str) -> tuple[tuple[str, ...], str]:
    for said in filter(None, (known, raised(known))):
        if body.endswith(said):
            return _split(body.removesuffix(said).rstrip().removesuffix(_AFTER)), known
    at = body.find(f"{_AFTER} ")
    while at >= 0 and not body[at + 2 : at + 3].isupper():
        at = body.find(f"{_AFTER} ", at + 1)
    return (_split(body[:at]), body[at + 2 :].strip()) if at >= 0 else (_split(body), "")


def _sentence_first(body: str, known: str) -> tuple[str, tuple[str, ...]]:
    for said in filter(None, (known, lowered(known), raised(known))):
        if body.startswith(said):
            return known, _split(body[len(said) :])
    at = body.rfind(f"{_AFTER} ")
    if at >= 0:
        return body[: at + 1], _split(body[at + 2 :])
    return (body, ()) if body.endswith(_AFTER) else ("", _split(body))


def _begins(body: str, triggers: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """(the trigger words that it begins with, the rest)."""
    names, found, rest = {*map(alike_words, triggers)}, [], body
    while alike_words(first := rest.partition(",")[0]) in names:
        found.append(first.strip())
        rest = rest.partition(",")[2].strip()
    return tuple(found), rest


def _with_more(text: str, known: str) -> tuple[str, tuple[str, ...]]:
    """(the sentence, tags that somebody wrote behind it)."""
    for said in filter(None, (known, lowered(known), raised(known))):
        if text.startswith(said) and (text == said or text[len(said) :].lstrip().startswith(",")):
            return known, _split(text[len(said) :])
    return text, ()
