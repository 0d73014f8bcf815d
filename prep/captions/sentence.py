"""An English sentence made of tags by a grammar, for what reads sentences: T5, captions. No model; touches no file.

`A girl with long orange hair and blue eyes is wearing a green dress and a hairband, smiling with a closed mouth, and
standing with her arms behind her back, in a classroom, shown from the thighs up.` No tag is lost: those that have no
place in the grammar are listed behind it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from prep.captions import sentence_words as words
from prep.captions.compose import prompt_text
from prep.captions.overlap import overlapped

COUNT = re.compile(r"([1-9][0-9]{0,3})(\+?)(girl|boy|other)s?")
SEVERAL = {"multiple_girls": "girl", "multiple_boys": "boy", "multiple_others": "other"}
PEOPLE = {"girl": ("girl", "girls"), "boy": ("boy", "boys"), "other": ("person", "people")}
HER = {"girl": "her", "boy": "his"}
VOWEL = re.compile(r"(?!uni|use|usu|uk|eu|one\b|once)[aeiou]|hour|honest|heir|x-", re.IGNORECASE)


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
        face, features = self._named(words.FACES), self._named(words.FEATURES)
        pose = self._pose()
        wearing, sleeves = self._wearing()
        looks = self._looks() + sleeves + ([] if face else features)
        doing = [anded(face) + (f" with {anded(features)}" if features else "")] if face else []
        doing += [*pose, *self._actions()]
        settings = self._settings()
        views, styles = self._named(words.VIEWS), self._named(words.STYLES)
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

    def _pose(self) -> list[str]:
        """Participles: standing with her arms crossed."""
        limbs = self._named(words.LIMBS)
        limbs += [self._said(_on_own(name)) for name in self._take(lambda name: re.match(r"hands?_on_own_.", name))]
        postures = self._phrased(self._take(words.POSTURES.__contains__))
        if limbs:
            return [f"{_posture(postures)} with {anded(limbs)}" if postures else f"keeping {anded(limbs)}"]
        return [_posture(postures)] if postures else []

    def _wearing(self) -> tuple[str, list[str]]:
        """(behind `wearing`, or empty; details that nothing of it has: a ribbon has no sleeves)."""
        details = self._named(words.DETAILS)
        details += map(_noun, self._take(lambda name: _last(name) in words.DETAIL_NOUNS and not is_doing(name)))
        names = self._take(is_worn)
        worn = [self._said(words.CLOTHES_NAMED[name]) if name in words.CLOTHES_NAMED else _noun(name) for name in names]
        if details and not worn:
            return f"clothes with {anded(details)}", []
        at = next((at for at, name in enumerate(names) if _last(name) in words.UPPER), None)
        apart = [detail for detail in details if at is None and detail.endswith(words.SLEEVES)]
        if own := [detail for detail in details if detail not in apart]:
            worn[at or 0] += f" with {anded(own)}"
        return anded(worn), apart

    def _looks(self) -> list[str]:
        """Behind `with`: hair, eyes, the rest of the body."""
        lengths = self._named(words.LENGTHS)
        hairdos, looks = self._named(words.HAIRDOS), self._named(words.LOOKS)
        hair, eyes = (self._take(lambda name, part=part: is_body(name, part)) for part in ("hair", "eyes"))
        found = []
        if hair or lengths or hairdos:
            found.append(" ".join([_of_colours(hair, "hair", lengths), anded(hairdos)]).strip())
        found += [_of_colours(eyes, "eyes", [])] if eyes else []
        return [*found, *looks, *map(_noun, self._take(lambda name: is_body(name, *words.BODY)))]

    def _actions(self) -> list[str]:
        if any(name.startswith("holding_") for name in self.left):
            self._take(lambda name: name == "holding")
        held = self._take(lambda name: re.match("holding_.", name) and name not in words.PHRASED)
        found = [f"holding {anded(_noun(name.removeprefix('holding_')) for name in held)}"] if held else []
        return found + self._phrased(self._take(lambda name: name in words.PHRASED or is_doing(name)))

    def _phrased(self, names: Iterable[str]) -> list[str]:
        return [self._said(words.PHRASED[name]) if name in words.PHRASED else _done(name) for name in names]

    def _settings(self) -> list[str]:
        """Where it is, what is there, what is behind it."""
        found = self._named(words.PLACES)
        found += [f"in {_noun(name)}" for name in self._take(lambda name: {name, _last(name)} & words.ROOMS)]
        found += [f"under {_noun(name)}" for name in self._take(lambda name: name.endswith("_sky"))]
        things = self._take(lambda name: {name, _last(name)} & words.THINGS)
        found += [f"with {anded(map(_noun, things))}"] if things else []
        backgrounds = self._take(lambda name: name.endswith("_background"))
        if backgrounds:
            said = _of_colours(backgrounds, "background", [])
            found.append(f"against {_article(said)}{said}")
        return found


def _one_sentence(found: Parts) -> str:
    predicates = ([f"wearing {found.wearing}"] if found.wearing else []) + found.doing
    parts = [", and ".join(filter(None, (", ".join(predicates[:-1]), *predicates[-1:])))] if predicates else []
    parts += [*found.settings, *([anded(found.views)] if found.views else [])]
    parts += [f"drawn {' '.join(found.styles)}"] if found.styles else []
    if not parts or not (predicates or parts[0].startswith(("shown", "seen", "drawn"))):
        parts = [" ".join(["shown", *parts[:1]]), *parts[1:]]
    having = f" with {anded(found.looks)}" if found.looks else ""
    rest = f" Also: {', '.join(map(prompt_text, found.left))}." if found.left else ""
    return f"{found.subject}{having} {found.be} {', '.join(parts)}.{rest}"


def _people(number: int, more: bool, who: str) -> str:
    one, many = PEOPLE[who]
    said = words.NUMBERS[number] if number < len(words.NUMBERS) else str(number)
    if more:
        return f"{said} or more {many}"
    return f"a {one}" if number == 1 else f"{said} {many}"


def _of_colours(names: Iterable[str], noun: str, before: list[str]) -> str:
    """`long_hair`, `orange_hair`, `wavy_hair` -> long wavy orange hair; two colours are joined by `and`."""
    kinds = [name.removesuffix(f"_{noun}") for name in names if name != noun]
    colours = [prompt_text(kind) for kind in kinds if kind in words.COLOURS]
    others = [prompt_text(kind) for kind in kinds if kind not in words.COLOURS]
    others.sort(key=lambda kind: kind != "simple")  # a simple gradient background
    return " ".join(filter(None, [anded(before), *others, anded(colours), noun]))


def _noun(name: str) -> str:
    text = prompt_text(name)
    return f"{_article(text)}{text}"


def _article(text: str) -> str:
    """`a `, `an `, or nothing before a plural and a mass noun."""
    last = text.split(" ")[-1]
    plural = last.endswith("s") and not last.endswith(("ss", "us", "is")) and last not in words.SINGULAR
    if plural or last == "leaves" or last in words.MASS or text[0].isdigit():
        return ""
    return "an " if VOWEL.match(text) else "a "


def _on_own(name: str) -> str:
    hands, _, where = name.partition("_on_own_")
    return f"{'one hand' if hands == 'hand' else '{her} hands'} on {{her}} {prompt_text(where)}"


def _posture(phrases: list[str]) -> str:
    """Lying on her back: what says where she lies follows."""
    verbs = [phrase for phrase in phrases if not phrase.startswith("on ")]
    return " ".join(filter(None, [anded(verbs), *(phrase for phrase in phrases if phrase.startswith("on "))]))


def _done(name: str) -> str:
    """waving_flag -> waving a flag."""
    verb, _, what = name.partition("_")
    known = what in words.THINGS or what in words.CLOTHES
    return f"{prompt_text(verb)} {_noun(what)}" if known else prompt_text(name)


def is_doing(name: str) -> bool:
    first = name.split("_")[0]
    elsewhere = name in words.PLACES or name in words.VIEWS or name in words.STYLES
    return len(first) > 4 and first.endswith("ing") and first not in words.NOT_DOING and not elsewhere


def is_worn(name: str) -> bool:
    kept = name in words.PHRASED or name in words.LIMBS or is_doing(name)
    return name in words.CLOTHES_NAMED or (_last(name) in words.CLOTHES and not kept)


def is_body(name: str, *parts: str) -> bool:
    """Whether it ends in one of these, and is neither an action nor a view."""
    elsewhere = name in words.PHRASED or name in words.VIEWS or is_doing(name)
    return _last(name) in parts and not elsewhere


def _last(name: str) -> str:
    return name.rpartition("_")[2]


def anded(parts: Iterable[str]) -> str:
    parts = list(parts)
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
