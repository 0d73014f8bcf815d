"""The second reader in a run: it reads what the first has read, and it judges what was drawn."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from prep.captions.compose import Composer
from prep.captions.from_settings import composer_of
from prep.captions.profile import profile_of
from prep.captions.tally import tallied
from prep.checks.retag import read_exclusive
from prep.jobs.tag import ScoreBook, TagJob, tag_recipe
from prep.models.choose_models import fetched, of_the_second, second_of
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.names import quantity
from prep.pipeline.carried import carried
from prep.pipeline.records import Profiled, Second
from prep.run import Run
from prep.sections import CharacterSettings, Settings
from prep.tagging.filters import read_patterns
from prep.tagging.readers import spelt_alike
from prep.tagging.thresholds import level_of
from prep.types import ImageRef, Problem, Profile


def second_reader(run: Run, first: ModelRef) -> Second | None:
    """Chosen before anything is read. Raises like second_of."""
    tagger = second_of(run.ledger, run.settings, first, may_fetch=not run.options.dry)
    return Second(tagger, tag_recipe(tagger)) if tagger else None


def read_by_second(
    run: Run, second: Second, todo: Sequence[ImageRef], folder: Path, stage: str, what: str = "image"
) -> tuple[ScoreBook, dict[str, Problem]]:
    """Let it read images, once the first is done. Their paths are relative to folder.

    -> (its scores of all that it ever read, the sha256 of each image that it could not read: why).
    """
    run.report.say(f"{stage}: {second.tagger.name}, the second reader, reads {quantity(len(todo), what)}")
    failed: dict[str, Problem] = {}
    tagger = second.tagger
    if not run.options.dry:
        with of_the_second():
            tagger = fetched(tagger, run.settings)
    job = TagJob(folder, run.ledger, tagger, run.settings.scan.max_pixels)
    for outcome in carried(run, job, todo, stage):
        if outcome.problem:
            failed[outcome.subject] = outcome.problem
    if stage == "tag":
        MEMORY.clear()
    return ScoreBook(run.ledger, second.recipe), failed


def judging(run: Run, record: Profiled) -> tuple[ScoreBook, Composer, dict[str, Profile], frozenset[str]]:
    """What a verdict on a drawn picture follows from: (scores, composer, character -> profile, known tags), of the
    second reader if there is one: the judge did not write the captions. Tags are spelt as the first spells them.
    """
    first, second = record.scores.vocabulary, record.scores.second
    if second is None or not (first and second.vocabulary):
        return record.scores, record.composer, record.profiles, record.known
    vocabulary = spelt_alike(second.vocabulary, first)
    composer = composer_of(run.settings, vocabulary)
    profiles = dict(_profiles(run.settings, record, composer, second))
    return second, composer, profiles, frozenset(vocabulary.names)


def _profiles(
    settings: Settings, record: Profiled, composer: Composer, scores: ScoreBook
) -> Iterable[tuple[str, Profile]]:
    """By its own reading of each character's real pictures."""
    intrinsic = read_patterns(settings.profile.intrinsic, "profile.intrinsic")
    hiders = read_exclusive(settings.check.exclusive).hiders(intrinsic)
    images: dict[str, list[tuple[str, str]]] = {character: [] for character in record.places.slugs}
    for row in record.rows:
        if row.status == "kept" and not row.made and row.ref.sha256 in scores:
            images[row.ref.character].append((row.ref.sha256, level_of(row.ref.edge_density, settings.thresholds)))
    for character, slug in record.places.slugs.items():
        own = settings.characters.get(character, CharacterSettings())
        tally, count = tallied(composer, scores, images[character], hiders), len(images[character])
        yield character, profile_of(character, slug, tally, count, intrinsic, settings.profile, own)
