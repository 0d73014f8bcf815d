"""What the trigger word of each character will learn: one table each, and what it takes to flip a tag.

A flip is written as `drop` or `keep` of [characters.NAME] in OUT/settings.toml.
"""

from typing import Any, Literal

from prep.captions.characters import section_of
from prep.edits.actions import Action
from prep.errors import UsageError
from prep.names import printable, underscored
from prep.pipeline.status import SURE_IMAGES
from prep.review.next_run import Foreseen, NextRun
from prep.sections import CharacterSettings, Settings
from prep.types import Profile, Seen

Choice = Literal["auto", "trigger", "caption"]
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


def flip_of(next_run: NextRun, foreseen: Foreseen, character: str, name: str, choice: Choice) -> Action:
    """The change of OUT/settings.toml that leaves a tag to the trigger word, keeps it, or counts it again.

    name: as in a table. Raises UsageError for a character or a tag that is not there.
    """
    folder = next((each for each in foreseen.profiles if printable(each) == character), None)
    if folder is None:
        raise UsageError(f"{character[:100]!r} is no character of this set", hint="load the page again")
    if underscored(name) not in foreseen.profiles[folder].tags:
        raise UsageError(f"{name[:100]!r} is not a tag of {character}", hint="load the page again")
    section = section_of(next_run.settings(), [*foreseen.slugs], folder)
    under = next_run.settings({}).characters.get(section, CharacterSettings())
    lists = {"trigger": "drop", "caption": "keep", "auto": None}
    return {
        "do": "trait", "section": section, "tag": name, "list": lists[choice],
        "under": {"keep": under.keep, "drop": under.drop},
    }  # fmt: skip


def _is_trait(seen: Seen, settings: Settings) -> bool:
    """Without anything that the settings say about the character."""
    return seen.core and seen.intrinsic and seen.bound >= settings.profile.trait_bound


def _named(name: str, own: CharacterSettings) -> bool:
    return name in {underscored(each) for each in (*own.keep, *own.drop, *(own.traits or ()))}


def _choice(name: str, seen: Seen, own: CharacterSettings, settings: Settings) -> Choice:
    if not _named(name, own) and seen.trait == _is_trait(seen, settings):
        return "auto"
    return "trigger" if seen.trait else "caption"
