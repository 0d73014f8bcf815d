"""A run: where, how, with what, and what it collects on its way. What is known of images is in the stages' records."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prep.config import Settings
from prep.ledger import Ledger
from prep.names import drawn_group
from prep.process.report import Report
from prep.protocols import Runner
from prep.types import Problem, Row


@dataclass(frozen=True)
class Options:
    """What a user asks of one run alone; what shapes the result is in the settings."""

    to: str | None = None
    retry: bool = False
    rehash: bool = False
    rebalance: bool = False
    restore: bool = False
    dry: bool = False  # only to say what a run would do: nothing is read that costs time, nothing is written


@dataclass(frozen=True)
class Places:
    """Where pictures lie, and what their folders are called."""

    src: Path
    out: Path
    slugs: dict[str, str]  # character -> its name in folders and triggers

    def file(self, row: Row) -> Path:
        """Where the picture is: in SRC, or, when it was made, in the dataset folder."""
        return (self.out if row.made else self.src) / row.ref.path

    def group(self, row: Row) -> str:
        """The name of its folder in kohya/, without the repeats: made pictures have folders of their own."""
        slug = self.slugs[row.ref.character]
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
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)  # stage -> how it was done here, for run.json

    def wants(self, stage: str, items: int) -> None:
        """Count what a stage has to do; a stage that is repeated has more to do."""
        self.todo[stage] = self.todo.get(stage, 0) + items


def image_key(row: Row) -> str:
    """One image under two characters has two captions and two places in the export."""
    return f"{row.ref.character}/{row.ref.sha256}"
