"""The pictures of SRC: those that are new or have changed are read, and what is known of all becomes rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prep.blocks import Packed
from prep.book import Book
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


def measured(run: Run, found: Found) -> tuple[Sequence[Row], frozenset[str]]:
    """Read what is new or has changed. -> (the rows of all files; sha256 of what was tagged along)."""
    book, tagged = _read_new(run, found)
    return _selected(run, found, book), tagged


def _read_new(run: Run, found: Found) -> tuple[Book, frozenset[str]]:
    """-> (what is known of all files now; sha256 of what was tagged along)."""
    settings, files = run.settings, found.listing.files
    measure = settings.scan.max_pixels, settings.thresholds.measure_px
    book, tagged = run.ledger.book(SCAN, scan_recipe(*measure)), frozenset()
    todo = Packed(file for file, row in measured_before(book, files) if _is_to_read(run, file, row))
    run.wants("scan", len(todo))
    if todo:
        new = Packed(file for file, row in measured_before(book, todo) if not is_current(row, file))
        unseen = len(new) - len(by_stat(book, new))  # under any name
        del book  # while pictures are read
        with along_with_the_scan(run, unseen) as along:
            job = ScanJob(run.src, run.ledger, *measure, SCAN_BATCH)
            if along:
                job = ScanJob(run.src, run.ledger, *measure, ALONG_BATCH, Along(along.reader.fitted_px, settings.scan))
            for outcome in carried(run, job, todo, "scan and tag" if along else "scan"):
                if isinstance(outcome, Seen):
                    along.take(outcome)
        tagged = frozenset(along.taken) if along else tagged
        book = run.ledger.book(SCAN, job.recipe)
    run.report.say(f"scan: {quantity(len(files), 'picture')}: {len(todo):,} read, {len(files) - len(todo):,} unchanged")
    return book, tagged


def _selected(run: Run, found: Found, book: Book) -> Sequence[Row]:
    """The rows of all files, as they were read last."""
    files = found.listing.files
    # A dry run has read none: there a file that was only renamed is recognised by its stat.
    unknown = [file for file, row in measured_before(book, files) if row is None] if run.options.dry else []
    elsewhere = by_stat(book, unknown)
    run.wants("unknown", len(unknown) - len(elsewhere))
    problems = dict(found.listing.problems)
    rows = Packed(select(_refs(book, files, elsewhere, problems), run.settings.scan))
    run.problems |= problems
    return rows


def _is_to_read(run: Run, file: File, row: Measured | None) -> bool:
    current = is_current(row, file) and (run.options.dry or is_whole(row))
    return bool(run.options.rehash or not current or run.options.retry and row.problem)


def _refs(
    book: Book, files: Iterable[File], elsewhere: Mapping[str, Measured], problems: dict[str, Problem]
) -> Iterator[ImageRef]:
    """Of each file. elsewhere: path -> the row of a file that had another name. problems: get those of pictures."""
    for file, row in measured_before(book, files):
        if row := row or elsewhere.get(file.path):
            ref = ref_from_scan(file, row)
            if ref.problem:
                problems[ref.path] = ref.problem
            yield ref
