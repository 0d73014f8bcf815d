"""Whether a sentence says what the tags say, and nothing else.

It is read phrase by phrase: a colour belongs to its noun, a thing that is held is held, and `no` is said only where a
tag says it. What cannot be read so is refused, also if it is true: then the grammar's sentence takes its place.
"""

import re

from prep.captions import faithful_words as said
from prep.captions._allowed import DETERMINERS, Licences, tokens_of
from prep.captions._cover import read
from prep.captions._licences import licences
from prep.captions.compose import prompt_text
from prep.captions.overlap import overlapped
from prep.captions.sentence import COUNT
from prep.names import alike_words
from prep.types import ToDescribe

VERSION = 2  # raised when the same sentence may get another verdict

SAID_SHARE = 0.7  # of the tags, at least
OWN_WORDS, WORDS_PER_TAG = 14, 7  # most words of a sentence
LETTERS_PER_WORD = 12  # at most, in the mean; besides those of the tags
WORD = re.compile(r"[^\W_]+")
SPELLED = frozenset(("3D",))  # by the grammar
SHOWN_WORDS = 6  # of a reason
BEFORE = 3  # words before one that a tag says, which is said of something else
MARKUP = re.compile(r"[\"*_`#<>\[\]{}|\\~=]|\n|^\s*[-\u2022]|https?:")
NUMBER = frozenset("two three four five six seven eight nine ten several many both multiple".split())


def unfaithful(text: str, what: ToDescribe) -> str | None:
    """Why a sentence is refused, as the end of a sentence that begins with its writer; None: it is faithful."""
    most_words = OWN_WORDS + WORDS_PER_TAG * max(len(what.tags), 3)
    if len(text) > LETTERS_PER_WORD * most_words + 2 * sum(map(len, what.tags)):  # before anything reads it
        return f"has {len(text)} letters for {len(what.tags)} tags"
    if not text.isprintable() or MARKUP.search(text):
        return "is not one line of plain text"
    if not text.endswith("."):
        return "does not end with a full stop"
    tokens = tokens_of(text)
    letters = sum(character.isalpha() for character in text)
    if not tokens or letters < len(text) / 2 or sum(character.isascii() for character in text) < 0.9 * len(text):
        return "is not English"
    if found := _foreign(text, " ".join(what.tags)):
        return f"says `{found}`, which is in capitals" if found.isascii() else f"is not English: it says `{found}`"
    if found := next((trigger for trigger in what.triggers if _has(tokens, trigger)), ""):
        return f"says the trigger word {found}"
    if len(tokens) > most_words:
        return f"has {len(tokens)} words for {len(what.tags)} tags"
    allowed = licences(what.tags)
    reading = read(tokens, allowed)
    if not reading.whole:
        return _reason(tokens, reading.at, allowed, what)
    if len({*(parts := [part.strip().lower() for part in text.split(".") if part.strip()])}) < len(parts):
        return "says one sentence twice"
    wanted = [tag for tag in allowed.tags if tag not in overlapped(list(allowed.tags))]
    unsaid = [tag for tag in wanted if tag not in reading.said]
    if len(wanted) - len(unsaid) < SAID_SHARE * len(wanted):
        return f"leaves out {len(unsaid)} of {len(wanted)} tags: {', '.join(map(prompt_text, unsaid[:SHOWN_WORDS]))}"
    return None


def _foreign(text: str, tags: str) -> str:
    """The first word in capitals, or with a letter beyond ASCII, unless the tags have it; empty: there is none.

    The Kelvin sign is a k in lower case, and would reach the caption as it is.
    """
    for word in WORD.findall(text):
        letters = all(each.isascii() or each in tags for each in word)
        capitals = any(each.isupper() for each in word[1:]) and word not in tags and word not in SPELLED
        if not letters or capitals:
            return word
    return ""


def said_tags(text: str, what: ToDescribe) -> frozenset[str]:
    """The tags that a faithful sentence says."""
    return read(tokens_of(text), licences(what.tags)).said


def _has(tokens: list[str], phrase: str) -> bool:
    wanted = tokens_of(alike_words(phrase))
    return any(tokens[at : at + len(wanted)] == wanted for at in range(len(tokens))) if wanted else False


def _reason(tokens: list[str], at: int, allowed: Licences, what: ToDescribe) -> str:
    """at: the first word that no reading gets past."""
    at = min(at, len(tokens) - 1)
    while tokens[at] in DETERMINERS and at + 1 < len(tokens):
        at += 1
    if said.ANSWERS & {*tokens[:5]} and not said.ANSWERS & allowed.known:
        return f"begins with `{' '.join(tokens[:3])}`"
    unknown = [token for token in tokens if token.isalpha() and len(token) > 3 and token not in allowed.known]
    if len(unknown) > 0.7 * len([token for token in tokens if token.isalpha() and len(token) > 3]):
        return "is not English, or says little that the tags say"
    begin = at
    while begin and at - begin < BEFORE and tokens[begin - 1] not in (",", ".", "and") and tokens[at] in allowed.known:
        begin -= 1
    around = tokens[at : at + 3] if tokens[at] not in (",", ".", "and") else tokens[max(0, at - 2) : at + 1]
    for tag in what.dropped:
        if _has(tokens, tag):
            return f"says `{prompt_text(tag)}`, which is not to be said"
    if said.NEGATIONS & {*around}:
        place = next(number for number, token in enumerate(around) if token in said.NEGATIONS)
        return f"says `{' '.join(around[place : place + 2])}`, which no tag says"
    counts = [prompt_text(tag) for tag in allowed.tags if COUNT.fullmatch(tag)]
    if (NUMBER & {*around[:2]} or around[0].isdigit()) and counts:
        return f"says `{' '.join(around[:2])}`; the tags say {' and '.join(counts)}"
    for number in range(at, min(at + 4, len(tokens))):
        if tokens[number] in DETERMINERS | said.PREPOSITIONS:
            break
        head = allowed.heads.get(tokens[number])
        if head and number > at and tokens[at] not in head.modifiers:
            tags = [prompt_text(tag) for _, tag in head.tags]
            return f"says `{' '.join(tokens[at : number + 1])}`; the tags say {' and '.join(dict.fromkeys(tags))}"
    if begin < at:
        return f"says `{' '.join(tokens[begin : at + 1])}`, which no tag says"
    found = [each for each in around if each.isalnum() or "-" in each]
    return f"says `{' '.join(found) or tokens[at]}`, which no tag says"
