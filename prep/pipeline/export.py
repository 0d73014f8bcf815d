"""The last stage: kohya's folders, the manifest, the sheets, other trainers' formats. See stages.py for the others."""

from dataclasses import replace

from prep.captions.compose import Composer
from prep.config import Settings
from prep.dataset.kohya import KohyaExporter
from prep.dataset.manifest import ManifestExporter
from prep.dataset.problems import write_problems
from prep.dataset.sheets import Sheets
from prep.dataset.source import SourceSidecars
from prep.dataset.training import write_training_toml
from prep.edits.placed import EXPORT
from prep.formats.views import write_views
from prep.ledger import Book
from prep.names import drawn_group
from prep.pipeline.records import Drawn, Exported
from prep.run import Run, image_key
from prep.types import Problem, Row


def export(run: Run, drawn: Drawn) -> Exported:
    settings, placement, places = run.settings, drawn.placement, drawn.places
    rows, counts = drawn.rows, drawn.counts
    triggers = {places.slugs[character]: found.trigger for character, found in drawn.profiles.items()}
    triggers |= {drawn_group(slug): trigger for slug, trigger in triggers.items()}
    kohya = KohyaExporter(placement, places.file, places.group, triggers, settings.export, settings.scan.max_pixels)
    kohya.set_repeats(counts, run.options.rebalance)
    drawn.edits.announce(rows)
    written = kohya.write(rows, run.out / "kohya")
    if settings.captions.sidecars == "source":
        SourceSidecars().write(rows, run.src)
    drawn.edits.confirm()
    run.problems |= kohya.problems
    exports = run.ledger.book(EXPORT)
    rows = tuple(exported(drawn, exports, kohya.problems, row) for row in rows)
    shaping = shaping_settings(settings, drawn.composer)
    ManifestExporter(drawn.tagger.name, drawn.tag_recipe, shaping).write(rows, run.out)
    sheets = Sheets(places, run.ledger, drawn.profiles, drawn.composer.caption_text, settings.scan.max_pixels)
    sheets.choose(rows)
    sheets.write(run.out / "generated")
    looks = sum(placement.repeats[group] * count for group, count in counts.items() if group in placement.repeats)
    ours = write_training_toml(run.out / "kohya", written.images, looks, settings.export.resolution, run.ledger)
    run.report.say(
        f"export: {written.images:,} images in {len(counts)} folders, {written.written:,} written, "
        f"{written.unchanged:,} unchanged, {written.removed:,} removed"
    )
    left_out = write_views(run.out, settings.export.formats, run.ledger, run.report.say, run.report.bar)
    run.problems |= {file: Problem("export", "left_out", why) for file, why in left_out.items()}
    write_problems(run.out / "problems.txt", run.problems)
    if kohya.kept_toml:
        run.report.say("export: dataset.toml was changed by hand and stays; prep's own is dataset.new.toml beside it")
    if not ours:
        run.report.say("export: train_sd3_lora.toml was changed by hand and stays; prep's own lies beside it")
    return Exported.grown(drawn, rows=rows, left_out=left_out)


def exported(record: Drawn, exports: Book, problems: dict[str, Problem], row: Row) -> Row:
    """The row with where it lies in the dataset folder."""
    if not row.trains or row.ref.path in problems:
        return replace(row, exported=row.ref.path) if row.made else row
    folder = record.placement.folder(record.places.group(row))
    return replace(row, exported=f"kohya/{folder.name}/{exports.get(image_key(row))['name']}")


def shaping_settings(settings: Settings, composer: Composer) -> dict:
    """The settings that shape the result, with lists by content instead of by path."""
    include = {"scan", "thresholds", "profile", "captions", "characters", "export"}
    found = settings.model_dump(mode="json", include=include)
    found["thresholds"]["overrides"] = composer.selector.overrides
    found["profile"].pop("intrinsic")
    found["filter"] = composer.filter.content
    return found
