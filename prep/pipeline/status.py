"""What `prep status` shows about an OUT, from its manifest and ledger. No pixels, no network, no torch."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prep.captions.variants import own_core
from prep.config import load_settings, with_files_that_ship
from prep.dataset.folders import check_folders
from prep.dataset.opened import Set
from prep.dataset.problems import equation
from prep.documents import DocumentError, read_json
from prep.drawing.coverage import coverage_lines
from prep.drawing.held import held_lines
from prep.drawing.progress import drawn_since, to_draw, verdicts
from prep.drawing.vary import read_vary
from prep.edits.follow import PICTURE
from prep.edits.merge import items, key
from prep.errors import PrepError, UsageError
from prep.files import named_path, read_file
from prep.ledger import DryLedger
from prep.models.choose_models import would_draw
from prep.names import printable, quantity
from prep.pipeline.counted import Counted, counted
from prep.pipeline.outlook import changed_settings, hand_lines, outlook_of
from prep.pipeline.preview import NoPlanError, Preview, preview
from prep.sections import Settings
from prep.types import CAPTION_SOURCES, Profile

SURE_IMAGES = 3  # fewer cannot prove a trait: 2 of 2 has a Wilson bound of 0.43
SHOWN_TAGS = 12
SHOWN_VARIANTS = 12
SHOWN_REASONS = 5
MOST_COUNTED = 10**9  # files, or seconds

# What a run redoes after a change in a section; everything else comes from the ledger.
COSTS = (
    ("scan.max_pixels, thresholds.measure_px", "scan", "every image is read again"),
    ("tagger.model", "tag", "every image is tagged again"),
    ("tagger.second", "tag", "every image is read once by the second reader"),
    ("thresholds, filter, profile, characters, captions", "caption", "captions are rebuilt from the stored scores"),
    ("export, the rest of scan", "export", "images are added or removed; nothing is tagged"),
)


def opened(out: Path) -> tuple[Path, Settings]:
    """-> (SRC, the settings of the last run). Raises UsageError when prep did not make out, or it contains links."""
    check_folders(out)
    path = out / ".prep" / "config.json"
    try:
        kept = read_json(path)
        return named_path(kept["src"]), with_files_that_ship(Settings.model_validate(kept["settings"]))
    except FileNotFoundError:
        if (out / ".prep").is_dir():
            raise UsageError(f"{path} is missing", hint=f"`prep run SRC --out {out}` writes it again") from None
        raise UsageError(f"{out} was not made by prep", hint="name a folder that `prep run` wrote") from None
    except DocumentError as error:
        raise UsageError(f"{path} {error}", hint=f"`prep run SRC --out {out}` writes it again") from None
    except (ValueError, KeyError, TypeError):
        what = "lacks what prep writes there: `src` and `settings`"
        raise UsageError(f"{path} {what}", hint=f"`prep run SRC --out {out}` writes it again") from None


def given_of(out: Path) -> list[str]:
    """The --config and --set, each with its value, that the last run was started with."""
    try:
        given = read_json(out / ".prep" / "config.json").get("given", [])
    except (FileNotFoundError, DocumentError, AttributeError):
        return []
    pairs = isinstance(given, list) and all(isinstance(each, str) for each in given) and len(given) % 2 == 0
    return given if pairs and {*given[::2]} <= {"--config", "--set"} else []


def status_of(out: Path, made: Preview | None = None) -> Iterator[str]:
    """Yield the lines of the report. made: a preview with the present files and settings, if there is one already."""
    src, settings = opened(out)
    found = counted(Set(out, DryLedger(out / ".prep" / "ledger")))
    yield f"{out}: {found.images:,} images from {src}" + _readers(found)
    yield ""
    yield from _table(_characters(found))
    yield from _reasons(found)
    yield from _files(out, found)
    try:
        now = load_settings(src, out=out)
        made = made or preview(src, out, now)
    except PrepError as error:
        yield ""
        yield str(error) if isinstance(error, NoPlanError) else f"a run now would stop: {error}"
        return
    draws, why = would_draw(now)
    for profile in made.record.profiles.values():
        yield ""
        yield from _profile(profile, made)
        yield from _variants(profile, made)
        if crops := found.crops[printable(profile.character)]:
            counts = sorted(crops.items(), key=lambda pair: (-pair[1], pair[0]))
            yield f"  crops: {', '.join(f'{count:,} {part}' for part, count in counts)}"
        yield from _drawing(profile, made, found.drawn[printable(profile.character)], draws)
        yield from _coverage(profile, made, found)
    yield ""
    if made.record.profiles:
        yield (
            "bound: a lower estimate, 90 % sure, of the share of the character's pictures that show the tag; "
            f"features of the body from {now.profile.trait_bound} on are left to the trigger word"
        )
    yield from _sentences(found)
    yield from _next(made, changed_settings(settings, made.run.settings))
    if not draws:
        yield f"a run now would draw nothing: {why}"
    yield from _lost(made)
    yield "what changing a setting would redo:"
    seconds = _last_seconds(out)
    for what, stage, told in COSTS:
        last = f" ({seconds[stage]:.1f} s last time)" if stage in seconds else ""
        yield f"  {what}: {told}{last}"


def _sentences(found: Counted) -> Iterator[str]:
    """Who wrote the sentences in the captions, and what most often spoke against a captioner's."""
    by: Counter[str] = Counter()
    whys: Counter[str] = Counter()
    for (who, why), count in found.sentences.items():
        by["you" if who == "hand" else who] += count
        whys.update({why: count} if why else {})
    if len(by) > 1 or whys:
        yield "sentences: " + ", ".join(f"{count:,} by {who}" for who, count in by.most_common())
    for why, count in whys.most_common(SHOWN_REASONS):
        yield f"  {count:,} by the grammar, since the captioner's {why}"
    if len(whys) > SHOWN_REASONS:
        yield "  each one's reason is in manifest.parquet (sentence_why)"


