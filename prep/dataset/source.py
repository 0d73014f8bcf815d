"""The .txt beside each image in SRC, for `captions.sidecars = "source"`: the one case in which SRC is written to."""

from collections.abc import Iterable
from pathlib import Path

from prep.errors import UsageError
from prep.files import write_caption
from prep.types import Row, Summary


class SourceSidecars:
    name = "source"

    def write(self, rows: Iterable[Row], folder: Path) -> Summary:
        """rows: those with a final caption. folder: SRC."""
        count = 0
        for row in rows:
            if row.trains and not row.made and row.final_text is not None:
                write_caption((folder / row.ref.path).with_suffix(".txt"), row.final_text)
                count += 1
        return Summary(images=count, written=count, unchanged=0, removed=0)


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
