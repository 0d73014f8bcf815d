"""What a tag is about: hair, eyes, body, clothes, expression, view or place. By the tables of sentence_words.py."""

from collections.abc import Mapping, Sequence
from functools import cache

from prep.captions import sentence_words as words
from prep.captions.compose import PEOPLE

TITLES = {
    "trigger": "Trigger words", "people": "People", "hair": "Hair", "eyes": "Eyes", "body": "Body",
    "clothes": "Clothes", "expression": "Expression", "pose": "Pose", "view": "View", "place": "Place",
    "other": "Other",
}  # fmt: skip
_TABLES: Sequence[tuple[str, Mapping[str, str] | frozenset[str]]] = (
    ("hair", words.LENGTHS), ("hair", words.HAIRDOS), ("expression", words.FACES), ("expression", words.FEATURES),
    ("view", words.VIEWS), ("place", words.PLACES), ("clothes", words.CLOTHES_NAMED), ("clothes", words.DETAILS),
    ("pose", words.POSTURES), ("pose", words.LIMBS), ("pose", words.PHRASED), ("body", words.LOOKS),
)  # fmt: skip
_HAIR = frozenset("hair bangs ahoge sidelocks braid braids ponytail twintails bun".split())


@cache
def group_of(name: str) -> str:
    """A key of TITLES, but never `trigger`. name: in any spelling."""
    name = "_".join(name.lower().replace("\\", "").split())
    last = name.rpartition("_")[2]
    if PEOPLE.match(name) or name == "solo":
        return "people"
    if name.startswith("hair_") or last in _HAIR and name not in words.PHRASED:
        return "clothes" if name in words.CLOTHES_NAMED or last in words.CLOTHES else "hair"
    for group, table in _TABLES:
        if name in table:
            return group
    if last in ("eyes", "pupils", "eyelashes", "sclera"):
        return "eyes"
    if last in words.CLOTHES or last in words.DETAIL_NOUNS:
        return "clothes"
    if last in words.BODY:
        return "body"
    if last in words.ROOMS or last in words.THINGS or last in ("background", "sky"):
        return "place"
    return "other"
