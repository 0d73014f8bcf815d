"""Whether the scan's pictures are tagged along, and with what: what is new in SRC is then decoded once."""

from collections.abc import Iterator
from contextlib import contextmanager

from prep.jobs.along import TagAlong, tagging_along
from prep.models.choose_models import fetched, tagger_of
from prep.pipeline.second import ready, second_reader
from prep.run import Run


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
    run.spent.update(tag=along.seconds, scan=-along.seconds)
