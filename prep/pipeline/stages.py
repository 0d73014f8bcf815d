"""One small adapter a stage: what it takes from the run and the record, what it hands to its part, what it says.

A stage is a function (run, record) -> record. The parts know nothing of one another; they meet here. The last stage
is in export.py.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from prep.captions.from_settings import composer_of
from prep.captions.profile import profile_of
from prep.captions.tally import tallied
from prep.checks.retag import read_exclusive
from prep.config import CharacterSettings
from prep.drawing.begin import begin_drawing
from prep.drawing.rounds import Judge, file_away, judged, keep_differences, summary
from prep.edits.from_files import HandEdits
from prep.edits.merge import merged, source
from prep.edits.placed import adopt_renamed, read_placement
from prep.jobs.draw import DrawJob
from prep.jobs.tag import ScoreBook, TagJob, tag_recipe
from prep.models.choose_models import fetched, is_trial, tagger_of
from prep.models.residency import MEMORY
from prep.names import printable, slugs
from prep.pipeline.records import Captioned, Drawn, Found, Profiled, Scanned, Tagged
from prep.protocols import Job, Notes, Outcome
from prep.run import Places, Run, image_key
from prep.scan.copies import marked
from prep.scan.find import find_images
from prep.scan.measure import SCAN, ScanJob, is_current, path_key, ref_from_scan
from prep.scan.select import capped, select
from prep.tagging.filters import read_patterns
from prep.tagging.thresholds import level_of
from prep.types import Problem, Row

SCAN_BATCH = 128
NO_TAGS = Problem("caption", "no_tags", "no tag passed its threshold", "is it anime art, and at least 512 px?")


def scan(run: Run, found: Found) -> Scanned:
    settings = run.settings
    job = ScanJob(run.src, run.ledger, settings.scan.max_pixels, settings.thresholds.measure_px, SCAN_BATCH)
    book = run.ledger.book(SCAN, job.recipe)

    refs, todo = [], []
    files = found.listing.files
    for file, row in zip(files, book.rows(path_key(file.path) for file in files), strict=True):
        if run.options.rehash or not is_current(row, file) or run.options.retry and row["problem"]:
            todo.append(file)
        else:
            refs.append(ref_from_scan(file, row))
    run.wants("scan", len(todo))
    if todo:
        for _ in carried(run, job, todo, "scan"):
            pass
        book = run.ledger.book(SCAN, job.recipe)
    read = zip(todo, book.rows(path_key(file.path) for file in todo), strict=True)
    refs += [ref_from_scan(file, row) for file, row in read if row is not None]
    run.problems |= dict(found.listing.problems) | {ref.path: ref.problem for ref in refs if ref.problem}
    run.report.say(f"scan: {len(files):,} files: {len(todo):,} read, {len(files) - len(todo):,} unchanged")
    if found.listing.hidden:
        names = ", ".join(printable(name) for name in found.listing.hidden)
        run.report.say(f"scan: hidden folders are passed over: {names}. Rename those that are characters")
    rows = marked(
        select(refs, settings.scan),
        lambda ref: (run.src / ref.path).read_bytes(),
        run.ledger,
        settings.scan.near_copies == "drop",
        settings.scan.max_pixels,
    )
    places = Places(run.src, run.out, slugs(found.listing.characters))
    return Scanned.grown(found, places=places, rows=tuple(capped(rows, settings.scan.max_images)))


def tag(run: Run, scanned: Scanned) -> Tagged:
    wanted = {row.ref.sha256: row.ref for row in scanned.rows if row.status == "kept"}
    tagger = tagger_of(run.ledger, run.settings, may_fetch=not run.options.dry)
    recipe = tag_recipe(tagger)
    book = ScoreBook(run.ledger, recipe)
    todo = [ref for sha256, ref in wanted.items() if sha256 not in book]
    done = len(wanted) - len(todo)
    failed: dict[str, Problem] = {}
    run.wants("tag", len(todo))
    if todo:
        run.report.say(f"tag: {len(todo):,} images with {tagger.name} ({done:,} done before)")
        if not run.options.dry:
            tagger = fetched(tagger, run.settings)
        job = TagJob(run.src, run.ledger, tagger, run.settings.scan.max_pixels)
        for outcome in carried(run, job, todo, "tag"):
            if outcome.problem:
                failed[outcome.subject] = outcome.problem
        MEMORY.clear()
        run.problems |= {wanted[sha256].path: problem for sha256, problem in failed.items()}
        book = ScoreBook(run.ledger, recipe)
    elif done:
        run.report.say(f"tag: all {done:,} images were tagged before; no model was loaded")
    else:
        run.report.say("tag: no images to tag")

    def with_verdict(row: Row) -> Row:
        if row.status != "kept" or row.ref.sha256 in book:
            return row
        problem = failed.get(row.ref.sha256)
        return replace(row, status="unreadable", reason=problem.kind if problem else "not_tagged")

    rows = tuple(map(with_verdict, scanned.rows))
    changed = any(problem.kind == "changed" for problem in failed.values())
    return Tagged.grown(scanned, rows=rows, tagger=tagger, tag_recipe=recipe, scores=book, changed=changed)


def look_again(run: Run, tagged: Tagged) -> Found:
    """Files changed since the scan: once more from the top, for what differs. What changes again is a problem."""
    run.report.say("tag: some images changed while prep was at work and are read again")
    for row in tagged.rows:
        run.problems.pop(row.ref.path, None)
    return Found(listing=find_images(run.src, run.out))


def profile(run: Run, tagged: Tagged) -> Profiled:
    composer = composer_of(run.settings, tagged.scores.vocabulary)
    intrinsic = read_patterns(run.settings.profile.intrinsic, "profile.intrinsic")
    images: dict[str, list[tuple[str, str]]] = {character: [] for character in tagged.places.slugs}
    for row in tagged.rows:
        if row.status == "kept":
            level = level_of(row.ref.edge_density, run.settings.thresholds)
            images[row.ref.character].append((row.ref.sha256, level))
    own = run.settings.characters
    profiles = {
        character: profile_of(
            character,
            slug,
            tallied(composer, tagged.scores, images[character]),
            len(images[character]),
            intrinsic,
            run.settings.profile,
            own.get(character, CharacterSettings()),
        )  # fmt: skip
        for character, slug in tagged.places.slugs.items()
    }
    for character, found in profiles.items():
        traits = ", ".join(composer.caption_text(name) for name in found.tags if found.tags[name].trait) or "none"
        run.report.say(f"profile: {printable(character)}: {found.images:,} images, traits: {traits}")
    return Profiled.grown(tagged, composer=composer, profiles=profiles)


def caption(run: Run, profiled: Profiled) -> Captioned:
    kohya, in_source = run.out / "kohya", run.settings.captions.sidecars == "source"
    adopt_renamed(kohya, run.ledger)
    placement = read_placement(kohya, run.ledger)
    edits = HandEdits(run.ledger, placement, run.src, in_source)
    run.problems |= edits.look(profiled.rows)
    edits.note_removals(profiled.rows, profiled.places.group, run.options.restore)
    rows = tuple(captioned(run, profiled, edits, row) for row in profiled.rows)
    run.problems |= {row.ref.path: NO_TAGS for row in rows if "no_tags" in row.flags} | run.problems
    kept = [row for row in rows if row.status == "kept"]
    sources = Counter(row.caption_source for row in kept)
    text = ", ".join(f"{sources[name]:,} {name}" for name in ("machine", "hand", "merged") if sources[name])
    run.report.say(f"caption: {text or 'nothing to caption'}")
    counts = Counter(map(profiled.places.group, kept))
    return Captioned.grown(profiled, rows=rows, placement=placement, edits=edits, counts=counts)


def captioned(run: Run, record: Profiled, edits: HandEdits, row: Row) -> Row:
    """The row with what the machine says and what a person made of it. Made once a run."""
    if not row.ref.width:
        return row
    subject = image_key(row)
    row = replace(row, complexity=level_of(row.ref.edge_density, run.settings.thresholds))
    if row.status != "kept" and not row.made:
        return row
    scores = record.scores[row.ref.sha256]
    machine = record.composer.caption(scores, row.complexity, record.profiles[row.ref.character])
    flags = set(row.flags)
    if not machine.tags and not machine.removed:
        flags.add("no_tags")
    if is_trial_row(record, row):
        flags.add("starter")
    row = replace(row, caption=machine, flags=tuple(sorted(flags)))
    if not row.trains:
        return row
    if subject in edits.taken_out:
        return replace(row, status="excluded")
    if subject in edits.untouchable:
        return replace(row, caption_source="hand")
    hand = edits.hand(row)
    text = merged(hand, machine.items)
    return replace(row, final_text=text, caption_source=source(hand, text))


def generate(run: Run, record: Captioned) -> Captioned:
    first = record.drawing is None
    drawing = record.drawing
    if first:
        drawing = begin_drawing(
            record.rows, record.profiles, record.known, record.places, run.settings, not run.options.dry
        )
    if drawing is None:
        return record
    damaged = drawing.measure(run.ledger)
    missing = {request.key for request in [*drawing.missing(run.ledger), *damaged]}
    todo = [request for request in drawing.requests if request.key in missing]
    run.wants("generate", len(todo))
    if todo:
        run.report.say(f"generate: {len(todo):,} pictures with {drawing.card.name}")
        settings = run.settings
        job = DrawJob(run.out, run.ledger, drawing.generator, drawing.parents, record.places.slugs,
                      settings.thresholds.measure_px, settings.scan.max_pixels, todo)  # fmt: skip
        for outcome in carried(run, job, todo, "draw", notes="generate"):
            if outcome.problem:
                run.problems[f"generated/{outcome.subject}"] = outcome.problem
    elif first:
        run.report.say(f"generate: all {len(drawing.requests):,} pictures were drawn before; no model was loaded")
    return replace(record, drawing=drawing)


def check(run: Run, record: Captioned) -> Drawn:
    """Reads what was drawn with the tagger that read the real images, and says whether more is to be tried."""
    drawing = record.drawing
    if drawing is None:
        return Drawn.grown(record)
    refs = [ref for _, _, ref in drawing.drawn(run.ledger)]
    unread = list({ref.sha256: ref for ref in refs if ref.sha256 not in record.scores}.values())
    run.wants("check", len(unread))
    if unread:
        run.report.say(f"check: {len(unread):,} drawn pictures are read by {record.tagger.name}")
        tagger = fetched(record.tagger, run.settings)
        job = TagJob(run.out, run.ledger, tagger, run.settings.scan.max_pixels)
        for outcome in carried(run, job, unread, "check"):
            if outcome.problem:
                run.problems[f"generated/{outcome.subject}"] = outcome.problem
        record = replace(record, scores=ScoreBook(run.ledger, record.tag_recipe))
    judge = Judge(
        record.scores, record.composer, record.profiles, read_exclusive(run.settings.check.exclusive),
        record.known, run.settings,
    )  # fmt: skip
    rows, differences = judged(drawing, judge, run.ledger, record.drawn)
    keep_differences(run.ledger, differences)
    rows = file_away(rows, record.places)
    record.edits.note_removals(rows, record.places.group, run.options.restore)
    drawn = (*record.drawn, *(captioned(run, record, record.edits, row) for row in rows))
    grown = drawing.grown((*record.drawn, *rows))
    if grown is not drawing:
        return Drawn.grown(record, drawing=grown, drawn=drawn, enough=False)
    MEMORY.clear()
    run.report.say(f"check: {summary(drawn)}")
    rows = tuple(sorted((*record.rows, *drawn), key=place_in_manifest))
    counts = record.counts + Counter(record.places.group(row) for row in drawn if row.trains)
    return Drawn.grown(record, rows=rows, drawn=drawn, counts=counts, enough=True)


def carried(run: Run, job: Job, work: Sequence[Any], label: str, notes: str = "") -> Iterator[Outcome]:
    """The outcomes of a job where the runner carries it, with a bar. notes: the stage that its notes are kept under."""

    def without_notes(outcomes: Iterator[Outcome | Notes]) -> Iterator[Outcome]:
        for outcome in outcomes:
            if isinstance(outcome, Notes):
                run.notes |= {notes: dict(outcome.found)} if notes else {}
            else:
                yield outcome

    # Closed here, also when interrupted: what is done is flushed while the lock is still held.
    with closing(run.runner.map(job, work)) as outcomes:
        yield from run.report.bar(label, without_notes(outcomes), len(work))


def is_trial_row(record: Profiled, row: Row) -> bool:
    """Whether a starter model read it, or drew it."""
    drawing = record.drawing if isinstance(record, Captioned) else None
    return is_trial(record.tagger) or bool(row.made and drawing and is_trial(drawing.generator))


def place_in_manifest(row: Row) -> tuple:
    ref = row.ref
    return ref.character, row.origin, ref.sha256, ref.path.encode(errors="surrogateescape")
