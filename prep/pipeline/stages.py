"""One small adapter a stage: what it takes from the run and the dataset, what it hands to its part, what it says.

A stage is a function (run, dataset) -> dataset. The parts know nothing of one another; they meet here.
"""

from collections import Counter
from contextlib import closing
from dataclasses import replace
from functools import partial
from heapq import merge
from pathlib import Path

from prep.captions.compose import Composer
from prep.captions.profile import profile_of
from prep.captions.tally import tallied
from prep.config import CharacterSettings, Settings
from prep.dataset.kohya import KohyaExporter
from prep.dataset.manifest import ManifestExporter
from prep.dataset.problems import write_problems
from prep.dataset.sheets import Sheets
from prep.dataset.source import SourceSidecars
from prep.dataset.training import write_training_toml
from prep.drawing.rounds import begin_drawing, told_of
from prep.edits.from_files import Handwork
from prep.edits.merge import merged, source
from prep.edits.placed import EXPORT, Standing
from prep.formats.views import write_views
from prep.jobs.draw import DrawJob
from prep.jobs.tag import ScoreBook, TagJob, tag_recipe
from prep.models.choose_models import Settled, settle_tagger
from prep.names import drawn_group, printable
from prep.run import Dataset, Run, file_of, group_of, held, subject_of
from prep.scan.copies import marked
from prep.scan.find import walk
from prep.scan.measure import SCAN, ScanJob, is_current, to_ref
from prep.scan.measure import subject_of as scan_subject
from prep.scan.select import capped, judged
from prep.tagging.filters import read_patterns
from prep.tagging.thresholds import Selector, level_of, read_overrides
from prep.types import Problem, Row, Vocabulary

SCAN_BATCH = 128
STARTER = "starter-tagger"
NO_TAGS = Problem("caption", "no_tags", "no tag passed its threshold", "is it anime art, and at least 512 px?")


def scan(run: Run, dataset: Dataset) -> Dataset:
    settings = run.settings
    job = ScanJob(run.src, run.ledger, settings.scan.max_pixels, settings.thresholds.measure_px, SCAN_BATCH)
    book = run.ledger.book(SCAN, job.recipe)

    refs, todo = [], []
    files = run.listing.files
    for found, row in zip(files, book.rows(scan_subject(found.path) for found in files), strict=True):
        if run.options.rehash or not is_current(row, found) or run.options.retry and row["problem"]:
            todo.append(found)
        else:
            refs.append(to_ref(found, row))
    run.todo["scan"] = len(todo)
    if todo:
        with closing(run.runner.map(job, todo)) as outcomes:
            for _ in run.report.bar("scan", outcomes, len(todo)):
                pass
        book = run.ledger.book(SCAN, job.recipe)
    read = zip(todo, book.rows(scan_subject(found.path) for found in todo), strict=True)
    refs += [to_ref(found, row) for found, row in read if row is not None]
    run.problems |= dict(run.listing.problems) | {ref.path: ref.problem for ref in refs if ref.problem}
    run.report.say(f"scan: {len(files):,} files, {len(todo):,} read, {len(files) - len(todo):,} unchanged")
    if run.listing.hidden:
        names = ", ".join(printable(name) for name in run.listing.hidden)
        run.report.say(f"scan: hidden folders are passed over: {names}. Rename those that are characters")
    rows = marked(
        judged(refs, settings.scan),
        lambda ref: (run.src / ref.path).read_bytes(),
        run.ledger,
        settings.scan.near_copies == "drop",
        settings.scan.max_pixels,
    )
    return Dataset(held(capped(rows, settings.scan.max_images)))


def tag(run: Run, dataset: Dataset) -> Dataset:
    wanted = {row.ref.sha256: row.ref for row in dataset.rows() if row.status == "kept"}
    tagger = settle_tagger(run.ledger, run.settings, run.report.say, may_fetch=not run.options.dry)
    recipe = tag_recipe(tagger.name, tagger.sha256)
    book = ScoreBook(run.ledger, recipe)
    todo = [ref for sha256, ref in wanted.items() if sha256 not in book]
    done = len(wanted) - len(todo)
    failed: dict[str, Problem] = {}
    run.todo["tag"] = len(todo)
    if todo:
        run.report.say(f"tag: {len(todo):,} images with {tagger.name} ({done:,} done before)")
        job = tag_job(run, tagger, run.src)
        # Closed here, also when interrupted: what is done is flushed while the lock is still held.
        with closing(run.runner.map(job, todo)) as outcomes:
            for outcome in run.report.bar("tag", outcomes, len(todo)):
                if outcome.problem:
                    failed[outcome.subject] = outcome.problem
        if not run.read_again and any(problem.kind == "changed" for problem in failed.values()):
            return _read_again(run)
        run.problems |= {wanted[sha256].path: problem for sha256, problem in failed.items()}
        book = ScoreBook(run.ledger, recipe)
    else:
        run.report.say(f"tag: all {done:,} images were tagged before; no model was loaded")

    def with_verdict(row: Row) -> Row:
        if row.status != "kept" or row.ref.sha256 in book:
            return row
        problem = failed.get(row.ref.sha256)
        return replace(row, status="unreadable", reason=problem.kind if problem else "not_tagged")

    return replace(
        dataset, reader=tagger, tagger=tagger.name, tag_recipe=recipe, scores=book, rows=dataset.map(with_verdict)
    )


