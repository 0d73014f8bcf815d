"""The road of an image, read top to bottom; and what stands around it: the lock, the ledger, what was asked for."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from prep.config import Settings, check_characters
from prep.dataset.problems import summary
from prep.dataset.source import check_stems
from prep.errors import StoppedError, UsageError
from prep.files import FULL, cannot_write, sweep, write_whole
from prep.formats import load_format
from prep.ledger import Ledger
from prep.names import slugs
from prep.pipeline import stages
from prep.process.lock import locked
from prep.process.report import Report
from prep.run import Dataset, Options, Run
from prep.scan.find import walk
from prep.types import Runner

STAGES = {
    "scan": stages.scan,
    "tag": stages.tag,
    "profile": stages.profile,
    "caption": stages.caption,
    "generate": stages.generate,
    "check": stages.check,
    "export": stages.export,
}

TRIAL = "TRIAL: read by the starter tagger, which knows three characters; for your own art see `prep doctor`"
HINTS = {"no_tags"}  # kinds of problem that say something without anything having failed


@dataclass(frozen=True)
class Result:
    images: int
    failed: int
    seconds: dict[str, float]  # by stage

    @property
    def exit_code(self) -> int:
        return 1 if self.failed else 0


def run(src: Path, out: Path, settings: Settings, options: Options, runner: Runner) -> Result:
    """Take the images of src through all stages (or up to options.to), into out.

    Raises UsageError before anything is touched, StoppedError with the work so far kept.
    """
    listing = walk(src, out)
    check_characters(settings, listing.characters)
    for name in settings.export.formats:
        load_format(name)
    if settings.captions.sidecars == "source":
        check_stems(found.path for found in listing.files)
    prepare_out(out)
    state = out / ".prep"
    with locked(state / "lock"), Report(state / "log") as report:
        ours = [out, state, out / "kohya", *(out / "kohya").glob("*/"), *(out / "generated").glob("**/")]
        if settings.captions.sidecars == "source":
            ours += {(src / found.path).parent for found in listing.files}
        for folder in ours:
            sweep(folder)
        report.note(f"run over {src.resolve()}")
        write_whole(state / "config.json", json.dumps(_kept(src, settings), indent=1).encode())
        ledger = Ledger.begin(state / "ledger")
        this = Run(src, out, settings, options, ledger, runner, report, listing, slugs(listing.characters))
        try:
            dataset, seconds = _through(this)
        except OSError as error:  # of the few calls that are not write_whole's: a folder made, a file removed
            raise cannot_write(Path(os.fsdecode(error.filename or out)), error) from error
        except MemoryError as error:
            raise StoppedError("the memory is used up", hint="close other programs, or lower tagger.batch") from error
        _keep_run(state / "run.json", this, seconds)
        result = Result(len(listing.files), sum(found.kind not in HINTS for found in this.problems.values()), seconds)
        _tell(this, dataset, result)
        return result


def prepare_out(out: Path) -> None:
    """Make the folder, or see that it is one of ours and can be written. Raises UsageError, NoRoomError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not (out / ".prep").is_dir() and any(entry.name != ".gitkeep" for entry in out.iterdir()):
            raise UsageError(f"{out} holds something that prep did not make", hint="name an empty or a new folder")
        (out / ".prep").mkdir(exist_ok=True)
        probe = out / f".prep-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        if error.errno in FULL:
            raise cannot_write(out, error) from error
        raise UsageError(f"{out} cannot be written ({error.strerror})", hint="name another folder with --out") from None


def _through(this: Run) -> tuple[Dataset, dict[str, float]]:
    dataset, seconds = Dataset(), {}
    for name, stage in STAGES.items():
        started = time.monotonic()
        dataset = stage(this, dataset)
        seconds[name] = round(time.monotonic() - started, 3)
        if name == this.options.to:
            break
    return dataset, seconds


def _keep_run(path: Path, this: Run, seconds: dict[str, float]) -> None:
    """How long each stage took when it last had work, and how it was done: what `prep status` tells of costs, and what
    a picture does not depend on."""
    try:
        last = json.loads(path.read_text())
        took, notes = dict(last["seconds"]), dict(last.get("notes", {}))
    except (OSError, ValueError, KeyError, TypeError):
        took, notes = {}, {}
    took |= {stage: each for stage, each in seconds.items() if this.todo.get(stage, 1)}
    write_whole(path, json.dumps({"seconds": took, "notes": notes | this.notes}, indent=1).encode())


def _kept(src: Path, settings: Settings) -> dict:
    """What `prep status` and the next reader need: where the images were, and every setting as it was resolved."""
    return {"src": str(src.resolve()), "settings": settings.model_dump(mode="json")}


def _tell(this: Run, dataset: Dataset, result: Result) -> None:
    if dataset.tagger == stages.STARTER:
        this.report.say(TRIAL)
    failed = {path: problem for path, problem in this.problems.items() if problem.kind not in HINTS}
    hints = len(this.problems) - len(failed)
    if failed:
        this.report.say(f"{summary(failed, result.images)}. See {this.out / 'problems.txt'}")
    if hints:
        this.report.say(f"{hints:,} images have no tag above their threshold. See {this.out / 'problems.txt'}")
