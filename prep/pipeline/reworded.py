"""A finished set in the form for another base model, for `prep export --for`: runs no model but one that writes
sentences, and only for those that it has not written yet.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from prep.captioners.grammar import by_grammar
from prep.dataset.finished import FinishedSet
from prep.dataset.reworded import ToReword, reworded
from prep.jobs.describe import DescribeJob, SentenceBook, ToWrite, describe_recipe, looks, sentence_key
from prep.ledger import Ledger
from prep.models.captioners import captioner_of, is_grammar
from prep.names import quantity
from prep.pipeline.status import opened
from prep.process.report import Report
from prep.protocols import Notes, Runner
from prep.sections import Settings


def reword_for(
    out: Path, base: str, ledger: Ledger, runner: Runner, report: Report
) -> Callable[[FinishedSet], FinishedSet]:
    """What gives a finished set captions for this base model. The captioner is that of the set's settings.

    Raises UsageError when prep did not make out.
    """
    settings = opened(out)[1]
    write = partial(_sentences, settings, ledger, runner, report)
    return partial(reworded, base=base, ledger=ledger, write=write)


def _sentences(
    settings: Settings, ledger: Ledger, runner: Runner, report: Report, asked: Sequence[ToReword]
) -> list[str]:
    captioner = captioner_of(settings)
    if is_grammar(captioner):
        return [by_grammar(each.what).text for each in asked]
    sees, recipe = looks(captioner), describe_recipe(captioner)
    keys = [sentence_key(each.what, each.picture.image_id if sees else "") for each in asked]
    book = SentenceBook(ledger, recipe)
    missing = {name: each for name, each in zip(keys, asked, strict=True) if name not in book}
    if missing:
        report.say(f"export: {captioner.name} writes {quantity(len(missing), 'sentence')}")
        work = [ToWrite(name, each.what, each.picture.path if sees else None) for name, each in missing.items()]
        job = DescribeJob(ledger, captioner, settings.scan.max_pixels)
        outcomes = (each for each in runner.map(job, work) if not isinstance(each, Notes))
        for _ in report.bar("describe", outcomes, len(work)):
            pass
        book = SentenceBook(ledger, recipe)
    return [(book.get(name) or by_grammar(each.what)).text for name, each in zip(keys, asked, strict=True)]
