"""An English sentence made of tags by a grammar, for what reads sentences: T5, captions. No model; touches no file.

`A girl with long orange hair and blue eyes is wearing a green dress and a hairband, smiling with a closed mouth, and
standing with her arms behind her back, in a classroom, shown from the thighs up.` No tag is lost: those that have no
place in the grammar are listed behind it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from prep.captions import sentence_words as words
from prep.captions._phrases import (
    article,
    done,
    is_body,
    is_doing,
    is_lacked,
    is_unworn,
    is_worn,
    last,
    limb,
    noun,
    on_body,
    place,
)
from prep.captions.compose import prompt_text
from prep.captions.overlap import overlapped

COUNT = re.compile(r"([1-9][0-9]{0,3})(\+?)(girl|boy|other)s?")
SEVERAL = {"multiple_girls": "girl", "multiple_boys": "boy", "multiple_others": "other"}
PEOPLE = {"girl": ("girl", "girls"), "boy": ("boy", "boys"), "other": ("person", "people")}
HER = {"girl": "her", "boy": "his"}


class Parts(NamedTuple):
    """What a sentence says, in English: participles and phrases without their joints."""

    subject: str
    be: str  # is or are
    her: str  # her, his, their or its
    looks: list[str]  # behind `with`
    wearing: str  # behind `wearing`; empty: nothing is said of it
    doing: list[str]
    settings: list[str]
    views: list[str]
    styles: list[str]  # behind `drawn`
    left: list[str]  # tags that have no place in the grammar


def sentence(tags: Sequence[str]) -> str:
    """tags: in Danbooru's spelling or with spaces, best first -> one line that ends with a full stop.

    Empty without tags. Each tag is in it once, in its own words or those of sentence_words.py; but for `shirt` beside
    `white_shirt`, and `solo` beside `1girl`, which the sentence says anyway.
    """
    found = sentence_parts(tags)
    return _one_sentence(found) if found else ""


def sentence_parts(tags: Sequence[str]) -> Parts | None:
    """None without tags."""
    names = [*dict.fromkeys(name for tag in tags if (name := prompt_text(tag).replace(" ", "_").lower()))]
    doubled = overlapped(names)
    names = [name for name in names if name not in doubled]
    return _Grammar(names).parts() if names else None


class _Grammar:
    """Takes tags out of `left`, part by part."""

    def __init__(self, names: list[str]) -> None:
        self.left = names
        self.subject, self.be, self.her = self._subject()

    def parts(self) -> Parts:
        face, features = self._face()
        pose = self._pose()
        off = self._not_worn()
        wearing, sleeves = self._wearing()
        looks = self._looks() + sleeves + off + ([] if face else features)
        doing = [anded(face) + (f" with {anded(features)}" if features else "")] if face else []
        doing += [*pose, *self._actions()]
        settings = self._settings()
        views, styles = self._views(), self._named(words.STYLES)
        subject = self.subject or ("A character" if looks or wearing or doing else "A scene")
        return Parts(subject, self.be, self.her, looks, wearing, doing, settings, views, styles, self.left)

    def _take(self, wanted: Callable[[str], object]) -> list[str]:
        found = [name for name in self.left if wanted(name)]
        self.left = [name for name in self.left if name not in found]
        return found

    def _named(self, table: Mapping[str, str]) -> list[str]:
        return [*dict.fromkeys(self._said(table[name]) for name in self._take(table.__contains__))]

    def _said(self, phrase: str) -> str:
        return phrase.replace("{her}", self.her)

    def _subject(self) -> tuple[str, str, str]:
        """(who is shown, or empty; is or are; her, his, their or its)."""
        counts: dict[str, tuple[int, bool]] = {}
        for name in [*self.left]:
            found = COUNT.fullmatch(name)
            if found and found[3] not in counts:
                counts[found[3]] = int(found[1]), bool(found[2])
                self.left.remove(name)
        people = [_people(number, more, who) for who, (number, more) in counts.items()]
        for name in self._take(SEVERAL.__contains__):
            if counts.get(SEVERAL[name], (0, False))[0] < 2:
                people.append(f"several {PEOPLE[SEVERAL[name]][1]}")
        who = next(iter(counts), "other")
        alone = not people or (len(people) == 1 and counts.get(who) == (1, False))
        if alone and self._take(lambda name: name == "solo"):
            people = people or ["one person"]
        if people:
            said = anded(people)
            return said[0].upper() + said[1:], "is" if alone else "are", HER.get(who, "their") if alone else "their"
        if self._take(lambda name: name == "no_humans"):
            return "A scene without people", "is", "its"
        return "", "is", "their"

    def _face(self) -> tuple[list[str], list[str]]:
        """(what it does, what follows with `with`)."""
        if ":o" in self.left:  # whose mouth is open
            self._take(lambda name: name == "open_mouth")
        face, features = self._named(words.FACES), self._named(words.FEATURES)
        if any(each.startswith("smiling ") for each in face):
            face = [each for each in face if each != "smiling"]
        if "grinning" in face and any(each.startswith("smiling") for each in face):
            return [each for each in face if each != "grinning"], ["a grin", *features]
        return face, features

    def _pose(self) -> list[str]:
        """Participles: standing with her arms crossed."""
        limbs = self._named(words.LIMBS)
        limbs += [self._said(limb(name)) for name in self._take(limb)]
        postures = self._phrased(self._take(words.POSTURES.__contains__))
        if limbs:
            return [f"{_posture(postures)} with {anded(limbs)}" if postures else f"keeping {anded(limbs)}"]
        return [_posture(postures)] if postures else []

    def _wearing(self) -> tuple[str, list[str]]:
        """(behind `wearing`, or empty; details that nothing of it has: a ribbon has no sleeves)."""
        details = self._named(words.DETAILS)
        named = self._take(lambda name: last(name) in words.DETAIL_NOUNS and not is_doing(name) and not is_worn(name))
        details += _sleeves([name for name in named if last(name) == "sleeves"])
        details += [noun(name) for name in named if last(name) != "sleeves"]
        names = self._take(is_worn)
        states = [name for name in names if name in words.CLOTHES_STATES] if {*names} - {*words.CLOTHES_STATES} else []
        names = [name for name in names if name not in states]
        worn = [self._said(words.CLOTHES_NAMED[name] if name in words.CLOTHES_NAMED else noun(name)) for name in names]
        if details and not worn:
            return f"clothes with {anded(details)}", []
        at = next((at for at, name in enumerate(names) if last(name) in words.UPPER), None)
        apart = [detail for detail in details if at is None and any(word in detail for word in words.SLEEVES)]
        if own := [detail for detail in details if detail not in apart]:
            worn[at or 0] += f" with {anded(own)}"
            if len(own) > 1:  # last, lest what follows seem to be a detail, too
                worn.append(worn.pop(at or 0))
        open_or_torn = anded(prompt_text(name.removesuffix("_clothes")) for name in states)
        return anded(worn) + (f", {self.her} clothes {open_or_torn}" if states else ""), apart

    def _not_worn(self) -> list[str]:
        """Behind `with`: no shoes; her glasses removed."""
        found = [*map(noun, self._take(is_unworn))]
        off = self._take(lambda name: name.endswith("_removed") and name.removesuffix("_removed") in words.TAKEN_OFF)
        for name in off:
            kinds = words.TAKEN_OFF[name.removesuffix("_removed")]
            those = self._take(lambda each, kinds=kinds: last(each) in kinds and is_worn(each))
            said = [prompt_text(each) for each in those] or [prompt_text(name.removesuffix("_removed"))]
            found.append(f"{self.her} {anded(said)} removed")
        return found + [*map(noun, self._take(is_lacked))]

    def _looks(self) -> list[str]:
        """Behind `with`: hair, eyes, the rest of the body."""
        lengths = self._named(words.LENGTHS)
        hairdos, looks = self._named(words.HAIRDOS), self._named(words.LOOKS)
        hair, eyes = (self._take(lambda name, part=part: is_body(name, part)) for part in ("hair", "eyes"))
        found = []
        if hair or lengths or hairdos:
            found.append(" ".join([_of_colours(hair, "hair", lengths), anded(hairdos)]).strip())
        found += [_of_colours(eyes, "eyes", [])] if eyes else []
        body = self._take(lambda name: is_body(name, *words.BODY) or on_body(name))
        return [*found, *looks, *(self._said(noun(name)) for name in body)]

    def _actions(self) -> list[str]:
        if any(name.startswith("holding_") for name in self.left):
            self._take(lambda name: name == "holding")
        held = self._take(lambda name: re.match("holding_.", name) and name not in words.PHRASED)
        found = [f"holding {anded(self._said(noun(name.removeprefix('holding_'))) for name in held)}"] if held else []
        return found + self._phrased(self._take(lambda name: name in words.PHRASED or is_doing(name)))

    def _phrased(self, names: Iterable[str]) -> list[str]:
        return [self._said(words.PHRASED[name] if name in words.PHRASED else done(name)) for name in names]

    def _views(self) -> list[str]:
        """In the order of the table: shown close up and from the waist up, seen from behind."""
        taken = self._take(words.VIEWS.__contains__)
        said = [self._said(phrase) for name, phrase in words.VIEWS.items() if name in taken]
        found = []
        for verb in ("shown ", "seen "):
            if those := [phrase.removeprefix(verb) for phrase in said if phrase.startswith(verb)]:
                found.append(verb + anded(those))
        found += [phrase for phrase in said if not phrase.startswith(("shown ", "seen "))]
        return [", ".join(found)] if any(" and " in each for each in found) else found

    def _settings(self) -> list[str]:
        """Where it is, what is there, what is behind it."""
        found = self._named(words.PLACES)
        found += map(place, self._take(place))
        found += [f"in {noun(name)}" for name in self._take(lambda name: {name, last(name)} & words.ROOMS)]
        found += [f"under {noun(name)}" for name in self._take(lambda name: name.endswith("_sky"))]
        things = self._take(lambda name: {name, last(name)} & words.THINGS)
        found += [f"with {anded(map(noun, things))}"] if things else []
        backgrounds = self._take(lambda name: name.endswith("_background"))
        if backgrounds:
            said = _of_colours(backgrounds, "background", [])
            found.append(f"against {article(said)}{said}")
        return found


def _one_sentence(found: Parts) -> str:
    predicates = ([f"wearing {found.wearing}"] if found.wearing else []) + found.doing
    parts = [", and ".join(filter(None, (", ".join(predicates[:-1]), *predicates[-1:])))] if predicates else []
    parts += [*found.settings, *([anded(found.views)] if found.views else [])]
    parts += [f"drawn {' '.join(found.styles)}"] if found.styles else []
    if not parts or not (predicates or parts[0].startswith(("shown", "seen", "drawn"))):
        parts = [" ".join(["shown", *parts[:1]]), *(part.removeprefix("shown ") for part in parts[1:])]
    having = f" with {anded(found.looks)}" if found.looks else ""
    rest = f" Also: {', '.join(map(prompt_text, found.left))}." if found.left else ""
    return f"{found.subject}{having} {found.be} {', '.join(parts)}.{rest}"


def _people(number: int, more: bool, who: str) -> str:
    one, many = PEOPLE[who]
    said = words.NUMBERS[number] if number < len(words.NUMBERS) else str(number)
    if more:
        return f"{said} or more {many}"
    return f"a {one}" if number == 1 else f"{said} {many}"


def _of_colours(names: Iterable[str], what: str, before: list[str]) -> str:
    """`long_hair`, `orange_hair`, `wavy_hair` -> long wavy orange hair; two colours are joined by `and`."""
    kinds = [name.removesuffix(f"_{what}") for name in names if name != what]
    colours = [prompt_text(kind) for kind in kinds if kind in words.COLOURS]
    others = [prompt_text(kind) for kind in kinds if kind not in words.COLOURS]
    others.sort(key=lambda kind: kind != "simple")  # a simple gradient background
    return " ".join(filter(None, [anded(before), *others, anded(colours), what]))


def _sleeves(names: list[str]) -> list[str]:
    """`puffy_sleeves`, `short_sleeves` -> puffy short sleeves; those of two lengths are two pairs."""
    kinds = [*dict.fromkeys(kind for name in names for kind in name.split("_")[:-1])]
    if len({*kinds} & {"long", "short"}) > 1 or len(names) < 2 or any("_over_" in name for name in names):
        return [noun(name) for name in names]
    kinds.sort(key=lambda kind: (kind in words.COLOURS) * 2 + (kind in ("long", "short")))
    return [" ".join([*kinds, "sleeves"])]


def _posture(phrases: list[str]) -> str:
    """Lying on her back: what says where she lies follows."""
    verbs = [phrase for phrase in phrases if not phrase.startswith("on ")]
    return " ".join(filter(None, [anded(verbs), *(phrase for phrase in phrases if phrase.startswith("on "))]))


def anded(parts: Iterable[str]) -> str:
    parts = list(parts)
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
