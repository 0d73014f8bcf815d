"""A run: where, how, with what, and what it collects. What is known about images is in the stages' records."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prep.ledger import Ledger
from prep.names import crop_group, drawn_group
from prep.process.report import Report
from prep.protocols import Runner
from prep.sections import Settings
from prep.types import Problem, Row


@dataclass(frozen=True)
class Options:
    """Options for a single run; what affects the result is in the settings."""

    to: str | None = None
    retry: bool = False
    rehash: bool = False
    rebalance: bool = False
    restore: bool = False
    given: tuple[str, ...] = ()  # the --config and --set that it was started with, for config.json
    profile: bool = False  # say where the time went
    dry: bool = False  # only to show what a run would do: skips slow reads, writes nothing


@dataclass(frozen=True)
class Places:
    """Where pictures are, and the names of their folders."""

    src: Path
    out: Path
    slugs: dict[str, str]  # character -> its name in folders and triggers

    def file(self, row: Row) -> Path:
        """The picture's path: in SRC, or in the dataset folder if prep made it."""
        return (self.out if row.made else self.src) / row.ref.path

    def group(self, row: Row) -> str:
        """The name of its folder in kohya/, without the repeats: pictures that prep made have their own folders."""
        slug = self.slugs[row.ref.character]
        if row.origin == "crop":
            return crop_group(slug)
        return drawn_group(slug) if row.made else slug


@dataclass
class Run:
    src: Path
    out: Path
    settings: Settings
    options: Options
    ledger: Ledger
    runner: Runner
    report: Report
    problems: dict[str, Problem] = field(default_factory=dict)  # path -> why it was skipped
    todo: dict[str, int] = field(default_factory=dict)  # stage -> items that it had to do
    notes: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # stage -> how it was done on this machine, for run.json

    spent: Counter[str] = field(default_factory=Counter)  # stage -> seconds that another stage worked for it

    def wants(self, stage: str, items: int) -> None:
        """Count what a stage has to do; a repeated stage adds to its count."""
        self.todo[stage] = self.todo.get(stage, 0) + items


def image_key(row: Row) -> str:
    """One image under two characters has two captions and two places in the export."""
    return f"{row.ref.character}/{row.ref.sha256}"
