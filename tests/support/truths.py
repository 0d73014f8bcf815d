"""Pictures that nobody drew, as tags, with sentences that are true of them and sentences that are not.

It has word lists of its own, and knows nothing of how prep reads sentences.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

COLOURS = "red blue green yellow purple pink black white orange brown grey".split()
HAIR = "blonde black brown red blue pink silver white green purple orange".split()
WORN = (
    "dress shirt skirt jacket coat sweater hoodie kimono apron cape scarf hat beret ribbon necktie vest blouse cloak "
    "cardigan bikini".split()
)
PLURAL = "gloves boots shorts pants socks shoes thighhighs mittens sandals".split()
HELD = "book sword umbrella flower cup phone microphone guitar bottle flag".split()
THINGS = "chair desk window tree lamp cat dog bench statue vase clock mirror pillow bicycle".split()
ROOMS = "classroom kitchen library forest bedroom cafe garden hallway city".split()
SPOTS = {"beach": "on a beach", "street": "on a street", "rooftop": "on a rooftop", "stage": "on a stage"}
TIMES = {"night": "at night", "sunset": "at sunset", "day": "by day", "rain": "in the rain"}
POSTURES = {
    "standing": ("standing", "stands"), "sitting": ("sitting", "sits"), "kneeling": ("kneeling", "kneels"),
    "walking": ("walking", "walks"), "running": ("running", "runs"),
}  # fmt: skip
FACES = {
    "smile": ("smiling", "smiles"), "blush": ("blushing", "blushes"), "crying": ("crying", "cries"),
    "grin": ("grinning", "grins"), "frown": ("frowning", "frowns"),
}  # fmt: skip
MOUTHS = {"open_mouth": ("an open mouth", "mouth", "open"), "closed_mouth": ("a closed mouth", "mouth", "closed")}
LIMBS = {
    "arms_behind_back": ("arms", "behind {her} back"), "crossed_arms": ("arms", "crossed"),
    "arms_up": ("arms", "up"), "hands_in_pockets": ("hands", "in {her} pockets"),
}  # fmt: skip
LOOKS = {"looking_at_viewer": ("looking at the viewer", "looks at the viewer")}
VIEWS = {
    "upper_body": "from the waist up", "cowboy_shot": "from the thighs up", "full_body": "from head to toe",
    "from_side": "from the side", "from_above": "from above", "from_below": "from below",
}  # fmt: skip
HAIRDOS = {"ponytail": "in a ponytail", "twintails": "in twintails", "twin_braids": "in twin braids"}
BESIDE = ("on", "under", "behind", "beside", "in front of", "near", "with a hand on")
INVENTED = (
    "beautiful happy magical ancient golden shiny elegant gentle mysterious cheerful tiny huge wooden leather silk "
    "glowing broken old young crowded quiet dramatic soft warm cosy bright".split()
)
THINGS_INVENTED = (
    "a dragon, a castle, a pair of sunglasses, a backpack, a necklace, a crowd, a rainbow, a sword-shaped pendant, "
    "a teapot, a snowman, a bicycle rack, some fireworks, a piano, a lantern, a wolf, a bouquet, earrings, wings, "
    "a tail, a crown, a bandage, candles, a boat, a bridge, fallen leaves".split(", ")
)
AFTER = (
    "with a gentle breeze in her hair, as if waiting for somebody, in a dreamy mood, bathed in golden light, "
    "with mountains in the distance, enjoying the moment, lost in thought, near a fountain, beside a friend, "
    "next to a wall, in front of a shop, at a party, on a summer morning, in the style of an old film, "
    "with confidence, looking at the sky, ready for battle, during a festival, in a crowded room".split(", ")
)


@dataclass
class Scene:
    her: str = "her"
    she: str = "she"
    who: str = "girl"
    people: int = 1
    hair: list[str] = field(default_factory=list)  # length, colour
    hairdo: str = ""
    eyes: str = ""
    worn: list[tuple[str, str]] = field(default_factory=list)  # colour or nothing, noun
    held: str = ""
    things: list[str] = field(default_factory=list)
    place: str = ""
    time: str = ""
    posture: str = ""
    face: str = ""
    mouth: str = ""
    limb: str = ""
    look: str = ""
    view: str = ""
    solo: bool = False

    @property
    def tags(self) -> list[str]:
        found = [f"{self.people}{self.who}" + ("s" if self.people > 1 else "")] + ["solo"] * self.solo
        found += [f"{each}_hair" for each in self.hair] + [self.hairdo] * bool(self.hairdo)
        found += [f"{self.eyes}_eyes"] * bool(self.eyes)
        found += [f"{colour}_{noun}" if colour else noun for colour, noun in self.worn]
        found += [f"holding_{self.held}"] * bool(self.held)
        each = (self.posture, self.face, self.mouth, self.limb, self.look, self.view, self.place, self.time)
        return found + [tag for tag in each if tag] + self.things


class Claim(NamedTuple):
    tags: tuple[str, ...]
    dropped: frozenset[str]
    text: str
    kind: str  # `true`, or what is wrong with it


def scene(dice: random.Random) -> Scene:
    who = dice.choice(("girl", "girl", "girl", "boy"))
    found = Scene(who=who, her="her" if who == "girl" else "his", she="she" if who == "girl" else "he")
    found.hair = [*dice.sample(("long", "short"), dice.random() < 0.6), *dice.sample(HAIR, dice.random() < 0.85)]
    found.hairdo = dice.choice(("", "", *HAIRDOS)) if found.hair else ""
    found.eyes = dice.choice(("", *COLOURS))
    nouns = dice.sample(WORN, dice.choice((1, 1, 2))) + dice.sample(PLURAL, dice.choice((0, 1)))
    found.worn = [(dice.choice(("", *COLOURS)), noun) for noun in nouns]
    found.held = dice.choice(("", "", *HELD))
    found.things = dice.sample(THINGS, dice.choice((0, 0, 1, 2)))
    found.place = dice.choice(("", *ROOMS, *SPOTS))
    found.time = dice.choice(("", "", *TIMES))
    found.posture = dice.choice(("", *POSTURES))
    found.face = dice.choice(("", *FACES))
    found.mouth = dice.choice(("", "", *MOUTHS))
    found.limb = "" if found.held else dice.choice(("", *LIMBS))
    found.look = dice.choice(("", *LOOKS))
    found.view = dice.choice(("", "", *VIEWS))
    found.solo = dice.random() < 0.5
    return found


def a(noun: str) -> str:
    return noun if noun.split()[-1] in PLURAL else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def listed(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def tell(found: Scene, dice: random.Random) -> str:
    """A true text, in one of many forms."""
    her, starts, subject = found.her, found.she.capitalize(), a(found.who)
    doing, saying = [], []  # participles, and verbs
    for tag, table in ((found.posture, POSTURES), (found.face, FACES), (found.look, LOOKS)):
        if tag:
            doing.append(table[tag][0])
            saying.append(table[tag][1])
    if found.held:
        doing.append(f"holding {a(found.held)}")
        saying.append(f"holds {a(found.held)}")
    if found.limb:
        noun, where = LIMBS[found.limb]
        said = f"with {her} {noun} {where.format(her=her)}"
        if doing:
            doing[-1] += f" {said}" if not found.held else ""
            saying[-1] += f" {said}"
        else:
            doing, saying = [f"shown {said}"], [f"is shown {said}"]
    looks = []
    if found.hair:
        looks.append(" ".join([*found.hair, "hair", HAIRDOS.get(found.hairdo, "")]).strip())
    looks += [f"{found.eyes} eyes"] * bool(found.eyes)
    looks += [MOUTHS[found.mouth][0]] if found.mouth else []
    clothes = [a(f"{colour} {noun}".strip()) for colour, noun in found.worn]
    where = SPOTS.get(found.place) or (f"in a {found.place}" if found.place else "")
    when = TIMES.get(found.time, "")
    view = f"{dice.choice(('seen', 'shown'))} {VIEWS[found.view]}" if found.view else ""
    things = [a(each) for each in found.things]
    alone = "alone" if found.solo else ""
    wears = dice.choice(("is wearing", "wears", "is dressed in", "has on"))
    form = dice.randrange(6)
    if form == 0:
        head = f"{a(found.who).capitalize()}" + (f" with {listed(looks)}" if looks else "")
        parts = [f"wearing {listed(clothes)}", *doing]
        text = f"{head} is {listed(parts)}" + "".join(f", {each}" for each in (where, when, view) if each) + "."
        end = f" There {'are' if len(things) > 1 else 'is'} {listed(things)}." if things else ""
        return text + end
    if form == 1:
        begin = ", ".join(filter(None, (when.capitalize(), where))) if when else where.capitalize()
        text = f"{begin}, {subject}" if begin else subject.capitalize()
        text += f" {wears} {listed(clothes)}"
        text += "."
        if looks:
            text += f" {starts} has {listed(looks)}."
        if saying:
            text += f" {starts} {listed(saying)}."
        if things:
            text += f" {listed(things).capitalize()} {'are' if len(things) > 1 else 'is'} visible."
        return text + (f" {starts} is {view}." if view else "")
    if form == 2:
        text = (
            f"In {listed(clothes)}, {subject}"
            if dice.random() < 0.5
            else f"{subject.capitalize()} in {listed(clothes)}"
        )
        text += f" is {listed(doing)}" if doing else " is shown"
        text += f" {where}" if where else ""
        text += f" {when}" if when else ""
        text += "."
        if found.hair:
            text += f" {her.capitalize()} hair is {listed(found.hair)}"
            text += f" and {HAIRDOS[found.hairdo]}." if found.hairdo else "."
        if found.eyes:
            text += f" {her.capitalize()} eyes are {found.eyes}."
        if found.mouth:
            text += f" {her.capitalize()} mouth is {MOUTHS[found.mouth][2]}."
        if things:
            text += f" There {'are' if len(things) > 1 else 'is'} {listed(things)}."
        return text + (f" {starts} is {view}." if view else "")
    if form == 3:
        be = "are" if len(clothes) > 1 or clothes[0].split()[-1] in PLURAL else "is"
        text = f"{listed(clothes).capitalize()} {be} worn by {subject}" + (f" with {listed(looks)}." if looks else ".")
        if saying:
            text += f" {starts} {listed(saying)}" + (f", {where}" if where else "") + (f", {when}." if when else ".")
        elif where or when:
            text += f" {starts} is {' '.join(filter(None, (where, when)))}."
        text += f" {listed(things).capitalize()} {'are' if len(things) > 1 else 'is'} present." if things else ""
        return text + (f" {starts} is {view}." if view else "")
    if form == 4:
        text = f"{view.capitalize()}, {subject}" if view else subject.capitalize()
        text += f" {dice.choice(('is', 'is shown'))} {alone}".rstrip() if alone else " is shown"
        text += f" {where}" if where else ""
        text += f" {when}" if when else ""
        text += f", {listed(doing)}." if doing else "."
        text += f" {starts} {wears} {listed(clothes)}"
        text += f", and {found.she} has {listed(looks)}." if looks else "."
        return text + (f" There {'are' if len(things) > 1 else 'is'} {listed(things)}." if things else "")
    colour = next((each for each in found.hair if each in HAIR), "")
    before = [f"{colour}-haired"] * bool(colour) + [f"{found.eyes}-eyed"] * bool(found.eyes)
    text = f"{a(' '.join([', '.join(before), found.who]).strip()).capitalize()}"
    text += f" {listed(saying)}" if saying else " is shown"
    text += f" {where}" if where else ""
    text += f" {when}" if when else ""
    text += f", wearing {listed(clothes)}."
    rest = [each for each in found.hair if each != colour]
    text += f" {her.capitalize()} {rest[0]} hair is {HAIRDOS[found.hairdo]}." if rest and found.hairdo else ""
    text += f" {her.capitalize()} hair is {rest[0]}." if rest and not found.hairdo else ""
    text += f" {her.capitalize()} hair is {HAIRDOS[found.hairdo]}." if found.hairdo and not rest else ""
    text += f" {her.capitalize()} mouth is {MOUTHS[found.mouth][2]}." if found.mouth else ""
    text += f" There {'are' if len(things) > 1 else 'is'} {listed(things)}." if things else ""
    return text + (f" {starts} is {view}." if view else "")


def truths(dice: random.Random) -> Iterator[Claim]:
    """Without an end."""
    of_two = pairs(dice)
    while True:
        found = scene(dice)
        yield Claim(tuple(found.tags), frozenset(), tell(found, dice), "true")
        if dice.random() < 0.1:
            tags, true, _ = next(of_two)
            yield Claim(tags, frozenset(), true, "true")


def pairs(dice: random.Random) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(tags, a true text, a text that says of one of two people what the tags say of the picture), without an end."""
    while True:
        mixed = dice.random() < 0.5
        people = ["1girl", "1boy"] if mixed else ["2girls"]
        said = dice.choice(("a girl and a boy", "a boy and a girl")) if mixed else "two girls"
        one, other = ("the girl", "the boy") if mixed else ("one girl", "the other")
        (hair, second), colour, noun = dice.sample(HAIR, 2), dice.choice(COLOURS), dice.choice(WORN)
        held, room, face = dice.choice(HELD), dice.choice(ROOMS), dice.choice([*FACES])
        tags = [*people, f"{hair}_hair", f"{second}_hair", f"{colour}_{noun}", f"holding_{held}", face, room]
        doing = FACES[face][0]
        true = (
            f"{said.capitalize()} with {hair} and {second} hair are {doing} in a {room}. "
            f"They wear {a(f'{colour} {noun}')} and hold {a(held)}."
        )
        clauses = [
            f"{one} has {hair} hair and {other} has {second} hair", f"{one} wears {a(f'{colour} {noun}')}",
            f"{one} is holding {a(held)} while {other} is {doing}", f"{one} is {doing}", f"{other} holds {a(held)}",
            f"{one} with {hair} hair is in {a(f'{colour} {noun}')}", f"her hair is {hair}", f"she is {doing}",
            f"the {hair}-haired one holds {a(held)}", f"{hair} hair belongs to {one}", f"he has {second} hair",
        ]  # fmt: skip
        first = f"{said.capitalize()} with {hair} and {second} hair are {doing} in a {room}"
        ends = [f"{first}, and {clause}." for clause in clauses] + [f"{true} {each.capitalize()}." for each in clauses]
        ends += [true.replace(said.capitalize(), f"{one.capitalize()}"), true.replace("They wear", "She wears")]
        apart = (
            f"A girl with {hair} hair and a boy with {second} hair" if mixed else f"A girl with {hair} hair and another"
        )
        ends.append(true.replace(f"{said.capitalize()} with {hair} and {second} hair", apart))
        yield tuple(tags), true, dice.choice(ends)


