"""A finished set in the form for another base model, for `prep export --for`: from what was read and decided, as it is
kept. Runs no model but one that writes sentences, and only for those that it has not written yet.

The user's changes are read from kohya/ first, and merged by tag as in a run; a sentence that the user wrote is kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from prep.captions.forms import Form, form_of
from prep.dataset.finished import FinishedSet, Picture
from prep.dataset.opened import Set
from prep.edits.decisions import Decisions
from prep.edits.draft import Draft, draft_of
from prep.edits.merge import is_tag_list, key
from prep.edits.sidecar import Entry, absorb
from prep.ledger import Ledger
from prep.models.captioners import captioner_of
from prep.names import quantity
from prep.pipeline.sentences import Asked, Sentences
from prep.pipeline.status import opened
from prep.process.report import Report
from prep.protocols import Job, Notes, Outcome, Runner
from prep.sections import Settings
from prep.types import UNSAID, trains

COLUMNS = ["tags", "removed", "rating"]


def reword_for(
    out: Path, base: str, ledger: Ledger, runner: Runner, report: Report
) -> Callable[[FinishedSet], FinishedSet]:
    """What gives a finished set captions for this base model. The captioner is that of the set's settings.

    Raises UsageError when prep did not make out.
    """
    return partial(_reworded, base, opened(out)[1], ledger, runner, report)


def _reworded(
    base: str, settings: Settings, ledger: Ledger, runner: Runner, report: Report, found: FinishedSet
) -> FinishedSet:
    form, decisions = form_of(base), Decisions(ledger)
    trained = Set(found.out, ledger).rows(lambda row: trains(row["origin"], row["status"]), COLUMNS)
    rows = {row["picture"]: row for row in trained}
    drafts: dict[Picture, Draft] = {}
    for picture in found.pictures:
        name = f"{picture.character}/{picture.image_id}"
        if draft := _draft(picture, decisions.entry(name), rows.get(name, {}), form):
            drafts[picture] = draft
    asked = {
        picture: Asked(draft.what, picture.image_id, picture.path) for picture, draft in drafts.items() if draft.what
    }
    said = {picture: draft.hand.sentence for picture, draft in drafts.items() if draft.own}
    if asked:
        sentences = Sentences(ledger, captioner_of(settings), [*asked.values()])
        if sentences.missing:
            count = quantity(len(sentences.missing), "sentence")
            report.say(f"export: {sentences.captioner.name} writes {count}")
            sentences.write(partial(_carried, runner, report), settings.scan.max_pixels)
        said |= {picture: sentences[at].text for at, picture in enumerate(asked)}
    captions = {picture: draft.text(base, said.get(picture, "")) for picture, draft in drafts.items()}
    groups = (
        replace(
            group, pictures=tuple(replace(each, caption=captions.get(each, each.caption)) for each in group.pictures)
        )
        for group in found.groups
    )
    return replace(found, groups=tuple(groups), base=base)


def _draft(picture: Picture, entry: Entry, row: Mapping[str, Any], form: Form) -> Draft | None:
    """row: of the manifest; empty: it has none."""
    hand = absorb(entry, picture.caption, None).hand
    listed = picture.caption if not hand.machine or hand.text is None else hand.text
    if not hand.form and not is_tag_list(listed):
        return None
    categories = {key(tag["name"]): tag["category"] for tag in row.get("tags") or ()}
    dropped = {gone["name"] for gone in row.get("removed") or () if gone["why"] in UNSAID}
    return draft_of(hand, listed, hand.machine[: hand.triggers], form, categories, row.get("rating"), dropped)


def _carried(runner: Runner, report: Report, job: Job, work: Sequence[Any]) -> Iterator[Outcome]:
    outcomes = (each for each in runner.map(job, work) if not isinstance(each, Notes))
    yield from report.bar(job.name, outcomes, len(work))
