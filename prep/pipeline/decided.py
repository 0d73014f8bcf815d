"""The user's decisions in a run: read after the scan, merged into captions, read again at the end."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa

from prep.blocks import Packed, batched
from prep.captions.remembered import Remembered
from prep.dataset.read_back import deleted_shelves, given_slugs, read_back
from prep.edits.decisions import Decisions
from prep.edits.edits import Edits
from prep.edits.follow import Followed, follow
from prep.edits.from_files import HandEdits
from prep.edits.history import Verdict
from prep.edits.merge import Hand, merged, names, source
from prep.edits.placed import read_placement
from prep.edits.sidecar import Entry, begun
from prep.edits.waiting import PAGE, carry_out_waiting, is_waiting
from prep.ledger import Shelf
from prep.models.choose_models import is_trial
from prep.names import printable, quantity, slugs
from prep.pipeline.records import Captioned, Drawn, Profiled
from prep.pipeline.wording import in_form
from prep.registry import family
from prep.run import Run, image_key
from prep.tagging.thresholds import level_of
from prep.types import BY_HAND, WITNESSED, Caption, ImageRef, Made, Row

NAMES = Shelf("names", (pa.field("slug", pa.string()),))  # subject: a character; null: passed on


def known_slugs(run: Run, characters: list[str]) -> dict[str, str]:
    """Character -> its name in folders and triggers; once assigned, it stays."""
    kept = {name: row["slug"] for name, row in run.ledger.rows(NAMES).items()}
    known = {name: slug for name, slug in kept.items() if slug}
    told = given_slugs(run.out, characters) if set(characters) - set(known) else {}
    found = slugs(characters, told | known)
    given = {**known, **found}
    # A name that was passed on no longer belongs to its first owner: if that one comes back, it gets another name.
    given |= {name: None for name, slug in known.items() if name not in found and slug in found.values()}
    if new := {name: slug for name, slug in given.items() if name not in kept or kept[name] != slug}:
        run.ledger.write(NAMES, [{"subject": name, "recipe": "", "slug": slug} for name, slug in new.items()])
    return found


def look_at_edits(run: Run, rows: Sequence[Row], slugs: Mapping[str, str]) -> tuple[HandEdits, Followed]:
    """Read the user's changes since the last run into the ledger, and move decisions along with their pictures. rows:
    of SRC.
    """
    if not run.options.dry:
        _carry_out_waiting(run)
    placement = read_placement(run.out / "kohya", run.ledger)
    decisions = Decisions(run.ledger, placement.left_out())
    edits = HandEdits(decisions, placement, run.src, run.out, run.settings.captions.sidecars == "source")
    if run.options.rehash:
        edits.unchanged.forget()
    if deleted := read_back(edits, rows, slugs):
        what = " and ".join(f"`{name}`" for name in deleted)
        run.report.say(f"scan: .prep/ledger lost {what}, which manifest.parquet and your files still say: read back")
    placement.adopt_renamed()
    run.problems |= edits.look(rows)
    _say_retouched(run, edits)
    # Before pictures get other keys, and including those that are no longer in SRC: a removal moves along as well.
    edits.note_removals(placement.known, run.options.restore)
    edits.unchanged.release()
    followed = follow(rows, decisions, placement, run.ledger)
    if followed.moved:
        many = len(followed.moved)
        where = "it to where it is" if many == 1 else "them to where they are"
        run.report.say(f"scan: what you did to {quantity(many, 'picture')} followed {where} now")
    if followed.lost:
        lost = len(followed.lost)
        run.report.say(
            f"scan: {quantity(lost, 'hand edit')} {'has' if lost == 1 else 'have'} no picture, and will be kept until "
            "there is one (`prep status` lists them)"
        )
    return edits, followed


def _carry_out_waiting(run: Run) -> None:
    """What was decided in the review while another run worked."""
    if not is_waiting(run.out) or deleted_shelves(run.out, run.ledger):
        return
    edits = Edits(run.out, run.ledger, PAGE)
    edits.look()
    done = [why for _, why in carry_out_waiting(edits)]
    run.report.say(f"scan: {quantity(len(done), 'change')} made in the review, while a run worked, came first")
    for why in filter(None, done):
        run.report.say(f"scan: one of them cannot be made, and is in set_aside/: {why.message}")


def overruled(row: Row, verdict: Verdict | None) -> Row:
    """A real picture's row, with the user's verdict if there is one."""
    if verdict == "accepted" and row.status == "rejected":
        return row._replace(status="kept", reason=None, flags=tuple(sorted({*row.flags, BY_HAND})))
    if verdict == "rejected" and row.status == "kept":
        return row._replace(status="rejected", reason=BY_HAND)
    return row


def captioned(run: Run, record: Profiled, rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with prep's captions and the user's changes to them. Made once per run."""
    found = _in_tags(run, record, rows)
    return in_form(run, record, found) if run.settings.captions.for_ else found


