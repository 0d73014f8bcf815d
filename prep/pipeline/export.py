"""The last stage: kohya's folders, the manifest, the sheets, other trainers' formats. stages.py has the first ones."""

from collections import Counter
from dataclasses import replace

from prep.aside import lying_aside, sweep_empty
from prep.captions.compose import Composer
from prep.dataset.clear import clear, strangers
from prep.dataset.kohya import KohyaExporter
from prep.dataset.layout import keep_layout, layout_of
from prep.dataset.manifest import ManifestExporter, SecondReader
from prep.dataset.problems import write_problems
from prep.dataset.sheets import Sheets
from prep.dataset.source import write_sidecars
from prep.dataset.training import start_of, write_training
from prep.formats.views import write_views
from prep.names import crop_group, drawn_group, printable, quantity
from prep.pipeline.about import about_characters
from prep.pipeline.decided import packed, second_look
from prep.pipeline.fates import fates_of
from prep.pipeline.records import Drawn, Exported
from prep.process.heap import trim
from prep.process.spans import spent
from prep.run import Run, image_key
from prep.sections import Settings
from prep.tagging.readers import Disagreement
from prep.types import RETOUCHED, Problem, Row


def export(run: Run, drawn: Drawn) -> Exported:
    settings, places, edits = run.settings, drawn.places, drawn.edits
    placement = edits.placement
    rows = second_look(run, drawn)
    edited = len(edits.decisions.history.since)
    edits.set_unreadable_aside()
    counts = Counter(places.group(row) for row in rows if row.trains)
    kohya = kohya_exporter(run, drawn)
    unbalanced = kohya.set_repeats(counts, run.options.rebalance)
    edits.announce(rows)
    with spent("kohya"):
        written = kohya.write(rows, run.out)
    saved = written.rows
    if settings.captions.sidecars == "source":
        saved |= write_sidecars((saved.get(image_key(row), row) for row in rows), run.src, edits)
    removed = clear(edits, rows, written.stems)
    edits.confirm()
    if written.written or written.captions:
        edits.look_at_written(saved.get(image_key(row), row) for row in rows if row.trains)
    keep_layout(run.ledger, kohya.layout)
    run.problems |= kohya.problems | strangers(edits, rows)
    rows = packed(drawn, (exported(drawn, kohya.problems, saved.get(image_key(row), row)) for row in rows))
    shaping = shaping_settings(settings, drawn.composer)
    floor = getattr(drawn.tagger.options, "threshold", None) if drawn.tagger.spec.remote else None
    manifest = ManifestExporter(drawn.tagger.name, drawn.tag_recipe, shaping, run.ledger, floor, second_reader(drawn))
    trim()
    with spent("manifest"):
        manifest.write(rows, run.out)
    made = [row for row in rows if row.made] if drawn.crops or drawn.drawn else []
    about = about_characters(drawn, made, settings)
    sheets = Sheets(places, run.ledger, drawn.profiles, drawn.composer.caption_text, settings.scan.max_pixels, about)
    sheets.choose(rows)
    with spent("sheets"):
        sheets.write(run.out / "generated")
    looks = sum(placement.repeats[group] * count for group, count in counts.items() if group in placement.repeats)
    base, start = settings.captions.for_, start_of(run.out / "kohya", written.images, looks)
    kept = write_training(run.out / "kohya", base, start, settings.export.resolution, kohya.for_musubi, run.ledger)
    run.wants("export", written.written + written.captions + removed + edited)
    run.report.say(
        f"export: {quantity(written.images, 'image')} in {quantity(len(counts), 'folder')}, "
        f"{written.written:,} written, {written.unchanged:,} unchanged, {removed:,} removed"
        + (f"; {quantity(written.captions, 'caption')} rewritten" if written.captions else "")
    )
    if unbalanced and (written.written or removed):  # otherwise it was said before
        now = placement.repeats
        shown = ", ".join(f"{printable(group)} {now[group]} -> {wanted}" for group, wanted in unbalanced.items())
        run.report.say(f"export: repeats stay as they were; `--rebalance` balances the set again: {shown}")
    with spent("formats"):
        left_out = write_views(run.out, settings.export.formats, run.ledger, run.report.say, run.report.bar)
    run.problems |= {file: Problem("export", "left_out", why) for file, why in left_out.items()}
    run.problems |= aside(run)
    done = Exported.grown(drawn, rows=rows, left_out=left_out)
    fates = fates_of(done, settings.scan, run.problems)
    run.problems |= fates.without
    write_problems(run.out, run.problems, (*fates.lines, *fates.alike), run.ledger)
    if more := {place: problem for place, problem in aside(run).items() if place not in run.problems}:
        run.problems |= more  # the sheet itself was changed by hand
        write_problems(run.out, run.problems, (*fates.lines, *fates.alike), run.ledger)
    if kohya.kept_toml:
        run.report.say("export: dataset.toml was changed by hand and stays; prep's own is dataset.new.toml beside it")
        if unnamed := kohya.unnamed(run.out, written):
            run.report.say(f"export: dataset.toml does not list {', '.join(unnamed)}: it would not be trained on")
    for name in kept:
        beside = f"{name.removesuffix('.toml')}.new.toml"
        run.report.say(f"export: {name} was changed by hand and stays; prep's own is {beside} beside it")
    return replace(done, fates=fates)


