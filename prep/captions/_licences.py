"""What tags allow a sentence to say: nouns with their adjectives, phrases, and people."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import permutations, product
from typing import NamedTuple

from prep.captions import faithful_words as said
from prep.captions import sentence_words as words
from prep.captions._phrases import is_body, is_doing, is_unworn, is_worn, last, limb, on_body, place
from prep.captions.compose import prompt_text
from prep.captions.overlap import overlapped
from prep.captions.sentence import COUNT, SEVERAL

NOUNS = frozenset(("worn", "body", "face", "held", "thing", "place noun", "sky", "background", "detail"))
DETERMINERS = frozenset("a an the her his their its some this these own".split())
TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|\S")
NOT_A_MODIFIER = DETERMINERS | said.PREPOSITIONS | said.NEGATIONS
HAIRDOS = frozenset("ponytail twintails pigtails braid braids bun buns bob cut tails".split())
GIRL, BOY, OTHER = ("girl", "woman"), ("boy", "man"), ("person", "figure", "character")
MANY = {"girl": ("girls", "women"), "boy": ("boys", "men"), "other": ("people", "figures", "characters")}
ONE = {"girl": (*GIRL, *OTHER), "boy": (*BOY, *OTHER), "other": OTHER}
MOST_PEOPLE = 3  # kinds


OF_SLEEVES = {
    "long_sleeves": "long-sleeved", "short_sleeves": "short-sleeved", "sleeveless": "sleeveless",
    "strapless": "strapless", "off_shoulder": "off-shoulder", "puffy_sleeves": "puffy-sleeved",
}  # fmt: skip
DETAILS = {
    **OF_SLEEVES, "striped": "striped", "plaid": "plaid", "frills": "frilly", "polka_dot": "polka-dot",
    "floral_print": "floral-print",
}  # fmt: skip


class Phrase(NamedTuple):
    """Words in this order. In a text, articles and possessives may be between them."""

    words: tuple[str, ...]
    kind: str
    tags: frozenset[str]


@dataclass
class Head:
    """A noun that tags name, in one spelling."""

    kinds: set[str] = field(default_factory=set)
    modifiers: set[str] = field(default_factory=set)
    tags: list[tuple[frozenset[str], str]] = field(default_factory=list)  # (modifiers, tag)
    bare: bool = False  # a tag is this noun alone


@dataclass
class Licences:
    tags: tuple[str, ...]
    heads: dict[str, Head] = field(default_factory=dict)
    phrases: list[Phrase] = field(default_factory=list)
    people: list[tuple[str, ...]] = field(default_factory=list)  # without articles, as `girl` or `two girls`
    definite: list[tuple[str, ...]] = field(default_factory=list)  # behind `the`, once they are named
    pronouns: frozenset[str] = frozenset(("they",))
    possessives: frozenset[str] = frozenset(("their",))
    alone: bool = True  # at most one person
    counted: frozenset[str] = frozenset()  # tags that the people say
    roles: dict[tuple[str, ...], str] = field(default_factory=dict)  # a nurse, an android: what stands for the person
    modifiers: set[str] = field(default_factory=set)  # of all nouns
    known: set[str] = field(default_factory=set)  # all words that tags allow, for the reason

    def by_first(self) -> dict[str, list[Phrase]]:
        found: dict[str, list[Phrase]] = {}
        for phrase in self.phrases:
            found.setdefault(stem(phrase.words[0]), []).append(phrase)
        return found


def tokens_of(text: str) -> list[str]:
    """Lower case, in one spelling."""
    found = [alike(token) for token in TOKEN.findall(text.lower().replace("’", "'"))]
    apart = {"she's": ("she", "is"), "he's": ("he", "is"), "it's": ("it", "is"), "there's": ("there", "is")}
    apart |= {"they're": ("they", "are"), "who's": ("who", "is")}
    return [each for token in found for each in apart.get(token, (token,))]


def alike(word: str) -> str:
    return said.ALIKE.get(word, word)


IRREGULAR = {
    "lying": "lie", "lies": "lie", "lie": "lie", "sat": "sit", "seated": "sit", "stood": "stand", "held": "hold",
    "worn": "wear", "kept": "keep", "ran": "run", "running": "run", "sitting": "sit", "knelt": "kneel",
}  # fmt: skip


def stem(word: str) -> str:
    """Of a verb, in any of its forms; of another word, something of its own."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith(("ies", "ied")) and len(word) > 4:
        return f"{word[:-3]}y"
    base = re.sub(r"(?<=\w{3})(ing|es|ed|s|e)$", "", word)
    return base[:-1] if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "sl" else base


def is_verb(word: str) -> bool:
    return word in said.VERBS_TOO or word.endswith("ing") and len(word) > 4 and word not in words.NOT_DOING


def matches(text: str, wanted: str) -> bool:
    """Whether a word of the text is the one that a phrase wants; only verbs may have another form."""
    return text == wanted or (is_verb(wanted) and stem(text) == stem(wanted) and not text.endswith("ed"))