def packed(record: Profiled, rows: Iterable[Row]) -> Packed[Row]:
    """Captioned rows in the memory that they need: of captions their items, and the rest when it is asked for."""

    def remembered(row: Row) -> Row:
        made = row.caption
        if made is None or isinstance(made, Remembered):
            return row
        record.composer.keep(made)
        return row._replace(caption=Remembered(made.items, made.proof, made.triggers))

    without_rows = replace(record, rows=())  # or those of all stages would stay
    return Packed(map(remembered, rows), partial(_with_captions, without_rows))


def _with_captions(record: Profiled, rows: Iterable[Row]) -> None:
    for row in rows:
        if row.caption is not None:
            row.caption.compose = _composing(record, row, row.caption.proof)


def _in_tags(run: Run, record: Profiled, rows: Iterable[Row]) -> Iterator[Row]:
    trial = any(map(is_trial, record.readers))
    for block in batched(rows):
        block = [_of_its_parent(record, row) if row.made else row for row in block]
        pictures = list(map(image_key, block))
        for row, picture, entry in zip(block, pictures, record.edits.decisions.entries(pictures), strict=True):
            yield _captioned(run, record, row, picture, entry, trial)


def _captioned(run: Run, record: Profiled, row: Row, picture: str, entry: Entry, trial: bool) -> Row:
    """trial: whether a starter model read it."""
    if not row.ref.width:
        return row
    row = row._replace(complexity=level_of(row.ref.edge_density, run.settings.thresholds))
    if row.status != "kept" and not row.made:
        return row
    machine = _machine_s(record, row, entry)
    more = {"starter"} if trial or row.made and row.made.request and _drawn_by_trial(record, row) else set()
    if _unwitnessed(record, row):
        more.add("unwitnessed")
    if len(machine.items) == machine.triggers and not machine.tags and not machine.removed:
        more.add("no_tags")
    flags = tuple(sorted({*row.flags, *more})) if more else row.flags
    decided = (
        _decided(record.edits, picture, begun(entry, machine.items, machine.triggers), machine) if row.trains else {}
    )
    return row._replace(caption=machine, flags=flags, **decided)


def _of_its_parent(record: Profiled, row: Row) -> Row:
    """The row of a picture that prep made, with the variant that its parent belongs to now."""
    variant = record.variants_of_pictures.get((row.ref.character, row.made.parent or ""), "")
    return row._replace(ref=row.ref._replace(variant=variant))


def _machine_s(record: Profiled, row: Row, entry: Entry) -> Caption:
    """The machine's caption: as it is remembered where all that it follows from is the same."""
    scores, profile, items = record.scores[row.ref.sha256], record.profile_of(row.ref, row.made), entry.hand.machine
    if items and entry.proof == record.composer.proof(scores, row.complexity, profile, items):
        return Remembered(items, entry.proof, len(profile.triggers), _composing(record, row, entry.proof))
    return record.composer.caption(scores, row.complexity, profile)


def _composing(record: Profiled, row: Row, proof: bytes) -> Callable[[], Caption]:
    """What composes the row's caption. It does not refer to the row, which refers to its caption: both would stay in
    memory until garbage is looked for.
    """
    return partial(_composed, record, row.ref, row.made, row.complexity, proof)


