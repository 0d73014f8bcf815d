"""Captions in the form of a base model: the user's changes to such a text, as changes of its tags and its sentence.

Tags are merged as everywhere (merge.py), whatever the form; a sentence that the user touched is kept as a whole. No
file, no ledger.
"""

from collections.abc import Iterable, Sequence

from prep.captions.described import described
from prep.captions.forms import ARTIST, Form, Item, Parts, form_of, is_artist, parts_of, worded
from prep.captions.parted import form_in, parted
from prep.edits.merge import Hand, edited, is_tag_list, items, key
from prep.names import underscored

LEAST_TAGS = 4  # of a list that is surely one


def read(hand: Hand, found: str, base: str | None = None) -> Hand:
    """The state after the user replaced the file's text with `found`. base: the text that the user saw; None: the last
    known one.
    """
    if base is not None and base != hand.said and hand.machine:
        hand = _as_of(hand, base)
    if not hand.form:
        return edited(hand if base is None else hand._replace(text=base), found)
    if not hand.machine:  # what prep would write is not known yet
        return hand._replace(text=found, whole=found, person=found)
    form, triggers = form_of(hand.form), hand.machine[: hand.triggers]
    if not found.strip() or "\n" in found or is_anew(hand, hand.text or ""):
        return _as_it_is(hand, found)
    listed = items(hand.text or "")
    before = parted(form, hand.whole or "" if base is None else base, triggers, hand.sentence, listed)
    now = parted(form, found, triggers, hand.sentence, before.tags)
    there, here = _names(before.tags), _names(now.tags)
    tags = {name: text for name, text in there.items() if name not in map(key, triggers)}
    anew = tags and not tags.keys() & here.keys() and now.sentence != before.sentence
    if anew if "tags" in form.parts else not now.sentence:
        return _as_it_is(hand, found)
    went = [text for name, text in there.items() if name not in here]
    came = {name: text for name, text in here.items() if name not in there}
    placed = _placed(here, came) if "tags" in form.parts else [(text, "") for text in came.values()]  # at the end
    text = _changed(listed, went, placed)
    if not text:
        return _as_it_is(hand, found)
    after = edited(hand, ", ".join(text))
    if before.head and not now.head:
        went.append(form.head.strip())
    gone = {key(each) for each in after.removed}
    removed = (*after.removed, *(each for each in went if key(each) not in gone))
    removed = tuple(each for each in removed if key(each) not in came)
    changed = now.sentence != before.sentence
    said = {"sentence": now.sentence, "own": True} if changed else {}
    return after._replace(whole=found, removed=removed, **said)


def begun_in_form(hand: Hand, machine: tuple[str, ...], triggers: int) -> Hand:
    """The state when only the file's text is known, and that somebody edited it. machine: the items of prep's caption,
    of which the first `triggers` are trigger words.
    """
    form, words = form_of(hand.form), machine[:triggers]
    tags, said = [Item(text) for text in machine[triggers:]], described(tag_names(machine, words), form.length)
    parts = parts_of(form, words, tags, None, said if "sentence" in form.parts else "")
    ours = Hand(", ".join(machine), machine, triggers=triggers, form=hand.form, whole=worded(form, parts, words))
    after = read(ours._replace(sentence=parts.sentence), hand.whole or "")
    safety = {*map(key, form.safety.values())}  # prep's own
    kept = [text for text in items(after.text or "") if key(text) not in safety or text in machine]
    added = tuple(text for text in after.added if key(text) not in safety)
    listed = ", ".join(kept)
    return after if after.verbatim else after._replace(text=listed, person=listed, added=added)


def retagged(hand: Hand, text: str) -> Hand:
    """The state after the user replaced the list of tags."""
    after = edited(hand, text)
    told = retold(hand, text, hand.sentence if hand.own else None)
    return after._replace(whole=told.whole, sentence=told.sentence, own=told.own)