def aside(run: Run) -> dict[str, Problem]:
    """A line for each file of the user's that could not stay in its place."""
    sweep_empty(run.out)
    lying = lying_aside(run.out, run.ledger)
    return {
        place: Problem("export", "set_aside", why, "delete it when you have seen it") for place, why in lying.items()
    }


def kohya_exporter(run: Run, drawn: Drawn) -> KohyaExporter:
    settings = run.settings
    triggers = {drawn.places.slugs[character]: found.trigger for character, found in drawn.profiles.items()}
    triggers |= {made(slug): trigger for slug, trigger in triggers.items() for made in (drawn_group, crop_group)}
    layout = layout_of(run.ledger, drawn.edits.placement, settings.export.metadata)
    base, most = settings.captions.for_, settings.scan.max_pixels
    return KohyaExporter(drawn.edits, drawn.places, triggers, settings.export, layout, most, base, settings.crops.most)


def exported(record: Drawn, problems: dict[str, Problem], row: Row) -> Row:
    """The row with its path in the dataset folder."""
    if not row.trains or row.ref.path in problems:
        return row._replace(exported=row.ref.path) if row.made else row
    placement = record.edits.placement
    placed = placement[image_key(row)]
    flags = tuple(sorted({*row.flags, RETOUCHED})) if placed.hand else row.flags
    return row._replace(exported=f"kohya/{placement.folder(placed.group).name}/{placed.name}", flags=flags)


def second_reader(record: Drawn) -> SecondReader | None:
    """For the manifest: the second reader, and where it differs from the first."""
    if record.second is None:
        return None

    def disagreements(row: Row) -> list[Disagreement] | None:
        sha256 = row.ref.sha256
        if sha256 not in record.scores or row.complexity is None:
            return None
        return record.composer.disagreements(record.scores[sha256], row.complexity)

    return SecondReader(record.second.tagger.name, disagreements)


def shaping_settings(settings: Settings, composer: Composer) -> dict:
    """The settings that affect the result, with lists by content instead of by path."""
    include = {"scan", "thresholds", "profile", "captions", "characters", "export"}
    found = settings.model_dump(mode="json", include=include | ({"crops"} if settings.crops.kinds else set()))
    found["thresholds"]["overrides"] = composer.selector.overrides
    found["profile"].pop("intrinsic")
    found["export"].pop("kohya")
    found["filter"] = composer.filter.content
    return found
