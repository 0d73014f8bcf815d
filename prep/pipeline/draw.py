"""The stages that draw and read back: what is drawn and kept for each character. stages.py has the earlier stages."""

import os
from dataclasses import replace

from prep.aside import is_lost, set_aside
from prep.checks.retag import read_exclusive
from prep.dataset.read_back import told
from prep.drawing.begin import begin_drawing
from prep.drawing.measure import Measured, measure
from prep.drawing.rounds import Judge, file_away, judged, keep_differences, overruled, summary
from prep.drawing.standing import JUDGED, Judged, keep_judged, read_back, rows_of, standing
from prep.edits.follow import move
from prep.edits.history import MOVED
from prep.jobs.draw import DrawJob
from prep.jobs.tag import ScoreBook, TagJob
from prep.models.choose_models import fetched
from prep.models.residency import MEMORY
from prep.names import quantity
from prep.pipeline.carried import carried
from prep.pipeline.decided import captioned, training
from prep.pipeline.records import Captioned, Drawn
from prep.run import Run
from prep.types import Problem, Row

FORGOTTEN = Problem(
    "generate",
    "forgotten",
    "is no longer in the set: you edited it, and the part of the ledger that said what it was drawn for is lost",
    "to train on it, put it into its character's folder in SRC",
)


def generate(run: Run, record: Captioned) -> Captioned:
    first = record.drawing is None
    drawing = record.drawing
    if first:
        drawing = begin_drawing(
            record.rows, record.profiles, record.known, record.places, run.settings, not run.options.dry
        )
    if drawing is None:
        return record
    settle(run, record, drawing.measure(run.ledger))
    missing = {request.key for request in drawing.missing()}
    todo = [request for request in drawing.requests if request.key in missing]
    run.wants("generate", len(todo))
    if todo:
        again = "" if first else ", in place of some that were not accepted"
        run.report.say(f"generate: {quantity(len(todo), 'picture')} with {drawing.card.name}{again}")
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
    """Read what was drawn, with the tagger that read the real images, and decide whether to try more."""
    drawing = record.drawing
    judged_before = [] if drawing else drawn_before(run, record)
    if drawing:
        refs = [ref for _, _, ref in drawing.drawn(run.ledger)]
    else:
        measure_px = run.settings.thresholds.measure_px
        settle(run, record, measure([(request, path) for request, _, path in judged_before], run.ledger, measure_px))
        stay = rows_of(judged_before, run.ledger, record.places, measure_px)
        refs = [row.ref for row in stay]
    unread = list({ref.sha256: ref for ref in refs if ref.sha256 not in record.scores}.values())
    run.wants("check", len(unread))
    if unread:
        run.report.say(f"check: {record.tagger.name} reads {quantity(len(unread), 'drawn picture')}")
        tagger = fetched(record.tagger, run.settings)
        job = TagJob(run.out, run.ledger, tagger, run.settings.scan.max_pixels)
        for outcome in carried(run, job, unread, "check"):
            if outcome.problem:
                run.problems[f"generated/{outcome.subject}"] = outcome.problem
        record = replace(record, scores=ScoreBook(run.ledger, record.tag_recipe))
    decided = record.edits.decisions.verdict
    if drawing:
        exclusive = read_exclusive(run.settings.check.exclusive)
        judge = Judge(
            record.scores, record.composer, record.profiles, exclusive, record.known, run.settings, decided
        )  # fmt: skip
        rows, differences = judged(drawing, judge, run.ledger, record.drawn)
        keep_differences(run.ledger, differences)
    else:
        rows = [overruled(row, decided) for row in stay if row.ref.sha256 in record.scores]
    rows = file_away(rows, record.places, run.ledger)
    record.edits.note_removals(training(rows), run.options.restore)
    drawn = (*record.drawn, *captioned(run, record, rows))
    if drawing:
        grown = drawing.grown((*record.drawn, *rows))
        if grown is not drawing:
            return Drawn.grown(record, drawing=grown, drawn=drawn, enough=False)
        keep_judged(drawn, run.ledger)
    MEMORY.clear()
    if drawing:
        run.report.say(f"check: {summary(drawn)}")
    elif drawn:
        run.report.say(f"check: {len(drawn):,} pictures that were drawn before stay as they are")
    rows = tuple(sorted((*record.rows, *drawn), key=place_in_manifest))
    return Drawn.grown(record, rows=rows, drawn=drawn, enough=True)


def drawn_before(run: Run, record: Captioned) -> list[Judged]:
    """What was drawn and judged in the last run."""
    found = standing(run.ledger, record.places, record.rows)
    if is_lost(run.out, run.ledger, JUDGED) or not run.ledger.parts(JUDGED):  # 0.1.0 kept no verdicts
        for path in read_back(told(run.out), run.ledger, record.places):
            run.problems[path.relative_to(run.out).as_posix()] = FORGOTTEN
        found = standing(run.ledger, record.places, record.rows)
    return found


def settle(run: Run, record: Captioned, found: Measured) -> None:
    """A drawn picture that the user edited is the user's: it keeps its caption, and trains if the picture did, whatever
    the tagger reads in it now. A damaged one is set aside.
    """
    edits = record.edits
    for old, new in found.retouched.items():
        placed = edits.placement[old]
        move(edits.decisions, edits.placement, old, new, same_picture=False)
        if placed and placed.state == "placed" and edits.decisions.verdict(new) is None:
            edits.decisions.decide({new: "accepted"}, MOVED)
    for path in found.damaged.values():
        if not run.options.dry:
            set_aside(run.out, path, "is no longer a picture", run.ledger)
    if found.retouched:
        run.report.say(f"generate: {len(found.retouched):,} drawn pictures were changed by hand, and stay as they are")


def place_in_manifest(row: Row) -> tuple:
    ref = row.ref
    return ref.character, row.origin, ref.sha256, os.fsencode(ref.path)
