"""Draw one picture again: read its tags, draw from them, and read the drawn pictures back. For `prep redraw`.

No dataset: the picture's own tags are all that is known about its character, and all of them count as core.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prep.captions.characters import for_folders
from prep.captions.compose import Composer
from prep.captions.from_settings import composer_of
from prep.captions.profile import profile_of
from prep.captions.tally import Tally
from prep.checks.retag import as_copy, read_exclusive, verdict
from prep.config import CharacterSettings, Settings
from prep.dataset.folders import check_folders
from prep.dataset.sheets import Sheets
from prep.drawing.begin import begin_drawing
from prep.drawing.plans import Drawing
from prep.errors import ImageError, UsageError
from prep.files import PICTURE_BYTES, check_writable, read_file, write_whole
from prep.images import Picture, covering, measures, open_image
from prep.jobs.draw import png_of
from prep.jobs.read import Reader, reading
from prep.models.choose_models import is_trial, tagger_for, would_draw
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.names import numbered_folder, printable, slugs
from prep.pipeline.asked import check_settings
from prep.process.report import Report
from prep.run import Places
from prep.scan.copies import COPY_BELOW, difference
from prep.scan.select import select
from prep.tagging.filters import read_patterns
from prep.tagging.thresholds import level_of
from prep.types import Check, GenerationRequest, ImageRef, Made, Problem, Profile, Row

TRY = "`--set generator.model=starter`"


@dataclass(frozen=True)
class Redrawn:
    lines: list[str]
    exit_code: int


@dataclass(frozen=True)
class _Subject:
    """The picture to draw again, and everything derived from it."""

    row: Row
    pixels: np.ndarray  # uint8 [H, W, 3], RGB
    profile: Profile
    composer: Composer


def redraw(image: Path, out: Path, count: int, settings: Settings, report: Report) -> Redrawn:
    """Draw `count` variations of the image and one reconstruction, into a folder of its own under out.

    Raises UsageError when the file does not exist or there is no generator, and whatever a run raises.
    """
    try:
        data = read_file(image, PICTURE_BYTES, follow=True)
    except OSError as error:
        raise UsageError(f"{image} cannot be read ({error.strerror})", hint="name an image file") from None
    if settings.generator.model == "none":
        raise UsageError(
            "generator.model is `none`, so nothing can be drawn", hint="set it to `auto` or to a generator"
        )
    named = image.absolute().parent.name
    character = kohya[1] if (kohya := numbered_folder(named)) else named
    settings = for_folders(_alone(settings, count), [character], others=True)
    name = printable(f"{character}/{image.name}")
    check_settings(settings)
    _check_writable(out)
    folder = hashlib.sha256(data).hexdigest()[:12]
    check_folders(out, {folder: 1})
    places = Places(image.parent, out / folder, slugs([character]))
    tagger = tagger_for(settings)
    try:
        picture = open_image(data, settings.scan.max_pixels)
    except ImageError as error:
        return Redrawn([f"{name}: {error}"], 1)
    row = _row(image, character, data, picture, settings)
    if row.status != "kept":
        return Redrawn([f"{name}: {row.reason}", "nothing was drawn: see the lines above"], 0)
    with reading(tagger, settings.scan.max_pixels) as reader:
        subject, known = _read(reader, row, picture, places, settings), frozenset(reader.vocabulary.names)
    lines = [f"{name}: {subject.row.final_text}"]
    drawing = begin_drawing([subject.row], {character: subject.profile}, known, places, settings, may_fetch=True)
    if drawing is None:
        why = would_draw(settings)[1]
        return Redrawn([*lines, f"nothing was drawn: {why}", f"{TRY} tries it with the starter generator"], 0)
    if not drawing.requests:
        return Redrawn([*lines, "nothing was drawn: see the lines above"], 0)
    _draw(drawing, subject, report)
    rows = _checked(drawing, subject, tagger, known, settings)
    lines += _explained(rows, places)
    sheets = Sheets(
        places, None, {character: subject.profile}, subject.composer.caption_text, settings.scan.max_pixels, {}
    )
    sheets.choose([*rows, subject.row])
    write_whole(places.out / "sheet.png", sheets.page(character))
    if is_trial(tagger) or is_trial(drawing.generator):
        lines.append("TRIAL: by the starter models, which know three characters; for your own art see `prep doctor`")
    return Redrawn([*lines, f"look: {places.out / 'sheet.png'}"], 0)


def _check_writable(out: Path) -> None:
    """Raises UsageError before a model loads."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        check_writable(out)
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror})", hint="name another folder with --out") from None


def _alone(settings: Settings, count: int) -> Settings:
    wanted = {"share": float(count), "least": count, "tries": 1}
    return settings.model_copy(
        update={
            "reconstruct": settings.reconstruct.model_copy(update={"per_character": 1}),
            "consistency": settings.consistency.model_copy(update={"per_character": 0}),
            "augmentation": settings.augmentation.model_copy(update=wanted),
        }
    )


