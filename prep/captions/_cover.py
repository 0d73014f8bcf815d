"""Reading a sentence word by word, by what tags allow: each word must belong to an allowed phrase or join two of them.

Several readings are followed at once; a reading is a State. One that reaches the end means that all is allowed.
"""

from collections.abc import Iterator
from typing import NamedTuple

from prep.captions._licences import DETERMINERS, Head, Licences, Phrase, alike, matches, stem
from prep.captions.faithful_words import PREPOSITIONS

BE = frozenset("is are was were being be".split())
HAVE = frozenset("has have having with".split())
WEAR = frozenset("wears wear wearing sports sporting".split())
HOLD = frozenset("holds hold holding".split())
UNDER, AGAINST = frozenset("under beneath below".split()), frozenset("against before on".split())
SHOWN = frozenset("shown seen visible viewed pictured framed depicted portrayed drawn present captured".split())
POSED = frozenset("keeping keeps keep holding holds hold placing places putting puts has have having with".split())
TIED = frozenset("tied styled worn arranged done gathered set pulled put up back".split())
WHILE, AND, FREE = frozenset("while as and".split()), frozenset(("and", "but", "plus")), frozenset(("also", "too"))
INTRODUCING = DETERMINERS | TIED | POSED | SHOWN | {"both"}
CLAUSES = frozenset(("start", "", "with", "wear", "hold", "in", "under", "mods", "be"))  # may end behind a comma
ACCEPTS = {
    "there": frozenset("worn body face thing sky background detail".split()) | {"place noun"},
    "with": frozenset("worn body face held thing sky background detail".split()),
    "wear": frozenset("worn face".split()),
    "in": frozenset(("worn", "place noun")),
    "hold": frozenset(("held",)),
    "under": frozenset(("sky",)),
    "against": frozenset(("background",)),
}
NOMINATIVE = frozenset("worn body face held sky background thing detail".split())  # may begin a clause
OF_A_PERSON = frozenset("worn body face".split())
VERBAL = frozenset("doing limb face state".split())
LONGEST = 10  # words of a noun with its adjectives
ON_FACE = ("on", "face")
NOBODY: frozenset[str] = frozenset()


class State(NamedTuple):
    governs: str = "start"  # what the next noun depends on: with, wear, hold, ...; be, mods; empty: nothing
    needs: bool = False  # that word has no noun yet
    who: bool = False  # the clause is about the people
    about: frozenset[str] = NOBODY  # nouns that the clause is about: `her hair and eyes`
    last: str = ""  # the last noun, whose adjectives may follow
    fresh: bool = True  # behind a comma or `and`, or at the beginning
    named: bool = False  # the people have been named
    guest: bool = False  # the last noun is neither the people nor theirs: what follows might be about it


class Reading(NamedTuple):
    whole: bool
    said: frozenset[str]  # tags
    at: int  # the first word that no reading gets past


def read(tokens: list[str], allowed: Licences) -> Reading:
    phrases = allowed.by_first()
    reached: list[dict[State, frozenset[str]]] = [{} for _ in range(len(tokens) + 1)]
    reached[0][State()] = NOBODY
    furthest = 0
    for at in range(len(tokens)):
        for state, said in reached[at].items():
            for to, following, more in _steps(tokens, at, state, allowed, phrases):
                found = said | more
                if len(found) >= len(reached[to].get(following, NOBODY)):
                    reached[to][following] = found
                furthest = max(furthest, to)
    ends = [said for state, said in reached[-1].items() if state.governs == "start"]  # behind a full stop
    return Reading(bool(ends), max(ends, key=len, default=NOBODY), furthest)


Step = tuple[int, State, frozenset[str]]


def _steps(
    tokens: list[str], at: int, state: State, allowed: Licences, phrases: dict[str, list[Phrase]]
) -> Iterator[Step]:
    token = tokens[at]
    if not state.needs:
        yield from _joints(token, at, state, allowed)
    yield from _people(tokens, at, state, allowed)
    yield from _verbs(tokens, at, state, allowed)
    yield from _nouns(tokens, at, state, allowed)
    yield from _adjectives(tokens, at, state, allowed)
    yield from _phrases(tokens, at, state, allowed, phrases)