def tag_job(run: Run, tagger: Settled, folder: Path) -> TagJob:
    """folder: what the paths of the images are relative to."""
    settings = run.settings.tagger
    weights = Path() if run.options.dry else tagger.path()
    return TagJob(folder, run.ledger, tagger.name, weights, tagger.sha256, settings.device, settings.batch,
                  run.settings.scan.max_pixels)  # fmt: skip


def _read_again(run: Run) -> Dataset:
    """Files changed since the scan: once more from the top, for what differs. What changes again is a problem."""
    run.read_again = True
    run.listing = walk(run.src, run.out)
    run.report.say("tag: some images changed while prep was at work and are read again")
    return tag(run, scan(run, Dataset()))


def profile(run: Run, dataset: Dataset) -> Dataset:
    composer = composer_of(run.settings, dataset.scores.vocabulary)
    intrinsic = read_patterns(run.settings.profile.intrinsic, "profile.intrinsic")
    images: dict[str, list[tuple[str, str]]] = {character: [] for character in run.slugs}
    for row in dataset.kept():
        if row.origin == "source":
            level = level_of(row.ref.edge_density, run.settings.thresholds)
            images[row.ref.character].append((row.ref.sha256, level))
    own = run.settings.characters
    profiles = {
        character: profile_of(
            character,
            slug,
            tallied(composer, dataset.scores, images[character]),
            len(images[character]),
            intrinsic,
            run.settings.profile,
            own.get(character, CharacterSettings()),
        )  # fmt: skip
        for character, slug in run.slugs.items()
    }
    for character, found in profiles.items():
        traits = ", ".join(composer.spelt(name) for name in found.tags if found.tags[name].trait) or "none"
        run.report.say(f"profile: {printable(character)}: {found.images:,} images, traits: {traits}")
    return replace(dataset, composer=composer, profiles=profiles)


def caption(run: Run, dataset: Dataset) -> Dataset:
    standing = Standing(run.out / "kohya", run.ledger)
    dataset = replace(dataset, standing=standing, handwork=Handwork(run, dataset, standing))
    dataset = replace(dataset, rows=dataset.map(lambda row, before=dataset: captioned(run, before, row)))
    sources: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for row in dataset.kept():
        sources[row.caption_source] += 1
        counts[group_of(run, row)] += 1
    told = ", ".join(f"{sources[name]:,} {name}" for name in ("machine", "hand", "merged") if sources[name])
    run.report.say(f"caption: {told or 'nothing to caption'}")
    return replace(dataset, counts=counts)


def captioned(run: Run, dataset: Dataset, row: Row) -> Row:
    """The row with what the machine says and what a person made of it."""
    if not row.ref.width:
        return row
    handwork, subject = dataset.handwork, subject_of(row)
    row = replace(row, complexity=level_of(row.ref.edge_density, run.settings.thresholds))
    if row.status != "kept" and not row.drawn:
        return row
    machine = dataset.composer.caption(
        dataset.scores[row.ref.sha256], row.complexity, dataset.profiles[row.ref.character]
    )
    flags = set(row.flags)
    if not machine.tags and not machine.removed:
        flags.add("no_tags")
        if not row.drawn:
            run.problems.setdefault(row.ref.path, NO_TAGS)
    if dataset.tagger == STARTER:
        flags.add("starter")
    row = replace(row, caption=machine, flags=tuple(sorted(flags)))
    if not row.trains:
        return row
    if subject in handwork.taken_out:
        return replace(row, status="excluded")
    if subject in handwork.untouchable:
        return replace(row, caption_source="hand")
    hand = handwork.hand(row)
    text = merged(hand, machine.items)
    return replace(row, final_text=text, caption_source=source(hand, text))


def generate(run: Run, dataset: Dataset) -> Dataset:
    drawing = dataset.drawing or begin_drawing(run, dataset)
    if drawing is None:
        return dataset
    todo = drawing.missing()
    run.todo["generate"] = run.todo.get("generate", 0) + len(todo)
    if todo:
        run.report.say(f"generate: {len(todo):,} pictures with {drawing.generator.name}")
        settings = run.settings
        job = DrawJob(run.out, run.ledger, drawing.generator, drawing.parents(), run.slugs,
                      settings.thresholds.measure_px, settings.scan.max_pixels)  # fmt: skip
        drawing.generator.prepare(todo)
        with closing(run.runner.map(job, todo)) as outcomes:
            for outcome in run.report.bar("draw", outcomes, len(todo)):
                if outcome.problem:
                    run.problems[f"generated/{outcome.subject}"] = outcome.problem
        run.notes["generate"] = drawing.generator.notes
    elif dataset.drawing is None:
        run.report.say(f"generate: all {len(drawing.requests()):,} pictures were drawn before; no model was loaded")
    return replace(dataset, drawing=drawing)


