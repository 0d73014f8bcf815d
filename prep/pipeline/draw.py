"""The stages that draw and read back: what is drawn and kept for each character. stages.py has the earlier stages."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from heapq import merge

from prep.aside import is_lost, set_aside
from prep.checks.retag import read_exclusive
from prep.dataset.read_back import told
from prep.drawing.begin import begin_drawing
from prep.drawing.measure import Measured, measure
from prep.drawing.plans import Drawing
from prep.drawing.rounds import Judge, file_away, judged, keep_differences, likened, overruled, seen_again, summary
from prep.drawing.standing import JUDGED, Judged, keep_judged, read_back, rows_of, standing
from prep.edits.follow import move
from prep.edits.history import MOVED
from prep.files import is_regular
from prep.jobs.compose import ComposeJob
from prep.jobs.draw import DrawJob
from prep.jobs.witness import WitnessJob, keep_measures, open_witnessed, to_look
from prep.models.choose_models import is_trial
from prep.models.matting import matting_of
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.models.witnesses import witnesses_of
from prep.names import quantity
from prep.pipeline.carried import carried
from prep.pipeline.composites import cuttings
from prep.pipeline.decided import captioned, packed, training
from prep.pipeline.read_made import read_made
from prep.pipeline.records import Captioned, Drawn
from prep.pipeline.renamed import followed
from prep.pipeline.second import judging
from prep.protocols import Job
from prep.registry import family
from prep.run import Run
from prep.types import GenerationRequest, ImageRef, Problem, Row

FORGOTTEN = Problem(
    "generate",
    "forgotten",
    "is no longer in the set: you edited it, and the part of the ledger that said what it was drawn for is lost",
    "to train on it, put it into its character's folder in SRC",
)


def generate(run: Run, record: Captioned) -> Captioned:
    """Draw what is missing: pictures by the model, then composites of the scenes that were accepted."""
    first = not record.begun
    if first:
        record = begin(run, record)
    drawing = record.drawing
    if drawing is None:
        return record
    settle(run, record, drawing.measure(run.ledger))
    todo = drawing.missing()
    run.wants("generate", len(todo))
    if todo:
        count = quantity(len(todo), "picture" if first else "more picture")
        run.report.say(f"generate: {count} with {drawing.card.name}")
        failed = {}
        for job, work in jobs(run, record, drawing, todo):
            for outcome in carried(run, job, work, job.name, notes="generate" if job.name == "draw" else ""):
                if outcome.problem:
                    failed[outcome.subject] = outcome.problem
        run.problems |= {f"generated/{key}": problem for key, problem in failed.items()}
        record = replace(record, failed={key: problem.kind for key, problem in failed.items()})
    return replace(record, drawing=drawing)


def begin(run: Run, record: Captioned) -> Captioned:
    """With what earlier runs drew, and with what is to be drawn now."""
    before, measure_px = drawn_before(run, record), run.settings.thresholds.measure_px
    before = followed(run, record, before)
    there = [(request, path) for request, _, path in before if path]
    settle(run, record, measure(there, run.ledger, measure_px))
    before = [(request, check, path if path and is_regular(path) else None) for request, check, path in before]
    rows = rows_of(before, run.ledger, record.places, measure_px)
    stay = tuple(overruled(row, record.edits.decisions.verdict) for row in rows)
    gone = [request for request, check, path in before if check.kept and not path]
    drawing = begin_drawing(
        record.rows, record.profiles, record.known, record.places, run.settings, not run.options.dry, stay, gone,
        partial(cuttings, run),
    )  # fmt: skip
    return replace(record, begun=True, before=stay, drawing=drawing)


def jobs(
    run: Run, record: Captioned, drawing: Drawing, todo: list[GenerationRequest]
) -> Iterator[tuple[Job, list[GenerationRequest]]]:
    """(job, its requests): first the model's pictures, then the composites, whose scenes are there by now."""
    settings, slugs = run.settings, record.places.slugs
    measure_px, max_pixels = settings.thresholds.measure_px, settings.scan.max_pixels
    drawn = [request for request in todo if request.manner != "composite"]
    if drawn:
        yield DrawJob(run.out, run.ledger, drawing.generator, drawing.parents, slugs, measure_px, max_pixels,
                      drawn), drawn  # fmt: skip
    composed = sorted((request for request in todo if request.manner == "composite"), key=lambda each: each.parent)
    if composed:
        asked = [each for each in drawing.requests if each.kind == "scene"]
        asked += [row.made.request for row in drawing.before if row.origin == "scene"]
        scenes = {each.key: path for each in asked if (path := drawing.place(each))}
        yield ComposeJob(run.out, run.ledger, matting_of(settings), drawing.parents, scenes, slugs, measure_px,
                         max_pixels), composed  # fmt: skip