def of_one(dice: random.Random) -> Iterator[Claim]:
    """Who has what, where the tags do not say it."""
    for tags, _, false in pairs(dice):
        yield Claim(tags, frozenset(), false, "who")


def of_traits(dice: random.Random) -> Iterator[Claim]:
    """True texts that say what the trigger word is to learn."""
    while True:
        found = scene(dice)
        dropped = frozenset(tag for tag in found.tags if tag.endswith(("_hair", "_eyes")))
        text = tell(found, dice)
        if re.search(r"\bhair\b|\beyes\b|-haired|-eyed", text) and dropped:
            yield Claim(tuple(tag for tag in found.tags if tag not in dropped), dropped, text, "pruned traits")


# What makes a true text false; None: this text has no place for it.
Spoil = Callable[[str, Scene, random.Random], str | None]


def swapped(text: str, found: Scene, dice: random.Random) -> str | None:
    """Two colours change places, or one becomes another."""
    places = [match for match in re.finditer(r"\b[a-z]+\b", text) if match[0] in {*COLOURS, *HAIR}]
    pairs = [(one, other) for one in places for other in places if one.start() < other.start() and one[0] != other[0]]
    if pairs and dice.random() < 0.6:
        one, other = dice.choice(pairs)
        begin, between, end = text[: one.start()], text[one.end() : other.start()], text[other.end() :]
        return begin + other[0] + between + one[0] + end
    if not places:
        return None
    one = dice.choice(places)
    new = dice.choice([colour for colour in COLOURS if colour != one[0]])
    return text[: one.start()] + new + text[one.end() :]


