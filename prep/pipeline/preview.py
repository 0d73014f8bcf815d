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
from prep.drawing.rounds import begin_drawing
from prep.edits.sidecar import entry_of
from prep.ledger import DryLedger
from prep.models import KNOWN
from prep.models.choose_models import would_draw
from prep.names import printable, slugs
from prep.pipeline import stages
from prep.process.report import Report
from prep.run import Dataset, Options, Run, subject_of
from prep.scan.find import walk
from prep.types import Job, Outcome

SHOWN = 3


class NoRunner:
    def map(self, job: Job, work: Sequence[Any]) -> Iterator[Outcome]:
        yield from ()


@dataclass
class Preview:
    """A run up to some stage, on paper. Images that were never read or tagged are only counted."""

    run: Run
    dataset: Dataset


def preview(src: Path, out: Path, settings: Settings, to: str = "caption") -> Preview:
    """Raises UsageError as a run would."""
    listing = walk(src, out)
    check_characters(settings, listing.characters)
    if settings.captions.sidecars == "source":
        check_stems(found.path for found in listing.files)
    ledger = DryLedger(out / ".prep" / "ledger")
    run = Run(src, out, settings, Options(dry=True), ledger, NoRunner(), Report(quiet=True), listing,
              slugs(listing.characters))  # fmt: skip
    dataset = Dataset()
    for name in ("scan", "tag", "profile", "caption"):
        dataset = getattr(stages, name)(run, dataset)
        if name == to:
            break
    return Preview(run, dataset)


def drawing_lines(run: Run, dataset: Dataset, untagged: int) -> Iterator[str]:
    """What would be drawn, from what, with which words."""
    drawing = begin_drawing(run, dataset)
    if drawing is None:
        yield f"generate: nothing is drawn: {would_draw(run.settings)[1]}"
        return
    missing = {request.key for request in drawing.missing()}
    requests = drawing.requests()
    later = f"; more when {untagged:,} images are tagged" if untagged else ""
    kinds = Counter(request.kind for request in requests)
    told = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()) or "no requests"
    name = drawing.generator.name
    fetched = "" if drawing.here else f", which a run would fetch first ({KNOWN[name].size})"
    yield f"generate: {told} with {name}{fetched}, {len(missing):,} to draw{later}"
    paths = {row.ref.sha256: printable(row.ref.path) for row in dataset.kept()}
    for request in requests:
        if request.key in missing:
            origin = f" from {paths[request.parent]}" if request.parent else ""
            strength = "" if request.strength is None else f", strength {request.strength}"
            seed = f", seed {request.seed}" if drawing.here else ""  # it follows from the weights, too
            size = f"{request.width}x{request.height}, {request.steps} steps{seed}{strength}"
            yield f"  {printable(request.character)}: {request.kind}{origin} ({size})"
            yield f"    {request.prompt}"


def plan_of(src: Path, out: Path, settings: Settings) -> list[str]:
    """What a run would do now, a line a stage."""
    made = preview(src, out, settings)
    run, dataset = made.run, made.dataset
    unread = run.todo["scan"]
    untagged = run.todo["tag"] + unread
    lines = [
        f"scan: {len(run.listing.files):,} files of {len(run.listing.characters)} characters, {unread:,} to read",
        f"tag: {untagged:,} images to tag with {dataset.tagger}" + ("" if untagged else "; no model is loaded"),
    ]
    kept, new, changed, examples = 0, 0, 0, []
    for row in dataset.kept():
        kept += 1
        text = entry_of(dataset.handwork.book.get(subject_of(row))).hand.text
        new += text is None
        if text is not None and row.final_text not in (None, text):
            changed += 1
            if len(examples) < SHOWN:
                examples += [f"  {printable(row.ref.path)}", f"    now:  {text}", f"    then: {row.final_text}"]
    lines.append(f"caption: {new + untagged:,} captions to write, {changed:,} to change, {kept - new - changed:,} stay")
    lines += drawing_lines(run, dataset, untagged)
    placed = sum(1 for _ in dataset.standing.placed())
    lines.append(f"export: {placed:,} images are placed, {max(0, kept + untagged - placed):,} to place")
    return lines + examples
