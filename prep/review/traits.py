"""What the trigger word of each character will learn: one table each, and what it takes to flip a tag.

A flip is written as `traits` or `keep` of [characters.NAME] in OUT/settings.toml.
"""

from collections.abc import Mapping
from typing import Any, Literal

from prep.captions.characters import section_of
from prep.config import load_settings
from prep.errors import UsageError
from prep.names import printable, underscored
from prep.pipeline.status import SURE_IMAGES
from prep.review.next_run import Foreseen, NextRun
from prep.sections import CharacterSettings, Settings
from prep.types import Profile, Seen

Choice = Literal["auto", "trigger", "caption"]
Values = dict[tuple[str, ...], Any]  # key in OUT/settings.toml -> its value; None: not set
MOST_ROWS = 200  # of a table: core tags, and then the most frequent


def tables_of(foreseen: Foreseen) -> list[dict[str, Any]]:
    settings = foreseen.settings
    return [_table(profile, settings, foreseen.slugs[name], foreseen) for name, profile in foreseen.profiles.items()]


def _table(profile: Profile, settings: Settings, slug: str, foreseen: Foreseen) -> dict[str, Any]:
    own = settings.characters.get(profile.character, CharacterSettings())
    seen = [(name, each) for name, each in profile.tags.items() if each.core or each.trait or _named(name, own)]
    seen.sort(key=lambda pair: (not pair[1].intrinsic, -pair[1].images, pair[0]))
    return {
        "character": printable(profile.character),
        "slug": slug,
        "trigger": profile.trigger,
        "images": profile.images,
        "few": profile.images < SURE_IMAGES,
        "rows": [
            {
                "tag": foreseen.composer.caption_text(name),
                "name": name,
                "images": each.images,
                "of": each.of,
                "bound": round(each.bound, 3),
                "core": each.core,
                "intrinsic": each.intrinsic,
                "trait": each.trait,
                "why": each.why.partition(": ")[2],
                "choice": _choice(name, each, own, settings),
            }
            for name, each in seen[:MOST_ROWS]
        ],
    }


def flipped(next_run: NextRun, foreseen: Foreseen, character: str, name: str, choice: Choice) -> Values:
    """What OUT/settings.toml has to say so that the tag is left to the trigger word, kept, or as it is counted.

    name: as in a table. Raises UsageError for a character or a tag that is not there.
    """
    settings = foreseen.settings
    folder = next((each for each in foreseen.profiles if printable(each) == character), None)
    if folder is None:
        raise UsageError(f"{character!r} is no character of this set", hint="load the page again")
    profile, wanted = foreseen.profiles[folder], underscored(name)
    if wanted not in profile.tags:
        raise UsageError(f"{name!r} is not a tag of {character}", hint="load the page again")
    own = settings.characters.get(folder, CharacterSettings())
    section = section_of(next_run.settings(), [*foreseen.slugs], folder)
    below = load_settings(next_run.src)
    under = below.characters.get(section, CharacterSettings())
    automatic = {each for each, seen in profile.tags.items() if _is_trait(seen, settings)}
    traits = {*profile.traits} - {wanted}
    if choice == "trigger" or choice == "auto" and wanted in automatic:
        traits.add(wanted)
    keep = [each for each in own.keep if underscored(each) != wanted] + ([name] if choice == "caption" else [])
    explicit = traits - automatic or under.traits is not None
    return {
        ("characters", section, "traits"): sorted(traits) if explicit else None,
        ("characters", section, "keep"): keep if keep or under.keep else None,
    }


def with_values(settings: Settings, values: Mapping[tuple[str, ...], Any]) -> Settings:
    """The settings, as OUT/settings.toml would make them. Only keys of [characters.NAME]."""
    characters = dict(settings.characters)
    for (_, section, name), value in values.items():
        default = CharacterSettings.model_fields[name].get_default(call_default_factory=True)
        own = characters.get(section, CharacterSettings())
        characters[section] = own.model_copy(update={name: default if value is None else value})
    return settings.model_copy(update={"characters": characters})


def _is_trait(seen: Seen, settings: Settings) -> bool:
    """Without anything that the settings say about the character."""
    return seen.core and seen.intrinsic and seen.bound >= settings.profile.trait_bound


def _named(name: str, own: CharacterSettings) -> bool:
    return name in {underscored(each) for each in (*own.keep, *(own.traits or ()))}


def _choice(name: str, seen: Seen, own: CharacterSettings, settings: Settings) -> Choice:
    if not _named(name, own) and seen.trait == _is_trait(seen, settings):
        return "auto"
    return "trigger" if seen.trait else "caption"
