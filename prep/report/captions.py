"""The tags of the captions as they are now: each .txt's text, split where prep's own captions are. Reads the ledger
alone.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from sys import intern
from typing import NamedTuple

from prep.edits.decisions import Decisions
from prep.edits.merge import is_tag_list, items, key
from prep.names import underscored


class Split(NamedTuple):
    """Captions as numbers. One entry per tag of a caption."""

    picture: array  # int32 [K], the caption's place
    tag: array  # int32 [K], into names
    names: list[str]  # the vocabulary and, behind it, tags that only captions have: underscored
    sentences: frozenset[int]  # places of captions that are no lists of tags


def triggers_of(decisions: Decisions, pictures: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The trigger words that prep wrote into the caption of each picture (image key)."""
    for row in decisions.book.values(pictures, "machine", "triggers"):
        words, count = row or ((), 0)
        yield tuple(map(intern, (words or ())[: count or 1]))


def split(captions: Iterable[tuple[int, str, Sequence[str]]], vocabulary: Sequence[str]) -> Split:
    """captions: (its place, its text, its trigger words, which are no tags). vocabulary: names that prep knows, which
    a caption may spell with spaces, escapes or capitals.
    """
    names, known = list(vocabulary), {}
    for at, name in enumerate(names):
        known.setdefault(key(name), at)
    keys: dict[str, str] = {}  # item -> its key: a set has few different ones
    picture, tag, sentences = array("i"), array("i"), set()
    for place, text, triggers in captions:
        found = items(text)
        for item in found:
            if item not in keys:
                keys[item] = key(item)
        own = dict.fromkeys(keys[item] for item in found)
        for trigger in triggers:
            own.pop(key(trigger), None)
        if not _is_tags(text, [item for item in found if keys[item] in own and keys[item] not in known]):
            sentences.add(place)
            continue
        for name in own:
            if name not in known:
                known[name] = len(names)
                names.append(underscored(name))
            picture.append(place)
            tag.append(known[name])
    return Split(picture, tag, names, frozenset(sentences))


def _is_tags(text: str, others: Sequence[str]) -> bool:
    """others: its items that prep does not know as tags. A tag that it knows may have as many words as a sentence."""
    return "\n" not in text and (not others or is_tag_list(", ".join(others)))