def retold(now: Hand, text: str, own: str | None) -> Hand:
    """The state with another list of tags, and the file's text that follows. own: the user's sentence; None: it is
    made of the tags by the grammar until the next run, unless they are the same as before.
    """
    if not now.form:
        return now._replace(text=text)
    if is_anew(now, text) or not text.strip():
        return now._replace(text=text, whole=text)
    form, triggers = form_of(now.form), now.machine[: now.triggers]
    own = own if own is None or counts(form, own) else None
    old, new = items(now.text or ""), items(text)
    before = parted(form, now.whole or "", triggers, now.sentence, old)
    if own is None and (now.own or [*map(key, old)] != [*map(key, new)]) and "sentence" in form.parts:
        said = described(tag_names(new, triggers), form.length)
    else:
        said = now.sentence if own is None else own
    there, here = set(map(key, old)), set(map(key, new))
    went = [each for each in old if key(each) not in here]
    came = {key(each): each for each in new if key(each) not in there}
    if "tags" not in form.parts:
        came = {name: each for name, each in came.items() if name in map(key, triggers)}
    tags = _changed(before.tags, went, _placed({key(each): each for each in new}, came))
    if not form.grouped:  # in the order of the list
        places = {key(each): at for at, each in enumerate(new)}
        tags.sort(key=lambda each: places.get(key(each), len(new)))
    whole = worded(form, Parts(before.head, tuple(tags), said), triggers, own is not None)
    return now._replace(text=text, whole=whole, sentence=said, own=own is not None)


def is_anew(hand: Hand, text: str) -> bool:
    """Whether the user wrote the caption anew, so that it stays as it is in every form. text: its list of tags. A list
    of several tags in place of all others is one, too.
    """
    return hand.verbatim and not (is_tag_list(text) and len(items(text)) >= LEAST_TAGS)


def counts(form: Form, own: str) -> bool:
    """Whether a sentence of the user's counts in this form: one that was taken out does not, where nothing else is."""
    return bool(own) or "tags" in form.parts


def tag_names(listed: Iterable[str], triggers: Sequence[str]) -> list[str]:
    """The tags of a list as vocabularies spell them, without the trigger words."""
    words = set(map(key, triggers))
    listed = (each for each in listed if not is_artist(Item(each)))
    return [underscored(each.replace("\\(", "(").replace("\\)", ")")) for each in listed if key(each) not in words]


def _as_it_is(hand: Hand, found: str) -> Hand:
    """Written anew, or emptied: kept as it is, in every form."""
    after = edited(hand._replace(text=hand.whole), found)
    return after._replace(whole=found, verbatim=bool(found.strip()), sentence="", own=False)


def _as_of(hand: Hand, base: str) -> Hand:
    """The state when the file had this text of prep's, which may be in another form."""
    triggers, listed = hand.machine[: hand.triggers], items(hand.text or "")
    name = form_in(base, triggers, listed)
    if hand.form and form_of(name).parts == form_of(hand.form).parts:
        name = hand.form  # of several that look alike
    if not name:
        return hand._replace(form="", whole=None, text=base)
    said = parted(form_of(name), base, triggers, hand.sentence, listed).sentence
    return hand._replace(form=name, whole=base, sentence=said, own=hand.own and said == hand.sentence)


def _names(tags: Iterable[str]) -> dict[str, str]:
    """Name -> the text of the list."""
    found: dict[str, str] = {}
    for tag in tags:
        found.setdefault(_name(tag), tag)
    return found


def _name(tag: str) -> str:
    """With or without an artist's mark it is the same tag."""
    return key(tag.removeprefix(ARTIST)) if is_artist(Item(tag)) else key(tag)


def _placed(here: dict[str, str], came: dict[str, str]) -> list[tuple[str, str | None]]:
    """(each that came, the name of the one before it; None: the first)."""
    order = [*here]
    return [(text, order[order.index(name) - 1] if order.index(name) else None) for name, text in came.items()]


def _changed(tags: Sequence[str], went: Iterable[str], came: Iterable[tuple[str, str | None]]) -> list[str]:
    """The list without those that went, and each that came behind the tag that it stands behind."""
    gone = set(map(_name, went))
    result = [each for each in tags if _name(each) not in gone]
    for text, before in came:
        names = [_name(each) for each in result]
        at = names.index(before) + 1 if before in names else 0 if before is None else len(result)
        result.insert(at, text)
    return result
