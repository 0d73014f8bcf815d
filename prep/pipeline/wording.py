"""Captions in the form of a base model: tags and sentences as it reads them. The tags are merged before, as for all."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from prep.captions.forms import Form, form_of
from prep.edits.draft import Draft, draft_of
from prep.edits.merge import key
from prep.models.captioners import captioner_of, is_grammar
from prep.names import quantity
from prep.pipeline.carried import carried
from prep.pipeline.records import Profiled
from prep.pipeline.sentences import Asked, Sentences
from prep.run import Run
from prep.types import UNSAID, Row, Sentence, Worded


def in_form(run: Run, record: Profiled, rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with their captions in the form that the settings name. Sentences that a language model has not written
    yet are asked for.
    """
    name = run.settings.captions.for_
    form, rows = form_of(name), list(rows)
    captioner = captioner_of(run.settings, may_ask=not run.options.dry) if "sentence" in form.parts else None
    costly = captioner is not None and not is_grammar(captioner)
    drafts = [_draft(record, row, form, costly) if row.final_text is not None else None for row in rows]
    places = [at for at, draft in enumerate(drafts) if draft and draft.what]
    said: dict[int, Sentence] = {}
    if captioner and places:
        asked = [Asked(drafts[at].what, rows[at].ref.sha256, record.places.file(rows[at])) for at in places]
        sentences = Sentences(run.ledger, captioner, asked, run.options.retry and not run.todo.get("describe"))
        if costly:
            _write(run, sentences, [rows[at] for at in places])
        said = {at: sentences[number] for number, at in enumerate(places)}
    for at, (row, draft) in enumerate(zip(rows, drafts, strict=True)):
        if draft:
            row = _worded(row, draft, name, said.get(at))
        elif row.final_text is not None:
            row = row._replace(worded=Worded(name, row.final_text))
        yield row


def _draft(record: Profiled, row: Row, form: Form, costly: bool) -> Draft | None:
    """costly: whether what was taken out has to be told to somebody: it would have to be composed again."""
    caption = row.caption
    categories = {key(tag.name): tag.category for tag in caption.tags} if form.grouped else {}
    dropped = {gone.name for gone in caption.removed if gone.why in UNSAID} if costly else ()
    rating = caption.rating if form.safety else None
    words = caption.items[: caption.triggers]
    return draft_of(record.edits.hand(row), row.final_text, words, form, categories, rating, dropped)


def _write(run: Run, sentences: Sentences, rows: Sequence[Row]) -> None:
    """Ask for those that are missing. rows: of the captions asked for."""
    name, count = sentences.captioner.name, len(sentences.missing)
    run.wants("describe", count)
    if not count or run.options.dry:
        return
    run.report.say(f"caption: {name} writes {quantity(count, 'sentence')}")
    problems = sentences.write(partial(carried, run, label="describe"), run.settings.scan.max_pixels)
    run.problems |= {rows[at].ref.path: problem for at, problem in problems.items()}
    whys = Counter(each.why for each in sentences.new() if each.why)
    if whys:
        others, most = sum(whys.values()), whys.most_common(1)[0][0]
        run.report.say(
            f"caption: {count - others:,} of {count:,} are {name}'s; the others are the grammar's, most often since it "
            f"{most} (docs/CAPTIONS.md)"
        )


def _worded(row: Row, draft: Draft, name: str, said: Sentence | None) -> Row:
    sentence = draft.hand.sentence if draft.own else said.text if said else ""
    by, why = (said.by, said.why) if said else ("", "")
    return row._replace(
        final_text=draft.text(name, sentence),
        worded=Worded(name, draft.listed, sentence, draft.own, by, why),
        caption_source="hand" if draft.own and row.caption_source == "machine" else row.caption_source,
    )
