"""What may be said of the people in a picture: how many they are, and what stands for them."""

from collections.abc import Sequence
from itertools import permutations, product

from prep.captions import sentence_words as words
from prep.captions._allowed import Licences
from prep.captions.sentence import COUNT, SEVERAL

GIRL, BOY, OTHER = ("girl", "woman"), ("boy", "man"), ("person", "figure", "character")
MANY = {"girl": ("girls", "women"), "boy": ("boys", "men"), "other": ("people", "figures", "characters")}
ONE = {"girl": (*GIRL, *OTHER), "boy": (*BOY, *OTHER), "other": OTHER}
MOST_PEOPLE = 3  # kinds
HERSELF = {"she": ("her", "herself"), "he": ("him", "himself"), "they": ("them", "themselves")}


def add_people(found: Licences, names: Sequence[str]) -> None:
    counts: dict[str, tuple[int, bool]] = {}
    counted = set()
    for name in names:
        if (match := COUNT.fullmatch(name)) and match[3] not in counts:
            counts[match[3]] = int(match[1]), bool(match[2])
            counted.add(name)
    for name in names:
        if name in SEVERAL:
            counts.setdefault(SEVERAL[name], (0, True))
            counted.add(name)
    found.counted = frozenset(counted | ({"solo"} & {*names}))
    if "no_humans" in names:
        found.possessives = frozenset(("its",))
        return
    if not counts:
        counts = {"other": (1, False)}
    found.alone = len(counts) == 1 and next(iter(counts.values())) == (1, False)
    found.mixed = len(counts) > 1
    if found.alone:
        (who,) = counts
        found.people = [(noun,) for noun in ONE[who]] + [("one", noun) for noun in ONE[who]]
        if "solo" in names:
            found.people += [(lone, noun) for noun in ONE[who] for lone in ("single", "lone", "solitary")]
        found.definite = [(noun,) for noun in ONE[who]]
        found.pronouns = frozenset(({"girl": "she", "boy": "he", "other": "they"}[who],))
        found.possessives = frozenset(({"girl": "her", "boy": "his", "other": "their"}[who],))
        found.possessives |= {f"{noun}'s" for noun in ONE[who]}
        return
    kinds = [_groups(*count, who) for who, count in counts.items()][:MOST_PEOPLE]
    for order in permutations(kinds):
        for groups in product(*order):
            joined = [word for at, group in enumerate(groups) for word in (*(("and",) if at else ()), *group)]
            found.people.append(tuple(joined))
    found.definite = [("two",), ("pair",), ("both",)] if sum(number for number, _ in counts.values()) == 2 else []
    if len(counts) == 1:
        (who,) = counts
        found.definite += [(noun,) for noun in MANY[who]] + found.people


def _groups(number: int, more: bool, who: str) -> list[tuple[str, ...]]:
    spelled = [str(number), *([words.NUMBERS[number]] if number < len(words.NUMBERS) else [])]
    if number == 1 and not more:
        return [(noun,) for noun in ONE[who]] + [("one", noun) for noun in ONE[who]]
    if number < 2:
        return [(many, noun) for noun in MANY[who] for many in ("several", "multiple")] + [
            ("group", "of", noun) for noun in MANY[who]
        ]
    last = ("or", "more") if more else ()
    found = [(each, *last, noun) for each in spelled for noun in MANY[who]]
    pair = [("pair", "of", noun) for noun in MANY[who]] if number == 2 and not more else []
    return found + pair + [("group", "of", each, noun) for each in spelled for noun in MANY[who] if not more]
