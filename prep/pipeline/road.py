"""All stages of a run, top to bottom, with their loops; and what surrounds them: the lock, the ledger, the options.

redraw.py takes the same road for one picture.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import time_ns
from typing import Any

from prep.aside import set_parts_aside
from prep.captions.characters import for_folders
from prep.dataset.elsewhere import lead_elsewhere
from prep.dataset.folders import DEPTHS, check_folders, check_own
from prep.dataset.problems import NAME, reasons
from prep.dataset.source import check_stems
from prep.documents import read_json
from prep.errors import StoppedError, UsageError
from prep.files import FULL, cannot_write, check_writable, sweep, write_whole
from prep.ledger import Ledger
from prep.models.choose_models import is_trial
from prep.names import printable
from prep.pipeline.asked import check_settings
from prep.pipeline.crop import crop
from prep.pipeline.draw import check, generate
from prep.pipeline.export import export
from prep.pipeline.fates import Fates, fates_of
from prep.pipeline.records import Drawn, Exported, Found, Tagged
from prep.pipeline.result import Result
from prep.pipeline.settled import last_result
from prep.pipeline.stages import caption, look_again, profile, scan, tag
from prep.process import spans
from prep.process.heap import trim
from prep.process.lock import locked
from prep.process.profiled import Moment, now, profiled
from prep.process.report import Report
from prep.protocols import Runner
from prep.run import Options, Run
from prep.scan.find import find_images
from prep.sections import Settings

Stage = Callable[[Run, Any], Any]


@dataclass(frozen=True)
class Repeat:
    """Stages that are repeated until their result is enough, or at most this many times."""

    stages: tuple[Stage, ...]
    until: Callable[[Any], bool]
    at_most: int | None = None
    again: Callable[[Run, Any], Any] = lambda run, record: record  # what another round begins with


DRAWING = Repeat((generate, check), until=lambda drawn: drawn.enough)
STAGES: tuple[Stage | Repeat, ...] = (
    Repeat((scan, tag), until=lambda tagged: not tagged.changed, at_most=2, again=look_again),
    profile,
    caption,
    crop,
    DRAWING,
    export,
)

KNOWS = "which knows three characters; for your own art see `prep doctor`"
# Kinds of problem that report something although nothing failed, and how the last lines count them.
HINTS = {
    "no_tags": ("image has no tag above its threshold", "images have no tag above their threshold"),
    "set_aside": ("file of yours is in set_aside/", "files of yours are in set_aside/"),
    "not_in_set": (
        "picture or folder in kohya/ is not prep's, and is trained on as it is",
        "pictures or folders in kohya/ are not prep's, and are trained on as they are",
    ),
    "near_copy": (
        "picture is a near copy of another, and in the set",
        "pictures are near copies of others, and in the set",
    ),
    "shared": (
        "picture is in the folders of two characters, and in the set twice",
        "pictures are in the folders of several characters, and in the set more than once",
    ),
    "second_caption": (
        "caption does not count: another file has the same picture",
        "captions do not count: other files have the same pictures",
    ),
}


def run(src: Path, out: Path, settings: Settings, options: Options, runner: Runner) -> Result:
    """Take the images of src through all stages (or up to options.to), into out.

    Raises UsageError before anything is touched, StoppedError with finished work kept.
    """
    if last := last_result(src, out, settings, options):
        return last
    began, began_ns = now(), time_ns()
    found = Found(listing=find_images(src, out))
    settings = for_folders(settings, found.listing.named, variants=found.listing.variants)
    check_settings(settings, out, src, found.listing.expected)
    captioned = set()
    if settings.captions.sidecars == "source":
        check_stems(file.path for file in found.listing.files)
        captioned = {(src / file.path).parent for file in found.listing.files}
    prepare_out(out, Path(settings.export.kohya) if settings.export.kohya else None)
    with at_work(src, out, settings, options, runner, captioned, began) as run:
        result = _taken(run, found, began_ns)
        with suppress(StoppedError):  # no room for it: all is done, and the next start tries again
            run.ledger.merge()
        return result


def _taken(run: Run, found: Found, began_ns: int) -> Result:
    """Take what was found through the stages, and say what came of it."""
    record, seconds = travel(run, found)
    known = record.fates if isinstance(record, Exported) else None
    fates = known or fates_of(record, run.settings.scan, run.problems)
    run.problems |= fates.without
    images, files = len(record.listing.files), fates.elsewhere if isinstance(record, Exported) else None
    _keep_run(run.out / ".prep" / "run.json", run, images, seconds, files)
    told = tuple(_lines(run, record, fates))
    for line in told:
        run.report.say(line)
    failed = sum(each.kind not in HINTS for each in run.problems.values())
    return Result(images, fates.kept, failed, _ending(failed, fates), told, seconds, run.todo, began_ns)


@contextmanager
def at_work(
    src: Path,
    out: Path,
    settings: Settings,
    options: Options,
    runner: Runner,
    captioned: Collection[Path] = (),
    began: Moment | None = None,
) -> Iterator[Run]:
    """A run over src into out, which was prepared: locked, with a log, its ledger open, and swept of what a killed run
    left. captioned: folders of src that prep writes captions into. began: when a profile begins, if not now.

    Raises StoppedError (NoRoomError) also for what a full disk or too little memory stops inside.
    """
    state = out / ".prep"
    with (
        locked(state / "lock"),
        Report(state / "log") as report,
        profiled(state, options.profile, report.say, began or now()),
    ):
        ours = [out, state, out / "kohya", *(out / "kohya").glob("*/"), *(out / "generated").glob("**/"), *captioned]
        try:
            for folder in ours:
                sweep(folder)
            report.note(f"run over {src.resolve()}")
            write_whole(state / "config.json", json.dumps(_kept(src, settings, options), indent=1).encode())
            ledger = Ledger.begin(state / "ledger", partial(set_parts_aside, out))
            with spans.spent("start"):
                runner.begin(src, out)
            yield Run(src, out, settings, options, ledger, runner, report)
        except OSError as error:  # from the few calls outside write_whole, which make folders or remove files
            raise cannot_write(Path(os.fsdecode(error.filename or out)), error) from error
        except MemoryError as error:
            raise StoppedError("prep ran out of memory", hint="close other programs, or lower tagger.batch") from error


def prepare_out(out: Path, kohya: Path | None = None) -> None:
    """Create the folder, or check that it is one of prep's, contains no links and can be written. Raises UsageError,
    NoRoomError.

    kohya: the path of kohya/, if it is not in OUT.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        check_folders(out, {name: depth for name, depth in DEPTHS.items() if not (kohya and name == "kohya")})
        check_own(out)
        (out / ".prep").mkdir(exist_ok=True)
        if kohya:
            lead_elsewhere(out, kohya)
            check_folders(out)
        check_writable(out)
    except OSError as error:
        if error.errno in FULL:
            raise cannot_write(out, error) from error
        raise UsageError(f"{out} cannot be written ({error.strerror})", hint="name another folder with --out") from None


