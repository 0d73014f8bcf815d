"""What a run would do, without doing it: the same stages over the same ledger, with a runner that runs nothing.

For `prep run --plan` and `prep status`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.config import Settings, check_characters
from prep.dataset.source import check_stems
from prep.drawing.begin import begin_drawing
from prep.edits.sidecar import entry_of
from prep.ledger import DryLedger
from prep.models.choose_models import check_asked, would_draw
from prep.names import printable
from prep.pipeline.records import Captioned, Found, Profiled
from prep.pipeline.stages import caption, profile, scan, tag
from prep.process.report import Report
from prep.protocols import Job, Outcome
from prep.run import Options, Run, image_key
from prep.scan.find import find_images

SHOWN = 3


class NoRunner:
    def map(self, job: Job, work: Sequence[Any]) -> Iterator[Outcome]:
        yield from ()


@dataclass
class Preview:
    """A run up to some stage, on paper. Images that were never read or tagged are only counted."""

    run: Run
    record: Profiled | Captioned


def preview(src: Path, out: Path, settings: Settings, to: str = "caption") -> Preview:
    """Raises UsageError as a run would."""
    found = Found(listing=find_images(src, out))
    check_characters(settings, found.listing.characters)
    check_asked(settings)
    if settings.captions.sidecars == "source":
        check_stems(file.path for file in found.listing.files)
    ledger = DryLedger(out / ".prep" / "ledger")
    run = Run(src, out, settings, Options(dry=True), ledger, NoRunner(), Report(quiet=True))
    profiled = profile(run, tag(run, scan(run, found)))
    return Preview(run, profiled if to == "profile" else caption(run, profiled))


def drawing_lines(run: Run, record: Captioned, untagged: int) -> Iterator[str]:
    """What would be drawn, from what, with which words."""
    drawing = begin_drawing(record.rows, record.profiles, record.known, record.places, run.settings, may_fetch=False)
    if drawing is None:
        yield f"generate: nothing is drawn: {would_draw(run.settings)[1]}"
        return
    missing = {request.key for request in drawing.missing(run.ledger)}
    requests = drawing.requests
    later = f"; more when {untagged:,} images are tagged" if untagged else ""
    kinds = Counter(request.kind for request in requests)
    text = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()) or "no requests"
    fetched = "" if drawing.here else f", which a run would fetch first ({drawing.generator.spec.size})"
    yield f"generate: {text} with {drawing.card.name}{fetched}, {len(missing):,} to draw{later}"
    paths = {row.ref.sha256: printable(row.ref.path) for row in record.rows if row.status == "kept"}
    for request in requests:
        if request.key in missing:
            origin = f" from {paths[request.parent]}" if request.parent else ""
            strength = "" if request.strength is None else f", strength {request.strength}"
            seed = f", seed {request.seed}" if drawing.here else ""  # it follows from the weights, too
            size = f"{request.width}x{request.height}, {request.steps} steps{seed}{strength}"
            yield f"  {printable(request.character)}: {request.kind}{origin} ({size})"
            yield f"    {request.prompt}"


def plan_lines(src: Path, out: Path, settings: Settings) -> list[str]:
    """What a run would do now, a line a stage."""
    made = preview(src, out, settings)
    run, record = made.run, made.record
    unread = run.todo["scan"]
    untagged = run.todo["tag"] + unread
    files, characters = len(record.listing.files), len(record.listing.characters)
    lines = [
        f"scan: {files:,} files of {characters} characters, {unread:,} to read",
        f"tag: {untagged:,} images to tag with {record.tagger.name}" + ("" if untagged else "; no model is loaded"),
    ]
    kept = [row for row in record.rows if row.status == "kept"]
    new, changed, examples = 0, 0, []
    for row in kept:
        text = entry_of(record.edits.book.get(image_key(row))).hand.text
        new += text is None
        if text is not None and row.final_text not in (None, text):
            changed += 1
            if len(examples) < SHOWN:
                examples += [f"  {printable(row.ref.path)}", f"    now:  {text}", f"    then: {row.final_text}"]
    stay = len(kept) - new - changed
    lines.append(f"caption: {new + untagged:,} captions to write, {changed:,} to change, {stay:,} stay")
    lines += drawing_lines(run, record, untagged)
    placed = sum(1 for _ in record.placement.placed())
    lines.append(f"export: {placed:,} images already in kohya/, {max(0, len(kept) + untagged - placed):,} to add")
    return lines + examples
