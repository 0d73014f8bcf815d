"""What a reading is told as: its tags above the threshold, and a caption in one of the styles."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from prep.captions.compose import Composer, prompt_text
from prep.captions.sentence import sentence
from prep.checks.retag import read_exclusive
from prep.sections import Settings
from prep.service.reading import Reading
from prep.types import Caption, Profile, TagScores

STYLES = ("tags", "sentence")


def caption_of(
    composer: Composer, reading: Reading, style: str, trigger: str = "", threshold: float | None = None,
    scores: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """threshold: None for the one of its level. scores: all of them, too. -> what fields.ReadPicture has."""
    if threshold is not None:
        own = composer.selector.settings.model_copy(update={"mode": "fixed", "fixed": threshold})
        composer = replace(composer, selector=replace(composer.selector, settings=own))
    found = _composed(composer, reading, trigger)
    tags = [{"name": tag.name, "category": tag.category, "score": round(tag.score, 4)} for tag in found.tags]
    return {
        "caption": _text(found, style, trigger),
        "tags": tags,
        **({"scores": _scores(reading.scores)} if scores else {}),
        "rating": found.rating,
        "edge_density": round(reading.edge_density, 6),
        "level": reading.level,
        "threshold": round(float(found.threshold), 6),
    }


def tags_of(composer: Composer, reading: Reading) -> list[str]:
    """Its tags, as prompts spell them."""
    return [prompt_text(tag.name) for tag in _composed(composer, reading, "").tags]


def changed(tags: Sequence[str], prompt: str, settings: Settings) -> str:
    """A prompt for the same picture in which the tags of `prompt` take the place of those that exclude them.

    tags: of the picture. Raises SettingsError for the list of what excludes what.
    """
    exclusive = read_exclusive(settings.check.exclusive)
    asked = [part.strip() for part in prompt.split(",") if part.strip()]
    named = {part.replace(" ", "_").lower() for part in asked}
    gone = named.union(*(exclusive.against(name) for name in named))
    return ", ".join([*asked, *(tag for tag in tags if tag.replace(" ", "_") not in gone)])


def _scores(found: TagScores) -> list[dict[str, Any]]:
    names, categories = found.vocabulary.names, found.vocabulary.categories
    values = zip(found.index.tolist(), found.score.tolist(), strict=True)
    return [{"name": names[at], "category": categories[at], "score": round(score, 4)} for at, score in values]


def _composed(composer: Composer, reading: Reading, trigger: str) -> Caption:
    return composer.caption(reading.scores, reading.level, Profile("", trigger, 0, {}))


def _text(caption: Caption, style: str, trigger: str) -> str:
    if style == "sentence":
        text = sentence([tag.name for tag in caption.tags])
        return ", ".join(filter(None, (trigger, text)))
    return ", ".join(filter(None, caption.items))
