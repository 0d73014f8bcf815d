"""What a character's pictures show of all that augmentations can vary: how many smile, how many are full bodies."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prep.drawing.vary import Group
from prep.types import Profile

Option = tuple[str, ...]
SHOWN = 6  # tags of a group


def shown_in(groups: Sequence[Group], pictures: Iterable[Sequence[str]]) -> Counter[Option]:
    """Option -> the number of pictures that show all its tags. pictures: the tags of each."""
    options = {option: frozenset(option) for group in groups for option in group.options}
    found: Counter[Option] = Counter()
    for tags in pictures:
        shown = frozenset(tags)
        found.update(option for option, asked in options.items() if asked <= shown)
    return found


def coverage_lines(
    profile: Profile, groups: Sequence[Group], drawn: Mapping[str, int], name: Callable[[str], str]
) -> Iterator[str]:
    """'view: 0 of 24 from behind, 2 full body (+1 drawn)': of each group, the rarest among the real pictures first.

    drawn: tag -> accepted augmentations that were asked for it and show it. name: a tag as it is written.
    """
    if not profile.images:
        return
    for group in groups:
        if group.replaces & profile.traits:
            continue  # it is not varied
        counts = {tag: profile.tags[tag].images if tag in profile.tags else 0 for each in group.options for tag in each}
        parts = []
        for tag, count in sorted(counts.items(), key=lambda pair: (pair[1], pair[0]))[:SHOWN]:
            of = f"{count:,}" if parts else f"{count:,} of {profile.images:,}"
            parts.append(f"{of} {name(tag)}" + (f" (+{drawn[tag]:,} drawn)" if drawn.get(tag) else ""))
        if parts:
            more = f", and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else ""
            yield f"{group.name}: {', '.join(parts)}{more}"