def negated(text: str, found: Scene, dice: random.Random) -> str | None:
    colour, noun = dice.choice(found.worn)
    whole = f"{colour} {noun}".strip()
    ways = [
        (rf"\b(?:an? )?{whole}\b", f"no {whole}"), (r"\b(is|are) ", r"\1 not "), (r"\bis wearing\b", "is not wearing"),
        (r"\bwears\b", "does not wear"), (r"\bwith\b", "without"), (r"\bThere is\b", "There is no"),
        (r"\bhas\b", "lacks"),
        (r"\bin (an?)\b", r"not in \1"), (r"\.$", f" but no {dice.choice(HELD)}."), (r"\.$", ", without any shoes."),
        (r"\bis\b", "isn't"), (r"\bholding an?\b", "holding no"), (r"\bwearing\b", "never wearing"),
    ]  # fmt: skip
    return _one_of(ways, text, dice)


def related(text: str, found: Scene, dice: random.Random) -> str | None:
    """Another who, whom, on, under, behind."""
    thing = dice.choice(found.things or ["chair"])
    colour, noun = dice.choice(found.worn)
    posture = POSTURES.get(found.posture, ("standing", ""))[0]
    ways = [
        (rf"\b{posture}\b", f"{posture} {dice.choice(BESIDE)} a {thing}"),
        (rf"\bholding an? {found.held or 'zzz'}\b", f"wearing {a(found.held or 'book')}"),
        (rf"\bholding an? {found.held or 'zzz'}\b", f"holding {a(noun)}"),
        (rf"\bholding an? {found.held or 'zzz'}\b", f"holding {a(thing)}"),
        (r"\bwearing\b", "holding"), (r"\bwears\b", "holds"), (r"\bbehind (her|his) back\b", r"behind \1 head"),
        (r"\bbehind (her|his) back\b", r"in front of \1 chest"), (r"\bcrossed\b", "behind a chair"),
        (r"\bat the viewer\b", f"at the {thing}"), (r"\bsmiling\b", f"smiling at the {thing}"),
        (r"\bin a (classroom|kitchen|library|forest|bedroom|cafe|garden|hallway|city)\b", r"outside a \1"),
        (r"\bin a (classroom|kitchen|library|forest|bedroom|cafe|garden|hallway|city)\b", r"on a \1"),
        (r"\bon a (beach|street|rooftop|stage)\b", r"under a \1"), (r"\bworn by\b", "held by"),
        (rf"^({'A' if found.who else ''} ?{found.who})\b", rf"A {thing} with \1"),
        (rf"\b(she|he|A {found.who}) (?=is|wears|has)", f"The {thing} "), (r"\b(She|He)\b", f"The {thing}"),
        (r"\.$", f". The {thing} is {FACES.get(found.face, ('smiling',))[0]}."),
        (r"\.$", f". The {thing} wears {a(noun)}."), (r"\.$", f", with a {thing} holding {a(found.held or 'book')}."),
        (r"\.$", f", with a {thing} in {a(f'{colour} {noun}'.strip())}."), (r"\bfrom above\b", "from below"),
        (r"\bfrom below\b", "from above"), (r"\bfrom the side\b", "from behind"), (r"\bup\b", "down"),
        (r"\bin (her|his) pockets\b", r"on \1 hips"), (r"\b(Her|His) hair is\b", f"The {thing} is"),
    ]  # fmt: skip
    return _one_of([way for way in ways if not (way[1].startswith("A ") and not found.things)], text, dice)