def _row(image: Path, character: str, data: bytes, picture: Picture, settings: Settings) -> Row:
    ref = ImageRef(
        sha256=hashlib.sha256(data).hexdigest(),
        path=image.name,
        character=character,
        width=picture.width,
        height=picture.height,
        format=picture.format,
        bytes=len(data),
        flags=picture.flags,
        **measures(picture.pixels, settings.thresholds.measure_px),
    )
    return select([ref], settings.scan)[0]


def _read(reader: Reader, row: Row, picture: Picture, places: Places, settings: Settings) -> _Subject:
    """The row with its tags and caption, and a profile made from it alone."""
    (scores,) = reader.read([reader.prepare(picture)])
    composer = composer_of(settings, reader.vocabulary)
    level = level_of(row.ref.edge_density, settings.thresholds)
    character = row.ref.character
    profile = profile_of(
        character,
        places.slugs[character],
        Tally(Counter(composer.names(scores, level))),
        1,
        read_patterns(settings.profile.intrinsic, "profile.intrinsic"),
        settings.profile,
        settings.characters.get(character, CharacterSettings()),
    )
    caption = composer.caption(scores, level, profile)
    row = row._replace(complexity=level, caption=caption, final_text=caption.text, caption_source="machine")
    return _Subject(row, picture.pixels, profile, composer)


def _draw(drawing: Drawing, subject: _Subject, report: Report) -> None:
    """Draw what is not there yet: a picture's name is a hash of everything that shapes it."""
    missing = {request.key: request for request in drawing.requests if not _is_whole(_place(drawing, request))}
    if not missing:
        report.say(f"draw: all {len(drawing.requests):,} pictures were drawn before")
        return
    report.say(f"draw: {len(missing):,} pictures with {drawing.card.name}")
    parents = {
        request.parent: covering(subject.pixels, request.width, request.height)
        for request in missing.values()
        if request.strength is not None
    }
    with MEMORY.lend(drawing.generator) as generator:
        drawn = generator.draw(list(missing.values()), parents, drawing.places.out / "prompts")
        for key, pixels in report.bar("draw", drawn, len(missing)):
            path = _place(drawing, missing[key])
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, png_of(missing[key], pixels))


def _checked(
    drawing: Drawing, subject: _Subject, tagger: ModelRef, known: frozenset[str], settings: Settings
) -> list[Row]:
    """A row for each drawn picture, with the verdict from the tagger that read the original."""
    exclusive = read_exclusive(settings.check.exclusive)
    rows: list[Row] = []
    siblings: list[np.ndarray] = []
    with reading(tagger, settings.scan.max_pixels) as reader:
        for request in drawing.requests:
            data = read_file(_place(drawing, request), PICTURE_BYTES)
            picture = open_image(data)
            prepared = reader.prepare(picture)
            if isinstance(prepared, Problem):
                continue
            ref = _ref(drawing, request, data, picture, settings)
            (scores,) = reader.read([prepared])
            read = subject.composer.names(scores, level_of(ref.edge_density, settings.thresholds))
            profile, bound = subject.profile, settings.check.bound
            check = verdict(request, read, profile.core, profile.body, known, exclusive, bound)
            if check.kept and request.kind == "augmentation":
                check = _or_copy(check, picture.pixels, [covering(subject.pixels, ref.width, ref.height), *siblings])
                siblings += [picture.pixels] if check.kept else []
            status = "kept" if check.kept else "rejected"
            made = Made("generator", request.parent, request.key, request, check)
            caption = subject.composer.caption(scores, level_of(ref.edge_density, settings.thresholds), profile)
            rows.append(Row(ref, request.kind, status, check.reason, caption=caption, made=made))
    return rows


def _or_copy(check: Check, pixels: np.ndarray, others: Sequence[np.ndarray]) -> Check:
    return as_copy(check) if any(difference(pixels, other) < COPY_BELOW for other in others) else check


def _ref(drawing: Drawing, request: GenerationRequest, data: bytes, picture: Picture, settings: Settings) -> ImageRef:
    return ImageRef(
        sha256=hashlib.sha256(data).hexdigest(),
        path=_place(drawing, request).relative_to(drawing.places.out).as_posix(),
        character=request.character,
        width=picture.width,
        height=picture.height,
        format="png",
        bytes=len(data),
        flags=(),
        **measures(picture.pixels, settings.thresholds.measure_px),
    )


def _is_whole(path: Path) -> bool:
    try:
        open_image(read_file(path, PICTURE_BYTES))
    except (OSError, ImageError):
        return False
    return True


def _place(drawing: Drawing, request: GenerationRequest) -> Path:
    return drawing.places.out / request.kind / f"{request.key}.png"


def _explained(rows: Sequence[Row], places: Places) -> Iterator[str]:
    for row in sorted(rows, key=lambda row: (row.origin, -row.made.check.score)):
        check = row.made.check
        yield f"{places.file(row)}"
        yield f"  {row.origin}: {check.score:.2f} {row.reason or 'accepted'}"
        yield f"  prompt:   {row.made.request.prompt}"
        for name, tags in (("missing", check.missing), ("unwanted", check.unwanted)):
            if tags:
                yield f"  {name}: {', '.join(tags).replace('_', ' ')}"