def _joints(token: str, at: int, state: State, allowed: Licences) -> Iterator[Step]:
    if token in (".", ";", "!"):
        yield at + 1, State(named=state.named), NOBODY
    elif token in (",", ":", *AND) and not (token == ":" and state.governs == "also"):
        yield at + 1, state._replace(fresh=True, guest=False), NOBODY
        if state.about and state.who:
            yield at + 1, state._replace(fresh=True, guest=False, about=NOBODY, last=""), NOBODY
    elif token in FREE or token == "both" and ("both",) in allowed.definite:
        yield at + 1, state, NOBODY
        if token == "also":
            yield at + 1, state._replace(governs="also", fresh=True), NOBODY
    elif token == ":" and state.governs == "also":
        yield at + 1, state._replace(governs="with"), NOBODY
    if token in WHILE and token != "and":
        yield at + 1, state._replace(governs="", fresh=True, about=NOBODY, last="", guest=False), NOBODY
        yield at + 1, State("", named=state.named), NOBODY
    if token in ("who", "that", "which") and not state.fresh:
        if state.last:
            yield at + 1, state._replace(governs="", about=frozenset((state.last,)), fresh=True), NOBODY
        elif state.who and not state.governs:
            yield at + 1, state._replace(fresh=True), NOBODY


def _people(tokens: list[str], at: int, state: State, allowed: Licences) -> Iterator[Step]:
    token = tokens[at]
    begins = state.fresh and not state.needs
    subject = state._replace(
        governs="", needs=False, who=True, about=NOBODY, last="", fresh=False, named=True, guest=False
    )
    if begins and token in allowed.pronouns:
        yield at + 1, subject, NOBODY
    by = state.governs in ("by", "there") and state.needs
    to, said, definite = at, NOBODY, False
    if tokens[to] in ("a", "an", "the", "this"):
        definite = tokens[to] in ("the", "this")
        to += 1
    if by and token in ("her", "him", "them"):
        yield at + 1, state._replace(governs="", needs=False), NOBODY
    if not (by or begins and not state.who):
        return
    if state.governs not in ("start", "", "there", "by") and not state.fresh:
        return
    for to, said in list(_before_people(tokens, to, allowed)):  # noqa: B020
        for words in allowed.people if not (state.named and not definite) else ():
            if tuple(tokens[to : to + len(words)]) == words or _with_articles(tokens, to, words):
                end = _end(tokens, to, words)
                more = said | allowed.counted - {"solo"}
                solo = NOBODY if allowed.alone is False or "solo" not in allowed.tags else frozenset(("solo",))
                yield end, subject, more | solo
        for words, tag in allowed.roles.items() if allowed.alone else ():
            if tuple(tokens[to : to + len(words)]) == words and (definite or not state.named):
                yield to + len(words), subject, said | allowed.counted | {tag}
        if definite or tokens[at] == "both":
            for words in allowed.definite if state.named or allowed.alone else ():
                if tuple(tokens[to : to + len(words)]) == words:
                    end = to + len(words)
                    yield end, subject, said
    if token == "scene" or tokens[at : at + 2] in (["a", "scene"], ["the", "scene"]):
        end = at + 1 + (token != "scene")
        if not by:
            yield end, state._replace(governs="", fresh=False, guest=True), NOBODY
            for words in (("is", "set"), ("takes", "place")):
                if tuple(tokens[end : end + 2]) == words:
                    yield end + 2, state._replace(governs="", fresh=True), NOBODY


def _with_articles(tokens: list[str], at: int, words: tuple[str, ...]) -> bool:
    return len(words) > 1 and _end(tokens, at, words) > at


def _end(tokens: list[str], at: int, words: tuple[str, ...]) -> int:
    """Where these words end, with articles between them; at itself: they are not here."""
    to = at
    for number, word in enumerate(words):
        if number and to < len(tokens) and tokens[to] in ("a", "an", "one") and words[number - 1] in ("and", "of"):
            to += 1
        if to >= len(tokens) or tokens[to] != word:
            return at
        to += 1
    return to


