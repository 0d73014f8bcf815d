"""The forms of an English verb in the present, from the one that ends in -ing. A form that only looks alike is none:
`hugging` has no form `huge`, and `staring` none `star`.
"""

import re

IRREGULAR = {"lying": "lie", "dying": "die", "tying": "tie", "skiing": "ski", "seeing": "see", "freeing": "free"}
WITH_E = frozenset(  # without -ing; what else lost an e is known by its letters
    "bath breath cloth sooth tast wast past chang arrang loung plung judg emerg dodg nudg charg nurs rins paus".split()
)
WHOLE = re.compile(r"[aeiou][^aeiou]+(er|en|on|el|op|om|al)$")  # `opening` lost no e
LOST = re.compile(r"(^|[^aeiou])[aeiou][^aeiouwxy]$|[cvuz]$|[aeiou]s$|[^aeiourlwn]l$")  # `smiling` did


def plain_form(ing: str) -> str:
    """`smiling` -> smile, `hugging` -> hug."""
    if ing in IRREGULAR:
        return IRREGULAR[ing]
    base = ing[:-3]
    if len(base) > 2 and base[-1] == base[-2] and base[-1] not in "lsfze":
        return base[:-1]
    if base in WITH_E or LOST.search(base) and not WHOLE.search(base):
        return f"{base}e"
    return base


def third_person(plain: str) -> str:
    """`smile` -> smiles, `cry` -> cries."""
    if re.search(r"(s|x|z|ch|sh|o)$", plain):
        return f"{plain}es"
    return f"{plain[:-1]}ies" if re.search(r"[^aeiou]y$", plain) else f"{plain}s"
