"""What a run would do, in words: for `prep run --plan`, and for the end of `prep status`.

Everything follows from a preview, and so from the present files and settings.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from prep.captions.forms import form_of
from prep.dataset.clear import strangers
from prep.dataset.manifest import manner
from prep.dataset.problems import reasons
from prep.index import Hashes
from prep.models.captioners import captioner_of, is_grammar
from prep.models.choose_models import fetched_first, settings_of_the_second, would_draw
from prep.names import is_made_group, printable, quantity
from prep.pipeline.crop import cuttings
from prep.pipeline.decided import without_trigger
from prep.pipeline.draw import begin
from prep.pipeline.preview import Preview, preview
from prep.pipeline.records import Captioned
from prep.run import image_key
from prep.sections import Settings
from prep.types import Row

SHOWN = 3
TO_READ = ("scan", "unknown", "tag", "second")


@dataclass
class Outlook:
    """What would change in kohya/."""

    made: Preview
    new: int = 0  # captions
    changed: list[tuple[Row, str]] = field(default_factory=list)  # (its row, its present caption)
    edited: int = 0  # captions edited by hand since the last run
    out: int = 0  # pictures that the user removed since
    back: int = 0  # and those that the user put back

    @property
    def kept(self) -> Iterator[Row]:
        return (row for row in self.made.record.rows if row.status == "kept")

    @cached_property
    def there(self) -> Hashes:
        """Real pictures in kohya/."""
        return Hashes(self._there())

    @cached_property
    def adding(self) -> int:
        """Pictures that would be added to kohya/, as far as is known before they are read."""
        record = self.made.record
        known = Hashes(row.ref.path for row in record.rows)  # one whose stat has changed counts as before
        new = Hashes(picture for picture in self._stay() if picture not in self.there)
        return len(new) + sum(file.path not in known for file in record.listing.files)

    @cached_property
    def leaving(self) -> Counter[str]:
        """Pictures that would leave kohya/, by reason."""
        stay = Hashes(self._stay())
        why = dict.fromkeys((picture for picture in self._there() if picture not in stay), "gone from SRC")
        for row in self.made.record.rows if why else ():
            if row.status != "kept" and (picture := image_key(row)) in why:
                why[picture] = row.reason or row.status
        return Counter(why.values())

    def _there(self) -> Iterator[str]:
        placement = self.made.record.edits.placement
        placed = ((picture, each) for picture, each in placement.placed() if not is_made_group(each.group))
        return (picture for picture, each in placed if placement.there(each))

    def _stay(self) -> Iterator[str]:
        """Pictures that belong in kohya/. Those that a new tagger has not read yet stay as they are until then."""
        return (image_key(row) for row in self.made.record.rows if row.status == "kept" or row.reason == "not_tagged")


def outlook_of(made: Preview) -> Outlook:
    found = Outlook(made)
    edits = made.record.edits
    decisions, placement = edits.decisions, edits.placement
    for row, text in zip(found.kept, decisions.texts(map(image_key, found.kept)), strict=True):
        picture = image_key(row)
        now = edits.says_else.get(picture, text)
        if now is None or picture in found.there and not placement.has_sidecar(placement[picture]):
            found.new += 1
        elif row.final_text not in (None, now):
            found.changed.append((row, now))
    moved = set(made.record.moved)
    for what, picture in decisions.history.since:
        _, change = decisions.history.since[what, picture]
        if picture in moved:  # counted separately
            continue
        if what == "caption":
            found.edited += change.after is not None and change.after.person is not None
        elif change.after == "excluded":
            found.out += 1
        elif change.before == "excluded":
            found.back += 1
    return found


def is_idle(made: Preview) -> bool:
    """Whether a run would read nothing, find nothing that the user did since the last one, and change no caption and no
    picture.
    """
    run, edits, found = made.run, made.record.edits, outlook_of(made)
    if any(map(run.todo.get, TO_READ)) or run.ledger.held_back or run.ledger.passed_over:
        return False
    if found.new or found.changed or found.adding or found.leaving or found.edited or found.out or found.back:
        return False
    placement = edits.placement
    complete = all(placement.there(each) and placement.has_sidecar(each) for _, each in placement.placed())
    return complete and not (edits.unreadable or placement.damaged or made.record.moved)


def plan_lines(src: Path, out: Path, settings: Settings) -> list[str]:
    """What a run would do now, one line per stage."""
    made = preview(src, out, settings)
    run, record, found = made.run, made.record, outlook_of(made)
    files, characters = len(record.listing.files), len(record.listing.characters)
    placed, stay = len(found.there), sum(1 for _ in found.kept) - found.new - len(found.changed)
    lines = [
        f"scan: {quantity(files, 'picture')} of {quantity(characters, 'character')}, {run.todo['scan']:,} to read"
        + _unread(record),
        f"tag: {made.untagged:,} images to tag with {record.tagger.name}" + _loaded_for(made),
        *_second_lines(made, settings),
        f"caption: {found.new + made.untagged:,} captions to write, {len(found.changed):,} to change, {stay:,} stay",
        *_sentence_lines(made),
        *_crop_lines(made),
        *_drawing_lines(made),
        f"export: {placed:,} images already in kohya/, {found.adding:,} to add" + _to_take_out(found),
    ]
    return lines + [f"  {line}" for line in hand_lines(found)] + _examples(found)


def _loaded_for(made: Preview) -> str:
    if made.untagged:
        return fetched_first(made.record.tagger, made.run.settings)
    return ", and the files whose content is new" if made.run.todo["scan"] else "; no model is loaded"


def _second_lines(made: Preview, settings: Settings) -> Iterator[str]:
    """What the second reader has left to read."""
    second, left = made.record.second, made.unread_by_second
    if second and left:
        fetched = fetched_first(second.tagger, settings_of_the_second(settings))
        later = "" if settings.captions.readers == "first" else "; captions may change by what it says"
        yield f"tag: {left:,} images to read with {second.tagger.name}, the second reader{fetched}{later}"


def _sentence_lines(made: Preview) -> Iterator[str]:
    """How many sentences a captioner that costs something would be asked for."""
    settings = made.run.settings
    if "sentence" not in form_of(settings.captions.for_).parts:
        return
    captioner = captioner_of(settings, may_ask=False)
    if not is_grammar(captioner):
        calls = made.run.todo.get("describe", 0) + made.untagged
        yield f"caption: {captioner.name} is asked for {quantity(calls, 'sentence')}" + (
            " (each once, or twice if it has to be refused), and for those of pictures that prep makes" if calls else ""
        )


def hand_lines(found: Outlook) -> Iterator[str]:
    """What the user did since the last run, as the next one will see it."""
    record = found.made.record
    edits = record.edits
    not_prep_s = len(strangers(edits, record.rows, dry=True))
    retouched = sum(placed.hand for _, placed in edits.placement.placed())
    for count, one, many in (
        (found.edited, "1 caption was edited by hand", "{:,} captions were edited by hand"),
        (found.out, "1 picture was removed by hand", "{:,} pictures were removed by hand"),
        (found.back, "1 picture was put back by hand", "{:,} pictures were put back by hand"),
        (retouched, "1 picture in kohya/ is yours, and stays", "{:,} pictures in kohya/ are yours, and stay"),
        (len(edits.unreadable), "1 caption in kohya/ cannot be read: it would be set aside",
         "{:,} captions in kohya/ cannot be read: they would be set aside"),
        (not_prep_s, "1 picture or folder in kohya/ is not prep's, and is trained on as it is",
         "{:,} pictures or folders in kohya/ are not prep's, and are trained on as they are"),
        (len(edits.placement.damaged), "1 picture in kohya/ is damaged: it would be set aside and written again",
         "{:,} pictures in kohya/ are damaged: they would be set aside and written again"),
        (len(record.moved), "what you did to 1 picture follows it to where it is now",
         "what you did to {:,} pictures follows them to where they are now"),
        (len(record.lost), "1 hand edit has no picture: it is kept until that is back",
         "{:,} hand edits have no picture: they are kept until those are back"),
    ):  # fmt: skip
        if count:
            yield one if count == 1 else many.format(count)
    yield from without_trigger(record.rows, record)


def changed_settings(before: Settings, now: Settings) -> list[str]:
    """`section.key: before -> now`, for settings that differ."""
    old, new = (dict(_flat(each.model_dump(mode="json", exclude={"serve", "review"}))) for each in (before, now))
    changed = (key for key in sorted({*old, *new}) if old.get(key) != new.get(key))
    # If only one has a table for a character, only the values set there count.
    return [
        f"{key}: {_value(old.get(key))} -> {_value(new.get(key))}" for key in changed if old.get(key) or new.get(key)
    ]


def _value(found: Any) -> str:
    return "not set" if found is None else repr(found)


def _unread(record: Captioned) -> str:
    left = record.listing.left_out
    return f"; left out: {reasons(left)}" if left else ""


def _to_take_out(found: Outlook) -> str:
    if not found.leaving:
        return ""
    why = ", ".join(f"{count:,} {reason}" for reason, count in found.leaving.most_common())
    return f", {sum(found.leaving.values()):,} to remove ({why})"


def _crop_lines(made: Preview) -> Iterator[str]:
    """What would be cut, as far as the pictures have been looked at."""
    if made.run.settings.crops.kinds:
        known = len(cuttings(made.run, made.record))
        yield f"crop: {quantity(made.run.todo['crop'], 'picture')} to look at, {quantity(known, 'crop')} of the others"


def _drawing_lines(made: Preview) -> Iterator[str]:
    """What would be drawn, from what, with which prompt."""
    run, record = made.run, made.record
    record = begin(run, record)
    drawing = record.drawing
    if drawing is None:
        stay = len(record.before)
        kept = f"; {stay:,} pictures that were drawn before stay" if stay else ""
        yield f"generate: nothing is drawn: {would_draw(run.settings)[1]}{kept}"
        return
    missing = {request.key for request in drawing.missing()}
    requests = drawing.requests
    later = f"; more when {made.untagged:,} images are tagged" if made.untagged else ""
    lacking = 0 if missing else drawing.lacking
    more = f"; then augmentations until {lacking:,} more are accepted, as far as tries are left" if lacking else ""
    kinds = Counter(request.kind for request in requests)
    text = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()) or "no requests"
    fetched = fetched_first(drawing.generator, run.settings)
    yield f"generate: {text} with {drawing.card.name}{fetched}, {len(missing):,} to draw{later}{more}"
    parents = {request.parent for request in requests}
    refs = (row.ref for row in record.rows if row.status == "kept")
    paths = {ref.sha256: printable(ref.path) for ref in refs if ref.sha256 in parents}
    scenes = {request.key: request for request in requests if request.kind == "scene"}
    for request in requests:
        if request.key in missing:
            origin = f" from {paths[request.parent]}" if request.parent else ""
            how = [manner(request), f"{request.width}x{request.height}", f"{request.steps} steps"]
            how += [f"seed {request.seed}"] if drawing.here else []  # it depends on the weights, too
            how += [] if request.strength is None else [f"strength {request.strength}"]
            yield f"  {printable(request.character)}: {request.kind}{origin} ({', '.join(how)})"
            yield f"    {request.prompt}"
            if scene := scenes.get(request.scene):
                yield f"    before the scene: {scene.prompt}"
            elif request.kind == "scene":
                yield "    once it is accepted, a character is set before it"


def _examples(found: Outlook) -> list[str]:
    lines = []
    for row, text in found.changed[:SHOWN]:
        lines += [f"  {printable(row.ref.path)}", f"    now:  {text}", f"    then: {row.final_text}"]
    if len(found.changed) > SHOWN:
        lines.append(f"  and {len(found.changed) - SHOWN:,} more")
    return lines


def _flat(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
