"""What each base model wants to read: one table, and the text of a caption by it. No file, no model.

A caption is kept as a list of tags (triggers first) and a sentence. A form says which of the two a base model reads, in
which order and spelling. parted.py takes such a text apart again.
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
AFTER = "."  # between tags and a sentence
SCORE = re.compile(r"score[ _]\d+([ _]up)?")  # Pony's and Anima's quality tags, which keep their underscores


ARTIST = "@"  # before an artist's name, where a base model wants it
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


def _tags(
    form: Form, triggers: Sequence[str], items: Sequence[Item], rating: str | None, removed: Collection[str]
) -> list[str]:
    """As the form spells and orders them. Triggers are spelled as they are."""
    if "tags" not in form.parts:
        return [*triggers]
    spelled = [Item(_spelled(form, item), "artist" if is_artist(item) else item.category) for item in items]
    if not form.grouped:
        return [*triggers, *(item.text for item in spelled)]
    safety = form.safety.get(rating or "", "")
    first = [item.text for item in spelled if item.text in form.safety.values()]  # a user's own counts
    first = first or ([safety] if safety and alike_words(safety) not in removed else [])
    first += [item.text for item in spelled if SCORE.fullmatch(item.text)]
    people = [item.text for item in spelled if is_people(item.text)]
    named = [item.text for kind in _NAMES for item in spelled if item.category == kind]
    others = {*first, *people, *named}
    return [*first, *people, *triggers, *named, *(item.text for item in spelled if item.text not in others)]


def is_people(text: str) -> bool:
    return bool(PEOPLE.match(text.replace(" ", "_")))


def is_artist(item: Item) -> bool:
    """By its category, or since a user marked it as one: `@name`."""
    return item.category == "artist" or bool(re.match(rf"{ARTIST}\w", item.text) and not item.text.endswith(ARTIST))


def _spelled(form: Form, item: Item) -> str:
    text = item.text if form.clip else item.text.replace("\\(", "(").replace("\\)", ")")
    if form.lower:
        text = text.lower()
    if SCORE.fullmatch(text):
        return text.replace(" ", "_")
    return form.artist + text.removeprefix(ARTIST) if is_artist(item) else text


def _joined(form: Form, parts: Parts, triggers: Sequence[str], as_it_is: bool) -> str:
    if form.parts[0] == "tags":
        text = ", ".join(parts.tags)
        both = text and parts.sentence and "sentence" in form.parts
        sentence = parts.sentence if as_it_is else raised(parts.sentence)
        return f"{text}{AFTER} {sentence}" if both else text or sentence
    names = {*map(alike_words, triggers)}
    words = [tag for tag in parts.tags if alike_words(tag) in names]
    rest = [tag for tag in parts.tags if alike_words(tag) not in names]
    if not parts.sentence:
        return ", ".join(parts.tags)
    sentence = parts.sentence if as_it_is else lowered(parts.sentence) if words else raised(parts.sentence)
    return " ".join(filter(None, (", ".join(filter(None, (*words, sentence))), ", ".join(rest))))


def lowered(sentence: str) -> str:
    """A sentence as it goes on behind a trigger word: `sylvie, a girl is ...`."""
    first, rest = sentence[:1], sentence[1:]
    return first.lower() + rest if rest[:1].islower() or rest[:1] == " " else sentence


def raised(sentence: str) -> str:
    """A sentence that begins as one."""
    return sentence[:1].upper() + sentence[1:]