def check(run: Run, dataset: Dataset) -> Dataset:
    """Reads what was drawn with the tagger that read the real images. Where too little was accepted, more is drawn."""
    drawing = dataset.drawing
    if drawing is None:
        return dataset
    refs = [ref for _, _, ref in drawing.drawn()]
    unread = list({ref.sha256: ref for ref in refs if ref.sha256 not in dataset.scores}.values())
    run.todo["check"] = run.todo.get("check", 0) + len(unread)
    if unread:
        run.report.say(f"check: {len(unread):,} drawn pictures are read by {dataset.tagger}")
        with closing(run.runner.map(tag_job(run, dataset.reader, run.out), unread)) as outcomes:
            for outcome in run.report.bar("check", outcomes, len(unread)):
                if outcome.problem:
                    run.problems[f"generated/{outcome.subject}"] = outcome.problem
        dataset = replace(dataset, scores=ScoreBook(run.ledger, dataset.tag_recipe))
    rows = drawing.judge(dataset)
    if drawing.grow(rows):
        return check(run, generate(run, dataset))
    dataset.handwork.read_removals(rows)
    rows = [captioned(run, dataset, row) for row in sorted(rows, key=place_in_manifest)]
    counts = dataset.counts + Counter(group_of(run, row) for row in rows if row.trains)
    run.report.say(f"check: {told_of(rows)}")
    before = dataset.rows
    return replace(dataset, counts=counts, rows=lambda: merge(before(), rows, key=place_in_manifest))


def place_in_manifest(row: Row) -> tuple:
    ref = row.ref
    return ref.character, row.origin, ref.sha256, ref.path.encode(errors="surrogateescape")


def export(run: Run, dataset: Dataset) -> Dataset:
    settings, standing = run.settings, dataset.standing
    triggers = {run.slugs[character]: found.trigger for character, found in dataset.profiles.items()}
    triggers |= {drawn_group(slug): trigger for slug, trigger in triggers.items()}
    kohya = KohyaExporter(standing, partial(file_of, run), partial(group_of, run), triggers, settings.export,
                          settings.scan.max_pixels)  # fmt: skip
    kohya.settle(dataset.counts, run.options.rebalance)
    summary = kohya.write(dataset.handwork.announced(dataset.rows()), run.out / "kohya")
    if settings.captions.sidecars == "source":
        SourceSidecars().write(dataset.rows(), run.src)
    dataset.handwork.confirm()
    run.problems |= kohya.problems
    exports = run.ledger.book(EXPORT)

    def exported(row: Row) -> Row:
        if not row.trains or row.ref.path in kohya.problems:
            return replace(row, exported=row.ref.path) if row.drawn else row
        folder = standing.folder(group_of(run, row))
        return replace(row, exported=f"kohya/{folder.name}/{exports.get(subject_of(row))['name']}")

    dataset = replace(dataset, rows=dataset.map(exported))
    sheets = Sheets(
        partial(file_of, run),
        run.ledger,
        run.slugs,
        dataset.profiles,
        {character: dataset.counts[slug] for character, slug in run.slugs.items()},
        dataset.composer.spelt,
        settings.scan.max_pixels,
    )
    shaping = shaping_settings(settings, dataset.composer)
    ManifestExporter(dataset.tagger, dataset.tag_recipe, shaping).write(sheets.watched(dataset.rows()), run.out)
    sheets.write(run.out / "generated")
    looks = sum(standing.repeats[group] * count for group, count in dataset.counts.items() if group in standing.repeats)
    ours = write_training_toml(run.out / "kohya", summary.images, looks, settings.export.resolution, run.ledger)
    run.report.say(
        f"export: {summary.images:,} images in {len(dataset.counts)} folders, {summary.written:,} written, "
        f"{summary.unchanged:,} unchanged, {summary.removed:,} removed"
    )
    left_out = write_views(run.out, settings.export.formats, run.ledger, run.report.say, run.report.bar)
    run.problems |= {file: Problem("export", "left_out", why) for file, why in left_out.items()}
    write_problems(run.out / "problems.txt", run.problems)
    if kohya.kept_toml:
        run.report.say("export: dataset.toml was changed by hand and stays; prep's own is dataset.new.toml beside it")
    if not ours:
        run.report.say("export: train_sd3_lora.toml was changed by hand and stays; prep's own lies beside it")
    return dataset


def composer_of(settings: Settings, vocabulary: Vocabulary | None) -> Composer:
    selector = Selector(
        vocabulary or Vocabulary("", (), ()), settings.thresholds, read_overrides(settings.thresholds.overrides)
    )
    return Composer(selector, read_patterns(settings.filter.file, "filter.file"), settings.captions)


def shaping_settings(settings: Settings, composer: Composer) -> dict:
    """The settings that shape the result, with lists by content instead of by path."""
    include = {"scan", "thresholds", "profile", "captions", "characters", "export"}
    told = settings.model_dump(mode="json", include=include)
    told["thresholds"]["overrides"] = composer.selector.overrides
    told["profile"].pop("intrinsic")
    told["filter"] = composer.filter.content
    return told
