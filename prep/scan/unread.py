"""Files that other programs leave beside images, and that prep does not read: told by their names alone."""

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from prep.names import printable

# Captions and tags of other trainers and downloaders, wherever they lie. Others count where an image is called alike.
METADATA = frozenset({".json", ".jsonl", ".csv", ".parquet", ".tags", ".cap"})
READ = frozenset({".txt", ".caption", ".toml"})
SHOWN = 4


def unread_line(images: Iterable[str], others: Iterable[str]) -> str:
    """One sentence on those of others that stand for an image or for a set of them; empty where there are none.

    images, others: paths in SRC, with `/` between.
    """
    endings = {path: printable(PurePosixPath(path).suffix.lower()) for path in others}
    endings = {path: ending for path, ending in endings.items() if ending and ending not in READ}
    if not endings:
        return ""
    names = {name for path in images for name in (path, path.rpartition(".")[0])}
    counts = Counter(
        ending
        for path, ending in endings.items()
        if ending in METADATA or path.rpartition(".")[0] in names  # x.tags, or x.png.tags
    )
    if not counts:
        return ""
    in_order = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    kinds = [f"{count:,} {ending}" for ending, count in in_order[:SHOWN]]
    if rest := sum(count for _, count in in_order[SHOWN:]):
        kinds.append(f"{rest:,} others")
    total = counts.total()
    files = "1 file beside your images is" if total == 1 else f"{total:,} files beside your images are"
    return f"{files} not read: {', '.join(kinds)}"
