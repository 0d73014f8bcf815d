"""A set whose last run left nothing to do: the next run, and `prep status`, say again what was said, as long as nothing
has changed.

A run is over; then a dry run looks at what it left, and a digest is taken of all that any run can depend on, before
and after (inputs.py). If the dry run finds nothing to do and the digests are the same, the digest is kept with what
was said: while it is the same, a run would do nothing and say the same. It does not matter what anybody did while the
run worked: the dry run has seen it, or the digests differ.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prep.documents import DocumentError, read_json
from prep.errors import PrepError
from prep.files import write_whole
from prep.names import quantity
from prep.pipeline.inputs import ChangedError, looked_at
from prep.pipeline.result import Result
from prep.process.lock import locked
from prep.process.report import Report

if TYPE_CHECKING:  # a status of a settled set needs none of them
    from prep.pipeline.preview import Preview
    from prep.run import Options
    from prep.sections import Settings

NAME = "settled.json"  # in .prep
FORMAT = 1
# Looking takes little beside a run that read a tenth of the pictures, and half as long as one that read none.
WORTH_IT = 10
LEAST_IMAGES = 2_000  # of fewer, all is looked at in a second or two
KEPT = {"asked": str, "src": str, "texts": list, "at_ns": int, "digest": str, "result": dict, "status": list}
SAID = {"images": int, "kept": int, "failed": int, "ending": str, "told": list, "report": str}  # kept of a Result
# What a dry run does not go as far as: a set is settled when its last run had none of it to do.
AFTER_CAPTIONS = ("describe", "crop", "generate", "check")
GENERATED = "generated/"


def last_result(src: Path, out: Path, settings: "Settings", options: "Options") -> Result | None:
    """What the last run came to, said again, if a run like it would do nothing now; else None. Writes nothing.

    Raises InUseError.
    """
    if not _is_kept(out) or not _is_plain(options) or options.profile:
        return None
    with locked(out / ".prep" / "lock"), Report() as report:
        found = _kept(out)
        if found is None or found["asked"] != _asked(src, out, settings, options) or not _holds(found, src, out):
            return None
        said = found["result"]
        result = Result(**said | {"told": tuple(said["told"])}, seconds={}, todo={}, began_ns=0)
        report.say(f"nothing has changed since the last run: {quantity(result.images, 'picture')} looked at")
        for line in result.told:
            report.say(line)
    return result


def last_status(out: Path) -> list[str] | None:
    """The lines of `prep status`, if they are as they were after the last run; else None."""
    found = _kept(out) if _is_kept(out) else None
    if found is None or not found["status"]:
        return None
    with suppress(ValueError, TypeError):
        if _holds(found, Path(found["src"]), out):
            return [f"{out}{found['status'][0]}", *found["status"][1:]]
    return None


def finish(src: Path, out: Path, settings: "Settings", options: "Options", result: Result) -> Result:
    """What comes after a complete run: the report, and what settle keeps. Nothing after one that was not needed."""
    if result.report or not result.kept:
        return result
    from prep.report.written import after_run

    result = replace(result, report=after_run(out))
    settle(src, out, settings, options, result)
    return result


def settle(src: Path, out: Path, settings: "Settings", options: "Options", result: Result) -> None:
    """Keep what a run came to, if the next one has nothing to do. It never fails a run."""
    if result.images < LEAST_IMAGES or not _is_plain(options) or any(map(result.todo.get, AFTER_CAPTIONS)):
        return
    if any(result.todo.values()) and result.todo.get("scan", 0) < result.images / WORTH_IT:
        return  # the next one, which has nothing to do, looks
    texts = sorted(set(_texts(_dumped(settings))))
    if any("://" in text for text in texts):  # what another machine would say, no file shows
        return
    from prep.config import load_settings
    from prep.edits.waiting import is_waiting
    from prep.pipeline.outlook import is_idle
    from prep.pipeline.preview import preview
    from prep.pipeline.status import status_of
    from prep.process.heap import trim

    with suppress(PrepError, OSError, ChangedError), locked(out / ".prep" / "lock"):
        at_ns = time.time_ns()
        before = looked_at(src, out, texts, at_ns)
        made = preview(src, out, settings)
        if is_waiting(out) or not is_idle(made) or not _stands(made, result.began_ns):
            return
        trim()
        status = list(status_of(out, made)) if load_settings(src, out=out) == settings else []
        kept = {
            "asked": _asked(src, out, settings, options),
            "src": str(src.resolve()),
            "texts": texts,
            "at_ns": at_ns,
            "digest": before,
            "result": {name: each for name, each in asdict(result).items() if name in SAID},
            "status": [status[0].removeprefix(str(out)), *status[1:]] if status else [],
        }
        if looked_at(src, out, texts, at_ns) == before:
            write_whole(out / ".prep" / NAME, json.dumps({"sum": _sum(kept), "kept": kept}).encode())


def _is_kept(out: Path) -> bool:
    return (out / ".prep" / NAME).is_file()


def _kept(out: Path) -> dict[str, Any] | None:
    """What settle kept; None if it is not whole, or no longer there."""
    with suppress(FileNotFoundError, DocumentError, KeyError, TypeError):
        found = read_json(out / ".prep" / NAME)
        return found["kept"] if found["sum"] == _sum(found["kept"]) and _fits(found["kept"]) else None
    return None


def _fits(kept: Any) -> bool:
    """Whether it has what settle writes: anybody may have made it. pydantic would take as long as the whole status."""

    def has(part: Any, fields: Mapping[str, type]) -> bool:
        return (
            isinstance(part, dict)
            and part.keys() == fields.keys()
            and all(isinstance(part[name], kind) for name, kind in fields.items())
        )

    def are_texts(*lists: list) -> bool:
        return all(isinstance(each, str) for each in chain(*lists))

    return (
        has(kept, KEPT)
        and has(kept["result"], SAID)
        and are_texts(kept["texts"], kept["status"], kept["result"]["told"])
    )


def _holds(found: dict[str, Any], src: Path, out: Path) -> bool:
    with suppress(PrepError, OSError, ChangedError):
        return looked_at(src, out, found["texts"], found["at_ns"]) == found["digest"]
    return False


def _stands(made: "Preview", began_ns: int) -> bool:
    """Whether what a dry run does not look at is as the run left it: drawn pictures, of which it drew none; the files
    that it wrote anew or left alone; other trainers' formats, if it wrote none of them; its captions in SRC.
    """
    from prep.aside import fingerprint
    from prep.dataset.base import EXPORT
    from prep.dataset.own import OWN
    from prep.dataset.rows import manifest_rows
    from prep.dataset.toml import WRITTEN

    run = made.run

    def is_older(path: Path) -> bool:
        return path.lstat().st_ctime_ns < began_ns

    drawn = (row["file"] for row in manifest_rows(run.out, ["file"]) if (row["file"] or "").startswith(GENERATED))
    older = [*map(run.out.joinpath, drawn), *((run.out / EXPORT).rglob("*") if run.settings.export.formats else ())]
    written = {**run.ledger.rows(OWN), **run.ledger.rows(WRITTEN)}
    found = {place: fingerprint(run.out / place) for place in written}
    beside = run.settings.captions.sidecars == "source"
    return (
        all(map(is_older, older))
        and all(each in (None, written[place]["recipe"]) or is_older(run.out / place) for place, each in found.items())
        and not (beside and any(row.trains and not _has_caption(run.src / row.ref.path) for row in made.record.rows))
    )


def _has_caption(picture: Path) -> bool:
    return picture.with_suffix(".txt").is_file()


def _is_plain(options: "Options") -> bool:
    """Whether a run is to do all that has to be done, and no more."""
    from prep.run import Options

    return options == Options(given=options.given, profile=options.profile)


def _asked(src: Path, out: Path, settings: "Settings", options: "Options") -> str:
    """A digest of what a run is asked for."""
    return _sum([str(src), str(src.resolve()), str(out), options.given, _dumped(settings)])


def _dumped(settings: "Settings") -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude={"serve", "review"})


def _texts(found: Any) -> Iterator[str]:
    """All texts in it, at any depth."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict | list):
        below: Iterable[Any] = found.values() if isinstance(found, dict) else found
        for each in below:
            yield from _texts(each)


def _sum(what: Any) -> str:
    return blake2b(json.dumps([FORMAT, what]).encode(), digest_size=16).hexdigest()
