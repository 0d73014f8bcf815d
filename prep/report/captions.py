"""The tags of the captions as they are now: each .txt's text, split where prep's own captions are. Reads the ledger
alone.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from prep.edits.merge import is_tag_list, items, key
from prep.edits.sidecar import CAPTION
from prep.ledger import Ledger
from prep.names import underscored


class Split(NamedTuple):
    """Captions as numbers. One entry per tag of a caption."""

    picture: array  # int32 [K], the caption's place
    tag: array  # int32 [K], into names
    names: list[str]  # the vocabulary and, behind it, tags that only captions have: underscored
    sentences: frozenset[int]  # places of captions that are no lists of tags


def triggers_of(ledger: Ledger) -> dict[str, tuple[str, ...]]:
    """Picture (image key) -> the trigger words that prep wrote into its caption."""
    import pyarrow.compute as pc  # imported here, so that --help does not need it

    table = ledger.book(CAPTION).table
    counts = pc.fill_null(table["triggers"], 1)
    first = pc.list_slice(table["machine"], 0, max(1, pc.max(counts).as_py() or 1))
    columns = (each.to_pylist() for each in (table["subject"], first, counts))
    return {picture: tuple(words[:count]) for picture, words, count in zip(*columns, strict=True) if words}


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