def _before_people(tokens: list[str], at: int, allowed: Licences) -> Iterator[tuple[int, frozenset[str]]]:
    """A smiling, blue-eyed ...: how far, and the tags that it says. First without any."""
    said: frozenset[str] = NOBODY
    yield at, said
    hair = allowed.heads.get("hair", Head())
    states = {phrase.words[0]: phrase for phrase in allowed.phrases if len(phrase.words) == 1 and phrase.kind in VERBAL}
    gathered: dict[str, set[str]] = {"hair": set(), "eyes": set()}
    while at < len(tokens):
        token, more = tokens[at], None
        part, _, kind = token.rpartition("-")
        head = {"haired": "hair", "eyed": "eyes"}.get(kind)
        if head in allowed.heads and alike(part) in allowed.heads[head].modifiers:
            gathered[head].add(alike(part))
            more = frozenset(
                tag for modifiers, tag in allowed.heads[head].tags if modifiers and modifiers <= gathered[head]
            )
        elif token == "blonde" and token in hair.modifiers:
            more = frozenset(("blonde_hair",))
        elif (token,) in allowed.roles and allowed.alone:
            more = frozenset((allowed.roles[(token,)],))
        elif token in states and allowed.alone:
            more = states[token].tags
        elif token in (",", "and") and said:
            more = NOBODY
        if more is None:
            return
        said |= more
        at += 1
        yield at, said


def _verbs(tokens: list[str], at: int, state: State, allowed: Licences) -> Iterator[Step]:
    token, after = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
    if state.needs:
        if state.governs == "exists" and token in BE:
            yield at + 1, state._replace(governs="there"), NOBODY
        return
    if token == "there" and state.fresh:
        yield at + 1, State("exists", needs=True, named=state.named), NOBODY
    bound = state.guest and not state.fresh  # what follows would be about the guest
    mine = state.who and not (state.about and not state.fresh) and not bound
    person = mine or (state.governs == "start" and not state.about) or state.governs == "" and state.fresh and mine
    plain = state._replace(about=NOBODY, last="", fresh=False, guest=False)
    verb = plain._replace(needs=True)
    free = state.governs != "mods"
    if token in BE and state.about:
        yield at + 1, state._replace(governs="mods", fresh=False, guest=False), NOBODY
    if token in BE and (state.who or bound and not state.about) and state.governs != "be":
        yield at + 1, plain._replace(governs="be", guest=not state.who), NOBODY
    has = token == "with" and not (bound and state.last) or token in HAVE and person
    if has and (free or state.fresh):
        yield at + 1, verb._replace(governs="with"), NOBODY
    if person and free:
        if token in WEAR or token in ("dressed", "clad") and after == "in":
            yield at + (1 if token in WEAR else 2), verb._replace(governs="wear"), NOBODY
        if token == "has" and after == "on":
            yield at + 2, verb._replace(governs="wear"), NOBODY
        if token in HOLD:
            yield at + 1, verb._replace(governs="hold"), NOBODY
    if token == "in" and not bound and (not state.about or state.fresh):
        yield at + 1, verb._replace(governs="in"), NOBODY
    elif token == "in":
        yield at + 1, verb._replace(governs="in place"), NOBODY
    if token == "inside":
        yield at + 1, verb._replace(governs="in place"), NOBODY
    if token in UNDER:
        yield at + 1, verb._replace(governs="under"), NOBODY
    if token in AGAINST or (token, after) == ("in", "front"):
        two = tuple(tokens[at : at + 3]) == ("in", "front", "of")
        if token != "in" or two:
            yield at + (3 if two else 1), verb._replace(governs="against"), NOBODY
    if token in SHOWN and (state.who or state.about or state.guest):
        yield at + 1, state._replace(governs="" if state.governs in ("be", "mods", "") else state.governs), NOBODY
    if token in SHOWN and not state.who and state.governs == "mods":
        yield at + 1, state._replace(governs="", guest=True), NOBODY
    if state.governs == "mods" and state.about:
        kinds = frozenset.intersection(*(frozenset(allowed.heads[each].kinds) for each in state.about))
        done = {"worn": "worn", "held": "held"}.get(token)
        if done and done in kinds:
            end = state._replace(governs="", fresh=False)
            yield at + 1, end, NOBODY
            if after == "by":
                yield at + 2, end._replace(governs="by", needs=True), NOBODY


