"""A caption's text taken apart: the form's head, its tags, its sentence. The counterpart of forms.py.

Somebody may have edited the text. What was in it before tells its tags from its sentence: a tag may have a full stop.
"""

from collections.abc import Collection, Iterator, Sequence

from prep.captions.forms import AFTER, ARTIST, FORMS, SCORE, Form, Parts, form_of, is_people, lowered, raised, worded
from prep.names import alike_words


def parted(form: Form, text: str, triggers: Sequence[str], known: str, tags: Sequence[str] = ()) -> Parts:
    """triggers: the words that its beginning may have. known, tags: the sentence and the tags that were in it."""
    head = bool(form.head) and text.startswith(form.head.strip())
    body = text[len(form.head.strip()) :].strip() if head else text.strip()
    if "sentence" not in form.parts:
        return Parts(head, _split(body), "")
    names = {_name(tag) for tag in (*tags, *triggers)}
    if form.parts[0] == "tags":
        return Parts(head, *_tags_first(body, known, names | {*form.safety.values()}))
    words, rest = _begins(body, triggers)
    if form.parts == ("sentence",):
        sentence, more = _with_more(rest, known)
        return Parts(head, (*words, *more), sentence)
    listed = [tag for tag in tags if alike_words(tag) not in {*map(alike_words, triggers)}]
    sentence, more = _sentence_first(rest, known, names, ", ".join(listed))
    return Parts(head, (*words, *more), sentence)


def form_in(text: str, triggers: Sequence[str], tags: Sequence[str]) -> str:
    """The name of a form that a text of prep's may be in; empty: it is tags. tags: those that may be in it."""
    names = {_name(tag) for tag in (*tags, *triggers)}
    marked = [name for name, form in FORMS.items() if form.head and text.startswith(form.head)]
    if not marked and (not text.endswith(AFTER) or {*map(_name, _split(text))} <= names):
        return ""
    both = ["anima", "sd35"] if _split(text)[:1] != tuple(triggers[:1]) else ["sd35", "anima"]
    for name in (*marked, *both):
        form = form_of(name)
        parts = parted(form, text, triggers, "", tags)
        safe = names | {*form.safety.values()}
        if parts.sentence and {*map(_name, parts.tags)} <= safe and worded(form, parts, triggers) == text:
            return name
    return next(name for name, form in FORMS.items() if form.parts == ("sentence",))


def has_sentence(text: str, triggers: Sequence[str], tags: Sequence[str]) -> bool:
    """Whether a text has a sentence behind its tags. tags: those that may be in it."""
    return _behind_a_tag(text, {_name(tag) for tag in (*tags, *triggers)}) >= 0


def first_word(form: Form, text: str) -> str:
    """What stands where a caption in this form has its trigger word."""
    body = text.removeprefix(form.head.strip())
    both = "sentence" in form.parts and form.parts[0] == "tags"
    tags = _tags_first(body, "", ())[0] if both else _split(body)
    passed = (each for each in tags if not form.grouped or not _stands_before(each, form.safety.values()))
    return next(passed, "")


def _stands_before(text: str, safety: Collection[str]) -> bool:
    return text in safety or bool(SCORE.fullmatch(text)) or is_people(text)


def _name(tag: str) -> str:
    return alike_words(tag.removeprefix(ARTIST))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _stops(text: str) -> Iterator[int]:
    """Where a full stop stands before a space."""
    at = text.find(f"{AFTER} ")
    while at >= 0:
        yield at
        at = text.find(f"{AFTER} ", at + 1)


def _behind_a_tag(text: str, names: Collection[str]) -> int:
    """The first full stop behind a tag that was there; -1: none."""
    return next((at for at in _stops(text) if _name(text[:at].rpartition(",")[2]) in names), -1)


def _tags_first(body: str, known: str, names: Collection[str]) -> tuple[tuple[str, ...], str]:
    at = _behind_a_tag(body, names)
    for said in filter(None, (known, raised(known))):
        if body.endswith(said):
            start = len(body) - len(said)
            if at < 0 or at + len(AFTER) + 1 >= start:  # nothing was written before it
                return _split(body[:start].rstrip().removesuffix(AFTER)), known
    if at < 0:
        at = next((at for at in _stops(body) if body[at + 2 : at + 3].isupper()), -1)
    return (_split(body[:at]), body[at + 2 :].strip()) if at >= 0 else (_split(body), "")


def _sentence_first(body: str, known: str, names: Collection[str], listed: str) -> tuple[str, tuple[str, ...]]:
    """listed: the tags as they stood behind the sentence."""
    for said in filter(None, (known, lowered(known), raised(known))):
        tags = body[len(said) :]
        first = tags.partition(",")[0]
        if body.startswith(said) and not any(_name(first[at + 2 :]) in names for at in _stops(first)):
            at = _behind_a_tag(f"{tags} ", names)
            more = tags[at + 1 :].strip() if at >= 0 else ""  # written behind the tags
            return (f"{said} {more}", _split(tags[:at])) if more else (known, _split(tags))
    if listed and body.endswith(listed):
        return body.removesuffix(listed).strip(), _split(listed)
    at = next((at for at in _stops(body) if _name(body[at + 2 :].partition(",")[0]) in names), -1)
    if at < 0:
        at = body.rfind(f"{AFTER} ")
    if at >= 0:
        return body[: at + 1], _split(body[at + 2 :])
    return (body, ()) if body.endswith(AFTER) else ("", _split(body))


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
