"""The profile of a variant of a character: an outfit, or a form.

It is counted from the variant's pictures. Its captions are made like its character's, and have in addition what the
settings say about the variant.
"""

from dataclasses import replace

from prep.captions.profile import profile_of
from prep.captions.tally import Tally
from prep.names import underscored
from prep.sections import CharacterSettings, ProfileSettings, VariantSettings
from prep.tagging.filters import Patterns
from prep.types import Profile


def variant_profile(
    whole: Profile,
    variant: str,
    tally: Tally,
    images: int,
    intrinsic: Patterns,
    settings: ProfileSettings,
    own: VariantSettings,
) -> Profile:
    """whole: the profile of the character. tally, images: of the variant's pictures. own: the variant's table."""
    found = profile_of(whole.character, whole.trigger, tally, images, intrinsic, settings, _together(whole, own))
    return replace(found, variant=variant, variant_trigger=own.trigger or "")


def own_core(variant: Profile, whole: Profile, core_share: float) -> list[str]:
    """The tags that are core in the variant and not in the character's other pictures. core_share: of pictures with a
    tag, from which on it is core.
    """

    def elsewhere(name: str) -> bool:
        seen, here = whole.tags.get(name), variant.tags[name]
        return (
            seen is not None and seen.of > here.of and (seen.images - here.images) / (seen.of - here.of) >= core_share
        )

    return [name for name in variant.core if not elsewhere(name)]


def _together(whole: Profile, own: VariantSettings) -> CharacterSettings:
    """What is set for the character, and above it what is set for the variant."""
    add, remove, keep = ([underscored(name) for name in names] for names in (own.add, own.remove, own.keep))
    return CharacterSettings(
        traits=sorted((whole.traits | {underscored(name) for name in (*(own.traits or ()), *own.drop)}) - {*keep}),
        add=[name for name in whole.always if name not in remove] + add,
        remove=sorted((whole.never - {*add}) | {*remove}),
    )
