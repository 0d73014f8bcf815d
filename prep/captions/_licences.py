"""What tags allow a sentence to say: nouns with their adjectives, phrases, and people."""

import re
from collections.abc import Iterable, Sequence
from itertools import permutations

from prep.captions import faithful_words as said
from prep.captions import sentence_words as words
from prep.captions._allowed import DETERMINERS, Head, Licences, Phrase, is_verb, tokens_of
from prep.captions._people import HERSELF, MOST_PEOPLE, add_people
from prep.captions._phrases import is_body, is_doing, is_unworn, is_worn, last, limb, on_body, place
from prep.captions.compose import prompt_text
from prep.captions.overlap import overlapped

NOUNS = frozenset(("worn", "body", "face", "held", "thing", "place noun", "sky", "background", "detail"))
NOT_A_MODIFIER = DETERMINERS | said.PREPOSITIONS | said.NEGATIONS
HAIRDOS = frozenset("ponytail twintails pigtails braid braids bun buns bob cut tails".split())
SHARED = frozenset("uniform uniforms swimsuit bikini kimono yukata clothes outfit costume".split())  # by several girls
OPEN_AIR = frozenset(
    "rain snow snowing sky night_sky sunlight moonlight moon full_moon sun wind rooftop balcony beach ocean sea street "
    "bridge field hill river lake nature".split()
)
EXCLUSIVE = (  # of which one person does one
    frozenset("standing sitting kneeling lying walking running jumping crouching squatting floating flying".split()),
    frozenset(("open_mouth", "closed_mouth", "parted_lips")),
    frozenset(f"looking_{way}" for way in "at_viewer away at_another to_the_side back up down".split()),
    frozenset("smile grin frown pout scowl crying angry sad serious expressionless".split()),
    frozenset(words.HAIRDOS),
)
UNPATTERNED = frozenset(
    "ribbon glasses sunglasses jewelry necklace earrings choker ring bracelet watch headphones shoes boots".split()
)
UNWORN = ("unworn_", "discarded_", "removed_", "hanging_", "folded_", "dropped_")


OF_SLEEVES = {
    "long_sleeves": "long-sleeved", "short_sleeves": "short-sleeved", "sleeveless": "sleeveless",
    "strapless": "strapless", "off_shoulder": "off-shoulder", "puffy_sleeves": "puffy-sleeved",
}  # fmt: skip
DETAILS = {
    **OF_SLEEVES, "striped": "striped", "plaid": "plaid", "frills": "frilly", "polka_dot": "polka-dot",
    "floral_print": "floral-print",
}  # fmt: skip


def licences(tags: Sequence[str]) -> Licences:
    """tags: Danbooru's names with underscores."""
    names = tuple(dict.fromkeys("_".join(tag.lower().replace("\\", "").split()) for tag in tags))
    names = tuple(name for name in names if name)
    found = Licences(names)
    add_people(found, names)
    for name in names:
        if name not in found.counted or name == "solo":
            _add(found, name)
    for pair, phrases in said.PAIRS.items():
        if {*pair} <= {*names}:
            found.phrases += [
                Phrase(each, "doing", frozenset(pair)) for phrase in phrases for each in _filmed(phrase.split(), names)
            ]
    if {"simple_background", "white_background"} <= {*names}:
        found.heads["background"].modifiers.add("blank")
    if any(name in words.HAIRDOS for name in names):
        found.heads.setdefault("hair", Head({"body"})).bare = True
    if hair := found.heads.get("hair"):  # a brown ponytail; short hair may have a long braid
        coloured = [(modifiers, tag) for modifiers, tag in hair.tags if modifiers & words.COLOURS]
        for hairdo in {head for head in found.heads if head in HAIRDOS} if len(coloured) == 1 else ():
            ((colour, tag),) = coloured
            found.heads[hairdo].modifiers |= colour
            found.heads[hairdo].tags.append((colour, tag))
            found.heads[hairdo].by_kind.setdefault("body", set()).update(colour)
    _add_details(found, names)
    _only_together(found)
    for phrase in found.phrases:
        found.known.update(phrase.words)
    for head, each in found.heads.items():
        found.known |= {head, *each.modifiers}
        found.modifiers |= each.modifiers
    return found


def _add_details(found: Licences, names: Sequence[str]) -> None:
    """Sleeves as adjectives of the garment to which the grammar gives them; frills and patterns of the only one."""
    doubled = overlapped([*names])
    worn = [name for name in names if name not in doubled and is_worn(name)]
    upper = [name for name in worn if last(name) in words.UPPER]
    if not worn and any(_kind(name) == "detail" for name in names):  # clothes with long sleeves
        found.heads["clothes"] = Head({"worn"}, bare=True)
        upper = worn = ["clothes"]
    garment = last((upper or worn or [""])[0])
    if garment not in found.heads:
        return
    only = len({*map(last, worn)} - UNPATTERNED - {garment}) == 0
    elsewhere = {each for head in found.heads.values() for each in head.by_kind.get("worn", ())}
    for tag, adjective in DETAILS.items():
        if tag in names and adjective not in elsewhere and (upper if tag in OF_SLEEVES else only):
            found.heads[garment].modifiers.add(adjective)
            found.heads[garment].tags.append((frozenset((adjective,)), tag))
            found.heads[garment].by_kind.setdefault("worn", set()).add(adjective)


