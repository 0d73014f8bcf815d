"""The .txt beside each image in SRC, for `captions.sidecars = "source"`: the only case in which prep writes to SRC."""

from collections.abc import Iterable
from pathlib import Path

from prep.edits.from_files import HandEdits
from prep.errors import UsageError
from prep.run import image_key
from prep.types import Row


def write_sidecars(rows: Iterable[Row], src: Path, edits: HandEdits) -> dict[str, Row]:
    """rows: those with a final caption. -> picture -> its row, for captions that the user saved just now: they are in
    kohya/ as well, which was written before.
    """
    changed = {}
    for row in rows:
        if row.trains and not row.made and row.final_text is not None:
            now, _ = edits.write((src / row.ref.path).with_suffix(".txt"), row)
            if now is not row:
                placed = edits.placement[image_key(row)]
                if placed and (path := edits.placement.path(placed)):
                    now, _ = edits.write(path.with_suffix(".txt"), now)
                changed[image_key(row)] = now
    return changed


def check_stems(paths: Iterable[str]) -> None:
    """Raises UsageError when two images want the same .txt, naming both."""
    stems: dict[str, str] = {}
    for path in paths:
        stem = str(Path(path).with_suffix(""))
        if stem in stems:
            raise UsageError(
                f"{stems[stem]} and {path} both want {Path(stem).name}.txt",
                hint='rename one, or use captions.sidecars = "kohya"',
            )
        stems[stem] = path
