"""Reading phrases that say a tag as a whole: `looking at the viewer`, `in a ponytail`."""

from collections.abc import Iterator

from prep.captions._allowed import DETERMINERS, Licences, Phrase, matches
from prep.captions._state import ACCEPTS, INTRODUCING, KEPT, NOBODY, POSED, SHOWN, TIED, VERBAL, State, Step
from prep.captions._verbs import plain_form
from prep.captions.faithful_words import PREPOSITIONS
from prep.captions.sentence_words import CLOTHES

STANDING = frozenset("on by at beside before".split())
SCENES = frozenset(
    "day night sunset sunrise dusk dawn evening beach street road field stage park ocean sea poolside".split()
)


def whole_phrases(
    tokens: list[str], at: int, state: State, allowed: Licences, phrases: dict[str, list[Phrase]]
) -> Iterator[Step]:
    if state.alien:
        return
    for start in _starts(tokens, at, allowed):
        for phrase in phrases.get(tokens[start], ()):
            end = _ends(tokens, start, phrase.words, allowed)
            if end and _agrees(tokens[start], phrase.words[0], state, allowed):
                yield from _said(tokens, at, start, end, phrase, state)


def _starts(tokens: list[str], at: int, allowed: Licences) -> Iterator[int]:
    """Where a phrase may begin: here, behind an article, and behind words that only introduce it."""
    to = at
    for _ in range(4):
        if to >= len(tokens):
            return
        yield to
        if tokens[to] not in INTRODUCING | allowed.determiners:
            return
        to += 1


def _ends(tokens: list[str], at: int, wanted: tuple[str, ...], allowed: Licences) -> int:
    """Where the phrase ends; 0: it is not here."""
    to = at
    for number, word in enumerate(wanted):
        while number and to < len(tokens) and not matches(tokens[to], word):
            free = tokens[to] in allowed.determiners or (tokens[to], word) == (",", "and")
            held = wanted[0] in ("arms", "hands", "arm", "hand", "legs") and tokens[to] in ("are", "is", "held", "kept")
            if not (free or held):
                return 0
            to += 1
        if to >= len(tokens) or not matches(tokens[to], word):
            return 0
        to += 1
    return to


def _agrees(text: str, wanted: str, state: State, allowed: Licences) -> bool:
    """She smiles, they smile; and nobody `is smiles`."""
    if text == wanted or not wanted.endswith("ing"):
        return True
    return state.governs != "be" and (text != plain_form(wanted)) == allowed.alone


def _of_the_scene(phrase: Phrase) -> bool:
    """Whether the people are there by the tag itself: `on_bed`, a beach; or it is a time."""
    return any(tag.startswith(("on_", "in_", "by_", "at_")) or tag in SCENES for tag in phrase.tags)


def _said(tokens: list[str], at: int, start: int, end: int, phrase: Phrase, state: State) -> Iterator[Step]:
    before = {token for token in tokens[at:start] if token not in DETERMINERS}
    mouth = phrase.kind == "face" and phrase.words[0] in ("mouth", "eyes", "lips")
    introduces = {
        "face": KEPT if mouth else frozenset(),
        "limb": POSED | {"both"},
        "view": SHOWN,
        "style": SHOWN,
        "hair": TIED,
    }
    if before & (TIED | POSED | SHOWN | {"both"}) - introduces.get(phrase.kind, frozenset()):
        return
    if "both" in before and not phrase.words[0].endswith("s"):
        return
    if before & TIED and (phrase.words[0] not in PREPOSITIONS or phrase.words[0] == "over"):
        return
    stands = phrase.kind == "place" and phrase.words[0] in STANDING and not _of_the_scene(phrase)
    if stands and (state.acts or state.last and not state.fresh):  # no tag says who stands on a bridge, or what
        return
    if phrase.kind == "role" and (start > at or state.needs or state.governs != "with"):  # only in a list of the rest
        return
    bound = state.guest and not state.fresh
    of_people = phrase.kind == "view" or phrase.kind == "place" and phrase.words[0] == "on"  # not of a lamp or a cat
    if of_people and (bound and state.last or state.about and not state.fresh):
        return
    following = state._replace(needs=False, fresh=False, last="", about=NOBODY, guest=False, hangs=False)
    following = following._replace(acts=state.acts or phrase.kind in VERBAL)
    following = following._replace(governs="start" if state.governs == "start" else "")
    if phrase.words[-1] == "of":  # a portrait of
        if state.governs == "start" and state.fresh:
            yield end, State(named=state.named), phrase.tags
        return
    nominal = phrase.kind in ("worn", "body", "face", "thing", "held", "detail", "other", "role")
    if state.needs and (phrase.kind != "limb" or state.governs != "with"):
        kinds = ACCEPTS.get({"also": "with"}.get(state.governs, state.governs), frozenset()) | (
            {"other"} if state.governs in ("with", "there") or state.governs == "wear" and _lacked(phrase) else set()
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
        if state.owed is not None:
            following = following._replace(owed=not state.who)
    elif (
        state.governs == "mods"
        and not (phrase.kind == "hair" and state.about <= {"hair", "bangs"})
        or phrase.kind == "body"
        and state.governs in ("wear", "hold")
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


def _lacked(phrase: Phrase) -> bool:
    """Wearing no shoes."""
    return phrase.words[0] == "no" and phrase.words[-1] in CLOTHES