def licences(tags: Sequence[str]) -> Licences:
    """tags: Danbooru's names with underscores."""
    names = tuple(dict.fromkeys("_".join(tag.lower().replace("\\", "").split()) for tag in tags))
    names = tuple(name for name in names if name)
    found = Licences(names)
    _add_people(found, names)
    for name in names:
        if name not in found.counted or name == "solo":
            _add(found, name)
    for pair, phrases in said.PAIRS.items():
        if {*pair} <= {*names}:
            found.phrases += [Phrase(tuple(phrase.split()), "doing", frozenset(pair)) for phrase in phrases]
    if {"simple_background", "white_background"} <= {*names}:
        found.heads["background"].modifiers.add("blank")
    if any(name in words.HAIRDOS for name in names):
        found.heads.setdefault("hair", Head({"body"})).bare = True
    if hair := found.heads.get("hair"):  # a brown ponytail
        for hairdo in {head for head, each in found.heads.items() if head in HAIRDOS}:
            found.heads[hairdo].modifiers |= hair.modifiers
            found.heads[hairdo].tags += [(modifiers, tag) for modifiers, tag in hair.tags if modifiers]
    _add_details(found, names)
    for phrase in found.phrases:
        found.known.update(phrase.words)
    for head, each in found.heads.items():
        found.known |= {head, *each.modifiers}
        found.modifiers |= each.modifiers
    return found


def _add_details(found: Licences, names: Sequence[str]) -> None:
    """Sleeves, frills and patterns as adjectives, of the garment to which the grammar gives them."""
    doubled = overlapped([*names])
    worn = [name for name in names if name not in doubled and is_worn(name)]
    upper = [name for name in worn if last(name) in words.UPPER]
    if not worn and any(_kind(name) == "detail" for name in names):  # clothes with long sleeves
        found.heads["clothes"] = Head({"worn"}, bare=True)
        upper = worn = ["clothes"]
    garment = last((upper or worn or [""])[0])
    if garment not in found.heads:
        return
    for tag, adjective in DETAILS.items():
        if tag in names and (upper or tag not in OF_SLEEVES):
            found.heads[garment].modifiers.add(adjective)
            found.heads[garment].tags.append((frozenset((adjective,)), tag))


def _add_people(found: Licences, names: Sequence[str]) -> None:
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
        found.possessives |= {"its"}
        return
    if not counts:
        counts = {"other": (1, False)}
    found.alone = len(counts) == 1 and next(iter(counts.values())) == (1, False)
    if found.alone:
        (who,) = counts
        found.people = [(noun,) for noun in ONE[who]] + [("one", noun) for noun in ONE[who]]
        if "solo" in names:
            found.people += [(lone, noun) for noun in ONE[who] for lone in ("single", "lone", "solitary")]
        found.definite = [(noun,) for noun in ONE[who]]
        found.pronouns |= {"girl": {"she"}, "boy": {"he"}, "other": set()}[who]
        found.possessives |= {"girl": {"her"}, "boy": {"his"}, "other": set()}[who]
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


def _add(found: Licences, name: str) -> None:
    text = prompt_text(name).replace("_own_", "_")
    plain = " ".join(each for each in text.split() if each != "own")
    kind = _kind(name)
    if off := _taken_off(found.tags, name):
        for phrase in (f"{plain} removed", f"removed {plain}", f"unworn {plain}"):
            found.phrases.append(Phrase(_words(phrase), "other", frozenset((name, off))))
        return
    phrases = [plain, *said.SAID.get(name, ())]
    phrases += [re.sub(r"\{her\}", "", table[name]) for table in _TABLES if name in table]
    if name.startswith(("no_", "without_")):
        rest = plain.partition(" ")[2]
        phrases += [f"no {rest}", f"without {rest}", f"without any {rest}"]
    if kind == "limb" and plain.startswith(("hand ", "finger ")):
        phrases.append(f"one {plain}")
    if kind == "held":
        rest = plain.partition(" ")[2]
        phrases = [rest, *(rest.rsplit(" ", 1)[0] + " " + more if " " in rest else more for more in _called(rest))]
        found.phrases.append(Phrase(_words(plain), "doing", frozenset((name,))))
    elif kind in ("worn", "body", "thing", "place noun", "sky", "background", "detail"):
        phrases += [" ".join((*plain.split()[:-1], more)) for more in _called(plain)]
        if kind == "worn" and name.startswith("hair_"):
            phrases += [f"{plain.removeprefix('hair ')} in hair"]
    if kind in ("place", "view"):
        phrases += [more for phrase in phrases for more in _placed(phrase)]
    if name in ("hug", "kiss", "holding_hands"):
        phrases += [f"{phrase} each other" for phrase in phrases]
    if name in said.ROLES:
        for each in (plain, f"{plain} outfit", f"{plain} costume", f"{plain} uniform", f"{plain} clothes"):
            _add_phrase(found, each, "worn", name)
        found.phrases.append(Phrase(("dressed", "as", *_words(plain)), "doing", frozenset((name,))))
        found.roles[_words(plain)] = name
    for phrase in dict.fromkeys(phrases):
        for each in _variants(phrase, name):
            _add_phrase(found, each, kind, name)


