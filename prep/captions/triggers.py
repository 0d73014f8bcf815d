"""What speaks against a trigger word: letters that CLIP does not read, a tag of the same name, another character's."""

from collections.abc import Collection, Iterable, Iterator

from prep.captions.characters import table
from prep.captions.script import hard_to_read
from prep.names import alike_words, printable
from prep.types import Profile

SHOWN = 3


def trigger_lines(profiles: Iterable[Profile], tags: Collection[str]) -> Iterator[str]:
    """One line about each, with what to do. tags: all names that the tagger knows."""
    profiles = list(profiles)
    if line := hard_to_read(profiles):
        yield line
    known = set(map(alike_words, tags))
    if found := [each for each in profiles if alike_words(each.trigger) in known]:
        words = ", ".join(f"`{each.trigger}`" for each in found[:SHOWN]) + (" ..." if found[SHOWN:] else "")
        what, them = ("word {} is also a tag", "it") if len(found) == 1 else ("words {} are also tags", "them")
        example = f'{table(found[0].character)} trigger = "a_word_of_its_own"'
        yield (
            f"the trigger {what.format(words)} of the tagger, so captions of other pictures may have {them}. "
            f"To change one in prep.toml: {example}"
        )
    together: dict[str, list[str]] = {}
    for each in profiles:
        together.setdefault(alike_words(each.trigger), []).append(each.character)
    for each in profiles:
        if len(sharing := together.pop(alike_words(each.trigger), [])) > 1:
            names = " and ".join(map(printable, sharing))
            yield f"{names} have the same trigger word `{each.trigger}`: it learns all of them as one"
