"""What a character's pictures show of all that augmentations can vary: how many smile, how many are full bodies."""

from collections import Counter
from collections.abc import Iterable, Sequence

from prep.drawing.vary import Group

Option = tuple[str, ...]
NEED_IMAGES = 3  # of fewer, nothing is said


def shown_in(groups: Sequence[Group], pictures: Iterable[Sequence[str]]) -> Counter[Option]:
    """Option -> the number of pictures that show all its tags. pictures: the tags of each."""
    options = {option: frozenset(option) for group in groups for option in group.options}
    found: Counter[Option] = Counter()
    for tags in pictures:
        shown = frozenset(tags)
        found.update(option for option, asked in options.items() if asked <= shown)
    return found