def check(run: Run, record: Captioned) -> Drawn:
    """Read what was drawn, with the taggers that read the real images, and decide whether to try more."""
    drawing = record.drawing
    refs = [row.ref for row in record.before if not record.drawn]
    composed = {row.ref.sha256 for row in record.before if row.made.by == "composite" or row.origin == "scene"}
    if drawing:
        for _, request, ref in drawing.drawn(run.ledger):
            refs.append(ref)
            if request.manner == "composite" or request.kind == "scene":
                composed.add(ref.sha256)
    made = list({ref.sha256: ref for ref in refs}.values())
    record, read = read_made(run, record, made, "check", "drawn picture")
    run.wants("check", read)
    real = real_refs(record) if refs else {}
    witnesses = watch(run, record, refs, composed, real)
    exclusive = read_exclusive(run.settings.check.exclusive)
    scores, composer, profiles, known = judging(run, record)
    judge = Judge(
        scores, composer, profiles, exclusive, known, run.settings,
        open_witnessed(run.ledger, witnesses), real, record.edits.decisions.verdict, record.scores,
    )  # fmt: skip
    if drawing:
        rows, differences = judged(drawing, judge, run.ledger, record.drawn)
        keep_differences(run.ledger, differences)
    else:
        read = (row for row in record.before if row.ref.sha256 in record.scores)
        rows = [seen_again(row, judge) if row.made.check.kept else row for row in read]
    rows = file_away(rows, record.places, run.ledger)
    record.edits.note_removals(training(rows), run.options.restore)
    drawn = (*record.drawn, *captioned(run, record, rows))
    if drawing:
        grown = drawing.grown(rows, record.failed)
        if grown is not drawing:
            keep_measures(run.ledger, judge.witnessed, witnesses)
            return Drawn.grown(record, drawing=grown, drawn=drawn, enough=False)
    drawn = likened(drawn, judge)
    keep_measures(run.ledger, judge.witnessed, witnesses)
    if drawing:
        keep_judged(drawn, run.ledger, record.places, record.rows)
    MEMORY.clear()
    if drawing:
        if not run.todo["generate"]:
            count = len({request.key for request in drawing.requests} | drawing.judged_before.keys())
            run.report.say(f"generate: all {count:,} pictures were drawn before; no model was loaded")
        run.report.say(f"check: {summary(drawn)}")
        for line in warnings(drawing, drawn):
            run.report.say(f"check: {line}")
    elif drawn:
        run.report.say(f"check: {len(drawn):,} pictures that were drawn before stay as they are")
    made = sorted((*record.crops, *drawn), key=place_in_manifest)
    rows = packed(record, merge(record.rows, made, key=place_in_manifest)) if made else record.rows
    return Drawn.grown(record, rows=rows, drawn=drawn, enough=True)


def watch(
    run: Run, record: Captioned, refs: Sequence[ImageRef], composed: set[str], real: dict[str, list[ImageRef]]
) -> list[ModelRef]:
    """Let the witnesses look at what they have not seen. -> those that judge this run's pictures.

    composed: sha256 of composites and scenes. The starter's own witness judges neither these, nor what was accepted
    before it was there.
    """
    drawing, settings = record.drawing, run.settings
    if not refs:
        return []
    witnesses = witnesses_of(settings, drawing is not None and is_trial(drawing.generator))
    passed = composed | {row.ref.sha256 for row in record.before if row.made.check.kept}
    for witness in witnesses:
        shown = [ref for ref in refs if not (witness.spec.packaged and ref.sha256 in passed)]
        todo = to_look(run.ledger, witness, shown, real)
        if todo:
            run.report.say(f"check: {witness.name} looks at {quantity(len(todo), 'picture')}")
            job = WitnessJob(run.src, run.out, run.ledger, witness, settings.scan.max_pixels)
            for outcome in carried(run, job, todo, "look"):
                if outcome.problem:
                    run.problems[f"generated/{outcome.subject}"] = outcome.problem
    return witnesses


def real_refs(record: Captioned) -> dict[str, list[ImageRef]]:
    """Character -> its real pictures in the set."""
    found: dict[str, list[ImageRef]] = {}
    for row in record.rows:
        if row.status == "kept" and not row.made:
            found.setdefault(row.ref.character, []).append(row.ref)
    return found


def warnings(drawing: Drawing, drawn: Sequence[Row]) -> Iterator[str]:
    """Lines about accepted pictures that a real model draws, and of an earlier trial; none for the starter."""
    if is_trial(drawing.generator):
        return
    trial, base = family("generator").trial, drawing.card.name
    makers = Counter(row.made.request.generator for row in drawn if row.trains and row.made.by == "generator")
    if count := makers[base]:
        yield (
            f"{_drawn(count)} by {base}. If you train that model, they teach it what it draws already: keep their "
            "share small (augmentation.share)"
        )
    if count := makers[trial]:
        yield (
            f"{_drawn(count)} by the starter in a trial, and count: `prep reject` takes them out, and others are drawn "
            "in their place"
        )


def _drawn(count: int) -> str:
    return f"{quantity(count, 'accepted picture')} {'was' if count == 1 else 'were'} drawn"


def drawn_before(run: Run, record: Captioned) -> list[Judged]:
    """What was drawn and judged in the last run."""
    found = standing(run.ledger, record.places, record.rows)
    if is_lost(run.out, run.ledger, JUDGED) or not run.ledger.parts(JUDGED):  # 0.1.0 kept no verdicts
        restored, lost = read_back(told(run.out), run.ledger, record.places)
        for path in lost:
            run.problems[path.relative_to(run.out).as_posix()] = FORGOTTEN
        found = standing(run.ledger, record.places, record.rows, restored)
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
        count = len(found.retouched)
        one = count == 1
        run.report.say(
            f"generate: {quantity(count, 'drawn picture')} {'was' if one else 'were'} changed by hand, and "
            f"{'stays as it is' if one else 'stay as they are'}"
        )


def place_in_manifest(row: Row) -> tuple:
    ref = row.ref
    return ref.character, row.origin, ref.sha256, os.fsencode(ref.path)
