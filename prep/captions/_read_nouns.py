"""Reading nouns with their adjectives: before them, and behind `is`."""

from collections.abc import Iterator

from prep.captions._allowed import Head, Licences
from prep.captions._state import ACCEPTS, BE, CLAUSES, NOBODY, NOMINATIVE, OF_A_PERSON, State, Step
from prep.captions.faithful_words import HEADWEAR, PAIRED
from prep.captions.sentence_words import COLOURS

LONGEST = 10  # words of a noun with its adjectives
ANDS = ("and", ",")
NOBODYS = frozenset(("thing", "place noun", "sky", "background"))
FROM_OUTSIDE = frozenset("car train castle church temple shrine ruins".split())  # also shown so


def nouns(tokens: list[str], at: int, state: State, allowed: Licences) -> Iterator[Step]:
    governs = {"in place": "in", "also": "with"}.get(state.governs, state.governs)
    for to, name, said, owned in _noun(tokens, at, allowed):
        head = allowed.heads[name]
        known = {*tokens[at : to - 1]} & head.modifiers
        mine = head.kinds_with(known)
        kinds = mine - ({"worn"} if state.governs == "in place" else set())
        if state.acts and name in FROM_OUTSIDE:  # `sitting in a car`: no tag says that she sits there
            kinds -= {"place noun"}
        if not mine - NOBODYS and allowed.possessives & {*tokens[at : to - 1]}:  # her cat
            continue
        guest = mine == {"thing"}
        to, said = _behind_noun(tokens, to, name, head, known, said, allowed)
        if governs in ACCEPTS and kinds & ACCEPTS[governs] and (state.needs or state.fresh):
            following = state._replace(needs=False, last=name, fresh=False, guest=guest, about=NOBODY)
            following = following._replace(acts=state.acts or governs == "hold")
            if not state.who and state.owed is not None and governs != "there" and mine & {*OF_A_PERSON, "held"}:
                following = following._replace(owed=True)
            yield to, following, said
        begins = state.fresh and not state.needs and governs in CLAUSES
        alone = not state.who or tokens[to : to + 1] and tokens[to] in BE  # and a window is visible
        nominative = mine & (NOMINATIVE if alone else OF_A_PERSON)
        if (
            begins
            and nominative
            and not (state.owed and guest)
            and (governs == "start" or owned or state.about or alone)
        ):
            about = (state.about | {name}) if not state.governs else frozenset((name,))
            who = state.who and not guest
            yield (
                to,
                state._replace(
                    governs="",
                    about=about,
                    last=name,
                    fresh=False,
                    guest=guest,
                    who=who,
                    hangs=True,
                    alien=state.alien or guest and bool(allowed.people),
                ),
                said,
            )


def _behind_noun(
    tokens: list[str], to: int, name: str, head: Head, known: set[str], said: frozenset[str], allowed: Licences
) -> tuple[int, frozenset[str]]:
    """A smile on her face, a ribbon in her hair: what adds nothing."""
    behind = [token for token in tokens[to : to + 3] if token not in allowed.possessives and token != "the"]
    length = next((at for at in range(4) if tokens[to : to + at][-1:] in (["face"], ["hair"], ["head"])), 0)
    if length < 2:
        return to, said
    if "face" in head.kinds and behind[:2] == ["on", "face"]:
        return to + length, said
    ornament = f"hair_{name}"
    if behind[:2] == ["in", "hair"] and ornament in allowed.tags and (not known or head.joined({*known, "hair"})):
        return to + length, said | {ornament}
    if behind[:2] == ["on", "head"] and "worn" in head.kinds_with(known) and name in HEADWEAR:
        return to + length, said
    return to, said


def _noun(tokens: list[str], at: int, allowed: Licences) -> Iterator[tuple[int, str, frozenset[str], bool]]:
    """(where it ends, the noun, tags that it says, whether it has an article) for each noun that begins here."""
    to, article, owned = at, False, False
    while to < len(tokens) and (tokens[to] in ("a", "an", "the", "some") or tokens[to] in allowed.possessives):
        article = True
        owned |= tokens[to] in allowed.possessives or tokens[to] == "the"
        to += 1
    paired = tokens[to : to + 2] == ["pair", "of"]
    to += 2 * paired
    begins, before = to, set()
    while to < min(len(tokens), begins + LONGEST):
        token = tokens[to]
        if head := allowed.heads.get(token):
            known = before - {"and", ","}
            joined = to > begins and tokens[to - 1] in ANDS
            fits = known <= head.modifiers and head.joined(known) and (not paired or _two(token, allowed))
            if fits and (known or article or head.bare) and not joined:
                said = frozenset(tag for modifiers, tag in head.tags if modifiers <= known)
                if not known or _of_all(head, said, allowed):
                    yield to + 1, token, said, owned or not article
        if token not in ("and", ",") and token not in allowed.modifiers:
            return
        before.add(token)
        to += 1


def _two(noun: str, allowed: Licences) -> bool:
    """Whether a pair of them may be said: of gloves, but not of cats, and not where a tag says a single glove."""
    return allowed.alone and noun in PAIRED and f"single_{noun.removesuffix('s')}" not in allowed.tags


def _of_all(head: Head, said: frozenset[str], allowed: Licences) -> bool:
    """Of several people `red hair` would be said of all, or of the last one, if some have blue hair."""
    theirs = head.kinds & OF_A_PERSON and not allowed.alone and allowed.people
    return not theirs or {tag for _, tag in head.tags} <= said


def adjectives(tokens: list[str], at: int, state: State, allowed: Licences) -> Iterator[Step]:
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
        if token in ANDS and found:
            to += 1
            continue
        if not all(token in allowed.heads[head].modifiers for head in heads):
            return
        found.add(token)
        to += 1
        said = frozenset(
            tag for head in heads for modifiers, tag in allowed.heads[head].tags if modifiers and modifiers <= found
        )
        if all(_of_all(allowed.heads[head], said, allowed) and _of_one(head, found, allowed) for head in heads):
            yield to, state._replace(fresh=False, hangs=False), said


def _of_one(name: str, found: set[str], allowed: Licences) -> bool:
    """`Their hair is red and blue` says both of each of several people; `the cat is black` says it of one of two."""
    head = allowed.heads[name]
    of_several = head.kinds & OF_A_PERSON and not allowed.alone and allowed.people
    return head.joined(head.modifiers) and not (of_several and len(found & COLOURS) > 1)