def _placed(phrase: str) -> Iterable[str]:
    first, _, rest = phrase.partition(" ")
    if first == "under":
        yield from (f"beneath {rest}", f"below {rest}")
    if first in ("at", "in", "by") and rest:
        yield from (f"it is {rest}", f"during {rest}")


def _variants(phrase: str, name: str) -> Iterable[str]:
    yield phrase
    first, _, rest = phrase.partition(" ")
    if first == "looking" and name in words.FACES:
        yield from (rest, f"{rest} expression", f"{rest} look")
    if first in ("one", "visible", "a", "an") and rest:
        yield rest
    if name in words.FACES and is_verb(first):
        noun = {"smiling": "smile", "blushing": "blush", "frowning": "frown", "grinning": "grin", "winking": "wink",
                "pouting": "pout", "smirking": "smirk"}.get(first)  # fmt: skip
        if noun and rest == "lightly":
            yield f"light {noun}"
        elif noun and rest == "broadly":
            yield f"broad {noun}"
    if first in ("shown", "seen", "drawn") and rest:
        yield rest


def _add_phrase(found: Licences, phrase: str, kind: str, name: str) -> None:
    parts = _words(phrase)
    if not parts:
        return
    state = phrase in said.STATES or name in words.FACES and words.FACES[name] == f"looking {phrase}"
    if kind == "hair" and not said.PREPOSITIONS & {*parts} and not state:
        kind = "body"
    nominal = not state and kind in NOUNS
    simple = nominal and not NOT_A_MODIFIER & {*parts} and not any(is_verb(part) for part in parts)
    if kind == "face" and simple and parts[0] in ("eyes", "mouth", "lips", "cheeks", "brow"):
        simple = False
    if not simple or not parts[-1][0].isalnum():
        if kind == "thing" and parts[0] in said.PREPOSITIONS:
            kind = "place"
        found.phrases.append(Phrase(parts, "state" if state else kind, frozenset((name,))))
        return
    *before, last = parts
    for spelled in _numbers(last, kind, found.alone):
        head = found.heads.setdefault(spelled, Head())
        head.kinds.add(kind)
        head.modifiers.update(before)
        head.tags.append((frozenset(before), name))
        head.bare |= not before


def _numbers(noun: str, kind: str, alone: bool) -> list[str]:
    """A thing may be several of its kind, and what several people wear as well; what is several is never one."""
    many = kind == "thing" or not alone and kind in ("worn", "held", "body", "face")
    if not many or noun.endswith("s") or noun in words.MASS:
        return [noun]
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    if noun.endswith("f"):
        return [noun, f"{noun[:-1]}ves"]
    return [noun, f"{noun}es" if noun.endswith(("sh", "ch", "x")) else plural]


def _called(plain: str) -> tuple[str, ...]:
    return said.NOUNS.get(plain.rsplit(" ", 1)[-1], ())


def _words(phrase: str) -> tuple[str, ...]:
    return tuple(token for token in tokens_of(phrase) if token not in DETERMINERS)


_TABLES = (
    words.HAIRDOS, words.LOOKS, words.FACES, words.FEATURES, words.PHRASED, words.LIMBS, words.DETAILS,
    words.CLOTHES_NAMED, words.VIEWS, words.PLACES, words.STYLES,
)  # fmt: skip


def _kind(name: str) -> str:
    ending = last(name)
    for kind, table in (
        ("hair", words.HAIRDOS), ("face", words.FACES), ("face", words.FEATURES), ("limb", words.LIMBS),
        ("doing", words.PHRASED), ("doing", words.POSTURES), ("view", words.VIEWS), ("place", words.PLACES),
        ("style", words.STYLES), ("detail", words.DETAILS), ("body", words.LOOKS),
    ):  # fmt: skip
        if name in table:
            return kind
    if name in words.LENGTHS:
        return "body"
    if re.match(r"hands?_on_", name) or limb(name):
        return "limb"
    if name.startswith(("no_", "without_")):
        return "other"
    if re.match("holding_.", name):
        return "held"
    if is_worn(name) or not (on_body(name) or is_unworn(name)) and ending in said.WORN_TOO:
        return "worn"
    if ending in words.DETAIL_NOUNS:
        return "detail"
    if is_doing(name):
        return "doing"
    if is_unworn(name) or _is_removed(name):
        return "other"
    if is_body(name, *words.BODY) or on_body(name):
        return "body"
    if place(name):
        return "place"
    if {name, ending} & words.ROOMS:
        return "place noun"
    if ending == "sky":
        return "sky"
    if ending == "background":
        return "background"
    return "thing"


def _is_removed(name: str) -> bool:
    return name.endswith("_removed") and name.removesuffix("_removed") in words.TAKEN_OFF


def _taken_off(names: Sequence[str], name: str) -> str:
    """The tag by which a garment is not worn: `eyewear_removed`, for glasses. Empty: there is none."""
    for each in names:
        if _is_removed(each) and last(name) in words.TAKEN_OFF[each.removesuffix("_removed")] and is_worn(name):
            return each
    return ""
