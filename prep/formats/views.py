"""A finished set in the formats of other trainers: for `export.formats`, and for `prep export`."""

from collections.abc import Callable, Iterable
from pathlib import Path

from prep.dataset.finished import FinishedSet, read_set
from prep.formats import load_format
from prep.formats._clean import Cleaner, Progress
from prep.formats._view import View
from prep.ledger import Ledger


def write_views(
    out: Path,
    names: Iterable[str],
    ledger: Ledger,
    say: Callable[[str], None],
    bar: Progress,
    reword: Callable[[FinishedSet], FinishedSet] | None = None,
) -> dict[str, str]:
    """OUT/export/NAME for each. -> what was left out: file -> why. Raises UsageError for an unknown name.

    reword: gives the set captions for another base model; then it is OUT/export/NAME-BASE.
    """
    makers = {name: load_format(name) for name in dict.fromkeys(names)}
    if not makers:
        return {}
    cleaner = Cleaner(ledger)
    found = cleaner.usable(read_set(out), bar)
    found = reword(found) if reword else found
    for name, lay in makers.items():
        view = View(found, f"{name}-{found.base}" if reword else name, cleaner)
        lines = lay(found, view)
        done = view.write(ledger, bar)
        say(
            f"export: {found.images:,} images for {name} in {view.folder}: {done.written:,} files written, "
            f"{done.unchanged:,} unchanged, {done.removed:,} removed"
        )
        for line in lines:
            say(f"  {line}")
    return found.left_out