def _readers(found: Counted) -> str:
    names = " and ".join(filter(None, (found.tagger, found.second)))
    return f", read by {names}" if names else ""


def diff_of(out: Path) -> Iterator[str]:
    """Yield, for each caption that the user edited, prep's own caption and what was added and removed."""
    made = preview(*_paths(out))
    count = 0
    for row in made.record.rows:
        if row.status != "kept" or row.caption_source not in ("hand", "merged"):
            continue
        count += 1
        yield f"{printable(row.ref.path)} ({CAPTION_SOURCES[row.caption_source]})"
        if row.final_text is None:
            yield "  its caption cannot be read; it is left alone"
            continue
        machine = {key(item): item for item in row.caption.items}
        present = {key(item): item for item in items(row.worded.listed if row.worded else row.final_text)}
        yield f"  by prep: {row.caption.text}"
        yield f"  now:     {row.final_text or '(empty)'}"
        if not row.final_text:
            continue
        if row.worded and row.worded.own:
            yield f"  your sentence: {row.worded.sentence or '(none)'}"
        yield from (f"  + {text}" for name, text in present.items() if name not in machine)
        yield from (f"  - {text}" for name, text in machine.items() if name not in present)
    yield f"{quantity(count, 'caption')} {'was' if count == 1 else 'were'} edited by hand"


def problems_of(out: Path) -> Iterator[str]:
    opened(out)
    path = out / "problems.txt"
    try:
        yield read_file(path).decode("utf-8", "backslashreplace").rstrip()
    except FileNotFoundError:
        yield "no problems"
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})", hint="remove it, then run again") from None


def _paths(out: Path) -> tuple[Path, Path, Settings]:
    src, settings = opened(out)
    return src, out, settings


def _characters(found: Counted) -> list[list[str]]:
    """A header and one line per character."""
    columns = ("kept", "duplicate", "rejected", "unreadable", "excluded", *CAPTION_SOURCES)
    table = [["character", *(CAPTION_SOURCES.get(column, column) for column in columns), "folder"]]
    table += [
        [name, *(str(counts[column] or "-") for column in columns), found.folders.get(name, "-")]
        for name, counts in sorted(found.characters.items())
    ]
    return table


def _reasons(found: Counted) -> Iterator[str]:
    if found.reasons:
        each = (f"{count:,} {status} ({reason})" for (status, reason), count in found.reasons.most_common())
        yield "left out: " + ", ".join(each)
    if found.flags:
        yield "flags: " + ", ".join(f"{count:,} {flag}" for flag, count in found.flags.most_common())


def _files(out: Path, found: Counted) -> Iterator[str]:
    """All files of SRC, as counted by the last complete run; empty for 0.1.0, which did not count them."""
    try:
        files = _last_run(out)["files"]
        counted, unread = (Counter({str(name): _count(count) for name, count in files[each].items()})
                           for each in ("counted", "left_out"))  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        return
    why = found.left_out.copy()
    kept = why.pop(None, 0)
    yield equation(kept, counted, why + unread)


def _profile(profile: Profile, made: Preview) -> Iterator[str]:
    caption_text = made.record.composer.caption_text
    yield f"{printable(profile.character)}: {quantity(profile.images, 'image')}, trigger `{profile.trigger}`"
    if profile.images < SURE_IMAGES:
        many = quantity(profile.images, "image")
        yield f"  {many}: too few to judge traits; at least {SURE_IMAGES} are needed"
    core = [(name, seen) for name, seen in profile.tags.items() if seen.core or seen.trait]
    table = [["tag", "images", "bound", "in captions", ""]]
    for name, seen in sorted(core, key=lambda pair: (not pair[1].intrinsic, -pair[1].images, pair[0]))[:SHOWN_TAGS]:
        verdict, _, why = seen.why.partition(": ")
        table.append([caption_text(name), f"{seen.images} of {seen.of}", f"{seen.bound:.2f}", verdict, why])
    yield from (f"  {line}" for line in _table(table))
    if len(core) > SHOWN_TAGS:
        yield f"  and {len(core) - SHOWN_TAGS} more core tags"


