"""Prepare drawing: which generator, which vocabulary, which requests. Reads no weights."""

import logging
from collections.abc import Sequence

from prep.captions.compose import prompt_text
from prep.checks.retag import Exclusive, read_exclusive
from prep.config import Settings
from prep.drawing.prompts import read_vary
from prep.drawing.rounds import Drawing, plan_character, style_of
from prep.models.choose_models import card_of, generator_of, no_sampler
from prep.names import printable
from prep.run import Places
from prep.types import Profile, Row

log = logging.getLogger(__name__)


def begin_drawing(
    rows: Sequence[Row],
    profiles: dict[str, Profile],
    known: frozenset[str],
    places: Places,
    settings: Settings,
    may_fetch: bool,
) -> Drawing | None:
    """What to draw; None when there is nothing. rows: real images with captions. known: the tagger's tags.

    Raises SettingsError, StoppedError, WeightsError.
    """
    ref = generator_of(settings, may_fetch)
    if ref is None:
        return None
    card = card_of(ref)
    if settings.generator.sampler not in card.samplers:
        raise no_sampler(card.name, settings.generator.sampler, card.samplers)
    exclusive: Exclusive = read_exclusive(settings.check.exclusive)
    groups, unknown = read_vary(settings.augmentation.vary, known)
    if unknown:
        names = ", ".join(prompt_text(tag) for tag in unknown)
        log.info(f"generate: the tagger does not know {names}; options with these tags are skipped")
    for character, profile in profiles.items():
        if lack := _lack(profile):
            log.info(f"generate: {printable(character)} {lack}")
    style = style_of(card, ref.digest, exclusive, settings)
    kept: dict[str, list[Row]] = {character: [] for character in profiles}
    for row in rows:
        if row.status == "kept":
            kept[row.ref.character].append(row)
    plans = (plan_character(profiles[name], found, groups, style, settings) for name, found in kept.items() if found)
    return Drawing(tuple(plans), ref, card, places, settings.thresholds.measure_px, settings.scan.max_pixels)


def _lack(profile: Profile) -> str:
    """What a character lacks for drawing, and what to do; empty when nothing is missing."""
    if profile.images and not profile.core:
        return (
            "has no core tags, so no consistency samples are drawn: add images that are more alike, "
            "or lower profile.core_share"
        )
    if profile.images and not profile.body:
        return (
            "has no feature of the body (hair, eyes, ears ...) among its core tags, so the check cannot judge drawn "
            "pictures of it: look at them, and accept the right ones with `prep accept`"
        )
    if profile.images == 1:
        return "has only one image, so all is drawn from that; prep finds traits from three images on"
    return ""