def _nouns(tokens: list[str], at: int, state: State, allowed: Licences) -> Iterator[Step]:
    governs = {"in place": "in", "also": "with"}.get(state.governs, state.governs)
    for to, name, said, owned in _noun(tokens, at, allowed):
        head = allowed.heads[name]
        kinds = head.kinds - ({"worn"} if state.governs == "in place" else set())
        guest = head.kinds == {"thing"}
        to, said = _behind_noun(tokens, to, name, head, said, allowed)
        if governs in ACCEPTS and kinds & ACCEPTS[governs] and (state.needs or state.fresh):
            following = state._replace(needs=False, last=name, fresh=False, guest=guest, about=NOBODY)
            yield to, following, said
        begins = state.fresh and not state.needs and governs in CLAUSES
        alone = not state.who or tokens[to : to + 1] and tokens[to] in BE  # and a window is visible
        nominative = head.kinds & (NOMINATIVE if alone else OF_A_PERSON)
        if begins and nominative and (governs == "start" or owned or state.about or alone):
            about = (state.about | {name}) if not state.governs else frozenset((name,))
            who = state.who and not guest
            yield to, state._replace(governs="", about=about, last=name, fresh=False, guest=guest, who=who), said


def _behind_noun(
    tokens: list[str], to: int, name: str, head: Head, said: frozenset[str], allowed: Licences
) -> tuple[int, frozenset[str]]:
    """A smile on her face, a ribbon in her hair: what adds nothing."""
    behind = [token for token in tokens[to : to + 3] if token not in allowed.possessives and token != "the"]
    length = next((at for at in range(4) if tokens[to : to + at][-1:] in (["face"], ["hair"], ["head"])), 0)
    if length < 2:
        return to, said
    if "face" in head.kinds and behind[:2] == ["on", "face"]:
        return to + length, said
    ornament = f"hair_{name}"
    if behind[:2] == ["in", "hair"] and ornament in allowed.tags:
        return to + length, said | {ornament}
    if behind[:2] == ["on", "head"] and "worn" in head.kinds and name in HEADWEAR:
        return to + length, said
    return to, said


HEADWEAR = frozenset("hat cap beret helmet crown tiara headband hairband headdress".split())


def _noun(tokens: list[str], at: int, allowed: Licences) -> Iterator[tuple[int, str, frozenset[str], bool]]:
    """(where it ends, the noun, tags that it says, whether it has an article) for each noun that begins here."""
    to, article, owned = at, False, False
    while to < len(tokens) and (tokens[to] in ("a", "an", "the", "some") or tokens[to] in allowed.possessives):
        article = True
        owned |= tokens[to] in allowed.possessives or tokens[to] == "the"
        to += 1
    if tokens[to : to + 2] == ["pair", "of"]:
        to += 2
    begins, before = to, set()
    while to < min(len(tokens), begins + LONGEST):
        token = tokens[to]
        if head := allowed.heads.get(token):
            known = before - {"and", ","}
            joined = to > begins and tokens[to - 1] in _ANDS
            if known <= head.modifiers and (known or article or head.bare) and not joined:
                said = frozenset(tag for modifiers, tag in head.tags if modifiers <= known)
                yield to + 1, token, said, owned or not article
        if token not in ("and", ",") and token not in allowed.modifiers:
            return
        before.add(token)
        to += 1


_ANDS = ("and", ",")


def _adjectives(tokens: list[str], at: int, state: State, allowed: Licences) -> Iterator[Step]:
    """Her hair is long and orange; her mouth closed."""
    if state.governs == "mods":
        heads = state.about
    elif state.last and not state.needs:
        heads = frozenset((state.last,))
    else:
        return
    to, found = at, set()
    while to < len(tokens):
        token = tokens[to]
        if token in _ANDS and found:
            to += 1
            continue
        if not all(token in allowed.heads[head].modifiers for head in heads):
            return
        found.add(token)
        to += 1
        said = frozenset(
            tag for head in heads for modifiers, tag in allowed.heads[head].tags if modifiers and modifiers <= found
        )
        yield to, state._replace(fresh=False), said