def travel(run: Run, found: Found, stages: Sequence[Stage | Repeat] = ()) -> tuple[Any, dict[str, float]]:
    """-> (the record of the last stage, seconds by stage). Ends after the stage that options.to names, in the first
    round of a loop. stages: without any, all of a run.
    """
    record: Found = found
    seconds: Counter[str] = Counter()
    for each in stages or STAGES:
        own = each.stages if isinstance(each, Repeat) else (each,)
        for stage, record in _rounds(run, each, record, seconds):  # noqa: B007, B020 - the last one is used below
            if stage.__name__ == run.options.to and stage is not own[-1]:
                return record, _rounded(seconds)
        if own[-1].__name__ == run.options.to:
            break
    return record, _rounded(seconds)


def _rounded(seconds: Counter[str]) -> dict[str, float]:
    return {stage: round(each, 3) for stage, each in seconds.items()}


def _rounds(run: Run, each: Stage | Repeat, record: Any, seconds: Counter[str]) -> Iterator[tuple[Stage, Any]]:
    """Yield (stage, its record) as each is done, and again when it is repeated."""
    repeat = each if isinstance(each, Repeat) else Repeat((each,), until=lambda record: True)
    rounds = 0
    while True:
        for stage in repeat.stages:
            started = time.monotonic()
            with spans.stage(stage.__name__):
                record = stage(run, record)
            trim()
            seconds[stage.__name__] += time.monotonic() - started
            seconds.update(run.spent)
            run.spent.clear()
            yield stage, record
        rounds += 1
        if repeat.until(record) or rounds == repeat.at_most:
            return
        record = repeat.again(run, record)


