"""One small adapter per stage: what it takes from the run and the record, what it passes to its part, what it prints.

A stage is a function (run, record) -> record. The parts know nothing about each other; they meet here. The stages that
draw are in draw.py, the last one is in export.py.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter

from prep.blocks import Packed, batched
from prep.captions.from_settings import composer_of
from prep.captions.profile import profile_of
from prep.captions.tally import Tally, tallied, together
from prep.captions.triggers import trigger_lines
from prep.captions.variants import variant_profile
from prep.checks.retag import read_exclusive
from prep.files import PICTURE_BYTES, read_file
from prep.index import Hashes
from prep.jobs.tag import ScoreBook, TagJob, tag_recipe
from prep.models.choose_models import fetched, tagger_of
from prep.models.residency import MEMORY
from prep.names import printable, quantity
from prep.pipeline.along import changed_meanwhile
from prep.pipeline.carried import carried
from prep.pipeline.decided import captioned, known_slugs, look_at_edits, overruled, packed, training, without_trigger
from prep.pipeline.measured import measured
from prep.pipeline.records import Captioned, Found, Profiled, Scanned, Tagged
from prep.pipeline.second import read_by_second, ready, second_reader
from prep.run import Places, Run, image_key
from prep.scan.copies import marked
from prep.scan.find import find_images
from prep.scan.listing import Listing
from prep.scan.select import capped
from prep.sections import CharacterSettings, VariantSettings
from prep.tagging.filters import read_patterns
from prep.tagging.thresholds import level_of
from prep.types import CAPTION_SOURCES, ImageRef, Problem, Row

SHOWN = 4
NO_TAGS = Problem("caption", "no_tags", "no tag passed its threshold", "is it anime art, and at least 512 px?")


def scan(run: Run, found: Found) -> Scanned:
    settings = run.settings
    rows, tagged = measured(run, found)
    for line in folder_lines(found.listing):
        run.report.say(f"scan: {line}")
    rows = marked(
        rows,
        lambda ref: read_file(run.src / ref.path, PICTURE_BYTES, follow=True),
        run.ledger,
        settings.scan.near_copies == "drop",
        settings.scan.max_pixels,
    )
    places = Places(run.src, run.out, known_slugs(run, found.listing.characters))
    if settings.scan.max_images:
        rows = Packed(capped(rows, settings.scan.max_images))
    edits, followed = look_at_edits(run, rows, places.slugs)
    if verdicts := edits.decisions.verdicts():
        rows = Packed(overruled(row, verdicts.get(image_key(row))) for row in rows)
    return Scanned.grown(
        found, places=places, rows=rows, edits=edits, moved=tuple(followed.moved), lost=followed.lost, along=tagged
    )


def folder_lines(listing: Listing) -> Iterator[str]:
    """How folders became characters, where that is not obvious."""
    if listing.numbered:
        names = ", ".join(map(printable, listing.numbered[:SHOWN])) + (", ..." if listing.numbered[SHOWN:] else "")
        yield f"the number in front of a folder's name is ignored, since prep computes its own repeats: {names}"
    nested = [f"{printable(name)}: {quantity(many, 'sub-folder')}" for name, many in listing.nested.items()]
    if nested:
        more = f", and of {len(nested) - SHOWN:,} more" if nested[SHOWN:] else ""
        verb = "is" if [*listing.nested.values()] == [1] else "are"
        yield f"{', '.join(nested[:SHOWN])}{more} {verb} read as one character" + (" each" if nested[1:] else "")


def tag(run: Run, scanned: Scanned) -> Tagged:
    tagger = tagger_of(run.ledger, run.settings, may_fetch=not run.options.dry)
    second = second_reader(run, tagger)
    recipe = tag_recipe(tagger)
    book = ScoreBook(run.ledger, recipe)
    wanted = Hashes()
    todo = Packed(_unread(_kept(scanned.rows, wanted), book))
    along = sum(sha256 in wanted for sha256 in scanned.along)
    done = len(wanted) - len(todo) - along
    by_second = ScoreBook(run.ledger, second.recipe) if second else None
    second_reads = second is not None and any(_unread(_kept(scanned.rows), by_second))
    if second_reads and not run.options.dry:
        second = ready(run, second)
    failed: dict[str, Problem] = {}
    run.wants("tag", len(todo))
    if todo or along:
        run.report.say(f"tag: {len(todo) + along:,} images with {tagger.name} ({done:,} done before)")
    elif done:
        loaded = "" if second_reads else "; no model was loaded"
        run.report.say(f"tag: all {done:,} images were tagged before{loaded}")
    else:
        run.report.say("tag: no images to tag")
    if todo:
        if not run.options.dry:
            tagger = fetched(tagger, run.settings)
        job = TagJob(run.src, run.ledger, tagger, run.settings.scan.max_pixels)
        for outcome in carried(run, job, todo, "tag"):
            if outcome.problem:
                failed[outcome.subject] = outcome.problem
        run.problems |= _by_path(scanned.rows, failed)
        book = ScoreBook(run.ledger, recipe)
    if todo or along:
        MEMORY.clear()
    problems: dict[str, Problem] = {}
    if second:
        unread = Packed(ref for ref in _unread(_kept(scanned.rows), by_second) if ref.sha256 in book)
        run.wants("second", len(unread))
        if unread:
            by_second, problems = read_by_second(run, second, unread, run.src, "tag")
            run.problems |= _by_path(scanned.rows, problems)
        book = book.beside(by_second)

    since = changed_meanwhile(run, scanned)
    run.problems |= since

    without = {ref.sha256 for ref in _unread(todo, book)}

    def with_verdict(row: Row) -> Row:
        if row.status != "kept" or row.ref.sha256 not in without and row.ref.path not in since:
            return row
        problem = since.get(row.ref.path) or failed.get(row.ref.sha256)
        return row._replace(status="unreadable", reason=problem.kind if problem else "not_tagged")

    rows = Packed(map(with_verdict, scanned.rows)) if without or since else scanned.rows
    changed = bool(since) or any(problem.kind == "changed" for problem in (*failed.values(), *problems.values()))
    return Tagged.grown(
        scanned, rows=rows, tagger=tagger, tag_recipe=recipe, scores=book, changed=changed, second=second,
        along=frozenset(),
    )  # fmt: skip


def _kept(rows: Iterable[Row], seen: Hashes | None = None) -> Iterator[ImageRef]:
    """seen: gets the sha256 of each."""
    for row in rows:
        if row.status == "kept":
            if seen is not None:
                seen.add(row.ref.sha256)
            yield row.ref


def _unread(refs: Iterable[ImageRef], book: ScoreBook) -> Iterator[ImageRef]:
    """Those without scores, each picture once: two characters may share one."""
    seen: set[str] = set()
    for block in batched(refs):
        without = {*book.lacks([ref.sha256 for ref in block])} - seen
        for ref in block:
            if ref.sha256 in without:
                without.remove(ref.sha256)
                seen.add(ref.sha256)
                yield ref


def _by_path(rows: Iterable[Row], problems: Mapping[str, Problem]) -> dict[str, Problem]:
    """Path -> problem. problems: sha256 -> problem."""
    paths = {row.ref.sha256: row.ref.path for row in rows if row.status == "kept" and row.ref.sha256 in problems}
    return {path: problems[sha256] for sha256, path in paths.items()}


def look_again(run: Run, tagged: Tagged) -> Found:
    """Files changed since the scan: start again for what differs. A file that changes again is a problem."""
    run.report.say("tag: some images changed while prep was running and are read again")
    for row in tagged.rows:
        run.problems.pop(row.ref.path, None)
    return Found(listing=find_images(run.src, run.out))


def profile(run: Run, tagged: Tagged) -> Profiled:
    second = tagged.scores.second
    composer = composer_of(run.settings, tagged.scores.vocabulary, second.vocabulary if second else None)
    intrinsic = read_patterns(run.settings.profile.intrinsic, "profile.intrinsic")
    hiders = read_exclusive(run.settings.check.exclusive).hiders(intrinsic)
    images: dict[str, dict[str, int]] = {character: {} for character in tagged.places.slugs}
    tallies: dict[str, dict[str, Tally]] = {character: {} for character in images}
    kept = (row.ref for row in tagged.rows if row.status == "kept")
    for character, refs in groupby(kept, key=attrgetter("character")):
        by_variant: dict[str, list[tuple[str, str]]] = {}
        for ref in refs:
            level = level_of(ref.edge_density, run.settings.thresholds)
            by_variant.setdefault(ref.variant, []).append((ref.sha256, level))
        images[character] = {variant: len(some) for variant, some in by_variant.items()}
        tallies[character] = {
            variant: tallied(composer, tagged.scores, some, hiders) for variant, some in by_variant.items()
        }
    own = {character: run.settings.characters.get(character, CharacterSettings()) for character in images}
    profiles = {
        character: profile_of(
            character,
            slug,
            together(tallies[character].values()),
            sum(images[character].values()),
            intrinsic,
            run.settings.profile,
            own[character],
        )
        for character, slug in tagged.places.slugs.items()
    }
    variants = {
        (character, variant): variant_profile(
            profiles[character],
            variant,
            tallies[character][variant],
            images[character][variant],
            intrinsic,
            run.settings.profile,
            own[character].variants.get(variant, VariantSettings()),
        )
        for character in profiles
        for variant in sorted(filter(None, images[character]))
    }
    for character, found in profiles.items():
        traits = ", ".join(composer.caption_text(name) for name in found.tags if found.tags[name].trait) or "none"
        run.report.say(f"profile: {printable(character)}: {quantity(found.images, 'image')}, traits: {traits}")
    profiled = Profiled.grown(tagged, composer=composer, profiles=profiles, variants=variants)
    for line in trigger_lines([*profiles.values(), *variants.values()], profiled.known):
        run.report.say(f"profile: {line}")
    return profiled


def caption(run: Run, profiled: Profiled) -> Captioned:
    edits = profiled.edits
    edits.note_removals(training(profiled.rows), run.options.restore)
    sources: Counter[str | None] = Counter()

    def counted(row: Row) -> Row:
        sources[row.caption_source] += row.status == "kept"
        if "no_tags" in row.flags:
            run.problems.setdefault(row.ref.path, NO_TAGS)
        return row

    rows = packed(profiled, map(counted, captioned(run, profiled, profiled.rows)))
    text = ", ".join(f"{sources[name]:,} {words}" for name, words in CAPTION_SOURCES.items() if sources[name])
    run.report.say(f"caption: {text or 'nothing to caption'}")
    by_hand = sources.keys() - {None, "machine"}
    for line in without_trigger(rows if by_hand else (), profiled):
        run.report.say(f"caption: {line}")
    return Captioned.grown(profiled, rows=rows)
