"""Prepare drawing: which generator, which vocabulary, which requests. Reads no weights."""

import logging
from collections.abc import Callable, Mapping, Sequence

from prep.captions.compose import prompt_text
from prep.checks.retag import Exclusive, read_exclusive
from prep.drawing.plans import TRAINED, Drawing, plan_character, style_of
from prep.drawing.situations import read_situations
from prep.drawing.tries import COMPOSITES, bounds_of, tried
from prep.drawing.vary import read_vary
from prep.drawing.wants import Cutting
from prep.models.choose_models import card_of, generator_of, no_sampler
from prep.names import printable
from prep.protocols import Card
from prep.run import Places
from prep.sections import Settings
from prep.types import GenerationRequest, Profile, Row

NOTHING = (
    "nothing that augmentation.vary names can be drawn from its pictures: they show it already, it is a trait, or it "
    f"is drawn only as a composite, and at most one picture in {COMPOSITES} may be one"
)
log = logging.getLogger(__name__)


def begin_drawing(
    rows: Sequence[Row],
    profiles: dict[str, Profile],
    known: frozenset[str],
    places: Places,
    settings: Settings,
    may_fetch: bool,
    before: Sequence[Row] = (),
    gone: Sequence[GenerationRequest] = (),
    cut: Callable[[Sequence[Row], Card], Mapping[str, Cutting]] = lambda rows, card: {},
) -> Drawing | None:
    """What to draw; None when there is nothing.

    rows: real images with captions. known: the tagger's tags. before: what was drawn in earlier runs. gone: what they
    accepted, and whose files are gone: drawn again if this model can. cut: finds the figures that can be cut out.

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
    drawn: dict[str, list[Row]] = {character: [] for character in profiles}
    for row in before:
        drawn[row.ref.character].append(row)
    composites = any(way.manner == "composite" for group in groups for way in group.ways)
    wanted = [name for name, some in kept.items() if bounds_of(profiles[name], len(some), settings).composites]
    cuts = cut([row for name in wanted for row in kept[name]], card) if composites else {}
    same = (ref.digest, card.precision)
    again = [request for request in gone if (request.weights, request.precision) == same]
    situations = read_situations(settings.consistency.situations, known)
    plans = tuple(
        plan_character(profiles[name], found, groups, situations, cuts, drawn[name], again, style, settings)
        for name, found in kept.items()
        if found
    )
    for plan in plans:
        if plan.bounds.target and not tried(plan.wants, plan.bounds, frozenset(), 0, lambda key: None):
            log.info(f"generate: {printable(plan.character)}: {NOTHING}")
    # Samples that are drawn anew are no longer in the set; pictures that train, and their scenes, are.
    stay = {request.key for plan in plans for request in plan.fixed}
    listed = tuple(row for row in before if row.origin in TRAINED or row.made.recipe in stay)
    return Drawing(plans, ref, card, places, settings.thresholds.measure_px, settings.scan.max_pixels, listed)


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
        return "is known from one picture, so all its tags count as the character's; traits are found from three on"
    return ""