def _phrases(
    tokens: list[str], at: int, state: State, allowed: Licences, phrases: dict[str, list[Phrase]]
) -> Iterator[Step]:
    for start in _starts(tokens, at, allowed):
        for phrase in phrases.get(stem(tokens[start]), ()):
            end = _ends(tokens, start, phrase.words, allowed)
            if end:
                yield from _said(tokens, at, start, end, phrase, state)


def _starts(tokens: list[str], at: int, allowed: Licences) -> Iterator[int]:
    """Where a phrase may begin: here, behind an article, and behind words that only introduce it."""
    to = at
    for _ in range(4):
        if to >= len(tokens):
            return
        yield to
        if tokens[to] not in INTRODUCING and tokens[to] not in allowed.possessives:
            return
        to += 1


def _ends(tokens: list[str], at: int, wanted: tuple[str, ...], allowed: Licences) -> int:
    """Where the phrase ends; 0: it is not here."""
    to = at
    for number, word in enumerate(wanted):
        while number and to < len(tokens) and not matches(tokens[to], word):
            free = tokens[to] in DETERMINERS or tokens[to] in allowed.possessives
            held = wanted[0] in ("arms", "hands", "arm", "hand", "legs") and tokens[to] in ("are", "is", "held", "kept")
            if not (free or held):
                return 0
            to += 1
        if to >= len(tokens) or not matches(tokens[to], word):
            return 0
        to += 1
    return to


def _said(tokens: list[str], at: int, start: int, end: int, phrase: Phrase, state: State) -> Iterator[Step]:
    before = {token for token in tokens[at:start] if token not in DETERMINERS}
    introduces = {
        "limb": POSED | {"both"},
        "view": SHOWN,
        "style": SHOWN,
        "hair": TIED,
        "body": TIED,
    }
    if before & (TIED | POSED | SHOWN | {"both"}) - introduces.get(phrase.kind, frozenset()):
        return
    if "both" in before and not phrase.words[0].endswith("s"):
        return
    bound = state.guest and not state.fresh
    of_people = phrase.kind == "view" or phrase.kind == "place" and phrase.words[0] == "on"  # not of a lamp or a cat
    if of_people and (bound and state.last or state.about and not state.fresh):
        return
    following = state._replace(needs=False, fresh=False, last="", about=NOBODY, guest=False)
    following = following._replace(governs="start" if state.governs == "start" else "")
    if phrase.words[-1] == "of":  # a portrait of
        if state.governs == "start" and state.fresh:
            yield end, State(named=state.named), phrase.tags
        return
    nominal = phrase.kind in ("worn", "body", "face", "thing", "held", "detail", "other")
    if state.needs and (phrase.kind != "limb" or state.governs != "with"):
        kinds = ACCEPTS.get({"also": "with"}.get(state.governs, state.governs), frozenset()) | (
            {"other"} if state.governs in ("with", "there") else set()
        )
        scenery = phrase.kind == "place" and phrase.words[0] not in PREPOSITIONS and state.governs in ("with", "there")
        if nominal and phrase.kind in kinds or scenery:
            yield end, following._replace(governs=state.governs, who=state.who), phrase.tags
        return
    if phrase.kind in VERBAL:
        if bound or state.governs == "mods" and phrase.kind != "limb":
            return
        if state.about and not state.fresh and phrase.kind != "limb":
            return
        opens = state.governs == "start" and not state.about or state.governs == "with" and state.needs
        if not (state.who or opens):
            return
    elif (
        state.governs == "mods"
        and not (phrase.kind == "hair" and state.about <= {"hair", "bangs"})
        or phrase.kind in ("worn", "thing", "held")
        and state.governs not in ("start", "with", "wear", "hold", "also")
    ):
        return
    if phrase.tags & {"no_humans"}:
        following = following._replace(guest=state.guest)
    if state.governs == "start" and state.fresh and phrase.kind in ("view", "style", "place"):
        following = following._replace(fresh=True)
    keeps = (nominal or phrase.kind == "hair") and state.governs in ACCEPTS
    yield end, following._replace(governs=state.governs) if keeps else following, phrase.tags
