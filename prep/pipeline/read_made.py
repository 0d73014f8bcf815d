"""Pictures that prep made are read like those of SRC: by each reader of the set, what it has not read yet."""

from collections.abc import Sequence
from dataclasses import replace

from prep.jobs.tag import ScoreBook, TagJob
from prep.models.choose_models import fetched
from prep.names import quantity
from prep.pipeline.carried import carried
from prep.pipeline.records import Captioned
from prep.pipeline.second import read_by_second
from prep.run import Run
from prep.types import ImageRef


def read_made(run: Run, record: Captioned, made: Sequence[ImageRef], stage: str, what: str) -> tuple[Captioned, int]:
    """stage: as lines in the run say it. what: one of them, in a word.

    -> (the record with their scores, how many pictures were read, one by two readers counted twice).
    """
    unread = [ref for ref in made if ref.sha256 not in record.scores]
    first, other = record.scores, record.scores.second
    if unread:
        run.report.say(f"{stage}: {record.tagger.name} reads {quantity(len(unread), what)}")
        job = TagJob(run.out, run.ledger, fetched(record.tagger, run.settings), run.settings.scan.max_pixels)
        for outcome in carried(run, job, unread, stage):
            if outcome.problem:
                run.problems[f"generated/{outcome.subject}"] = outcome.problem
        first = ScoreBook(run.ledger, record.tag_recipe)
    unseen = [ref for ref in made if other is not None and ref.sha256 not in other]
    if unseen:
        other, failed = read_by_second(run, record.second, unseen, run.out, stage, what)
        run.problems |= {f"generated/{sha256}": problem for sha256, problem in failed.items()}
    read = replace(record, scores=first.beside(other)) if unread or unseen else record
    return read, len(unread) + len(unseen)
