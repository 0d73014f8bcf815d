"""What one tag is in a sentence by its own words: a garment, a part of the body, an action, and with which article.

`{her}` stands for her, his or their.
"""

import re

from prep.captions import sentence_words as words
from prep.captions.compose import prompt_text

VOWEL = re.compile(r"(?!uni|use|usu|uk|eu|one\b|once)[aeiou]|hour|honest|heir|x-", re.IGNORECASE)
OF_A_HAND = re.compile(r"(hand|finger)(s?)_(on|to|over|in|at|between)_(own_.+|another's_.+|lap|hips?|headwear|eyewear)")
ON_BODY = re.compile(r"(?!arms?_|legs?_|hands?_|fingers?_|head_|sitting_|lying_)(.+)_(on|around)_(?:own_)?([^_]+)")
JOINED = re.compile(r"(.+?)_(on|in|under|over|between|behind|around|with|through|from|to|by|at)_.+")
PLACED = re.compile(r"(on|in|under|against|through|behind)_(.+)")
UNWORN = "unworn_"


def noun(name: str) -> str:
    """A red scarf; a jacket on her shoulders; her hair for `own_hair`."""
    text = prompt_text(name)
    if found := ON_BODY.fullmatch(name):
        what, where, part = found.groups()
        if part in words.PARTS:
            return f"{noun(what)} {where} {{her}} {prompt_text(part)}"
    if name.startswith("own_"):
        return f"{{her}} {text.removeprefix('own ')}"
    joined = JOINED.fullmatch(name)
    return f"{article(prompt_text(joined[1]) if joined else text)}{text}"


def article(text: str) -> str:
    """`a `, `an `, or nothing before a plural, a mass noun, `no` and `another's`."""
    last_word = text.split(" ")[-1]
    plural = last_word.endswith("s") and not last_word.endswith(("ss", "us", "is")) and last_word not in words.SINGULAR
    if plural or last_word in words.PLURALS or last_word in words.MASS or text[0].isdigit():
        return ""
    if text.startswith(("no ", "another's ")):
        return ""
    return "an " if VOWEL.match(text) else "a "


def limb(name: str) -> str:
    """One hand on her knee, for `hand_on_own_knee`; empty: it is nothing of the kind."""
    found = OF_A_HAND.fullmatch(name)
    if not found or name in words.PHRASED:
        return ""
    which, many, where, what = found.groups()
    part = prompt_text(what.removeprefix("own_"))
    her = "" if what.startswith("another's_") else "{her} "
    return f"{f'{{her}} {which}s' if many else f'one {which}'} {where} {her}{part}"


def done(name: str) -> str:
    """waving_flag -> waving a flag; hugging_own_legs -> hugging her legs; sitting_on_lap -> sitting on a lap."""
    verb, _, rest = name.partition("_")
    before, own, what = f"_{rest}".rpartition("_own_")
    if own:
        return prompt_text(f"{verb}{before}") + f" {{her}} {prompt_text(what)}"
    found = re.fullmatch(r"((?:at|on|in|over|under|with|towards?)_)?(.+)", rest)
    if not found:
        return prompt_text(name)
    where, what = found[1] or "", found[2]
    if what == "viewer":
        return f"{prompt_text(f'{verb}_{where}'.strip('_'))} the viewer"
    if verb in words.TO_ONESELF and not where and last(what) in words.BODY | words.PARTS:
        return f"{prompt_text(verb)} {{her}} {prompt_text(what)}"
    known = {what, last(what)} & (words.THINGS | words.CLOTHES | words.BODY | words.OBJECTS)
    spoiled = what.split("_")[0] in words.SMALL_WORDS
    return f"{prompt_text(f'{verb}_{where}'.strip('_'))} {noun(what)}" if known and not spoiled else prompt_text(name)


def is_doing(name: str) -> bool:
    first = name.split("_")[0]
    elsewhere = name in words.PLACES or name in words.VIEWS or name in words.STYLES
    named = first in words.NOT_DOING or name in words.NOT_DOING
    return len(first) > 4 and first.endswith("ing") and not named and not elsewhere


def is_worn(name: str) -> bool:
    if name in words.CLOTHES_NAMED:
        return True
    if name in words.PHRASED or name in words.LIMBS or is_doing(name) or is_unworn(name) or name.startswith("no_"):
        return False
    if PLACED.fullmatch(name):
        return False
    if found := JOINED.fullmatch(name):  # a bikini under clothes; but no hand under clothes
        return last(found[1]) in words.CLOTHES and (bool(on_body(name)) or found[2] in ("under", "over", "between"))
    return last(name) in words.CLOTHES or name.endswith("_detached_sleeves")


def is_unworn(name: str) -> bool:
    """A garment that is there, and that nobody wears."""
    return name.startswith(UNWORN) and last(name) in words.CLOTHES


def is_lacked(name: str) -> bool:
    """No shoes, no pupils."""
    return name.startswith("no_") and (last(name) in words.CLOTHES or last(name) in words.BODY | words.PARTS)


def place(name: str) -> str:
    """On a desk, for `on_desk`; empty: it is no place."""
    found = PLACED.fullmatch(name)
    return f"{found[1]} {noun(found[2])}" if found and last(name) in words.THINGS | words.ROOMS else ""


def on_body(name: str) -> str:
    """What is on a part of the body: `jacket` for `jacket_on_shoulders`; empty: it is nothing of the kind."""
    found = ON_BODY.fullmatch(name)
    return found[1] if found and found[3] in words.PARTS and not is_doing(name) else ""


def is_body(name: str, *parts: str) -> bool:
    """Whether it ends in one of these, and is neither an action nor a view."""
    elsewhere = name in words.PHRASED or name in words.VIEWS or is_doing(name) or JOINED.fullmatch(name)
    return last(name) in parts and not elsewhere and not name.startswith(("no_", "spoken_", "between_", UNWORN))


def last(name: str) -> str:
    return name.rpartition("_")[2]
