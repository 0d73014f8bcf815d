"""Captions in the form of a base model: tags and sentences as it reads them. The tags are merged before, as for all."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prep.captioners.grammar import by_grammar
from prep.captions.forms import Form, Item, form_of, parts_of, worded
from prep.edits.in_form import counts, is_anew, tag_names
from prep.edits.merge import Hand, items, key
from prep.jobs.describe import DescribeJob, SentenceBook, ToWrite, describe_recipe, looks, sentence_key
from prep.models.captioners import captioner_of, is_grammar
from prep.models.ref import ModelRef
from prep.names import quantity
from prep.pipeline.carried import carried
from prep.pipeline.records import Profiled
from prep.run import Run
from prep.types import Row, Sentence, ToDescribe, Worded


@dataclass(frozen=True)
class Draft:
    """A row whose caption is to be worded."""

    row: Row  # its final_text is the list of tags
    hand: Hand
    triggers: tuple[str, ...]  # those that the list has
    tags: tuple[str, ...]  # the others, as the list spells them
    what: ToDescribe | None  # None: the sentence is the user's, or the form has none


def in_form(run: Run, record: Profiled, rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with their captions in the form that the settings name. Sentences that a language model has not written
    yet are asked for.
    """
    name = run.settings.captions.for_
    form, rows = form_of(name), list(rows)
    drafts = {at: _draft(run, record, row, form) for at, row in enumerate(rows) if row.final_text is not None}
    said = _sentences(run, record, {at: draft for at, draft in drafts.items() if draft and draft.what})
    for at, row in enumerate(rows):
        if at in drafts:
            row = _worded(record, drafts[at], form, name, said.get(at)) if drafts[at] else _as_it_is(row, name)
        yield row


def _draft(run: Run, record: Profiled, row: Row, form: Form) -> Draft | None:
    """None: the caption is kept as the user wrote it."""
    hand = record.edits.hand(row)
    if is_anew(hand, row.final_text) or not row.final_text.strip():
        return None
    draft = _parted(row, hand, None)
    if "sentence" not in form.parts or hand.own and counts(form, hand.sentence):
        return draft
    profile = record.profile_of(row)
    traits = profile.traits if run.settings.captions.traits == "drop" else frozenset()
    names = tuple(tag_names(draft.tags, ()))
    dropped = frozenset((traits | profile.never | profile.unseen).difference(names))
    return _parted(row, hand, ToDescribe(names, dropped, draft.triggers, form.length))


def _parted(row: Row, hand: Hand, what: ToDescribe | None) -> Draft:
    words = {*map(key, row.caption.items[: row.caption.triggers])}
    listed = items(row.final_text)
    triggers = tuple(item for item in listed if key(item) in words)
    return Draft(row, hand, triggers, tuple(item for item in listed if key(item) not in words), what)


def _sentences(run: Run, record: Profiled, drafts: dict[int, Draft]) -> dict[int, Sentence]:
    """Place -> the sentence. Asks the captioner for those that it has not written yet, each once."""
    if not drafts:
        return {}
    captioner = captioner_of(run.settings, may_ask=not run.options.dry)
    if is_grammar(captioner):
        return {at: by_grammar(draft.what) for at, draft in drafts.items()}
    keys = {at: _key(captioner, draft) for at, draft in drafts.items()}
    book = _asked(run, record, captioner, drafts, keys)
    return {at: book.get(keys[at]) or by_grammar(draft.what) for at, draft in drafts.items()}


def _asked(
    run: Run, record: Profiled, captioner: ModelRef, drafts: dict[int, Draft], keys: dict[int, str]
) -> SentenceBook:
    recipe = describe_recipe(captioner)
    book = SentenceBook(run.ledger, recipe)
    again = run.options.retry and not run.todo.get("describe")
    missing = {keys[at]: at for at in drafts if keys[at] not in book or again and book.failed(keys[at])}
    run.wants("describe", len(missing))
    if not missing or run.options.dry:
        return book
    run.report.say(f"caption: {captioner.name} writes {quantity(len(missing), 'sentence')}")
    work = [
        ToWrite(name, drafts[at].what, record.places.file(drafts[at].row) if looks(captioner) else None)
        for name, at in missing.items()
    ]
    job = DescribeJob(run.ledger, captioner, run.settings.scan.max_pixels)
    for outcome in carried(run, job, work, "describe"):
        if outcome.problem:
            run.problems[drafts[missing[outcome.subject]].row.ref.path] = outcome.problem
    book = SentenceBook(run.ledger, recipe)
    for line in _told(captioner, [found for name in missing if (found := book.get(name))]):
        run.report.say(f"caption: {line}")
    return book


def _told(captioner: ModelRef, written: Sequence[Sentence]) -> Iterator[str]:
    """How many sentences are the captioner's, and why the others are the grammar's."""
    whys = Counter(each.why for each in written if each.why)
    if whys:
        others, most = sum(whys.values()), whys.most_common(1)[0][0]
        yield (
            f"{len(written) - others:,} of {len(written):,} are {captioner.name}'s; the others are the grammar's, "
            f"most often since it {most} (docs/CAPTIONS.md)"
        )


def _key(captioner: ModelRef, draft: Draft) -> str:
    return sentence_key(draft.what, draft.row.ref.sha256 if looks(captioner) else "")


def _worded(record: Profiled, draft: Draft, form: Form, name: str, said: Sentence | None) -> Row:
    own = draft.hand.own and counts(form, draft.hand.sentence)
    sentence = draft.hand.sentence if own else said.text if said else ""
    by, why = (said.by, said.why) if said else ("", "")
    return draft.row._replace(
        final_text=_as_written(draft, name) or _text(record, draft, form, sentence, own and draft.hand.form == name),
        worded=Worded(name, draft.row.final_text, sentence, own, by, why),
        caption_source="hand" if own and draft.row.caption_source == "machine" else draft.row.caption_source,
    )


def _as_written(draft: Draft, name: str) -> str | None:
    """The text of the file to the letter, if the user wrote its sentence and its tags are the same."""
    hand = draft.hand
    same = hand.own and hand.form == name and hand.text == draft.row.final_text
    return hand.whole if same else None


def _text(record: Profiled, draft: Draft, form: Form, sentence: str, as_it_is: bool) -> str:
    row = draft.row
    categories: dict[str, str] = {}
    if form.grouped:
        spelled = record.composer.caption_text
        categories = {key(spelled(tag.name)): tag.category for tag in row.caption.tags}
    listed = [Item(text, categories.get(key(text), "general")) for text in draft.tags]
    rating = row.caption.rating if form.safety else None
    parts = parts_of(form, draft.triggers, listed, rating, sentence, draft.hand.removed)
    return worded(form, parts, draft.triggers, as_it_is)


def _as_it_is(row: Row, name: str) -> Row:
    return row._replace(worded=Worded(name, row.final_text))
