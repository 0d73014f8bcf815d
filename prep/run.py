"""What travels through the stages: the run (where, how, with what) and the dataset (what is known so far)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prep.captions.compose import Composer
from prep.config import Settings
from prep.edits.placed import Standing
from prep.jobs.tag import ScoreBook
from prep.ledger import Ledger
from prep.models.choose_models import Settled
from prep.names import drawn_group
from prep.process.report import Report
from prep.scan.find import Listing
from prep.types import Problem, Profile, Row, Runner


@dataclass(frozen=True)
class Options:
    """What a user asks of one run alone; what shapes the result is in the settings."""

    to: str | None = None
    retry: bool = False
    rehash: bool = False
    rebalance: bool = False
    restore: bool = False
    dry: bool = False  # only to say what a run would do: nothing is read that costs time, nothing is written


@dataclass
class Run:
    src: Path
    out: Path
    settings: Settings
    options: Options
    ledger: Ledger
    runner: Runner
    report: Report
    listing: Listing
    slugs: dict[str, str]  # character -> its name in folders and triggers
    problems: dict[str, Problem] = field(default_factory=dict)  # path -> why it was skipped
    read_again: bool = False  # files changed under this run, and it has looked at them once more
    todo: dict[str, int] = field(default_factory=dict)  # stage -> items that it had to do
    notes: dict[str, dict] = field(default_factory=dict)  # stage -> how it was done here, for run.json


@dataclass(frozen=True)
class Dataset:
    """rows: gives a fresh pass over the images in manifest order. Grows by wrapping, so that nothing is held twice.

    The rest is what stages leave for later ones: the tag stage scores, the profile stage composer and profiles, ...
    """

    rows: Callable[[], Iterator[Row]] = lambda: iter(())
    reader: Settled | None = None
    tagger: str | None = None  # the name of the weights that read it
    tag_recipe: str = ""
    scores: ScoreBook | None = None
    composer: Composer | None = None
    profiles: dict[str, Profile] = field(default_factory=dict)
    standing: Standing | None = None
    counts: Counter[str] = field(default_factory=Counter)  # character -> images kept, after hand work
    handwork: "Handwork | None" = None  # noqa: F821 - prep/edits/from_files.py stands above
    drawing: "Drawing | None" = None  # noqa: F821 - so does prep/drawing/rounds.py

    def map(self, change: Callable[[Row], Row]) -> Callable[[], Iterator[Row]]:
        return lambda: map(change, self.rows())

    def kept(self) -> Iterator[Row]:
        return (row for row in self.rows() if row.status == "kept")


def held(rows: Iterable[Row]) -> Callable[[], Iterator[Row]]:
    """Rows kept in memory, some 1 kB each."""
    kept = tuple(rows)
    return lambda: iter(kept)


def file_of(run: Run, row: Row) -> Path:
    """Where the picture is: in SRC, or, when it was drawn, in the dataset folder."""
    return (run.out if row.drawn else run.src) / row.ref.path


def group_of(run: Run, row: Row) -> str:
    """The name of its folder in kohya/, without the repeats: drawn pictures have folders of their own."""
    return drawn_group(run.slugs[row.ref.character]) if row.drawn else run.slugs[row.ref.character]


def subject_of(row: Row) -> str:
    """One image under two characters has two captions and two places in the export."""
    return f"{row.ref.character}/{row.ref.sha256}"
