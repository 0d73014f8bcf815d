"""What a run would do, without doing it: the same stages over the same ledger, with a runner that runs nothing.

For `prep run --plan` and `prep status`; outlook.py puts it into words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.captions.characters import for_folders
from prep.dataset.folders import check_own
from prep.dataset.read_back import deleted_shelves
from prep.dataset.source import check_stems
from prep.errors import StoppedError
from prep.ledger import DryLedger
from prep.pipeline.asked import check_settings
from prep.pipeline.records import Captioned, Found
from prep.pipeline.stages import caption, profile, scan, tag
from prep.process.report import Report
from prep.protocols import Job, Outcome
from prep.run import Options, Run
from prep.scan.find import find_images
from prep.scan.measure import SCAN
from prep.sections import Settings


class NoPlanError(StoppedError):
    """What a run would do cannot be known before it has read the images."""


class NoRunner:
    def map(self, job: Job, work: Sequence[Any]) -> Iterator[Outcome]:
        yield from ()


@dataclass
class Preview:
    """A simulated run up to its captions. Images that were never read or tagged are only counted."""

    run: Run
    record: Captioned

    @property
    def untagged(self) -> int:
        """Images that a run would tag."""
        return self.run.todo["tag"] + self.run.todo["unknown"]

    @property
    def unread_by_second(self) -> int:
        """Images that the second reader would read, if there is one."""
        return self.run.todo.get("second", 0) + self.untagged * (self.record.second is not None)


def preview(src: Path, out: Path, settings: Settings) -> Preview:
    """Raises UsageError like a run."""
    check_own(out)
    found = Found(listing=find_images(src, out))
    settings = for_folders(settings, found.listing.named, variants=found.listing.variants)
    check_settings(settings, out, src, found.listing.expected)
    if settings.captions.sidecars == "source":
        check_stems(file.path for file in found.listing.files)
    ledger = DryLedger(out / ".prep" / "ledger")
    if deleted_shelves(out, ledger) and not ledger.parts(SCAN):
        raise NoPlanError(
            f"{out}/.prep/ledger was deleted: what a run would do is known only after it has read all images again",
            hint="`prep run` does, and reads your work back from manifest.parquet and from your files",
        )
    run = Run(src, out, settings, Options(dry=True), ledger, NoRunner(), Report(quiet=True))
    return Preview(run, caption(run, profile(run, tag(run, scan(run, found)))))
