"""The user's changes to a caption, merged with prep's own caption ("machine"). No file, no ledger.

Captions are compared by tag: what was added by hand is never lost, what was removed by hand never returns, and all
other tags come and go with the machine's caption.
"""

import re
from typing import NamedTuple

SENTENCE_WORDS = 5
LONGEST_TAG_WORDS = 12
FEW_ITEMS = 3  # fewer are not enough to tell by their mean
SENTENCE_WORDS_PER_ITEM = 3  # Danbooru's tags have two words or fewer in the mean


class Hand(NamedTuple):
    """The state of one caption. All items are text as captions have it, not tag names."""

    text: str | None = None  # the .txt's last known text; None: nothing yet
    machine: tuple[str, ...] = ()  # the machine's items when it was written
    added: tuple[str, ...] = ()  # by hand, in the user's spelling
    removed: tuple[str, ...] = ()  # by hand
    person: str | None = None  # the text as the user last left it; None: never touched
    verbatim: bool = False  # rewritten beyond recognition: kept as it is
    triggers: int = 1  # how many of machine's first items are trigger words: the character's, then a variant's
    # In a form (captions/forms.py), the file has another text, made of the list of tags in `text` and of a sentence:
    form: str = ""  # its name; empty: the file has the list itself
    whole: str | None = None  # the file's last known text
    sentence: str = ""  # the one in it
    own: bool = False  # whether that is the user's: kept as it is

    @property
    def said(self) -> str | None:
        """The last known text of the file."""
        return self.whole if self.form else self.text


def items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def key(item: str) -> str:
    """Two items with the same key are the same tag: case, underscores and escapes do not matter."""
    return " ".join(item.replace("\\(", "(").replace("\\)", ")").replace("_", " ").lower().split())


def edited(state: Hand, found: str) -> Hand:
    """The state after the user replaced `state.text` with `found`."""
    before, now = _keyed(items(state.text or "")), _keyed(items(found))
    came = [name for name in now if name not in before]
    went = [name for name in before if name not in now]
    added = {**_keyed(state.added), **{name: now[name] for name in came}}
    removed = {**_keyed(state.removed), **{name: before[name] for name in went}}
    known = set(_keyed(state.machine))
    if not state.verbatim:
        known |= set(before)
    known -= {*map(key, state.machine[: state.triggers])}
    return state._replace(
        text=found,
        added=tuple(text for name, text in added.items() if name not in went),
        removed=tuple(text for name, text in removed.items() if name not in came),
        person=found,
        # Several lines mean something to a trainer, or are a mistake that the user should see: left alone.
        verbatim=bool(found) and ("\n" in found or bool(known) and not known.intersection(now)),
    )


def has_trigger(state: Hand) -> bool:
    """Whether the caption still has the trigger word that the machine's had when it was written."""
    return not state.machine or key(state.machine[0]) in _keyed(items(state.text or ""))


def names(text: str, trigger: str) -> bool:
    """Whether a caption has the trigger word, as a tag or as a word of a sentence."""
    if key(trigger) in _keyed(items(text)):
        return True
    return is_sentence(text) and bool(re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", text, re.IGNORECASE))


def is_sentence(text: str) -> bool:
    """Whether one of its parts has too many words to be a tag."""
    return any(len(item.split()) >= SENTENCE_WORDS for item in items(text))


def is_tag_list(text: str) -> bool:
    """Whether a caption is tags, in one line, so that one of them can be added, renamed or taken out.

    Tags have fewer words than the parts of sentences; one of them may be long, or end in a full stop.
    """
    words = [len(item.split()) for item in items(text)]
    if "\n" in text or max(words, default=0) > LONGEST_TAG_WORDS:
        return False
    if len(words) < FEW_ITEMS:
        ends = text.rstrip().endswith((".", "!", "?")) and " " in text.strip()
        return not ends and not is_sentence(text)
    return sum(words) < SENTENCE_WORDS_PER_ITEM * len(words)


def merged(state: Hand, machine: tuple[str, ...], triggers: int = 1) -> str:
    """The merged caption. machine: the items of the machine's caption, of which the first `triggers` are trigger words:
    the character's, then a variant's.

    However the user changed it, a trigger is treated alike: a caption that had it gets the present one; a caption
    without it gets none. A variant's stands right behind the character's.
    """
    if state.person is None:
        return ", ".join(machine)
    if state.verbatim or not state.person.strip():
        return _with_the_rest(_with_triggers(state, machine[:triggers]) if state.verbatim else state.person, state)
    added, removed, fresh = _keyed(state.added), _keyed(state.removed), _keyed(machine)
    text = state.text or ""
    present = _keyed(items(text))
    stays = {name for name in present if name in added or name in fresh and name not in removed}
    kept = {name: added.get(name) or fresh[name] for name in present if name in stays}
    kept |= {name: item for name, item in added.items() if name not in kept}
    new = {name: item for name, item in fresh.items() if name not in kept and name not in removed}
    trigger = key(machine[0])
    first = {trigger: new.pop(trigger)} if trigger in new else {}
    variant = {name: new.pop(name) for name in map(key, machine[1:triggers]) if name in new}
    if not has_trigger(state):
        first = variant = {}
    if not {*present}.issuperset(map(key, state.machine[1 : state.triggers])):
        variant = {}
    result = _behind(trigger, variant, first | kept) | new
    # Nothing to add or remove: the user's exact text, spelling and spaces included.
    return text if list(result) == list(present) else ", ".join(result.values())


def _behind(trigger: str, more: dict[str, str], there: dict[str, str]) -> dict[str, str]:
    """Both, with `more` right behind the trigger, or first where that is missing."""
    names = list(there)
    at = names.index(trigger) + 1 if trigger in there else 0
    return {name: there[name] for name in names[:at]} | more | {name: there[name] for name in names[at:]}


def _with_triggers(state: Hand, triggers: tuple[str, ...]) -> str:
    """A caption that is kept unchanged, except for a trigger at its beginning, as a tag or as the first word, and for a
    variant's trigger that is one of its tags.
    """
    text = _with_trigger(state, triggers[0])
    for before, now in zip(state.machine[1 : state.triggers], triggers[1:], strict=False):
        parts = (part.replace(part.strip(), now) if key(part) == key(before) else part for part in text.split(","))
        text = ",".join(parts)
    return text


def _with_trigger(state: Hand, trigger: str) -> str:
    """The same for the first trigger alone."""
    text = state.text or ""
    first, comma, rest = text.partition(",")
    if not state.machine or key(state.machine[0]) == key(trigger):
        return text
    if key(first) == key(state.machine[0]):
        return f"{trigger}{comma}{rest}"
    word = re.match(rf"{re.escape(state.machine[0])}(?!\w)", text, re.IGNORECASE)
    return f"{trigger}{text[word.end() :]}" if word else text


def _with_the_rest(text: str, state: Hand) -> str:
    """A caption that is kept unchanged, plus what was added in the other file: in kohya/ while the one in SRC was
    rewritten, or the other way round.
    """
    there = {**_keyed(items(text)), **_keyed(items(state.person or ""))}  # as it was before the trigger changed
    missing = [item for name, item in _keyed(state.added).items() if name not in there]
    return ", ".join([*([text] if text.strip() else []), *missing]) if missing else text


def source(state: Hand, text: str) -> str:
    """machine, hand (as the user left it) or merged (with tags that the machine newly found)."""
    if state.person is None:
        return "machine"
    return "hand" if text == state.person else "merged"


def _keyed(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    """key -> text; the first one counts for equal keys."""
    keyed: dict[str, str] = {}
    for text in texts:
        keyed.setdefault(key(text), text)
    return keyed
