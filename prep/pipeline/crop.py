"""The stage between captions and drawing: crops of each character's own pictures, if the settings ask for any.

What was found in a picture is kept, so that a second run opens none. A crop goes when its parent goes; what the user
did to it stays known.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from prep.aside import fingerprint, set_aside
from prep.captions.compose import PEOPLE
from prep.crops.derive import PARTS, NoCrop, crops_in
from prep.dataset.kohya import balanced_repeats, crop_share
from prep.drawing.measure import measure, stands_at
from prep.edits.follow import move
from prep.jobs.crop import FOLDER, PLACES, CropJob, Cutting
from prep.jobs.detect import FOUND, DetectJob, detect_recipe, found_in
from prep.jobs.draw import DRAW, draw_recipe, ref_from_draw
from prep.models.detectors import detectors_of
from prep.models.residency import MEMORY
from prep.names import quantity
from prep.pipeline.carried import carried
from prep.pipeline.composites import may_be_cut
from prep.pipeline.decided import captioned, overruled, packed, training
from prep.pipeline.read_made import read_made
from prep.pipeline.records import Captioned
from prep.run import Run, image_key
from prep.system import remove
from prep.types import RETOUCHED, Made, Part, Row


def crop(run: Run, record: Captioned) -> Captioned:
    """Cut what is missing, have it read by the tagger of the set, caption it, and remove what no longer belongs."""
    wanted = cuttings(run, record) if run.settings.crops.kinds else {}
    settled = _settled(run, record, wanted)
    rows = [
        overruled(row, record.edits.decisions.verdict(image_key(row))) for row in _rows(run, record, wanted, settled)
    ]
    _clear(run, wanted)
    record = _read(run, record, rows)
    _note_places(run, rows, wanted)
    rows = [row for row in rows if row.ref.sha256 in record.scores]
    if not rows:
        return record
    record.edits.note_removals(training(rows), run.options.restore)
    return replace(record, crops=tuple(captioned(run, record, rows)))


def cuttings(run: Run, record: Captioned) -> dict[str, Cutting]:
    """Key -> each crop that belongs to the set, by the settings and by what was found in its pictures."""
    settings = run.settings
    rows = packed(record, (row for row in record.rows if row.status == "kept" and not row.made))
    detectors = detectors_of(settings)
    recipe = detect_recipe(detectors, settings.scan.max_pixels)
    seen = {row.ref.sha256: row for row in rows if _may_show_one(row) and (detectors or may_be_cut(row))}
    book = run.ledger.book(FOUND, recipe)
    todo = [(sha256, row.ref.path) for sha256, row in seen.items() if sha256 not in book]
    run.wants("crop", len(todo))
    if todo:
        how = ", ".join(each.name for each in detectors) or "the outlines of figures"
        run.report.say(f"crop: {quantity(len(todo), 'picture')} to look at, with {how}")
        job = DetectJob(run.src, run.ledger, detectors, settings.scan.max_pixels)
        for outcome in carried(run, job, todo, "crop"):
            if outcome.problem:
                run.problems[seen[outcome.subject].ref.path] = outcome.problem
        MEMORY.clear()
        book = run.ledger.book(FOUND, recipe)
    found, why, without = {}, Counter(), Counter()
    shares = _shares(run, record, rows)
    for row in rows:
        ref, known = row.ref, book.get(row.ref.sha256) if row.ref.sha256 in seen else None
        crops = crops_in(
            found_in(known) if known else (), ref.width, ref.height, settings.crops.kinds, settings.crops.most,
            settings.export.resolution,
        )  # fmt: skip
        if isinstance(crops, NoCrop):
            why["it shows several persons" if not _may_show_one(row) else crops.why] += 1
            continue
        without.update(crops.without.items())
        own = (Cutting(ref.character, ref.sha256, part, box) for part, box in crops.crops)
        found |= {each.key: each for each in own if int(each.key, 16) < shares[ref.character] * 16**16}
    for line in _told(found, why, without):
        run.report.say(f"crop: {line}")
    return found


def _told(
    found: Mapping[str, Cutting], why: Mapping[str, int], without: Mapping[tuple[Part, str], int]
) -> Iterator[str]:
    """why: of pictures without any crop. without: of those that have some, by what they lack."""
    parts = Counter(each.part for each in found.values())
    each = ", ".join(f"{count:,} {part}" for part, count in parts.items())
    yield f"{quantity(len(found), 'crop')}" + (f": {each}" if each else "")
    if why:
        yield f"{quantity(sum(why.values()), 'picture')} without: {_reasons(why)}"
    for part in sorted({part for part, _ in without}, key=PARTS.index):
        own = {reason: count for (lacks, reason), count in without.items() if lacks == part}
        yield f"no {part} of {quantity(sum(own.values()), 'picture')} with other crops: {_reasons(own)}"


def _reasons(why: Mapping[str, int]) -> str:
    return "; ".join(f"{count:,} because {reason}" for reason, count in why.items())


def _may_show_one(row: Row) -> bool:
    """Whether the tagger saw at most one person: nobody could say whose head it is."""
    names = {tag.name for tag in row.caption.tags} | {gone.name for gone in row.caption.removed}
    people = {name for name in names if PEOPLE.match(name)}
    return len(people) < 2 and all(name.startswith("1") for name in people)


def _shares(run: Run, record: Captioned, rows: Sequence[Row]) -> dict[str, float]:
    """Character -> the share of its crops that are kept, so that they are not shown more often than they should."""
    counts = Counter(record.places.group(row) for row in rows if row.trains)
    balanced = balanced_repeats(counts, run.settings.export.images_per_epoch)
    known = {} if run.options.rebalance else record.edits.placement.repeats
    slugs = record.places.slugs
    return {
        character: crop_share(known.get(slug) or balanced.get(slug, 1), run.settings.crops.most)
        for character, slug in slugs.items()
    }


def _settled(run: Run, record: Captioned, wanted: Mapping[str, Cutting]) -> dict[str, str]:
    """Cut what is not there, and look at what is: it may have been changed by hand. -> key -> its path under OUT."""
    settings, places = run.settings, record.places
    measure_px = settings.thresholds.measure_px
    parents = {each.parent for each in wanted.values()}
    real = (row.ref for row in record.rows if not row.made) if parents else ()
    paths = {ref.sha256: ref.path for ref in real if ref.sha256 in parents}
    book = run.ledger.book(DRAW, draw_recipe(measure_px))
    missing = [each for each in wanted.values() if each.key not in book or not _at(record, each)]
    missing.sort(key=lambda each: each.parent)
    work = [(paths[parent], tuple(some)) for parent, some in groupby(missing, key=lambda each: each.parent)]
    if work:
        job = CropJob(run.src, run.out, run.ledger, places.slugs, measure_px, settings.scan.max_pixels)
        for outcome in carried(run, job, work, "crop"):
            if outcome.problem:
                run.problems[paths[outcome.subject]] = outcome.problem
    there = [(each, path) for each in wanted.values() if (path := _at(record, each))]
    found = measure(there, run.ledger, measure_px)
    edits = record.edits
    for old, new in found.retouched.items():
        move(edits.decisions, edits.placement, old, new, same_picture=False)
    for path in found.damaged.values():
        set_aside(run.out, path, "is no longer a picture", run.ledger)
    if found.retouched:
        run.report.say(f"crop: {quantity(len(found.retouched), 'crop')} changed by hand, and kept so")
    return {each.key: path.relative_to(run.out).as_posix() for each, path in there if each.key not in found.damaged}


def _at(record: Captioned, each: Cutting) -> Path | None:
    return stands_at([record.places.out / each.place(record.places.slugs[each.character])])


def _rows(run: Run, record: Captioned, wanted: Mapping[str, Cutting], paths: Mapping[str, str]) -> Iterator[Row]:
    book = run.ledger.book(DRAW, draw_recipe(run.settings.thresholds.measure_px))
    for key, path in paths.items():
        if measures := book.get(key):
            each = wanted[key]
            ref = ref_from_draw(each, measures, path)
            flags = (RETOUCHED,) if RETOUCHED in ref.flags else ()
            yield Row(ref, origin="crop", flags=flags, made=Made("crop", each.parent, key, part=each.part))


def _note_places(run: Run, rows: Sequence[Row], wanted: Mapping[str, Cutting]) -> None:
    """Of the crops that are as prep cut them: where each was, so that it is known where its head is."""
    known = run.ledger.rows(PLACES) if rows else {}
    run.ledger.write(PLACES, [
        {"subject": row.ref.sha256, "recipe": row.made.recipe, "parent": row.made.parent}
        | wanted[row.made.recipe].box._asdict()
        for row in rows
        if row.ref.sha256 not in known and RETOUCHED not in row.flags
    ])  # fmt: skip


def _read(run: Run, record: Captioned, rows: Sequence[Row]) -> Captioned:
    """With the tags of all crops."""
    crops = list({row.ref.sha256: row.ref for row in rows}.values())
    record, read = read_made(run, record, crops, "crop", "crop")
    if read:
        MEMORY.clear()
    return record


def _clear(run: Run, wanted: Mapping[str, Cutting]) -> None:
    """Remove the files of crops that no longer belong to the set, if they are as prep wrote them."""
    book = None
    for folder in sorted((run.out / "generated").glob(f"*/{FOLDER}/")):
        if folder.is_symlink():
            continue
        for path in sorted(folder.glob("*.png")):
            if path.stem in wanted:
                continue
            book = book or run.ledger.rows(DRAW)
            row = book.get(path.stem)
            if row and not row["hand"] and fingerprint(path) == row["sha256"]:
                remove(path)
        if not any(folder.iterdir()):
            folder.rmdir()
