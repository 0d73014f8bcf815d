"""The pictures of SRC: those that are new or have changed are read, and what is known of all becomes rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prep.blocks import Packed
from prep.ledger import Book
from prep.names import quantity
from prep.pipeline.along import along_with_the_scan
from prep.pipeline.carried import carried
from prep.pipeline.records import Found
from prep.run import Run
from prep.scan.listing import Found as File
from prep.scan.measure import (
    SCAN,
    Along,
    Measured,
    ScanJob,
    Seen,
    by_stat,
    is_current,
    is_whole,
    measured_before,
    ref_from_scan,
    scan_recipe,
)
from prep.scan.select import select
from prep.types import ImageRef, Problem, Row

SCAN_BATCH = 128
ALONG_BATCH = 16  # outcomes carry pictures, of at most 0.8 MB for DeepDanbooru; a batch is in memory at once


def read_new(run: Run, found: Found) -> frozenset[str]:
    """Read what is new or has changed. -> sha256 of what was tagged along."""
    settings, files = run.settings, found.listing.files
    measure = settings.scan.max_pixels, settings.thresholds.measure_px
    todo, unseen = _to_do(run, files, scan_recipe(*measure))
    run.wants("scan", len(todo))
    tagged: set[str] = set()
    if todo:
        with along_with_the_scan(run, unseen) as along:
            job = ScanJob(run.src, run.ledger, *measure, SCAN_BATCH)
            if along:
                job = ScanJob(run.src, run.ledger, *measure, ALONG_BATCH, Along(along.reader.fitted_px, settings.scan))
            for outcome in carried(run, job, todo, "scan and tag" if along else "scan"):
                if isinstance(outcome, Seen):
                    along.take(outcome)
        tagged = along.taken if along else tagged
    run.report.say(f"scan: {quantity(len(files), 'picture')}: {len(todo):,} read, {len(files) - len(todo):,} unchanged")
    return frozenset(tagged)


def _to_do(run: Run, files: Sequence[File], recipe: str) -> tuple[Sequence[File], int]:
    """-> (the files to read; how many of them were never read, under any name)."""
    book = run.ledger.book(SCAN, recipe)
    todo = Packed(file for file, row in measured_before(book, files) if _is_to_read(run, file, row))
    new = Packed(file for file, row in measured_before(book, todo) if not is_current(row, file))
    return todo, len(new) - len(by_stat(book, new))


def selected(run: Run, found: Found) -> Sequence[Row]:
    """The rows of all files, as they were read last."""
    settings, files = run.settings, found.listing.files
    book = run.ledger.book(SCAN, scan_recipe(settings.scan.max_pixels, settings.thresholds.measure_px))
    # A dry run has read none: there a file that was only renamed is recognised by its stat.
    unknown = [file for file, row in measured_before(book, files) if row is None] if run.options.dry else []
    elsewhere = by_stat(book, unknown)
    run.wants("unknown", len(unknown) - len(elsewhere))
    problems = dict(found.listing.problems)
    rows = Packed(select(_measured(book, files, elsewhere, problems), settings.scan))
    run.problems |= problems
    return rows


def _is_to_read(run: Run, file: File, row: Measured | None) -> bool:
    current = is_current(row, file) and (run.options.dry or is_whole(row))
    return bool(run.options.rehash or not current or run.options.retry and row.problem)


def _measured(
    book: Book, files: Iterable[File], elsewhere: Mapping[str, Measured], problems: dict[str, Problem]
) -> Iterator[ImageRef]:
    """Of each file. elsewhere: path -> the row of a file that had another name. problems: get those of pictures."""
    for file, row in measured_before(book, files):
        if row := row or elsewhere.get(file.path):
            ref = ref_from_scan(file, row)
            if ref.problem:
                problems[ref.path] = ref.problem
            yield ref
