"""The tables beside a tagger's ONNX file: selected_tags.csv names its outputs in order, thresholds.csv has thresholds.

Columns that prep does not use (counts, the series of each character) are passed over. Nothing here opens a network.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from prep.errors import WeightsError
from prep.files import NotAFileError, read_file
from prep.types import Vocabulary

MOST_BYTES = 50_000_000  # WD v3's table has 0.3 MB, Camie's 70,000 tags have 3 MB
# As Danbooru numbers them; its `copyright` is what a character is from. Any other number, such as Camie's years, counts
# as meta: it is about the file and not about the picture.
CATEGORIES = {"0": "general", "1": "artist", "3": "series", "4": "character", "5": "meta", "9": "rating"}
OWN_NAMES = {"copyright": "series"}
# Where nothing beside the model says otherwise: those that people use with WD.
DEFAULTS = {"general": 0.35, "meta": 0.35, "character": 0.85, "series": 0.85, "artist": 0.85, "rating": 0.0}
TOGETHER = "take all files of the model from one release"


class Row(NamedTuple):
    name: str  # underscored
    category: str
    threshold: float | None  # a column `best_threshold`, as animetimm publishes it


def vocabulary_of(tags: Path, thresholds: Path | None = None) -> Vocabulary:
    """The names, categories and thresholds of a tagger. A tag's own threshold wins over its category's, and that over
    DEFAULTS.

    Raises WeightsError for a table that is damaged or does not fit the other.
    """
    rows = read_tags(tags)
    by_category, by_tag = read_thresholds(thresholds, {row.name for row in rows}) if thresholds else ({}, {})
    found = []
    for row in rows:
        of_category = by_category.get(row.category, DEFAULTS[row.category])
        own = by_tag.get(row.name, row.threshold)
        found.append(0.0 if row.category == "rating" else of_category if own is None else own)
    lines = (f"{row.name} {row.category} {threshold:g}" for row, threshold in zip(rows, found, strict=True))
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return Vocabulary(digest, tuple(row.name for row in rows), tuple(row.category for row in rows), tuple(found))


def read_tags(path: Path) -> list[Row]:
    """Raises WeightsError."""
    rows: list[Row] = []
    seen: set[str] = set()
    for line, row in _table(path, ("name", "category")):
        name = "_".join(row["name"].split())
        if not name:
            raise WeightsError(f"{path.name}, line {line}: a tag without a name", hint=TOGETHER)
        if name in seen:
            raise WeightsError(f"{path.name}, line {line}: {name} is named twice", hint=TOGETHER)
        seen.add(name)
        own = row.get("best_threshold", "").strip()
        threshold = _share(own, f"{path.name}, line {line}: the threshold of {name}") if own else None
        rows.append(Row(name, _category(row["category"]), threshold))
    if not rows:
        raise WeightsError(f"{path.name} names no tags", hint=TOGETHER)
    return rows


def read_thresholds(path: Path, known: set[str]) -> tuple[dict[str, float], dict[str, float]]:
    """-> (category -> threshold, tag -> threshold). A line is about a category if it has no name, or the category's
    own; of several lines about one category the first counts. Raises WeightsError, also for a tag that is not known.
    """
    by_category: dict[str, float] = {}
    by_tag: dict[str, float] = {}
    for line, row in _table(path, ("threshold",)):
        where = f"{path.name}, line {line}"
        category = row.get("category", "").strip()
        name = "_".join((row.get("name") or row.get("tag") or "").split())
        threshold = _share(row["threshold"], f"{where}: the threshold of {name or category or 'nothing'}")
        if category and (not name or _category(name, other="") == _category(category)):
            by_category.setdefault(_category(category), threshold)
        elif name in known:
            by_tag[name] = threshold
        elif not category and _category(name, other=""):
            by_category.setdefault(_category(name), threshold)
        elif category not in CATEGORIES and category not in CATEGORIES.values() and category:
            by_category.setdefault(_category(category), threshold)  # such as Camie's `10,year`
        else:
            raise WeightsError(f"{where}: {name or 'a tag without a name'} is not a tag of this tagger", hint=TOGETHER)
    return by_category, by_tag


def _category(text: str, other: str = "meta") -> str:
    """other: for a number or name that is not known here."""
    text = text.strip().lower()
    text = OWN_NAMES.get(text, text)
    return text if text in CATEGORIES.values() else CATEGORIES.get(text.removesuffix(".0"), other)


def _share(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value) or not 0 <= value <= 1:
        raise WeightsError(f"{what} is {text.strip()[:40]!r}; expected a number from 0 to 1", hint=TOGETHER)
    return value


def _table(path: Path, wanted: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """(line, row by column) of a CSV file with a header. Raises WeightsError."""
    try:
        text = read_file(path, MOST_BYTES, follow=True).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WeightsError(f"{path.name} is not UTF-8", hint="fetch the file again") from None
    except NotAFileError as error:
        raise WeightsError(f"{path.name} {error}", hint="fetch the file again") from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}", hint=TOGETHER) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [column.strip() for column in reader.fieldnames or ()]
        reader.fieldnames = columns
        if missing := [column for column in wanted if column not in columns]:
            found = ", ".join(columns)[:80] or "nothing"
            raise WeightsError(
                f"{path.name} has no column `{missing[0]}`; its first line is {found}", hint="fetch the file again"
            )
        for row in reader:
            if None in row or None in row.values():
                raise WeightsError(
                    f"{path.name}, line {reader.line_num}: expected {len(columns)} values", hint="fetch the file again"
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise WeightsError(f"{path.name}, line {reader.line_num}: {error}", hint="fetch the file again") from None
