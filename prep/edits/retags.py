"""Changes of a caption's tags: add, remove, rename, move. Pure functions of the tags."""

from collections.abc import Callable, Mapping

from prep.edits.merge import Hand, key
from prep.errors import UsageError

# (tags of a caption, how many of the first ones are trigger words) -> tags
Retag = Callable[[list[str], int], list[str]]


def check_tag(tag: str) -> str:
    """The tag without white space around it. Raises UsageError when it is several tags, or not printable text."""
    if not tag.strip() or "," in tag or not tag.isprintable():
        raise UsageError(f"{tag!r} is not a tag", hint="a tag is printable text without a comma")
    return tag.strip()


def adding(*new: str) -> Retag:
    """Those that are missing, at the end."""

    def change(tags: list[str], triggers: int) -> list[str]:
        there = set(map(key, tags))
        return [*tags, *({key(tag): tag.strip() for tag in new if key(tag) not in there}).values()]

    return change


def removing(tag: str) -> Retag:
    return lambda tags, triggers: [each for each in tags if key(each) != key(tag)]


def renaming(new_names: Mapping[str, str]) -> Retag:
    """new_names: tag -> what it is called from now on; all at once, so that two can change places."""
    names = {key(tag): new.strip() for tag, new in new_names.items()}

    def change(tags: list[str], triggers: int) -> list[str]:
        """When a caption has both, the new tag keeps its place."""
        if not any(key(each) in names for each in tags):
            return tags
        there = {key(each) for each in tags if key(each) not in names}
        then: dict[str, str] = {}
        for each in tags:
            new = names.get(key(each))
            if new is None:
                then.setdefault(key(each), each)
            elif key(new) not in there:
                then.setdefault(key(new), new)
        return [*then.values()]

    return change


def moving(tag: str, place: int | None) -> Retag:
    """place: counted from the trigger words on; None: the end."""

    def change(tags: list[str], triggers: int) -> list[str]:
        found = [each for each in tags[triggers:] if key(each) == key(tag)]
        rest = [each for each in tags[triggers:] if key(each) != key(tag)]
        at = len(rest) if place is None else place
        return [*tags[:triggers], *rest[:at], *found, *rest[at:]]

    return change


def triggers_in(tags: list[str], hand: Hand) -> int:
    """How many of a caption's first tags are trigger words."""
    words = set(map(key, hand.machine[: hand.triggers]))
    return next((at for at, each in enumerate(tags) if key(each) not in words), len(tags))
