"""What speaks against a trigger word: letters that CLIP does not read, a tag of the same name, another character's."""

from collections.abc import Collection, Iterable, Iterator

from prep.captions.script import hard_to_read
from prep.captions.trigger_words import words_of
from prep.names import alike_words
from prep.types import Profile

SHOWN = 3


def trigger_lines(profiles: Iterable[Profile], tags: Collection[str]) -> Iterator[str]:
    """One line about each, with what to do. profiles: of characters and of variants. tags: all names that the tagger
    knows.
    """
    triggers = list(words_of(profiles))
    if line := hard_to_read(triggers):
        yield line
    known = set(map(alike_words, tags))
    if found := [each for each in triggers if alike_words(each.word) in known]:
        words = ", ".join(f"`{each.word}`" for each in found[:SHOWN]) + (" ..." if found[SHOWN:] else "")
        what, them = ("word {} is also a tag", "it") if len(found) == 1 else ("words {} are also tags", "them")
        example = f'{found[0].table} trigger = "a_word_of_its_own"'
        yield (
            f"the trigger {what.format(words)} of the tagger, so captions of other pictures may have {them}. "
            f"To change one in prep.toml: {example}"
        )
    together: dict[str, list[str]] = {}
    for each in triggers:
        together.setdefault(alike_words(each.word), []).append(each.name)
    for each in triggers:
        if len(sharing := together.pop(alike_words(each.word), [])) > 1:
            yield f"{' and '.join(sharing)} have the same trigger word `{each.word}`: it learns all of them as one"
