"""Tags that Danbooru has renamed: older taggers know the old name, newer ones today's. Only those that prep's own word
files use, and ones like them; a tag that was split in two is another thing, and not here.
"""

from collections.abc import Collection

TODAY = {"hand_on_hip": "hand_on_own_hip", "hands_on_hips": "hands_on_own_hips"}  # old -> today's
OTHER = TODAY | {today: old for old, today in TODAY.items()}


def other_name(tag: str) -> str | None:
    """tag: underscored."""
    return OTHER.get(tag)


def as_known(tag: str, known: Collection[str] | None) -> str:
    """The tag by the name that a tagger knows it by; unchanged if it knows neither. known None: it knows all."""
    other = OTHER.get(tag)
    return other if other and known is not None and tag not in known and other in known else tag