def _keep_run(path: Path, run: Run, images: int, seconds: dict[str, float], files: dict | None) -> None:
    """Record how long each stage took when it last had all or much of its work to do, and how it was done: costs for
    `prep status`, and facts that do not affect pictures. files: those of SRC that are not in the manifest; None: there
    is no new manifest.
    """
    try:
        last = read_json(path)
        took, notes, before = dict(last["seconds"]), dict(last.get("notes", {})), last.get("files")
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        took, notes, before = {}, {}, None
    had = {stage: run.todo.get(stage, images) for stage in seconds}
    for stage in ("scan", "tag"):
        if stage in took and 2 * had.get(stage, 0) < images:
            had[stage] = 0
    took |= {stage: each for stage, each in seconds.items() if had[stage]}
    kept = {"seconds": took, "notes": notes | run.notes, "files": before if files is None else files}
    write_whole(path, json.dumps(kept, indent=1).encode())


def _kept(src: Path, settings: Settings, options: Options) -> dict:
    """What `prep status` and other readers need: the path of the images, every resolved setting, and which of them the
    command line gave.
    """
    given = {"given": [*options.given]} if options.given else {}
    return given | {
        "src": str(src.resolve()),
        "settings": settings.model_dump(mode="json", exclude={"serve", "review"}),
    }


def _lines(run: Run, record: Found, fates: Fates) -> Iterator[str]:
    """What became of all files, and what there is to know about it."""
    yield from trial_lines(record)
    yield from (f"{printable(path.removesuffix('/'))} {problem.message}" for path, problem in fates.without.items())
    if fates.passed_over:
        yield fates.passed_over
    hints = Counter(problem.kind for problem in run.problems.values() if problem.kind in HINTS)
    hints |= Counter(problem.kind for _, problem in fates.alike)
    yield from (f"{count:,} {HINTS[kind][count > 1]}" for kind, count in hints.items())
    others = {path for path, each in run.problems.items() if each.kind not in HINTS}
    others -= {each.path for each in (*record.listing.left, *fates.passed)} | {*fates.without}
    others -= {row.ref.path for row in (record.rows if others else ()) if not row.made and row.ref.path in others}
    apart = [run.problems[path].kind for path in run.problems if path in others]
    if apart:
        yield f"problems with other files: {reasons(Counter(apart))}"
    listed = isinstance(record, Exported) and (run.problems or fates.lines or fates.alike)
    yield fates.equation + (f". See {run.out / NAME}" if listed else "")


def _ending(failed: int, fates: Fates) -> str:
    """The last line of a run."""
    if not fates.kept:
        return f"nothing to train on: no picture is kept: {reasons(fates.left_out)}"
    return "done, with problems" if failed else "done"


def trial_lines(record: Found) -> Iterator[str]:
    """A warning line for a run in which a starter model read or drew."""
    if isinstance(record, Tagged) and is_trial(record.tagger):
        yield f"TRIAL: read by the starter tagger, {KNOWS}"
    elif isinstance(record, Tagged) and any(map(is_trial, record.readers)):
        yield f"TRIAL: the second reader is the starter tagger, {KNOWS}"
    elif isinstance(record, Drawn) and record.drawing and is_trial(record.drawing.generator):
        yield f"TRIAL: drawn by the starter generator, {KNOWS}"