def _only_together(found: Licences) -> None:
    """Of several people, some sit and some stand: `sitting and standing`, and never one of both."""
    for group in EXCLUSIVE if found.people and not found.alone else ():
        names = [name for name in found.tags if name in group and name not in overlapped(list(found.tags))]
        if len(names) < 2:
            continue
        for name, head in [*found.heads.items()]:
            left = [(modifiers, tag) for modifiers, tag in head.tags if tag not in names]
            if head.tags and not left:
                del found.heads[name]
            head.tags = left
        kinds = {tag: phrase.kind for phrase in found.phrases for tag in phrase.tags}
        found.phrases = [phrase for phrase in found.phrases if not phrase.tags & {*names}]
        for order in permutations(names[:MOST_PEOPLE]):
            *first, final = (_words(_in_words(name)) for name in order)
            joined = [word for each in first for word in (*each, ",")][:-1]
            found.phrases.append(Phrase((*joined, "and", *final), kinds.get(order[0], "doing"), frozenset(order)))


def _in_words(name: str) -> str:
    table = next((table for table in _TABLES if name in table), {})
    return table.get(name, prompt_text(name)).replace("{her}", "")


def _add(found: Licences, name: str) -> None:
    text = prompt_text(name).replace("_own_", "_")
    plain = " ".join(each for each in text.split() if each != "own")
    kind = _kind(name)
    if kind == "sky" and "indoors" in found.tags:  # seen through a window
        kind = "thing"
    if off := _taken_off(found.tags, name):
        for phrase in (f"{plain} removed", f"removed {plain}", f"unworn {plain}"):
            found.phrases.append(Phrase(_words(phrase), "other", frozenset((name, off))))
        return
    phrases = [plain, *said.SAID.get(name, ())]
    phrases += [re.sub(r"\{her\}", "", table[name]) for table in _TABLES if name in table]
    if name in OPEN_AIR and "indoors" in found.tags:  # it is behind the window
        phrases = [each for each in phrases if each.split()[0] not in said.PREPOSITIONS]
    if name == "solo":
        alone = [("by", HERSELF[found.pronoun][1]), *(("on", each, "own") for each in found.possessives)]
        found.phrases += [Phrase(each, "state", frozenset((name,))) for each in alone]
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
    if name in said.BEINGS and not _of_another(found, name):
        found.roles[_words(plain)] = name
    if name in said.ROLES and not _of_another(found, name):
        for each in (f"{plain} outfit", f"{plain} costume", f"{plain} uniform", f"{plain} clothes"):
            _add_phrase(found, each, "worn", name)
        found.phrases.append(Phrase(("dressed", "as", *_words(plain)), "doing", frozenset((name,))))
        found.roles[_words(plain)] = name
    for phrase in dict.fromkeys(phrases):
        for each in _variants(phrase, name):
            is_somebody = phrase == plain and name in said.ROLES | said.BEINGS  # who is no thing beside the girl
            _add_phrase(found, each, "role" if is_somebody else kind, name)


def _of_another(found: Licences, name: str) -> bool:
    """A girl is no king."""
    if name.endswith("_girl") or name in ("princess", "queen", "policewoman", "office_lady", "mermaid"):
        return found.pronoun == "he"
    return name in ("prince", "king") and found.pronoun == "she"


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
    found.phrases += [Phrase(each, kind, frozenset((name,))) for each in _filmed(parts, found.tags)[1:]]
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
    for spelled in _numbers(last, kind, found):
        head = found.heads.setdefault(spelled, Head())
        head.kinds.add(kind)
        head.modifiers.update(before)
        head.by_kind.setdefault(kind, set()).update(before)
        head.tags.append((frozenset(before), name))
        head.bare |= not before


def _filmed(parts: Sequence[str], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Also with the camera in the viewer's place, unless a tag has a camera that is a thing."""
    same = [tuple(parts)]
    if "viewer" not in parts or any("camera" in name for name in names):
        return same
    return [*same, tuple("camera" if part == "viewer" else part for part in parts)]


def _numbers(noun: str, kind: str, found: Licences) -> list[str]:
    """A thing may be several of its kind, and what several people wear alike as well; what is several is never one."""
    alike_on_all = noun == "uniform" if found.mixed else noun in SHARED
    many = kind == "thing" or not found.alone and kind == "worn" and alike_on_all
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
    if name.startswith(UNWORN) and not is_unworn(name):
        return "thing"
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