def miscounted(text: str, found: Scene, dice: random.Random) -> str | None:
    many = dice.choice(("two", "three", "several", "four", "many"))
    other = "boy" if found.who == "girl" else "girl"
    person = rf"\b[Aa](?: [a-z]+-haired,?)?(?: [a-z]+-eyed)? {found.who}\b"
    thing = dice.choice(found.things or [found.held or "cat"])
    ways = [
        (person, f"{many} {found.who}s"), (person, f"a {found.who} and a {other}"), (person, f"a {other}"),
        (person, f"one of the {found.who}s"), (person, f"a {found.who} with another {found.who}"),
        (rf"\ban? {thing}\b", f"{many} {thing}s"), (r"\.$", f". Another {found.who} is there."),
        (r"\.$", ", with a friend."), (r"\.$", f". A {found.who} is {POSTURES.get(found.posture, ('standing',))[0]}."),
        (r"\b(She|He)\b", "They both"), (r"\b(She|He)\b", "One of them"),
        (r"\b(She|He)\b", "He" if found.she == "she" else "She"),
        (r"\bhair\b", "hair and three tails"), (r"\beyes\b", "eye"),
        (rf"\ban? ((?:{'|'.join(COLOURS)}) )?({'|'.join(WORN)})\b", r"two \1\2s"),
    ]  # fmt: skip
    return _one_of(ways, text, dice)