def _composed(record: Profiled, ref: ImageRef, made: Made | None, complexity: str | None, proof: bytes) -> Caption:
    composer = record.composer
    if (found := composer.recent.get(proof)) is None:
        found = composer.caption(record.scores[ref.sha256], complexity, record.profile_of(ref, made))
        composer.keep(found)
    return found


def _decided(edits: HandEdits, picture: str, hand: Hand, machine: Caption) -> dict[str, Any]:
    """What the user made of the caption, or of the picture."""
    if picture in edits.excluded:
        return {"status": "excluded"}
    if picture in edits.unread_sources:
        return {"status": "rejected", "reason": "caption"}
    text = machine.text if hand.person is None else merged(hand, machine.items, machine.triggers)
    return {"final_text": text, "caption_source": source(hand, text)}


def second_look(run: Run, record: Drawn) -> Sequence[Row]:
    """The rows, with the user's changes in kohya/ and SRC since the run began: hours may have passed."""
    edits = record.edits
    edits.placement.read()
    before = dict(edits.decisions.changed)
    run.problems |= edits.look(record.rows)
    _say_retouched(run, edits)
    edits.note_removals(training(record.rows))
    changed = {picture for picture, entry in edits.decisions.changed.items() if before.get(picture) is not entry}
    edits.unchanged.release()
    rows = enumerate(record.rows) if changed or edits.excluded else ()
    redone = {at for at, row in rows if image_key(row) in changed or _newly_excluded(row, edits)}
    if not redone:
        return record.rows
    seen = captioned(run, record, [_undecided(record.rows[at]) for at in sorted(redone)])
    return packed(record, (next(seen) if at in redone else row for at, row in enumerate(record.rows)))


def without_trigger(rows: Iterable[Row], record: Profiled) -> Iterator[str]:
    """Lines about the user's captions that lack the trigger word, or their variant's."""
    counts: Counter[str] = Counter()
    for row in rows:
        if row.status == "kept" and row.caption_source != "machine" and row.final_text:
            for trigger in record.profile_for(row.ref).triggers:
                counts[trigger] += not names(row.final_text, trigger)
    of_characters = {profile.trigger for profile in record.profiles.values()}
    for trigger, count in counts.items():
        if count:
            many = "1 caption of yours lacks" if count == 1 else f"{count:,} captions of yours lack"
            named = " (`prep lint` names them)" if trigger in of_characters else ""  # lint knows no variants
            yield f"{many} the trigger word `{printable(trigger)}`{named}"


def training(rows: Iterable[Row]) -> Iterator[str]:
    """The pictures that belong in kohya/."""
    return (image_key(row) for row in rows if row.trains)


def _undecided(row: Row) -> Row:
    return row._replace(final_text=None, caption_source=None, worded=None)


def _newly_excluded(row: Row, edits: HandEdits) -> bool:
    return row.trains and image_key(row) in edits.excluded


def _say_retouched(run: Run, edits: HandEdits) -> None:
    if retouched := edits.placement.retouched():
        stay = "it stays as it is" if len(retouched) == 1 else "they stay as they are"
        run.report.say(f"scan: {quantity(len(retouched), 'picture')} in kohya/ changed by hand; {stay}")


def _unwitnessed(record: Profiled, row: Row) -> bool:
    """Whether a drawn picture trains on the tags' word alone: no witness and no user has looked at it."""
    if not (row.made and row.made.check and row.trains) or BY_HAND in row.flags:
        return False
    return all(getattr(row.made.check, name) is None for name in WITNESSED) and not _drawn_by_trial(record, row)


def _drawn_by_trial(record: Profiled, row: Row) -> bool:
    """Whether a starter model drew it."""
    drawing = record.drawing if isinstance(record, Captioned) else None
    request = row.made.request
    if drawing and request.weights == drawing.generator.digest:
        return is_trial(drawing.generator)
    return request.generator == family("generator").trial
