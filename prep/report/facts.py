"""What a report says of its set as a whole: its name, what read and drew it, the settings that shaped it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.config import with_files_that_ship
from prep.dataset.opened import Set
from prep.documents import read_json
from prep.drawing.vary import Group, read_vary
from prep.errors import PrepError
from prep.report.rows import Picture
from prep.sections import Settings

STARTER = "starter"  # a flag: a small model that knows three characters read or drew it
UNNAMED = "Training set"
# What looks like a path from the root of a disk: `/home/me/art`, `C:\art`. Only its last name is anybody's business.
ABSOLUTE = re.compile(r"(?<![\w.~])(?:[A-Za-z]:[\\/]|~?/|\\\\)(?:[^\s\\/:;,'\"]+[\\/])+")


@dataclass(frozen=True)
class Facts:
    name: str
    version: str
    taggers: tuple[str, ...]
    generators: tuple[str, ...]
    trial: int  # pictures that a starter model read or drew
    settings: dict[str, Any]  # those that shaped the set
    groups: tuple[Group, ...]  # what augmentations vary
    groups_problem: str  # why there are none

    def setting(self, section: str, key: str, default: Any) -> Any:
        """Raises nothing: the settings of another version may lack it, or have it in another form."""
        table = self.settings.get(section)
        found = table.get(key, default) if isinstance(table, dict) else default
        return found if type(found) is type(default) else default


def facts_of(found: Set, pictures: Sequence[Picture]) -> Facts:
    """Raises UsageError when the set is not finished."""
    src, settings = last_run(found.out)
    groups: Sequence[Group] = ()
    problem = ""
    try:
        groups, _ = read_vary(settings.augmentation.vary)
    except (PrepError, OSError):
        problem = "the list of what augmentations vary (augmentation.vary) cannot be read"
    facts = found.facts
    return Facts(
        _name(src or found.out.absolute()),
        facts["version"] or "",
        _most_frequent(picture.tagger for picture in pictures),
        _most_frequent(picture.generator for picture in pictures),
        sum(STARTER in picture.flags for picture in pictures),
        facts["settings"],
        tuple(groups),
        problem,
    )


def without_paths(text: str, *folders: Path) -> str:
    """The text with absolute paths shortened to their last names. folders: such as OUT, which are left out first."""
    for folder in folders:
        text = text.replace(f"{folder}/", "")
    return ABSOLUTE.sub("", text)


def last_run(out: Path) -> tuple[Path | None, Settings]:
    """(SRC, the settings of the last run); the defaults where they cannot be read."""
    try:
        kept = read_json(out / ".prep" / "config.json")
        settings = Settings.model_validate(kept["settings"])
        return (Path(kept["src"]) if isinstance(kept["src"], str) else None), with_files_that_ship(settings)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, with_files_that_ship(Settings())


def _name(folder: Path) -> str:
    """The last folder of SRC; not the name of a user."""
    return folder.name if folder.name and folder != Path.home() else UNNAMED


def _most_frequent(names) -> tuple[str, ...]:
    counts = Counter(name for name in names if name)
    return tuple(sorted(counts, key=lambda name: (-counts[name], name)))