def invented(text: str, found: Scene, dice: random.Random) -> str | None:
    colour, noun = dice.choice(found.worn)
    thing, word, after = dice.choice(THINGS_INVENTED), dice.choice(INVENTED), dice.choice(AFTER)
    ways = [
        (r"\.$", f", with {thing}."), (r"\.$", f". There is {thing}."), (r"\.$", f", {after}."),
        (rf"\b{noun}\b", f"{word} {noun}"), (rf"\b{found.who}\b", f"{found.who}, {word},"),
        (r"\bhair\b", f"{word} hair"),
        (r"\bwearing\b", f"wearing {thing},"), (r"\bis\b", f"is {word} and"), (r"\beyes\b", f"{word} eyes"),
        (r"\.$", f" and {thing}."), (rf"\b([Aa]) {found.who}\b", rf"\1 {word} {found.who}"),
        (r"\b(smiling|standing|sitting|walking)\b", rf"\1 {dice.choice(('happily', 'calmly', 'proudly', 'shyly'))}"),
        (r"\bin an?\b", f"in {thing} in a"),
    ]  # fmt: skip
    return _one_of(ways, text, dice)


def _one_of(ways: list[tuple[str, str]], text: str, dice: random.Random) -> str | None:
    for pattern, new in dice.sample(ways, len(ways)):
        places = list(re.finditer(pattern, text))
        if places:
            place = dice.choice(places)
            spoiled = text[: place.start()] + place.expand(new) + text[place.end() :]
            return spoiled[0].upper() + spoiled[1:]
    return None


SPOILS: dict[str, Spoil] = {
    "swapped colours": swapped, "negations": negated, "relations": related, "counts": miscounted, "invented": invented,
}  # fmt: skip


KINDS = [*SPOILS, "who", "pruned traits"]


def falsehoods(kind: str, dice: random.Random, told: Callable[[Scene, random.Random], str] = tell) -> Iterator[Claim]:
    """Without an end. kind: one of KINDS. told: who writes the true text that is spoiled."""
    if kind not in SPOILS:
        yield from (of_one if kind == "who" else of_traits)(dice)
    while True:
        found = scene(dice)
        text = told(found, dice)
        spoiled = SPOILS[kind](text, found, dice)
        if spoiled and spoiled != text:
            yield Claim(tuple(found.tags), frozenset(), spoiled, kind)


def by_hand() -> Iterator[Claim]:
    """True sentences as a person writes them: tests/captions/paraphrases.txt."""
    lines = (Path(__file__).parent.parent / "captions" / "paraphrases.txt").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    for tags, text in zip(lines[::2], lines[1::2], strict=True):
        yield Claim(tuple(tags.split()), frozenset(), text.strip(), "true")
