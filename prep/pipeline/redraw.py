"""Draw one picture again: a run over that picture alone, up to the check, into a folder of its own. For `prep redraw`.

Its settings are those of the call: what other settings drew stays in the folder, and does not count.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.captions.from_settings import composer_of
from prep.dataset.folders import check_folders
from prep.dataset.manifest import manner
from prep.dataset.problems import line
from prep.dataset.sheets import Sheets
from prep.drawing.progress import KINDS
from prep.drawing.standing import forget_judged
from prep.errors import StoppedError, UsageError
from prep.files import PICTURE_BYTES, read_file
from prep.models.choose_models import MODEL, would_draw
from prep.names import printable, quantity
from prep.pipeline.decided import NAMES
from prep.pipeline.fates import fates_of
from prep.pipeline.records import Captioned, Found, Profiled, Scanned, Tagged
from prep.pipeline.road import DRAWING, HINTS, Repeat, at_work, prepare_out, travel, trial_lines
from prep.pipeline.stages import caption, profile, scan, tag
from prep.pipeline.subject import Home, Subject, subject_of
from prep.protocols import Runner
from prep.run import Options, Run
from prep.sections import Settings
from prep.types import WITNESSED, Row

TRY = "`--set generator.model=starter` tries it with the starter generator"
WORDS = {  # why a drawn picture was rejected
    "copy": "the asked change was not read, or it nearly equals another picture",
    "contradiction": "a tag was read that excludes one that was asked for",
    "off_character": "too few of the asked tags were read",
    "not_judgeable": "no tag tells whether it is the character",
    "damaged": "a witness found it torn, smeared or melted",
    "another_character": "a witness took it for somebody else",
    "not_empty": "somebody is in the scene",
    "another_place": "the scene is not the place that was asked for",
}


@dataclass(frozen=True)
class Redrawn:
    lines: list[str]
    exit_code: int
    folder: Path  # where the new pictures are
    source: Row | None = None  # the picture itself; None: it could not be read
    drawn: tuple[Row, ...] = ()  # scenes of composites among them


def redraw(home: Home, out: Path, count: int, settings: Settings, runner: Runner) -> Redrawn:
    """Draw `count` variations of the picture and one reconstruction, into a folder of its own under out.

    Raises UsageError when there is no generator, and whatever a run raises.
    """
    if settings.generator.model == "none":
        raise UsageError(
            "generator.model is `none`, so nothing can be drawn", hint="set it to `auto` or to a generator"
        )
    subject = subject_of(home, settings, out / _name(home.image))
    folder = out / _name(subject.file)
    check_folders(out, {folder.name: 1})
    prepare_out(folder)
    with at_work(home.src, folder, settings, Options(), runner) as run:
        run.src, run.settings = subject.folder, _alone(subject.settings, count)
        if home.inside:  # a picture in a set has passed, and a drawn one has its model's size
            run.settings = run.settings.model_copy(
                update={"scan": run.settings.scan.model_copy(update={"min_side_px": 0})}
            )
        _hand_on(subject, run)
        forget_judged(run.ledger)  # what other settings drew is not what was asked for now
        return _redrawn(run, subject)


def _name(file: Path) -> str:
    """Of a picture's folder: of its bytes, so a moved picture is not drawn again."""
    return hashlib.sha256(read_file(file, PICTURE_BYTES, follow=True)).hexdigest()[:12]


def _redrawn(run: Run, subject: Subject) -> Redrawn:
    reading = Repeat((tag,), lambda tagged: not tagged.changed, 2, lambda run, _: _scanned_again(run, subject))
    name = printable(f"{subject.character}/{subject.file.name}")
    record = scan(run, Found(listing=subject.listing))
    if record.rows[0].status == "kept":
        record, _ = travel(run, record, (reading,))
    if record.rows[0].status != "kept":
        return Redrawn([*_why_not(run, record), "nothing was drawn: see the line above"], _exit_code(run), run.out)
    record, _ = travel(run, record, (_profile_of(subject), caption, DRAWING))
    with suppress(StoppedError):  # no room for it: all is done, and the next start tries again
        run.ledger.merge()
    source = next(row for row in record.rows if not row.made)
    lines = [f"{name}: {source.final_text}"]
    if record.drawing is None:
        return Redrawn([*lines, f"nothing was drawn: {would_draw(run.settings)[1]}", TRY], 0, run.out, source)
    lines += [text for row in sorted(record.drawn, key=_best_first) for text in _explained(record, row)]
    lines += [line(path, each).rstrip() for path, each in run.problems.items()]
    lines += [*_advice(record.drawn), *trial_lines(record)]
    if not record.drawn:
        return Redrawn([*lines, "nothing was drawn: see the lines above"], _exit_code(run), run.out, source)
    sheets = Sheets(
        record.places, run.ledger, record.profiles, record.composer.caption_text, run.settings.scan.max_pixels, {}
    )
    sheets.choose(record.rows)
    sheets.write(run.out / "generated")
    lines.append(f"look: {run.out / 'generated' / subject.slug / 'sheet.png'}")
    return Redrawn(lines, _exit_code(run), run.out, source, tuple(record.drawn))


