"""Profiles: what a character's real images have in common, and which of these tags the trigger word should learn."""

from collections.abc import Collection, Iterable

from prep.captions.tally import Tally
from prep.names import quantity, underscored
from prep.sections import CharacterSettings, ProfileSettings
from prep.tagging.aliases import as_known
from prep.tagging.filters import Patterns
from prep.tagging.wilson import wilson_lower
from prep.types import Profile, Seen


def profile_of(
    character: str,
    slug: str,
    tally: Tally,
    images: int,
    intrinsic: Patterns,
    settings: ProfileSettings,
    own: CharacterSettings,
) -> Profile:
    """tally: the number of the character's real images that each tag was found in. Drawn images never count, and images
    that cannot show a tag do not count for it.
    """
    counts, hidden = tally.found, tally.hidden
    named = None if own.traits is None else _spelled(own.traits, counts)
    kept, dropped = _spelled(own.keep, counts), _spelled(own.drop, counts)
    names = sorted(counts, key=lambda name: (-counts[name], name)) + sorted({*(named or ()), *dropped} - set(counts))
    tags = {
        name: _seen(name, counts[name], images, hidden[name], name in intrinsic, settings, named, kept, dropped)
        for name in names
    }
    never = _spelled(own.remove, counts)
    always = tuple(name for name in _spelled(own.add, counts) if name not in never)
    return Profile(character, own.trigger or slug, images, tags, always, frozenset(never))


def _spelled(names: Iterable[str], counts: Collection[str]) -> dict[str, None]:
    """The names in the settings, in order, as the tagger spells them."""
    return dict.fromkeys(as_known(underscored(name), counts) for name in names)


def _seen(
    name: str,
    images: int,
    all_images: int,
    hidden: int,
    intrinsic: bool,
    settings: ProfileSettings,
    named: Collection[str] | None,
    kept: Collection[str],
    dropped: Collection[str],
) -> Seen:
    total = all_images - hidden
    bound = wilson_lower(images, total)
    core = total > 0 and images / total >= settings.core_share
    trait, why = False, ""
    if name in kept:
        why = "kept: the settings say so"
    elif name in dropped or named is not None and name in named:
        trait, why = True, "dropped: the settings say so"
    elif not core:
        why = "kept: not common enough"
    elif not intrinsic:
        why = "kept: not a feature of the body"
    elif named is not None:
        why = "kept: not among the traits in the settings"
    elif bound < settings.trait_bound:
        why = _needed(total, settings.trait_bound)
    else:
        trait, why = True, "dropped: the trigger word learns it"
    if hidden:
        why += f"; {quantity(hidden, 'image')} {'does' if hidden == 1 else 'do'} not show it"
    return Seen(images, total, bound, core, intrinsic, trait, why)


def _needed(total: int, trait_bound: float) -> str:
    """The number of these images that a tag must be in to be a trait."""
    enough = next((hits for hits in range(total + 1) if wilson_lower(hits, total) >= trait_bound), None)
    return f"kept: needs {enough} of {total}" if enough else "kept: too few images to judge"