def _variants(profile: Profile, made: Preview) -> Iterator[str]:
    """A line for each variant of a character: its pictures, and what is core in it and not in its other pictures."""
    caption_text = made.record.composer.caption_text
    found = [each for each in made.record.variants.values() if each.character == profile.character]
    for variant in found[:SHOWN_VARIANTS]:
        own = own_core(variant, profile, made.run.settings.profile.core_share)
        tags = ", ".join(map(caption_text, own[:SHOWN_TAGS])) + (", ..." if own[SHOWN_TAGS:] else "")
        trigger = f", trigger `{variant.variant_trigger}`" if variant.variant_trigger else ""
        yield f"  {printable(variant.variant)}: {quantity(variant.images, 'image')}{trigger}, its own: {tags or 'none'}"
    if found[SHOWN_VARIANTS:]:
        yield f"  and {quantity(len(found) - SHOWN_VARIANTS, 'more variant')}"


def _drawing(profile: Profile, made: Preview, drawn: list[tuple[str, str | None]], draws: bool) -> Iterator[str]:
    """What was drawn of a character, what the check said, and what is still to draw if there is a generator."""
    run = made.run
    finished = _written(run.out / "manifest.parquet") >= _written(run.out / ".prep" / "config.json")
    since = 0
    if not finished:
        folder = run.out / "generated" / made.record.places.slugs[profile.character]
        since = drawn_since(folder, _written(run.out / "manifest.parquet"))
    if drawn or draws or since:
        more = f"; {since:,} more by an interrupted run, not read yet" if since else ""
        yield f"  drawn: {verdicts(drawn)}{more}"
    if draws:
        nothing_new = finished and not run.todo["scan"] and not run.todo["tag"]
        yield f"  to draw: {to_draw(profile, run.settings, drawn, nothing_new)}"


def _coverage(profile: Profile, made: Preview, found: Counted) -> Iterator[str]:
    """What the character's pictures show of all that can be varied, and what the model holds of it."""
    record, name = made.record, printable(profile.character)
    groups, _ = read_vary(made.run.settings.augmentation.vary, record.known or None)
    spelt = record.composer.caption_text
    for line in coverage_lines(profile, groups, found.shown[name], spelt):
        yield f"  {line}"
    for line in held_lines(profile, found.generators.get(name, ""), found.samples[name], spelt):
        yield f"  {line}"


def _written(path: Path) -> int:
    """Its time in nanoseconds; 0: missing."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _next(made: Preview, settings: list[str]) -> Iterator[str]:
    """What `prep run` would do, with the settings that it would find."""
    run, found = made.run, outlook_of(made)
    if files := run.todo["scan"]:
        tags = f"tag {made.untagged:,} images" if made.untagged else "tag those whose content is new"
        yield f"a run now would read {quantity(files, 'new or changed file')} and {tags}"
    elif made.untagged:
        yield f"a run now would tag {made.untagged:,} images"
    else:
        yield "a run now would read and tag nothing"
    if made.unread_by_second:
        yield f"  its second reader, {made.record.second.tagger.name}, would read {made.unread_by_second:,} images"
    for count, what in (
        (found.new, f"write {quantity(found.new, 'new caption')}"),
        (len(found.changed), f"change {quantity(len(found.changed), 'caption')}"),
        (found.adding, f"add {quantity(found.adding, 'picture')} to kohya/"),
    ):
        if count:
            yield f"  it would {what}"
    for reason, count in found.leaving.most_common():
        yield f"  it would remove {quantity(count, 'picture')} from kohya/: {reason}"
    yield from (f"  {line}" for line in hand_lines(found))
    if settings:
        yield "  these settings differ from the last run's, which had --set, --config, or another prep.toml:"
        yield from (f"    {line}" for line in settings)


def _lost(made: Preview) -> Iterator[str]:
    """The hand edits whose picture is missing."""
    record = made.record
    if not record.lost:
        return
    yield "hand edits without a picture:"
    paths = dict(made.run.ledger.values(PICTURE, "subject", "path"))
    for picture in record.lost:
        text = record.edits.decisions.entry(picture).hand.person
        said = record.edits.decisions.verdict(picture) or ""
        what = f"{text!r}" if text is not None else said or "a retouched picture"
        yield f"  {printable(paths.get(picture, picture))}: {printable(what)}"


def _count(found: Any) -> int:
    """Raises ValueError for what no run has counted: run.json was changed or damaged."""
    if type(found) is not int or not 0 <= found < MOST_COUNTED:
        raise ValueError
    return found


def _last_seconds(out: Path) -> dict[str, float]:
    """Seconds that each stage took when it last had work."""
    try:
        found = {stage: float(each) for stage, each in _last_run(out)["seconds"].items()}
        return {stage: each for stage, each in found.items() if 0 <= each < MOST_COUNTED}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _last_run(out: Path) -> Any:
    """The content of run.json; empty if it cannot be read."""
    try:
        return read_json(out / ".prep" / "run.json")
    except (FileNotFoundError, ValueError):
        return {}


def _table(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
