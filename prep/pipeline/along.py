"""Whether the scan's pictures are tagged along, and with what: what is new in SRC is then decoded once."""

from collections.abc import Iterator
from contextlib import contextmanager

from prep.jobs.along import TagAlong, tagging_along
from prep.jobs.tag import CHANGED, gone
from prep.models.choose_models import fetched, tagger_of
from prep.pipeline.records import Scanned
from prep.pipeline.second import ready, second_reader
from prep.run import Run
from prep.system import numbers_of
from prep.types import Problem


@contextmanager
def along_with_the_scan(run: Run, new: int) -> Iterator[TagAlong | None]:
    """new: how many pictures were never read. None: the tag stage reads them by itself.

    Raises what choosing, fetching and loading the tagger raises, before a picture is read.
    """
    elsewhere = run.options.dry or not getattr(run.runner, "here", False)
    if not new or elsewhere or run.options.to == "scan" or run.settings.scan.max_images:
        yield None
        return
    tagger = tagger_of(run.ledger, run.settings)
    if second := second_reader(run, tagger):
        ready(run, second)
    tagger = fetched(tagger, run.settings)
    if tagger.spec.remote:
        yield None
        return
    with tagging_along(run.ledger, tagger, run.settings.scan.max_pixels) as along:
        yield along if along.reader.fitted_px else None
    run.wants("tag", len(along.taken))
    run.spent.update(tag=along.seconds)


def changed_meanwhile(run: Run, scanned: Scanned) -> dict[str, Problem]:
    """Path -> what happened to a picture since it was read and tagged along: hours may have passed."""
    rows = scanned.rows if scanned.along else ()
    along = {row.ref.path for row in rows if row.status == "kept" and row.ref.sha256 in scanned.along}
    found = {}
    for file in scanned.listing.files if along else ():
        if file.path in along:
            try:
                now = numbers_of((run.src / file.path).stat())
            except OSError as error:
                found[file.path] = gone(error)
                continue
            if now != (file.size, file.mtime_ns, file.inode):
                found[file.path] = CHANGED
    return found
