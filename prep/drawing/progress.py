"""What was drawn of a character, what the check accepted, and what is still to draw: from counts alone.

Making the requests would need torch, to read the generator's file. Counts are enough: a finished run leaves nothing
to draw, and for an interrupted one the settings say how many pictures it wanted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from prep.drawing.tries import bounds_of
from prep.sections import Settings
from prep.types import BY_HAND, Profile

EXCLUDED = "excluded"  # and not replaced: that a person wants fewer is no verdict on it
KINDS = {
    "augmentation": "augmentations",
    "consistency": "consistency samples",
    "reconstruct": "reconstructions",
    "scene": "scenes",
}


def why_not(status: str, reason: str | None) -> str | None:
    """Why a drawn picture is not in the set; None: it is. A person may have excluded one that the check accepted."""
    return reason or (EXCLUDED if status == EXCLUDED else None)


def verdicts(pictures: Iterable[tuple[str, str | None]]) -> str:
    """pictures: (origin, `why_not`) -> '12 of 21 augmentations accepted (5 copy, 4 off_character); ...'"""
    pictures, parts = list(pictures), []
    for kind, name in KINDS.items():
        own = [reason for origin, reason in pictures if origin == kind]
        reasons = Counter(reason for reason in own if reason)
        why = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        if own:
            parts.append(f"{own.count(None):,} of {len(own):,} {name} accepted" + (f" ({why})" if why else ""))
    return "; ".join(parts) or "nothing was drawn"


def to_draw(profile: Profile, settings: Settings, pictures: Iterable[tuple[str, str | None]], finished: bool) -> str:
    """What a run would still draw. finished: the last run ended, and nothing has changed since."""
    pictures = list(pictures)
    rejected = any(reason == BY_HAND for _, reason in pictures)  # in its place, another is drawn
    if finished and pictures and not rejected:
        return "nothing"
    done = Counter(origin for origin, _ in pictures)
    wanted = {
        "consistency": settings.consistency.per_character if profile.core else 0,
        "reconstruct": min(settings.reconstruct.per_character, profile.images),
    }
    parts = [f"{count - done[kind]:,} {KINDS[kind]}" for kind, count in wanted.items() if count > done[kind]]
    bounds = bounds_of(profile, profile.images, settings)
    lacking = bounds.target - sum(
        origin == "augmentation" and reason in (None, EXCLUDED) for origin, reason in pictures
    )
    tries = bounds.tries - done["augmentation"] - done["scene"]
    if lacking > 0 and tries > 0 and profile.images:
        parts.append(f"augmentations until {lacking:,} more are accepted, {tries:,} at most")
    return ", ".join(parts) or "nothing"


def drawn_since(folder: Path, nanoseconds: int) -> int:
    """The number of pictures in generated/<slug>/ newer than the manifest: an interrupted run drew them."""
    return sum(path.stat().st_mtime_ns > nanoseconds for path in _pictures(folder))


def _pictures(folder: Path) -> Iterator[Path]:
    for kind in KINDS:
        yield from (folder / kind).glob("*.png")
