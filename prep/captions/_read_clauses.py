"""Reading what joins phrases: commas and conjunctions, the people, and the verbs that say how a noun is theirs."""

from collections.abc import Iterator

from prep.captions._allowed import Head, Licences, alike
from prep.captions._people import HERSELF
from prep.captions._state import (
    AGAINST,
    AND,
    BE,
    FREE,
    HAVE,
    HOLD,
    NOBODY,
    OF_A_PERSON,
    SHOWN,
    UNDER,
    VERBAL,
    WEAR,
    WHILE,
    State,
    Step,
)


def joints(tokens: list[str], at: int, state: State, allowed: Licences) -> Iterator[Step]:
    token, after = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
    if token in (",", *AND):
        state = state._replace(acts=False)
    if token == "too" and after not in (".", ",", ";"):  # `too long`
        return
    if token in (".", ";", "!") and not state.hangs and not state.owed:
        yield at + 1, State(named=state.named), NOBODY
    elif token in (",", ":", *AND) and not (token == ":" and state.governs == "also"):
        yield at + 1, state._replace(fresh=True, guest=False), NOBODY
        if state.about and state.who and not state.hangs:
            yield at + 1, state._replace(fresh=True, guest=False, about=NOBODY, last=""), NOBODY
    elif token in FREE or token == "both" and ("both",) in allowed.definite:
        yield at + 1, state, NOBODY
        if token == "also":
            yield at + 1, state._replace(governs="also", fresh=True), NOBODY
    elif token == ":" and state.governs == "also":
        yield at + 1, state._replace(governs="with"), NOBODY
    if token in WHILE and token != "and" and not state.hangs:
        yield at + 1, state._replace(governs="", fresh=True, about=NOBODY, last="", guest=False), NOBODY
        yield at + 1, State("", named=state.named, owed=state.owed), NOBODY
    if token in ("who", "that", "which") and not state.fresh:
        if state.last:
            yield at + 1, state._replace(governs="", about=frozenset((state.last,)), fresh=True), NOBODY
        elif state.who and not state.governs:
            yield at + 1, state._replace(fresh=True), NOBODY


def people(tokens: list[str], at: int, state: State, allowed: Licences) -> Iterator[Step]:
    token = tokens[at]
    begins = state.fresh and not state.needs and not state.hangs
    subject = state._replace(
        governs="",
        needs=False,
        who=True,
        about=NOBODY,
        last="",
        fresh=False,
        named=True,
        guest=False,
        owed=False,
        alien=False,
    )
    if begins and token in allowed.pronouns:
        yield at + 1, subject, NOBODY
    by = state.governs in ("by", "there") and state.needs
    to, said, definite = at, NOBODY, False
    if tokens[to] in ("a", "an", "the", "this"):
        definite = tokens[to] in ("the", "this")
        to += 1
    if by and token == HERSELF[allowed.pronoun][0]:
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
                yield end, subject._replace(acts=bool(said)), more | solo
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
    if not allowed.alone:
        return
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
        elif (token,) in allowed.roles:
            more = frozenset((allowed.roles[(token,)],))
        elif token in states:
            more = states[token].tags
        elif token in (",", "and") and said:
            more = NOBODY
        if more is None:
            return
        said |= more
        at += 1
        yield at, said


def verbs(tokens: list[str], at: int, state: State, allowed: Licences) -> Iterator[Step]:
    token, after = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
    if state.needs:
        if state.governs == "exists" and token in BE:
            yield at + 1, state._replace(governs="there"), NOBODY
        return
    if state.governs == "start" and tokens[at : at + 3] == ["other", "details", ":"]:
        yield at + 3, State("with", named=state.named, owed=None), NOBODY
    if token == "there" and state.fresh:
        yield at + 1, State("exists", needs=True, named=state.named), NOBODY
    if state.alien:
        if token in BE and state.about:
            yield at + 1, state._replace(governs="mods", fresh=False, hangs=False), NOBODY
        elif token in SHOWN and state.governs == "mods":
            yield at + 1, state._replace(governs="", fresh=False), NOBODY
        return
    bound = state.guest and not state.fresh  # what follows would be about the guest
    mine = state.who and not (state.about and not state.fresh) and not bound
    person = mine or (state.governs == "start" and not state.about) or state.governs == "" and state.fresh and mine
    plain = state._replace(about=NOBODY, last="", fresh=False, guest=False)
    verb = plain._replace(needs=True)
    free = state.governs != "mods"
    if token in BE and state.about:
        theirs = any(allowed.heads[each].kinds & OF_A_PERSON for each in state.about)
        owed = None if theirs else state.owed
        yield at + 1, state._replace(governs="mods", fresh=False, guest=False, hangs=False, owed=owed), NOBODY
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