def _alone(settings: Settings, count: int) -> Settings:
    """For one picture: as many variations as were asked for, one reconstruction, no samples of its character, and one
    reader.
    """
    return settings.model_copy(
        update={
            "reconstruct": settings.reconstruct.model_copy(update={"per_character": 1}),
            "consistency": settings.consistency.model_copy(update={"per_character": 0}),
            "tagger": settings.tagger.model_copy(update={"second": ""}),
            "captions": settings.captions.model_copy(update={"readers": "first"}),
            "augmentation": settings.augmentation.model_copy(update={"share": float(count), "least": count}),
        }
    )


def _hand_on(subject: Subject, run: Run) -> None:
    """The character's name in folders and the set's tagger, as the set has them."""
    run.ledger.write(NAMES, [{"subject": subject.character, "recipe": "", "slug": subject.slug}])
    if subject.tagger:
        run.ledger.write(MODEL, [subject.tagger])


def _scanned_again(run: Run, subject: Subject) -> Scanned:
    run.report.say("tag: the picture changed while prep was running and is read again")
    run.problems.clear()
    return scan(run, Found(listing=subject.listing))


def _profile_of(subject: Subject) -> Callable[[Run, Tagged], Profiled]:
    """The stage: the set's profile of the character, or one of this picture alone."""

    def known(run: Run, tagged: Tagged) -> Profiled:
        found = subject.profile
        traits = ", ".join(printable(tag) for tag in found.tags if found.tags[tag].trait).replace("_", " ") or "none"
        many = quantity(found.images, "image")
        run.report.say(f"profile: {printable(found.character)}: {many} of its set, traits: {traits}")
        composer = composer_of(run.settings, tagged.scores.vocabulary)
        variants = {(subject.character, subject.variant): subject.variant_profile} if subject.variant_profile else {}
        return Profiled.grown(tagged, composer=composer, profiles={subject.character: found}, variants=variants)

    return known if subject.profile else profile


def _why_not(run: Run, record: Scanned) -> Iterator[str]:
    """Why the picture cannot be drawn again."""
    fates = fates_of(record, run.settings.scan, run.problems)
    for path, problem in (*run.problems.items(), *fates.lines):
        yield line(path, problem).rstrip()


def _exit_code(run: Run) -> int:
    return int(any(each.kind not in HINTS for each in run.problems.values()))


def _best_first(row: Row) -> tuple[Any, ...]:
    return [*KINDS].index(row.origin), not row.made.check.kept, -row.made.check.score, row.made.recipe


def _explained(record: Captioned, row: Row) -> Iterator[str]:
    check, request = row.made.check, row.made.request
    verdict = "accepted" if check.kept else f"{check.reason}: {WORDS.get(check.reason, 'rejected')}"
    yield f"{record.places.file(row)}"
    yield f"  {row.origin} ({manner(request)}): {check.score:.2f} {verdict}"
    yield f"  prompt:   {request.prompt}"
    if request.sentence:
        yield f"  for T5:   {request.sentence}"
    for name, tags in (("missing", check.missing), ("unwanted", check.unwanted)):
        if tags:
            yield f"  {name}: {', '.join(tags).replace('_', ' ')}"
    if row.origin != "scene":
        measures = ((name, getattr(check, name)) for name in WITNESSED)
        said = (f"{name} " + ("not measured" if each is None else f"{each:.2f}") for name, each in measures)
        yield f"  witnesses: {', '.join(said)}"


def _advice(drawn: Sequence[Row]) -> Iterator[str]:
    """What to do when most variations were rejected."""
    tried = [row.made.check for row in drawn if row.origin == "augmentation"]
    rejected = sum(not check.kept for check in tried)
    if 2 * rejected > len(tried):
        bound = "a lower check.bound accepts more, " if any(check.reason == "off_character" for check in tried) else ""
        yield (
            f"most variations were rejected ({rejected:,} of {len(tried):,}): look at the sheet; {bound}a higher "
            "augmentation.tries draws more, and in a set `prep accept` takes what looks right"
        )
